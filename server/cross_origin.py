"""Cross-origin resource sharing: which other sites' pages a browser lets use the API, as the settings name them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response

from errors import Forbidden
from execution.mistakes import listed, shortened
from server import refusals
from server.answers import ALWAYS

if TYPE_CHECKING:
    from starlette.datastructures import Headers

METHODS = ("GET", "HEAD", "POST", "PATCH", "DELETE")
READ = (
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "If-Match",
    "Traceparent",
    "Tracestate",
    "X-Request-Id",
)
"""The headers that the API looks at and a page may not send unasked.

Those of traces are possible where nothing is traced, too: a page that sends them would else be shut out of the API by
whoever turns traces off.
"""
SHOWN = ("ETag", "Retry-After", "X-Request-Id")
"""The headers of an answer that a page may not see otherwise."""
MAX_AGE_S = 7_200
"""How long a browser may remember what a page may do; Chromium does no longer than that."""


def sharing(origins: str | None) -> list[Middleware]:
    """Return the middleware for these origins, with commas between; for none of them there is none.

    Credentials aren't shared: there are no cookies, and a page has to know the token that it sends.
    """
    if origins is None:
        return []
    return [
        Middleware(
            CrossOrigin,
            allow_origins=origins.split(","),
            allow_methods=METHODS,
            allow_headers=READ,
            expose_headers=SHOWN,
            max_age=MAX_AGE_S,
        )
    ]


class CrossOrigin(CORSMiddleware):
    """Starlette's, which answers a browser's question in plain text: here without any, or refused in JSON."""

    def preflight_response(self, request_headers: Headers) -> Response:
        """Answer what a browser asks before a page's request."""
        found = super().preflight_response(request_headers)
        told = {name: value for name, value in found.headers.items() if name == "vary" or name.startswith("access-")}
        if found.status_code == 200:
            return Response(status_code=204, headers={**ALWAYS, **told})
        # A refusal that is meant for clients doesn't name the request's id.
        refusal = refusals.response(Forbidden(self._refused(request_headers)), request_id="")
        refusal.headers.update(told)
        return refusal

    def _refused(self, request_headers: Headers) -> str:
        """Return what is refused to whom, and what is possible instead."""
        origin, method = request_headers["origin"], request_headers["access-control-request-method"]
        if not self.is_allowed_origin(origin):
            return f"Pages of {shortened(origin)} may not ask here. Let whoever runs this service allow that origin."
        if method not in METHODS:
            return f"Pages of other sites may not send {shortened(method)}. Send {listed(METHODS)}."
        return f"Pages of other sites may send no other headers of their own than {', '.join(READ)}. Leave those out."
