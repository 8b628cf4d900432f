"""Take the README's picture of GraphiQL: `python docs/screenshot.py http://127.0.0.1:8000` with the demo running."""

from __future__ import annotations

import sys
from pathlib import Path

from playwright.sync_api import ViewportSize, expect, sync_playwright

PICTURE = Path(__file__).parent / "graphiql.png"
SIZE = ViewportSize(width=1280, height=720)
# Sharp on today's screens, and still below 300 kB.
SCALE = 1.5


def main(address: str) -> None:
    """Open GraphiQL at this address, run its first tab, and save what it shows beside this file."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_page(viewport=SIZE, device_scale_factor=SCALE, color_scheme="light")
        page.goto(f"{address}/graphiql")
        page.get_by_role("button", name="Execute").click()
        page.get_by_label("Result Window").get_by_text("totalCount").wait_for()
        page.mouse.move(0, 0)  # off the button: its hint and the scroll bars hide parts of the query
        expect(page.locator(".scrollbar.visible")).to_have_count(0)
        page.screenshot(path=PICTURE, animations="disabled")
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1])
