"""The application: settings → database → schema → Starlette. uvicorn calls `create`; nothing imports this module."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.middleware import Middleware

from execution.guards import guards
from execution.limits import Limits
from resolvers.live_events import Bell
from schema.build import build_schema
from server import cross_origin, demo, graphql, health, logs, pages, refusals, sockets
from server.accesses import AccessLog
from server.databases import database_of
from server.gate import Gate
from server.health import Readiness
from server.last_resort import LastResort
from server.rest import routes as rest
from server.trusted_documents import trusted_documents
from settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import strawberry

    from server.metrics import Metrics
    from server.traces import Traces

ROOT = Path(__file__).parent


def create(
    settings: Settings | None = None, *, readiness_sql: Path = ROOT / "migrations" / "readiness.sql"
) -> Starlette:
    """Return the application, for the settings in the environment unless given. Raises SettingsInvalid."""
    settings = settings or Settings.from_env()
    logs.configure(settings.log_format)
    metrics = None if settings.metrics_port is None else _metrics()
    traces = None if settings.traces_endpoint is None else _traces(settings.traces_endpoint, settings)
    access_log = AccessLog(settings.audit_file, metrics, traces)
    database, gate = database_of(settings), Gate(settings)
    readiness = Readiness(database, readiness_sql)
    bell = Bell()
    limits = _limits(settings)
    schema = _schema(settings, limits)
    trusted = trusted_documents(settings, schema._schema, limits)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await database.open()
        beside = [asyncio.create_task(database.listen(bell.ring))]
        if metrics:
            beside.append(asyncio.create_task(metrics.watch(database, readiness)))
        try:
            yield
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
            closing = [asyncio.to_thread(traces.close)] if traces else []
            await asyncio.gather(database.close(), *closing)
            access_log.close()

    return Starlette(
        routes=[
            graphql.endpoint(schema, trusted, database, gate, settings),
            rest.mount(database, gate, settings),
            sockets.endpoint(schema, trusted, database, gate, bell, settings, access_log),
            *health.routes(readiness),
            *demo.routes(settings, database),
            *pages.routes(
                ROOT / "web" / "dist", is_graphiql_on=settings.is_graphiql_on and not settings.is_trusted_only
            ),
        ],
        middleware=[
            Middleware(logs.RequestLog, access_log),
            *cross_origin.sharing(settings.cors_origins),
            Middleware(LastResort),
        ],
        exception_handlers=refusals.handlers(),
        lifespan=lifespan,
    )


def _metrics() -> Metrics:
    from server.metrics import Metrics  # noqa: PLC0415 - who counts nothing needs no memory for it

    return Metrics()


def _traces(endpoint: str, settings: Settings) -> Traces:
    from server.traces import Traces  # noqa: PLC0415 - nor who traces nothing

    return Traces(endpoint, settings)


def _limits(settings: Settings) -> Limits:
    return Limits(
        tokens=settings.max_query_tokens,
        depth=settings.max_query_depth,
        aliases=settings.max_query_aliases,
        points=settings.max_query_points,
    )


def _schema(settings: Settings, limits: Limits) -> strawberry.Schema:
    return build_schema(
        [
            guards(
                limits,
                is_cost_shown=settings.is_demo,
                is_introspection_on=settings.is_introspection_on,
                is_suggestions_on=settings.is_suggestions_on,
            )
        ]
    )
