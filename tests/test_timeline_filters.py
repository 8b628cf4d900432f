"""Filters of the timeline page: each is in the address, survives a reload, and is undone by going back."""

import pytest
from playwright.sync_api import expect

from tests.held_requests import held
from tests.timeline_pages import MARKS, Desks
from tests.timeline_records import ACCOUNT, COLLEAGUE, COMBINATIONS, LEAD, Customer, days_from_now

pytestmark = MARKS

# The filter as the address has it, and what it lets through of the tasks below; {…} stands for an id.
OF_TASKS = {
    "status=completed": ["Done"],
    "status=pending,cancelled": ["Urgent", "Off", "Colleague's", "Late", "Lost", "For all three"],
    "priority=high": ["Urgent"],
    "priority=high,low": ["Urgent", "Late"],
    "assignee={colleague}": ["Colleague's"],
    "with-lead={lead}": ["Urgent", "For all three"],
    "with-account={account}": ["Late", "For all three"],
    "with-lead={lead}&with-account={account}": ["For all three"],
    "links=lead": ["Urgent"],
    "links=lead,contact,account": ["For all three"],
    "orphaned=yes": ["Lost"],
    "q=urg": ["Urgent"],
    "tab=overdue": ["Late"],
    "tab=completed&status=pending": [],
}


def fill(customer: Customer) -> None:
    """Make tasks that differ in one thing each."""
    lost = customer.organization.account(customer.ids["contact"])
    customer.task("Urgent", ("lead",), priority="high")
    customer.task("Done", status="completed", completed_at=days_from_now(-1))
    customer.task("Off", status="cancelled")
    customer.task("Colleague's", user_id=customer.colleague)
    customer.task("Late", ("account",), scheduled_at=days_from_now(-1), priority="low")
    customer.organization.task(subject="Lost", account_id=lost)
    customer.task("For all three", ("lead", "contact", "account"))
    customer.organization.owner.run(f"UPDATE accounts SET deleted_at = now() WHERE id = '{lost}'")


@pytest.mark.parametrize("query", OF_TASKS)
def test_an_address_filters_tasks_and_survives_a_reload(desks: Desks, customer: Customer, query: str) -> None:
    fill(customer)
    given = query.format(**customer.ids, colleague=customer.colleague)
    desk = desks.seat(customer)

    desk.open(f"?{given}")
    shown = sorted(desk.subjects())
    desk.page.reload()
    desk.settled()

    assert sorted(OF_TASKS[query]) == shown
    assert shown == sorted(desk.subjects())
    assert desk.page.url.endswith(f"?{given}")


@pytest.mark.parametrize("kinds", COMBINATIONS, ids="+".join)
def test_an_address_asks_for_exactly_these_links(desks: Desks, customer: Customer, kinds: tuple[str, ...]) -> None:
    for each in COMBINATIONS:
        customer.task("+".join(each), each)
    desk = desks.seat(customer)

    desk.open(f"?links={','.join(kinds)}")

    expect(desk.entries).to_have_count(1)
    assert ["+".join(kinds)] == desk.subjects()


@pytest.mark.parametrize(
    ("query", "subjects"),
    [
        ("kind=call", ["Called"]),
        ("kind=email,note", ["Mailed", "Noted"]),
        ("kind=task", ["To do"]),
        ("links=contact,account", ["Mailed"]),
        ("status=pending", ["To do"]),
        ("assignee={colleague}", ["Noted"]),
        ("q=mail", ["Mailed"]),
        ("tab=open", ["To do"]),
        ("kind=sms", []),
    ],
)
def test_an_address_filters_a_timeline(desks: Desks, customer: Customer, query: str, subjects: list[str]) -> None:
    customer.activity("call", "Called")
    customer.activity("email", "Mailed", ("contact", "account"))
    customer.activity("note", "Noted", user_id=customer.colleague)
    customer.task("To do")
    desk = desks.seat(customer)

    desk.open(f"?contact={customer.ids['contact']}&{query.format(colleague=customer.colleague)}")

    assert subjects == sorted(desk.subjects())


def test_what_an_address_gets_wrong_counts_as_not_given(desks: Desks, customer: Customer) -> None:
    customer.task("Call")
    desk = desks.seat(customer)

    desk.open("?tab=nonsense&status=,,x&priority=urgent&kind=%00&links=&q=&whatever=1#part")

    assert ["Call"] == desk.subjects()


def test_what_the_panel_sets_a_chip_takes_away(desks: Desks, customer: Customer) -> None:
    fill(customer)
    desk = desks.seat(customer)
    desk.open()
    desk.page.get_by_role("button", name="Filters").click()
    panel = desk.page.get_by_role("region", name="Filters")

    panel.get_by_label("High", exact=True).check()
    panel.get_by_role("combobox", name="Lead").fill(LEAD[:3])
    panel.get_by_role("option").filter(has_text=LEAD).click()
    panel.get_by_label("Linked to exactly").select_option(label="Lead only")
    expect(desk.entries).to_have_count(1)
    chosen = desk.query
    for name in ("Priority High", f"Lead {LEAD}", "Links Lead only"):
        panel.get_by_role("button", name=f"Remove filter {name}").click()

    assert {"priority": "high", "with-lead": str(customer.ids["lead"]), "links": "lead"} == chosen
    expect(desk.entries).to_have_count(7)
    assert {} == desk.query
    expect(panel.get_by_role("button", name="Filters")).to_be_focused()


