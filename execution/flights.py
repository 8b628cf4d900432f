"""Flights: what several ask for at the same time is done once for all of them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Hashable

Done = TypeVar("Done")


class Flights:
    """Work that is under way, by keys. It goes on when who began it leaves; nothing is kept of what has ended."""

    def __init__(self) -> None:
        self._under_way: dict[Hashable, asyncio.Task[Any]] = {}

    def __len__(self) -> int:
        return len(self._under_way)

    async def join(self, key: Hashable, begin: Callable[[], Coroutine[Any, Any, Done]]) -> Done:
        """Return what the work under this key returns, or raise what it raises; begin it when none is under way."""
        work: asyncio.Task[Done] | None = self._under_way.get(key)
        if work is None:
            work = self._under_way[key] = asyncio.create_task(self._whole(key, begin))
        try:
            return await asyncio.shield(work)
        finally:
            del work  # a failure that it raises would hold itself, by its traceback

    async def _whole(self, key: Hashable, begin: Callable[[], Coroutine[Any, Any, Done]]) -> Done:
        try:
            return await begin()
        finally:
            del self._under_way[key]
