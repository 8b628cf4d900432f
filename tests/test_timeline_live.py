"""Rows that come and change by themselves: in place where they are shown, on request where they would move others."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.apis import Api
from tests.deadlines import eventually
from tests.demos import taskline
from tests.held_requests import POLL_MS, failing, late, operation_of
from tests.lines import line
from tests.new_tasks import create
from tests.timeline_forms import complete, edit_form, new_form, opened
from tests.timeline_forms import create as create_task
from tests.timeline_pages import MARKS, Desk, Desks
from tests.timeline_records import ACCOUNT, CONTACT, Customer, days_from_now

pytestmark = MARKS
# A little more than the page waits before it asks whether anybody is there, and then for an answer.
PING_S, PONG_S = 16, 6
# Longer than the page waits before it counts what has changed.
COUNTED_AGAIN_MS = 1_500

IS_WHOLE = "notice => notice.scrollHeight <= notice.offsetHeight"

UPDATE = "mutation($input: UpdateTaskInput!) { updateTask(input: $input) { errors { ... on UserError { code } } } }"
COMPLETE = (
    "mutation($input: CompleteTaskInput!) { completeTask(input: $input) { errors { ... on UserError { code } } } }"
)
DELETE = "mutation($input: TaskIdInput!) { deleteTask(input: $input) { errors { ... on UserError { code } } } }"


def change(api: Api, customer: Customer, mutation: str, **values: object) -> None:
    """Change a task as another client of the API does."""
    (payload,) = api.data(customer.organization.viewer(), mutation, input=values).values()
    assert [] == payload["errors"]


def new_rows(desk: Desk, count: int) -> Locator:
    return desk.page.get_by_role("button", name=f"{count} new", exact=True)


def happen(customer: Customer, *subjects: str) -> None:
    """Let calls have taken place just now."""
    for subject in subjects:
        customer.activity("call", subject, completed_at=datetime.now(UTC))


def is_stored(desk: Desk, subject: str, **values: str) -> bool:
    """Return whether a task is stored with these values, and give the page time to send them."""
    desk.page.wait_for_timeout(POLL_MS)
    return desk.customer.stored(subject).items() >= values.items()


def place(desk: Desk, subject: str) -> float:
    """Return how far below the window's upper edge an entry stands."""
    box = desk.entry(subject).bounding_box()
    assert box is not None, f"{subject} isn't shown"
    return box["y"]


def test_what_comes_in_waits_for_a_click_and_moves_nothing(desks: Desks, customer: Customer) -> None:
    customer.activities(100)
    desk = desks.seat(customer)
    desk.open_record("contact")
    desk.scroll_to("Call 20")
    before = place(desk, "Call 20")

    happen(customer, "New 1", "New 2", "New 3")
    new_rows(desk, 3).wait_for()
    after = place(desk, "Call 20")
    new_rows(desk, 3).click()

    assert before == after
    for subject in ("New 1", "New 2", "New 3"):
        expect(desk.entry(subject)).to_be_in_viewport()
    assert ["New 3", "New 2", "New 1", "Call 1"] == desk.subjects()[:4]
    expect(new_rows(desk, 3)).to_have_count(0)


def test_a_change_elsewhere_shows_in_place(desks: Desks, customer: Customer) -> None:
    id_ = customer.task("Call Cora", scheduled_at=days_from_now(3))
    desk = desks.seat(customer)
    desk.open_record("contact")

    change(desks.api, customer, UPDATE, id=str(id_), subject="Call Cora twice", priority="HIGH")

    expect(desk.entry("Call Cora twice")).to_contain_text("High priority")
    expect(desk.entry("Call Cora")).to_have_count(0)


def test_a_completion_elsewhere_counts_at_once(desks: Desks, customer: Customer) -> None:
    id_ = customer.task("Call Cora", scheduled_at=days_from_now(-3))
    desk = desks.seat(customer)
    desk.open_record("contact")
    expect(desk.tab("Overdue")).to_contain_text("1")

    change(desks.api, customer, COMPLETE, id=str(id_), outcome="Reached her")

    expect(desk.entry("Call Cora")).to_contain_text("Reached her")
    expect(desk.tab("Overdue")).to_contain_text("0")
    expect(desk.tab("Completed")).to_contain_text("1")


