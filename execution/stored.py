"""Stored fields: what a field shows of the row behind an object, made only when it is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import EnumType
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import strawberry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

STORED = "taskline.stored"
"""The name in a field's metadata by which a plan finds what is stored."""

ROW = "row"
"""The attribute of an object that is the row behind it."""


@dataclass(frozen=True, slots=True)
class Stored:
    """Where a field's values are stored, and what becomes of them."""

    attributes: tuple[str, ...]
    """Those of the object, such as `row.subject`. No other part of the row is looked at."""
    read: Callable[[Any], Any]
    """Returns their values for an object: the value of one, or a tuple of several."""
    made: Callable[[Any], Any] | None
    """What the field shows of that; None for the value as it is."""

    def of_all(self, objects: Iterable[Any]) -> list[Any]:
        """Return what the field shows of these objects."""
        read = list(map(self.read, objects))
        if self.made is None:
            return read
        if not isinstance(self.made, EnumType):
            return list(map(self.made, read))
        known: dict[object, Any] = {word: self.made(word) for word in set(read)}  # a page has few
        return list(map(known.__getitem__, read))


def stored(*attributes: str, made: Callable[[Any], Any] | None = None, description: str) -> Any:
    """Return the field that shows attributes of an object or of its row, or what a function makes of their values."""
    of = Stored(attributes, attrgetter(*attributes), made)

    def resolve(root: strawberry.Parent[Any]) -> Any:
        value = of.read(root)
        return value if of.made is None else of.made(value)

    return strawberry.field(resolver=resolve, description=description, metadata={STORED: of})
