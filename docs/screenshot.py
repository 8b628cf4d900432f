"""Take the pictures of the pages: `python -m docs.screenshot http://127.0.0.1:8000`, with a fresh demo running."""

from __future__ import annotations

import io
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize, expect

from docs.demo_pages import CONTACT, Demo, chromium

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).parent
# The demo's pages sign in by themselves under the machine's own names only: under this one, a token is asked for.
DEPLOYED = "taskline.test"
# Widths and heights in CSS pixels; at 200 % a laptop has half of them.
LAPTOP = (1280, 720)
PHONE = (375, 720)
ZOOMED = (640, 360)


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


def complete(page: Page, _demo: Demo) -> None:
    """Begin to complete the first task."""
    down(page, 1)
    page.keyboard.press("x")
    page.get_by_label("Outcome").fill("Reached, will pay on Friday")


def stand(page: Page, _demo: Demo) -> None:
    """Go three entries down by keyboard."""
    down(page, 3)


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
    page.get_by_role("button", name="Try again").wait_for()


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
PICTURES = [
    Picture("timeline", TIMELINE, stand, size=(1280, 860), scale=1.5),
    Picture("pictures/timeline-dark", TIMELINE, stand, scheme="dark"),
    Picture("pictures/tasks", "?tab=open"),
    Picture("pictures/search", "", search),
    Picture("pictures/filters", "", filters),
    Picture("pictures/new-task", TIMELINE, new_task),
    Picture("pictures/new-task-refused", "", refused_task),
    Picture("pictures/complete", TIMELINE, complete),
    Picture("pictures/disputed", TIMELINE, disputed),
    Picture("pictures/arrivals", TIMELINE, arrivals),
    Picture("pictures/shortcuts", TIMELINE, shortcuts, scheme="dark"),
    Picture("pictures/viewer", TIMELINE, look_only),
    Picture("pictures/nothing-found", "?q=nothing+like+it"),
    Picture("pictures/not-found", "?contact=00000000-0000-4000-8000-000000000000"),
    Picture("pictures/unreachable", TIMELINE, unreachable),
    Picture("pictures/sign-in", host=DEPLOYED),
    Picture("pictures/phone", TIMELINE, size=PHONE, scale=1.5),
    Picture("pictures/phone-new-task", TIMELINE, new_task, size=PHONE, scale=1.5),
    Picture("pictures/zoomed", TIMELINE, size=ZOOMED, scale=2),
    Picture("graphiql", "graphiql", execute, scale=1.5),
]


def main(address: str) -> None:
    """Take every picture anew."""
    demo = Demo(address)
    contact = demo.record_id(CONTACT, "CONTACT")
    (HERE / "pictures").mkdir(exist_ok=True)
    with chromium(f"--host-resolver-rules=MAP {DEPLOYED} 127.0.0.1") as browser:
        for picture in PICTURES:
            take(browser, demo, picture, f"{address}/{picture.query.format(contact=contact)}")


def take(browser: Browser, demo: Demo, picture: Picture, url: str) -> None:
    """Open the page, do what the picture is about, and save what is shown then."""
    if picture.host is not None:
        url = url.replace(f"//{urlsplit(url).hostname}", f"//{picture.host}")
    width, height = picture.size
    with browser.new_context(
        viewport=ViewportSize(width=width, height=height),
        device_scale_factor=picture.scale,
        color_scheme=picture.scheme,
        reduced_motion="reduce",
        locale="en-US",
        timezone_id="Europe/Berlin",
    ) as context:
        page = context.new_page()
        page.goto(url)
        page.locator("h1, .graphiql-container").first.wait_for()
        expect(page.locator("[aria-busy=true], [aria-label=Loading]")).to_have_count(0)
        # No scroll bar is drawn here, so none needs its room.
        page.add_style_tag(content="html { scrollbar-gutter: auto !important }")
        if picture.do is not None:
            picture.do(page, demo)
        page.mouse.move(0, 0)  # off the buttons: their hints hide what is under them
        page.wait_for_timeout(500)  # a caret, a toast or a count on its way
        save(page.screenshot(animations="disabled", caret="hide"), HERE / f"{picture.name}.png")
    print(picture.name)  # noqa: T201 a script that takes a minute says how far it is


def save(png: bytes, path: Path) -> None:
    """Keep the 256 most frequent colors as they are, and draw the rest by the nearest: a third of the bytes."""
    image = Image.open(io.BytesIO(png)).convert("RGB")
    parts = image.tobytes()
    pixels = [parts[at : at + 3] for at in range(0, len(parts), 3)]
    colors = [color for color, _ in Counter(pixels).most_common()]
    kept = colors[:256]
    places = {color: place for place, color in enumerate(kept)}
    places |= {color: min(range(len(kept)), key=lambda place: distance(color, kept[place])) for color in colors[256:]}
    drawn = Image.frombytes("P", image.size, bytes(places[pixel] for pixel in pixels))
    drawn.putpalette(b"".join(kept))
    drawn.save(path, optimize=True)


def distance(one: bytes, other: bytes) -> int:
    """Return how different two colors are, as the square of their distance in red, green and blue."""
    return sum((mine - theirs) ** 2 for mine, theirs in zip(one, other, strict=True))


if __name__ == "__main__":
    main(sys.argv[1])
