"""Scalars of ours: instants, which need an offset, and time zones; and identifiers, which are UUIDs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson
import strawberry
from strawberry.types.scalar import ScalarDefinition

from errors import BadUserInput
from execution.leaves import Printer
from resolvers.zones import zone_of

CANONICAL_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def to_uuid(value: str, name: str) -> UUID:
    """Read an identifier. Raises BadUserInput when it is no UUID."""
    if not CANONICAL_UUID.fullmatch(value):
        raise BadUserInput(f"{name} “{value[:40]}” is no identifier. Give a UUID, e.g. 5f0c3f1e-….")
    return UUID(value)


def to_uuids(values: Sequence[str], name: str) -> list[UUID]:
    """Read identifiers. Raises BadUserInput when one is no UUID."""
    return [to_uuid(value, name) for value in values]


def to_uuid_or_none(value: str | None, name: str) -> UUID | None:
    """Read an identifier that may be absent or null. Raises BadUserInput when it is no UUID."""
    return to_uuid(value, name) if isinstance(value, str) else None


def printed(instant: datetime) -> str:
    """Show an instant as the API does: in UTC."""
    in_utc = instant if instant.tzinfo is UTC else instant.astimezone(UTC)
    return f"{in_utc.isoformat().removesuffix('+00:00')}Z"


def _all_printed(instants: list[datetime | None]) -> list[str | None]:
    """Show each as `printed` does, in a tenth of the time."""
    if {instant.tzinfo for instant in instants if instant} <= {UTC}:
        shown: list[str | None] = orjson.loads(orjson.dumps(instants, option=orjson.OPT_UTC_Z))
        return shown
    return [None if instant is None else printed(instant) for instant in instants]


def _parsed(value: object) -> datetime:
    if not isinstance(value, str):
        raise BadUserInput("An instant is a text. Give date, time and offset, e.g. “2026-02-10T15:30:00Z”.")
    try:
        instant = datetime.fromisoformat(value)
        if instant.tzinfo is None:
            raise ValueError("no offset")  # noqa: TRY301 - answered in the same words
        return instant.astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadUserInput(
            f"“{value[:40]}” is no instant. Give date, time and offset, e.g. 2026-02-10T15:30:00Z."
        ) from None


DATE_TIME = strawberry.scalar(
    name="DateTime",
    description="An instant, ISO 8601 with offset; always answered in UTC. An instant without an offset is refused.",
    specified_by_url="https://scalars.graphql.org/andimarek/date-time.html",
    serialize=Printer(printed, _all_printed, datetime),
    parse_value=_parsed,
)


def _zone(value: object) -> ZoneInfo:
    if not isinstance(value, str):
        raise BadUserInput("A time zone is a text. Give its IANA name, e.g. “Europe/Paris”.")
    return zone_of(value)


TIME_ZONE = strawberry.scalar(
    name="TimeZone",
    description="An IANA time zone name, e.g. Europe/Paris.",
    specified_by_url="https://www.iana.org/time-zones",
    serialize=str,
    parse_value=_zone,
)

SCALARS: dict[object, ScalarDefinition] = {datetime: DATE_TIME, ZoneInfo: TIME_ZONE}
