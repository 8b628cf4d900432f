"""docs/runbook.md, typed from top to bottom against three databases: each command says what the page shows."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.checkouts import Checkout, make_checkout
from tests.databases import CrmDatabase, copy
from tests.papers import ROOT, blocks

pytestmark = pytest.mark.slow

TEXT = (ROOT / "docs" / "runbook.md").read_text()
_PAIR = re.compile(r"```sh\n(?P<typed>.*?)```\n+```text\n(?P<shown>.*?)```", re.DOTALL)
# What differs from one database, machine or day to the next.
DOTS = "…"
_VARIES = [
    (re.compile(r"\S*/staging-receipt\.json"), "staging-receipt.json"),
    (re.compile(r"database crm_\w+"), "database crm"),
    (re.compile(r"crm_\w+ \(PostgreSQL"), "crm (PostgreSQL"),
    (re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "ID"),
    (re.compile(r"\d[\d.,:-]*\d|\d"), "N"),
    (re.compile(r"\(N, [\w\s:]+\)"), "(the migration, its step)"),
    (re.compile(r"\b[kMG]B\b"), "MB"),
    (re.compile(r"completed as \w+"), "completed as the API's role"),
    (re.compile(r"[▁▂▃▄▅▆▇█]+"), "▁"),
]


@dataclass(frozen=True, slots=True)
class Step:
    """A command of the page and what it says there."""

    typed: str
    shown: str


def steps() -> list[Step]:
    return [Step(found["typed"], found["shown"]) for found in _PAIR.finditer(TEXT)]


def essence(words: str) -> list[str]:
    """Return the words, without numbers, ids and names; how they are broken into lines doesn't matter."""
    for pattern, name in _VARIES:
        words = pattern.sub(name, words)
    return words.split()


@dataclass(frozen=True, slots=True)
class Desk:
    """A checkout to type in, with the addresses of three databases in the environment."""

    checkout: Checkout
    environment: dict[str, str]

    def type(self, command: str) -> str:
        """Return what a command says, errors included, as on a terminal."""
        done = subprocess.run(
            ["/bin/sh", "-c", command.replace("./taskline", f"{sys.executable} -P -m commands")],
            cwd=self.checkout.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return done.stdout


@pytest.fixture
def desk(legacy_template: CrmDatabase, tmp_path: Path) -> Iterator[Desk]:
    checkout = make_checkout(tmp_path)
    shutil.copytree(ROOT / "db", tmp_path / "db", ignore=shutil.ignore_patterns("__pycache__"))  # for the rehearsal
    with copy(legacy_template) as devtest, copy(legacy_template) as staging, copy(legacy_template) as production:
        path = f"{devtest.server.bin_dir}:{os.environ['PATH']}"
        addresses = {"DEVTEST": devtest, "STAGING": staging, "PRODUCTION": production}
        urls = {f"{name}_DATABASE_URL": database.owner_url for name, database in addresses.items()}
        yield Desk(checkout, checkout.environment(**urls) | {"PATH": path})


def matches(shown: list[str], said: list[str]) -> bool:
    """Compare word by word; a "…" that stands alone on its line stands for any number of words."""
    pattern = "".join(r"(?:\S+ )*?" if word == DOTS else f"{re.escape(word)} " for word in shown)
    return re.fullmatch(pattern, "".join(f"{word} " for word in said)) is not None


def test_the_page_has_its_steps() -> None:
    assert len(steps()) >= 10


def test_each_command_says_what_the_page_shows(desk: Desk) -> None:
    for step in steps():
        said = desk.type(step.typed)

        assert matches(essence(step.shown), essence(said)), f"{step.typed}\n{said}"


def test_a_person_is_erased_as_it_says(database: CrmDatabase) -> None:
    (erase,) = blocks(TEXT, "sql")
    (lead,) = database.psql("SELECT lead_id FROM interaction_events GROUP BY lead_id LIMIT 1").splitlines()

    database.psql(re.sub("'0[0-]+0'", f"'{lead}'", erase), url=database.owner_url)

    left = "SELECT count(*) FROM {} WHERE lead_id = '{}' OR lead_id IS NULL"
    assert ["0", "0"] == [
        database.psql(left.format(name, lead)) for name in ("lead_interactions", "interaction_events")
    ]
