"""Serve it: `python -m bench.contestants.strawberry_orm PORT DATABASE_URL ORGANIZATION PERSON`."""

from __future__ import annotations

import sys
from uuid import UUID

import orjson
import uvicorn
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL

from bench.contestants.strawberry_orm.context import Context
from bench.contestants.strawberry_orm.schema import SCHEMA


class Endpoint(GraphQL[Context, None]):
    """Strawberry's endpoint, for one organization's data and one person."""

    def __init__(self, sessions: async_sessionmaker[AsyncSession], organization: UUID, person: UUID) -> None:
        super().__init__(SCHEMA, graphql_ide=None)
        self._sessions, self._organization, self._person = sessions, organization, person

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> Context:  # noqa: ARG002 - Strawberry's signature
        """Make the context of a request."""
        return Context(self._sessions, self._organization, self._person)

    def encode_json(self, data: object) -> bytes:
        """Write JSON by orjson."""
        return orjson.dumps(data)


if __name__ == "__main__":
    port, url, organization, person = sys.argv[1:]
    engine = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://"), pool_size=10, max_overflow=0)
    sessions = async_sessionmaker(engine, expire_on_commit=False)
    app = Starlette(routes=[Route("/graphql", Endpoint(sessions, UUID(organization), UUID(person)))])
    uvicorn.run(app, port=int(port), log_level="warning", access_log=False)
