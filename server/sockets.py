"""GraphQL over WebSocket, the protocol graphql-transport-ws, for live events; queries and mutations may come by it too.

Written on Starlette rather than on Strawberry's handler, which dies of a message that is no object, keeps one context
for the whole life of a subscription, and knows no bound but the memory.
"""

from __future__ import annotations

import asyncio
import math
import time
from contextlib import aclosing, suppress
from functools import partial
from typing import TYPE_CHECKING, cast

from graphql import GraphQLError
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocketDisconnect, WebSocketState
from strawberry.types.execution import PreExecutionError

from errors import TasklineError, Unauthenticated
from resolvers.live_events import Live
from schema.context import Context
from server import failures, operations, request_ids
from server.answers import json_text
from server.socket_messages import (
    FORBIDDEN,
    INVALID,
    LONGEST_REASON,
    PROTOCOL,
    TAKEN,
    TOO_LATE,
    TOO_MANY,
    UNACCEPTABLE,
    UNAUTHORIZED,
    UNEXPECTED,
    Closed,
    authorization_of,
    id_of,
    message_of,
    payload_of,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    import strawberry
    from starlette.websockets import WebSocket
    from strawberry.types import ExecutionResult

    from db.engine import Database
    from resolvers.live_events import Bell
    from resolvers.viewers import Viewer
    from server.operations import Operation
    from server.sign_in import Verifier
    from settings import Settings

INIT_S = 5.0
"""How long a client may take to say who it is."""
CLOCK_S = 5.0
"""How often a socket looks whether its token has expired."""
SEND_S = 30.0
"""How long a client may take to receive one message."""
MOST_OPERATIONS = 100
"""How many operations one socket may have under way."""


def endpoint(
    schema: strawberry.Schema, database: Database, verifier: Verifier, bell: Bell, settings: Settings
) -> WebSocketRoute:
    """Return the route of the socket at /graphql. The bell is rung when events were written."""

    def context_of(viewer: Viewer, request_id: str) -> Context:
        new_session = partial(database.session, viewer.organization_id, request_id=request_id)
        return Context(viewer, new_session(), settings.idempotency_hours, Live(bell, new_session))

    async def serve(socket: WebSocket) -> None:
        if PROTOCOL not in socket.scope.get("subprotocols", []):
            await socket.accept()
            await socket.close(UNACCEPTABLE, f"Only {PROTOCOL} is spoken here.")
            return
        await socket.accept(subprotocol=PROTOCOL)
        await Conversation(socket, schema, verifier, context_of).run()

    return WebSocketRoute("/graphql", serve, name="sockets")


class Conversation:
    """What one client and this server say to each other."""

    def __init__(
        self,
        socket: WebSocket,
        schema: strawberry.Schema,
        verifier: Verifier,
        context_of: Callable[[Viewer, str], Context],
    ) -> None:
        self._socket = socket
        self._schema = schema
        self._verifier = verifier
        self._context_of = context_of
        self._viewer: Viewer | None = None
        self._expires_at = math.inf
        self._operations: dict[str, asyncio.Task[None]] = {}
        self._is_greeted = False
        self._sending = asyncio.Lock()
        self._end: asyncio.Future[Closed | None] = asyncio.get_running_loop().create_future()

    async def run(self) -> None:
        """Converse until either side ends it."""
        receiving = asyncio.create_task(self._receive_all())
        clock = asyncio.create_task(self._watch_the_clock())
        try:
            end = await self._end
            if end is not None:
                await self._close(end.code, str(end))
        finally:
            running = [receiving, clock, *self._operations.values()]
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def _watch_the_clock(self) -> None:
        """End the conversation when nobody has said who they are, and when their token has expired."""
        await asyncio.sleep(INIT_S)
        if not self._is_greeted:
            self._finish(Closed(TOO_LATE, f"connection_init didn't come within {INIT_S:.0f} s."))
        while time.time() < self._expires_at:  # noqa: ASYNC110 - looked at now and then: a machine's clock may be set
            await asyncio.sleep(CLOCK_S)
        self._finish(Closed(FORBIDDEN, "The token has expired. Connect again with a new one."))

    async def _receive_all(self) -> None:
        try:
            while True:
                await self._receive(await self._socket.receive_text())
        except WebSocketDisconnect:
            self._finish(None)
        except Closed as closed:
            self._finish(closed)
        except KeyError:  # Starlette looks for text in a message of bytes
            self._finish(Closed(INVALID, "The message is binary. Send JSON as text."))
        except Exception as exc:  # noqa: BLE001 - the socket ends with a word, whatever it was
            failures.message_of(exc, request_ids.of(self._socket))
            self._finish(Closed(UNEXPECTED, "Something went wrong on our side."))

    async def _receive(self, text: str) -> None:
        message = message_of(text)
        match message.get("type"):
            case "connection_init":
                await self._greet(message.get("payload"))
            case "ping":
                await self._send({"type": "pong", **payload_of(message)})
            case "pong":
                pass
            case "subscribe":
                self._subscribe(id_of(message), message.get("payload"))
            case "complete":
                if task := self._operations.pop(id_of(message), None):
                    task.cancel()
            case other:
                raise Closed(INVALID, f"The type {str(other)[:40]!r} is none of this protocol's.")

    async def _greet(self, payload: object) -> None:
        if self._is_greeted:
            raise Closed(TOO_MANY, "connection_init came twice.")
        self._is_greeted = True
        try:
            signed_in = await self._verifier.signed_in(authorization_of(self._socket, payload))
        except Unauthenticated as exc:
            raise Closed(FORBIDDEN, str(exc)) from exc
        except TasklineError as exc:
            raise Closed(UNEXPECTED, failures.message_of(exc, request_ids.of(self._socket))) from exc
        self._viewer, self._expires_at = signed_in.viewer, signed_in.expires_at
        await self._send({"type": "connection_ack"})

    def _subscribe(self, id_: str, payload: object) -> None:
        if self._viewer is None:
            raise Closed(UNAUTHORIZED, "Say who you are first, by connection_init.")
        if id_ in self._operations:
            raise Closed(TAKEN, f"An operation with the id {id_[:40]} is under way.")
        if len(self._operations) >= MOST_OPERATIONS:
            raise Closed(TOO_MANY, f"{MOST_OPERATIONS} operations are under way, and more can't be.")
        self._operations[id_] = asyncio.create_task(self._answer(id_, payload, self._viewer))

    async def _answer(self, id_: str, payload: object, viewer: Viewer) -> None:
        """Send all results of one operation, and its end. What goes wrong with it is told under its id alone."""
        try:
            is_whole = await self._results(id_, operations.checked(payload), viewer)
            if is_whole and self._forget(id_):
                await self._send({"id": id_, "type": "complete"})
        except Closed as closed:
            self._finish(closed)
        except GraphQLError as exc:  # from before the first field
            await self._fail(id_, [failures.placed_entry(exc, request_ids.of(self._socket))[1]])
        except Exception as exc:  # noqa: BLE001 - the client is told, the log has the rest, and the socket lives
            await self._fail(id_, [failures.entry_of(exc, request_ids.of(self._socket))])

    async def _results(self, id_: str, operation: Operation, viewer: Viewer) -> bool:
        """Send the results; return whether the operation began at all."""
        request_id = request_ids.of(self._socket)
        context = self._context_of(viewer, request_id)
        results = await self._schema.stream(
            operation.query,
            variable_values=operation.variables,
            operation_name=operation.name,
            context_value=context,
        )
        try:
            async with aclosing(results):
                async for result in cast("AsyncGenerator[PreExecutionError | ExecutionResult]", results):
                    await context.session.close()  # no connection is held while a slow client receives
                    errors = [failures.placed_entry(error, request_id)[1] for error in result.errors or []]
                    if isinstance(result, PreExecutionError) or (result.data is None and not _have_path(errors)):
                        await self._fail(id_, errors)
                        return False
                    body = {"data": result.data} | ({"errors": errors} if errors else {})
                    await self._send({"id": id_, "type": "next", "payload": body})
        finally:
            await context.session.close()
        return True

    async def _fail(self, id_: str, errors: list[dict[str, object]]) -> None:
        if self._forget(id_):
            await self._send({"id": id_, "type": "error", "payload": errors})

    def _forget(self, id_: str) -> bool:
        """End an operation's life; return whether the client still wanted it."""
        return self._operations.pop(id_, None) is not None

    async def _send(self, message: dict[str, object]) -> None:
        """Send one message. Raises Closed for a client that doesn't receive it."""
        try:
            async with asyncio.timeout(SEND_S), self._sending:
                await self._socket.send_text(json_text(message))
        except TimeoutError as exc:
            raise Closed(TOO_LATE, f"A message wasn't received within {SEND_S:.0f} s.") from exc
        except (WebSocketDisconnect, RuntimeError):  # the client has gone: so Starlette says it, one way or the other
            self._finish(None)

    async def _close(self, code: int, reason: str) -> None:
        if self._socket.application_state is WebSocketState.CONNECTED:
            with suppress(RuntimeError, WebSocketDisconnect, TimeoutError):  # it was quicker
                async with asyncio.timeout(SEND_S):
                    await self._socket.close(code, reason.encode()[:LONGEST_REASON].decode(errors="ignore"))

    def _finish(self, end: Closed | None) -> None:
        """End the conversation: closed by us with a code, or by the client."""
        if not self._end.done():
            self._end.set_result(end)


def _have_path(errors: list[dict[str, object]]) -> bool:
    return any("path" in error for error in errors)
