"""What a client of graphql-transport-ws may say, and the codes by which a socket is closed.

The codes are the protocol's: https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from errors import BadUserInput
from server import operations
from server.answers import json_text

if TYPE_CHECKING:
    from starlette.websockets import WebSocket

PROTOCOL = "graphql-transport-ws"

INVALID, UNAUTHORIZED, FORBIDDEN, UNACCEPTABLE, TOO_LATE, TAKEN, TOO_MANY = 4400, 4401, 4403, 4406, 4408, 4409, 4429
UNEXPECTED = 1011
LONGEST_REASON = 120  # bytes; the protocol of WebSockets has room for 123


class Closed(Exception):
    """The socket is to be closed, with this code and this reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def message_of(text: str) -> dict[str, object]:
    """Return the message in a text. Raises Closed for anything but a JSON object."""
    try:
        message = operations.parsed_json(text, "message")
    except BadUserInput as exc:
        raise Closed(INVALID, str(exc)) from exc
    if not isinstance(message, dict):
        raise Closed(INVALID, 'The message is no object. Send one: {"type": "…"}.')
    return message


def pong_to(message: dict[str, object]) -> dict[str, object]:
    """Return the answer to a ping, with its payload. Raises Closed for one that can be read, but not written."""
    payload = message.get("payload")
    pong: dict[str, object] = {"type": "pong"} | ({"payload": payload} if isinstance(payload, dict) else {})
    try:
        json_text(pong)
    except TypeError as exc:
        raise Closed(INVALID, "The payload is nested too deeply to be sent back. Send a flatter one.") from exc
    return pong


def id_of(message: dict[str, object]) -> str:
    """Return the operation's id. Raises Closed for a message without one."""
    id_ = message.get("id")
    if not isinstance(id_, str) or not id_:
        raise Closed(INVALID, f"{message.get('type')} has no id. Send one, as a string.")
    return id_


def authorization_of(socket: WebSocket, payload: object) -> str | None:
    """Return what stands for the header that a browser can't send with a WebSocket: `authorization` in the payload."""
    given = payload if isinstance(payload, dict) else {}
    for name, value in given.items():
        if str(name).lower() == "authorization" and isinstance(value, str):
            return value
    return socket.headers.get("authorization")
