"""Leaves of an answer: scalars and enums, and how columns of their values are printed."""

from __future__ import annotations

from dataclasses import dataclass
from types import NoneType
from typing import TYPE_CHECKING, Any

from graphql import GraphQLBoolean, GraphQLEnumType, GraphQLID, GraphQLString, Undefined

if TYPE_CHECKING:
    from collections.abc import Callable

    from graphql import GraphQLScalarType

Column = list[Any]
"""One field's values, for all objects of a level of which the same is asked."""


class NotPlannedError(Exception):
    """A plan can't answer this; graphql-core can, or says what is wrong. Never leaves `execution/`."""


@dataclass(frozen=True, slots=True)
class Printer:
    """What prints a scalar of ours, to be given as its `serialize`: one value at a time, or a plan's whole column."""

    one: Callable[[Any], Any]
    many: Callable[[Column], Column]
    """Prints values as `one` does each, and nulls as null."""
    class_: type
    """What all those values are of."""

    def __call__(self, value: Any) -> Any:
        """Print one value."""
        return self.one(value)


class Leaf:
    """A scalar or an enum, for one field of a plan."""

    def __init__(self, kind: GraphQLScalarType | GraphQLEnumType) -> None:
        self._kind = kind
        self._plain = _PLAIN.get(kind, frozenset())
        """The classes of values that are printed as they are."""
        printer = kind.coerce_output_value
        self._printer = printer if isinstance(printer, Printer) else None
        self._known: dict[object, str | None] | None = {} if isinstance(kind, GraphQLEnumType) else None
        """The values of an enum that have been printed before: it has few. None for a scalar."""

    def printed(self, values: Column, classes: set[type]) -> Column:
        """Return what JSON has for values of these classes. Raises NotPlannedError, or what the type raises."""
        if self._plain.issuperset(classes):
            return values
        if self._printer and classes <= {self._printer.class_, NoneType}:
            return self._printer.many(values)
        if self._known is None:
            return [None if value is None else self._printed(value) for value in values]
        for value in set(values) - self._known.keys():
            self._known[value] = None if value is None else self._printed(value)
        return list(map(self._known.__getitem__, values))

    def _printed(self, value: object) -> Any:
        printed = None if isinstance(value, Exception) else self._kind.coerce_output_value(value)
        if printed is None or printed is Undefined:
            raise NotPlannedError(f"{self._kind.name} prints nothing")
        return printed


# Of which the scalar's own function would return each value as it is.
_PLAIN: dict[object, frozenset[type]] = {
    GraphQLString: frozenset({str, NoneType}),
    GraphQLID: frozenset({str, NoneType}),
    GraphQLBoolean: frozenset({bool, NoneType}),
}
