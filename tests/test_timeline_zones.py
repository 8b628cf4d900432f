"""Dates in the viewer's own time zone, on days with 23 or 25 hours too: what isn't changed isn't shifted."""

import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import expect

from tests.timeline_forms import edit_form, new_form
from tests.timeline_pages import MARKS, Desks
from tests.timeline_records import Customer

pytestmark = MARKS

# Zone, instant, and what the form shows: on both sides of changes of the clock, and in zones with odd offsets.
INSTANTS = [
    ("Europe/Berlin", "2031-03-30T00:59:00+00:00", ("2031-03-30", "01:59")),
    ("Europe/Berlin", "2031-03-30T01:00:00+00:00", ("2031-03-30", "03:00")),
    ("Europe/Berlin", "2031-10-26T00:30:00+00:00", ("2031-10-26", "02:30")),
    ("Europe/Berlin", "2031-10-26T01:30:00+00:00", ("2031-10-26", "02:30")),
    ("America/New_York", "2031-11-02T05:30:00+00:00", ("2031-11-02", "01:30")),
    ("America/New_York", "2031-11-02T06:30:00+00:00", ("2031-11-02", "01:30")),
    ("Asia/Kathmandu", "2031-06-30T18:15:00+00:00", ("2031-07-01", "00:00")),
    ("Pacific/Apia", "2031-01-01T10:00:00+00:00", ("2031-01-01", "23:00")),
    ("Australia/Lord_Howe", "2031-04-05T15:15:00+00:00", ("2031-04-06", "01:45")),
]


@pytest.mark.parametrize(("zone", "instant", "shown"), INSTANTS, ids=str)
def test_an_edit_never_shifts_a_due_date(
    desks: Desks, customer: Customer, zone: str, instant: str, shown: tuple[str, str]
) -> None:
    customer.task("Call", scheduled_at=instant)
    desk = desks.seat(customer, time_zone=zone)
    desk.open_record("contact")

    form = edit_form(desk, "Call")
    expect(form.field("Due date")).to_have_value(shown[0])
    expect(form.field("Due time")).to_have_value(shown[1])
    form.field("Subject").fill("Call again")
    form.save("Save")

    expect(desk.entry("Call again")).to_be_visible()
    assert datetime.fromisoformat(instant) == datetime.fromisoformat(str(customer.stored("Call again")["scheduled_at"]))


@pytest.mark.parametrize(
    ("day", "time", "instant"),
    [
        ("2031-03-29", "02:30", "2031-03-29T01:30:00+00:00"),
        ("2031-03-30", "02:30", "2031-03-30T01:30:00+00:00"),  # there is no such time: as late after midnight as said
        ("2031-03-30", "03:30", "2031-03-30T01:30:00+00:00"),
        ("2031-10-26", "02:30", "2031-10-26T00:30:00+00:00"),  # there are two: the first
        ("2031-10-26", "03:30", "2031-10-26T02:30:00+00:00"),
    ],
)
def test_a_local_time_becomes_the_right_instant(
    desks: Desks, customer: Customer, day: str, time: str, instant: str
) -> None:
    desk = desks.seat(customer, time_zone="Europe/Berlin")
    desk.open_record("contact")

    form = new_form(desk)
    form.field("Subject").fill("Call")
    form.field("Due date").fill(day)
    form.field("Due time").fill(time)
    form.save("Create task")

    expect(desk.entry("Call")).to_be_visible()
    assert datetime.fromisoformat(instant) == datetime.fromisoformat(str(customer.stored("Call")["scheduled_at"]))


def test_the_zone_is_told(desks: Desks, customer: Customer) -> None:
    desk = desks.seat(customer, time_zone="Asia/Kathmandu")

    desk.open_record("contact")

    expect(desk.page.get_by_text("Times in Asia/Kat")).to_be_visible()


@pytest.mark.parametrize(("days", "words"), [(-1, "Overdue"), (0, "today"), (1, "tomorrow")])
def test_a_due_badge_goes_by_the_viewers_day(desks: Desks, customer: Customer, days: int, words: str) -> None:
    zone = "Pacific/Kiritimati"  # 14 hours ahead of UTC: for most of UTC's day it is tomorrow there
    due = datetime.now(ZoneInfo(zone)).replace(hour=23, minute=59) + timedelta(days=days)
    customer.task("Call", scheduled_at=due)
    desk = desks.seat(customer, time_zone=zone)

    desk.open_record("contact")

    expect(desk.entry("Call")).to_contain_text(re.compile(words, re.IGNORECASE))
