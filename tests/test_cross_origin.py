"""Pages of other sites: a browser lets those of the origins in the settings use the API, and no others."""

import re
from collections.abc import Iterator
from uuid import UUID

import httpx2
import pytest
from playwright.sync_api import Page
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from app import create
from errors import SettingsInvalid
from server.cross_origin import METHODS, READ, SHOWN
from server.rest.routes import all_operations
from settings import Settings
from tests.apis import NOWHERE, SECRET, Api, api
from tests.browsers import chromium
from tests.messages import ANSWER, JSON, VIEWER, body, code_of
from tests.papers import ROOT, quoted, section
from tests.servers import serve
from tests.sockets import opened

PAGE = "https://app.example.com"
OTHER = "https://evil.example"
ORIGINS = f"{PAGE}, http://localhost:5173"
TEXT = {"Content-Type": "text/plain"}


@pytest.fixture(scope="module")
def served() -> Iterator[Api]:
    with api(cors_origins=ORIGINS, max_body_bytes=1_000) as running:
        yield running


def asked(served: Api, origin: str = PAGE, path: str = "/graphql", **wanted: str) -> httpx2.Response:
    """Ask as a browser does before a page's request."""
    names = {"method": "POST", "headers": "authorization,content-type"} | wanted
    headers = {f"Access-Control-Request-{name.title()}": value for name, value in names.items()}
    return served.client.options(path, headers={"Origin": origin} | headers)


def vary(response: httpx2.Response) -> list[str]:
    return [name.strip() for name in response.headers.get("vary", "").split(",")]


@pytest.mark.parametrize("origin", [PAGE, "http://localhost:5173"])
@pytest.mark.parametrize("path", ["/graphql", "/api/tasks", "/api/nowhere"])
def test_a_page_of_an_origin_in_the_settings_may_ask(served: Api, origin: str, path: str) -> None:
    allowed = "authorization,content-type,if-match,idempotency-key,traceparent,tracestate,x-request-id"

    answer = asked(served, origin, path, headers=allowed)

    assert (204, b"") == (answer.status_code, answer.content)
    assert origin == answer.headers["access-control-allow-origin"]
    assert "access-control-allow-credentials" not in answer.headers
    assert "7200" == answer.headers["access-control-max-age"]
    assert "Origin" in vary(answer)


def test_every_method_of_the_api_is_possible(served: Api) -> None:
    of_api = {"GET", "HEAD", "POST", *(operation.method for operation in all_operations())}

    assert of_api == set(METHODS)
    assert {204} == {asked(served, method=method).status_code for method in of_api}


def test_the_docs_say_what_pages_may_send_and_see() -> None:
    told = quoted(section((ROOT / "docs" / "http.md").read_text(), "Pages of other sites"))

    assert {*METHODS, *READ, *SHOWN} <= set(told)


@pytest.mark.parametrize(
    ("origin", "wanted", "words"),
    [
        (OTHER, {}, f"Pages of {OTHER} may not ask here."),
        ("null", {}, "Pages of null may not ask here."),
        (f"{PAGE}.evil.example", {}, "may not ask here."),
        (f"{PAGE}:8443", {}, "may not ask here."),
        ("http://app.example.com", {}, "may not ask here."),
        (PAGE, {"method": "PUT"}, "may not send PUT. Send GET, HEAD, POST, PATCH or DELETE."),
        (PAGE, {"headers": "authorization,x-forwarded-for"}, "no other headers of their own than Authorization, "),
    ],
)
def test_what_a_page_may_not_do_is_refused_in_json(
    served: Api, origin: str, wanted: dict[str, str], words: str
) -> None:
    refusal = asked(served, origin, **wanted)

    (error,) = refusal.json()["errors"]
    assert (403, JSON, "FORBIDDEN") == (refusal.status_code, refusal.headers["content-type"], code_of(refusal.json()))
    assert words in error["message"]
    assert (origin == PAGE) == ("access-control-allow-origin" in refusal.headers)
    assert "Origin" in vary(refusal)


