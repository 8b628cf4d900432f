"""`./taskline` itself and the environment that it makes, before any of our dependencies is there."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.deadlines import DEADLINE_S
from tests.demos import ROOT, environment

LAUNCHER = ROOT / "taskline"
LOCK = "requirements.lock"


def launch(
    home: Path, *arguments: str, launcher: Path = LAUNCHER, cwd: Path = ROOT
) -> subprocess.CompletedProcess[str]:
    """Run the launcher with an environment that is ready: the Python that runs these tests."""
    python = home / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    shutil.copy(ROOT / LOCK, home / "venv")
    return subprocess.run(
        [launcher, *arguments], env=environment(home), capture_output=True, text=True, check=False, cwd=cwd
    )


def make(folder: Path, root: Path) -> subprocess.Popen[str]:
    """Start making an environment, in a process group of its own, as in a terminal."""
    command = [sys.executable, "-I", str(ROOT / "commands" / "environment.py"), str(folder), str(root), LOCK]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)


@pytest.fixture
def no_packages(tmp_path: Path) -> Path:
    """A root whose lock file asks for nothing."""
    (tmp_path / LOCK).write_text("# nothing\n")
    return tmp_path


@pytest.mark.slow
def test_modules_of_the_callers_folder_are_not_imported(tmp_path: Path) -> None:
    for name in ("settings.py", "errors.py", "click.py", "venv.py"):
        (tmp_path / name).write_text("raise SystemExit('not yours')")

    done = launch(tmp_path / "home", "token", "--role", "user", cwd=tmp_path)

    assert "There is no demo" in done.stderr


@pytest.mark.slow
def test_a_link_to_it_works_from_anywhere(tmp_path: Path) -> None:
    (tmp_path / "a link").symlink_to(LAUNCHER)

    done = launch(tmp_path / "home", launcher=tmp_path / "a link", cwd=tmp_path)

    assert (0, True) == (done.returncode, "  demo " in done.stdout), done.stderr


def test_a_missing_python_is_named(tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("dirname", "readlink", "cmp"):
        found = subprocess.run(["/bin/sh", "-c", f"command -v {name}"], capture_output=True, text=True, check=True)
        (tools / name).symlink_to(found.stdout.strip())

    done = subprocess.run(
        ["/bin/sh", LAUNCHER, "demo"],
        env={"PATH": str(tools), "TASKLINE_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert "Python 3.11" in done.stderr


def test_a_folder_with_a_colon_is_one_clear_sentence(tmp_path: Path) -> None:
    root = tmp_path / "12:30"
    root.mkdir()
    shutil.copy(LAUNCHER, root)

    done = launch(tmp_path / "home", "demo", launcher=root / "taskline")

    assert (1, 1) == (done.returncode, done.stderr.count("\n"))
    assert "12:30" in done.stderr
    assert "colon" in done.stderr


def test_a_home_with_a_colon_is_one_clear_sentence(tmp_path: Path) -> None:
    making = make(tmp_path / "12:30" / "venv", ROOT)

    _, said = making.communicate(timeout=DEADLINE_S)

    assert (1, 1) == (making.returncode, said.count("\n"))
    assert "TASKLINE_HOME" in said


@pytest.mark.slow
def test_ctrl_c_while_the_environment_is_made_is_quiet_and_the_next_start_makes_it_anew(no_packages: Path) -> None:
    folder = no_packages / "venv"
    making = make(folder, no_packages)
    deadline = time.monotonic() + DEADLINE_S
    while not (folder / "bin" / "python").exists():  # after that it has no pip for seconds
        assert time.monotonic() < deadline
        time.sleep(0.01)

    os.killpg(making.pid, signal.SIGINT)
    said = making.communicate(timeout=DEADLINE_S)[1]
    again = make(folder, no_packages)
    said_again = again.communicate(timeout=DEADLINE_S)[1]

    assert (130, 1) == (making.returncode, said.count("\n")), said
    assert "Making a Python environment" in said
    assert "Making a Python environment" in said_again
    assert again.returncode == 0, said_again
