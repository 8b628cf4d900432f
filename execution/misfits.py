"""Values that don't fit where they are given: in a document or in variables, by one walk, told in words of ours."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, cast

from graphql import (
    GraphQLEnumType,
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    ListValueNode,
    NullValueNode,
    ObjectValueNode,
    StringValueNode,
    ValueNode,
    VariableNode,
    is_input_type,
    is_required_input_field,
    print_ast,
    type_from_ast,
)
from graphql.utilities import validate_input_literal, validate_input_value

from errors import TasklineError
from execution.mistakes import did_you_mean, listed, mistake, quoted, shortened

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from graphql import GraphQLInputType, GraphQLSchema, OperationDefinitionNode

MOST_MISFITS = 50
"""Of one operation's variables: whoever has that many mends the first ones, and asks again."""
MOST_NAMES = 12
"""Of an enum that a message lists: a longer list is looked up."""

_SCALARS = {
    "Int": "a whole number from -2,147,483,648 to 2,147,483,647",
    "Float": "a number",
    "String": "a text in double quotes",
    "Boolean": "true or false",
    "ID": "an identifier in double quotes",
}


@dataclass(frozen=True, slots=True)
class Misfits:
    """The walk over values: those of a document are nodes, those of variables what JSON has."""

    is_hidden: bool
    """Whether a name that the schema has is for nobody to know who didn't send it."""

    def among(self, value: object, expected: GraphQLInputType, where: str) -> Iterator[tuple[str, object]]:
        """Tell, one by one, what doesn't fit, in words and with the value at fault.

        A variable within a document's value is checked by itself.
        """
        if isinstance(value, VariableNode):
            return
        if isinstance(expected, GraphQLNonNull):
            if _is_null(value):
                yield f"{where} is null. Give {self.wanted(expected)}.", value
            else:
                yield from self.among(value, expected.of_type, where)
        elif _is_null(value):
            return
        elif isinstance(expected, GraphQLList):
            items = _items(value)
            if items is None:  # GraphQL takes one for a list of one
                yield from self.among(value, expected.of_type, where)
            for number, item in enumerate(items or ()):
                yield from self.among(item, expected.of_type, f"{where}[{number}]")
        elif isinstance(expected, GraphQLInputObjectType):
            yield from self._in_object(value, expected, where)
        else:
            yield from self._in_leaf(value, expected, where)

    def wanted(self, expected: GraphQLInputType) -> str:
        """Tell what fits."""
        if isinstance(expected, GraphQLNonNull | GraphQLList):
            return self.wanted(cast("GraphQLInputType", expected.of_type))
        of = "its type" if self.is_hidden else expected.name
        if isinstance(expected, GraphQLInputObjectType):
            return f"an object with fields of {of}"
        if isinstance(expected, GraphQLEnumType) and not self.is_hidden and len(expected.values) <= MOST_NAMES:
            return listed(list(expected.values))
        return _SCALARS.get(expected.name, f"a value of {of}")

    def _in_object(self, value: object, expected: GraphQLInputObjectType, where: str) -> Iterator[tuple[str, object]]:
        given = _fields(value)
        if given is None:
            yield f"{where} is {shown(value)}. Give {self.wanted(expected)}.", value
            return
        for name, field in expected.fields.items():
            if name in given:
                yield from self.among(given[name], field.type, f"{where}.{name}")
        for words in self._missing(given, expected, where):
            yield words, value
        unknown_to = "its type" if self.is_hidden else expected.name
        for name in given:
            if name not in expected.fields:
                hint = did_you_mean(name, expected.fields, otherwise="Leave it out.", is_hidden=self.is_hidden)
                yield f"{where} has no field {quoted(name)}: {unknown_to} doesn't know it. {hint}", given[name]
        if expected.is_one_of and given.keys() <= expected.fields.keys():
            choice = "one of them" if self.is_hidden else f"one of {listed(list(expected.fields))}"
            if len(given) != 1:
                yield f"{where} has {len(given) or 'none'} of its fields. Give exactly {choice}.", value
            elif any(map(_is_null, given.values())):
                yield f"{where}.{next(iter(given))} is null. Give exactly {choice}.", value

    def _missing(self, given: Mapping[str, object], expected: GraphQLInputObjectType, where: str) -> Iterator[str]:
        """Tell what has to be given; of hidden names only that there are such."""
        missing = [
            (name, field)
            for name, field in expected.fields.items()
            if name not in given and is_required_input_field(field)
        ]
        if missing and self.is_hidden:
            yield f"{where} needs other fields too. Give all that the schema wants."
            return
        for name, field in missing:
            yield f"{where}.{name} is missing. Give {self.wanted(field.type)}."

    def _in_leaf(self, value: object, expected: GraphQLInputType, where: str) -> Iterator[tuple[str, object]]:
        found: list[GraphQLError] = []
        if isinstance(value, ValueNode):
            validate_input_literal(value, expected, lambda error, _: found.append(error), hide_suggestions=True)
        else:
            validate_input_value(value, expected, lambda error, _: found.append(error), hide_suggestions=True)
        if not found:
            return
        cause: BaseException | None = found[0]
        while isinstance(cause, GraphQLError):
            cause = cause.original_error
        if isinstance(cause, TasklineError):  # a scalar of ours, which knows best
            yield f"{where}: {cause}", value
        elif isinstance(value, StringValueNode) and isinstance(expected, GraphQLEnumType):
            yield f"{where} is {shown(value)}. Give {self.wanted(expected)}, without quotes.", value
        else:
            yield f"{where} is {shown(value)}. Give {self.wanted(expected)}.", value


def misfits_of_variables(
    schema: GraphQLSchema, operation: OperationDefinitionNode, values: Mapping[str, object], *, is_hidden: bool
) -> list[GraphQLError]:
    """Return what doesn't fit in an operation's variables, at most MOST_MISFITS. The operation must be valid."""
    misfits = Misfits(is_hidden=is_hidden)
    found: list[GraphQLError] = []
    for declared in operation.variable_definitions or ():
        name = declared.variable.name.value
        expected = type_from_ast(schema, declared.type)
        if not is_input_type(expected):
            continue
        if name in values:
            told = misfits.among(values[name], expected, f"${name}")
            found += [mistake(words, [declared]) for words, _ in islice(told, MOST_MISFITS - len(found))]
        elif isinstance(expected, GraphQLNonNull) and declared.default_value is None:
            found.append(mistake(f"${name} is missing. Give {misfits.wanted(expected)}.", [declared]))
    return found[:MOST_MISFITS]


def shown(value: object) -> str:
    """Return the value as it is written, shortened."""
    if isinstance(value, ValueNode):
        return shortened(print_ast(value))
    return shortened(json.dumps(value, ensure_ascii=False))


def _is_null(value: object) -> bool:
    return value is None or isinstance(value, NullValueNode)


def _items(value: object) -> list[object] | None:
    if isinstance(value, ListValueNode):
        return list(value.values)
    return value if isinstance(value, list) else None


def _fields(value: object) -> Mapping[str, object] | None:
    if isinstance(value, ObjectValueNode):
        return {field.name.value: field.value for field in value.fields}
    return value if isinstance(value, dict) else None
