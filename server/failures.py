"""How a failure reaches a client: its HTTP status, and an `errors` entry without a word of Python, driver or SQL."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

import orjson
from graphql import GraphQLError
from starlette.responses import Response

from errors import (
    BadUserInput,
    BodyTooLarge,
    MediaTypeUnsupported,
    MethodNotAllowed,
    TasklineError,
    Unauthenticated,
    Unavailable,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

log = logging.getLogger(__name__)

RETRY_AFTER_S = 2

# Looked up along a class's ancestors, so that the most special wins.
_STATUS: Mapping[type[Exception], int] = {
    MethodNotAllowed: 405,
    BodyTooLarge: 413,
    MediaTypeUnsupported: 415,
    Unauthenticated: 401,
    Unavailable: 503,
    TasklineError: 400,
    Exception: 500,
}
# Only 401, 405 and 503 have a header that says how to go on; a 413 must close, because its body was left unread.
_HEADERS: Mapping[int, Mapping[str, str]] = {
    401: {"WWW-Authenticate": "Bearer"},
    405: {"Allow": "GET, POST"},
    413: {"Connection": "close"},
    503: {"Retry-After": str(RETRY_AFTER_S)},
}


def response(failure: Exception, request_id: str, media_type: str = "application/json") -> Response:
    """Return the whole answer to a request that failed before any of its fields ran."""
    status = status_of(failure)
    entry = {"message": message_of(failure, request_id), "extensions": {"code": code_of(failure)}}
    return Response(
        orjson.dumps({"errors": [entry]}),
        status_code=status,
        media_type=media_type,
        headers=headers_for(status),
    )


def headers_for(status: int) -> dict[str, str]:
    """Return the headers that belong to a status, beside the body's own."""
    return dict(_HEADERS.get(status, {}))


def status_of(failure: BaseException) -> int:
    """Return the HTTP status of a failure that concerns the whole request."""
    return next(_STATUS[kind] for kind in type(failure).__mro__ if kind in _STATUS)


def code_of(failure: BaseException) -> str:
    """Return the stable code: INTERNAL for everything unexpected."""
    return failure.code if isinstance(failure, TasklineError) else TasklineError.code


def message_of(failure: BaseException, request_id: str) -> str:
    """Return an expected failure's own message, else the one masked message; the unexpected one is logged whole."""
    if isinstance(failure, TasklineError):
        return str(failure)
    log.error("unexpected failure, request_id=%s", request_id, exc_info=failure)
    return f"Something went wrong on our side. Try again; if it stays, tell us the request id {request_id}."


def entry(error: GraphQLError, request_id: str) -> tuple[BaseException, dict[str, object]]:
    """Return what really failed, and the `errors` entry that tells the client."""
    failure = failure_of(error)
    told: dict[str, object] = {
        "message": message_of(failure, request_id),
        "extensions": {"code": code_of(failure)},
    }
    if error.locations:
        told["locations"] = [location.formatted for location in error.locations]
    if error.path is not None:
        told["path"] = error.path
    return failure, told


def failure_of(error: GraphQLError) -> BaseException:
    """Return the failure behind a GraphQL error; what the client got wrong comes back as BadUserInput.

    graphql-core reports faults of ours with the same class. The client's are those about its document, which have
    a place in it (`nodes`, or `positions` for syntax), or the plain ones of parsing, validation and variables. While
    fields run, the place is the field's own, so there only a cause that brought its own place is the client's.
    """
    root: BaseException = error
    while isinstance(root, GraphQLError) and root.original_error is not None:
        root = root.original_error
    if isinstance(root, TasklineError):
        return root
    cause = error if error.path is None else error.original_error
    if not isinstance(cause, GraphQLError):
        return root
    is_plain = error.path is None and root is error
    if not (cause.nodes or cause.positions or is_plain):
        return root
    # Scalars report with exceptions of Python, whose words are not for clients.
    message = cause.message.replace(f", but encountered error '{root}'; found", ", found") if root is not cause else ""
    return BadUserInput(in_json_words(message or cause.message))


def in_json_words(message: str) -> str:
    """Return the message with null, true and false where graphql-core prints Python's names for them."""
    parts = re.split(r"""('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")""", message)
    words = {"None": "null", "Undefined": "absent", "True": "true", "False": "false"}
    parts[::2] = [
        re.sub(r"\b(None|Undefined|True|False)\b", lambda match: words[match[0]], part) for part in parts[::2]
    ]
    return "".join(parts)