def test_a_number_asked_for_before_a_change_is_asked_for_again_after_it(desks: Desks, customer: Customer) -> None:
    ids = [customer.task(f"Call {number}") for number in range(2)]
    desk = desks.seat(customer)
    desk.open_record("contact")
    expect(desk.tab("Open")).to_contain_text("2")

    with late(desk.page, "TimelineCounts") as arrive:
        with desk.page.expect_request(lambda request: operation_of(request) == "TimelineCounts"):
            change(desks.api, customer, COMPLETE, id=str(ids[0]), outcome="First")
        expect(desk.entry("Call 0")).to_contain_text("First")
        change(desks.api, customer, COMPLETE, id=str(ids[1]), outcome="Second")
        expect(desk.entry("Call 1")).to_contain_text("Second")
        desk.page.wait_for_timeout(COUNTED_AGAIN_MS)
        arrive()

    expect(desk.tab("Open")).to_contain_text("0")


def test_what_is_deleted_elsewhere_goes(desks: Desks, customer: Customer) -> None:
    id_ = customer.task("Call Cora")
    customer.task("Write to Cora")
    desk = desks.seat(customer)
    desk.open_record("contact")

    change(desks.api, customer, DELETE, id=str(id_))

    expect(desk.entry("Call Cora")).to_have_count(0)
    expect(desk.entry("Write to Cora")).to_be_visible()


def test_a_link_made_elsewhere_shows(desks: Desks, customer: Customer) -> None:
    id_ = customer.task("Renew")
    desk = desks.seat(customer)
    desk.open_record("contact")

    change(desks.api, customer, UPDATE, id=str(id_), accountId=str(customer.ids["account"]))

    expect(desk.entry("Renew").get_by_role("link", name=ACCOUNT)).to_be_visible()


def test_two_people_see_what_each_other_does(desks: Desks, customer: Customer) -> None:
    left, right = desks.seat(customer), desks.seat(customer)
    left.open_record("contact")
    right.open_record("contact")

    create_task(left, "Prepare the visit")
    new_rows(right, 1).click()
    complete(right, "Prepare the visit", outcome="Prepared")

    expect(left.entry("Prepare the visit")).to_contain_text("Prepared")
    expect(left.tab("Completed")).to_contain_text("1")
    expect(right.tab("Completed")).to_contain_text("1")


@pytest.mark.parametrize("query", ["", "?contact={contact}"])
def test_what_one_makes_oneself_is_no_news_before_its_answer_comes(
    desks: Desks, customer: Customer, query: str
) -> None:
    id_ = customer.task("Call Cora")
    left, right = desks.seat(customer), desks.seat(customer)
    for desk in (left, right):
        desk.open(query.format(**customer.ids))
    form = new_form(left)
    form.field("Subject").fill("Mine")
    if not query:
        form.pick("Contact", CONTACT)

    with late(left.page, "CreateTask") as arrive:
        form.press("Create task")
        new_rows(right, 1).wait_for()
        change(desks.api, customer, UPDATE, id=str(id_), subject="Call Cora twice")
        expect(left.entry("Call Cora twice")).to_have_count(1)
        expect(left.page.get_by_text("1 new")).to_have_count(0)
        arrive()

    expect(left.entry("Mine")).to_be_visible()
    expect(new_rows(left, 1)).to_have_count(0)


def test_what_a_colleague_makes_of_ones_own_new_task_is_no_news_before_its_answer_comes(
    desks: Desks, customer: Customer
) -> None:
    other = customer.task("Call Cora")
    left, right = desks.seat(customer), desks.seat(customer)
    for desk in (left, right):
        desk.open_record("contact")
    form = new_form(left)
    form.field("Subject").fill("Mine")

    with late(left.page, "CreateTask") as arrive:
        form.press("Create task")
        new_rows(right, 1).wait_for()
        change(desks.api, customer, UPDATE, id=str(customer.stored("Mine")["id"]), subject="Mine, and theirs")
        change(desks.api, customer, UPDATE, id=str(other), subject="Call Cora twice")
        expect(left.entry("Call Cora twice")).to_have_count(1)
        expect(left.page.get_by_text("1 new")).to_have_count(0)
        arrive()

    expect(left.entry("Mine, and theirs")).to_be_visible()
    expect(new_rows(left, 1)).to_have_count(0)


def test_what_a_colleague_makes_of_ones_own_new_task_is_news_where_it_is_not_shown(
    desks: Desks, customer: Customer
) -> None:
    customer.activities(120)
    left, right = desks.seat(customer), desks.seat(customer)
    for desk in (left, right):
        desk.open_record("contact")
    left.scroll_to("Call 80")
    left.page.keyboard.press("n")
    form = opened(left, "New task")
    form.field("Subject").fill("Mine")

    with late(left.page, "CreateTask") as arrive:
        form.press("Create task")
        new_rows(right, 1).wait_for()
        change(desks.api, customer, UPDATE, id=str(customer.stored("Mine")["id"]), subject="Mine, and theirs")
        happen(customer, "Something else")
        new_rows(left, 1).wait_for()
        arrive()

    new_rows(left, 2).click()
    expect(left.entry("Mine, and theirs")).to_be_visible()


