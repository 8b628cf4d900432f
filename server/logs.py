"""One line in the log for each request."""

from __future__ import annotations

import logging
from contextlib import nullcontext
from typing import TYPE_CHECKING

from pythonjsonlogger.orjson import OrjsonFormatter
from starlette.datastructures import Headers, MutableHeaders

from server import request_ids
from server.accesses import Access

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from server.accesses import AccessLog
    from settings import LogFormat

WORDS = "%(asctime)s %(levelname)s %(name)s %(message)s"
NAMED = ["levelname", "name", "message"]
"""What each line of JSON has, beside the time and what its writer names."""


class RequestLog:
    """ASGI middleware, to be the application's first.

    Gives each request its id and sends it back, and writes one line per request (no query string, header or body: they
    hold secrets and personal data).
    """

    def __init__(self, app: ASGIApp, access_log: AccessLog) -> None:
        self._app = app
        self._log = access_log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        request_id = request_ids.give(scope, Headers(scope=scope).get(request_ids.HEADER))
        access = scope["state"]["access"] = Access(request_id, (scope.get("client") or [None])[0])
        if scope["type"] == "websocket":
            await self._converse(scope, receive, send, access)
            return
        if self._log.traces:
            access.trace = self._log.traces.of_request(scope)
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[request_ids.HEADER] = request_id
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        finally:
            method, path = scope["method"], scope["path"]
            if access.trace:
                access.trace.end_request(access, scope, status)
            if self._log.metrics:
                is_refused = path == "/graphql" and method != "OPTIONS"
                self._log.metrics.count(access, "refused" if is_refused else "other")
            self._log.write(access, "%s %r %s", method, path, status, method=method, path=path, status=status)

    async def _converse(self, scope: Scope, receive: Receive, send: Send, access: Access) -> None:
        """Serve one WebSocket."""
        metrics = self._log.metrics
        try:
            with metrics.open_socket() if metrics else nullcontext():
                await self._app(scope, receive, send)
        finally:
            if metrics:
                metrics.count_errors(access)
            self._log.write(access, "socket %r ended", scope["path"], path=scope["path"])


def configure(form: LogFormat = "text") -> None:
    """Send our log to standard error, a line each."""
    handler = logging.StreamHandler()
    handler.setFormatter(OrjsonFormatter(NAMED, timestamp="time") if form == "json" else logging.Formatter(WORDS))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    # Strawberry logs each client's mistake with a traceback; `failures` logs what was unexpected.
    logging.getLogger("strawberry.execution").disabled = True
