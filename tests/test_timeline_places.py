"""Whoever reads a timeline keeps their place: the line in the window, and the focus, whatever comes and goes around."""

from datetime import UTC, datetime, timedelta

from playwright.sync_api import expect

from tests.timeline_forms import complete, edit_form, opened
from tests.timeline_pages import MARKS, Desk, Desks
from tests.timeline_records import CONTACT, LEAD, Customer, days_from_now

pytestmark = MARKS

# Lines of different heights, as real ones are: what isn't shown yet can't be guessed.
LONG = 230
LINES_IN_WINDOW = """() => Object.fromEntries([...document.querySelectorAll("[aria-label=Timeline] article")]
  .map(each => [each.dataset.id, Math.round(each.getBoundingClientRect().top)])
  .filter(([, top]) => top > 150 && top < innerHeight))"""
BELOW_THE_TABS = """heading => Math.round(
  heading.getBoundingClientRect().top - document.querySelector(".page__controls").getBoundingClientRect().bottom)"""


def uneven(customer: Customer) -> None:
    """Give the contact a long history, a call a day, of which some have much to say."""
    last = datetime.now(UTC)
    customer.organization.tasks(
        [
            {
                "subject": f"Day {day}",
                "description": "Much was said. " * (day % 5 * 8),
                "interaction_type": "call",
                "status": "completed",
                "completed_at": last - timedelta(days=day),
                "contact_id": customer.ids["contact"],
            }
            for day in range(LONG)
        ]
    )


def delete(customer: Customer, subject: str) -> None:
    """Delete a row as the old application does, for good."""
    customer.organization.owner.run(f"DELETE FROM lead_interactions WHERE id = '{customer.stored(subject)['id']}'")


def by_keys(desk: Desk, subject: str, action: str) -> None:
    """Put the focus on one of an entry's buttons, and press Enter."""
    desk.entry(subject).get_by_role("button", name=action).focus()
    desk.page.keyboard.press("Enter")


def test_a_month_stands_on_top_of_the_window_and_is_the_one_marked(desks: Desks, customer: Customer) -> None:
    uneven(customer)
    desk = desks.seat(customer)
    desk.open_record("contact")
    month = desk.page.get_by_role("navigation", name="Months").get_by_role("button").nth(4)
    heading = (datetime.now(UTC).replace(day=15) - timedelta(days=4 * 30.44)).strftime("%B %Y")

    month.click()
    # The page above comes by itself, and its lines turn out higher than they were thought to be.
    expect(desk.page.get_by_role("list", name="Timeline").get_by_role("article").first).not_to_be_in_viewport()
    desk.page.wait_for_load_state("networkidle")

    shown = desk.page.get_by_role("heading", name=heading)
    assert 0 <= shown.evaluate(BELOW_THE_TABS) <= 16
    expect(month).to_have_attribute("aria-current", "true")


def test_what_goes_above_the_window_moves_nothing(desks: Desks, customer: Customer) -> None:
    uneven(customer)
    for number in range(1, 12):
        customer.task(f"Task {number}", scheduled_at=days_from_now(number), description="Words. " * 20 * (number % 3))
    desk = desks.seat(customer)
    desk.open_record("contact")
    desk.scroll_to("Day 40")
    desk.page.wait_for_timeout(300)  # for the wheel to come to rest
    before = desk.page.evaluate(LINES_IN_WINDOW)

    open_tasks = desk.tab("Open")
    for left, subject in enumerate(("Task 3", "Task 1"), start=1):
        delete(customer, subject)
        expect(open_tasks).to_contain_text(str(11 - left))
    delete(customer, "Day 3")
    expect(desk.page.get_by_role("navigation", name="Months")).not_to_contain_text(f"{LONG} ")
    desk.page.wait_for_timeout(1_500)  # for what counting anew brings

    assert before == desk.page.evaluate(LINES_IN_WINDOW)


def test_completing_a_task_in_sight_scrolls_nothing(desks: Desks, customer: Customer) -> None:
    for number in (1, 2, 3):
        customer.task(f"Task {number}", scheduled_at=days_from_now(number))
    customer.activities(30)
    desk = desks.seat(customer)
    desk.open_record("contact")

    complete(desk, "Task 2", outcome="Done")
    expect(desk.page.get_by_role("list", name="To do").get_by_role("article")).to_have_count(2)
    desk.page.wait_for_load_state("networkidle")

    assert 0 == desk.page.evaluate("scrollY")


def test_the_focus_stays_near_a_task_that_is_called_off(desks: Desks, customer: Customer) -> None:
    for number in (1, 2, 3):
        customer.task(f"Task {number}", scheduled_at=days_from_now(number))
    desk = desks.seat(customer)
    desk.open(f"?contact={customer.ids['contact']}&tab=open")

    by_keys(desk, "Task 2", "Cancel task")
    expect(desk.entries).to_have_count(2)

    expect(desk.entry("Task 3")).to_be_focused()


def test_the_focus_goes_to_what_came_in(desks: Desks, customer: Customer) -> None:
    customer.task("Call")
    desk = desks.seat(customer)
    desk.open_record("contact")
    customer.task("First of all", scheduled_at=days_from_now(-1))

    desk.page.get_by_role("button", name="1 new").focus()
    desk.page.keyboard.press("Enter")

    expect(desk.entry("First of all")).to_be_focused()


def test_the_focus_follows_a_step_back_to_another_record(desks: Desks, customer: Customer) -> None:
    customer.task("Call")
    desk = desks.seat(customer)
    desk.open_record("contact")
    desk.find("lea", LEAD)

    desk.page.go_back()

    expect(desk.heading(CONTACT)).to_be_focused()


def test_the_focus_goes_to_the_first_choice_that_is_missing(desks: Desks, customer: Customer) -> None:
    customer.task("Call")
    desk = desks.seat(customer)
    desk.open_record("contact")
    form = edit_form(desk, "Call")
    form.field("Subject").fill("My words")
    customer.organization.owner.run("UPDATE lead_interactions SET subject = 'Their words'")
    form.press("Save")
    dispute = opened(desk, "Changed by two people")

    dispute.press("Save")

    expect(dispute.dialog.get_by_role("radio", name="Mine")).to_be_focused()
    expect(dispute.dialog.get_by_text("Choose one of the two")).to_be_visible()
