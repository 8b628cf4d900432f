"""Cursors: a place in one list, in one order, under one filter; opaque to clients and checked strictly."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from db.instants import from_us, is_storable, to_us
from errors import BadCursor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from db.keyset import Key, Place, Value

VERSION = 1
LONGEST = 4_000  # characters; those of the largest sort value, a subject of 255, take up to 6 bytes each
LONGEST_TEXT = 255


def scope_of(*parts: object) -> str:
    """Digest what a cursor belongs to: the field, its order, its filter. Parts must print the same in every process."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


class Mark(NamedTuple):
    """A place in a list; its cursor is printed when somebody asks for it."""

    place: Place
    scope: str

    def __str__(self) -> str:
        """Return the cursor."""
        return encode(self.place, self.scope)


def encode(place: Place, scope: str) -> str:
    """Return the cursor for a row's sort values: base64url of [version, scope, values]."""
    text = json.dumps([VERSION, scope, [_plain(value) for value in place]], separators=(",", ":"), ensure_ascii=False)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode(cursor: str, scope: str, keys: Sequence[Key]) -> Place:
    """Return the sort values in a cursor. Raises BadCursor when it is malformed or belongs elsewhere."""
    try:
        if len(cursor) > LONGEST:
            raise ValueError("too long")  # noqa: TRY301 - told apart from nothing else
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        version, its_scope, values = json.loads(text)
        if version != VERSION or not isinstance(values, list) or len(values) != len(keys):
            raise ValueError("other version or order")  # noqa: TRY301
        place = tuple(_value(key, value) for key, value in zip(keys, values, strict=True))
    except (ValueError, TypeError, RecursionError) as exc:
        raise BadCursor(
            f"“{cursor[:40]}” is no cursor of this list. Use a cursor that it gave you, unchanged."
        ) from exc
    if its_scope != scope:
        raise BadCursor(
            "This cursor belongs to another list, order or filter. Use it with the same arguments, or none."
        )
    return place


def _plain(value: Value) -> str | int | None:
    match value:
        case UUID():
            return str(value)
        case datetime():
            return to_us(value)
    return value


def _value(key: Key, value: object) -> Value:
    if value is None and key.is_nullable:
        return None
    match key.kind, value:
        case "instant", int() if not isinstance(value, bool):
            return _instant(value)
        case "uuid", str() if len(value) == 36:
            return UUID(value)
        case "number", int() if value in range(1, 10):  # ranks; True equals 1, and sorts with it
            return int(value)
        case "sequence", int() if not isinstance(value, bool) and 0 < value < 2**63:
            return value
        case "text", str() if len(value) <= LONGEST_TEXT and "\0" not in value:
            value.encode()  # a half of a surrogate pair is a ValueError: no row can hold one
            return value
    raise ValueError("wrong kind of value")


def _instant(us: int) -> datetime:
    if not is_storable(us):
        raise ValueError("instant out of range")
    return from_us(us)
