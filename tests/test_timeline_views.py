"""A record's timeline in a real browser: found by a few letters, read from the top, left and gone back to."""

import re
from datetime import UTC, datetime, timedelta

from playwright.sync_api import WebSocketRoute, expect

from tests.timeline_forms import new_form
from tests.timeline_pages import MARKS, Desks
from tests.timeline_records import ACCOUNT, COMBINATIONS, CONTACT, LEAD, NAMES, Customer, days_from_now

pytestmark = MARKS


def test_a_record_is_found_by_a_few_letters(desks: Desks, customer: Customer) -> None:
    customer.activity("call", "Asked for a quote")
    customer.task("Send the quote", scheduled_at=days_from_now(2))
    desk = desks.seat(customer)
    desk.open()

    desk.find("cor", CONTACT)

    assert {"contact": str(customer.ids["contact"])} == desk.query
    assert ["Send the quote", "Asked for a quote"] == desk.subjects()


def test_each_kind_of_record_is_found_by_keys_alone(desks: Desks, customer: Customer) -> None:
    desk = desks.seat(customer)
    desk.open()

    for kind, name in NAMES.items():
        desk.page.keyboard.press("/")
        desk.page.keyboard.type(name[:5])
        expect(desk.page.get_by_role("option").filter(has_text=name)).to_have_count(1)
        desk.page.keyboard.press("ArrowDown")
        desk.page.keyboard.press("Enter")
        desk.heading(name).wait_for()
        desk.page.keyboard.press("Escape")

        assert {kind: str(customer.ids[kind])} == desk.query


def test_what_is_to_do_stands_above_what_is_done(desks: Desks, customer: Customer) -> None:
    customer.activity("note", "Met at the fair", completed_at=days_from_now(-400))
    customer.activity("email", "Sent the offer", completed_at=days_from_now(-1))
    customer.task("Some day")
    customer.task("Next year", scheduled_at=days_from_now(300))
    customer.task("Too late", scheduled_at=days_from_now(-3))
    desk = desks.seat(customer)

    desk.open_record("contact")

    assert ["Too late", "Next year", "Some day", "Sent the offer", "Met at the fair"] == desk.subjects()
    for pile in ("Overdue", "Later", "No due date"):
        expect(desk.page.get_by_role("heading", name=pile)).to_be_visible()


def test_what_has_no_date_hides_nothing_that_has_one(desks: Desks, customer: Customer) -> None:
    """Above the history stand the next few things to do."""
    for number in range(60):
        customer.task(f"Some day {number}")
    customer.task("Tomorrow", scheduled_at=days_from_now(1))
    customer.task("Yesterday", scheduled_at=days_from_now(-1))
    desk = desks.seat(customer)

    desk.open_record("contact")

    assert ["Yesterday", "Tomorrow"] == desk.subjects()[:2]


def test_history_is_divided_by_months_with_the_count_of_each(desks: Desks, customer: Customer) -> None:
    january = datetime(2026, 1, 15, 12, tzinfo=UTC)
    for day in range(3):
        customer.activity("call", f"January {day}", completed_at=january + timedelta(days=day))
    customer.activity("call", "December", completed_at=january - timedelta(days=30))
    desk = desks.seat(customer)

    desk.open_record("contact")

    for month, count in (("January 2026", "3"), ("December 2025", "1")):
        expect(desk.panel.get_by_role("heading", name=month)).to_contain_text(count)


def test_a_month_belongs_to_the_viewers_zone(desks: Desks, customer: Customer) -> None:
    customer.activity("call", "On New Year's Eve", completed_at=datetime(2025, 12, 31, 23, 30, tzinfo=UTC))

    berlin, new_york = desks.seat(customer), desks.seat(customer, time_zone="America/New_York")
    berlin.open_record("contact")
    new_york.open_record("contact")

    expect(berlin.panel.get_by_role("heading", name="January 2026")).to_be_visible()
    expect(new_york.panel.get_by_role("heading", name="December 2025")).to_be_visible()


def test_links_of_every_combination_show(desks: Desks, customer: Customer) -> None:
    for kinds in COMBINATIONS:
        customer.task("+".join(kinds), kinds)
    desk = desks.seat(customer)

    desk.open()

    expect(desk.entries).to_have_count(len(COMBINATIONS))
    for kinds in COMBINATIONS:
        linked = desk.entry("+".join(kinds)).get_by_role("link")
        assert [NAMES[kind] for kind in kinds] == [text.split("\n")[-1] for text in linked.all_inner_texts()]


