"""Edit, complete, reopen, call off, delete: each changes what it says, keeps every link, and can be taken back."""

import pytest
from playwright.sync_api import expect

from tests.apis import Api
from tests.timeline_forms import complete, edit_form, opened
from tests.timeline_pages import MARKS, Desks
from tests.timeline_records import ACCOUNT, COLLEAGUE, COMBINATIONS, CONTACT, LEAD, Customer, days_from_now

pytestmark = MARKS

# What any change may touch.
STAMPS = {"updated_at", "last_modified_by"}
# To the microsecond, as imports leave it; a form shows minutes.
DUE = "2031-03-04 05:06:07.891011+00"


def kept(before: dict[str, object], after: dict[str, object]) -> dict[str, tuple[object, object]]:
    """Return what differs beside the stamps, before and after."""
    return {name: (before[name], after[name]) for name in before.keys() - STAMPS if before[name] != after[name]}


@pytest.mark.parametrize("kinds", COMBINATIONS, ids="+".join)
def test_an_edit_of_the_subject_changes_nothing_else(desks: Desks, customer: Customer, kinds: tuple[str, ...]) -> None:
    customer.task("Call", kinds, scheduled_at=DUE, priority="high", description="Twice.", user_id=customer.colleague)
    before = customer.stored("Call")
    desk = desks.seat(customer)
    desk.open()

    form = edit_form(desk, "Call")
    form.field("Subject").fill("Call again")
    form.save("Save")

    expect(desk.entry("Call again")).to_be_visible()
    assert {"subject": ("Call", "Call again")} == kept(before, customer.stored("Call again"))


def test_an_edit_shows_what_the_api_has_stored(desks: Desks, customer: Customer) -> None:
    customer.task("Call", tuple(customer.ids), scheduled_at="2031-07-01 07:30+00", user_id=customer.colleague)
    desk = desks.seat(customer, time_zone="Europe/Berlin")
    desk.open()

    form = edit_form(desk, "Call")

    for label, value in (
        ("Lead", LEAD),
        ("Contact", CONTACT),
        ("Account", ACCOUNT),
        ("Assignee", COLLEAGUE),
        ("Due date", "2031-07-01"),
        ("Due time", "09:30"),
    ):
        expect(form.field(label)).to_have_value(value)


def test_one_link_is_exchanged_for_another(desks: Desks, customer: Customer) -> None:
    customer.task("Call", ("lead", "contact"))
    desk = desks.seat(customer)
    desk.open()

    form = edit_form(desk, "Call")
    form.remove("Lead")
    form.pick("Account", ACCOUNT)
    form.save("Save")

    expect(desk.entry("Call").get_by_role("link", name=ACCOUNT)).to_be_visible()
    assert ("contact", "account") == customer.linked("Call")


def test_the_last_link_stays(desks: Desks, customer: Customer) -> None:
    customer.task("Call", ("account",))
    desk = desks.seat(customer)
    desk.open()

    form = edit_form(desk, "Call")
    form.remove("Account")
    form.press("Save")

    expect(form.dialog.get_by_text("Link a lead, a contact or an account")).to_be_visible()
    assert ("account",) == customer.linked("Call")


def test_a_due_date_is_taken_away(desks: Desks, customer: Customer) -> None:
    customer.task("Call", scheduled_at=DUE)
    desk = desks.seat(customer)
    desk.open_record("contact")

    form = edit_form(desk, "Call")
    form.press("No due date")
    form.save("Save")

    expect(desk.page.get_by_role("heading", name="No due date")).to_be_visible()
    assert customer.stored("Call")["scheduled_at"] is None


