"""A long step shows that it lives, to a terminal alone, and for whom it waits."""

import asyncio
import os
import pty
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest

from migrations.runner import apply
from migrations.runner.progress import Watch
from tests.checkouts import make_checkout
from tests.databases import CrmDatabase
from tests.migration_runs import LINKS, SUCCESS, open_transaction

pytestmark = pytest.mark.slow

OLD_SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SELECT FROM pg_class LIMIT 1"


def test_an_index_build_that_waits_says_for_whom(legacy_database: CrmDatabase) -> None:
    shown: list[str] = []

    with open_transaction(legacy_database, OLD_SNAPSHOT) as holder:

        def show(line: str) -> None:
            shown.append(line)
            if "for process" in line:
                holder.terminate()

        request = replace(apply.request(only=str(LINKS)), watch=show)
        asyncio.run(apply.run(legacy_database.owner_url, request, say=print))

    waits = next(line for line in shown if "for process" in line)
    assert re.fullmatch(
        r"    \d+ s  Indexes: idx_lead_interactions_\w+: waiting for (writers before build|old snapshots)"
        r"(, \d+ %)?, for process \d+",
        waits,
    )
    assert "" == shown[-1]


def test_a_short_step_shows_nothing(legacy_database: CrmDatabase) -> None:
    shown: list[str] = []

    async def short_step() -> None:
        connection = await asyncpg.connect(legacy_database.owner_url)
        async with Watch(legacy_database.owner_url, shown.append).over(connection, "Session"):
            await connection.execute("SELECT 1")
        await connection.close()

    asyncio.run(short_step())

    assert [] == shown


def test_a_step_is_done_although_nothing_can_be_shown(legacy_database: CrmDatabase) -> None:
    def show(_: str) -> None:
        raise BrokenPipeError

    async def long_step() -> int:
        connection = await asyncpg.connect(legacy_database.owner_url)
        async with Watch(legacy_database.owner_url, show, every_s=0.05).over(connection, "Backfill"):
            done: int = await connection.fetchval("SELECT 41 FROM pg_sleep(0.3)")
        await connection.close()
        return done

    assert 41 == asyncio.run(long_step())


def test_a_step_that_is_called_off_while_its_watch_ends_is_called_off(legacy_database: CrmDatabase) -> None:
    async def step() -> None:
        connection = await asyncpg.connect(legacy_database.owner_url)
        this = asyncio.current_task()
        assert this
        try:
            async with Watch(legacy_database.owner_url, print).over(connection, "Session"):
                this.cancel()
        finally:
            connection.terminate()

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(step())


@pytest.mark.parametrize(("command", "code"), [("up", 0), ("plan", 0), ("doctor", 19)])
@pytest.mark.parametrize("arguments", [(), ("--json",)], ids=["words", "json"])
def test_a_command_goes_on_to_its_end_when_nobody_reads_it_any_more(
    legacy_database: CrmDatabase, tmp_path: Path, command: str, code: int, arguments: tuple[str, ...]
) -> None:
    checkout = make_checkout(tmp_path / "project")
    checkout.names("devtest", legacy_database)
    ours, theirs = os.pipe()
    os.close(ours)

    done = subprocess.run(
        checkout.command("migrate", command, "--env", "devtest", *arguments),
        cwd=checkout.folder,
        env=checkout.environment(),
        stdout=theirs,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(theirs)

    made = legacy_database.psql("SELECT count(*) FROM pg_policy WHERE polname = 'lead_interactions_tenant'")
    assert code == done.returncode, done.stderr
    assert not any(word in done.stderr for word in ("Traceback", "BrokenPipe", "Exception ignored"))
    assert ("1" if command == "up" else "0") == made


def test_a_step_whose_progress_can_not_be_asked_still_shows_its_time(legacy_database: CrmDatabase) -> None:
    shown: list[str] = []

    async def long_step() -> None:
        connection = await asyncpg.connect(legacy_database.owner_url)
        watch = Watch("postgresql://nobody@127.0.0.1:1/none", shown.append, every_s=0.05)
        async with watch.over(connection, "Backfill"):
            await connection.execute("SELECT pg_sleep(0.3)")
        await connection.close()

    asyncio.run(long_step())

    assert {"    0 s  Backfill", ""} == set(shown)


@pytest.mark.parametrize("is_terminal", [True, False])
def test_only_a_terminal_is_told(legacy_database: CrmDatabase, tmp_path: Path, is_terminal: bool) -> None:
    """An old transaction holds the build up until the terminal has shown it."""
    checkout = make_checkout(tmp_path / "project")
    checkout.names("devtest", legacy_database)
    ours, theirs = pty.openpty() if is_terminal else os.pipe()
    said = b""

    with (
        open_transaction(legacy_database, OLD_SNAPSHOT) as holder,
        subprocess.Popen(
            checkout.command("migrate", "up", "--env", "devtest", LINKS.name),
            cwd=checkout.folder,
            env=checkout.environment(),
            stdout=theirs,
        ) as run,
    ):
        os.close(theirs)
        while piece := read(ours):
            said += piece
            if b"for process" in said or (not is_terminal and b"Indexes: " in said):
                holder.terminate()
    os.close(ours)

    assert 0 == run.returncode
    assert SUCCESS in said.decode()
    assert is_terminal == (b": waiting for old snapshots" in said)
    assert is_terminal == (b"\x1b" in said)


def read(end: int) -> bytes:
    """Return what comes next; nothing at the end, which a terminal reports as an error."""
    try:
        return os.read(end, 65_536)
    except OSError:
        return b""
