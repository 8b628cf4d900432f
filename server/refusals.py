"""Whole answers to requests that failed: the HTTP status, its headers, and always JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException

from errors import (
    AnswerLost,
    BodyTooLarge,
    BodyTooSlow,
    ChangeUnknown,
    Forbidden,
    MediaTypeUnsupported,
    MethodNotAllowed,
    NotFound,
    TasklineError,
    TimedOut,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
)
from server import failures, request_ids
from server.answers import JSON, answer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ExceptionHandler

RETRY_AFTER_S = 2

# Looked up along a class's ancestors, so that the most special one wins.
STATUS: Mapping[type[BaseException], int] = {
    TasklineError: 400,
    Unauthenticated: 401,
    Forbidden: 403,
    NotFound: 404,
    MethodNotAllowed: 405,
    BodyTooSlow: 408,
    BodyTooLarge: 413,
    MediaTypeUnsupported: 415,
    TooManyRequests: 429,
    BaseException: 500,
    # Not 503, at which many clients send even a POST again. The older application had 500 for every failure of its own.
    AnswerLost: 500,
    TimedOut: 503,
    Unavailable: 503,
}
# A body that was refused or given up is left unread, so the connection can't be used again.
HEADERS: Mapping[int, Mapping[str, str]] = {
    401: {"WWW-Authenticate": "Bearer"},
    405: {"Allow": "GET, POST"},
    408: {"Connection": "close"},
    413: {"Connection": "close"},
    503: {"Retry-After": str(RETRY_AFTER_S)},
}


def status_of(failure: BaseException) -> int:
    """Return the HTTP status of a failure that concerns the whole request."""
    if not failures.is_public(failure):
        return 500
    return next(STATUS[kind] for kind in type(failure).__mro__ if kind in STATUS)


def headers_for(status: int) -> Mapping[str, str]:
    """Return the headers that belong to a status, beside the body's own."""
    return HEADERS.get(status, {})


def headers_of(failure: BaseException) -> Mapping[str, str]:
    """Return the headers that belong to a failure that concerns the whole request; nobody is asked to change twice."""
    if isinstance(failure, ChangeUnknown):
        return {}
    wait = {"Retry-After": str(failure.wait_s)} if isinstance(failure, TooManyRequests) else {}
    return {**headers_for(status_of(failure)), **wait}


def response(failure: BaseException, request_id: str, media_type: str = JSON) -> Response:
    """Return the whole answer to a request that failed."""
    status = status_of(failure)
    body = {"errors": [failures.entry_of(failure, request_id)]}
    return answer(body, status=status, media_type=media_type, headers=headers_of(failure))


def handlers() -> dict[type[Exception], ExceptionHandler]:
    """Return the application's exception handlers: expected failures, and what the router itself refuses."""
    return {TasklineError: _expected, HTTPException: _of_the_router}


async def _expected(request: Request, exc: Exception) -> Response:
    return response(exc, request_ids.of(request))


async def _of_the_router(request: Request, exc: Exception) -> Response:
    status, headers = (exc.status_code, exc.headers) if isinstance(exc, HTTPException) else (500, None)
    failure: TasklineError
    if status == 404:
        failure = NotFound(f"There is nothing at {request.url.path[:100]}. GraphQL is at /graphql.")
    else:
        failure = MethodNotAllowed(f"{request.method} is not possible here.")
    refusal = response(failure, request_ids.of(request))
    refusal.headers.update(headers or {})
    return refusal
