"""Partial rows: rows of which only what is asked for was read. Who looks at anything else of one fails."""

from __future__ import annotations

from collections import namedtuple
from functools import partial
from typing import TYPE_CHECKING, NoReturn, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Sequence

Row = TypeVar("Row", bound=tuple[object, ...])


class NotReadError(RuntimeError):
    """A part of a row is looked at that wasn't read: a mistake of ours."""


def partial_row(whole: type[Row], read: Sequence[str]) -> type[Row]:
    """Return the class of those rows, a NamedTuple's, that have only these attributes, in this order."""
    # Not an AttributeError: getattr with a default would take that for an answer.
    absent = {name: property(partial(_refuse, name)) for name in whole.__annotations__ if name not in read}
    own = namedtuple(whole.__name__, read)  # type: ignore[misc]  # its names are known at run time # noqa: PYI024
    return cast("type[Row]", type(whole.__name__, (own, whole), {"__slots__": (), **absent}))


def _refuse(name: str, row: object) -> NoReturn:
    raise NotReadError(f"{name} of this {type(row).__name__} was not read.")
