"""What goes wrong is said where it is, and nothing typed is lost: a slow server, a broken one, refusals, strangers."""

from uuid import UUID

import pytest
from playwright.sync_api import expect

from resolvers.viewers import Role
from tests.held_requests import failing, held, variables_of
from tests.owners import Owner
from tests.timeline_forms import begun_form, edit_form, new_form
from tests.timeline_pages import MARKS, Desks
from tests.timeline_records import ACCOUNT, CONTACT, LEAD, Customer

pytestmark = MARKS


def test_enter_picks_nothing_while_the_answer_is_on_its_way(desks: Desks, customer: Customer) -> None:
    """The list still shows what the previous term found."""
    customer.organization.contact(first_name="Mona", last_name="Lindt")
    desk = desks.seat(customer)
    desk.open()
    form = new_form(desk)
    form.field("Contact").fill("cora")
    form.dialog.get_by_role("option").filter(has_text=CONTACT).wait_for()

    with held(desk.page, "SearchRecords") as held_back:
        form.field("Contact").fill("mona")
        held_back.wait_for()
        desk.page.keyboard.press("Enter")
        desk.page.keyboard.press("ArrowDown")
        desk.page.keyboard.press("Enter")
        expect(form.field("Contact")).to_have_value("mona")
        expect(form.dialog.get_by_role("option")).to_have_count(0)
        held_back.let_go()
        form.dialog.get_by_role("option").filter(has_text="Mona Lindt").wait_for()
        desk.page.keyboard.press("Enter")

    expect(form.field("Contact")).to_have_value("Mona Lindt")


def test_an_answer_that_comes_late_is_left_alone(desks: Desks, customer: Customer) -> None:
    customer.organization.contact(first_name="Mona", last_name="Lindt")
    desk = desks.seat(customer)
    desk.open()
    form = new_form(desk)

    with held(desk.page, "SearchRecords") as held_back:
        form.field("Contact").fill("cora")
        held_back.wait_for()
        form.field("Contact").fill("mona")
        held_back.wait_for(2)
        assert ["cora", "mona"] == [variables_of(route.request)["search"] for route in held_back.routes]
        late = held_back.routes.pop(0)
        held_back.let_go()
        form.dialog.get_by_role("option").filter(has_text="Mona Lindt").wait_for()
        held_back.routes.append(late)

    expect(form.dialog.get_by_role("option")).to_have_count(1)
    expect(form.dialog.get_by_role("option")).to_contain_text("Mona Lindt")


def test_no_word_about_the_search_is_a_choice(desks: Desks, customer: Customer) -> None:
    desk = desks.seat(customer)
    desk.open()
    form = new_form(desk)

    form.field("Contact").fill("nobody of this name")
    expect(form.dialog.get_by_role("status").filter(has_text="Nothing found")).to_be_visible()
    desk.page.keyboard.press("ArrowDown")
    desk.page.keyboard.press("Enter")

    expect(form.dialog.get_by_role("option")).to_have_count(0)
    expect(form.field("Contact")).to_have_value("nobody of this name")


def test_a_search_that_fails_says_so_and_can_go_on(desks: Desks, customer: Customer) -> None:
    desk = desks.seat(customer)
    desk.open()
    form = new_form(desk)

    with failing(desk.page, "SearchRecords", status=502):
        form.field("Contact").fill("cor")
        expect(form.dialog.get_by_role("status").filter(has_text="again")).to_be_visible()
    form.pick("Contact", CONTACT)

    desk.forgive("502")


def test_a_record_that_has_gone_is_named_at_its_field(desks: Desks, customer: Customer) -> None:
    desk = desks.seat(customer)
    desk.open()
    form = new_form(desk)
    form.field("Subject").fill("Renew")
    form.pick("Contact", CONTACT)
    form.pick("Account", ACCOUNT)

    customer.organization.owner.run(f"UPDATE accounts SET deleted_at = now() WHERE id = '{customer.ids['account']}'")
    form.press("Create task")

    form.expect_problem("Account", "account")
    expect(form.field("Account")).to_be_focused()
    expect(form.field("Subject")).to_have_value("Renew")
    expect(form.field("Contact")).to_have_value(CONTACT)
    form.remove("Account")
    form.save("Create task")
    assert ("contact",) == customer.linked("Renew")


def test_a_colleague_who_has_left_is_named_at_their_field(desks: Desks, customer: Customer) -> None:
    desk = desks.seat(customer)
    form = begun_form(desk, "Renew")
    form.pick("Assignee", "Omar Haddad")

    customer.organization.owner.run(f"DELETE FROM users WHERE id = '{customer.colleague}'")
    form.press("Create task")

    form.expect_problem("Assignee", ".")
    expect(form.field("Subject")).to_have_value("Renew")


