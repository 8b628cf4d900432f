"""Each request's id, its one line in the log, and the last resort when something unexpected escapes."""

from __future__ import annotations

import logging
import re
import time
import uuid
from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders

from server import failures

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger(__name__)

# A caller's id goes into our log and back into a header: nothing in it may end a line or grow without bound.
_ACCEPTABLE_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")


class RequestLog:
    """ASGI middleware, to be the outermost.

    Takes a sound `X-Request-Id` or makes one, sends it back, writes one line per request (no query string, header
    or body: they hold secrets and personal data), and answers the masked 500 when an exception comes through.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _sound_id(Headers(scope=scope).get("x-request-id"))
        scope.setdefault("state", {})["request_id"] = request_id
        started, status = time.perf_counter(), 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["x-request-id"] = request_id
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        except Exception as exc:  # noqa: BLE001 the last resort: whatever it is, the client gets JSON and we the trace
            answer = failures.response(exc, request_id)
            if not status:
                await answer(scope, receive, send_with_id)
        finally:
            duration_ms = (time.perf_counter() - started) * 1_000
            # %r keeps a path with odd characters on one line.
            log.info("%s %r %s %.1f ms request_id=%s", scope["method"], scope["path"], status, duration_ms, request_id)


def request_id_of(request: Request) -> str:
    """Return the id that RequestLog gave to this request."""
    return str(request.state.request_id)


def configure(level: int = logging.INFO) -> None:
    """Send our log to standard error, a line each."""
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    # Strawberry logs each client's mistake with a traceback; `failures` logs what was unexpected.
    logging.getLogger("strawberry.execution").disabled = True


def _sound_id(given: str | None) -> str:
    return given if given and _ACCEPTABLE_ID.fullmatch(given) else uuid.uuid4().hex
