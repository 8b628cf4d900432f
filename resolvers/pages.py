"""Paging as clients ask for it (first, after, last, before) and as they get it back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from db.keyset import Window
from errors import BadUserInput, LimitExceeded
from resolvers.cursors import Mark, decode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from db.keyset import Key, Page

Row = TypeVar("Row")

DEFAULT_SIZE = 50
LARGEST_SIZE = 200


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which page of a list a client wants, in the terms of the Relay connection specification."""

    first: int | None = None
    after: str | None = None
    last: int | None = None
    before: str | None = None

    def window(self, keys: Sequence[Key], scope: str) -> Window:
        """Check the request and turn it into a window. Raises BadUserInput, BadCursor or LimitExceeded."""
        if self.first is not None and self.last is not None:
            raise BadUserInput("Both first and last are given. Give one of them: they count from opposite ends.")
        size = _size("first", self.first) if self.last is None else _size("last", self.last)
        return Window(
            limit=size,
            after=None if self.after is None else decode(self.after, scope, keys),
            before=None if self.before is None else decode(self.before, scope, keys),
            is_from_end=self.last is not None,
        )


@dataclass(frozen=True, slots=True)
class RowPage(Generic[Row]):
    """A page of rows, each with its place in the list.

    On the side from which the page was counted, the place given as `after` or `before` stands for a row there.
    """

    rows: list[Row]
    marks: list[Mark]
    has_next: bool
    has_previous: bool


def row_page(rows: list[Row], page: Page, window: Window, scope: str) -> RowPage[Row]:
    """Give each row its place and say on which sides there is more."""
    marks = [Mark(place, scope) for place in page.places]
    has_earlier, has_later = window.after is not None, window.before is not None
    if window.is_from_end:
        return RowPage(rows, marks, has_next=has_later, has_previous=page.has_more or has_earlier)
    return RowPage(rows, marks, has_next=page.has_more or has_later, has_previous=has_earlier)


def _size(name: str, size: int | None) -> int:
    if size is None:
        return DEFAULT_SIZE
    if size < 0:
        raise BadUserInput(f"{name} is {size}. Give a number from 0 to {LARGEST_SIZE}.")
    if size > LARGEST_SIZE:
        raise LimitExceeded(f"{name} is {size}. At most {LARGEST_SIZE} fit on a page: ask for fewer, and page on.")
    return size
