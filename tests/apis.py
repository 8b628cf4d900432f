"""The API as clients meet it, served over HTTP for tests."""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import httpx2
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.middleware import Middleware

from db.engine import Database
from execution.guards import guards
from resolvers.viewers import Role, Viewer
from schema.build import build_schema
from server import demo, graphql, health, refusals, sign_in
from server.logs import RequestLog
from settings import Settings
from tests.servers import serve

SECRET = "a secret for tests, long enough for HS256 and also for HS384 and HS512"
# Nothing listens there: port 1 is reserved and needs root.
NOWHERE = "postgresql://nobody@127.0.0.1:1/nothing"
SOMEBODY = Viewer(user_id=UUID(int=1), organization_id=UUID(int=2), role=Role.ADMIN)


@dataclass(frozen=True, slots=True)
class Api:
    """A served API, and what tests need to talk to it."""

    settings: Settings
    client: httpx2.Client
    """Sends to the API's address; adds no token."""

    def token(self, viewer: Viewer = SOMEBODY) -> str:
        return sign_in.issue(self.settings, viewer, lifetime=timedelta(minutes=5))

    def headers(self, more: Mapping[str, str] | None = None, *, viewer: Viewer = SOMEBODY) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token(viewer)}"} | dict(more or {})

    def ask(
        self, query: str, variables: Mapping[str, object] | None = None, *, viewer: Viewer = SOMEBODY
    ) -> httpx2.Response:
        body = {"query": query, "variables": variables}
        return self.client.post("/graphql", json=body, headers=self.headers(viewer=viewer))


@contextmanager
def api(*, database_url: str = NOWHERE, readiness_sql: Path | None = None, **settings: object) -> Iterator[Api]:
    """Serve the API with these settings; by default with a secret, and without a database."""
    defaults = {"jwt_secret": SecretStr(SECRET), "database_url": SecretStr(database_url)}
    chosen = Settings.model_validate(defaults | settings)
    with serve(application(chosen, readiness_sql)) as address, httpx2.Client(base_url=address, timeout=10) as client:
        yield Api(chosen, client)


def application(settings: Settings, readiness_sql: Path | None) -> Starlette:
    assert settings.database_url
    database = Database(
        settings.database_url.get_secret_value(),
        pool_size=settings.pool_size,
        pool_wait_ms=settings.pool_wait_ms,
        statement_timeout_ms=settings.statement_timeout_ms,
        lock_timeout_ms=settings.lock_timeout_ms,
    )

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await database.open()
        yield
        await database.close()

    schema = build_schema([guards(is_cost_shown=settings.is_demo)])
    return Starlette(
        routes=[
            graphql.endpoint(schema, database, sign_in.Verifier(settings), settings),
            *(health.routes(database, readiness_sql) if readiness_sql else ()),
            *demo.routes(settings, {role: demo.Person(replace(SOMEBODY, role=role), "Ada") for role in Role}),
        ],
        middleware=[Middleware(RequestLog)],
        exception_handlers=refusals.handlers(),
        lifespan=lifespan,
    )
