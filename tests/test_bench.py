"""The benchmarks run, in small, so that they can be trusted to run in full; what they measure is not judged here."""

import re
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from tests.browsers import program
from tests.databases import CrmDatabase
from tests.migration_runs import by_psql

ROOT = Path(__file__).parent.parent
STEPS = {"nothing", "041", "041 again", "041 back"}

pytestmark = pytest.mark.slow


def measured(name: str, *options: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", f"bench.{name}", *options], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Where the benchmarks keep their server, and what makes it small."""
    return ["--home", str(tmp_path_factory.mktemp("bench")), "--interactions", "2000"]


def test_the_memory_under_load_is_told(tmp_path: Path) -> None:
    printed = measured("memory", "--home", str(tmp_path), "--rows", "3000", "--minutes", "0", "--turn-s", "0.2")

    words = (
        r"[1-9][\d,]* answers, 0 refusals\. Memory: \d+ MB after the first time round, at most \d+, \d+ at the end\."
    )
    assert re.fullmatch(words, printed.strip())


def test_the_benchmark_of_041_measures_both_styles_and_draws_them(home: list[str], tmp_path: Path) -> None:
    output, picture = tmp_path / "measured.json", tmp_path / "latency.png"

    printed = measured("migrations", *home, "--hold-s", "1", "--quiet-s", "1", "--output", str(output))
    measured("plot", str(output), str(picture))

    document = orjson.loads(output.read_bytes())
    found: dict[tuple[str, bool], list[dict[str, object]]] = {}
    for one in document["figures"]:
        found.setdefault((one["style"], one["is_held"]), []).append(one)
    assert {("ours", False), ("usual", False), ("ours", True), ("usual", True)} == set(found)
    for steps in found.values():
        assert set(STEPS) <= {one["step"] for one in steps}
        assert all(one["statements"] for one in steps)
    assert len(document["figures"]) == len(printed.splitlines()) - 2
    assert {"Columns", "Foreign keys", "Indexes", "Validation"} <= {
        name for one in document["runs"] if one["style"] == "ours" for _, name in one["windows"][0]["marks"]
    }
    assert all(one["is_success"] for one in document["figures"]), [one["windows"] for one in document["runs"]]
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_the_benchmark_of_the_old_application_measures_both_writes(home: list[str], tmp_path: Path) -> None:
    output = tmp_path / "measured.json"

    measured("old_application", *home, "--rounds", "1", "--seconds", "1", "--output", str(output))

    costs = orjson.loads(output.read_bytes())["costs"]
    assert ["insert a task", "complete or reopen a task"] == [one["kind"] for one in costs]
    for one in costs:  # a single round, so its ratio is the only one
        assert one["before_ms"] > 0
        assert one["ratio"] == one["lowest_ratio"] == one["highest_ratio"] == one["after_ms"] / one["before_ms"]


@pytest.mark.browser
def test_the_benchmark_of_the_pages_measures_each_wait(tmp_path: Path) -> None:
    program()
    output = tmp_path / "measured.json"
    small = ["--interactions", "300", "--rounds", "1", "--searches", "2", "--seconds", "1"]

    measured("pages", "--home", str(tmp_path / "home"), *small, "--output", str(output))

    waits = orjson.loads(output.read_bytes())["waits"]
    assert 6 == len(waits)
    for wait in waits:
        assert 0 < wait["p50_ms"] <= wait["p95_ms"] <= wait["longest_ms"]


def test_the_usual_style_makes_what_it_says(legacy_database: CrmDatabase) -> None:
    done = by_psql(legacy_database, ROOT / "bench" / "seed_style_041.sql")

    assert 0 == done.code
    assert "columns: 3" in done.errors
    assert "indexes: 2" in done.errors
    assert "MIGRATION COMPLETED SUCCESSFULLY" in done.errors