REFUSED = {
    "no token": (401, "POST", "/graphql", {"content-type": JSON}, body(), False),
    "nothing there": (404, "GET", "/nowhere", {}, b"", True),
    "another method": (405, "PUT", "/graphql", {}, b"", True),
    "too large": (413, "POST", "/graphql", {"content-type": JSON}, b" " * 2_000, True),
    "another type": (415, "POST", "/graphql", TEXT, body(), True),
    "without its database": (503, "GET", "/api/tasks", {}, b"", True),
    "not ready": (503, "GET", "/readyz", {}, b"", False),
    "answered": (200, "POST", "/graphql", {"content-type": JSON}, body(), True),
    "a page": (200, "GET", "/", {}, b"", False),
}


@pytest.mark.parametrize(("status", "method", "path", "headers", "content", "has_token"), REFUSED.values(), ids=REFUSED)
def test_a_page_can_read_every_answer(
    served: Api, *, status: int, method: str, path: str, headers: dict[str, str], content: bytes, has_token: bool
) -> None:
    more = {"Origin": PAGE} | headers | (served.headers() if has_token else {})

    answer = served.client.request(method, path, headers=more, content=content)

    assert status == answer.status_code
    assert PAGE == answer.headers["access-control-allow-origin"]
    assert "ETag, Retry-After, X-Request-Id" == answer.headers["access-control-expose-headers"]
    assert "Origin" in vary(answer)
    assert "x-request-id" in answer.headers


def test_a_page_can_read_that_it_asked_too_often() -> None:
    with api(cors_origins=ORIGINS, viewer_requests_per_minute=1) as strict:
        answers = [
            strict.client.get("/graphql", params={"query": VIEWER}, headers=strict.headers({"Origin": PAGE}))
            for _ in range(2)
        ]

    assert [(200, PAGE), (429, PAGE)] == [
        (answer.status_code, answer.headers["access-control-allow-origin"]) for answer in answers
    ]
    assert "retry-after" in answers[1].headers


def test_a_page_can_read_that_something_went_wrong() -> None:
    async def fail(_: Request) -> Response:
        raise ValueError("unexpected")

    app = create(Settings.model_validate({"jwt_secret": SECRET, "database_url": NOWHERE, "cors_origins": PAGE}))
    app.router.routes.append(Route("/fail", fail))
    with serve(app) as address:
        answer = httpx2.get(f"{address}/fail", headers={"Origin": PAGE})

    assert (500, "INTERNAL") == (answer.status_code, code_of(answer.json()))
    assert PAGE == answer.headers["access-control-allow-origin"]


@pytest.mark.parametrize("origin", [{}, {"Origin": OTHER}, {"Origin": "null"}])
def test_no_other_page_can_read_an_answer(served: Api, origin: dict[str, str]) -> None:
    answer = served.client.post("/graphql", content=body(), headers=served.headers({"content-type": JSON} | origin))

    assert ANSWER == answer.json()
    assert "access-control-allow-origin" not in answer.headers
    assert "Origin" in vary(answer)


def test_what_is_cached_for_one_origin_is_not_shown_to_another(served: Api) -> None:
    page = served.client.get("/", headers={"Origin": PAGE})
    asset = next(word for word in page.text.split('"') if word.endswith(".js"))

    first = served.client.get(asset, headers={"Origin": PAGE, "Accept-Encoding": "gzip"})
    again = served.client.get(asset, headers={"If-None-Match": first.headers["etag"]})

    assert {"Accept-Encoding", "Origin"} == set(vary(first))
    assert (304, True) == (again.status_code, "Origin" in vary(again))


