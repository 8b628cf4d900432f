"""Take the pictures of the pages: `python -m docs.screenshot http://127.0.0.1:8000`, with a fresh demo running.

Names after the address take those alone: `pictures/phone pictures/zoomed`.
"""

from __future__ import annotations

import io
import sys
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

from PIL import Image
from playwright.sync_api import Browser, ViewportSize, expect

from docs.demo_pages import CONTACT, Demo, chromium
from docs.page_states import DEPLOYED, PICTURES, Picture

HERE = Path(__file__).parent


def main(address: str, *names: str) -> None:
    """Take every picture anew, or those of these names."""
    demo = Demo(address)
    contact = demo.record_id(CONTACT, "CONTACT")
    (HERE / "pictures").mkdir(exist_ok=True)
    with chromium(f"--host-resolver-rules=MAP {DEPLOYED} 127.0.0.1") as browser:
        for picture in PICTURES:
            if names and picture.name not in names:
                continue
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
        if picture.do is not None:
            picture.do(page, demo)
        # No scroll bar is drawn here, so none needs its room.
        page.add_style_tag(content="html { scrollbar-gutter: auto !important }")
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
    main(*sys.argv[1:])
