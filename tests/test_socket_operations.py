"""Operations of a socket end as they should, also those that don't want to, and those that nobody receives."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import pytest
import strawberry
from pydantic import SecretStr
from starlette.types import Message, Scope

from app import create
from resolvers.viewers import Viewer
from schema.context import Context
from server.accesses import Access, AccessLog
from server.databases import database_of
from server.socket_messages import PROTOCOL, TOO_LATE, Closed
from server.socket_operations import SocketOperations
from server.trusted_documents import TrustedDocuments
from settings import Settings
from tests.apis import NOWHERE, SECRET, SOMEBODY

SETTINGS = Settings.model_validate({"jwt_secret": SecretStr(SECRET), "database_url": SecretStr(NOWHERE)})


@strawberry.type
class Query:
    """What is asked of the operations here."""

    @strawberry.field
    async def stubborn(self) -> str:
        """Answer only when it isn't wanted any more, and then not at once."""
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            for _ in range(50):
                await asyncio.sleep(0)
        return "stubborn"

    @strawberry.field
    def willing(self) -> str:
        """Answer at once."""
        return "willing"


@dataclass(slots=True)
class Client:
    """A client and what it has been told; `receive` is what it does with a message."""

    receive: Callable[[dict[str, object]], Awaitable[None]] | None = None
    messages: list[dict[str, object]] = field(default_factory=list)
    end: list[Closed] = field(default_factory=list)

    async def send(self, message: dict[str, object]) -> None:
        if self.receive:
            await self.receive(message)
        self.messages.append(message)

    def operations(self) -> SocketOperations:
        def context_of(viewer: Viewer) -> Context:
            return Context(viewer, database_of(SETTINGS).session(viewer.organization_id), 1)

        schema, trusted = strawberry.Schema(Query), TrustedDocuments({}, is_only=False)
        return SocketOperations(
            schema, trusted, context_of, Access("r"), AccessLog(), send=self.send, finish=self.end.append
        )


async def turns(count: int = 200) -> None:
    """Let all go on that waits for nothing but its turn."""
    for _ in range(count):
        await asyncio.sleep(0)


def test_what_is_not_wanted_any_more_says_nothing_under_the_id_of_another_one() -> None:
    async def converse(client: Client) -> None:
        operations = client.operations()
        operations.start("a", {"query": "{ stubborn }"}, SOMEBODY)
        await turns(50)
        operations.stop("a")
        operations.start("a", {"query": "{ willing }"}, SOMEBODY)
        await turns()
        await operations.stop_all()

    client = Client()
    asyncio.run(converse(client))

    assert [
        {"id": "a", "type": "next", "payload": {"data": {"willing": "willing"}}},
        {"id": "a", "type": "complete"},
    ] == client.messages


def test_the_end_waits_for_those_that_were_ended_before() -> None:
    async def converse() -> int:
        operations = Client().operations()
        operations.start("a", {"query": "{ stubborn }"}, SOMEBODY)
        await turns(50)
        operations.stop("a")
        await turns(2)
        await operations.stop_all()
        return len(asyncio.all_tasks()) - 1

    assert 0 == asyncio.run(converse())


@pytest.mark.parametrize("payload", [{"query": ""}, {"query": "{ nothing }"}, {"query": "{ willing }"}])
def test_a_client_that_receives_nothing_is_let_go_whatever_it_is_sent(payload: object) -> None:
    async def never(_: dict[str, object]) -> None:
        raise Closed(TOO_LATE, "A message wasn't received.")

    async def converse(client: Client) -> None:
        operations = client.operations()
        operations.start("a", payload, SOMEBODY)
        await turns()
        await operations.stop_all()

    client = Client(receive=never)
    asyncio.run(converse(client))

    assert [TOO_LATE] == [closed.code for closed in client.end]


def converse_and_go(told: list[Message], *, at: str, subprotocols: list[str]) -> None:
    """Converse as a client that says all this, and has gone when it is to be sent such a message."""
    scope: Scope = {"type": "websocket", "path": "/graphql", "headers": [], "subprotocols": subprotocols}

    async def receive() -> Message:
        return told.pop(0)

    async def send(message: Message) -> None:
        if message["type"] == at:
            raise OSError

    asyncio.run(asyncio.wait_for(create(SETTINGS)(scope, receive, send), 10))


def test_a_client_that_goes_while_it_is_answered_is_no_failure_of_ours(caplog: pytest.LogCaptureFixture) -> None:
    told: list[Message] = [{"type": "websocket.connect"}]
    told += [{"type": "websocket.receive", "text": json.dumps({"type": "ping"})}] * 3

    converse_and_go(told, at="websocket.send", subprotocols=[PROTOCOL])

    assert 2 == len(told)
    assert [] == [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_a_client_that_goes_before_it_hears_that_its_protocol_is_another_one_is_none_either() -> None:
    told: list[Message] = [{"type": "websocket.connect"}]

    converse_and_go(told, at="websocket.close", subprotocols=["another"])

    assert [] == told
