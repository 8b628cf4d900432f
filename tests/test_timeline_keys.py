"""Without a mouse: what is done with a click elsewhere is done here by keys alone, and the focus is never lost."""

from playwright.sync_api import expect

from tests.timeline_forms import Form, opened
from tests.timeline_pages import MARKS, Desk, Desks
from tests.timeline_records import ACCOUNT, Customer, days_from_now

pytestmark = MARKS


def press(desk: Desk, button: str) -> None:
    """Go to the next button of this name with Tab, and press it."""
    Form(desk.page, desk.page.locator("body")).tab_to(button)
    desk.page.keyboard.press("Enter")


def test_a_task_is_edited_and_relinked(desks: Desks, customer: Customer) -> None:
    customer.task("Call", ("lead", "contact"))
    desk = desks.seat(customer)
    desk.open_record("contact")

    desk.page.keyboard.press("j")
    desk.page.keyboard.press("e")
    form = opened(desk, "Edit task")
    form.type_into("Subject", " again")
    press(desk, "Remove lead")
    form.pick_by_keys("Account", ACCOUNT)
    press(desk, "Save")

    expect(desk.entry("Call again").get_by_role("link", name=ACCOUNT)).to_be_visible()
    assert ("contact", "account") == customer.linked("Call again")


def test_a_task_is_called_off_and_opened_again(desks: Desks, customer: Customer) -> None:
    customer.task("Call", scheduled_at=days_from_now(2))
    desk = desks.seat(customer)
    desk.open_record("contact")

    desk.page.keyboard.press("j")
    press(desk, "Cancel task")
    # It goes down to what is over, and the focus with it.
    history = desk.page.get_by_role("list", name="Timeline")
    expect(history.get_by_role("article", name="Call")).to_be_focused()
    press(desk, "Reopen task")
    expect(desk.page.get_by_text("Reopened")).to_be_visible()

    assert "scheduled" == customer.stored("Call")["status"]


def test_a_task_is_deleted_and_brought_back(desks: Desks, customer: Customer) -> None:
    customer.task("Call")
    customer.task("Write")
    desk = desks.seat(customer)
    desk.open_record("contact")

    desk.page.keyboard.press("j")
    press(desk, "Delete task")
    expect(desk.entries).to_have_count(1)
    press(desk, "Undo")

    expect(desk.entries).to_have_count(2)


def test_a_tab_is_chosen(desks: Desks, customer: Customer) -> None:
    customer.task("To do")
    customer.task("Done", status="completed", completed_at=days_from_now(-1))
    desk = desks.seat(customer)
    desk.open_record("contact")

    desk.tab("All").focus()
    for _ in range(3):
        desk.page.keyboard.press("ArrowRight")
    expect(desk.tab("Completed")).to_be_focused()
    desk.page.keyboard.press("Enter")
    desk.settled()

    assert ["Done"] == desk.subjects()
    assert "completed" == desk.query["tab"]


def test_a_filter_is_set_and_taken_away(desks: Desks, customer: Customer) -> None:
    customer.activity("call", "Called")
    customer.activity("note", "Noted")
    desk = desks.seat(customer)
    desk.open_record("contact")

    press(desk, "Filters")
    Form(desk.page, desk.page.locator("body")).tab_to("Note")
    desk.page.keyboard.press("Space")
    expect(desk.entries).to_have_count(1)
    shown = desk.subjects()
    desk.page.keyboard.press("Escape")
    press(desk, "Remove filter Kind Note")

    assert ["Noted"] == shown
    expect(desk.entries).to_have_count(2)


def test_the_focus_follows_a_step_to_another_record(desks: Desks, customer: Customer) -> None:
    customer.activity("call", "Talked", ("contact", "account"))
    desk = desks.seat(customer)
    desk.open_record("contact")

    desk.entry("Talked").get_by_role("link", name=ACCOUNT).focus()
    desk.page.keyboard.press("Enter")
    desk.heading(ACCOUNT).wait_for()

    expect(desk.heading(ACCOUNT)).to_be_focused()
