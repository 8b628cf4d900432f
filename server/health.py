"""Whether the process lives, and whether it can serve: for load balancers, containers and people."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.routing import Route

from errors import TasklineError
from server import failures, refusals, request_ids
from server.answers import answer

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.requests import Request
    from starlette.responses import Response

    from db.engine import Database

MIGRATE = "./taskline migrate up"
STOPPING = "is_stopping"
"""In the state that requests are given: whether the server has been told to stop."""


class Readiness:
    """What the API needs of the database, and what of it is missing."""

    def __init__(self, database: Database, readiness_sql: Path) -> None:
        """`readiness_sql` holds one statement whose rows are (name, is_met, detail), one for each thing needed."""
        self._database = database
        self._statement = readiness_sql.read_text()
        self._under_way: asyncio.Task[list[dict[str, str]]] | None = None

    async def missing(self) -> list[dict[str, str]]:
        """Return what is missing, by name with details. However many ask, one connection looks for all of them.

        Raises Unavailable.
        """
        if self._under_way is None or self._under_way.done():
            self._under_way = asyncio.create_task(self._look())
        return await asyncio.shield(self._under_way)

    async def _look(self) -> list[dict[str, str]]:
        rows = await self._database.rows(self._statement)
        return [{"name": name, "detail": detail} for name, is_met, detail in rows if not is_met]


def routes(readiness: Readiness) -> list[Route]:
    """Return GET /healthz, which asks nobody, and GET /readyz, which asks the database's catalogue.

    A server that was told to stop isn't ready, whatever its database.
    """

    async def ready(request: Request) -> Response:
        if getattr(request.state, STOPPING, False):
            return _not_ready({"missing": [{"name": "server", "detail": "It was told to stop."}]})
        try:
            missing = await readiness.missing()
        except TasklineError as exc:
            detail = failures.message_of(exc, request_ids.of(request))
            return _not_ready({"missing": [{"name": "database", "detail": detail}]})
        if missing:
            return _not_ready({"missing": missing, "run": MIGRATE})
        return answer({"status": "ready"})

    async def alive(_: Request) -> Response:
        return answer({"status": "alive"})

    return [Route("/healthz", alive), Route("/readyz", ready)]


def _not_ready(why: dict[str, object]) -> Response:
    return answer({"status": "not ready"} | why, status=503, headers=refusals.headers_for(503))
