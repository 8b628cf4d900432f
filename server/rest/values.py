"""What a single value may look like: in a path, a query string or a body, and in an answer."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from errors import BadUserInput
from resolvers.zones import zone_of
from schema.scalars import to_uuid

Value = TypeVar("Value")

# Of our own errors, so that their words are kept.
OWN = "taskline"


def _id(value: object) -> UUID:
    try:
        return to_uuid(value if isinstance(value, str) else "", "It")
    except BadUserInput:
        raise PydanticCustomError(OWN, "Give a UUID, e.g. 5f0c3f1e-….") from None


def _instant(value: object) -> datetime:
    try:
        instant = datetime.fromisoformat(value if isinstance(value, str) else "")
        # Without an offset it means UTC, as it always has in this API; GraphQL refuses that.
        return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    except (ValueError, OverflowError):
        raise PydanticCustomError(OWN, "Give date, time and offset, e.g. 2026-02-10T15:30:00Z.") from None


def _zone(value: object) -> ZoneInfo:
    try:
        return zone_of(value if isinstance(value, str) else "")
    except BadUserInput:
        raise PydanticCustomError(OWN, "Give the name of a time zone that IANA lists, e.g. Europe/Paris.") from None


def _nothing_for_empty(value: object) -> object:
    """Take an empty text for nothing: forms send it for a field that nobody filled in."""
    return None if value == "" else value


Id = Annotated[UUID, BeforeValidator(_id, json_schema_input_type=UUID)]
Instant = Annotated[datetime, BeforeValidator(_instant, json_schema_input_type=datetime)]
Zone = Annotated[ZoneInfo, BeforeValidator(_zone), WithJsonSchema({"type": "string", "examples": ["Europe/Paris"]})]
OrEmpty = Annotated[Value | None, BeforeValidator(_nothing_for_empty)]
"""A value, null or an empty text."""

PrintedInstant = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
"""An instant in an answer: ISO 8601 in UTC, to the millisecond."""


def printed(instant: datetime | None) -> str | None:
    """Print an instant as this API always has, e.g. 2026-02-10T15:30:00.000Z."""
    if instant is None:
        return None
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
