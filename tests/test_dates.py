"""The pages' own calendar, run by Node.js and judged by Python's: zones, changing clocks, first and last years."""

import json
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.node_projects import ran

pytestmark = [pytest.mark.slow, pytest.mark.node]

PAGES = Path(__file__).parent.parent / "web" / "timeline"
# Reads a list of [function, …arguments] and answers with a list of results.
CALLER = """
Object.defineProperty(globalThis, "navigator", { value: { languages: ["en-GB"] } });
const dates = require("./time/dates.js");
const calls = JSON.parse(process.argv[2]);
console.log(JSON.stringify(calls.map(([name, ...given]) => dates[name](...given))));
"""
ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/St_Johns",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Pacific/Kiritimati",
)
# Days around which each of them changes its clocks, or, like Samoa, left one out.
SUSPECT = (
    datetime(2011, 12, 30, tzinfo=UTC),
    datetime(2031, 3, 9, tzinfo=UTC),
    datetime(2031, 3, 30, tzinfo=UTC),
    datetime(2031, 4, 6, tzinfo=UTC),
    datetime(2031, 10, 5, tzinfo=UTC),
    datetime(2031, 10, 26, tzinfo=UTC),
    datetime(2031, 11, 2, tzinfo=UTC),
)
NOW = datetime(2031, 6, 18, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def calendar(clients: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages' module of dates as JavaScript, and a program that calls it."""
    folder = tmp_path_factory.mktemp("calendar")
    # CommonJS, because Node.js finds a module without its ending only there, as Vite does everywhere.
    options = ["--target", "ES2023", "--module", "CommonJS", "--lib", "ES2023,DOM", "--types", "", "--ignoreConfig"]
    places = ["--rootDir", str(PAGES), "--outDir", str(folder)]
    done = ran(["tsc", *places, *options, str(PAGES / "time" / "dates.ts")], clients)
    assert 0 == done.returncode, done.stdout
    (folder / "call.js").write_text(CALLER)
    return folder


def called(calendar: Path, calls: Sequence[Sequence[object]]) -> list[Any]:
    """Call functions of the calendar, and return their results in order."""
    done = ran(["node", "call.js", json.dumps(calls)], calendar)
    assert 0 == done.returncode, done.stderr
    results: list[Any] = json.loads(done.stdout)
    return results


def iso(instant: datetime) -> str:
    """Write an instant as the API and the pages do, to the second."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ").rjust(len("2031-01-01T00:00:00Z"), "0")


def local(instant: datetime, zone: str) -> str:
    return instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None).isoformat(timespec="minutes")


def instants() -> list[datetime]:
    """Return many instants, most of them near changes of clocks; always the same."""
    chance = random.Random(5)  # noqa: S311 - the same instants in every run
    near = [day + timedelta(minutes=chance.randrange(-1_500, 1_500)) for day in SUSPECT for _ in range(20)]
    return [*near, *(datetime.fromtimestamp(chance.randrange(0, 4_000_000_000), UTC) for _ in range(60))]


@pytest.mark.parametrize("zone", ZONES)
def test_an_instant_has_the_local_time_that_python_gives_it(calendar: Path, zone: str) -> None:
    given = instants()

    shown = called(calendar, [("toLocal", iso(instant), zone) for instant in given])

    assert [local(instant, zone) for instant in given] == shown


@pytest.mark.parametrize("zone", ZONES)
def test_a_local_time_means_the_instant_that_python_finds(calendar: Path, zone: str) -> None:
    """Of two the first; one that is left out means as much after the change: both are what fold=0 stands for."""
    given = [local(instant, zone) for instant in instants()]
    if zone == "Pacific/Apia":  # a day that was left out can't be picked, and is nobody's future
        given = [each for each in given if not each.startswith("2011")]

    meant = called(calendar, [("fromLocal", each, zone) for each in given])

    expected = [datetime.fromisoformat(each).replace(tzinfo=ZoneInfo(zone), fold=0).astimezone(UTC) for each in given]
    assert expected == [datetime.fromisoformat(each) for each in meant]


@pytest.mark.parametrize("zone", ZONES)
def test_what_is_left_as_it_was_stays_the_same_instant_to_the_second(calendar: Path, zone: str) -> None:
    given = [iso(instant + timedelta(seconds=17)) for instant in instants()]
    shown = called(calendar, [("toLocal", each, zone) for each in given])

    meant = called(calendar, [("fromLocal", each, zone, was) for each, was in zip(shown, given, strict=True)])

    assert given == meant


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Pacific/Kiritimati"])
@pytest.mark.parametrize("shown", ["0001-01-02T00:00", "0099-12-31T23:59", "1600-02-29T12:00", "9999-12-30T23:59"])
def test_the_first_and_the_last_years_are_years_like_others(calendar: Path, zone: str, shown: str) -> None:
    (instant,) = called(calendar, [("fromLocal", shown, zone)])

    again, month, exact = called(
        calendar, [("toLocal", instant, zone), ("monthKey", instant, zone), ("exact", instant, zone)]
    )

    assert (shown, shown[:7]) == (again, month)
    assert f" {int(shown[:4])} " in exact
    assert abs(datetime.fromisoformat(instant.replace("Z", "")) - datetime.fromisoformat(shown)) < timedelta(days=1)


def test_the_last_hours_of_the_last_year_are_the_next_one_further_east(calendar: Path) -> None:
    (shown,) = called(calendar, [("toLocal", "9999-12-31T23:30:00Z", "Europe/Berlin")])

    assert "10000-01-01T00:30" == shown


@pytest.mark.parametrize(
    ("key", "name"), [("0001-01", "January 1"), ("2031-12", "December 2031"), ("9999-12", "December 9999")]
)
def test_a_month_has_its_name(calendar: Path, key: str, name: str) -> None:
    assert [name] == called(calendar, [("month", key)])


@pytest.mark.parametrize(
    ("ahead", "words"),
    [
        (timedelta(seconds=-59), "just now"),
        (timedelta(minutes=-1), "1 minute ago"),
        (timedelta(minutes=59, seconds=59), "in 59 minutes"),
        (timedelta(hours=-21, minutes=-59), "21 hours ago"),
        (timedelta(hours=22), "tomorrow"),
        (timedelta(days=-1), "yesterday"),
        (timedelta(days=27), "in 27 days"),
        (timedelta(days=28), "16 Jul"),
        (timedelta(days=-200), "30 Nov 2030"),
    ],
    ids=str,
)
def test_a_distance_is_said_in_the_largest_unit_that_fits(calendar: Path, ahead: timedelta, words: str) -> None:
    now_ms = int(NOW.timestamp() * 1_000)

    assert [words] == called(calendar, [("relative", iso(NOW + ahead), now_ms, "UTC")])


def test_days_of_23_and_25_hours_count_as_one(calendar: Path) -> None:
    def between(start: datetime, end: datetime, zone: str) -> int:
        (days,) = called(calendar, [("daysBetween", start.timestamp() * 1_000, end.timestamp() * 1_000, zone)])
        return int(days)

    zone = ZoneInfo("Europe/Berlin")
    spring, autumn = datetime(2031, 3, 30, 0, 30, tzinfo=zone), datetime(2031, 10, 26, 0, 30, tzinfo=zone)

    for start in (spring, autumn):
        day_later = (start.replace(tzinfo=None) + timedelta(days=1)).replace(tzinfo=zone)
        assert (1, -1) == (between(start, day_later, zone.key), between(day_later, start, zone.key))
        assert 0 == between(start, start.replace(hour=23), zone.key)
