"""Who is told, if anybody, of what a session asks the database and how long it waits: never of a value."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Protocol


class Observer(Protocol):
    """What a session tells."""

    def statement(self, sql: str, /) -> AbstractContextManager[None]:
        """Go around one statement, which is given without its arguments."""

    def wait(self) -> AbstractContextManager[None]:
        """Go around the wait for a connection."""


class Nobody:
    """Is told, and keeps nothing."""

    def statement(self, _: str, /) -> AbstractContextManager[None]:
        """Go around one statement."""
        return _NOTHING

    def wait(self) -> AbstractContextManager[None]:
        """Go around the wait for a connection."""
        return _NOTHING


_NOTHING = nullcontext()
NOBODY = Nobody()
