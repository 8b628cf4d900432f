"""A thread beside the event loop, for work that would keep everybody waiting."""

from __future__ import annotations

import asyncio
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

Done = TypeVar("Done")

MOST_QUEUED = 8
"""How much work may wait or run: each takes a quarter of a second at worst, and twice that on a busy machine."""
MOST_OF_ONE = 2
"""How much of it may be one person's, so that others find room."""


class Beside:
    """Does one thing after the other, in a thread of its own."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="beside the loop")
        self._queued: Counter[Hashable] = Counter()

    async def do(self, work: Callable[[], Done], whose: Hashable | None = None) -> Done:
        """Return what the work returns. Raises Unavailable when too much waits already, and what the work raises.

        Of work that is nobody's in particular as much may wait as of all together.
        """
        if whose is not None and self._queued[whose] >= MOST_OF_ONE:
            raise Unavailable("You sent several large documents at once. Try again in a few seconds.")
        if self._queued.total() >= MOST_QUEUED:
            raise Unavailable("Many large documents came at once. Try again in a few seconds.")
        self._queued[whose] += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        finally:
            self._queued[whose] -= 1
            if not self._queued[whose]:
                del self._queued[whose]
