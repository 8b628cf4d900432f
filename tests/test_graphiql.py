"""GraphiQL in a real browser: it opens offline, with examples that run as they stand."""

import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Request, Response, expect

from resolvers.viewers import Role
from tests.apis import Api, api
from tests.browsers import DEPLOYED, PATIENCE_MS, Visit, chromium, visit
from tests.organizations import Organization, new_organization
from tests.owners import Owner

pytestmark = [pytest.mark.browser, pytest.mark.slow]
RUN_ONCE = ["AccountTimeline", "CreateContactOnlyTask", "CreateAccountOnlyTask"]
EXAMPLES = [*RUN_ONCE, "WatchAccount"]
EXECUTE = "document.querySelector('[aria-label^=Execute]')"


@pytest.fixture(scope="module")
def demo(owner: Owner) -> Organization:
    """An organization with somebody of each role, and a task for an account and its contact."""
    organization = new_organization(owner)
    organization.user(role="admin")
    organization.user(role="viewer")
    contact = organization.contact()
    organization.task(contact_id=contact, account_id=organization.account(contact), subject="Renew before winter")
    return organization


@pytest.fixture(scope="module")
def served(demo: Organization) -> Iterator[Api]:
    with api(database_url=demo.owner.database.app_url, demo_organization_id=demo.id) as running:
        yield running


@pytest.fixture(scope="module")
def browser(served: Api) -> Iterator[Browser]:  # noqa: ARG001 for the order alone
    """Chromium, started last and ended first: its event loop runs in this thread, where meanwhile no other can."""
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """An empty page of somebody who never was here before."""
    with browser.new_context() as context:
        context.set_default_timeout(PATIENCE_MS)
        yield context.new_page()


@pytest.fixture
def graphiql(served: Api, page: Page) -> Visit:
    """GraphiQL of the demo, just opened."""
    started = visit(page)
    page.goto(address(served))
    page.get_by_role("button", name="Execute").wait_for()
    return started


def address(served: Api) -> str:
    return f"{served.client.base_url}/graphiql"


def run(page: Page, tab: str) -> Response:
    """Open this tab, run its operation, and return the API's answer."""
    page.get_by_role("tab", name=tab).click()
    return execute(page, tab)


def execute(page: Page, operation: str) -> Response:
    """Run the operation of the open tab, and return the API's answer."""
    with page.expect_response(lambda response: is_run(response.request, operation)) as answer:
        page.get_by_role("button", name="Execute").click()
    return answer.value


def is_run(request: Request, operation: str) -> bool:
    return f'"operationName":"{operation}"' in (request.post_data or "")


def type_headers(page: Page, text: str) -> None:
    page.get_by_role("button", name="Headers").click()
    page.get_by_role("region", name="Headers").locator(".monaco-editor:visible").click()
    page.keyboard.insert_text(text)


def test_it_opens_with_the_same_examples_each_time(graphiql: Visit) -> None:
    graphiql.page.get_by_role("button", name="New tab").click()
    opened = graphiql.page.get_by_role("tab").all_inner_texts()

    graphiql.page.reload()
    graphiql.page.get_by_role("button", name="Execute").wait_for()

    assert [*EXAMPLES, "<untitled>"] == opened
    assert EXAMPLES == graphiql.page.get_by_role("tab").all_inner_texts()


def test_the_first_tab_shows_the_timeline_of_an_account(graphiql: Visit) -> None:
    timeline = execute(graphiql.page, "AccountTimeline").json()["data"]["timeline"]

    assert "Renew before winter" in [edge["node"]["subject"] for edge in timeline["edges"]]
    expect(graphiql.page.get_by_label("Result Window")).to_contain_text('"totalCount"')


@pytest.mark.parametrize(
    ("tab", "linked", "unlinked"),
    [
        ("CreateContactOnlyTask", "contact", ("lead", "account")),
        ("CreateAccountOnlyTask", "account", ("lead", "contact")),
    ],
)
def test_a_task_is_created_for_one_record_alone(
    graphiql: Visit, tab: str, linked: str, unlinked: tuple[str, str]
) -> None:
    payload = run(graphiql.page, tab).json()["data"]["createTask"]

    assert [] == payload["errors"]
    assert payload["task"][linked]["displayName"]
    assert [None, None] == [payload["task"][kind] for kind in unlinked]


