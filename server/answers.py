"""JSON answers."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

import orjson
from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from _typeshed import DataclassInstance

JSON = "application/json"

# What we answer is meant for one caller at one moment, and is never a page.
ALWAYS: Mapping[str, str] = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


def json_text(body: Mapping[str, object]) -> str:
    """Return the body as JSON, for a message."""
    return orjson.dumps(body).decode()


def answer(
    body: Mapping[str, object] | DataclassInstance,
    *,
    status: int = 200,
    media_type: str = JSON,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return the body as JSON; a dataclass becomes an object with its fields."""
    return Response(orjson.dumps(body, default=_plain), status, {**ALWAYS, **(headers or {})}, media_type)


def _plain(value: object) -> str:
    """Return what orjson can print: it knows UUIDs, but not the driver's, which are of a class below."""
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"{type(value).__name__} is nothing that JSON has")
