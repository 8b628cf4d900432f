"""Signing in to the timeline page: by itself in the demo, by a token elsewhere, and again when that is refused."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Route, WebSocketRoute, expect

from resolvers.viewers import Role, Viewer
from tests.apis import Api, api
from tests.held_requests import operation_of
from tests.timeline_pages import MARKS, Desk, Desks
from tests.timeline_records import CONTACT, Customer

pytestmark = MARKS
EXPIRED = "The token has expired. Connect again with a new one."
REFUSED = 4403


@pytest.fixture
def demo(customer: Customer) -> Iterator[Api]:
    """The API as the demo of the customer's organization, where there is somebody of each role."""
    for role in ("admin", "user", "viewer"):
        customer.organization.user(role=role)
    with api(
        database_url=customer.organization.owner.database.app_url, demo_organization_id=customer.organization.id
    ) as served:
        yield served


def visitor(browser: Browser, demo: Api, customer: Customer) -> Desk:
    """Return a browser that gets its tokens from the demo itself."""
    desk = Desks(browser, demo).seat(customer)
    desk.page.context.unroute("**/demo/token")
    return desk


def sign_in(desk: Desk, token: str) -> None:
    desk.page.get_by_label("Bearer token").fill(token)
    desk.page.get_by_role("button", name="Sign in").click()


def refuse_once(desk: Desk) -> None:
    """Let the server refuse the next question, as if the token had just expired."""

    def expire(route: Route) -> None:
        route.continue_(headers=route.request.headers | {"authorization": "Bearer stale"})

    desk.page.route("**/graphql", expire, times=1)


def test_the_demo_opens_with_a_token_and_one_question(browser: Browser, demo: Api, customer: Customer) -> None:
    desk = visitor(browser, demo, customer)

    desk.open_record("contact")

    asked = [url.removeprefix(desk.address) for url in desk.seen.asked]
    assert ["/demo/token", "/graphql"] == [path for path in asked if path in {"/demo/token", "/graphql"}]


def test_another_role_of_the_demo_sees_the_same_view(browser: Browser, demo: Api, customer: Customer) -> None:
    desk = visitor(browser, demo, customer)
    desk.open(f"?contact={customer.ids['contact']}&tab=open")
    before = desk.query

    desk.page.get_by_text("viewer", exact=True).click()

    expect(desk.page.get_by_role("button", name="New task")).to_have_count(0)
    desk.heading(CONTACT).wait_for()
    assert before == desk.query


def test_of_two_roles_chosen_in_a_row_the_last_one_holds(browser: Browser, demo: Api, customer: Customer) -> None:
    desk = visitor(browser, demo, customer)
    desk.open_record("contact")
    waiting: list[Route] = []
    desk.page.route("**/demo/token", lambda route: waiting.append(route), times=1)  # noqa: PLW0108 - Playwright marks it

    with desk.page.expect_request("**/demo/token"):
        desk.page.get_by_text("viewer", exact=True).click()
    desk.page.get_by_text("user", exact=True).click()
    expect(desk.page.get_by_role("radio", name="user")).to_be_checked()
    desk.settled()
    waiting[0].continue_()
    desk.page.wait_for_timeout(500)

    expect(desk.page.get_by_role("radio", name="user")).to_be_checked()
    expect(desk.page.get_by_role("button", name="New task")).to_have_count(1)


def test_the_demo_renews_a_refused_token_unasked(browser: Browser, demo: Api, customer: Customer) -> None:
    customer.task("Call")
    desk = visitor(browser, demo, customer)
    desk.open_record("contact")
    refuse_once(desk)

    with desk.page.expect_response(lambda answer: answer.ok and operation_of(answer.request) == "Timeline"):
        desk.tab("Open").click()

    expect(desk.entry("Call")).to_be_visible()
    expect(desk.dialog).to_have_count(0)
    assert 2 == sum(url.endswith("/demo/token") for url in desk.seen.asked)


def test_another_persons_token_opens_nothing_of_the_first(desks: Desks, customer: Customer) -> None:
    colleague = Viewer(customer.colleague, customer.organization.id, Role.USER)
    desk = desks.seat(customer, address=desks.deployed)
    desk.page.goto(f"{desk.address}/?contact={customer.ids['contact']}")
    sign_in(desk, desks.api.token(customer.organization.viewer()))
    desk.settled()
    refuse_once(desk)
    desk.tab("Open").click()
    desk.dialog.wait_for()

    sign_in(desk, desks.api.token(colleague))

    expect(desk.dialog.get_by_role("alert")).to_contain_text("another person's")
    sign_in(desk, desks.api.token(customer.organization.viewer()))
    expect(desk.dialog).to_have_count(0)
    desk.settled()
    desk.forgive("401", "Cross-Origin-Opener-Policy")


@pytest.mark.parametrize("is_again", [False, True])
def test_a_refused_token_stays_to_be_mended(desks: Desks, customer: Customer, *, is_again: bool) -> None:
    desk = desks.seat(customer, address=desks.deployed)
    desk.page.goto(f"{desk.address}/")
    if is_again:
        sign_in(desk, desks.api.token(customer.organization.viewer()))
        desk.settled()
        refuse_once(desk)
        desk.tab("Open").click()

    sign_in(desk, "no token at all")

    expect(desk.page.get_by_role("alert")).to_contain_text("token can't be read")
    expect(desk.page.get_by_label("Bearer token")).to_have_value("no token at all")
    desk.forgive("401", "Cross-Origin-Opener-Policy")


def test_live_events_go_on_after_signing_in_again(desks: Desks, customer: Customer) -> None:
    """The server ends a socket whose token has expired; another one is of no use before there is a new token."""
    sockets: list[WebSocketRoute] = []

    def pass_on(socket: WebSocketRoute) -> None:
        sockets.append(socket)
        socket.connect_to_server()

    viewer = customer.organization.viewer()
    desk = desks.seat(customer, address=desks.deployed)
    desk.page.route_web_socket("**/graphql", pass_on)
    desk.page.goto(f"{desk.address}/?contact={customer.ids['contact']}")
    with desk.page.expect_websocket():
        sign_in(desk, desks.api.token(viewer))
    desk.settled()

    sockets[0].close(code=REFUSED, reason=EXPIRED)
    expect(desk.dialog).to_contain_text(EXPIRED)
    before = len(sockets)
    sign_in(desk, desks.api.token(viewer))
    create = 'mutation($id: ID!) { createTask(input: {subject: "Meanwhile", contactId: $id}) { replayed } }'
    desks.api.data(viewer, create, id=str(customer.ids["contact"]))

    expect(desk.page.get_by_role("button", name="1 new")).to_be_visible()
    assert 1 == before
    desk.forgive("Cross-Origin-Opener-Policy")
