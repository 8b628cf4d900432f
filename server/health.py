"""Whether the process lives, and whether it can serve: for load balancers, containers and people."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.routing import Route

from db.server_states import server_state
from errors import TasklineError
from server import failures, refusals, request_ids
from server.answers import answer
from server.sign_in import LEEWAY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from starlette.requests import Request
    from starlette.responses import Response

    from db.engine import Database
    from db.server_states import ServerState

MIGRATE = "./taskline migrate up"
STOPPING = "is_stopping"
"""In the state that requests are given: whether the server has been told to stop."""


@dataclass(frozen=True, slots=True)
class Health:
    """What a look at the database has found."""

    missing: list[dict[str, str]]
    """What keeps the API from serving, by name with details."""
    is_migrated: bool = False
    read_only: str | None = None
    """Why changes are refused while reads are answered; None when they are not."""
    late_events: str | None = None
    """Why live events come late; None when they don't."""
    behind_s: float = 0.0
    """How old what is shown may be, because the server is a standby; 0 for one that is not, or has all it was sent."""
    clock_ahead_s: float = 0.0
    """By how much this machine's clock is ahead of the database's, negative when behind; 0 if a look can't tell."""


class Readiness:
    """What the API needs of the database, and what of it is missing."""

    def __init__(self, database: Database, readiness_sql: Path) -> None:
        """`readiness_sql` holds one statement whose rows are (name, is_met, detail), one for each thing needed."""
        self._database = database
        self._statement = readiness_sql.read_text()
        self._under_way: asyncio.Task[Health] | None = None

    async def look(self) -> Health:
        """Return what is found. However many ask, one connection looks for all of them. Raises Unavailable."""
        if self._under_way is None or self._under_way.done():
            self._under_way = asyncio.create_task(self._look())
        return await asyncio.shield(self._under_way)

    async def _look(self) -> Health:
        rows = await self._database.rows(self._statement)
        missing = [{"name": name, "detail": detail} for name, is_met, detail in rows if not is_met]
        if missing:  # what is asked next may need a right that is missing
            return Health(missing)
        began_s = time.time()
        state = await server_state(self._database)
        ahead_s = max(0.0, began_s - state.clock_s) + min(0.0, time.time() - state.clock_s)
        return Health(
            [*_faults(state, ahead_s)],
            is_migrated=True,
            read_only=self._read_only(state),
            late_events=self._late_events(state),
            behind_s=state.behind_s,
            clock_ahead_s=ahead_s,
        )

    def _late_events(self, state: ServerState) -> str | None:
        if self._database.listens_to in {None, state.identity}:
            return None
        return "LISTEN_DATABASE_URL leads to another database than DATABASE_URL, so live events come late."

    def _read_only(self, state: ServerState) -> str | None:
        if state.is_read_only:
            return "The database is set to take no changes (default_transaction_read_only). What it has is shown."
        if state.commits_wait:
            return "Commits wait: has the cluster a synchronous standby? What was saved is shown, changes are refused."
        if self._database.was_full:
            return "The database's disk was full when something was to be changed. Make room; what it has is shown."
        return None


def _faults(state: ServerState, ahead_s: float) -> Iterator[dict[str, str]]:
    """Yield what is wrong with how the machines are put together."""
    if state.is_standby:
        behind = f", {state.behind_s:,.0f} s behind" if state.behind_s else ""
        detail = (
            f"This server is a standby{behind}: it takes no changes, and what it shows may be old. Let DATABASE_URL "
            "lead to the primary, or promote it."
        )
        yield {"name": "primary", "detail": detail}
    if abs(ahead_s) > LEEWAY.total_seconds():
        side = "ahead of" if ahead_s > 0 else "behind"
        detail = (
            f"This machine's clock is {abs(ahead_s):,.0f} s {side} the database's. What is overdue and which tokens "
            "are good goes by it: set both by a time server."
        )
        yield {"name": "clock", "detail": detail}


def routes(readiness: Readiness) -> list[Route]:
    """Return GET /healthz, which asks nobody, and GET /readyz, which asks the database's catalogue.

    A server that was told to stop isn't ready, whatever its database.
    """

    async def ready(request: Request) -> Response:
        if getattr(request.state, STOPPING, False):
            return _not_ready({"missing": [{"name": "server", "detail": "It was told to stop."}]})
        try:
            health = await readiness.look()
        except TasklineError as exc:
            detail = failures.message_of(exc, request_ids.of(request))
            return _not_ready({"missing": [{"name": "database", "detail": detail}]})
        if health.missing:
            return _not_ready({"missing": health.missing} | ({} if health.is_migrated else {"run": MIGRATE}))
        why = health.read_only or health.late_events
        return answer({"status": "read-only" if health.read_only else "ready"} | ({"detail": why} if why else {}))

    async def alive(_: Request) -> Response:
        return answer({"status": "alive"})

    return [Route("/healthz", alive), Route("/readyz", ready)]


def _not_ready(why: dict[str, object]) -> Response:
    return answer({"status": "not ready"} | why, status=503, headers=refusals.headers_for(503))
