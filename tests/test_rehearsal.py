"""A rehearsal says what a migration would be like, and leaves the database as it was."""

import asyncio
import fcntl
import json
import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from commands.migrate import rehearsal_stage
from db import embedded
from db.embedded import EmbeddedServer
from db.embedded_home import open_lock, try_lock
from migrations.rehearsal import copies
from tests.conftest import PROGRAMS
from tests.databases import APP, OWNER, OWNER_PASSWORD, CrmDatabase, psql
from tests.deadlines import DEADLINE_S, eventually
from tests.demos import starting
from tests.migration_runs import BACK, FORWARD, TENANT, fingerprint, schema_dump
from tests.rehearsals import rehearse

pytestmark = pytest.mark.slow

ROWS = "SELECT md5(string_agg(t::text, '' ORDER BY id)) FROM lead_interactions t"
LOCKS = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = {}::oid"
LEDGER = "SELECT to_regclass('taskline_migrations') IS NULL"


def state(database: CrmDatabase) -> tuple[str, ...]:
    oid = database.psql(f"SELECT oid FROM pg_database WHERE datname = '{database.name}'")
    return (
        fingerprint(database),
        schema_dump(database),
        *(database.psql(sql) for sql in (ROWS, LEDGER, LOCKS.format(oid))),
    )


def test_a_rehearsal_says_what_to_expect_and_leaves_the_database_alone(
    legacy_database: CrmDatabase, tmp_path: Path
) -> None:
    before = state(legacy_database)

    done = rehearse(tmp_path, "--with-rollback", "--json", url=legacy_database.owner_url)

    assert 0 == done.code, done.errors
    found = done.document
    assert [file.name for file in FORWARD] == [act["file"] for act in found["migrations"]]
    assert [file.name for file in BACK] == [act["file"] for act in found["rollback"]]
    assert "Foreign keys" in [step["step"] for step in found["migrations"][0]["steps"]]
    assert (OWNER, APP, True) == (found["migrated_as"], found["worked_on_as"], found["is_schema_restored"])
    assert found["waits"]["count"] > 0
    assert [] == found["waits"]["errors"]  # says which, and of what kind
    assert 0 == found["waits"]["failed"] == found["baseline"]["failed"]
    assert 0 < found["baseline"]["longest_ms"] < DEADLINE_S * 1_000
    assert "Expect about" in found["conclusion"]
    assert not any("not proven" in line for line in found["said"])
    assert before == state(legacy_database)
    assert done.is_cleared_away
    assert OWNER_PASSWORD not in done.output + done.errors


