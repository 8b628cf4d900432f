"""`./taskline bench` in small: it runs, its contestants agree, and who can't take part is named."""

import asyncio
import os
import re
import shutil
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from bench.contest.agreement import answers, check, comparable
from bench.contest.contestants import CONTESTANTS, LIMIT, ORM, TASKLINE, Contestant, Running, Setting, running
from bench.contest.data import Sizes, database
from bench.contest.documents import QUERIES, TITLES, Document, documents
from bench.contest.figures import Figure, Measured, figures, goals
from bench.contest.not_measured import NotMeasured
from bench.contest.report import draw_growth, growth
from bench.contest.rounds import Entrant, Round
from bench.crms import Crm
from db import embedded
from tests.node_projects import cannot_run

ROOT = Path(__file__).parent.parent
OF_ONE_RECORD = {"H1", "R1"}
ON_NODE = ["mercurius", "postgraphile"]
SMALL = ["--rows", "3000", "--rounds", "1", "--seconds", "0.1", "--connections", "2"]
PAGE = Document("Q1", [{"account": "1"}])


def bench(home: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "commands", "bench", *SMALL, *options],
        cwd=ROOT,
        env={**os.environ, "TASKLINE_HOME": str(home), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("contest")


@pytest.mark.slow
def test_contestants_in_python_give_the_same_data_and_are_measured(home: Path, tmp_path: Path) -> None:
    output, picture = tmp_path / "measured.json", tmp_path / "contest.svg"
    names = [TASKLINE, LIMIT, ORM]

    done = bench(home, *(f"--only={name}" for name in names), "--json", str(output), "--picture", str(picture))

    assert 0 == done.returncode, done.stderr
    (measured,) = orjson.loads(output.read_bytes())["contests"]
    assert {} == measured["not_measured"]
    assert {(name, one) for name in TITLES for one in names if one != ORM or name in QUERIES} == {
        (one["document"], one["contestant"]) for one in measured["figures"]
    }
    for one in measured["figures"]:
        assert one["requests"] > 0
        assert one["server_us"] > 0
        assert one["postgres_us"] > 0
        assert 0 < one["p50_ms"] <= one["p99_ms"]
        assert one["contestant"] != TASKLINE or one["ratio"] == 1
    assert names == [one["name"] for one in measured["contestants"]]
    for one in measured["contestants"]:
        assert one["memory_mb"] > 20
        assert one["cold_s"] > 0
    assert {*TITLES, ""} == {one["document"] for one in measured["goals"]}
    assert "| hand-written |" in done.stdout
    assert "<svg" in picture.read_text()


@pytest.mark.slow
@pytest.mark.node
def test_contestants_on_node_give_the_same_data(home: Path, tmp_path: Path) -> None:
    if shutil.which("npm") is None:
        cannot_run("npm is not installed: `apt-get install nodejs npm` on Debian.")
    output, names = tmp_path / "measured.json", [TASKLINE, *ON_NODE]

    done = bench(home, *(f"--only={name}" for name in names), "--json", str(output))

    assert 0 == done.returncode, done.stderr
    (measured,) = orjson.loads(output.read_bytes())["contests"]
    found = {(one["document"], one["contestant"]) for one in measured["figures"]}
    expected = {(document, name) for document in QUERIES for name in names}
    assert expected | {(document, TASKLINE) for document in TITLES} == found


@pytest.mark.slow
def test_who_isnt_measured_is_named_and_the_others_are(tmp_path: Path) -> None:
    output, names = tmp_path / "measured.json", [LIMIT, *ON_NODE]

    done = bench(
        tmp_path, *(f"--only={name}" for name in names), "--document=Q2", "--json", str(output), PATH=str(tmp_path)
    )

    assert 1 == done.returncode
    (measured,) = orjson.loads(output.read_bytes())["contests"]
    assert set(ON_NODE) == set(measured["not_measured"])
    for name, why in measured["not_measured"].items():
        assert f"{name} not measured: {why}" in done.stderr
        assert "npm, which is not installed" in why
    assert [LIMIT] == [one["contestant"] for one in measured["figures"]]


@pytest.mark.slow
def test_who_cant_start_is_named_with_the_reason(tmp_path: Path) -> None:
    broken = Contestant("broken", "", lambda _, __: [sys.executable, "-c", "raise SystemExit('No such thing.')"])
    with embedded.start(tmp_path, durable=False) as server:
        setting = Setting(Crm(server, "postgres"), tmp_path, token="", jwt_secret="")

        with pytest.raises(NotMeasured, match=r"it ended with 1: No such thing\."), running(broken, setting):
            pass


@pytest.mark.slow
def test_a_database_of_other_migrations_is_dropped_and_other_sizes_stay(home: Path) -> None:
    with embedded.start(home / "bench") as server:
        admin = Crm(server, "postgres")
        admin.psql_as_admin(
            "-c", "CREATE DATABASE contest_3000_00000000", "-c", "CREATE DATABASE contest_30000_00000000"
        )

        made = database(server, Sizes(3_000))

        names = admin.psql_as_admin("-c", "SELECT datname FROM pg_database WHERE datname LIKE 'contest%' ORDER BY 1")
        assert sorted([made.name, "contest_30000_00000000"]) == names.split()


def test_data_that_differ_are_named_where_they_do() -> None:
    one, other = ({"timeline": {"edges": [{"node": {"subject": word}}]}} for word in ("Call", "Mail"))

    check(PAGE, [one], [one])
    with pytest.raises(NotMeasured, match=r"Q1\[0\]\.timeline\.edges\[0\]\.node\.subject is 'Mail', not 'Call'"):
        check(PAGE, [one], [other])


def test_a_missing_entry_is_a_difference() -> None:
    with pytest.raises(NotMeasured, match=r"Q1\[0\] is a list of 0, not a list of 1"):
        check(PAGE, [[1]], [[]])


def test_instants_are_compared_as_such_and_cursors_by_their_presence() -> None:
    spellings = ("2026-01-01T10:00:00Z", "2026-01-01T12:00:00.000+02:00")
    plain = [comparable({"dueAt": at, "endCursor": f"c{at}"}, {"endCursor"}) for at in spellings]

    assert plain[0] == plain[1]
    assert plain[0] != comparable({"dueAt": spellings[0], "endCursor": None}, {"endCursor"})


def test_every_document_is_asked_by_values_that_differ() -> None:
    for document in documents(Sizes(1_000_000)):
        values = len(document.values)

        asked = [document.variables(number) for number in range(values)]

        assert values == len({str(one) for one in asked})
        assert values >= 50 or document.name in OF_ONE_RECORD


def test_goals_compare_processor_time_under_load_round_by_round() -> None:
    mine, limit = figure(TASKLINE, 300), figure(LIMIT, 200, ratio=0.25)  # no round had both medians

    time_, wait, *_ = goals([figure(TASKLINE, 100, connections=1), mine, limit], [])

    assert (time_.measured, time_.is_reached) == (4, False)
    assert (wait.measured, wait.is_reached) == (2, True)


def test_goals_compare_memory_and_the_first_answer_of_taskline_alone() -> None:
    measured = [Measured(TASKLINE, "", memory_mb=130, cold_s=1), Measured(LIMIT, "", memory_mb=10, cold_s=9)]

    memory, cold = goals([], measured)

    assert (memory.measured, memory.is_reached) == (130, False)
    assert (cold.measured, cold.is_reached) == (1, True)


def test_growth_shows_each_size_and_the_ratio_of_the_last_to_the_first() -> None:
    *_, line = growth({10_000: [figure(TASKLINE, 1_000)], 100_000: [figure(TASKLINE, 1_500)]})

    assert "| Q1 | taskline | 1,000 | 1,500 | 1.50 |" == line


def test_growth_is_drawn_for_each_document_by_itself(tmp_path: Path) -> None:
    sizes = {10_000: 1_000, 100_000: 1_500}
    names = list(TITLES)[:4]  # more than fit side by side

    draw_growth(
        {rows: [replace(figure(TASKLINE, us), document=name) for name in names] for rows, us in sizes.items()},
        "PostgreSQL",
        tmp_path / "growth.svg",
    )

    assert [*names, TASKLINE] == [text for text in drawn_texts(tmp_path / "growth.svg") if text in {*TITLES, TASKLINE}]


def drawn_texts(file: Path) -> list[str]:
    """Return the texts of a picture in the order in which they are drawn; each stands before its letters."""
    return re.findall(r"<!-- (.+?) -->", file.read_text())


def test_no_two_contestants_have_one_name() -> None:
    assert len(CONTESTANTS) == len({one.name for one in CONTESTANTS})


def figure(contestant: str, sum_us: float, *, connections: int = 32, ratio: float = 1) -> Figure:
    return Figure(
        document="Q1",
        connections=connections,
        contestant=contestant,
        requests=1,
        failed=0,
        server_us=sum_us,
        postgres_us=0,
        sum_us=sum_us,
        ratio=ratio,
        requests_per_s=1,
        p50_ms=1,
        p99_ms=2,
        answer_bytes=1,
    )


def test_waits_that_ended_with_an_error_count_in_the_99th_percentile() -> None:
    stopped = Running(CONTESTANTS[0], 0, 0, b"", 0)
    entrant = Entrant(stopped, 1, rounds={("Q1", 32): [Round([1.0] * 90, 1, 1, 1, 1, refused_ms=[2_000.0] * 10)]})

    (found,) = figures([entrant])

    assert (90, 10, 1, 2_000) == (found.requests, found.failed, found.p50_ms, found.p99_ms)


def test_who_has_ended_meanwhile_is_not_measured() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    ended = Running(CONTESTANTS[0], port, 0, b"", 0)

    with pytest.raises(NotMeasured, match="its answer to Q2 isn't the data"):
        asyncio.run(answers(ended, documents(Sizes(3_000))[1]))
