"""The API as clients meet it, served over HTTP for tests."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
from pydantic import SecretStr

from app import create
from resolvers.viewers import Role, Viewer
from server import sign_in
from settings import Settings
from tests.deadlines import DEADLINE_S, eventually
from tests.servers import serve

SECRET = "a secret for tests, long enough for HS256 and also for HS384 and HS512"
# What an answer may take when many tests share the machine, and how often one person may ask for one; tests of such
# bounds give their own.
PATIENCE = {
    "request_timeout_ms": 60_000,
    "statement_timeout_ms": 30_000,
    "lock_timeout_ms": 10_000,
    "pool_wait_ms": 10_000,
    "viewer_requests_per_minute": 0,
}
# Nothing listens there: port 1 is reserved and needs root.
NOWHERE = "postgresql://nobody@127.0.0.1:1/nothing"
READINESS = Path(__file__).parent.parent / "migrations" / "readiness.sql"
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

    def data(self, viewer: Viewer, query: str, **variables: object) -> Any:
        """Return the data of an answer that has no errors."""
        answer = self.ask(query, variables, viewer=viewer).json()
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def codes(self, viewer: Viewer, query: str, **variables: object) -> list[str]:
        """Return the codes of an answer's errors; none for an answer without."""
        errors = self.ask(query, variables, viewer=viewer).json().get("errors", [])
        return [error["extensions"]["code"] for error in errors]


@contextmanager
def api(*, database_url: str = NOWHERE, readiness_sql: Path = READINESS, **settings: object) -> Iterator[Api]:
    """Serve the API with these settings; by default with a secret, and without a database."""
    chosen = Settings.model_validate(
        {"jwt_secret": SecretStr(SECRET), "database_url": SecretStr(database_url)} | PATIENCE | settings
    )
    with (
        serve(create(chosen, readiness_sql=readiness_sql)) as address,
        httpx2.Client(base_url=address, timeout=DEADLINE_S) as client,
    ):
        yield Api(chosen, client)


@contextmanager
def connected(**settings: Any) -> Iterator[Api]:
    """Serve the API with a connection made already: on a busy machine making one may take longer than a short limit."""
    with api(**settings) as running:
        assert eventually(lambda: "errors" not in running.ask("{ tasks { totalCount } }").json())
        yield running