@pytest.fixture(scope="module")
def spare(postgres: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    """A server for copies alone, where nobody else's are: other workers' rehearsals may use that of all tests."""
    binaries = PROGRAMS[postgres.version.partition(".")[0]]
    with embedded.start(tmp_path_factory.mktemp("spare"), binaries=binaries, durable=False) as server:
        yield server


def copies_on(server: EmbeddedServer) -> str:
    return psql(server, server.url(), "-c", "SELECT datname FROM pg_database WHERE datname LIKE 'taskline_rehearsal%'")


def test_the_page_for_people_ends_with_a_plain_conclusion(
    legacy_database: CrmDatabase, spare: EmbeddedServer, tmp_path: Path
) -> None:
    done = rehearse(tmp_path, "--through", "41", "--server", spare.url(), url=legacy_database.owner_url)

    assert 0 == done.code, done.errors
    assert f"{legacy_database.name} (PostgreSQL {legacy_database.server.version.split()[0]}, " in done.output
    assert "Expect about" in done.output
    assert "none of" in done.output
    assert "This machine" in done.output or "this machine" in done.output
    assert TENANT.name not in done.output
    assert "" == copies_on(spare)
    assert done.is_cleared_away


def test_what_a_migration_refuses_is_found_on_the_copy(legacy_database: CrmDatabase, tmp_path: Path) -> None:
    legacy_database.psql("ALTER TABLE lead_interactions ADD contact_id text", url=legacy_database.owner_url)

    done = rehearse(tmp_path, "--json", "--server", legacy_database.server.url(), url=legacy_database.owner_url)

    assert 14 == done.code
    assert "MIGRATION_REFUSED" == done.document["error"]["code"]
    assert "found type text, expected uuid" in done.document["error"]["message"]
    assert "did not come to its end" in done.document["conclusion"]
    assert 1 == len(json.loads(f"[{done.output}]"))
    assert "041 can't start" in done.message


def test_a_migrated_database_has_nothing_to_rehearse(database: CrmDatabase, tmp_path: Path) -> None:
    done = rehearse(tmp_path, "--server", database.server.url(), url=database.owner_url)

    assert 0 == done.code, done.errors
    assert "Nothing to do: everything is in place." in done.output


# Ends.


def processes_in(folder: Path) -> list[str]:
    """Return the command lines of what works in a folder, or was told of it."""
    found = []
    for process in psutil.process_iter(["pid", "cwd", "cmdline"]):
        words = " ".join(process.info["cmdline"] or [])
        if str(folder) in f"{process.info['cwd']} {words}":
            found.append(words)
    return found


@pytest.mark.parametrize(
    ("moment", "how"),
    [
        ("Looked at what is to be copied", signal.SIGINT),
        ("Gathered its statistics", signal.SIGINT),
        ("Measured the application", signal.SIGTERM),
        ("Measured the application", signal.SIGHUP),
    ],
)
def test_whoever_ends_it_leaves_nothing_behind(
    legacy_database: CrmDatabase, tmp_path: Path, moment: str, how: signal.Signals
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    addresses = {"MIGRATION_DATABASE_URL": legacy_database.owner_url, "TMPDIR": str(temporary)}

    with starting(tmp_path, "migrate", "rehearse", **addresses) as started:
        started.wait_until(lambda: moment in started.text)
        if how is signal.SIGINT:
            os.killpg(started.process.pid, how)
        else:
            started.process.send_signal(how)
        code = started.process.wait(DEADLINE_S)

    assert (130, []) == (code, list(temporary.iterdir()))
    assert [] == processes_in(temporary)
    assert "Traceback" not in started.text


def test_whoever_ends_it_on_a_server_of_his_own_finds_no_copy_there(
    legacy_database: CrmDatabase, spare: EmbeddedServer, tmp_path: Path
) -> None:
    addresses = {"MIGRATION_DATABASE_URL": legacy_database.owner_url, "TMPDIR": str(tmp_path)}
    command = ("migrate", "rehearse", "--baseline", "0.5", "--server", spare.url())

    with starting(tmp_path, *command, **addresses) as started:
        started.wait_until(lambda: "Measured the application" in started.text)
        found = copies_on(spare)
        os.killpg(started.process.pid, signal.SIGINT)
        code = started.process.wait(DEADLINE_S)

    assert 130 == code
    assert found
    assert eventually(lambda: copies_on(spare) == "")
    assert "Traceback" not in started.text


def test_what_a_killed_rehearsal_left_goes_with_the_next(legacy_database: CrmDatabase, tmp_path: Path) -> None:
    left, living = (tmp_path / "temporary" / f"{rehearsal_stage.PREFIX}{name}" for name in ("left", "living"))
    for folder in (left, living):
        folder.mkdir(parents=True)
        (folder / rehearsal_stage.LOCK).touch()
    lock = open_lock(living / rehearsal_stage.LOCK)
    try_lock(lock, fcntl.LOCK_EX)

    done = rehearse(tmp_path, "--dump", "no such file", "--server", legacy_database.server.url())
    os.close(lock)

    assert 20 == done.code
    assert (False, True) == (left.exists(), living.exists())


def test_a_copy_that_a_killed_rehearsal_left_on_a_server_is_named_and_stays(
    legacy_database: CrmDatabase, spare: EmbeddedServer, tmp_path: Path
) -> None:
    server, temporary = spare.url(), tmp_path / "temporary"
    temporary.mkdir()
    addresses = {"MIGRATION_DATABASE_URL": legacy_database.owner_url, "TMPDIR": str(temporary)}
    with starting(tmp_path, "migrate", "rehearse", "--server", server, **addresses) as started:
        started.wait_until(lambda: "Gathered its statistics" in started.text)
        os.killpg(started.process.pid, signal.SIGKILL)
        started.process.wait(DEADLINE_S)
    assert eventually(lambda: asyncio.run(copies.leftovers(server)) != [])
    (left,) = asyncio.run(copies.leftovers(server))

    named = rehearse(tmp_path, "--json", "--dump", "no such file", "--server", server)
    psql(spare, server, "-c", f"DROP DATABASE {left}")  # which fails if it is gone
    again = rehearse(tmp_path, "--json", "--dump", "no such file", "--server", server)

    assert (20, 20) == (named.code, again.code)
    assert f"left its copy on that server. Nobody uses it: DROP DATABASE {left};\n" in named.errors
    assert left not in again.errors


def test_what_prevents_a_rehearsal_is_one_sentence_with_a_code(legacy_database: CrmDatabase, tmp_path: Path) -> None:
    server = legacy_database.server.url()

    done = rehearse(tmp_path, "--json", "--server", server, url=legacy_database.app_url)

    assert (20, "REHEARSAL_FAILED") == (done.code, done.document["error"]["code"])
    assert done.message.count("\n") == 1
    assert done.is_cleared_away


def test_no_password_is_among_the_arguments_of_any_program(legacy_database: CrmDatabase, tmp_path: Path) -> None:
    temporary, seen = tmp_path / "temporary", set[str]()
    temporary.mkdir()
    addresses = {"MIGRATION_DATABASE_URL": legacy_database.owner_url, "TMPDIR": str(temporary)}
    secrets = ("owner's", "owner%27s")

    with starting(tmp_path, "migrate", "rehearse", "--baseline", "0.5", **addresses) as started:
        while started.process.poll() is None:
            try:
                seen |= {
                    " ".join(one.cmdline()) for one in psutil.Process(started.process.pid).children(recursive=True)
                }
            except psutil.Error:  # one has just ended
                continue

    assert {"pg_dump", "pg_restore"} <= {Path(line.split()[0]).name for line in seen if line}
    assert not [line for line in seen if any(secret in line for secret in secrets)]


def test_a_rehearsal_whose_folder_another_takes_for_left_makes_a_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    opened: list[Path] = []

    def open_and_be_overtaken(path: Path) -> int:
        """Open the lock; before the first one is taken, another rehearsal comes and goes."""
        opened.append(path)
        descriptor = open_lock(path)
        if len(opened) == 1:
            with rehearsal_stage.stage("postgresql://localhost"):
                pass
        return descriptor

    monkeypatch.setattr(rehearsal_stage, "open_lock", open_and_be_overtaken)
    with rehearsal_stage.stage("postgresql://localhost") as stage:
        assert not opened[0].parent.exists()
        assert (stage.workshop / rehearsal_stage.LOCK).exists()

    assert [] == list(tmp_path.iterdir())