@pytest.mark.parametrize(
    ("words", "subjects"),
    [("a b c d e f g h i j k l m", ["A b c d e f g h i j"]), ("long" * 500, []), ("call%00", ["Call"])],
    ids=["many", "long", "nul"],
)
def test_more_than_the_api_takes_is_searched_for_as_far_as_it_goes(
    desks: Desks, customer: Customer, words: str, subjects: list[str]
) -> None:
    customer.task("A b c d e f g h i j")
    customer.task("Call")
    desk = desks.seat(customer)

    desk.open(f"?q={words}")

    assert subjects == desk.subjects()


def test_a_filter_is_undone_by_going_back(desks: Desks, customer: Customer) -> None:
    fill(customer)
    desk = desks.seat(customer)
    desk.open("?tab=open")

    desk.page.get_by_role("searchbox", name="Search tasks").press_sequentially("urgent")
    expect(desk.entries).to_have_count(1)
    searched = desk.query
    desk.page.go_back()

    expect(desk.page.get_by_role("searchbox", name="Search tasks")).to_have_value("")
    assert {"tab": "open", "q": "urgent"} == searched
    assert {"tab": "open"} == desk.query


def test_ones_own_tasks_are_a_click_away(desks: Desks, customer: Customer) -> None:
    fill(customer)
    desk = desks.seat(customer)
    desk.open()

    desk.page.get_by_role("button", name="Mine").click()

    expect(desk.entry("Colleague's")).to_have_count(0)
    expect(desk.entry("Urgent")).to_be_visible()
    assert {"assignee": str(customer.organization.user_id)} == desk.query


def test_what_a_filter_leaves_is_counted_on_the_tabs_and_said_aloud(desks: Desks, customer: Customer) -> None:
    for number in range(3):
        customer.activity("call", f"Asked {number}")
    customer.task("Ask again", scheduled_at=days_from_now(-1))
    customer.task("Something else")
    desk = desks.seat(customer)

    desk.open(f"?contact={customer.ids['contact']}&q=ask")

    expect(desk.page.get_by_role("status").filter(has_text="4 found")).to_have_count(1)
    for name, count in (("All", 4), ("Open", 1), ("Overdue", 1), ("Completed", 0)):
        expect(desk.tab(name)).to_have_text(f"{name}{count}")


@pytest.mark.parametrize(("query", "operation"), [("?contact={contact}&", "Timeline"), ("?", "Tasks")])
def test_the_last_known_numbers_stand_until_a_filter_is_counted(
    desks: Desks, customer: Customer, query: str, operation: str
) -> None:
    customer.task("Ask again")
    customer.task("Something else")
    desk = desks.seat(customer)
    desk.open(f"{query}tab=open".format(**customer.ids))

    with held(desk.page, operation) as waiting:
        desk.page.get_by_role("searchbox").fill("ask")
        waiting.wait_for()
        expect(desk.tab("Open")).to_have_text("Open2")
        expect(desk.page.get_by_role("status").filter(has_text="found")).to_have_count(0)

    expect(desk.tab("Open")).to_have_text("Open1")
    expect(desk.page.get_by_role("status").filter(has_text="1 found")).to_have_count(1)


@pytest.mark.parametrize("query", ["?contact={contact}&", "?contact={contact}&related=yes&tab=open&q=a&", "?"])
def test_a_filtered_view_opens_with_one_request(desks: Desks, customer: Customer, query: str) -> None:
    customer.task("A task for all three", ("lead", "contact", "account"), user_id=customer.colleague)
    desk = desks.seat(customer)
    filters = f"with-account={customer.ids['account']}&assignee={customer.colleague}"

    desk.open(query.format(**customer.ids) + filters)

    chips = desk.page.get_by_role("list", name="Filters that are set")
    expect(chips).to_contain_text(ACCOUNT)
    expect(chips).to_contain_text(COLLEAGUE)
    assert ["Timeline" if "contact" in query else "Tasks"] == desk.operations


def test_a_tabs_number_follows_what_is_changed_elsewhere(desks: Desks, customer: Customer) -> None:
    customer.task("Ask again")
    desk = desks.seat(customer)
    desk.open(f"?contact={customer.ids['contact']}&q=ask")
    expect(desk.tab("Open")).to_have_text("Open1")

    update = 'mutation($id: ID!) { updateTask(input: {id: $id, subject: "Forget it"}) { task { id } } }'
    desks.api.data(customer.organization.viewer(), update, id=str(customer.stored("Ask again")["id"]))

    expect(desk.tab("Open")).to_have_text("Open0")
