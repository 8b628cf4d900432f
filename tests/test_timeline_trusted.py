"""The timeline in a browser where trusted documents alone are run: each that it sends is among them."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from playwright.sync_api import expect

from server.trusted_documents import PAGES
from tests import apis
from tests.apis import Api
from tests.databases import CrmDatabase
from tests.held_requests import operation_of
from tests.timeline_forms import begun_form, complete, edit_form
from tests.timeline_pages import MARKS, Desk, Desks
from tests.timeline_records import ACCOUNT, COLLEAGUE, CONTACT, Customer

pytestmark = MARKS


@pytest.fixture(scope="module")
def api(crm: CrmDatabase) -> Iterator[Api]:
    with apis.api(database_url=crm.app_url, demo_organization_id=uuid4(), is_trusted_only=True) as running:
        yield running


def look_about(desk: Desk) -> None:
    """Look at long lists and at related records, and search."""
    desk.open()
    desk.scroll_to("Task 1")
    desk.find("Cora", CONTACT)
    desk.page.get_by_role("switch", name="Also related records").check()
    desk.settled()
    desk.open_record("contact")
    desk.scroll_to("Call 100")


def change(desk: Desk) -> None:
    """Make a task, and change it in each way that there is."""
    desk.open_record("contact")
    form = begun_form(desk, "Ring")
    form.field("Account").click()  # those of the contact are offered
    form.dialog.get_by_role("option").filter(has_text=ACCOUNT).first.click()
    form.save("Create task")
    form = edit_form(desk, "Ring")
    form.pick("Assignee", COLLEAGUE)
    form.save("Save")
    complete(desk, "Ring")
    desk.act("Ring", "Reopen task")
    desk.act("Ring", "Cancel task")
    expect(desk.entry("Ring")).to_contain_text("Cancelled")
    desk.act("Ring", "Delete task")
    expect(desk.entry("Ring")).to_have_count(0)
    desk.page.get_by_role("button", name="Undo").click()
    expect(desk.entry("Ring")).to_be_visible()


def expect_news(desk: Desk) -> None:
    """Let something happen, and fail unless the page is told, by a subscription, and counts anew."""
    desk.open_record("contact")  # what is still asked after a change could bring it too
    desk.customer.activity("call", "Just now", completed_at=datetime.now(UTC))
    desk.page.get_by_role("button", name="1 new", exact=True).wait_for()
    desk.open()
    with desk.page.expect_request(lambda request: operation_of(request) == "TaskCounts"):
        desk.customer.task("One more")


def test_all_that_the_timeline_asks_is_answered(desks: Desks, customer: Customer) -> None:
    customer.activities(100)
    for number in range(1, 101):
        customer.task(f"Task {number}", ("account",), scheduled_at=datetime.now(UTC))
    desk = desks.seat(customer)

    look_about(desk)
    change(desk)
    expect_news(desk)

    expected = re.findall(r"(?:query|mutation) (\w+)", " ".join(json.loads(PAGES.read_text()).values()))
    assert set(expected) - {"Viewer"} == set(desk.operations)
