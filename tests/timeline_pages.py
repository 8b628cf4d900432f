"""The timeline page as somebody at a browser has it: opened, looked at, typed into, and beyond reproach at the end."""

import re
import time
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Request, Route, expect

from resolvers.viewers import Role
from tests.apis import Api
from tests.browsers import DEPLOYED, PATIENCE_MS, Visit, visit
from tests.held_requests import body_of, operation_of
from tests.timeline_records import Customer

MARKS = [
    pytest.mark.browser,
    pytest.mark.slow,
    # What a browser shows doesn't depend on the version of PostgreSQL.
    pytest.mark.parametrize("postgres", ["18"], indirect=True),
]
WHEEL_PX, FRAME_MS = 600, 16
# The accessible names of entries.
SUBJECTS = "entries => entries.map(each => document.getElementById(each.getAttribute('aria-labelledby')).textContent)"
SEARCH = "Find a lead, contact or account"


@dataclass(frozen=True, slots=True)
class Desk:
    """Somebody's browser with the page in it."""

    customer: Customer
    seen: Visit
    operations: list[str]
    """The names of all operations asked for by HTTP so far."""
    unanswered: list[Request]
    address: str

    @property
    def page(self) -> Page:
        return self.seen.page

    # -- Where one is

    def open(self, query: str = "") -> None:
        """Open the page at this query, and return once its list is shown."""
        self.page.goto(f"{self.address}/{query}")
        self.settled()

    def open_record(self, kind: str) -> None:
        self.open(f"?{kind}={self.customer.ids[kind]}")

    def settled(self) -> None:
        """Return once the view's lists are shown, or why there are none."""
        self.page.get_by_role("tabpanel").wait_for()
        expect(self.page.get_by_role("status", name="Loading")).to_have_count(0)
        expect(self.page.locator("[aria-busy=true]")).to_have_count(0)

    @property
    def query(self) -> dict[str, str]:
        """The query of the address; a name given twice keeps its last value."""
        return {name: values[-1] for name, values in parse_qs(urlsplit(self.page.url).query).items()}

    def find(self, term: str, name: str) -> None:
        """Search by mouse, choose this record, and return once its timeline is shown."""
        self.search.click()
        self.search.fill(term)
        self.page.get_by_role("option").filter(has_text=name).first.click()
        self.heading(name).wait_for()
        self.settled()

    # -- What is shown

    @property
    def search(self) -> Locator:
        return self.page.get_by_role("combobox", name=SEARCH)

    @property
    def panel(self) -> Locator:
        """Everything that the chosen tab shows."""
        return self.page.get_by_role("tabpanel")

    @property
    def entries(self) -> Locator:
        return self.page.get_by_role("article")

    def entry(self, subject: str) -> Locator:
        return self.page.get_by_role("article", name=subject, exact=True)

    def subjects(self) -> list[str]:
        """Return the subjects shown, from the top."""
        return list(self.entries.evaluate_all(SUBJECTS))

    def heading(self, name: str) -> Locator:
        """The name of the record whose timeline this is."""
        return self.page.get_by_role("heading", level=1, name=name, exact=True)

    def tab(self, name: str) -> Locator:
        return self.page.get_by_role("tab", name=re.compile(f"^{name}"))

    def scroll_to(self, subject: str) -> int:
        """Turn the wheel until an entry is in the window; return the most entries that were on the page meanwhile."""
        most, box = 0, self.panel.bounding_box()
        assert box is not None, "nothing is shown yet"
        self.page.mouse.move(box["x"] + box["width"] / 2, self.page.evaluate("innerHeight") / 2)
        deadline = time.monotonic() + PATIENCE_MS / 1_000
        while not self._is_in_window(subject):
            assert time.monotonic() < deadline, f"{subject} never comes"
            most = max(most, self.entries.count())
            self.page.mouse.wheel(0, WHEEL_PX)
            self.page.wait_for_timeout(FRAME_MS)
        return most

    def _is_in_window(self, subject: str) -> bool:
        shown: bool = self.entry(subject).evaluate_all(
            "entries => entries.some(each => each.getBoundingClientRect().bottom <= innerHeight)"
        )
        return shown

    def act(self, subject: str, action: str) -> None:
        """Press one of an entry's buttons."""
        self.entry(subject).get_by_role("button", name=action, exact=True).click()

    @property
    def dialog(self) -> Locator:
        return self.page.get_by_role("dialog")

    def sideways(self) -> int:
        """Return by how many pixels the page is wider than its window."""
        wider: int = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        return max(0, wider)  # behind a dialog the page has no scroll bar, and so less to measure

    # -- What went over the wire

    def asked(self, operation: str) -> int:
        """Return how often an operation was asked for by HTTP."""
        return self.operations.count(operation)

    def forgive(self, *texts: str) -> None:
        """Forget complaints with these texts: a browser itself complains of each request that fails."""
        self.seen.complaints[:] = [each for each in self.seen.complaints if not any(text in each for text in texts)]

    def leave(self) -> None:
        """Close the page while its network is as it is, and forgive what the browser says of that."""
        self.page.close()
        self.unanswered.clear()
        self.forgive("WebSocket connection", "net::ERR_")

    def foreign(self) -> list[str]:
        return [url for url in self.seen.asked if not url.startswith((f"{self.address}/", "data:", "blob:"))]