def test_a_chip_leads_to_its_record_and_back_leads_back(desks: Desks, customer: Customer) -> None:
    customer.task("Renew", ("contact", "account"))
    desk = desks.seat(customer)
    desk.open_record("contact")

    desk.entry("Renew").get_by_role("link", name=ACCOUNT).click()
    desk.heading(ACCOUNT).wait_for()
    there = desk.query
    desk.page.go_back()
    desk.heading(CONTACT).wait_for()

    assert {"account": str(customer.ids["account"])} == there
    expect(desk.entry("Renew")).to_be_visible()


def test_related_records_join_in_with_the_reason(desks: Desks, customer: Customer) -> None:
    customer.activity("call", "With Cora")
    customer.activity("call", "About the account", ("account",))
    customer.activity("call", "When she was a lead", ("lead",))
    desk = desks.seat(customer)
    desk.open_record("contact")
    alone = desk.subjects()

    desk.page.get_by_role("switch", name="Also related records").check()

    expect(desk.entries).to_have_count(3)
    assert ["With Cora"] == alone
    assert "related" in desk.query
    expect(desk.entry("About the account")).to_contain_text(f"Here by account {ACCOUNT}")
    expect(desk.entry("When she was a lead")).to_contain_text(f"Here by lead {LEAD}")


def test_a_lost_link_keeps_its_name_and_leads_nowhere(desks: Desks, customer: Customer) -> None:
    customer.task("Renew", ("contact", "account"))
    customer.organization.owner.run(f"UPDATE accounts SET deleted_at = now() WHERE id = '{customer.ids['account']}'")
    desk = desks.seat(customer)

    desk.open_record("contact")

    expect(desk.entry("Renew")).to_contain_text(ACCOUNT)
    expect(desk.entry("Renew").get_by_role("link", name=ACCOUNT)).to_have_count(0)


def test_a_time_is_relative_and_exact_on_demand(desks: Desks, customer: Customer) -> None:
    at = days_from_now(-2).replace(microsecond=0)
    customer.activity("call", "Talked", completed_at=at)
    desk = desks.seat(customer, time_zone="UTC")

    desk.open_record("contact")

    shown = desk.entry("Talked").locator("time").first
    expect(shown).to_contain_text("2 days ago")
    assert at == datetime.fromisoformat(shown.get_attribute("datetime") or "")
    assert f"{at:%H:%M}" in (shown.get_attribute("title") or "")


def test_all_tasks_end_with_the_time_by_which_they_are_sorted(desks: Desks, customer: Customer) -> None:
    customer.task("Open", created_at=days_from_now(-3), scheduled_at=days_from_now(40))
    customer.task("Without a date", created_at=days_from_now(-1))
    customer.task(
        "Done", created_at=days_from_now(-5), completed_at=days_from_now(-2), status="completed", scheduled_at=None
    )
    desk = desks.seat(customer)

    desk.open()

    assert ["Without a date", "Open", "Done"] == desk.subjects()
    for subject, created in (("Without a date", "yesterday"), ("Open", "3 days ago"), ("Done", "5 days ago")):
        expect(desk.entry(subject)).to_contain_text(f"Created {created}")
    expect(desk.entry("Open").locator("time")).to_have_text(["3 days ago", re.compile("^Due ")])
    expect(desk.entry("Done")).to_contain_text("Completed 2 days ago")
    desk.tab("Open").click()
    desk.settled()
    expect(desk.entry("Open")).not_to_contain_text("Created")
    expect(desk.entry("Without a date")).to_contain_text("Created yesterday")


def test_tabs_count_tasks_and_show_them(desks: Desks, customer: Customer) -> None:
    customer.task("Late", scheduled_at=days_from_now(-1))
    customer.task("Soon", scheduled_at=days_from_now(1))
    customer.task("Done", status="completed", completed_at=days_from_now(-1))
    customer.task("Called off", status="cancelled")
    desk = desks.seat(customer)
    desk.open_record("contact")

    counts = {name: desk.tab(name).inner_text().split()[-1] for name in ("Open", "Overdue", "Completed")}
    shown = {}
    for name in ("Overdue", "Completed", "Open"):
        desk.tab(name).click()
        expect(desk.tab(name)).to_have_attribute("aria-selected", "true")
        desk.settled()
        shown[name] = desk.subjects()

    assert {"Open": "2", "Overdue": "1", "Completed": "1"} == counts
    assert {"Overdue": ["Late"], "Completed": ["Done"], "Open": ["Late", "Soon"]} == shown
    assert {"contact": str(customer.ids["contact"]), "tab": "open"} == desk.query


