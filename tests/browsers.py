"""Debian's Chromium with an empty profile and no way out of this machine."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# A name for the test server that isn't this machine's, as a deployment has one.
DEPLOYED = "taskline.test"
# Every other name leads nowhere, as on a machine without a network.
OFFLINE = f"--host-resolver-rules=MAP {DEPLOYED} 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"

# How long to wait for what must come: beside eight busy workers the page alone took 24 s to open.
PATIENCE_MS = 60_000


def program() -> str:
    """Return where Chromium is. Without one a test fails in CI, is skipped elsewhere, and says how to install it."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        missing = "Chromium is not installed: `apt-get install chromium` on Debian."
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    return found


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start Chromium, with an empty profile."""
    path = program()
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=[*FLAGS, OFFLINE])
        yield browser
        browser.close()


@dataclass(frozen=True, slots=True)
class Visit:
    """A page, the addresses it has asked for so far, and what it has complained of."""

    page: Page
    asked: list[str]
    complaints: list[str]


def visit(page: Page) -> Visit:
    """Listen to a page that nothing has been opened in yet."""
    asked: list[str] = []
    complaints: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            complaints.append(message.text)

    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", hear)
    return Visit(page, asked, complaints)
