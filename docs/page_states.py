"""The states of the pages that have a picture, and how to get into each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from playwright.sync_api import Page, Route, expect

from docs.demo_pages import CONTACT, Demo

if TYPE_CHECKING:
    from collections.abc import Callable

# The demo's pages sign in by themselves under the machine's own names only: under this one, a token is asked for.
DEPLOYED = "taskline.test"
# Widths and heights in CSS pixels; at 200 % a laptop has half of them.
LAPTOP = (1280, 720)
PHONE = (375, 720)
ZOOMED = (640, 360)
A4 = (794, 1123)
API = "**/graphql"
# A server that never answers.
SLOW = """(() => {
  const send = fetch;
  fetch = (to, how) => to === "/graphql" ? new Promise(() => {}) : send(to, how);
})()"""
EXPIRED = "The token has expired. Sign in again to get a new one."
# Of those that a socket may be closed with here; the page takes all but 1000, "normal", for a lost connection.
LOST = 3000


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture: where to go, what to do there, and how it is looked at."""

    name: str
    """The file's name in this folder, without `.png`."""
    query: str = ""
    """`{contact}` stands for the contact's identifier."""
    do: Callable[[Page, Demo], None] | None = None
    size: tuple[int, int] = LAPTOP
    scale: float = 1
    scheme: Literal["light", "dark"] = "light"
    host: str | None = None


def search(page: Page, _demo: Demo) -> None:
    """Look for a record."""
    page.keyboard.press("/")
    page.keyboard.type("petr")
    page.get_by_role("option").first.wait_for()


def filters(page: Page, _demo: Demo) -> None:
    """Open the filters and set one."""
    page.get_by_role("button", name="Filters").click()
    page.get_by_role("checkbox", name="High").check()


def new_task(page: Page, _demo: Demo) -> None:
    """Fill in a new task as far as its account."""
    page.get_by_role("button", name="New task").click()
    form = page.get_by_role("dialog")
    form.get_by_label("Subject").fill("Call about the second site")
    form.get_by_role("button", name="Tomorrow").click()
    form.get_by_role("combobox", name="Account").fill("Inés D'A")
    page.get_by_role("option").first.wait_for()


def refused_task(page: Page, _demo: Demo) -> None:
    """Save a task without a subject."""
    page.get_by_role("button", name="New task").click()
    page.get_by_role("button", name="Create task").click()
    page.get_by_text("Say in a few words").wait_for()


def saving(page: Page, demo: Demo) -> None:
    """Create a task, and see it before the server has it."""
    new_task(page, demo)
    page.get_by_role("option").first.click()
    page.evaluate(SLOW)
    page.get_by_role("button", name="Create task").click()
    page.get_by_role("button", name="Saving…").wait_for()
    page.keyboard.press("Escape")


def edit(page: Page, _demo: Demo) -> None:
    """Begin to edit the second task."""
    down(page, 2)
    page.keyboard.press("e")
    page.get_by_role("dialog", name="Edit task").wait_for()


def complete(page: Page, _demo: Demo) -> None:
    """Begin to complete the first task."""
    down(page, 1)
    page.keyboard.press("x")
    page.get_by_label("Outcome").fill("Reached, will pay on Friday")


def stand(page: Page, _demo: Demo) -> None:
    """Go three entries down by keyboard."""
    down(page, 3)


def delete(page: Page, _demo: Demo) -> None:
    """Delete the second task."""
    page.get_by_role("button", name="Delete task").nth(1).click()
    page.get_by_role("button", name="Undo").wait_for()


def disputed(page: Page, demo: Demo) -> None:
    """Save what somebody else has changed meanwhile."""
    down(page, 1)
    page.keyboard.press("e")
    task_id = page.locator("article[aria-current]").get_attribute("data-id")
    form = page.get_by_role("dialog")
    form.get_by_label("Subject").fill("Follow up on the offer")
    change = "mutation ($input: UpdateTaskInput!) { updateTask(input: $input) { errors { __typename } } }"
    demo.ask(change, input={"id": task_id, "subject": "Follow up with the new buyer"})
    form.get_by_role("button", name="Save").click()
    page.get_by_text("Changed by two people").wait_for()


def arrivals(page: Page, demo: Demo) -> None:
    """Let two tasks arrive."""
    create = "mutation ($input: CreateTaskInput!) { createTask(input: $input) { errors { __typename } } }"
    for subject in ("Send the contract", "Ask for the delivery address"):
        demo.ask(create, input={"contactId": demo.record_id(CONTACT, "CONTACT"), "subject": subject})
    page.get_by_role("button", name="2 new").wait_for()


