"""A new task by the form, for any combination of records, by mouse and by keys alone: made once, as it was meant."""

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from tests.held_requests import held, lose_one_answer
from tests.timeline_forms import begun_form, create, new_form, opened
from tests.timeline_pages import MARKS, Desks
from tests.timeline_records import COLLEAGUE, COMBINATIONS, NAMES, Customer

pytestmark = MARKS
KEPT = "JSON.stringify(sessionStorage)"


@pytest.mark.parametrize("kinds", COMBINATIONS, ids="+".join)
def test_a_task_is_made_with_the_mouse(desks: Desks, customer: Customer, kinds: tuple[str, ...]) -> None:
    desk = desks.seat(customer)
    desk.open()

    create(desk, "Call back", kinds)

    expect(desk.entry("Call back")).to_be_visible()
    assert kinds == customer.linked("Call back")


@pytest.mark.parametrize("kinds", COMBINATIONS, ids="+".join)
def test_a_task_is_made_by_keys_alone(desks: Desks, customer: Customer, kinds: tuple[str, ...]) -> None:
    desk = desks.seat(customer)
    desk.open()

    desk.page.keyboard.press("n")
    form = opened(desk, "New task")
    form.type_into("Subject", "Call back")
    for kind in kinds:
        form.pick_by_keys(kind.capitalize(), NAMES[kind])
    form.tab_to("Create task")
    desk.page.keyboard.press("Enter")

    expect(desk.entry("Call back")).to_be_visible()
    assert kinds == customer.linked("Call back")


@pytest.mark.parametrize("kind", NAMES)
def test_a_task_made_on_a_timeline_belongs_to_its_record(desks: Desks, customer: Customer, kind: str) -> None:
    desk = desks.seat(customer)
    desk.open_record(kind)

    create(desk, "Call back")

    expect(desk.entry("Call back")).to_be_visible()
    assert (kind,) == customer.linked("Call back")


def test_every_field_arrives(desks: Desks, customer: Customer) -> None:
    desk = desks.seat(customer, time_zone="Europe/Berlin")
    desk.open_record("contact")
    form = new_form(desk)

    form.field("Subject").fill("Call back")
    form.field("Description").fill("About the offer.\nShe asked twice.")
    form.field("Due date").fill("2031-07-01")
    form.field("Due time").fill("09:30")
    form.dialog.get_by_role("radio", name="High").check()
    form.pick("Assignee", COLLEAGUE)
    form.save("Create task")

    stored = customer.stored("Call back")
    assert "About the offer.\nShe asked twice." == stored["description"]
    assert datetime(2031, 7, 1, 7, 30, tzinfo=UTC) == datetime.fromisoformat(str(stored["scheduled_at"]))
    assert ("high", str(customer.colleague)) == (stored["priority"], stored["user_id"])


def test_a_task_without_any_link_is_not_sent(desks: Desks, customer: Customer) -> None:
    desk = desks.seat(customer)
    form = begun_form(desk, "Call back")

    form.remove("Contact")
    form.press("Create task")

    expect(form.dialog.get_by_text("Link a lead, a contact or an account")).to_be_visible()
    expect(form.field("Subject")).to_have_value("Call back")
    assert 0 == desk.asked("CreateTask")


def test_a_task_without_a_subject_is_not_sent(desks: Desks, customer: Customer) -> None:
    desk = desks.seat(customer)
    desk.open_record("contact")
    form = new_form(desk)

    form.field("Subject").fill("   ")
    form.press("Create task")

    expect(form.field("Subject")).to_be_focused()
    form.expect_problem("Subject", "Say in a few words")
    assert 0 == desk.asked("CreateTask")


def test_a_double_click_makes_one_task(desks: Desks, customer: Customer) -> None:
    desk = desks.seat(customer)
    form = begun_form(desk, "Call back")

    form.dialog.get_by_role("button", name="Create task").dblclick()

    expect(desk.entry("Call back")).to_have_count(1)
    assert ("contact",) == customer.linked("Call back")


