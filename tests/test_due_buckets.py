"""Which pile a task belongs to, on days of any length."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.interactions import InteractionRow
from resolvers.due_buckets import DueBucket, bucket_of, due_dates

PARIS = ZoneInfo("Europe/Paris")
ZONES = [PARIS, ZoneInfo("UTC"), ZoneInfo("America/Sao_Paulo"), ZoneInfo("Asia/Kathmandu"), ZoneInfo("Pacific/Apia")]

instants = st.datetimes(datetime(2010, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - of UTC


def task(status: str | None, due_at: datetime | None) -> InteractionRow:
    values: dict[str, Any] = dict.fromkeys(InteractionRow._fields)
    return InteractionRow(**values | {"status": status, "due_at": due_at})


def bucket(now: str, due: str, status: str = "pending") -> DueBucket:
    return bucket_of(task(status, datetime.fromisoformat(due)), due_dates(datetime.fromisoformat(now), PARIS))


@pytest.mark.parametrize(
    ("now", "due", "expected"),
    [
        # An ordinary Wednesday.
        ("2026-02-11T10:00+01:00", "2026-02-11T09:59:59.999999+01:00", DueBucket.OVERDUE),
        ("2026-02-11T10:00+01:00", "2026-02-11T10:00+01:00", DueBucket.TODAY),
        ("2026-02-11T10:00+01:00", "2026-02-11T23:59:59.999999+01:00", DueBucket.TODAY),
        ("2026-02-11T10:00+01:00", "2026-02-12T00:00+01:00", DueBucket.THIS_WEEK),
        ("2026-02-11T10:00+01:00", "2026-02-15T23:59:59.999999+01:00", DueBucket.THIS_WEEK),
        ("2026-02-11T10:00+01:00", "2026-02-16T00:00+01:00", DueBucket.LATER),
        # A Sunday of 23 hours, and one of 25: the week ends with the day.
        ("2026-03-29T00:30+01:00", "2026-03-29T23:59:59.999999+02:00", DueBucket.TODAY),
        ("2026-03-29T00:30+01:00", "2026-03-30T00:00+02:00", DueBucket.LATER),
        ("2026-10-25T00:30+02:00", "2026-10-25T23:59:59.999999+01:00", DueBucket.TODAY),
        ("2026-10-25T00:30+02:00", "2026-10-26T00:00+01:00", DueBucket.LATER),
        # Weeks of 167 and of 169 hours.
        ("2026-03-23T00:00+01:00", "2026-03-29T23:59:59.999999+02:00", DueBucket.THIS_WEEK),
        ("2026-03-23T00:00+01:00", "2026-03-30T00:00+02:00", DueBucket.LATER),
        ("2026-10-19T00:00+02:00", "2026-10-25T23:59:59.999999+01:00", DueBucket.THIS_WEEK),
        ("2026-10-19T00:00+02:00", "2026-10-26T00:00+01:00", DueBucket.LATER),
        # A week over the turn of the year.
        ("2026-12-31T12:00+01:00", "2027-01-03T23:00+01:00", DueBucket.THIS_WEEK),
    ],
)
def test_today_and_this_week_end_at_midnight_where_the_reader_is(now: str, due: str, expected: DueBucket) -> None:
    assert expected == bucket(now, due)


@pytest.mark.parametrize("status", ["completed", "cancelled", "strange", "PENDING", None])
def test_a_task_that_is_not_open_is_closed(status: str | None) -> None:
    now = datetime(2026, 2, 11, tzinfo=UTC)

    for due in (None, now - timedelta(days=1), now, now + timedelta(days=99)):
        assert DueBucket.CLOSED == bucket_of(task(status, due), due_dates(now, PARIS))


@pytest.mark.slow
@given(instants, st.timedeltas(timedelta(days=-9), timedelta(days=9)), st.sampled_from(ZONES))
def test_piles_are_those_of_local_dates(now: datetime, ahead: timedelta, zone: ZoneInfo) -> None:
    due = now + ahead
    today, on = now.astimezone(zone).date(), due.astimezone(zone).date()
    sunday = today + timedelta(days=6 - today.weekday())

    found = bucket_of(task("scheduled", due), due_dates(now, zone))

    if due < now:
        assert DueBucket.OVERDUE == found
    else:
        expected = DueBucket.TODAY if on <= today else DueBucket.THIS_WEEK if on <= sunday else DueBucket.LATER
        assert expected == found
