"""A server that is stopped midway, or is a standby: nothing is half done that the next run doesn't finish."""

import asyncio
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from db import embedded
from db.embedded_home import Home, is_free
from errors import MigrationRefused, MigrationServerUnreachable
from migrations.runner import apply, status
from migrations.runner.sessions import Say, session
from tests.conftest import PROGRAMS, versions
from tests.databases import CrmDatabase, fill_legacy
from tests.deadlines import eventually
from tests.embedded_users import postmaster
from tests.killed_runs import LEFTOVERS
from tests.migration_runs import by_runner

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=versions())
def home(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose server has a legacy CRM, and isn't running."""
    folder = tmp_path_factory.mktemp(f"own-{request.param}")
    (folder / "version").write_text(request.param)
    with running(folder) as crm:
        fill_legacy(crm)
    return folder


@contextmanager
def running(home: Path) -> Iterator[CrmDatabase]:
    with embedded.start(home, binaries=PROGRAMS[(home / "version").read_text()], durable=False) as server:
        yield CrmDatabase(server, "crm")


def ends_at(home: Path, phase: str, how: signal.Signals) -> Say:
    """Return what listens to a run, and stops its server when the phase is reached."""

    def say(words: str) -> None:
        if re.match(phase, words):
            postmaster(home).send_signal(how)
            assert eventually(lambda: is_free(Home.open(home).alive))

    return say


@pytest.mark.parametrize("how", [signal.SIGQUIT, signal.SIGINT], ids=["immediate", "fast"])
def test_a_server_that_is_stopped_midway_and_started_again_is_finished_by_the_next_run(
    home: Path, how: signal.Signals
) -> None:
    with running(home) as crm:
        crm.psql("DROP DATABASE IF EXISTS copy", url=crm.server.url())
        crm.psql("CREATE DATABASE copy TEMPLATE crm OWNER crm_owner", url=crm.server.url())
        copy = CrmDatabase(crm.server, "copy")
        with pytest.raises(MigrationServerUnreachable, match="was lost"):
            asyncio.run(apply.up(copy.owner_url, api_role="crm_app", say=ends_at(home, "041.*Indexes: .*account", how)))
        with pytest.raises(MigrationServerUnreachable, match="Can't reach the local socket"):
            by_runner(copy)

    with running(home) as crm:
        again = CrmDatabase(crm.server, "copy")
        by_runner(again, api_role="crm_app")

        assert "" == again.psql(LEFTOVERS)
        assert all(check.is_met for check in asyncio.run(status.verify(again.owner_url, print)))


def test_a_standby_is_refused_and_can_be_looked_at(home: Path) -> None:
    standby = home / "postgres" / "standby.signal"
    standby.touch()
    try:
        with running(home) as crm:
            with pytest.raises(MigrationRefused, match=r"is a standby, which is read-only\. Nothing was changed"):
                by_runner(crm)
            standings = asyncio.run(status.standings(crm.owner_url, print))
    finally:
        standby.unlink()

    assert ["in place, not recorded", *["not in place"] * 7] == [standing.words for standing in standings]


@pytest.mark.slow
@pytest.mark.parametrize("turns", range(4))
def test_a_connection_that_ends_between_two_statements_is_lost_in_plain_words(
    legacy_database: CrmDatabase, turns: int
) -> None:
    async def run() -> None:
        async with session(legacy_database.owner_url, lambda _: None) as connection:
            legacy_database.psql(f"SELECT pg_terminate_backend({connection.get_server_pid()}, 5000)")
            for _ in range(turns):  # of the event loop, which reads the server's last word and then the end
                await asyncio.sleep(0)
            await connection.execute("SELECT")

    with pytest.raises(MigrationServerUnreachable, match="was lost: ") as caught:
        asyncio.run(run())

    assert "state" not in str(caught.value)
