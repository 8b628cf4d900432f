"""GraphQL over WebSocket, the protocol graphql-transport-ws, for live events; queries and mutations may come by it too.

Written on Starlette rather than on Strawberry's handler, which dies of a message that is no object, keeps one context
for the whole life of a subscription, and knows no bound but the memory.
"""

from __future__ import annotations

import asyncio
import math
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocketDisconnect, WebSocketState

from errors import TasklineError, TooManyRequests, Unauthenticated
from resolvers.live_events import Live
from schema.context import Context
from server import accesses, failures, request_ids, reruns
from server.answers import json_text
from server.socket_messages import (
    FORBIDDEN,
    INVALID,
    LONGEST_REASON,
    PROTOCOL,
    TOO_LATE,
    TOO_MANY,
    UNACCEPTABLE,
    UNAUTHORIZED,
    UNEXPECTED,
    Closed,
    authorization_of,
    id_of,
    message_of,
    pong_to,
)
from server.socket_operations import SocketOperations

if TYPE_CHECKING:
    from collections.abc import Callable

    import strawberry
    from starlette.websockets import WebSocket

    from db.engine import Database
    from resolvers.live_events import Bell
    from resolvers.viewers import Viewer
    from server.accesses import AccessLog
    from server.gate import Gate
    from server.trusted_documents import TrustedDocuments
    from settings import Settings

PATIENCE_MS = 30_000
"""How long an event waits for the database: one change can be told to a thousand at once, and each is to be told."""
INIT_S = 5.0
"""How long a client may take to say who it is."""
CLOCK_S = 5.0
"""How often a socket looks whether its token has expired."""


def endpoint(
    schema: strawberry.Schema,
    trusted: TrustedDocuments,
    database: Database,
    gate: Gate,
    bell: Bell,
    settings: Settings,
    log: AccessLog,
) -> WebSocketRoute:
    """Return the route of the socket at /graphql. The bell is rung when events were written."""

    def context_of(request_id: str, viewer: Viewer) -> Context:
        gate.count_viewer(viewer)
        new_session = partial(database.session, viewer.organization_id, user_id=viewer.user_id, request_id=request_id)
        noted = log.metrics.note_event if log.metrics else None
        live = Live(bell, partial(new_session, patience_ms=PATIENCE_MS), noted)
        return Context(viewer, new_session(reruns=reruns.MOST_RERUNS), settings.idempotency_hours, live)

    async def serve(socket: WebSocket) -> None:
        if PROTOCOL not in socket.scope.get("subprotocols", []):
            await socket.accept()
            with suppress(WebSocketDisconnect):  # it was quicker
                await socket.close(UNACCEPTABLE, f"Only {PROTOCOL} is spoken here.")
            return
        await socket.accept(subprotocol=PROTOCOL)
        try:
            gate.count_address(socket)
        except TooManyRequests as exc:
            with suppress(WebSocketDisconnect):
                await socket.close(TOO_MANY, str(exc))
            return
        contexts = partial(context_of, request_ids.of(socket))
        timeout_ms = settings.receive_timeout_ms
        await Conversation(socket, schema, trusted, gate, contexts, log, receive_timeout_ms=timeout_ms).run()

    return WebSocketRoute("/graphql", serve, name="sockets")