def test_a_repeat_after_a_lost_answer_makes_one_task(desks: Desks, customer: Customer) -> None:
    desk = desks.seat(customer)
    form = begun_form(desk, "Call back")

    lose_one_answer(desk.page, "CreateTask")
    form.press("Create task")
    expect(form.dialog.get_by_role("alert")).to_be_visible()
    form.save("Create task")

    expect(desk.entry("Call back")).to_have_count(1)
    assert ("contact",) == customer.linked("Call back")
    desk.forgive("ERR_CONNECTION_RESET")


def test_a_form_stays_and_says_so_while_it_is_being_saved(desks: Desks, customer: Customer) -> None:
    desk = desks.seat(customer)
    form = begun_form(desk, "Call back")

    with held(desk.page, "CreateTask") as held_back:
        form.press("Create task")
        held_back.wait_for()
        expect(form.dialog.get_by_role("button", name="Saving…")).to_be_visible()
        expect(form.field("Subject")).to_have_value("Call back")

    expect(form.dialog).to_have_count(0)
    expect(desk.entry("Call back")).to_have_count(1)


def test_a_new_task_is_shown_with_its_links_while_it_is_saved(desks: Desks, customer: Customer) -> None:
    desk = desks.seat(customer)
    form = begun_form(desk, "Call back")
    form.pick("Account", NAMES["account"])
    pending = desk.page.get_by_role("list", name="Being saved", include_hidden=True)
    with held(desk.page, "CreateTask") as holding:
        form.press("Create task")
        holding.wait_for()

        expect(pending).to_contain_text("Call back")
        expect(pending).to_contain_text(NAMES["contact"])
        expect(pending).to_contain_text(NAMES["account"])
        assert 0 == desk.entry("Call back").count()

    expect(desk.entry("Call back")).to_be_visible()
    expect(pending).to_have_count(0)


def test_a_new_task_that_is_refused_is_shown_no_longer_and_stays_in_its_form(desks: Desks, customer: Customer) -> None:
    desk = desks.seat(customer)
    form = begun_form(desk, "Call back")
    form.pick("Account", NAMES["account"])
    customer.organization.owner.run(f"UPDATE accounts SET deleted_at = now() WHERE id = '{customer.ids['account']}'")
    pending = desk.page.get_by_role("list", name="Being saved", include_hidden=True)
    with held(desk.page, "CreateTask") as holding:
        form.press("Create task")
        holding.wait_for()
        expect(pending).to_contain_text("Call back")

    form.expect_problem("Account", "There is no account")
    expect(pending).to_have_count(0)
    expect(form.field("Subject")).to_have_value("Call back")
    expect(form.field("Contact")).to_have_value(NAMES["contact"])
    expect(form.field("Account")).to_have_value(NAMES["account"])


def test_a_draft_survives_a_reload(desks: Desks, customer: Customer) -> None:
    desk = desks.seat(customer)
    form = begun_form(desk, "Half a sent")
    form.field("Description").fill("Not done yet")
    form.pick("Account", NAMES["account"])

    desk.page.reload()
    again = opened(desk, "New task")

    expect(again.field("Subject")).to_have_value("Half a sent")
    expect(again.field("Description")).to_have_value("Not done yet")
    expect(again.field("Account")).to_have_value(NAMES["account"])
    again.save("Create task")
    assert ("contact", "account") == customer.linked("Half a sent")
    assert "Half a sent" not in desk.page.evaluate(KEPT)


def test_a_draft_is_kept_at_once_when_the_page_is_hidden(desks: Desks, customer: Customer) -> None:
    """A telephone ends a page that is hidden without another word to it."""
    desk = desks.seat(customer)
    desk.page.clock.install()
    form = begun_form(desk, "Call")
    desk.page.clock.pause_at(datetime.now(UTC) + timedelta(minutes=1))
    form.field("Subject").fill("Call back")
    before = desk.page.evaluate(KEPT)

    desk.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")

    assert "Call back" not in before
    assert "Call back" in desk.page.evaluate(KEPT)