@pytest.mark.parametrize("status", [502, None])
def test_a_broken_server_loses_nothing_that_was_typed(desks: Desks, customer: Customer, status: int | None) -> None:
    desk = desks.seat(customer)
    form = begun_form(desk, "Renew")

    with failing(desk.page, "CreateTask", status=status):
        form.press("Create task")
        expect(form.dialog.get_by_role("alert")).to_contain_text("again")
    expect(form.field("Subject")).to_have_value("Renew")
    form.save("Create task")

    assert ("contact",) == customer.linked("Renew")
    desk.forgive("502", "ERR_CONNECTION_RESET")


@pytest.mark.parametrize("status", [502, None])
def test_a_timeline_that_fails_is_asked_for_again(desks: Desks, customer: Customer, status: int | None) -> None:
    customer.activity("call", "Talked")
    desk = desks.seat(customer)

    with failing(desk.page, "Timeline", status=status):
        desk.page.goto(f"{desk.address}/?contact={customer.ids['contact']}")
        desk.page.get_by_role("alert").wait_for()
    desk.page.get_by_role("button", name="Try again").click()

    expect(desk.entry("Talked")).to_be_visible()
    desk.forgive("502", "ERR_CONNECTION_RESET")


def test_a_completion_that_fails_is_taken_back(desks: Desks, customer: Customer) -> None:
    customer.task("Call")
    desk = desks.seat(customer)
    desk.open_record("contact")

    with failing(desk.page, "DeleteTask", status=502):
        desk.act("Call", "Delete task")
        expect(desk.page.get_by_role("status").filter(has_text="again")).to_be_visible()

    expect(desk.entry("Call")).to_be_visible()
    desk.forgive("502")


@pytest.mark.parametrize("kind", ["lead", "contact", "account"])
def test_another_organizations_record_is_not_there(desks: Desks, customer: Customer, owner: Owner, kind: str) -> None:
    other = Customer.new(owner)
    other.task("Their secret", (kind,))
    desk = desks.seat(customer)

    desk.page.goto(f"{desk.address}/?{kind}={other.ids[kind]}")

    expect(desk.page.get_by_role("heading", name="Not found")).to_be_visible()
    for secret in ("Their secret", LEAD, CONTACT, ACCOUNT):
        expect(desk.page.get_by_text(secret)).to_have_count(0)


@pytest.mark.parametrize("id_", [str(UUID(int=7)), "7", "%00", "'; DROP TABLE leads; --", "x" * 3_000])
def test_an_address_that_leads_nowhere_says_so(desks: Desks, customer: Customer, id_: str) -> None:
    desk = desks.seat(customer)

    desk.page.goto(f"{desk.address}/?lead={id_}")

    expect(desk.page.get_by_role("heading", name="Not found")).to_be_visible()
    desk.find("cor", CONTACT)


def test_another_organizations_link_in_a_filter_finds_nothing(desks: Desks, customer: Customer, owner: Owner) -> None:
    other = Customer.new(owner)
    other.task("Their secret", ("account",))
    customer.task("Ours")
    desk = desks.seat(customer)

    desk.open(f"?with-account={other.ids['account']}")

    assert [] == desk.subjects()
    expect(desk.page.get_by_text(ACCOUNT)).to_have_count(0)


def test_a_viewer_sees_nothing_that_changes_anything(desks: Desks, customer: Customer) -> None:
    customer.task("Call")
    desk = desks.seat(customer, role=Role.VIEWER)

    desk.open_record("contact")
    for key in "nxe":
        desk.page.keyboard.press(key)

    expect(desk.entry("Call")).to_be_visible()
    for name in ("New task", "Edit task", "Complete task", "Delete task"):
        expect(desk.page.get_by_role("button", name=name)).to_have_count(0)
    expect(desk.dialog).to_have_count(0)


def test_an_edit_of_a_task_that_has_gone_says_so(desks: Desks, customer: Customer) -> None:
    id_ = customer.task("Call")
    desk = desks.seat(customer)
    desk.open_record("contact")
    form = edit_form(desk, "Call")
    form.field("Subject").fill("Long words that took a while")

    customer.organization.owner.run(f"UPDATE lead_interactions SET deleted_at = now() WHERE id = '{id_}'")
    form.press("Save")

    expect(form.dialog.get_by_role("alert")).to_be_visible()
    expect(form.field("Subject")).to_have_value("Long words that took a while")
