"""The last resort, when something unexpected escapes, or a server that stops has waited long enough."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.requests import HTTPConnection

from errors import Unavailable
from server import accesses, failures, refusals, request_ids

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send


class LastResort:
    """ASGI middleware, to be the application's last: what stands before it sees an answer, whatever happens."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, and answer the masked 500 when an exception comes through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        has_begun = False

        async def send_noted(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        connection = HTTPConnection(scope)
        request_id = request_ids.of(connection)
        try:
            await self._app(scope, receive, send_noted)
        except asyncio.CancelledError:
            # Only a server that has waited long enough for its requests, and stops, cancels them: an ordinary end.
            if not has_begun:
                stopping = Unavailable("The server stops before this was answered. Try again in a few seconds.")
                await refusals.response(stopping, request_id)(scope, receive, send)
        except Exception as exc:  # noqa: BLE001 whatever it is, the client gets JSON and the log the trace
            accesses.of(connection).codes = [failures.code_of(exc)]
            answer = refusals.response(exc, request_id)
            if not has_begun:
                await answer(scope, receive, send)