def test_a_task_is_completed_with_an_outcome_and_opened_again(desks: Desks, customer: Customer) -> None:
    customer.task("Call", ("contact", "account"), scheduled_at=days_from_now(-1))
    desk = desks.seat(customer)
    desk.open_record("contact")

    complete(desk, "Call", outcome="She will think about it")
    expect(desk.entry("Call")).to_contain_text("She will think about it")
    expect(desk.tab("Completed")).to_contain_text("1")
    completed = customer.stored("Call")
    desk.act("Call", "Reopen task")
    expect(desk.tab("Overdue")).to_contain_text("1")

    assert ("completed", "She will think about it") == (completed["status"], completed["outcome"])
    assert customer.stored("Call")["completed_at"] is None
    assert ("contact", "account") == customer.linked("Call")


def test_notes_of_a_completion_are_added_to_the_description(desks: Desks, customer: Customer) -> None:
    customer.task("Call", description="Ask for the number.")
    desk = desks.seat(customer)
    desk.open_record("contact")

    desk.act("Call", "Complete task")
    form = opened(desk, "Complete task")
    form.field("Notes").fill("It is 42.")
    form.save("Complete task")

    expect(desk.entry("Call")).to_contain_text("It is 42.")
    description = str(customer.stored("Call")["description"])
    assert description.startswith("Ask for the number.")
    assert description.endswith("It is 42.")


def test_a_task_is_called_off(desks: Desks, customer: Customer) -> None:
    customer.task("Call", ("lead", "account"))
    desk = desks.seat(customer)
    desk.open_record("lead")

    desk.act("Call", "Cancel task")

    expect(desk.entry("Call")).to_contain_text("Cancelled")
    assert "cancelled" == customer.stored("Call")["status"]
    assert ("lead", "account") == customer.linked("Call")


def test_a_deleted_task_is_brought_back_whole(desks: Desks, customer: Customer) -> None:
    customer.task("Call", tuple(customer.ids), scheduled_at=DUE)
    before = customer.stored("Call")
    desk = desks.seat(customer)
    desk.open_record("contact")

    desk.act("Call", "Delete task")
    expect(desk.entry("Call")).to_have_count(0)
    expect(desk.tab("Open")).to_contain_text("0")
    deleted = customer.stored("Call")
    desk.page.get_by_role("button", name="Undo").click()

    expect(desk.entry("Call")).to_be_visible()
    expect(desk.tab("Open")).to_contain_text("1")
    assert deleted["deleted_at"] is not None
    assert {} == kept(before, customer.stored("Call"))


def test_two_edits_of_different_fields_both_hold(desks: Desks, customer: Customer) -> None:
    id_ = customer.task("Call", ("contact",), description="Ours")
    desk = desks.seat(customer)
    desk.open_record("contact")
    form = edit_form(desk, "Call")

    change_elsewhere(desks.api, customer, id=str(id_), accountId=str(customer.ids["account"]), priority="HIGH")
    form.field("Description").fill("Mine")
    form.save("Save")

    stored = customer.stored("Call")
    assert ("Mine", "high") == (stored["description"], stored["priority"])
    assert ("contact", "account") == customer.linked("Call")


@pytest.mark.parametrize(("choice", "subject"), [("Theirs", "Their words"), ("Mine", "My words")])
def test_two_edits_of_one_field_are_put_to_the_choice(
    desks: Desks, customer: Customer, choice: str, subject: str
) -> None:
    id_ = customer.task("Call")
    desk = desks.seat(customer)
    desk.open_record("contact")
    form = edit_form(desk, "Call")
    form.field("Subject").fill("My words")

    change_elsewhere(desks.api, customer, id=str(id_), subject="Their words")
    form.press("Save")
    dispute = opened(desk, "Changed by two people")
    expect(dispute.dialog).to_contain_text("Their words")
    dispute.dialog.get_by_role("radio", name=choice).check()
    dispute.save("Save")

    expect(desk.entry(subject)).to_be_visible()
    assert str(id_) == customer.stored(subject)["id"]


def change_elsewhere(api: Api, customer: Customer, **values: object) -> None:
    query = "mutation($input: UpdateTaskInput!) { updateTask(input: $input) { errors { ... on UserError { code } } } }"
    payload = api.data(customer.organization.viewer(), query, input=values)["updateTask"]
    assert [] == payload["errors"]
