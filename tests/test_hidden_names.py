"""Where names are hidden, an error has none that the request didn't have, whatever is wrong with it.

Each name of the schema is marked for that, so that it can't be taken for an English word.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import pytest
from graphql import (
    EnumValueNode,
    GraphQLError,
    GraphQLScalarType,
    GraphQLSchema,
    NameNode,
    Visitor,
    build_ast_schema,
    get_operation_ast,
    parse,
    print_schema,
    visit,
)

from execution.document_rules import mistakes_of
from execution.misfits import misfits_of_variables
from schema.build import build_schema
from tests.wrong_values import called, in_json, literal, places, spots, ways

MARK = "Zq"
SCALARS = {"Int", "Float", "String", "Boolean", "ID"}


class Marker(Visitor):
    """Puts the mark behind each name but those of GraphQL itself."""

    def enter_directive(self, *_: object) -> bool:
        return False

    def enter_name(self, node: NameNode, *_: object) -> NameNode | None:
        return None if node.value in SCALARS else NameNode(value=f"{node.value}{MARK}")

    def enter_enum_value(self, node: EnumValueNode, *_: object) -> EnumValueNode:
        return EnumValueNode(value=f"{node.value}{MARK}")


def marked() -> GraphQLSchema:
    """Return our schema with marked names; its scalars read what ours read."""
    ours = build_schema()._schema
    roots = "schema { query: Query mutation: Mutation subscription: Subscription }"
    schema = build_ast_schema(visit(parse(f"{roots} {print_schema(ours)}"), Marker()))
    for type_ in schema.type_map.values():
        scalar = ours.type_map.get(type_.name.removesuffix(MARK))
        if isinstance(type_, GraphQLScalarType) and isinstance(scalar, GraphQLScalarType):
            type_.parse_value = scalar.parse_value  # type: ignore[method-assign]  # as its constructor does
    return schema


SCHEMA = marked()


def untold(errors: Sequence[GraphQLError], *request: str) -> set[str]:
    """Return the names in these errors that the request doesn't have."""
    names = partial(re.findall, rf"\w+{MARK}\b|\b(?:{'|'.join(SCALARS)})\b")
    return {name for error in errors for name in names(error.message)} - {
        name for text in request for name in names(text)
    }


def wrong_documents() -> Iterator[str]:
    """Return documents with each sort of mistake that can be made with types, fields, arguments and values."""
    known = list(ways(SCHEMA))
    for name in SCHEMA.type_map:
        yield known[0].document(f"... on {name} {{ __typename }}")
        yield known[0].document("...A", more=f"fragment A on {name} {{ __typename }}")
        yield known[0].document(f"... on {slip(name)} {{ __typename }}")
    for way in known:
        yield way.document("nobody")
        yield way.document(f"... on {known[0].on} {{ __typename }}")
        yield way.document("...A", more=f"fragment A on {known[0].on} {{ __typename }}")
        yield way.document("__typename @skp(if: true) @skip(iff: true) @skip { nobody }")
        for name, field in way.on.fields.items():
            yield way.document(slip(name))
            yield way.document(name)
            yield way.document(f"{called(name, field)} {{ nobody }}")
            yield way.document(f"a: {called(name, field)} a: __typename")
    for place in places(SCHEMA):
        yield place.way.document(f"{place.field}({slip(place.argument)}: 1) {{ __typename }}")
        yield place.document("$given", "($given: Boolean)")
        yield place.document("$given", "($given: [Int])")
    for spot in spots(list(places(SCHEMA))):
        yield from (spot.place.document(literal(value)) for value in spot.values())


def slip(name: str) -> str:
    """Return the name without its second letter."""
    return name[:1] + name[2:]


def of_documents(*, are_names_hidden: bool) -> Iterator[set[str]]:
    """Return the names that the errors of each wrong document have, and it hasn't."""
    for text in wrong_documents():
        if errors := mistakes_of(SCHEMA, parse(text), are_names_hidden=are_names_hidden):
            yield untold(errors, text)


def of_variables(*, are_names_hidden: bool) -> Iterator[set[str]]:
    """Return the names that the errors of all variables that don't fit have, and the request hasn't."""
    for spot in spots(list(places(SCHEMA))):
        text = spot.place.document("$given", f"($given: {spot.place.type})")
        operation = get_operation_ast(parse(text))
        assert operation
        for value in [{}, *({"given": in_json(value)} for value in spot.values())]:
            if errors := misfits_of_variables(SCHEMA, operation, value, is_hidden=are_names_hidden):
                yield untold(errors, text, str(value))


@pytest.mark.slow
@pytest.mark.parametrize(("found", "least"), [(of_documents, 4_900), (of_variables, 3_400)])
def test_no_name_is_told_that_wasnt_sent(found: Callable[..., Iterator[set[str]]], least: int) -> None:
    told = list(found(are_names_hidden=True))

    assert least <= len(told)
    assert set() == set().union(*told)


@pytest.mark.slow
@pytest.mark.parametrize(("found", "least"), [(of_documents, 240), (of_variables, 50)])
def test_names_are_told_where_they_arent_hidden(found: Callable[..., Iterator[set[str]]], least: int) -> None:
    told = list(found(are_names_hidden=False))

    assert least <= len(set().union(*told))
