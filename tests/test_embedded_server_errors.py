"""Each way in which the embedded server can't start is one sentence that says what to do."""

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from db import embedded, embedded_account, embedded_binaries, embedded_process
from db.embedded_home import Home, is_free, locked
from errors import HomeUnusable, ServerBinariesMissing, ServerDataIncompatible, ServerNotStarted, ServerStuck
from tests.embedded_users import ROOT, USER, ask, start

pytestmark = pytest.mark.slow


def test_a_home_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    home = tmp_path / "file" / "home"

    with pytest.raises(HomeUnusable) as error:
        start(home)

    assert str(error.value) == (
        f"Taskline can't keep its database in {home}: Not a directory. "
        "Set TASKLINE_HOME to a folder that you can write to."
    )


def test_a_folder_without_programs(tmp_path: Path) -> None:
    with pytest.raises(ServerBinariesMissing, match=r"holds no postgres and initdb.*pip install.*or set DATABASE_URL"):
        embedded.start(tmp_path, binaries=tmp_path)


def test_programs_that_this_machine_cannot_run(tmp_path: Path) -> None:
    for name in ("postgres", "initdb"):
        (tmp_path / name).write_bytes(b"\x7fELF of another machine")
        (tmp_path / name).chmod(0o755)

    with pytest.raises(ServerBinariesMissing, match=r"Exec format error.*or set DATABASE_URL"):
        embedded.start(tmp_path / "home", binaries=tmp_path)


def test_programs_in_a_path_that_initdb_cannot_use(tmp_path: Path) -> None:
    folder = tmp_path / "$HOME"
    folder.mkdir()
    for name in ("postgres", "initdb"):
        (folder / name).write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 18.0'")
        (folder / name).chmod(0o755)

    with pytest.raises(ServerBinariesMissing, match=r"Move Taskline to a folder without them"):
        embedded_binaries.locate(folder, embedded_account.ours())


def test_data_of_another_major_version_stays_as_it_is(tmp_path: Path) -> None:
    data = tmp_path / "postgres"
    data.mkdir()
    (data / "PG_VERSION").write_text("14\n")

    with pytest.raises(
        ServerDataIncompatible,
        match=r"made by PostgreSQL 14, and this is PostgreSQL 18\..*Save it by ./taskline backup",
    ):
        start(tmp_path)

    assert [path.name for path in data.iterdir()] == ["PG_VERSION"]


def test_a_folder_that_is_no_data_folder_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "diary.txt").write_text("mine")

    with pytest.raises(ServerDataIncompatible, match=r"isn't ours to delete. Move it away"):
        start(tmp_path)

    assert (tmp_path / "postgres" / "diary.txt").read_text() == "mine"


def test_a_lost_password_is_named_and_leaves_no_server_behind(tmp_path: Path) -> None:
    start(tmp_path).close()
    (tmp_path / "postgres" / "superuser_password").unlink()

    with pytest.raises(ServerDataIncompatible, match=r"superuser_password is missing.*Restore the file"):
        start(tmp_path)

    assert is_free(Home.open(tmp_path).alive)


def test_a_disk_that_fills_up_while_the_data_is_made(tmp_path: Path) -> None:
    # No file may grow beyond 1 MB: initdb meets that as it would meet a full disk.
    done = subprocess.run(
        [sys.executable, "-c", USER, str(tmp_path)],
        cwd=ROOT,
        input="",
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000)),
    )

    assert done.stderr.startswith(f"SERVER_NOT_STARTED: initdb could not make a database in {tmp_path}: ")
    assert done.stderr.endswith("Make room there, or set TASKLINE_HOME to another folder, and start again.\n")
    assert not list(tmp_path.glob("postgres*/"))


def test_a_server_that_gives_up_is_quoted(tmp_path: Path) -> None:
    start(tmp_path).close()
    with (tmp_path / "postgres" / "postgresql.conf").open("a") as file:
        file.write("work_mem = 'plenty'\n")

    with pytest.raises(ServerNotStarted, match=r'configuration file ".*" contains errors.*The whole story is in'):
        start(tmp_path)


def test_a_server_that_never_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded_process, "START_PATIENCE_S", 0.1)
    with locked(Home.open(tmp_path).alive), pytest.raises(ServerStuck, match=r"hasn't answered for 0.1 seconds"):
        start(tmp_path)


def test_a_socket_folder_that_is_not_ours_is_not_used(tmp_path: Path) -> None:
    with start(tmp_path) as server:
        folder = server.socket_dir
    folder.mkdir(mode=0o755)

    with pytest.raises(HomeUnusable, match=f"{folder}.*isn't a private folder"):
        start(tmp_path)

    folder.rmdir()
    with start(tmp_path) as server:
        assert ask(server, "SELECT 1") == "1"
