"""What makes the page quick, in counts that no busy machine changes; `bench/pages.py` measures the time."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from tests.held_requests import Held, held, operation_of, variables_of
from tests.timeline_pages import FRAME_MS, MARKS, WHEEL_PX, Desk, Desks
from tests.timeline_records import CONTACT, Customer

pytestmark = MARKS
# A tall window holds some twenty entries; the rest is kept ready beyond its edges.
MOST_ENTRIES = 80
MANY = 1_000
BETWEEN_KEYS_MS = 100
ABORTED = "net::ERR_ABORTED"
WINDOWS_AHEAD = "(document.documentElement.scrollHeight - scrollY - innerHeight) / innerHeight"


@pytest.mark.parametrize(("query", "operation"), [("", "Tasks"), ("?contact={contact}", "Timeline")])
def test_a_first_screen_is_one_question(desks: Desks, customer: Customer, query: str, operation: str) -> None:
    customer.task("Call")
    desk = desks.seat(customer)

    desk.open(query.format(**customer.ids))

    expect(desk.entry("Call")).to_be_visible()
    assert [operation] == desk.operations


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


def test_each_further_page_is_asked_for_more_than_a_window_ahead(desks: Desks, customer: Customer) -> None:
    customer.activities(MANY)
    desk = desks.seat(customer)
    desk.open_record("contact")
    desk.page.mouse.move(400, 600)
    with held(desk.page, "TimelinePage") as holding:
        for _ in range(3):
            scroll_until_held(desk, holding)
            assert desk.page.evaluate(WINDOWS_AHEAD) > 1
            holding.let_go()


def scroll_until_held(desk: Desk, holding: Held) -> None:
    """Turn the wheel until the page asks."""
    for _ in range(MANY):
        if holding.routes:
            return
        desk.page.mouse.wheel(0, WHEEL_PX)
        desk.page.wait_for_timeout(FRAME_MS)
    raise AssertionError(f"{holding.operation} is never asked for")


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


def test_a_search_is_asked_at_each_key_and_given_up_at_the_next(desks: Desks, customer: Customer) -> None:
    desk = desks.seat(customer)
    desk.open()

    with held(desk.page, "SearchRecords") as holding:
        for number, key in enumerate("cora", start=1):
            desk.search.press_sequentially(key)
            holding.wait_for(number)
        asked = [route.request for route in holding.routes]

    expect(desk.page.get_by_role("option")).to_have_text([re.compile(CONTACT)])
    desk.page.wait_for_load_state("networkidle")
    assert ["c", "co", "cor", "cora"] == [variables_of(request)["search"] for request in asked]
    assert [ABORTED, ABORTED, ABORTED, None] == [request.failure for request in asked]


def test_a_list_is_searched_once_for_what_is_typed_in_one_go(desks: Desks, customer: Customer) -> None:
    customer.task("Call Cora")
    customer.task("Write")
    desk = desks.seat(customer)
    desk.page.clock.install()
    desk.open()
    before = desk.asked("Tasks")

    desk.page.clock.pause_at(datetime.now(UTC) + timedelta(minutes=1))
    for key in "call cora":
        desk.page.get_by_role("searchbox", name="Search tasks").press_sequentially(key)
        desk.page.clock.run_for(BETWEEN_KEYS_MS)
    while_typing = desk.asked("Tasks")
    desk.page.clock.resume()

    expect(desk.entries).to_have_count(1)
    assert (before, before + 1) == (while_typing, desk.asked("Tasks"))


@pytest.mark.parametrize("kind", ["lead", "contact", "account"])
def test_a_record_visited_before_shows_at_once(desks: Desks, customer: Customer, kind: str) -> None:
    customer.activity("call", "Talked", (kind,))
    desk = desks.seat(customer)
    desk.open_record(kind)
    desk.tab("Open").click()
    desk.settled()

    desk.page.go_back()

    expect(desk.entry("Talked")).to_be_visible()
