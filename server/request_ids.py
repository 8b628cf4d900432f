"""Each request's id: the caller's own when it is sound, else a new one."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection
    from starlette.types import Scope

HEADER = "x-request-id"
# It goes into our log and back into a header: nothing in it may end a line or grow without bound.
_SOUND = re.compile(r"[A-Za-z0-9._:-]{1,64}")


def give(scope: Scope, given: str | None) -> str:
    """Give the request its id and return it."""
    request_id = given if given and _SOUND.fullmatch(given) else secrets.token_hex(16)
    scope.setdefault("state", {})["request_id"] = request_id
    return request_id


def of(request: HTTPConnection) -> str:
    """Return the id that the request was given."""
    return str(request.state.request_id)