def test_what_a_page_may_send_unasked_changes_nothing(served: Api) -> None:
    paths = [f"/api{operation.path}" for operation in all_operations() if operation.method == "POST"]
    headers = served.headers({"Origin": PAGE})

    answers = [
        served.client.post(re.sub("{.*?}", str(UUID(int=1)), path), content=b"{}", headers=headers | content_type)
        for path in ["/graphql", *paths]
        for content_type in [{}, TEXT, {"Content-Type": "application/x-www-form-urlencoded"}]
    ]

    assert paths
    assert {415} == {answer.status_code for answer in answers}


def test_nobody_is_answered_unless_the_settings_name_somebody() -> None:
    with api() as closed:
        question = asked(closed)
        answer = closed.client.post("/graphql", json={"query": VIEWER}, headers=closed.headers({"Origin": PAGE}))

    assert (401, 200) == (question.status_code, answer.status_code)
    assert [] == [name for each in (question, answer) for name in each.headers if name.startswith("access-control")]


def test_a_websocket_is_judged_by_its_token_alone(served: Api) -> None:
    with opened(served, headers={"Origin": OTHER}) as socket:
        socket.send(type="connection_init", payload={"Authorization": f"Bearer {served.token()}"})

        assert "connection_ack" == socket.receive()["type"]


@pytest.mark.parametrize(
    "origins",
    [
        "*",
        "null",
        "https://app.example.com/",
        "https://app.example.com/crm",
        "https://app.example.com?a",
        "https://app.example.com#a",
        "https://*.example.com",
        "https://App.example.com",
        "HTTPS://app.example.com",
        "https://app.example.com:443",
        "http://app.example.com:80",
        "https://app.example.com:",
        "https://app.example.com:99999",
        "https://app.example.com:080",
        "https://ada@app.example.com",
        "https://bücher.example",
        "https://",
        "https://[::1",
        "app.example.com",
        "//app.example.com",
        "file:///tmp",
        "https://app.example.com https://www.example.com",
        "https://app.example.com,",
        "https://app.example.com,*",
    ],
)
def test_what_is_no_origin_is_refused_at_the_start(monkeypatch: pytest.MonkeyPatch, origins: str) -> None:
    monkeypatch.setenv("TASKLINE_CORS_ORIGINS", origins)

    with pytest.raises(SettingsInvalid, match=r"TASKLINE_CORS_ORIGINS: “.*such as https://app\.example\.com\. Correct"):
        Settings.from_env()


@pytest.mark.parametrize(
    "origin",
    [PAGE, "http://localhost:5173", "https://10.0.0.7:8443", "http://[::1]:3000", "https://xn--bcher-kva.example"],
)
def test_what_a_browser_sends_is_an_origin(origin: str) -> None:
    assert f"{origin},{PAGE}" == Settings.model_validate({"cors_origins": f" {origin} , {PAGE}"}).cors_origins


FETCH = """async ([url, token]) => {
  const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
  try {
    const asked = await fetch(url, { method: "POST", headers, body: '{"query": "{ viewer { role } }"}' });
    const refused = await fetch(url, { method: "POST", headers: { "Content-Type": "text/plain" }, body: "{}" });
    return [await asked.json(), refused.status, refused.headers.get("X-Request-Id") !== null];
  } catch (error) {
    return String(error);
  }
}"""


@pytest.mark.browser
@pytest.mark.slow
def test_a_browser_lets_a_page_read_the_api_where_the_settings_do() -> None:
    def seen(page: Page, of: Api) -> object:
        return page.evaluate(FETCH, [f"{of.client.base_url}/graphql", of.token()])

    site = Starlette(routes=[Route("/", lambda _: HTMLResponse("<title>Another site</title>"))])
    with (
        serve(site) as address,
        api(cors_origins=address) as open_,
        api(cors_origins=PAGE) as closed,
        api() as off,
        chromium() as browser,
    ):
        page = browser.new_page()
        page.goto(address)
        answers = [seen(page, of) for of in (open_, closed, off)]

    assert [[ANSWER, 401, True], "TypeError: Failed to fetch", "TypeError: Failed to fetch"] == answers
