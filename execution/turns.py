"""Turns: how much of what one person asks for is under way at a time, so that others are answered meanwhile."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from errors import Crowded

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Hashable

AT_ONCE = 1_000
"""Points of one person's operations that are under way together. A dearer operation runs when none of theirs does."""
PATIENCE_S = 1.5
"""How long an operation waits for its turns, from its beginning on."""


def latest_turn() -> float:
    """Return until when an operation waits for its turns that begins now."""
    return asyncio.get_running_loop().time() + PATIENCE_S


class _Person:
    """What is under way for somebody, and what waits, in the order in which it came."""

    def __init__(self) -> None:
        self.free = AT_ONCE
        self.waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    async def take(self, points: int, until: float) -> None:
        """Return when there is room for so many points. Raises TimeoutError when there is none by then."""
        if not self.waiting and points <= self.free:
            self.free -= points
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.waiting.append((points, turn))
        try:
            async with asyncio.timeout_at(until):
                await turn
        except BaseException:
            is_called = turn.done() and not turn.cancelled()  # in the moment in which it gave up
            turn.cancel()
            self.give(points if is_called else 0)
            raise

    def give(self, points: int) -> None:
        """Give room back, and let in whoever comes next, as far as there is room."""
        self.free += points
        while self.waiting and (self.waiting[0][1].done() or self.waiting[0][0] <= self.free):
            needed, turn = self.waiting.popleft()
            if not turn.done():  # else it gave up
                self.free -= needed
                turn.set_result(None)


class Turns:
    """The turns of all people, told apart by any key."""

    def __init__(self) -> None:
        self._people: WeakValueDictionary[Hashable, _Person] = WeakValueDictionary()

    @asynccontextmanager
    async def take(self, whose: Hashable | None, points: int, *, until: float | None = None) -> AsyncIterator[None]:
        """Run the block in somebody's turn. Raises Crowded when it doesn't come by a time of the event loop.

        What is nobody's in particular waits for no turn. Without a time it is that of an operation that begins now.
        """
        if whose is None:
            yield
            return
        person = self._people.get(whose)
        if person is None:
            person = self._people[whose] = _Person()
        needed = min(points, AT_ONCE)
        try:
            await person.take(needed, latest_turn() if until is None else until)
        except TimeoutError as exc:
            raise Crowded from exc
        try:
            yield
        finally:
            person.give(needed)
