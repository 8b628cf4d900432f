"""JSON answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Mapping

JSON = "application/json"

# What we answer is meant for one caller at one moment, and is never a page.
ALWAYS: Mapping[str, str] = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


def answer(
    body: Mapping[str, object], *, status: int = 200, media_type: str = JSON, headers: Mapping[str, str] | None = None
) -> Response:
    """Return the body as JSON."""
    return Response(orjson.dumps(body), status, {**ALWAYS, **(headers or {})}, media_type)