@dataclass(slots=True)
class Desks:
    """Browsers of as many people as a test needs, on one API."""

    browser: Browser
    api: Api
    contexts: list[BrowserContext] = field(default_factory=list)
    desks: list[Desk] = field(default_factory=list)

    @property
    def deployed(self) -> str:
        """The API's address under a name, where nobody signs in by themselves."""
        return self.own.replace("127.0.0.1", DEPLOYED)

    @property
    def own(self) -> str:
        return str(self.api.client.base_url).rstrip("/")

    def seat(
        self,
        customer: Customer,
        *,
        role: Role = Role.ADMIN,
        address: str | None = None,
        time_zone: str = "Europe/Berlin",
        locale: str = "en-GB",
        scheme: Literal["light", "dark"] = "light",
        size: tuple[int, int] = (1280, 900),
    ) -> Desk:
        """Return a browser with nothing opened yet, whose token is for somebody of this customer's organization."""
        context = self.browser.new_context(
            timezone_id=time_zone,
            locale=locale,
            color_scheme=scheme,
            reduced_motion="reduce",
            viewport={"width": size[0], "height": size[1]},
        )
        context.set_default_timeout(PATIENCE_MS)
        self.contexts.append(context)
        context.route("**/demo/token", lambda route: self._sign_in(route, customer, role))
        page = context.new_page()
        desk = Desk(customer, visit(page), [], [], address or self.own)
        page.on("request", lambda request: _note(request, desk))
        page.on("requestfinished", lambda request: _end(request, desk))
        page.on("requestfailed", lambda request: _end(request, desk))
        self.desks.append(desk)
        return desk

    def _sign_in(self, route: Route, customer: Customer, role: Role) -> None:
        """Answer as the demo does, which knows one organization only: here each test has its own."""
        wanted = Role(body_of(route.request)["role"])
        # The page asks for an administrator first; who then chooses another role gets that one.
        chosen = role if wanted is Role.ADMIN else wanted
        route.fulfill(json={"token": self.api.token(customer.organization.viewer(chosen))})

    def close(self) -> None:
        """Close all browsers, once what their pages have asked for is answered."""
        deadline = time.monotonic() + PATIENCE_MS / 1_000
        for desk in self.desks:
            while desk.unanswered and time.monotonic() < deadline:
                desk.page.wait_for_timeout(FRAME_MS)
        for context in self.contexts:
            context.close()


def _note(request: Request, desk: Desk) -> None:
    name = operation_of(request)
    if name is not None:
        desk.operations.append(name)
        desk.unanswered.append(request)


def _end(request: Request, desk: Desk) -> None:
    if request in desk.unanswered:
        desk.unanswered.remove(request)