def unreachable(page: Page, _demo: Demo) -> None:
    """Lose the network."""
    page.context.set_offline(True)
    page.get_by_role("tab", name="Completed").click()
    page.get_by_role("button", name="Try again").scroll_into_view_if_needed()


def loading(page: Page, _demo: Demo) -> None:
    """Open the page with a server that doesn't answer."""
    page.add_init_script(SLOW)
    page.reload()
    page.get_by_role("status", name="Loading").wait_for()


def not_live(page: Page, _demo: Demo) -> None:
    """Lose the socket by which the page is told what happens."""
    page.route_web_socket(API, lambda socket: socket.close(code=LOST))
    page.reload()
    page.get_by_text("Not live").wait_for()


def sign_in_again(page: Page, demo: Demo) -> None:
    """Sign in, and go on after the token has expired."""
    page.get_by_label("Bearer token").fill(demo.token)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("article").first.wait_for()
    page.route(API, expired)
    page.get_by_role("tab", name="Completed").click()
    page.get_by_role("dialog").wait_for()


def on_paper(page: Page, _demo: Demo) -> None:
    """Print the page, with the margin that a browser leaves."""
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    page.add_style_tag(content="html { padding: 1cm }")


def expired(route: Route) -> None:
    """Answer as the API does when a token has expired."""
    route.fulfill(status=401, json={"errors": [{"message": EXPIRED}]})


def shortcuts(page: Page, _demo: Demo) -> None:
    """Ask for the keys."""
    page.keyboard.press("?")


def look_only(page: Page, _demo: Demo) -> None:
    """Sign in as somebody who may only look."""
    page.get_by_text("viewer").click()
    expect(page.get_by_role("button", name="New task")).to_have_count(0)


def execute(page: Page, _demo: Demo) -> None:
    """Run the first example."""
    page.get_by_role("button", name="Execute").click()
    page.get_by_label("Result Window").get_by_text("totalCount").wait_for()
    expect(page.locator(".scrollbar.visible")).to_have_count(0)


def down(page: Page, entries: int) -> None:
    """Go some entries down by keyboard, once there are any."""
    page.get_by_role("article").first.wait_for()
    for _ in range(entries):
        page.keyboard.press("j")


TIMELINE = "?contact={contact}&related=yes"
NOTHING = "?q=nothing+like+it"
# What is looked at on a telephone and enlarged as well: the end of the picture's name, where, and what is done there.
SMALL: dict[str, tuple[str, Callable[[Page, Demo], None] | None]] = {
    "": (TIMELINE, None),
    "-entries": (TIMELINE, stand),
    "-new-task": (TIMELINE, new_task),
    "-filters": ("", filters),
    "-nothing-found": (NOTHING, None),
    "-unreachable": (TIMELINE, unreachable),
}
PICTURES = [
    Picture("timeline", TIMELINE, stand, size=(1280, 860), scale=1.5),
    Picture("pictures/timeline-dark", TIMELINE, stand, scheme="dark"),
    Picture("pictures/tasks", "?tab=open"),
    Picture("pictures/search", "", search),
    Picture("pictures/filters", "", filters),
    Picture("pictures/new-task", TIMELINE, new_task),
    Picture("pictures/new-task-refused", "", refused_task),
    Picture("pictures/saving", TIMELINE, saving),
    Picture("pictures/edit", TIMELINE, edit),
    Picture("pictures/complete", TIMELINE, complete),
    Picture("pictures/disputed", TIMELINE, disputed),
    Picture("pictures/arrivals", TIMELINE, arrivals),
    Picture("pictures/shortcuts", TIMELINE, shortcuts, scheme="dark"),
    Picture("pictures/viewer", TIMELINE, look_only),
    Picture("pictures/loading", TIMELINE, loading),
    Picture("pictures/nothing-found", NOTHING),
    Picture("pictures/not-found", "?contact=00000000-0000-4000-8000-000000000000"),
    Picture("pictures/unreachable", TIMELINE, unreachable),
    Picture("pictures/not-live", TIMELINE, not_live),
    Picture("pictures/sign-in", host=DEPLOYED),
    Picture("pictures/sign-in-again", TIMELINE, sign_in_again, host=DEPLOYED),
    Picture("pictures/printed", TIMELINE, on_paper, size=A4),
    *(Picture(f"pictures/phone{end}", *state, size=PHONE, scale=1.5) for end, state in SMALL.items()),
    *(Picture(f"pictures/zoomed{end}", *state, size=ZOOMED, scale=2) for end, state in SMALL.items()),
    Picture("graphiql", "graphiql", execute, scale=1.5),
    Picture("pictures/deleted", TIMELINE, delete),
]
