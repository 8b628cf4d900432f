"""Habits: single keys, addresses that can be shared, going back, and a sign-in that ends while somebody types."""

from datetime import timedelta

from playwright.sync_api import Route, expect

from server import sign_in
from tests.timeline_forms import new_form, opened
from tests.timeline_pages import MARKS, SUBJECTS, Desk, Desks
from tests.timeline_records import CONTACT, LEAD, Customer, days_from_now

pytestmark = MARKS


def current(desk: Desk) -> str:
    """Return the subject of the entry that the keys act on."""
    (subject,) = desk.page.locator("article[aria-current]:focus").evaluate_all(SUBJECTS)
    return str(subject)


def test_j_and_k_move_from_entry_to_entry(desks: Desks, customer: Customer) -> None:
    for number in (1, 2, 3):
        customer.task(f"Task {number}", scheduled_at=days_from_now(number))
    desk = desks.seat(customer)
    desk.open_record("contact")

    visited = []
    for key in "jjjjkkk":
        desk.page.keyboard.press(key)
        visited.append(current(desk)[-1])

    assert "1233" + "211" == "".join(visited)


def test_x_completes_and_e_edits_the_current_task(desks: Desks, customer: Customer) -> None:
    customer.task("Call")
    desk = desks.seat(customer)
    desk.open_record("contact")
    desk.page.keyboard.press("j")

    desk.page.keyboard.press("e")
    expect(opened(desk, "Edit task").field("Subject")).to_have_value("Call")
    desk.page.keyboard.press("Escape")
    expect(desk.dialog).to_have_count(0)
    desk.page.keyboard.press("x")
    form = opened(desk, "Complete task")
    form.type_into("Outcome", "Reached her")
    form.tab_to("Complete task")
    desk.page.keyboard.press("Enter")

    expect(desk.entry("Call")).to_contain_text("Reached her")
    assert "completed" == customer.stored("Call")["status"]


def test_the_keys_are_shown_on_request(desks: Desks, customer: Customer) -> None:
    desk = desks.seat(customer)
    desk.open_record("contact")

    desk.page.keyboard.press("?")

    for key in ("/", "n", "j", "k", "x", "e"):
        expect(desk.dialog.get_by_text(key, exact=True)).to_be_visible()
    desk.page.keyboard.press("Escape")
    expect(desk.dialog).to_have_count(0)


def test_single_keys_can_be_turned_off(desks: Desks, customer: Customer) -> None:
    """WCAG 2.2, 2.1.4: some people's speech or hands press them unasked."""
    desk = desks.seat(customer)
    desk.open_record("contact")

    desk.page.keyboard.press("?")
    desk.dialog.get_by_role("switch").uncheck()
    desk.page.keyboard.press("Escape")
    desk.page.reload()
    desk.settled()
    desk.page.keyboard.press("n")
    desk.page.keyboard.press("?")

    expect(desk.dialog).to_have_count(0)


def test_keys_are_letters_while_somebody_types(desks: Desks, customer: Customer) -> None:
    customer.task("Call")
    desk = desks.seat(customer)
    desk.open_record("contact")

    form = new_form(desk)
    form.type_into("Subject", "njkxe?/")

    expect(form.field("Subject")).to_have_value("njkxe?/")
    expect(desk.dialog).to_have_count(1)
    assert "pending" == customer.stored("Call")["status"]


def test_each_step_is_gone_back_and_forward(desks: Desks, customer: Customer) -> None:
    customer.task("Call")
    desk = desks.seat(customer)
    desk.open()
    desk.find("cor", CONTACT)
    desk.tab("Open").click()
    desk.settled()
    desk.find("lea", LEAD)

    steps = []
    for _ in range(3):
        desk.page.go_back()
        desk.settled()
        steps.append(desk.query)
    desk.page.go_forward()

    contact = str(customer.ids["contact"])
    assert [{"contact": contact, "tab": "open"}, {"contact": contact}, {}] == steps
    desk.heading(CONTACT).wait_for()


def test_an_address_opens_the_same_for_a_colleague(desks: Desks, customer: Customer) -> None:
    customer.task("Call")
    customer.activity("call", "Talked")
    mine, theirs = desks.seat(customer), desks.seat(customer)
    mine.open_record("contact")
    mine.tab("Open").click()
    mine.settled()

    theirs.page.goto(mine.page.url)
    theirs.settled()

    assert ["Call"] == mine.subjects() == theirs.subjects()


def test_a_dialog_gives_the_focus_back(desks: Desks, customer: Customer) -> None:
    customer.task("Call")
    desk = desks.seat(customer)
    desk.open_record("contact")

    desk.act("Call", "Edit task")
    opened(desk, "Edit task")
    desk.page.keyboard.press("Escape")

    expect(desk.entry("Call").get_by_role("button", name="Edit task")).to_be_focused()


def test_a_sign_in_that_ends_takes_nothing_that_was_typed(desks: Desks, customer: Customer) -> None:
    """Outside of the demo: the token of an identity provider lives for minutes."""
    viewer = customer.organization.viewer()
    old = sign_in.issue(desks.api.settings, viewer, lifetime=timedelta(minutes=5))
    desk = desks.seat(customer, address=desks.deployed)
    desk.page.goto(f"{desk.address}/?contact={customer.ids['contact']}")
    desk.page.get_by_label("Bearer token").fill(old)
    desk.page.get_by_role("button", name="Sign in").click()
    desk.settled()
    form = new_form(desk)
    form.field("Subject").fill("Words that took a while")

    def expire(route: Route) -> None:
        route.continue_(headers=route.request.headers | {"authorization": "Bearer stale"})

    desk.page.route("**/graphql", expire, times=1)
    form.press("Create task")
    desk.page.get_by_role("dialog", name="Sign in again").wait_for()
    expect(form.field("Subject")).to_have_value("Words that took a while")
    desk.page.get_by_label("Bearer token").fill(desks.api.token(viewer))
    desk.page.get_by_role("button", name="Sign in").click()
    expect(desk.entry("Words that took a while")).to_be_visible()

    assert ("contact",) == customer.linked("Words that took a while")
    kept = desk.page.evaluate("JSON.stringify([localStorage, sessionStorage, document.cookie])")
    assert "eyJ" not in kept  # how every JSON web token begins
    desk.forgive("401", "Cross-Origin-Opener-Policy")
