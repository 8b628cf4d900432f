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


def routes(database: Database, readiness_sql: Path) -> list[Route]:
    """Return GET /healthz, which asks nobody, and GET /readyz, which asks the database's catalogue.

    `readiness_sql` holds one statement that answers rows of (name, is_met, detail), one for each thing the API needs.
    """
    statement = readiness_sql.read_text()
    under_way: asyncio.Task[list[dict[str, str]]] | None = None

    async def checked() -> list[dict[str, str]]:
        # However many ask, one of the pool's connections looks for all of them.
        nonlocal under_way
        if under_way is None or under_way.done():
            under_way = asyncio.create_task(_missing(database, statement))
        return await asyncio.shield(under_way)

    async def ready(request: Request) -> Response:
        try:
            missing = await checked()
        except TasklineError as exc:
            detail = failures.message_of(exc, request_ids.of(request))
            return _not_ready({"missing": [{"name": "database", "detail": detail}]})
        if missing:
            return _not_ready({"missing": missing, "run": MIGRATE})
        return answer({"status": "ready"})

    async def alive(_: Request) -> Response:
        return answer({"status": "alive"})

    return [Route("/healthz", alive), Route("/readyz", ready)]


async def _missing(database: Database, statement: str) -> list[dict[str, str]]:
    return [{"name": name, "detail": detail} for name, is_met, detail in await database.rows(statement) if not is_met]


def _not_ready(why: dict[str, object]) -> Response:
    return answer({"status": "not ready"} | why, status=503, headers=refusals.headers_for(503))