def test_nothing_comes_from_another_host_and_nothing_is_complained_of(graphiql: Visit, served: Api) -> None:
    page = graphiql.page
    for tab in RUN_ONCE:
        run(page, tab)
    for panel, heading in {
        "Documentation Explorer": "Docs",
        "History": "History",
        "GraphiQL Explorer": "Explorer",
    }.items():
        page.get_by_role("button", name=f"Show {panel}").click()
        expect(page.locator(".graphiql-plugin")).to_contain_text(heading)
    page.get_by_role("button", name="Prettify query").click()
    expect(page.locator(".view-line", has_text="lead { displayName }")).to_have_count(0)

    assert [] == [url for url in graphiql.asked if not url.startswith(f"{served.client.base_url}/")]
    assert [] == graphiql.complaints


def test_the_last_tab_shows_what_happens_as_it_happens(graphiql: Visit, served: Api, demo: Organization) -> None:
    page = graphiql.page
    result = page.get_by_label("Result Window")
    with page.expect_websocket():
        # In one breath: for a moment GraphiQL still has the first tab's operation in mind.
        page.get_by_title("WatchAccount").evaluate(f"tab => {{ tab.click(); {EXECUTE}.click() }}")
    account = served.data(demo.viewer(), "{ tasks(filter: {links: {any: [ACCOUNT]}}) { nodes { accountId } } }")[
        "tasks"
    ]["nodes"][0]["accountId"]
    create = 'mutation($id: ID!) { createTask(input: {subject: "Seen at once", accountId: $id}) { replayed } }'

    deadline = time.monotonic() + PATIENCE_MS / 1_000
    while "CREATED" not in (result.text_content() or ""):
        assert time.monotonic() < deadline, result.text_content()
        served.data(demo.viewer(), create, id=account)  # what is written before the server watches is not told
        page.wait_for_timeout(250)

    expect(result).to_contain_text("Seen at once")
    assert [] == graphiql.complaints


def test_no_token_outlives_the_page(graphiql: Visit) -> None:
    type_headers(graphiql.page, '{"authorization": "Bearer of-my-own"}')
    refused = execute(graphiql.page, "AccountTimeline")

    kept = graphiql.page.evaluate("JSON.stringify([localStorage, sessionStorage, document.cookie])")

    assert 401 == refused.status
    assert "of-my-own" not in kept
    assert "eyJ" not in kept  # how every JSON web token begins
    assert [] == graphiql.page.context.cookies()


def test_a_refused_token_of_the_demo_is_renewed(graphiql: Visit) -> None:
    stale = {"authorization": "Bearer stale", "content-type": "application/json"}
    graphiql.page.route("**/graphql", lambda route: route.continue_(headers=stale), times=1)

    with graphiql.page.expect_response(lambda response: response.ok and is_run(response.request, "AccountTimeline")):
        refused = execute(graphiql.page, "AccountTimeline")

    assert 401 == refused.status
    expect(graphiql.page.get_by_label("Result Window")).to_contain_text('"totalCount"')


def test_a_viewer_is_told_that_creating_is_forbidden(graphiql: Visit) -> None:
    graphiql.page.get_by_text("viewer", exact=True).click()
    expect(graphiql.page.get_by_label("viewer")).to_be_checked()

    payload = run(graphiql.page, "CreateContactOnlyTask").json()["data"]["createTask"]

    assert payload["task"] is None
    assert ["FORBIDDEN"] == [error["code"] for error in payload["errors"]]


def test_a_deployed_page_asks_for_no_token_of_the_demo(page: Page, demo: Organization) -> None:
    with api(database_url=demo.owner.database.app_url) as served:
        deployed = visit(page)
        page.goto(address(served).replace("127.0.0.1", DEPLOYED))
        page.get_by_label("Bearer token").fill(served.token(demo.viewer(Role.VIEWER)))
        page.get_by_role("button", name="Sign in").click()

        assert execute(page, "AccountTimeline").json()["data"]["timeline"]["edges"]
        assert [] == [url for url in deployed.asked if "/demo/" in url]


def test_outside_of_the_demo_a_pasted_token_opens_it(page: Page, demo: Organization) -> None:
    with api(database_url=demo.owner.database.app_url) as served:
        page.goto(address(served))
        page.get_by_label("Bearer token").fill("not a token")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert")).to_contain_text("token can't be read")

        page.get_by_label("Bearer token").fill(f"Bearer {served.token(demo.viewer(Role.VIEWER))}")
        page.get_by_role("button", name="Sign in").click()

        assert execute(page, "AccountTimeline").json()["data"]["timeline"]["edges"]
        assert 0 == page.get_by_role("radio").count()
