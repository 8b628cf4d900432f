"""Whether the database server answers at all: what tells a slow statement from a server that is frozen."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import asyncpg

if TYPE_CHECKING:
    from collections.abc import Callable

LOOK_S = 1.0
"""How long a server that works may take to let somebody in; it takes a few milliseconds."""
PAUSE_S = 0.25
"""Between two looks."""


class Pulse:
    """Looks at the server by a connection of its own, once at a time for all who ask."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._look: asyncio.Task[bool] | None = None

    async def is_there(self) -> bool:
        """Tell whether the server answers within LOOK_S, be it with a refusal."""
        if self._look is None or self._look.done():
            self._look = asyncio.create_task(self._ask())
        return await asyncio.shield(self._look)

    async def watch(self, silent: Callable[[], None]) -> None:
        """Call `silent` as soon as the server doesn't answer; until it is cancelled."""
        while True:
            if not await self.is_there():
                silent()
                return
            await asyncio.sleep(PAUSE_S)

    async def _ask(self) -> bool:
        try:
            async with asyncio.timeout(LOOK_S):
                connection = await asyncpg.connect(self._url, server_settings={"application_name": "taskline pulse"})
                try:
                    await connection.execute("SELECT")  # a pooler lets in by itself
                finally:
                    connection.terminate()
        except TimeoutError:
            return False
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return True
        return True
