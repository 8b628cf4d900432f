"""What happens to a task form between typing and saving: lost answers, other people, half a date. No word is lost."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect

from tests.held_requests import failing, held, late, lose_one_answer
from tests.timeline_forms import Form, begun_form, edit_form, new_form, opened
from tests.timeline_pages import MARKS, Desk, Desks
from tests.timeline_records import ACCOUNT, Customer, days_from_now

pytestmark = MARKS


def elsewhere(desks: Desks, customer: Customer, mutation: str, **values: object) -> None:
    """Change a task as another window does."""
    kind = f"{mutation[0].upper()}{mutation[1:]}Input" if mutation == "completeTask" else "TaskIdInput"
    query = f"mutation($input: {kind}!) {{ {mutation}(input: $input) {{ errors {{ ... on UserError {{ code }} }} }} }}"
    assert [] == desks.api.data(customer.organization.viewer(), query, input=values)[mutation]["errors"]


def test_words_written_after_a_lost_answer_go_to_the_task_that_was_made(desks: Desks, customer: Customer) -> None:
    desk = desks.seat(customer)
    form = begun_form(desk, "Call back")

    lose_one_answer(desk.page, "CreateTask")
    form.press("Create task")
    expect(form.dialog.get_by_role("alert")).to_be_focused()
    form.field("Subject").fill("Call back at noon")
    form.save("Create task")

    expect(desk.entry("Call back at noon")).to_have_count(1)
    assert [{"count": 1}] == customer.organization.owner.rows(
        f"SELECT count(*)::int FROM lead_interactions WHERE organization_id = '{customer.organization.id}'"
    )
    desk.forgive("ERR_CONNECTION_RESET")


def test_an_older_answer_that_comes_later_takes_no_change_back(desks: Desks, customer: Customer) -> None:
    customer.task("Call")
    desk = desks.seat(customer)
    desk.open_record("contact")
    first = edit_form(desk, "Call")
    first.field("Subject").fill("Call at noon")

    with late(desk.page, "Timeline") as arrive:
        first.save("Save")
        expect(desk.entry("Call at noon")).to_have_count(1)
        second = edit_form(desk, "Call at noon")
        second.field("Subject").fill("Call at one")
        second.save("Save")
        expect(desk.entry("Call at one")).to_have_count(1)
        arrive()

    desk.page.wait_for_load_state("networkidle")
    expect(desk.entry("Call at one")).to_have_count(1)


def test_an_edit_whose_answer_got_lost_is_saved_once_and_without_a_dispute(desks: Desks, customer: Customer) -> None:
    customer.task("Call")
    desk = desks.seat(customer)
    desk.open_record("contact")
    form = edit_form(desk, "Call")
    form.field("Subject").fill("Call at noon")

    lose_one_answer(desk.page, "UpdateTask")
    form.press("Save")
    expect(form.dialog.get_by_role("alert")).to_be_focused()
    form.field("Description").fill("About the offer")
    form.save("Save")

    expect(desk.page.get_by_text("Saved “Call at noon”")).to_be_visible()
    expect(desk.page.get_by_text("meanwhile")).to_have_count(0)
    assert "About the offer" == customer.stored("Call at noon")["description"]
    desk.forgive("ERR_CONNECTION_RESET")


def test_a_task_deleted_while_it_is_edited_is_brought_back_and_saved(desks: Desks, customer: Customer) -> None:
    id_ = customer.task("Call", ("contact", "account"))
    desk = desks.seat(customer)
    desk.open_record("contact")
    form = edit_form(desk, "Call")
    form.field("Description").fill("About the offer")

    elsewhere(desks, customer, "deleteTask", id=str(id_))
    form.press("Save")
    expect(form.dialog.get_by_role("alert")).to_contain_text("Somebody has deleted this task")
    form.save("Bring it back and save")

    stored = customer.stored("Call")
    assert (None, "About the offer") == (stored["deleted_at"], stored["description"])
    assert ("contact", "account") == customer.linked("Call")


def test_words_for_a_task_that_somebody_else_completed_are_added_to_it(desks: Desks, customer: Customer) -> None:
    id_ = customer.task("Call", description="About the offer")
    desk = desks.seat(customer)
    desk.open_record("contact")
    desk.act("Call", "Complete task")
    form = opened(desk, "Complete task")
    form.field("Outcome").fill("Agreed")

    elsewhere(desks, customer, "completeTask", id=str(id_), outcome="No answer")
    form.press("Complete task")
    expect(form.dialog.get_by_role("alert")).to_contain_text("No answer")
    form.save("Add to description")

    stored = customer.stored("Call")
    assert ("No answer", "About the offer\n\nAgreed") == (stored["outcome"], stored["description"])


def test_a_form_closed_while_it_is_saved_is_saved_all_the_same(desks: Desks, customer: Customer) -> None:
    desk = desks.seat(customer)
    form = begun_form(desk, "Call back")

    with held(desk.page, "CreateTask") as held_back:
        form.press("Create task")
        held_back.wait_for()
        desk.page.keyboard.press("Escape")
        expect(form.dialog).to_have_count(0)

    expect(desk.page.get_by_text("Created “Call back”")).to_be_visible()
    assert ("contact",) == customer.linked("Call back")


def test_a_form_closed_while_it_is_saved_in_vain_says_so_and_keeps_its_words(desks: Desks, customer: Customer) -> None:
    desk = desks.seat(customer)
    form = begun_form(desk, "Call back")

    with failing(desk.page, "CreateTask", status=502):
        with held(desk.page, "CreateTask") as held_back:
            form.press("Create task")
            held_back.wait_for()
            desk.page.keyboard.press("Escape")
            held_back.routes.pop().fallback()
        expect(desk.page.get_by_text("A task was not saved")).to_be_visible()
    again = new_form(desk)

    expect(again.field("Subject")).to_have_value("Call back")
    again.save("Create task")
    assert ("contact",) == customer.linked("Call back")
    desk.forgive("502")


def test_a_closed_form_keeps_its_words_until_it_starts_afresh(desks: Desks, customer: Customer) -> None:
    desk = desks.seat(customer)
    form = begun_form(desk, "Call back")
    desk.page.keyboard.press("Escape")
    expect(form.dialog).to_have_count(0)

    again = new_form(desk)
    expect(again.field("Subject")).to_have_value("Call back")
    again.press("Start afresh")

    expect(again.field("Subject")).to_have_value("")
    expect(again.field("Contact")).not_to_have_value("")
    assert "Call back" not in desk.page.evaluate("JSON.stringify(sessionStorage)")


def test_words_for_one_record_stay_off_anothers_form(desks: Desks, customer: Customer) -> None:
    desk = desks.seat(customer)
    begun_form(desk, "Call back")
    desk.page.keyboard.press("Escape")

    desk.open_record("account")
    form = new_form(desk)
    expect(form.field("Subject")).to_have_value("")
    expect(form.field("Contact")).to_have_value("")
    expect(form.field("Account")).to_have_value(ACCOUNT)
    desk.page.keyboard.press("Escape")
    desk.open_record("contact")

    expect(new_form(desk).field("Subject")).to_have_value("Call back")


def test_an_edit_begun_afresh_begins_with_the_task_as_it_is_now(desks: Desks, customer: Customer) -> None:
    id_ = customer.task("Call", description="About the offer")
    desk = desks.seat(customer)
    desk.open_record("contact")
    edit_form(desk, "Call").field("Subject").fill("Call at noon")
    desk.page.keyboard.press("Escape")

    customer.organization.owner.run(f"UPDATE lead_interactions SET subject = 'Write' WHERE id = '{id_}'")
    expect(desk.entry("Write")).to_have_count(1)
    form = edit_form(desk, "Write")
    form.press("Start afresh")

    expect(form.field("Subject")).to_have_value("Write")


def half_a_date(form: Form) -> str:
    form.field("Due date").focus()
    form.page.keyboard.type("02")
    return "Due date"


def a_time_alone(form: Form) -> str:
    form.field("Due time").fill("10:30")
    return "Due date"


def a_name_not_chosen(form: Form) -> str:
    form.field("Account").fill("Nobody at all")
    return "Account"


@pytest.mark.parametrize("half", [half_a_date, a_time_alone, a_name_not_chosen], ids=lambda half: half.__name__)
def test_what_is_only_half_there_is_asked_for(desks: Desks, customer: Customer, half: Callable[[Form], str]) -> None:
    desk = desks.seat(customer)
    form = begun_form(desk, "Call back")

    label = half(form)
    form.press("Create task")

    expect(form.field(label)).to_be_focused()
    form.expect_problem(label, "Finish it|Give the date|Choose one")
    assert 0 == desk.asked("CreateTask")


def test_the_accounts_of_a_contact_are_offered_before_anything_is_typed(desks: Desks, customer: Customer) -> None:
    desk = desks.seat(customer)
    form = begun_form(desk, "Call back")

    form.field("Account").press("ArrowDown")
    expect(form.dialog.get_by_role("option")).to_have_text([ACCOUNT])
    form.field("Account").press("ArrowDown")
    form.field("Account").press("Enter")
    form.save("Create task")

    assert ("contact", "account") == customer.linked("Call back")


@pytest.mark.parametrize(("action", "gone"), [("Delete task", "deleted_at"), ("Cancel task", "status")])
def test_a_key_takes_back_what_was_just_done(desks: Desks, customer: Customer, action: str, gone: str) -> None:
    customer.task("Call", ("contact", "account"))
    before = customer.stored("Call")
    desk = desks.seat(customer)
    desk.open_record("contact")

    desk.act("Call", action)
    expect(undo(desk)).to_be_visible()
    changed = customer.stored("Call")
    desk.page.keyboard.press("z")
    expect(undo(desk)).to_have_count(0)
    expect(desk.page.get_by_text("Brought back").or_(desk.page.get_by_text("Reopened"))).to_be_visible()

    assert before[gone] != changed[gone]
    assert before[gone] == customer.stored("Call")[gone]


def test_a_completion_taken_back_leaves_nothing_behind(desks: Desks, customer: Customer) -> None:
    customer.task("Call", description="Ask for Cora.", scheduled_at=days_from_now(3), status="scheduled")
    before = customer.stored("Call")
    desk = desks.seat(customer)
    desk.open_record("contact")
    desk.act("Call", "Complete task")
    form = opened(desk, "Complete task")
    form.field("Outcome").fill("Sold")
    form.field("Notes").fill("Two, by June.")
    form.save("Complete task")
    expect(desk.entry("Call")).to_contain_text("Outcome: Sold")

    undo(desk).click()

    expect(desk.entry("Call").get_by_role("button", name="Complete task")).to_be_visible()
    expect(desk.entry("Call")).not_to_contain_text("Sold")
    after = customer.stored("Call")
    assert {"updated_at", "last_modified_by"} >= {name for name in before if before[name] != after[name]}


def test_words_added_to_a_completed_task_are_taken_back_and_leave_it_completed(
    desks: Desks, customer: Customer
) -> None:
    customer.task("Call")
    desk = desks.seat(customer)
    desk.open_record("contact")
    desk.act("Call", "Complete task")
    form = opened(desk, "Complete task")
    form.field("Outcome").fill("Too late")
    elsewhere(desks, customer, "completeTask", id=str(customer.stored("Call")["id"]), outcome="Sold")
    form.press("Complete task")
    form.save("Add to description")

    undo(desk).click()

    expect(desk.entry("Call")).not_to_contain_text("Too late")
    stored = customer.stored("Call")
    assert ("completed", "Sold", None) == (stored["status"], stored["outcome"], stored["description"])


def undo(desk: Desk) -> Locator:
    return desk.page.get_by_role("button", name="Undo")
