"""The embedded server comes back, or goes away, after every kind of violence."""

import os
import shutil
import signal
from pathlib import Path

import psutil
import pytest

from db import embedded
from tests.deadlines import eventually
from tests.embedded_users import address_printed_by, ask, is_stopped, postmaster, start, user_process

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose data folder exists already, for tests that leave it as they found it."""
    folder = tmp_path_factory.mktemp("home")
    start(folder).close()
    return folder


def test_ctrl_c_lets_the_last_user_stop_it_in_order(home: Path) -> None:
    with user_process(home) as user:
        address_printed_by(user)

        # What a terminal does: the signal goes to every process of the foreground group.
        os.killpg(user.pid, signal.SIGINT)
        user.wait()

        assert is_stopped(home)
    assert (home / "postgres.log").read_text().rstrip().endswith("database system is shut down")


def test_when_all_users_are_killed_it_stops_by_itself(home: Path) -> None:
    with user_process(home) as user:
        address_printed_by(user)
        pid = postmaster(home).pid

        user.kill()

        assert eventually(lambda: not psutil.pid_exists(pid))
    assert eventually(lambda: is_stopped(home))


def test_a_killed_user_does_not_take_it_from_the_others(home: Path) -> None:
    with start(home) as server, user_process(home) as user:
        address_printed_by(user)

        user.kill()
        user.wait()

        assert ask(server, "SELECT 1") == "1"


def test_without_its_keeper_it_is_adopted_by_the_next_start(home: Path) -> None:
    with user_process(home) as user:
        address_printed_by(user)
        server_process = postmaster(home)
        psutil.Process(server_process.ppid()).kill()
        user.kill()
        user.wait()
        assert server_process.is_running()

        with start(home) as server:
            assert ask(server, "SELECT 1") == "1"
            assert postmaster(home).pid == server_process.pid

    assert is_stopped(home)
    assert not server.socket_dir.exists()


def test_after_a_kill_of_the_server_the_next_start_has_all_that_was_committed(home: Path) -> None:
    first = embedded.start(home, durable=True)
    ask(first, "DROP TABLE IF EXISTS kept; CREATE TABLE kept AS SELECT 42 AS answer")

    postmaster(home).kill()

    assert eventually(lambda: is_stopped(home))
    with start(home) as second:
        assert ask(second, "SELECT answer FROM kept") == "42"
    first.close()


def test_stale_files_with_the_number_of_another_process_are_no_obstacle(home: Path, tmp_path: Path) -> None:
    with start(home) as server:
        socket_dir = server.socket_dir
    with start(tmp_path):
        # A process of the same account, so that PostgreSQL itself would take it for the files' owner.
        pid = postmaster(tmp_path).pid
        stale = f"{pid}\n{home / 'postgres'}\n1\n5432\n{socket_dir}\n\n  1 1\nready   \n"
        (home / "postgres" / "postmaster.pid").write_text(stale)
        socket_dir.mkdir(mode=0o700)
        (socket_dir / ".s.PGSQL.5432.lock").write_text(stale)
        for path in (socket_dir, socket_dir / ".s.PGSQL.5432.lock", home / "postgres" / "postmaster.pid"):
            shutil.chown(path, *psutil.Process(pid).uids()[:1])

        with start(home) as server:
            assert ask(server, "SELECT 1") == "1"
            assert postmaster(home).pid != pid


def test_a_server_killed_together_with_its_keeper_comes_back(home: Path) -> None:
    with start(home) as first:
        killed = postmaster(home)
        psutil.Process(killed.ppid()).kill()
        killed.kill()
        assert eventually(lambda: is_stopped(home))
        assert first.socket_dir.exists()

        with start(home) as second:
            assert ask(second, "SELECT 1") == "1"


def test_a_data_folder_half_made_is_made_anew(tmp_path: Path) -> None:
    unfinished = tmp_path / "postgres.unfinished"
    with user_process(tmp_path) as user:
        assert eventually((unfinished / "data" / "PG_VERSION").exists)
        user.kill()
        user.wait()

    with start(tmp_path) as server:
        assert ask(server, "SELECT 1") == "1"
    assert not unfinished.exists()
