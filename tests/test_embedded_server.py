"""The embedded server: private, the same for every user of a home, gone with the last of them."""

import asyncio
import os
import re
import subprocess
from pathlib import Path

import asyncpg
import psutil
import pytest

from db import embedded
from errors import HomeUnusable, ServerBinariesMissing, ServerDataIncompatible, ServerNotStarted, ServerStuck
from tests.databases import psql
from tests.embedded_users import ROOT, address_printed_by, ask, is_stopped, postmaster, start, user_process

DOCUMENT = (ROOT / "docs" / "embedded-server.md").read_text()

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose data folder exists already, for tests that leave it as they found it."""
    folder = tmp_path_factory.mktemp("home")
    start(folder).close()
    return folder


def test_it_speaks_through_a_private_socket_only(home: Path) -> None:
    with start(home) as server:
        addresses = ask(server, "SHOW listen_addresses")

        assert addresses == ""
        assert server.socket_dir.stat().st_mode & 0o077 == 0
        assert len(os.fsencode(server.socket_dir / ".s.PGSQL.5432")) <= 103


def test_it_stores_unicode_and_sorts_by_code_point(home: Path) -> None:
    with start(home) as server:
        answer = ask(server, "SELECT encoding, datlocprovider, datlocale FROM pg_database WHERE datname = 'postgres'")

        assert answer == "6|b|C.UTF-8"


def test_a_wrong_password_is_refused(home: Path) -> None:
    async def connect(url: str) -> None:
        await asyncpg.connect(url)

    with start(home) as server, pytest.raises(asyncpg.InvalidPasswordError):
        asyncio.run(connect(server.url(password="wrong")))


def test_only_we_can_read_the_password(home: Path) -> None:
    assert (home / "postgres" / "superuser_password").stat().st_mode & 0o077 == 0


def test_psql_and_asyncpg_read_the_same_address(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def name(url: str) -> str:
        connection = await asyncpg.connect(url)
        try:
            return str(await connection.fetchval("SELECT current_user || ' in ' || current_database()"))
        finally:
            await connection.close()

    database, user, password = "a b/c?d&e=%41", "o'brien@home:1", "p@ss/w:rd?#%20"
    # Someone's own server must not win over the address.
    monkeypatch.setenv("PGHOST", "nowhere.test")
    monkeypatch.setenv("PGPORT", "1")
    with start(home) as server:
        ask(server, f"CREATE ROLE \"{user}\" LOGIN PASSWORD '{password}'")
        ask(server, f'CREATE DATABASE "{database}"')
        url = server.url(database, user, password=password)

        by_psql = psql(server, url, "-c", "SELECT current_user || ' in ' || current_database()")
        by_asyncpg = asyncio.run(name(url))

        assert by_psql == by_asyncpg == f"{user} in {database}"


def test_ctrl_c_in_our_terminal_does_not_reach_it(home: Path) -> None:
    with start(home):
        assert os.getsid(postmaster(home).pid) != os.getsid(0)
        assert os.getpgid(postmaster(home).pid) != os.getpgrp()


def test_its_log_stays_small(home: Path) -> None:
    with start(home) as server:
        ask(server, "DO $$ BEGIN FOR i IN 1..4000 LOOP RAISE LOG '%', repeat('x', 1000); END LOOP; END $$")
        ask(server, "SELECT 1")

    logs = sorted(home.glob("postgres.log*"))
    assert [log.name for log in logs] == ["postgres.log", "postgres.log.1"]
    assert all(log.stat().st_size <= 1_000_000 for log in logs)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("with spaces and 'quotes' \"both\"", id="quotes"),
        pytest.param("ünï-" * 15, id="unicode"),
        pytest.param("$HOME `id` \\", id="shell"),
    ],
)
def test_any_home_will_do(tmp_path: Path, name: str) -> None:
    with start(tmp_path / name / "deeper" / ("x" * 100)) as server:
        assert ask(server, "SELECT 1") == "1"


def test_the_last_to_leave_stops_it(home: Path) -> None:
    first = start(home)
    second = start(home)
    pid = postmaster(home).pid

    first.close()
    first.close()

    assert ask(second, "SELECT 1") == "1"
    second.close()
    assert not psutil.pid_exists(pid)
    assert is_stopped(home)
    assert not second.socket_dir.exists()


def test_starts_at_the_same_instant_make_one_server(tmp_path: Path) -> None:
    with user_process(tmp_path) as first, user_process(tmp_path) as second, user_process(tmp_path) as third:
        addresses = {address_printed_by(process) for process in (first, second, third)}
        keepers = [
            process.pid
            for process in psutil.process_iter(["cmdline"])
            if str(tmp_path / "postgres.log") in (process.info["cmdline"] or [])
        ]

        assert len(addresses) == 1
        assert len(keepers) == 1
        for process in (first, second, third):
            process.communicate()
    assert is_stopped(tmp_path)


def test_another_process_keeps_it_when_we_leave(home: Path) -> None:
    with start(home) as server, user_process(home) as other:
        assert address_printed_by(other) == server.url()

        server.close()

        assert ask(server, "SELECT 1") == "1"
        other.communicate()
    assert is_stopped(home)


@pytest.mark.parametrize(("durable", "fsync"), [(True, "on"), (False, "off")])
def test_it_is_safe_against_power_loss_unless_told_otherwise(home: Path, durable: bool, fsync: str) -> None:
    with embedded.start(home, durable=durable) as server:
        assert ask(server, "SHOW fsync") == fsync


def test_a_setting_of_its_caller_goes_before_its_own(home: Path) -> None:
    with embedded.start(home, settings={"shared_buffers": "32MB"}) as server:
        assert "32MB" == ask(server, "SHOW shared_buffers")


# == As documented ==


def test_the_documented_files_are_all_that_lies_in_a_home(home: Path) -> None:
    files = set(re.findall(r"`(postgres[./]\w*(?:\.1)?)`", DOCUMENT.split("## What survives")[0]))

    present = {f"{path.name}/" if path.is_dir() else path.name for path in home.iterdir()}

    assert present <= files
    assert files - present <= {"postgres/superuser_password", "postgres.log.1"}


def test_the_documented_codes_exist() -> None:
    codes = set(re.findall(r"^\| `([A-Z_]+)` \|", DOCUMENT, re.MULTILINE))

    assert codes == {
        error.code
        for error in (HomeUnusable, ServerBinariesMissing, ServerDataIncompatible, ServerNotStarted, ServerStuck)
    }


def test_the_documented_psql_command_logs_in(home: Path) -> None:
    command = DOCUMENT.split("```sh\n")[1].split("```")[0].strip()

    with start(home) as server:
        done = subprocess.run(
            ["/bin/sh", "-c", f"{command} -Atc 'SELECT current_user'"],
            env={"PATH": f"{server.bin_dir}:/usr/bin:/bin", "TASKLINE_HOME": str(home)},
            capture_output=True,
            text=True,
            check=False,
        )

    assert done.stdout == "postgres\n", done.stderr
