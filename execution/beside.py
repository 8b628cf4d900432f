"""A thread beside the event loop, for work that would keep everybody waiting."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

Done = TypeVar("Done")

MOST_QUEUED = 8
"""How much work may wait or run: each takes a quarter of a second at worst, and twice that on a busy machine."""
BUSY = "Many large documents came at once. Try again in a few seconds."


class Beside:
    """Does one thing after the other, in a thread of its own."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="beside the loop")
        self._queued = 0

    async def do(self, work: Callable[[], Done]) -> Done:
        """Return what the work returns. Raises Unavailable when too much waits already, and what the work raises."""
        if self._queued >= MOST_QUEUED:
            raise Unavailable(BUSY)
        self._queued += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        finally:
            self._queued -= 1
