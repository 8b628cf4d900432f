"""`python -m bench.pages`: how long people wait on the timeline page: for its first view, a search, a frame."""

from __future__ import annotations

import json
import re
import shutil
import statistics
import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
import orjson
from playwright.sync_api import sync_playwright

from db import embedded

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from playwright.sync_api import Browser, Page

    from db.embedded import EmbeddedServer

LONGEST = "00000000-0000-4000-8000-00000000be7c"
"""The contact with the longest timeline; made by this program."""

# As much as is missing, every 20 minutes into the past.
_FILL = """
INSERT INTO contacts (id, organization_id, first_name, last_name)
SELECT :'contact', organization_id, 'Longest', 'Timeline' FROM users WHERE id = :'person' ON CONFLICT DO NOTHING;
INSERT INTO lead_interactions (organization_id, contact_id, user_id, interaction_type, status, subject, completed_at)
SELECT u.organization_id, :'contact', u.id, (ARRAY['call', 'email', 'meeting', 'note'])[1 + n % 4], 'completed',
       'Interaction ' || n, now() - n * interval '20 minutes'
  FROM users u, generate_series((SELECT count(*) + 1 FROM lead_interactions WHERE contact_id = :'contact'), :count) n
 WHERE u.id = :'person';
VACUUM (ANALYZE) lead_interactions;
SELECT DISTINCT lower(left(first_name, 4)) FROM contacts
 WHERE organization_id = (SELECT organization_id FROM users WHERE id = :'person') AND first_name <> 'Longest'
 ORDER BY 1 LIMIT :searches;
"""
# From the start of the navigation to the picture after the first entry was there.
_FIRST_VIEW = """
new MutationObserver((_, seen) => {
  if (document.querySelector('article') === null) return;
  seen.disconnect();
  requestAnimationFrame(() => setTimeout(() => { window.firstViewMs = performance.now(); }));
}).observe(document, {childList: true, subtree: true});
"""
# From a key to the picture after its answer was there.
_SEARCHES = """() => {
  const input = document.querySelector('[role=search] input, search input');
  const list = document.getElementById(input.getAttribute('aria-controls'));
  window.searchesMs = [];
  let typed = null;
  input.addEventListener('input', () => { typed = input.value === '' ? null : performance.now(); });
  new MutationObserver(() => {
    if (typed === null || list.inert || list.querySelector('[role=option]') === null) return;
    const since = typed;
    typed = null;
    requestAnimationFrame(() => setTimeout(() => searchesMs.push(performance.now() - since)));
  }).observe(list, {attributes: true, childList: true, subtree: true});
}"""
_FRAMES = """() => {
  window.framesMs = [];
  let before = performance.now();
  const tick = (now) => { framesMs.push(now - before); before = now; requestAnimationFrame(tick); };
  requestAnimationFrame(tick);
}"""
WHEEL_PX, FRAME_MS = 240, 16
DEADLINE_MS = 30_000


@dataclass(frozen=True, slots=True)
class Wait:
    """How long people waited for one thing."""

    what: str
    times: int
    p50_ms: float
    p95_ms: float
    longest_ms: float


@click.command()
@click.option("--home", type=click.Path(path_type=Path), required=True, help="Folder for the demo; it is kept.")
@click.option("--interactions", default=100_000, show_default=True, help="How many the longest timeline has.")
@click.option("--rounds", default=10, show_default=True, help="How often a view is opened.")
@click.option("--searches", default=20, show_default=True, help="How many names are searched for.")
@click.option("--seconds", default=10, show_default=True, help="How long the wheel is turned.")
@click.option("--output", type=click.Path(path_type=Path), help="File for everything measured, as JSON.")
def main(home: Path, interactions: int, rounds: int, searches: int, seconds: int, output: Path | None) -> None:
    """Open the demo's timeline in Chromium as people do, and print how long they wait."""
    with _demo(home) as address, embedded.start(home) as server:
        names = _fill(server, _person(address), interactions, searches)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            found = [
                *_views(browser, address, rounds),
                _search(browser, address, names),
                _scroll(browser, address, seconds),
            ]
            browser.close()
    click.echo("| what | times | p50 ms | p95 ms | longest ms |\n|---|--:|--:|--:|--:|")
    for wait in found:
        click.echo(f"| {wait.what} | {wait.times} | {wait.p50_ms:.0f} | {wait.p95_ms:.0f} | {wait.longest_ms:.0f} |")
    if output:
        output.write_bytes(orjson.dumps({"interactions": interactions, "waits": [asdict(wait) for wait in found]}))


