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
