"""A server as slow, or as broken, as a test wants it for one operation of a page."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import APIResponse, Page, Request, Route

from tests.browsers import PATIENCE_MS

ENDPOINT = "**/graphql"
# Routes are handed over while the page is waited for.
POLL_MS = 10


def body_of(request: Request) -> dict[str, Any]:
    """Return a request's body, an object in JSON."""
    body: dict[str, Any] = json.loads(request.post_data or "{}")
    return body


def operation_of(request: Request) -> str | None:
    """Return the name of the operation that a request asks for; None for other requests."""
    if request.method != "POST" or not request.url.endswith("/graphql"):
        return None
    name: str | None = body_of(request).get("operationName")
    return name


def variables_of(request: Request) -> dict[str, Any]:
    variables: dict[str, Any] = body_of(request)["variables"]
    return variables


@dataclass(slots=True)
class Held:
    """Requests for one operation that haven't reached the server yet, oldest first."""

    page: Page
    operation: str
    routes: list[Route] = field(default_factory=list)

    def wait_for(self, count: int = 1) -> None:
        """Return once this many are held; fails when they aren't asked for in time."""
        deadline = time.monotonic() + PATIENCE_MS / 1_000
        while len(self.routes) < count:
            assert time.monotonic() < deadline, f"{self.operation} was asked for {len(self.routes)} times, not {count}"
            self.page.wait_for_timeout(POLL_MS)

    def let_go(self) -> None:
        """Send those on that are held so far."""
        while self.routes:
            self.routes.pop(0).continue_()


@contextmanager
def held(page: Page, operation: str) -> Iterator[Held]:
    """Hold an operation's requests until the test lets them go, or the block ends."""
    holding = Held(page, operation)

    def handle(route: Route) -> None:
        if operation_of(route.request) == operation:
            holding.routes.append(route)
        else:
            route.fallback()

    page.route(ENDPOINT, handle)
    yield holding
    holding.let_go()
    page.unroute(ENDPOINT, handle)


@contextmanager
def late(
    page: Page, operation: str, *, server: str | None = None, is_lost: bool = False
) -> Iterator[Callable[[], None]]:
    """Let the server answer an operation's next request, and hold its answer until the yielded function is called.

    The request goes to the page's own server, or past a line that is cut to this one. A lost answer never arrives: the
    connection breaks instead.
    """
    answers: list[tuple[Route, APIResponse]] = []

    def handle(route: Route) -> None:
        if answers or operation_of(route.request) != operation:
            route.fallback()
            return
        answers.append((route, route.fetch(url=server and f"{server}/graphql")))

    def arrive() -> None:
        deadline = time.monotonic() + PATIENCE_MS / 1_000
        while not answers:
            assert time.monotonic() < deadline, f"{operation} was never asked for"
            page.wait_for_timeout(POLL_MS)
        ((route, answer),) = answers
        if is_lost:
            route.abort("connectionreset")
        else:
            route.fulfill(response=answer)

    page.route(ENDPOINT, handle)
    yield arrive
    page.unroute(ENDPOINT, handle)


@contextmanager
def failing(page: Page, operation: str, *, status: int | None = None) -> Iterator[list[Request]]:
    """Answer an operation's requests with a bare status, as a proxy does, or by none with a broken connection."""
    failed: list[Request] = []

    def handle(route: Route) -> None:
        if operation_of(route.request) != operation:
            route.fallback()
            return
        failed.append(route.request)
        if status is None:
            route.abort("connectionreset")
        else:
            route.fulfill(status=status, content_type="text/html", body="<h1>Bad gateway</h1>")

    page.route(ENDPOINT, handle)
    yield failed
    page.unroute(ENDPOINT, handle)


def lose_one_answer(page: Page, operation: str) -> None:
    """Let the server act on the operation's next request, and break the connection before the answer comes."""
    lost: list[Request] = []

    def handle(route: Route) -> None:
        if lost or operation_of(route.request) != operation:
            route.fallback()
            return
        lost.append(route.request)
        route.fetch()
        route.abort("connectionreset")

    page.route(ENDPOINT, handle)
