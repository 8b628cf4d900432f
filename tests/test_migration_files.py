"""The files keep the rules that they can't check themselves."""

import re
from pathlib import Path

import pytest

from migrations.runner.sessions import LOCK_KEY
from tests.migration_runs import BACK, FORWARD

FILES = [*FORWARD, *BACK]


def routine(file: Path, name: str) -> str:
    found = re.search(rf"CREATE OR REPLACE \w+ pg_temp\.{name}\(.*?\n(?:END )?\$\$;", file.read_text(), re.DOTALL)
    return found.group() if found else ""


def names(file: Path) -> set[str]:
    return set(re.findall(r"CREATE OR REPLACE \w+ pg_temp\.(\w+)\(", file.read_text()))


def section(file: Path, heading: str) -> str:
    found = re.search(rf"-- == {heading} ==\n.*?(?=\n-- == |\Z)", file.read_text(), re.DOTALL)
    assert found
    return found.group()


@pytest.mark.parametrize("heading", ["Session", "End of session"])
def test_each_file_begins_and_ends_its_session_the_same_way(heading: str) -> None:
    assert 1 == len({section(file, heading) for file in FILES})


def test_a_tool_that_several_files_carry_is_the_same_in_all() -> None:
    own = {"table_obstacles"}  # each asks for different things
    shared = {name for file in FILES for name in names(file)} - own

    different = [name for name in shared if 1 < len({routine(file, name) for file in FILES if name in names(file)})]

    assert [] == different
    assert "alter_shortly" in shared


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_the_files_and_the_runner_take_the_same_lock(file: Path) -> None:
    assert {str(LOCK_KEY)} == set(re.findall(r"\b\d{19}\b", file.read_text()))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_the_header_names_the_locks(file: Path) -> None:
    header = file.read_text().partition("\\set")[0]

    assert "-- Locks" in header
    assert "150 ms at a time" in header


@pytest.mark.parametrize("file", FORWARD, ids=lambda file: file.name)
def test_it_only_looks_till_after_its_obstacles(file: Path) -> None:
    headings = re.findall(r"^-- == (.+) ==$", file.read_text(), re.MULTILINE)

    assert ["Session", "Tools", "Proof", "Obstacles"] == headings[:4]  # what `plan` runs
    assert "Validation" in headings
    assert "End of session" == headings[-1]
