"""A thread beside the event loop, for work that would keep everybody waiting."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar
from weakref import WeakValueDictionary

from errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

Done = TypeVar("Done")

MOST_QUEUED = 8
"""How much work may wait or run: each takes a quarter of a second at worst, and twice that on a busy machine."""
TURN_S = 2.0
"""How long somebody's work waits for what else is theirs: one at a time is in the queue, so that others find room."""
BUSY = "Many large documents came at once. Try again in a few seconds."


class Beside:
    """Does one thing after the other, in a thread of its own."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="beside the loop")
        self._queued = 0
        self._turns: WeakValueDictionary[Hashable, asyncio.Lock] = WeakValueDictionary()

    async def do(self, work: Callable[[], Done], whose: Hashable | None = None) -> Done:
        """Return what the work returns. Raises Unavailable when too much waits already, and what the work raises.

        Work that is nobody's in particular waits for no turn.
        """
        turn = self._turns.get(whose) if whose is not None else None
        if turn is None:
            turn = asyncio.Lock()
            if whose is not None:
                self._turns[whose] = turn
        try:
            async with asyncio.timeout(TURN_S):
                await turn.acquire()
        except TimeoutError as exc:
            raise Unavailable(BUSY) from exc
        try:
            return await self._queue(work)
        finally:
            turn.release()

    async def _queue(self, work: Callable[[], Done]) -> Done:
        if self._queued >= MOST_QUEUED:
            raise Unavailable(BUSY)
        self._queued += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        finally:
            self._queued -= 1