@contextmanager
def _demo(home: Path) -> Iterator[str]:
    """Serve the demo of this home, and yield its address; stop it at the end."""
    command = ["env", f"TASKLINE_HOME={home}", sys.executable, "-u", "-m", "commands", "demo", "--port", "0"]
    # Its log would have a line for each request.
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            for line in process.stdout or ():
                if found := re.search(r"GraphQL +(http://\S+)/graphql", line):
                    yield found[1]
                    return
            raise click.ClickException(f"The demo didn't start. See why: TASKLINE_HOME={home} ./taskline demo")
        finally:
            process.terminate()


def _person(address: str) -> str:
    """Return the id of whom the demo's page signs in."""
    body = json.dumps({"role": "admin"}).encode()
    asked = urllib.request.Request(f"{address}/demo/token", body, {"Content-Type": "application/json"})  # noqa: S310 - ours
    with urllib.request.urlopen(asked) as answer:  # noqa: S310
        person: str = json.load(answer)["user"]["id"]
    return person


def _fill(server: EmbeddedServer, person: str, count: int, searches: int) -> list[str]:
    """Make the longest timeline so long, and return the beginnings of so many names."""
    values = {"contact": LONGEST, "person": person, "count": count, "searches": searches}
    variables = [word for name, value in values.items() for word in ("-v", f"{name}={value}")]
    command = [str(server.bin_dir / "psql"), "-XqAt", "-v", "ON_ERROR_STOP=1", *variables, "-d", server.url("demo")]
    return subprocess.run(command, input=_FILL, capture_output=True, text=True, check=True).stdout.split()


def _views(browser: Browser, address: str, rounds: int) -> list[Wait]:
    """Open all tasks and the longest timeline, each time as somebody who was never here, and as somebody who was."""
    times: dict[str, list[float]] = {}
    for query, name in (("", "all tasks"), (f"?contact={LONGEST}", "the longest timeline")):
        for _ in range(rounds):
            page = _page(browser)
            page.goto(f"{address}/{query}")
            times.setdefault(f"first view of {name}, first visit", []).append(_first_view(page))
            page.reload()
            times.setdefault(f"first view of {name}, again", []).append(_first_view(page))
            page.context.close()
    return [_wait(what, measured) for what, measured in times.items()]


def _first_view(page: Page) -> float:
    milliseconds: float = page.wait_for_function("() => window.firstViewMs").json_value()
    return milliseconds


def _search(browser: Browser, address: str, names: Sequence[str]) -> Wait:
    page = _page(browser)
    page.goto(address)
    _first_view(page)
    page.evaluate(_SEARCHES)
    box = page.get_by_role("combobox", name="Find a lead, contact or account")
    for number, name in enumerate(names, start=1):
        box.fill("")
        box.fill(name)
        page.wait_for_function("count => searchesMs.length === count", arg=number)
    times: list[float] = page.evaluate("searchesMs")
    page.context.close()
    return _wait("a search, from the key to its answer", times)


def _scroll(browser: Browser, address: str, seconds: int) -> Wait:
    """Turn the wheel over the longest timeline."""
    page = _page(browser)
    page.goto(f"{address}/?contact={LONGEST}")
    _first_view(page)
    page.mouse.move(600, 500)
    page.evaluate(_FRAMES)
    while page.evaluate("framesMs.reduce((sum, each) => sum + each, 0)") < seconds * 1_000:
        page.mouse.wheel(0, WHEEL_PX)
        page.wait_for_timeout(FRAME_MS)
    times: list[float] = page.evaluate("framesMs")
    page.context.close()
    return _wait("a frame while the wheel turns", times)


def _page(browser: Browser) -> Page:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(DEADLINE_MS)
    context.add_init_script(_FIRST_VIEW)
    return context.new_page()


def _wait(what: str, times: Sequence[float]) -> Wait:
    ordered = sorted(times)
    return Wait(what, len(ordered), statistics.median(ordered), ordered[int(len(ordered) * 0.95)], ordered[-1])


if __name__ == "__main__":
    main()
