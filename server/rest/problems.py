"""Refusals and failures as REST answers them: problem details (RFC 9457) with the older `error` and `message`."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from db.interactions import InteractionRow
from errors import (
    BadFields,
    Forbidden,
    IdempotencyConflict,
    RecordNotFound,
    Refusal,
    Refused,
    StaleVersion,
    TasklineError,
)
from server import accesses, failures, refusals
from server.answers import JSON, answer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.responses import Response

PROBLEM_JSON = "application/problem+json"

# What `error` has always said, where it is not the status's own name.
OLDER_WORDS: Mapping[int, str] = {400: "Validation error", 404: "Not found"}

# A refused change's status is that of its first reason that is in here, or 400.
REFUSED: Mapping[type[Refusal], int] = {
    Forbidden: 403,
    RecordNotFound: 404,
    StaleVersion: 412,
    IdempotencyConflict: 422,
}

# Fields of a use case, and names of GraphQL in its messages, that are called otherwise here.
FIELDS: Mapping[str, str] = {
    "due_at": "scheduled_at",
    "assignee_id": "assigned_to",
    "expected_version": "If-Match",
    "idempotency_key": "Idempotency-Key",
}
_GRAPHQL_NAMES = re.compile(r"\b(?:lead|contact|account|assignee)Id\b|\b(?:dueAt|expectedVersion)\b")


def response(
    failure: Exception,
    request: Request,
    request_id: str,
    *,
    headers: Mapping[str, str] | None = None,
    members: Mapping[str, object] | None = None,
) -> Response:
    """Return the whole answer to a request that failed, with these headers and members besides."""
    status, entries = _told(failure)
    session = accesses.of(request).session
    message = " ".join(str(entry["message"]) for entry in entries) or failures.message_of(
        failure, request_id, has_made=session is not None and session.has_made
    )
    code = entries[0]["code"] if entries else failures.code_of(failure)
    accesses.of(request).codes = sorted({str(entry["code"]) for entry in entries} or {str(code)})
    body = body_of(status, str(code), message) | ({"errors": entries} if entries else {}) | dict(members or {})
    more = {**_headers_of(failure), **(headers or {})}
    return answer(body, status=status, media_type=media_type_of(request.headers.get("accept", "")), headers=more)


def body_of(status: int, code: str, message: str) -> dict[str, Any]:
    """Return the members that every problem has."""
    title = HTTPStatus(status).phrase
    return {
        "type": "about:blank",  # the title then is the status's own name; `code` says more
        "title": title,
        "status": status,
        "detail": message,
        "code": code,
        "error": OLDER_WORDS.get(status, title),
        "message": message,
    }


def media_type_of(accept: str) -> str:
    """Return problem+json for who names it; plain JSON otherwise, because older clients look for that very type."""
    return PROBLEM_JSON if PROBLEM_JSON in accept.lower() else JSON


def in_rest_names(message: str) -> str:
    """Return the message with the names that REST has for GraphQL's fields."""
    return _GRAPHQL_NAMES.sub(lambda name: _rest_name(re.sub("([A-Z])", r"_\1", name[0]).lower()), message)


def _told(failure: Exception) -> tuple[int, list[dict[str, object]]]:
    """Return the status, and an entry for each reason or field at fault; none for what concerns the whole request."""
    if isinstance(failure, BadFields):
        return 400, [_entry(fault, field) for fault, field in failure.faults]
    if isinstance(failure, Refused):
        found = [_entry(refusal, refusal.field) for refusal in failure.refusals]
        return REFUSED.get(type(failure.refusals[0]), 400), found
    return refusals.status_of(failure), []


def _entry(failure: TasklineError, field: str | None) -> dict[str, object]:
    return {
        "code": failure.code,
        "message": in_rest_names(str(failure)),
        "field": field and _rest_name(field),
    }


def _rest_name(field: str) -> str:
    return FIELDS.get(field, field)


def _headers_of(failure: Exception) -> Mapping[str, str]:
    """Return a failure's headers; among them the task's ETag when the one that the caller knew is out of date."""
    if not isinstance(failure, Refused):
        return refusals.headers_of(failure)
    stale = failure.refusals[0]
    current = stale.current if isinstance(stale, StaleVersion) else None
    return {"ETag": f'"{current.version}"'} if isinstance(current, InteractionRow) else {}
