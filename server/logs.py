"""One line in the log for each request, and the last resort when something unexpected escapes."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders

from errors import Unavailable
from server import refusals, request_ids

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger(__name__)


class RequestLog:
    """ASGI middleware, to be the application's first.

    Gives each request its id and sends it back, writes one line per request (no query string, header or body: they
    hold secrets and personal data), and answers the masked 500 when an exception comes through.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        request_id = request_ids.give(scope, Headers(scope=scope).get(request_ids.HEADER))
        if scope["type"] == "websocket":
            await self._converse(scope, receive, send, request_id)
            return
        started, status = time.perf_counter(), 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[request_ids.HEADER] = request_id
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        except asyncio.CancelledError:
            # Only a server that has waited long enough for its requests, and stops, cancels them: an ordinary end.
            if not status:
                stopping = Unavailable("The server stops before this was answered. Try again in a few seconds.")
                await refusals.response(stopping, request_id)(scope, receive, send_with_id)
        except Exception as exc:  # noqa: BLE001 whatever it is, the client gets JSON and the log the trace
            answer = refusals.response(exc, request_id)
            if not status:
                await answer(scope, receive, send_with_id)
        finally:
            duration_ms = (time.perf_counter() - started) * 1_000
            # %r keeps a path with odd characters on one line.
            log.info("%s %r %s %.1f ms request_id=%s", scope["method"], scope["path"], status, duration_ms, request_id)

    async def _converse(self, scope: Scope, receive: Receive, send: Send, request_id: str) -> None:
        """Serve one WebSocket."""
        started = time.perf_counter()
        try:
            await self._app(scope, receive, send)
        finally:
            duration_s = time.perf_counter() - started
            log.info("socket %r ended after %.1f s request_id=%s", scope["path"], duration_s, request_id)


def configure(level: int = logging.INFO) -> None:
    """Send our log to standard error, a line each."""
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    # Strawberry logs each client's mistake with a traceback; `failures` logs what was unexpected.
    logging.getLogger("strawberry.execution").disabled = True
