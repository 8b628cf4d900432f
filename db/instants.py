"""Instants as PostgreSQL keeps them: microseconds since 2000, with infinities and years that Python can't hold.

asyncpg raises for those and fails the whole statement; ours are clamped to the years 1 to 9999 and remember what is
stored, so that a cursor made from them still finds its place.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
EARLIEST = datetime.min.replace(tzinfo=UTC)
LATEST = datetime.max.replace(tzinfo=UTC)
INFINITY_US = 2**63 - 1  # PostgreSQL's own marks for infinity and -infinity
MINUS_INFINITY_US = -(2**63)
EARLIEST_STORED_US = -211_813_488_000_000_000  # 24 November 4714 BC, the first day of PostgreSQL's calendar
LATEST_STORED_US = 9_223_371_331_199_999_999  # the end of the year 294276


class ClampedInstant(datetime):
    """The nearest instant that Python can hold; `stored_us` is the one in the table."""

    stored_us: int


def from_us(us: int) -> datetime:
    """Return the aware UTC instant for microseconds since 2000; outside the years 1 to 9999 the nearest within."""
    return from_stored((us,))


def from_stored(stored: tuple[int]) -> datetime:
    """Return the same as `from_us`, for a number as asyncpg has it. One call, for it is made for each on a page."""
    try:
        return EPOCH + stored[0] * MICROSECOND
    except OverflowError:
        return _clamped(stored[0])


def is_storable(us: int) -> bool:
    """Tell whether PostgreSQL can hold this many microseconds since 2000; it fails on any other."""
    return us in (MINUS_INFINITY_US, INFINITY_US) or EARLIEST_STORED_US <= us <= LATEST_STORED_US


def to_us(instant: datetime) -> int:
    """Return microseconds since 2000, the stored ones for a clamped instant. The exact inverse of `from_us`."""
    if isinstance(instant, ClampedInstant):
        return instant.stored_us
    return (instant - EPOCH) // MICROSECOND


def _clamped(us: int) -> ClampedInstant:
    nearest = LATEST if us > 0 else EARLIEST
    clamped = ClampedInstant.combine(nearest.date(), nearest.timetz())
    clamped.stored_us = us
    return clamped
