"""Days, weeks and months as people in a time zone live them, each as a stretch between two instants.

They are computed here and not by the database: a condition that computes with a row's instant reaches no index under
row security, one that compares it with an instant does.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

from db.instants import INFINITY_US, MINUS_INFINITY_US, from_us
from errors import BadUserInput

A_DAY = timedelta(days=1)


class Unit(StrEnum):
    """What time is divided into; weeks begin on Monday."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Stretch:
    """A day, week or month. It holds `starts_at` and not `ends_at`; `key` reads 2026-02-10, 2026-W07 or 2026-02.

    The first and the last of Python's calendar reach to -infinity and infinity, so that every stored instant is in one.
    A day that a zone left out, as Samoa did when it crossed the date line, holds nothing: it ends as it starts.
    """

    key: str
    starts_at: datetime
    ends_at: datetime


def zone_of(name: str) -> ZoneInfo:
    """Return the zone that IANA calls so. Raises BadUserInput when there is none."""
    if name not in _names():
        raise BadUserInput(f"“{name[:40]}” is no time zone. Give a name that IANA lists, e.g. Europe/Paris.")
    return ZoneInfo(name)


def stretch_at(unit: Unit, instant: datetime, zone: ZoneInfo) -> Stretch:
    """Return the day, week or month that holds an instant."""
    stretch = stretch_on(unit, _local(instant, zone).date(), zone)
    if instant < stretch.ends_at or stretch.ends_at == _end_of_time():
        return stretch
    # Clocks that go back over midnight show yesterday's date once more: in Newfoundland 00:01 became 23:01. The day
    # that had begun goes on.
    return stretch_at(unit, instant + A_DAY, zone)


def stretch_on(unit: Unit, on: date, zone: ZoneInfo) -> Stretch:
    """Return the day, week or month that holds a date."""
    first, following, key = _dates(unit, on)
    starts_at = _beginning_of_time() if first == date.min else _start_of(first, zone)
    return Stretch(key, starts_at, _end_of_time() if following is None else _start_of(following, zone))


def _dates(unit: Unit, on: date) -> tuple[date, date | None, str]:
    """Return the first date of a stretch, the first after it (None after the year 9999), and its key."""
    match unit:
        case Unit.DAY:
            return on, _later(on, 1), on.isoformat()
        case Unit.WEEK:
            monday = on - timedelta(days=on.weekday())  # 1 January of the year 1 is one
            year, week, _ = on.isocalendar()
            return monday, _later(monday, 7), f"{year:04}-W{week:02}"
        case Unit.MONTH:
            first = on.replace(day=1)
            following = _later(first, 31)
            return first, following and following.replace(day=1), f"{on.year:04}-{on.month:02}"


def _later(on: date, days: int) -> date | None:
    """Return the date so many days later; None after the year 9999."""
    try:
        return on + timedelta(days=days)
    except OverflowError:
        return None


def _start_of(day: date, zone: ZoneInfo) -> datetime:
    """Return the first instant at which clocks show this date, or a later one."""
    midnight = datetime.combine(day, time.min, zone)
    start = midnight.astimezone(UTC)
    if start.astimezone(zone).replace(tzinfo=None) == midnight.replace(tzinfo=None):
        return start
    # Clocks skip midnight. They were put forward at some whole second not after this one, and after the one that their
    # new offset would call midnight: in Toronto they once went from 23:30 to 00:30.
    before, after = midnight.replace(fold=1).astimezone(UTC), start
    while after - before > timedelta(seconds=1):
        middle = (before + (after - before) // 2).replace(microsecond=0)
        if middle.astimezone(zone).date() >= day:
            after = middle
        else:
            before = middle
    return after


def _local(instant: datetime, zone: ZoneInfo) -> datetime:
    try:
        return instant.astimezone(zone)
    except OverflowError:  # in the first or the last hours of Python's calendar
        return instant


def _beginning_of_time() -> datetime:
    return from_us(MINUS_INFINITY_US)


def _end_of_time() -> datetime:
    return from_us(INFINITY_US)


@cache
def _names() -> frozenset[str]:
    """Return IANA's names; a computer's folder of zones holds other clocks, and files that are none, besides."""
    return frozenset(files("tzdata").joinpath("zones").read_text(encoding="ascii").split())