def test_a_change_whose_answer_is_lost_is_news_though_an_earlier_one_was_answered(
    desks: Desks, customer: Customer
) -> None:
    customer.task("Call Cora")
    other = customer.task("Write to Cora")
    desk = desks.seat(customer)
    desk.open("?tab=open")
    complete(desk, "Call Cora")
    expect(desk.entry("Call Cora")).to_have_count(0)

    with late(desk.page, "ReopenTask", is_lost=True) as lose:
        desk.page.get_by_role("button", name="Undo").click()
        assert eventually(lambda: is_stored(desk, "Call Cora", status="pending"))
        change(desks.api, customer, UPDATE, id=str(other), subject="Write to Cora twice")
        expect(desk.entry("Write to Cora twice")).to_be_visible()
        expect(desk.page.get_by_text("1 new")).to_have_count(0)
        lose()

    new_rows(desk, 1).click()
    expect(desk.entry("Call Cora")).to_be_visible()
    desk.forgive("ERR_CONNECTION_RESET")


def add_tasks(customer: Customer, count: int) -> None:
    """Add "Task 0", the newest, "Task 1" and so on."""
    customer.organization.tasks(
        [
            {"subject": f"Task {number}", "contact_id": customer.ids["contact"], "created_at": days_from_now(-number)}
            for number in range(count)
        ]
    )


@pytest.mark.parametrize("subject", ["Task 1", "Task 80"])
def test_a_late_answer_takes_no_change_of_somebody_else_back(desks: Desks, customer: Customer, subject: str) -> None:
    add_tasks(customer, 120)
    desk = desks.seat(customer)
    desk.open()
    desk.scroll_to(subject)
    form = edit_form(desk, subject)
    form.field("Description").fill("As I see it")

    with late(desk.page, "UpdateTask") as arrive:
        form.press("Save")
        expect(desk.entry(subject)).to_contain_text("As I see it")
        change(desks.api, customer, UPDATE, id=str(customer.stored(subject)["id"]), description="As they see it")
        expect(desk.entry(subject)).to_contain_text("As they see it")
        arrive()

    expect(form.dialog).to_have_count(0)
    desk.page.wait_for_load_state("networkidle")
    expect(desk.entry(subject)).to_contain_text("As they see it")


@pytest.mark.parametrize("subject", ["Task 1", "Task 80"])
def test_a_late_answer_takes_no_change_back_that_was_told_together_with_it(
    desks: Desks, customer: Customer, subject: str
) -> None:
    """Events show a task as it is when they are read: all that come after a break, as it is by then."""
    add_tasks(customer, 120)
    with line(desks.api) as between:
        desk = desks.seat(customer, address=between.url)
        desk.open()
        desk.scroll_to(subject)
        form = edit_form(desk, subject)
        form.field("Description").fill("As I see it")
        between.cut()

        with late(desk.page, "UpdateTask", server=desks.own) as arrive:
            form.press("Save")
            assert eventually(lambda: is_stored(desk, subject, description="As I see it"))
            id_ = str(customer.stored(subject)["id"])
            change(desks.api, customer, UPDATE, id=id_, description="As they see it")
            between.mend()
            expect(desk.entry(subject)).to_contain_text("As they see it")
            arrive()

        expect(form.dialog).to_have_count(0)
        desk.page.wait_for_load_state("networkidle")
        expect(desk.entry(subject)).to_contain_text("As they see it")
        desk.leave()


def test_the_list_of_all_tasks_is_live_too(desks: Desks, customer: Customer) -> None:
    customer.task("First")
    desk = desks.seat(customer)
    desk.open()

    create(desks.api, customer.organization.viewer(), subject="Second", accountId=str(customer.ids["account"]))
    new_rows(desk, 1).click()

    expect(desk.entry("Second")).to_be_visible()
    expect(desk.tab("All")).to_contain_text("2")


def test_a_filter_holds_for_what_comes_in(desks: Desks, customer: Customer) -> None:
    customer.activity("email", "First mail")
    desk = desks.seat(customer)
    desk.open(f"?contact={customer.ids['contact']}&kind=email")

    happen(customer, "A call")
    customer.activity("email", "Second mail", completed_at=datetime.now(UTC))
    new_rows(desk, 1).click()

    expect(desk.entries).to_have_count(2)
    assert ["Second mail", "First mail"] == desk.subjects()