def test_a_record_without_anything_says_so(desks: Desks, customer: Customer) -> None:
    desk = desks.seat(customer)

    desk.page.goto(f"{desk.address}/?lead={customer.ids['lead']}")

    desk.heading(LEAD).wait_for()
    expect(desk.page.get_by_text("Nothing here yet")).to_be_visible()
    expect(desk.entries).to_have_count(0)


def test_the_first_screen_costs_one_request(desks: Desks, customer: Customer) -> None:
    customer.activities(30)
    desk = desks.seat(customer)

    desk.open_record("contact")

    assert ["Timeline"] == desk.operations


def test_a_record_deleted_while_it_is_looked_at_is_said_to_be_gone(desks: Desks, customer: Customer) -> None:
    customer.task("Call", ("account",))
    desk = desks.seat(customer)
    desk.open_record("account")

    customer.organization.owner.run(f"DELETE FROM accounts WHERE id = '{customer.ids['account']}'")

    expect(desk.page.get_by_role("heading", name="Not found in your organization")).to_be_visible()


def test_a_record_deleted_before_one_could_watch_it_is_said_to_be_gone(desks: Desks, customer: Customer) -> None:
    customer.task("Call", ("account",))
    desk = desks.seat(customer)
    is_gone: list[bool] = []

    def connect(route: WebSocketRoute) -> None:
        """Let nobody watch before the record is gone."""
        if is_gone:
            route.connect_to_server()
        else:
            route.close(code=1013)

    desk.page.route_web_socket("**/graphql", connect)
    desk.open_record("account")

    customer.organization.owner.run(f"DELETE FROM accounts WHERE id = '{customer.ids['account']}'")
    is_gone.append(True)

    expect(desk.page.get_by_role("heading", name="Not found in your organization")).to_be_visible()


def test_a_task_that_falls_due_while_one_looks_changes_its_pile(desks: Desks, customer: Customer) -> None:
    due = datetime.now(UTC) + timedelta(seconds=8)
    customer.task("Call", scheduled_at=due)
    desk = desks.seat(customer)
    desk.open_record("contact")
    expect(desk.tab("Overdue")).to_contain_text("0")

    desk.page.wait_for_timeout(max(0.0, (due - datetime.now(UTC)).total_seconds() + 0.5) * 1_000)
    desk.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # as when one comes back to the page

    expect(desk.tab("Overdue")).to_contain_text("1")
    expect(desk.page.get_by_role("heading", name="Overdue 1")).to_be_visible()


def test_more_of_one_name_than_are_offered_are_told(desks: Desks, customer: Customer) -> None:
    for number in range(12):
        customer.organization.contact(first_name="Maria", last_name="Schmidt", email=f"m{number}@example.test")
    desk = desks.seat(customer)
    desk.open()

    desk.search.fill("schmidt")
    expect(desk.page.get_by_role("option")).to_have_count(8)
    expect(desk.page.get_by_text("The first 8 of more. Type on")).to_be_visible()
    desk.page.keyboard.press("ArrowDown")
    desk.page.keyboard.press("ArrowDown")
    expect(desk.page.get_by_role("option").nth(2)).to_have_attribute("aria-selected", "true")
    desk.search.fill("schmidt m11")

    expect(desk.page.get_by_role("option")).to_have_count(1)
    expect(desk.page.get_by_text("The first 8")).to_have_count(0)


def test_words_and_numbers_are_english_in_any_browser(desks: Desks, customer: Customer) -> None:
    customer.organization.tasks(
        [{"subject": f"Task {number}", "contact_id": customer.ids["contact"]} for number in range(1_200)]
    )
    desk = desks.seat(customer, locale="ar-EG")

    desk.open_record("contact")

    expect(desk.tab("Open")).to_contain_text("1,200")
    expect(desk.page.get_by_role("heading", name="No due date 1,200")).to_be_visible()
    form = new_form(desk)
    form.field("Due date").fill(f"{days_from_now(400):%Y-%m-%d}")
    expect(form.dialog.get_by_text("day, in 1 year")).to_be_visible()
