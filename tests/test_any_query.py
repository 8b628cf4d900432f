"""Whatever a caller sends that the schema allows is answered: with data, or with a code that the caller can act on."""

import json
from collections.abc import Sequence

import pytest
from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
    is_list_type,
    is_non_null_type,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from schema.build import build_schema
from tests.apis import Api
from tests.drawn_values import cursors_of, filled_organization, ids_of, instants, numbers, texts, zones
from tests.organizations import Organization
from tests.owners import Owner

PUBLIC_CODES = {"BAD_USER_INPUT", "NOT_FOUND", "LIMIT_EXCEEDED"}


class Writer:
    """Writes operations that the schema allows, and some that it just doesn't."""

    def __init__(self, schema: GraphQLSchema, ids: Sequence[str], cursors: Sequence[str], data: st.DataObject) -> None:
        self._schema = schema
        self._ids = ids
        self._cursors = cursors
        self._draw = data.draw

    def query(self) -> str:
        assert self._schema.query_type
        return self._selection(self._schema.query_type, 0)

    def mutation(self) -> str:
        assert self._schema.mutation_type
        return f"mutation {self._selection(self._schema.mutation_type, 0)}"

    def _selection(self, on: GraphQLNamedType, depth: int) -> str:
        if isinstance(on, GraphQLUnionType | GraphQLInterfaceType):
            possible = self._draw(st.sampled_from(self._schema.get_possible_types(on)))
            return f"{{ __typename ... on {possible.name} {self._selection(possible, depth)} }}"
        assert isinstance(on, GraphQLObjectType)
        wanted = [name for name, field in on.fields.items() if depth < 5 or not has_fields(field)]
        names = self._draw(st.lists(st.sampled_from(wanted), min_size=1, max_size=4, unique=True))
        written = (
            f"a{depth}{number}: {self._field(name, on.fields[name], depth)}" for number, name in enumerate(names)
        )
        return f"{{ {' '.join(written)} }}"

    def _field(self, name: str, field: GraphQLField, depth: int) -> str:
        given = {key: self._argument(argument) for key, argument in field.args.items() if self._is_given(argument)}
        arguments = ", ".join(f"{key}: {value}" for key, value in given.items())
        inner = self._selection(get_named_type(field.type), depth + 1) if has_fields(field) else ""
        return f"{name}{f'({arguments})' if given else ''} {inner}"

    def _is_given(self, argument: GraphQLArgument) -> bool:
        return is_non_null_type(argument.type) or self._draw(st.booleans())

    def _argument(self, argument: GraphQLArgument) -> str:
        return self._value(argument.type)

    def _value(self, kind: GraphQLInputType, level: int = 0) -> str:
        if is_non_null_type(kind):
            return self._value(kind.of_type, level)
        if is_list_type(kind):
            return f"[{', '.join(self._value(kind.of_type, level) for _ in range(self._draw(st.integers(0, 3))))}]"
        match kind:
            case GraphQLInputObjectType():
                chosen = self._chosen(kind, level)
                values = (f"{name}: {self._value(kind.fields[name].type, level + 1)}" for name in chosen)
                return f"{{{', '.join(values)}}}"
            case GraphQLEnumType():
                return str(self._draw(st.sampled_from(list(kind.values))))
            case GraphQLScalarType():
                return self._scalar(kind.name)
        raise AssertionError(kind)

    def _chosen(self, kind: GraphQLInputObjectType, level: int) -> list[str]:
        """Choose fields of an input: of nested ones ever fewer, because some hold themselves."""
        if kind.is_one_of:
            return [self._draw(st.sampled_from(list(kind.fields)))]
        required = [name for name, field in kind.fields.items() if is_non_null_type(field.type)]
        others = [name for name in kind.fields if name not in required]
        if not others:
            return required
        most = len(others) if level == 0 else max(0, 3 - level)
        return required + self._draw(st.lists(st.sampled_from(others), max_size=most, unique=True))

    def _scalar(self, name: str) -> str:
        match name:
            case "Int":
                return str(self._draw(numbers))
            case "Boolean":
                return self._draw(st.sampled_from(["true", "false"]))
            case "DateTime":
                return json.dumps(self._draw(instants))
            case "TimeZone":
                return json.dumps(self._draw(zones))
            case "ID":
                return json.dumps(self._draw(st.sampled_from(self._ids)))
            case _:
                return json.dumps(self._draw(st.one_of(st.sampled_from(self._cursors), texts)))


def has_fields(field: GraphQLField) -> bool:
    return isinstance(get_named_type(field.type), GraphQLObjectType | GraphQLInterfaceType | GraphQLUnionType)


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    return build_schema()._schema


@pytest.fixture(scope="module")
def filled(owner: Owner) -> Organization:
    return filled_organization(owner)


@pytest.fixture(scope="module")
def ids(filled: Organization) -> list[str]:
    return ids_of(filled)


@pytest.fixture(scope="module")
def cursors(api: Api, filled: Organization) -> list[str]:
    return cursors_of(api, filled)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["query", "mutation"])
@given(data=st.data())
@settings(max_examples=40)
def test_whatever_the_schema_allows_is_answered(
    api: Api,
    schema: GraphQLSchema,
    filled: Organization,
    ids: list[str],
    cursors: list[str],
    kind: str,
    data: st.DataObject,
) -> None:
    writer = Writer(schema, ids, cursors, data)
    document = writer.query() if kind == "query" else writer.mutation()

    answer = api.ask(document, viewer=filled.viewer())

    assert answer.status_code < 500, document
    assert {error["extensions"]["code"] for error in answer.json().get("errors", [])} <= PUBLIC_CODES, answer.json()
