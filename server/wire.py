"""HTTP on the wire, as uvicorn reads it; what isn't HTTP is refused as anything else is: in JSON, with a code."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from errors import BadUserInput
from server import failures
from server.answers import ALWAYS, JSON, json_text

if TYPE_CHECKING:
    from collections.abc import Iterable

NOT_HTTP = "This can't be read as HTTP/1.1. Correct its request line, its headers or the frame of its body."


class Wire(HttpToolsProtocol):
    """One connection of a client."""

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's words
        """Refuse what isn't HTTP, and close the connection."""
        request_id = secrets.token_hex(16)
        body = json_text({"errors": [failures.entry_of(BadUserInput(NOT_HTTP), request_id)]}).encode()
        ours = {**ALWAYS, "Content-Type": JSON, "Content-Length": str(len(body)), "X-Request-Id": request_id}
        headers: Iterable[tuple[bytes, bytes]] = [
            *self.server_state.default_headers,
            *((name.lower().encode(), value.encode()) for name, value in ours.items()),
            (b"connection", b"close"),
        ]
        head = b"".join(b"%s: %s\r\n" % header for header in headers)
        self.transport.write(b"HTTP/1.1 400 Bad Request\r\n%s\r\n%s" % (head, body))
        self.transport.close()