def test_a_lost_connection_is_told_and_made_up_for(desks: Desks, customer: Customer) -> None:
    id_ = customer.task("Call Cora")
    customer.activity("call", "Before")
    with line(desks.api) as between:
        desk = desks.seat(customer, address=between.url)
        desk.open_record("contact")
        happen(customer, "While connected")
        new_rows(desk, 1).wait_for()

        between.cut()
        expect(desk.page.get_by_text("Not live")).to_be_visible()
        assert desk.page.get_by_text("Not live").evaluate(IS_WHOLE)
        happen(customer, "While cut 1", "While cut 2")
        change(desks.api, customer, UPDATE, id=str(id_), subject="Changed while cut")
        between.mend()

        new_rows(desk, 3).click()
        expect(desk.entry("Changed while cut")).to_be_visible()
        expect(desk.entries).to_have_count(5)
        assert ["Changed while cut", "While cut 2", "While cut 1", "While connected", "Before"] == desk.subjects()
        expect(desk.page.get_by_text("Not live")).to_have_count(0)
        desk.leave()


def test_what_fails_to_come_can_be_asked_for_again(desks: Desks, customer: Customer) -> None:
    customer.activity("call", "Before")
    desk = desks.seat(customer)
    desk.open_record("contact")
    happen(customer, "News")

    with failing(desk.page, "Timeline", status=502):
        with desk.page.expect_event("requestfinished", lambda request: operation_of(request) == "Timeline"):
            new_rows(desk, 1).click()
        expect(desk.entry("Before")).to_be_visible()
    new_rows(desk, 1).click()

    expect(desk.entry("News")).to_be_visible()
    expect(new_rows(desk, 1)).to_have_count(0)
    desk.forgive("502")


def test_a_connection_that_dies_without_a_word_is_noticed(desks: Desks, customer: Customer) -> None:
    customer.activity("call", "Before")
    with line(desks.api) as between:
        desk = desks.seat(customer, address=between.url)
        desk.page.clock.install()
        desk.open_record("contact")
        happen(customer, "While connected")
        new_rows(desk, 1).click()

        between.silence()
        happen(customer, "In silence")
        for seconds in (PING_S, PONG_S):
            desk.page.clock.fast_forward(seconds * 1_000)

        new_rows(desk, 1).click()
        expect(desk.entry("In silence")).to_be_visible()
        desk.leave()


def test_after_too_long_an_absence_the_view_is_read_anew(desks: Desks, customer: Customer, tmp_path: Path) -> None:
    """What happened meanwhile is told no more: the log has been pruned."""
    customer.activity("call", "Before")
    with line(desks.api) as between:
        desk = desks.seat(customer, address=between.url)
        desk.open_record("contact")
        happen(customer, "While connected")
        new_rows(desk, 1).click()
        between.cut()
        desk.page.get_by_text("Not live").wait_for()

        happen(customer, "Long ago")
        prune(customer, tmp_path)
        happen(customer, "Just now")
        between.mend()

        for subject in ("Long ago", "Just now"):
            expect(desk.entry(subject)).to_be_visible()
        desk.leave()


def test_after_too_long_an_absence_further_pages_are_read_anew_too(
    desks: Desks, customer: Customer, tmp_path: Path
) -> None:
    customer.activities(80)
    with line(desks.api) as between:
        desk = desks.seat(customer, address=between.url)
        desk.open_record("contact")
        happen(customer, "While connected")
        new_rows(desk, 1).click()
        desk.scroll_to("Call 70")
        between.cut()
        desk.page.get_by_text("Not live").wait_for()

        id_ = customer.stored("Call 70")["id"]
        customer.organization.owner.run(f"UPDATE lead_interactions SET description = 'Meanwhile' WHERE id = '{id_}'")
        prune(customer, tmp_path)
        between.mend()

        expect(desk.entry("Call 70")).to_contain_text("Meanwhile")
        desk.leave()


def prune(customer: Customer, folder: Path) -> None:
    """Let what has happened so far have happened so long ago that nobody can be told of it any more."""
    organization = customer.organization
    past = "UPDATE taskline_events SET at = at - interval '31 days'"
    organization.owner.run(f"{past} WHERE organization_id = '{organization.id}'")
    pruned = taskline(folder, "prune", "--days", "30", "--url", organization.owner.database.owner_url)
    assert 0 == pruned.returncode, pruned.stderr
