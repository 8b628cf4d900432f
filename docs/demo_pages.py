"""A browser on the running demo, for the pictures in this folder."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx2
from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

# Somebody with a bit of everything: tasks overdue and to come, calls, messages, four accounts, and a lead once.
CONTACT = "Inés D'Angelo"

# The pages take the system's own font. Most systems have one of this kind; a server has none, so there it is installed:
# `apt-get install chromium fonts-inter`.
FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <include ignore_missing="yes">/etc/fonts/fonts.conf</include>
  <match target="pattern">
    <test name="family"><string>sans-serif</string></test>
    <edit name="family" mode="prepend" binding="strong"><string>Inter</string></edit>
  </match>
</fontconfig>
"""


class Demo:
    """The demo's API, asked in the name of somebody who may write."""

    def __init__(self, address: str) -> None:
        # The demo gives tokens to its own pages only, which an Origin shows.
        self._client = httpx2.Client(base_url=address, headers={"Origin": address}, timeout=60)
        answer = self._client.post("/demo/token", json={"role": "user"}).raise_for_status()
        self.token: str = answer.json()["token"]
        self._client.headers["Authorization"] = f"Bearer {self.token}"

    def ask(self, query: str, **variables: object) -> dict[str, object]:
        """Return the data of one operation. Raises RuntimeError with the API's words if it failed."""
        answer = self._client.post("/graphql", json={"query": query, "variables": variables}).json()
        if "errors" in answer:
            raise RuntimeError(answer["errors"])
        data: dict[str, object] = answer["data"]
        return data

    def record_id(self, name: str, kind: str) -> str:
        """Find a record of this kind by its whole name."""
        query = "query ($name: String!, $kind: RecordKind!) { searchRecords(search: $name, kinds: [$kind]) { id } }"
        found = self.ask(query, name=name, kind=kind)["searchRecords"]
        if not isinstance(found, list) or not found:
            raise RuntimeError(f"The demo has no {kind.lower()} named {name}. Start it with --fresh, then try again.")
        return str(found[0]["id"])


@contextmanager
def chromium(*flags: str) -> Iterator[Browser]:
    """Start Debian's Chromium with the pictures' font."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        fonts = Path(folder, "fonts.conf")
        fonts.write_text(FONTS)
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=["--no-sandbox", *flags],
            env={**os.environ, "FONTCONFIG_FILE": str(fonts)},
        )
        yield browser
        browser.close()
