"""Instants as PostgreSQL keeps them, and what Python can hold of them."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.instants import (
    EARLIEST,
    EARLIEST_STORED_US,
    INFINITY_US,
    LATEST,
    LATEST_STORED_US,
    MINUS_INFINITY_US,
    ClampedInstant,
    from_us,
    is_storable,
    to_us,
)
from schema.scalars import DATE_TIME
from tests.owners import Owner

if TYPE_CHECKING:
    from execution.leaves import Printer

stored = st.one_of(st.integers(EARLIEST_STORED_US, LATEST_STORED_US), st.sampled_from([MINUS_INFINITY_US, INFINITY_US]))
# A day within the ends of Python's calendar: within UTC's, whatever the zone.
in_python = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.timezones())  # noqa: DTZ001


@given(stored)
def test_nothing_stored_is_lost_on_the_way_through_python(us: int) -> None:
    instant = from_us(us)

    assert us == to_us(instant)
    assert timedelta(0) == instant.utcoffset()
    assert 1 <= instant.year <= 9999


@pytest.mark.parametrize("last", [EARLIEST, LATEST])
def test_only_what_lies_beyond_pythons_calendar_is_clamped(last: datetime) -> None:
    beyond = to_us(last) + (1 if last.year == 9999 else -1)

    assert type(from_us(to_us(last))) is datetime
    assert (ClampedInstant, last) == (type(from_us(beyond)), from_us(beyond))
    assert beyond == to_us(from_us(beyond))


@given(in_python)
def test_every_instant_of_python_comes_back(instant: datetime) -> None:
    # In UTC: Python finds an hour that a clock skips or repeats unequal to every instant of another zone (PEP 495).
    assert instant.astimezone(UTC) == from_us(to_us(instant))


@given(st.lists(st.none() | stored.map(from_us) | in_python | in_python.map(lambda each: each.astimezone(UTC))))
def test_a_column_is_printed_as_each_instant_is(instants: list[datetime | None]) -> None:
    printer = cast("Printer", DATE_TIME.serialize)
    of_class = [instant for instant in instants if type(instant) in {printer.class_, type(None)}]

    assert [instant and printer.one(instant) for instant in of_class] == printer.many(of_class)


@given(stored, stored)
def test_order_is_kept(one: int, other: int) -> None:
    first, second = sorted((one, other))

    assert from_us(first) <= from_us(second)


@pytest.mark.parametrize(
    ("text", "us"),
    [
        ("-infinity", MINUS_INFINITY_US),
        ("4714-11-24 00:00:00+00 BC", EARLIEST_STORED_US),
        ("2000-01-01 00:00:00.000001+00", 1),
        ("1999-12-31 23:59:59.999999+00", -1),
        ("294276-12-31 23:59:59.999999+00", LATEST_STORED_US),
        ("infinity", INFINITY_US),
    ],
)
def test_the_numbers_are_postgresqls_own(owner: Owner, text: str, us: int) -> None:
    (row,) = owner.rows(f"SELECT encode(timestamptz_send('{text}'), 'hex') AS sent")

    assert us == int.from_bytes(bytes.fromhex(row["sent"]), signed=True)
    assert is_storable(us)


@pytest.mark.parametrize("us", [EARLIEST_STORED_US - 1, LATEST_STORED_US + 1, MINUS_INFINITY_US + 1, INFINITY_US - 1])
def test_nothing_lies_between_the_calendar_and_infinity(us: int) -> None:
    assert not is_storable(us)
