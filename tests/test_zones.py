"""Days, weeks and months in a time zone."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.instants import EARLIEST_STORED_US, INFINITY_US, LATEST_STORED_US, MINUS_INFINITY_US, from_us
from errors import BadUserInput
from resolvers.zones import Stretch, Unit, stretch_at, stretch_on, zone_of

HOUR = timedelta(hours=1)
ZONES = sorted(available_timezones() - {"localtime"})

zones = st.sampled_from(ZONES).map(zone_of)
units = st.sampled_from(list(Unit))
dates = st.one_of(st.dates(), st.dates(date(1850, 1, 1), date(2040, 1, 1)))
stored = st.one_of(
    st.integers(EARLIEST_STORED_US, LATEST_STORED_US),
    st.sampled_from([MINUS_INFINITY_US, INFINITY_US]),
    st.datetimes(timezones=st.just(UTC)).map(lambda instant: (instant - from_us(0)) // timedelta(microseconds=1)),
)


def day(name: str, on: str) -> Stretch:
    return stretch_on(Unit.DAY, date.fromisoformat(on), zone_of(name))


@pytest.mark.parametrize(
    ("zone", "on", "starts", "hours"),
    [
        ("UTC", "2026-02-10", "2026-02-10T00:00Z", 24),
        ("Europe/Paris", "2026-02-10", "2026-02-09T23:00Z", 24),
        ("Europe/Paris", "2026-03-29", "2026-03-28T23:00Z", 23),
        ("Europe/Paris", "2026-10-25", "2026-10-24T22:00Z", 25),
        ("America/New_York", "2026-03-08", "2026-03-08T05:00Z", 23),
        ("America/New_York", "2026-11-01", "2026-11-01T04:00Z", 25),
        ("Australia/Lord_Howe", "2026-04-05", "2026-04-04T13:00Z", 24.5),
        ("Australia/Lord_Howe", "2026-10-04", "2026-10-03T13:30Z", 23.5),
        ("Asia/Kathmandu", "2026-02-10", "2026-02-09T18:15Z", 24),
        # Clocks skip midnight, or show it twice.
        ("America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00Z", 23),
        ("America/Sao_Paulo", "2018-02-17", "2018-02-17T02:00Z", 25),
        ("America/Havana", "2026-03-08", "2026-03-08T05:00Z", 23),
        ("America/Havana", "2026-11-01", "2026-11-01T04:00Z", 25),
        ("America/Toronto", "1919-03-31", "1919-03-31T04:30Z", 23.5),
        ("America/St_Johns", "2010-03-14", "2010-03-14T03:30Z", 23),
        ("America/St_Johns", "2010-11-07", "2010-11-07T02:30Z", 25),
        # Samoa crossed the date line.
        ("Pacific/Apia", "2011-12-29", "2011-12-29T10:00Z", 24),
        ("Pacific/Apia", "2011-12-30", "2011-12-30T10:00Z", 0),
        ("Pacific/Apia", "2011-12-31", "2011-12-30T10:00Z", 24),
    ],
)
def test_a_day_lasts_from_the_first_instant_of_its_date_to_that_of_the_next(
    zone: str, on: str, starts: str, hours: float
) -> None:
    found = day(zone, on)

    start = datetime.fromisoformat(starts)
    assert Stretch(on, start, start + hours * HOUR) == found


@pytest.mark.parametrize(
    ("unit", "on", "expected"),
    [
        (Unit.WEEK, "2026-02-09", ("2026-W07", "2026-02-08T23:00Z", "2026-02-15T23:00Z")),
        (Unit.WEEK, "2026-02-15", ("2026-W07", "2026-02-08T23:00Z", "2026-02-15T23:00Z")),
        (Unit.WEEK, "2026-03-29", ("2026-W13", "2026-03-22T23:00Z", "2026-03-29T22:00Z")),
        (Unit.WEEK, "2027-01-01", ("2026-W53", "2026-12-27T23:00Z", "2027-01-03T23:00Z")),
        (Unit.WEEK, "2024-12-31", ("2025-W01", "2024-12-29T23:00Z", "2025-01-05T23:00Z")),
        (Unit.MONTH, "2026-02-28", ("2026-02", "2026-01-31T23:00Z", "2026-02-28T23:00Z")),
        (Unit.MONTH, "2026-03-31", ("2026-03", "2026-02-28T23:00Z", "2026-03-31T22:00Z")),
        (Unit.MONTH, "2026-12-01", ("2026-12", "2026-11-30T23:00Z", "2026-12-31T23:00Z")),
    ],
)
def test_weeks_begin_on_monday_and_months_on_the_first(unit: Unit, on: str, expected: tuple[str, str, str]) -> None:
    found = stretch_on(unit, date.fromisoformat(on), ZoneInfo("Europe/Paris"))

    key, starts, ends = expected
    assert Stretch(key, datetime.fromisoformat(starts), datetime.fromisoformat(ends)) == found


@pytest.mark.slow
@given(units, stored, zones)
def test_every_stored_instant_is_in_its_stretch(unit: Unit, us: int, zone: ZoneInfo) -> None:
    instant = from_us(us)

    found = stretch_at(unit, instant, zone)

    assert found.starts_at <= instant
    assert instant < found.ends_at or found.ends_at == from_us(INFINITY_US)


@pytest.mark.slow
@given(units, dates, zones)
def test_stretches_follow_one_another_without_gap(unit: Unit, on: date, zone: ZoneInfo) -> None:
    first = stretch_on(unit, on, zone)

    following = next(
        (
            stretch_on(unit, date.fromordinal(number), zone)
            for number in range(on.toordinal(), min(on.toordinal() + 32, date.max.toordinal() + 1))
            if stretch_on(unit, date.fromordinal(number), zone).key != first.key
        ),
        None,
    )

    assert first.starts_at <= first.ends_at
    assert first.ends_at == (following.starts_at if following else from_us(INFINITY_US))


@pytest.mark.slow
@given(st.dates(date(1, 1, 3), date(9999, 12, 29)), zones)
def test_a_day_starts_when_clocks_first_show_its_date(on: date, zone: ZoneInfo) -> None:
    start = stretch_on(Unit.DAY, on, zone).starts_at

    assert start.astimezone(zone).date() >= on
    assert (start - timedelta(microseconds=1)).astimezone(zone).date() < on


def test_an_instant_after_clocks_went_back_over_midnight_is_in_the_day_that_had_begun() -> None:
    zone = ZoneInfo("America/St_Johns")
    # 00:01 became 23:01: the second 23:30 of the 6th is in the 7th, which had begun at 02:30 UTC.
    second = datetime(2010, 11, 7, 3, 0, tzinfo=UTC)

    assert "2010-11-06T23:30:00-03:30" == second.astimezone(zone).isoformat()
    assert "2010-11-07" == stretch_at(Unit.DAY, second, zone).key


@pytest.mark.parametrize("name", ["UTC", "Europe/Paris", "America/Argentina/Buenos_Aires", "Etc/GMT+12", "NZ-CHAT"])
def test_names_that_iana_lists_are_zones(name: str) -> None:
    assert name == zone_of(name).key


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "Mars/Olympus",
        "europe/paris",
        "Europe/Paris ",
        "Europe/Paris\n",
        "Europe",
        "Europe/",
        "/etc/localtime",
        "../../etc/passwd",
        "right/Europe/Paris",
        "posix/Europe/Paris",
        "localtime",
        "posixrules",
        "zone.tab",
        "tzdata.zi",
        "+01:00",
        "CEST",
        "UTC\0",
        "\ud800",
        "Europe/Paris🙂",
        "A" * 100_000,
    ],
)
def test_anything_else_is_refused(name: str) -> None:
    with pytest.raises(BadUserInput, match="is no time zone"):
        zone_of(name)
