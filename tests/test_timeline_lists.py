"""Long lists of the timeline in a real browser: read to either end, gone into, left and come back to."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Locator, expect

from tests.browsers import PATIENCE_MS
from tests.timeline_pages import MARKS, Desk, Desks
from tests.timeline_records import CONTACT, Customer, days_from_now

pytestmark = MARKS

# More than three pages, so that some are far from what is seen.
LONG = 230
# What stays of a line that is far away: its key, its place, its height.
MOST_BYTES_A_LINE = 500
# In one breath: a list that scrolls takes lines out of the document at any moment.
SHOWN = """() => [...document.querySelectorAll("[role=tabpanel] article")]
  .map(each => document.getElementById(each.getAttribute("aria-labelledby")).textContent)"""
TOP_LINE = """lines => {
  const line = lines.find(each => each.getBoundingClientRect().top > 200);
  return [line.dataset.id, Math.round(line.getBoundingClientRect().top)];
}"""


def history(desk: Desk) -> Locator:
    return desk.page.get_by_role("list", name="Timeline")


def read_on(desk: Desk, *, until: str, step: int = 500) -> list[str]:
    """Turn the wheel until a line with this subject is there; return all subjects met, in the order of the list."""
    met: list[str] = []
    deadline = time.monotonic() + PATIENCE_MS / 1_000
    desk.page.mouse.move(600, 600)
    while until not in met:
        assert time.monotonic() < deadline, met
        shown: list[str] = desk.page.evaluate(SHOWN)
        fresh = [subject for subject in shown if subject not in met]
        met = [*met, *fresh] if step > 0 else [*fresh, *met]
        desk.page.mouse.wheel(0, step)
        desk.page.wait_for_timeout(20)
    return met


def pages_on(desk: Desk, count: int) -> None:
    """Go to the list's end until it has asked for so many pages of 50 lines."""
    deadline = time.monotonic() + PATIENCE_MS / 1_000
    while desk.asked("TimelinePage") < count:
        assert time.monotonic() < deadline, f"only {desk.asked('TimelinePage')} pages have come"
        desk.page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
        desk.page.wait_for_timeout(20)


def heap_bytes(desk: Desk) -> int:
    """Return how much the page's own script holds on to."""
    session = desk.page.context.new_cdp_session(desk.page)
    session.send("HeapProfiler.collectGarbage")
    used: int = session.send("Runtime.getHeapUsage")["usedSize"]
    session.detach()
    return used


def top_line(desk: Desk) -> list[object]:
    """Return which line is the first in the window, and how far below its top."""
    return list(history(desk).get_by_role("article").evaluate_all(TOP_LINE))


def test_each_line_of_a_long_list_is_met_once_and_in_order(desks: Desks, customer: Customer) -> None:
    customer.activities(LONG)
    desk = desks.seat(customer)
    desk.open_record("contact")

    met = read_on(desk, until=f"Call {LONG}")

    assert [f"Call {number}" for number in range(1, LONG + 1)] == met


def test_what_was_scrolled_past_is_forgotten(desks: Desks, customer: Customer) -> None:
    customer.activities(4_600)
    desk = desks.seat(customer)
    desk.open_record("contact")
    pages_on(desk, 30)
    before = heap_bytes(desk)

    pages_on(desk, 90)
    after = heap_bytes(desk)

    assert (after - before) / (60 * 50) <= MOST_BYTES_A_LINE


def test_a_page_that_is_kept_follows_what_changes_elsewhere(desks: Desks, customer: Customer) -> None:
    customer.activities(LONG)
    done = customer.activity("task", "Done long ago", completed_at=datetime.now(UTC) - timedelta(days=8))
    desk = desks.seat(customer)
    desk.open_record("contact")
    read_on(desk, until="Done long ago")

    update = 'mutation($id: ID!) { updateTask(input: {id: $id, description: "Settled"}) { task { id } } }'
    desks.api.data(customer.organization.viewer(), update, id=str(done))
    expect(desk.entry("Done long ago")).to_contain_text("Settled")


def test_only_lines_near_the_window_are_in_the_document(desks: Desks, customer: Customer) -> None:
    customer.activities(LONG)
    desk = desks.seat(customer)
    desk.open_record("contact")

    read_on(desk, until=f"Call {LONG}")

    assert desk.entries.count() < 50
    expect(desk.entry("Call 1")).to_have_count(0)


