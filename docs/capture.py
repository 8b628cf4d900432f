"""Film how a task for an account alone is made: `python -m docs.capture http://127.0.0.1:8000` beside the demo."""

from __future__ import annotations

import io
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw
from playwright.sync_api import ViewportSize

from docs.demo_pages import chromium

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

FILM = Path(__file__).parent / "new-task.webp"
SIZE = ViewportSize(width=960, height=600)

SUBJECT = "Renew before winter"
ACCOUNT = "Rosa Y"

# How long a picture stays, in milliseconds: a key, a move of the hand, and something to read.
KEY_MS = 70
MOVE_MS = 350
READ_MS = 1500
END_MS = 3500

# An arrow with its tip at (0, 0).
ARROW = ((0, 0), (0, 17), (4, 13), (7, 20), (10, 19), (7, 12), (12, 12))


@dataclass(slots=True)
class Film:
    """The pictures so far, how long each stays, and where the mouse is."""

    page: Page
    pictures: list[Image.Image] = field(default_factory=list)
    durations_ms: list[int] = field(default_factory=list)
    mouse: tuple[float, float] = (SIZE["width"] / 2, SIZE["height"] / 2)

    def shoot(self, duration_ms: int) -> None:
        """Add what the page shows now, with the mouse, which no screenshot has."""
        picture = Image.open(io.BytesIO(self.page.screenshot(caret="initial"))).convert("RGB")
        left, top = self.mouse
        points = [(left + across, top + down) for across, down in ARROW]
        ImageDraw.Draw(picture).polygon(points, fill="black", outline="white")
        self.pictures.append(picture)
        self.durations_ms.append(duration_ms)

    def click(self, target: Locator) -> None:
        """Move the mouse to the middle of something, and press it."""
        box = target.bounding_box()
        if box is None:
            raise RuntimeError(f"{target} is not on the page")
        self.mouse = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        self.page.mouse.move(*self.mouse)
        self.shoot(MOVE_MS)
        self.page.mouse.down()
        self.page.mouse.up()
        self.page.wait_for_timeout(200)
        self.shoot(MOVE_MS)

    def type(self, text: str) -> None:
        """Type a text key by key."""
        for key in text:
            self.page.keyboard.type(key)
            self.shoot(KEY_MS)

    def save(self, path: Path) -> None:
        """Join the pictures to an animated WebP that plays for ever."""
        first, *rest = self.pictures
        first.save(path, save_all=True, append_images=rest, duration=self.durations_ms, loop=0, quality=80, method=6)


def main(address: str) -> None:
    """Make the task in the real page, and save the film beside this file."""
    with chromium() as browser:
        page = browser.new_page(viewport=SIZE, color_scheme="light", locale="en-US", timezone_id="Europe/Berlin")
        page.goto(f"{address}/?tab=open", wait_until="networkidle")
        page.add_style_tag(content="html { scrollbar-gutter: auto !important }")
        film = Film(page)
        make_task(film)
        film.save(FILM)


def make_task(film: Film) -> None:
    """Create the task, then go to the account to see it there."""
    page = film.page
    film.shoot(READ_MS)
    film.click(page.get_by_role("button", name="New task"))
    form = page.get_by_role("dialog")
    film.type(SUBJECT)
    film.click(form.get_by_role("combobox", name="Account"))
    film.type(ACCOUNT)
    choice = page.get_by_role("option").first
    choice.wait_for()
    film.shoot(READ_MS)
    account = choice.locator("[dir=auto]").first.inner_text()
    film.click(choice)
    film.click(form.get_by_role("button", name="Tomorrow"))
    film.shoot(READ_MS)
    film.click(form.get_by_role("button", name="Create task"))
    page.get_by_text("Created").wait_for()
    film.shoot(READ_MS)
    film.click(page.get_by_role("combobox", name="Find a lead, contact or account"))
    film.type(ACCOUNT)
    film.click(page.get_by_role("option").filter(has_text=account).first)
    page.get_by_role("heading", name=account).wait_for()
    page.get_by_role("article", name=SUBJECT, exact=True).first.wait_for()
    film.shoot(END_MS)


if __name__ == "__main__":
    main(sys.argv[1])