class Conversation:
    """What one client and this server say to each other."""

    def __init__(
        self,
        socket: WebSocket,
        schema: strawberry.Schema,
        trusted: TrustedDocuments,
        gate: Gate,
        context_of: Callable[[Viewer], Context],
        log: AccessLog,
        *,
        receive_timeout_ms: int,
    ) -> None:
        self._socket = socket
        self._gate = gate
        self._request_id = request_ids.of(socket)
        self._receive_timeout_ms = receive_timeout_ms
        self._viewer: Viewer | None = None
        self._expires_at = math.inf
        self._access = accesses.of(socket)
        self._operations = SocketOperations(
            schema, trusted, context_of, self._access, log, send=self._send, finish=self._finish
        )
        self._is_greeted = False
        self._sending = asyncio.Lock()
        self._end: asyncio.Future[Closed | None] = asyncio.get_running_loop().create_future()

    async def run(self) -> None:
        """Converse until either side ends it."""
        running = [asyncio.create_task(part) for part in (self._receive_all(), self._watch_the_clock())]
        try:
            end = await self._end
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)  # so that nothing new begins
            await self._operations.stop_all()
        if end is not None:
            await self._close(end.code, str(end))

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
            while not self._end.done():
                await self._receive(await self._next_text())
        except WebSocketDisconnect:
            self._finish(None)
        except Closed as closed:
            self._finish(closed)
        except Exception as exc:  # noqa: BLE001 - the socket ends with a word, whatever it was
            failures.message_of(exc, self._request_id)
            self._finish(Closed(UNEXPECTED, "Something went wrong on our side."))

    async def _next_text(self) -> str:
        """Return the next message. Raises Closed for one of bytes, WebSocketDisconnect when the client has gone."""
        try:
            return await self._socket.receive_text()
        except KeyError as exc:  # Starlette looks for text in it
            raise Closed(INVALID, "The message is binary. Send JSON as text.") from exc

    async def _receive(self, text: str) -> None:
        message = message_of(text)
        match message.get("type"):
            case "connection_init":
                await self._greet(message.get("payload"))
            case "ping":
                await self._send(pong_to(message))
            case "pong":
                pass
            case "subscribe":
                self._subscribe(id_of(message), message.get("payload"))
            case "complete":
                self._operations.stop(id_of(message))
            case str() as other:
                raise Closed(INVALID, f"The type “{other[:40]}” is none of this protocol's.")
            case _:
                raise Closed(INVALID, "The message has no type. Send one, as a string.")

    async def _greet(self, payload: object) -> None:
        if self._is_greeted:
            raise Closed(TOO_MANY, "connection_init came twice.")
        self._is_greeted = True
        try:
            signed_in = await self._gate.signed_in(authorization_of(self._socket, payload))
        except Unauthenticated as exc:
            self._access.codes = [exc.code]
            raise Closed(FORBIDDEN, str(exc)) from exc
        except TasklineError as exc:
            raise Closed(UNEXPECTED, failures.message_of(exc, self._request_id)) from exc
        self._access.signed_in = signed_in
        self._viewer, self._expires_at = signed_in.viewer, signed_in.expires_at
        await self._send({"type": "connection_ack"})

    def _subscribe(self, id_: str, payload: object) -> None:
        if self._viewer is None:
            raise Closed(UNAUTHORIZED, "Say who you are first, by connection_init.")
        self._operations.start(id_, payload, self._viewer)

    async def _send(self, message: dict[str, object]) -> None:
        """Send one message. Raises Closed for a client that doesn't receive it."""
        try:
            async with self._in_time(), self._sending:
                await self._socket.send_text(json_text(message))
        except TimeoutError as exc:
            late = f"A message wasn't received within {self._receive_timeout_ms:,} ms."
            raise Closed(TOO_LATE, late) from exc
        except (WebSocketDisconnect, RuntimeError):  # the client has gone: so Starlette says it, one way or the other
            self._finish(None)

    async def _close(self, code: int, reason: str) -> None:
        """Say why, to a client that still receives; one that doesn't is left without a word."""
        if self._socket.application_state is WebSocketState.CONNECTED:
            with suppress(RuntimeError, WebSocketDisconnect, TimeoutError):  # it was quicker
                async with self._in_time():
                    await self._socket.close(code, reason.encode()[:LONGEST_REASON].decode(errors="ignore"))

    def _in_time(self) -> asyncio.Timeout:
        return asyncio.timeout(self._receive_timeout_ms / 1_000)

    def _finish(self, end: Closed | None) -> None:
        """End the conversation: closed by us with a code, or by the client."""
        if not self._end.done():
            self._end.set_result(end)
