"""What a long step is doing, for somebody who watches: asked of the server over a second connection."""

from __future__ import annotations

import asyncio
import contextlib
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import asyncpg

from errors import TasklineError
from migrations.runner.connections import connect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from migrations.runner.sessions import Say

EVERY_S = 1.0
# Of an index build: what it is doing, how much of that is done, and for whom it waits.
_BUILD = """
SELECT p.phase,
       CASE WHEN p.blocks_total > 0 THEN 100 * p.blocks_done / p.blocks_total
            WHEN p.tuples_total > 0 THEN 100 * p.tuples_done / p.tuples_total END AS percent,
       CASE WHEN p.phase LIKE 'waiting%' THEN nullif(p.current_locker_pid, 0) END AS waits_for
  FROM pg_stat_progress_create_index AS p WHERE p.pid = $1
"""


@dataclass(frozen=True, slots=True)
class Watch:
    """Somebody who watches: `show` replaces what it showed before, and "" takes it away."""

    url: str
    show: Say
    every_s: float = EVERY_S

    @asynccontextmanager
    async def over(self, connection: asyncpg.Connection, step: str) -> AsyncIterator[None]:
        """While the block runs, show how long the step takes, and how far an index build is.

        Nothing is shown or asked in the first moment. What can't be asked is left out; a migration never fails by it.
        """
        watching = asyncio.create_task(self._watch(connection.get_server_pid(), step))
        try:
            yield
        finally:
            watching.cancel()
            await asyncio.wait([watching])  # which a cancellation of ours ends, and nothing that failed in there
            if not watching.cancelled():
                watching.exception()  # seen, so that nobody reports it as lost

    async def _watch(self, pid: int, step: str) -> None:
        started = time.monotonic()
        await asyncio.sleep(self.every_s)
        self.show(_line(started, step, ""))
        asked: asyncpg.Connection | None = None
        try:
            with contextlib.suppress(TasklineError):
                asked = await connect(self.url)
            while True:
                self.show(_line(started, step, await _doing(asked, pid)))
                await asyncio.sleep(self.every_s)
        finally:
            if asked:
                asked.terminate()
            self.show("")


def _line(started: float, step: str, doing: str) -> str:
    return f"    {time.monotonic() - started:.0f} s  {step}{doing and f': {doing}'}"


async def _doing(asked: asyncpg.Connection | None, pid: int) -> str:
    """Return what the process builds, in words; "" if it builds no index, or can't be asked."""
    if asked is None or asked.is_closed():
        return ""
    try:
        row = await asked.fetchrow(_BUILD, pid)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
        return ""
    if not row:
        return ""
    percent = f", {row['percent']} %" if row["percent"] is not None else ""
    waits_for = f", for process {row['waits_for']}" if row["waits_for"] else ""
    return f"{row['phase']}{percent}{waits_for}"