def test_a_month_is_gone_to_and_what_is_later_is_met_above_it(desks: Desks, customer: Customer) -> None:
    first = datetime(2026, 3, 31, 12, tzinfo=UTC)
    customer.organization.tasks(
        [
            {
                "subject": f"Day {day}",
                "interaction_type": "call",
                "status": "completed",
                "completed_at": first - timedelta(days=day),
                "contact_id": customer.ids["contact"],
            }
            for day in range(LONG)
        ]
    )
    desk = desks.seat(customer)
    desk.open_record("contact")

    desk.page.get_by_role("navigation", name="Months").get_by_role("button", name="Oct").click()
    expect(desk.entry("Day 151")).to_be_in_viewport()  # the last of October
    expect(desk.page.get_by_role("heading", name="October 2025")).to_be_in_viewport()
    met = read_on(desk, until="Day 0", step=-500)

    assert [f"Day {day}" for day in range(len(met))] == met


def test_a_step_back_finds_the_same_line_in_the_same_place(desks: Desks, customer: Customer) -> None:
    customer.activities(LONG)
    desk = desks.seat(customer)
    desk.open_record("contact")
    read_on(desk, until="Call 150")
    desk.page.wait_for_timeout(300)  # for the wheel to come to rest
    left = top_line(desk)

    desk.page.get_by_role("link", name="All tasks").evaluate("link => link.click()")
    desk.heading("Tasks").wait_for()
    desk.page.go_back()
    desk.heading(CONTACT).wait_for()
    expect(desk.page.locator(f"[data-id='{left[0]}']")).to_be_in_viewport()

    assert left == top_line(desk)


def test_what_comes_in_while_one_reads_moves_nothing(desks: Desks, customer: Customer) -> None:
    customer.activities(LONG)
    desk = desks.seat(customer)
    desk.open_record("contact")
    read_on(desk, until="Call 100")
    desk.page.wait_for_timeout(300)  # for the wheel to come to rest
    before = top_line(desk)

    customer.activity("note", "Just now", completed_at=datetime.now(UTC))
    customer.task("To be done")
    button = desk.page.get_by_role("button", name="2 new")
    button.wait_for()
    assert before == top_line(desk)
    button.click()

    for subject in ("To be done", "Just now"):
        expect(desk.entry(subject)).to_be_in_viewport()


# How many have a due date, and how many pages come after the first screen: what ends with a page, and within one.
@pytest.mark.parametrize(("dated", "further"), [(50, 1), (60, 3), (100, 3)])
def test_what_is_due_goes_on_into_what_has_no_date_page_by_page(
    desks: Desks, customer: Customer, dated: int, further: int
) -> None:
    due = [f"Due {number}" for number in range(dated)]
    undated = [f"Some day {number}" for number in range(55)]
    contact_id = customer.ids["contact"]
    customer.organization.tasks(
        [
            {"subject": subject, "contact_id": contact_id, "scheduled_at": days_from_now(1 + place)}
            for place, subject in enumerate(due)
        ]
    )
    customer.organization.tasks(
        [
            {"subject": subject, "contact_id": contact_id, "created_at": days_from_now(place - 100)}
            for place, subject in enumerate(undated)
        ]
    )
    desk = desks.seat(customer)
    desk.open(f"?contact={contact_id}&tab=open")

    met = read_on(desk, until=undated[-1])

    assert [*due, *undated] == met
    last = desk.page.get_by_role("listitem").filter(has=desk.entry(undated[-1]))
    expect(last).to_have_attribute("aria-posinset", str(len(met)))
    assert ["Timeline", *["TimelinePage"] * further] == desk.operations


def test_the_first_screen_of_many_open_tasks_is_one_request(desks: Desks, customer: Customer) -> None:
    contact_id = customer.ids["contact"]
    for values in ({"scheduled_at": days_from_now(1)}, {}):
        customer.organization.tasks([{"contact_id": contact_id, **values} for _ in range(60)])
    desk = desks.seat(customer)

    desk.open_record("contact")

    assert ["Timeline"] == desk.operations
