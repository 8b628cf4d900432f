"""Everybody can use the page: axe finds nothing in any state, light and dark, on a telephone and enlarged."""

from collections.abc import Callable
from typing import Literal

import pytest
from playwright.sync_api import expect

from tests.accessibility import Judge
from tests.timeline_forms import complete, edit_form, new_form
from tests.timeline_pages import MARKS, Desk, Desks
from tests.timeline_records import Customer, days_from_now

pytestmark = MARKS
Scheme = Literal["light", "dark"]


def filled(customer: Customer) -> None:
    """Give the contact entries of every sort, with every link and badge."""
    for kind in ("call", "email", "meeting", "note", "sms", "whatsapp", "fax"):
        customer.activity(kind, f"A {kind}", ("contact", "account"), outcome="Good", description="Words")
    for days in (-3, 0.01, 1, 3, 300):
        customer.task(f"Due in {days}", ("lead", "contact"), scheduled_at=days_from_now(days), priority="high")
    customer.task("No date", priority="low")
    customer.task("Off", status="cancelled")
    lost = customer.organization.account(customer.ids["contact"], account_name="Gone Ltd")
    customer.organization.task(subject="Lost link", contact_id=customer.ids["contact"], account_id=lost)
    customer.organization.owner.run(f"UPDATE accounts SET deleted_at = now() WHERE id = '{lost}'")


def on_a_timeline(desk: Desk) -> None:
    desk.open_record("contact")


def with_related(desk: Desk) -> None:
    desk.open(f"?contact={desk.customer.ids['contact']}&related=yes")


def on_all_tasks(desk: Desk) -> None:
    desk.open()


def with_filters(desk: Desk) -> None:
    contact = desk.customer.ids["contact"]
    desk.open(f"?contact={contact}&kind=task,call&status=pending&links=lead,contact&q=due")


def with_nothing(desk: Desk) -> None:
    desk.open_record("account")
    desk.open(f"?account={desk.customer.ids['account']}&kind=sms")


def while_searching(desk: Desk) -> None:
    desk.open()
    desk.search.fill("cor")
    desk.page.get_by_role("option").first.wait_for()


def while_finding_nothing(desk: Desk) -> None:
    desk.open()
    desk.search.fill("nobody of this name")
    expect(desk.page.get_by_text("Nothing found")).to_be_visible()


def in_a_new_task(desk: Desk) -> None:
    on_a_timeline(desk)
    new_form(desk)


def with_an_error_at_a_field(desk: Desk) -> None:
    on_a_timeline(desk)
    form = new_form(desk)
    form.press("Create task")
    form.expect_problem("Subject", ".")


def with_an_open_choice(desk: Desk) -> None:
    on_a_timeline(desk)
    form = new_form(desk)
    form.field("Account").fill("nord")
    form.dialog.get_by_role("option").first.wait_for()


def in_an_edit(desk: Desk) -> None:
    on_a_timeline(desk)
    edit_form(desk, "No date")


def in_a_completion(desk: Desk) -> None:
    on_a_timeline(desk)
    desk.act("No date", "Complete task")
    desk.dialog.wait_for()


def after_a_completion(desk: Desk) -> None:
    on_a_timeline(desk)
    complete(desk, "No date", outcome="Done")


def after_a_deletion(desk: Desk) -> None:
    on_a_timeline(desk)
    desk.act("No date", "Delete task")
    desk.page.get_by_role("button", name="Undo").wait_for()


def in_the_help(desk: Desk) -> None:
    on_a_timeline(desk)
    desk.page.keyboard.press("?")
    desk.dialog.wait_for()


def where_nothing_is(desk: Desk) -> None:
    desk.page.goto(f"{desk.address}/?lead=7")
    expect(desk.page.get_by_role("heading", name="Not found")).to_be_visible()


# A telephone, and a window of 1280 pixels at 200 and at 400 % zoom.
SIZES = [(375, 667), (640, 450), (320, 225)]
STATES: list[Callable[[Desk], None]] = [
    on_a_timeline,
    with_related,
    on_all_tasks,
    with_filters,
    with_nothing,
    while_searching,
    while_finding_nothing,
    in_a_new_task,
    with_an_error_at_a_field,
    with_an_open_choice,
    in_an_edit,
    in_a_completion,
    after_a_completion,
    after_a_deletion,
    in_the_help,
    where_nothing_is,
]


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
def test_axe_finds_nothing(desks: Desks, customer: Customer, judge: Judge, state: Callable[[Desk], None]) -> None:
    filled(customer)
    desk = desks.seat(customer)
    # So tall that nothing scrolls: what is half below the masthead would count as too small.
    desk.page.set_viewport_size({"width": 1280, "height": 3_000})
    state(desk)
    found = {}

    for scheme in ("light", "dark"):
        desk.page.emulate_media(color_scheme=scheme)
        found[scheme] = judge.violations(desk.page)

    assert {"light": [], "dark": []} == found


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
def test_nothing_is_wider_than_the_window(desks: Desks, customer: Customer, state: Callable[[Desk], None]) -> None:
    filled(customer)
    desk = desks.seat(customer)
    state(desk)
    wider = {}

    for width, height in SIZES:
        desk.page.set_viewport_size({"width": width, "height": height})
        wider[width] = desk.sideways()

    assert dict.fromkeys(wider, 0) == wider
