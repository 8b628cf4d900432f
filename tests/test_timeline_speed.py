"""What makes the page quick, in counts that no busy machine changes; `bench/pages.py` measures the time."""

from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect

from tests.held_requests import operation_of, variables_of
from tests.timeline_pages import MARKS, Desks
from tests.timeline_records import CONTACT, Customer

pytestmark = MARKS
# A tall window holds some twenty entries; the rest is kept ready beyond its edges.
MOST_ENTRIES = 80
MANY = 1_000


def test_a_page_is_in_few_pieces_however_long_the_timeline(desks: Desks, customer: Customer) -> None:
    customer.activities(MANY)
    desk = desks.seat(customer)
    desk.open_record("contact")

    most = desk.scroll_to("Call 150")

    assert most <= MOST_ENTRIES


def test_the_next_page_is_there_before_it_is_needed(desks: Desks, customer: Customer) -> None:
    customer.activities(MANY)
    desk = desks.seat(customer)

    with desk.page.expect_request(lambda request: operation_of(request) == "TimelinePage") as ahead:
        desk.open_record("contact")

    assert ["Timeline", "TimelinePage"] == desk.operations
    assert variables_of(ahead.value)["after"]


def test_a_timeline_read_to_its_end_asks_for_each_page_once(desks: Desks, customer: Customer) -> None:
    customer.activities(180)
    desk = desks.seat(customer)
    asked: list[str] = []
    desk.page.on("request", lambda request: asked.append(request.post_data or ""))
    desk.open_record("contact")

    desk.scroll_to("Call 180")

    pages = [body for body in asked if '"after"' in body]
    assert len(pages) == len(set(pages))
    assert len(desk.operations) <= 5


def test_a_month_long_ago_is_one_request_away(desks: Desks, customer: Customer) -> None:
    customer.activities(MANY)  # six weeks
    customer.activity("call", "Long ago", completed_at=datetime(2020, 2, 3, 12, tzinfo=UTC))
    desk = desks.seat(customer)
    desk.open_record("contact")
    before = len(desk.operations)

    desk.page.get_by_role("navigation", name="Months").get_by_role("button", name="Feb 2020").click()

    expect(desk.entry("Long ago")).to_be_in_viewport()
    assert len(desk.operations) <= before + 2


def test_a_search_asks_once_for_what_is_typed_in_one_go(desks: Desks, customer: Customer) -> None:
    desk = desks.seat(customer)
    desk.open()

    desk.search.press_sequentially("cora berg", delay=5)
    expect(desk.page.get_by_role("option").filter(has_text=CONTACT)).to_be_visible()

    assert desk.asked("SearchRecords") <= len("cora berg")
    assert 1 == desk.page.get_by_role("option").count()


@pytest.mark.parametrize("kind", ["lead", "contact", "account"])
def test_a_record_visited_before_shows_at_once(desks: Desks, customer: Customer, kind: str) -> None:
    customer.activity("call", "Talked", (kind,))
    desk = desks.seat(customer)
    desk.open_record(kind)
    desk.tab("Open").click()
    desk.settled()

    desk.page.go_back()

    expect(desk.entry("Talked")).to_be_visible()
