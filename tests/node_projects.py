"""Programs of other people that run on Node.js, installed from their lock file into a folder of the test run."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import NoReturn

import pytest

from db.embedded_home import locked

INSTALL_TIMEOUT_S = 300


def installed(project: Path, into: Path, *more: Path) -> Path:
    """Copy a project and more files of ours, once for all workers; install what it needs, and return the copy."""
    npm = shutil.which("npm")
    if not (npm and shutil.which("node")):
        cannot_run("Node.js and npm are not installed: `apt-get install nodejs npm` on Debian.")
    folder, finished = into / project.name, into / f"{project.name}.installed"
    with locked(into / f"{project.name}.lock"):
        if not finished.exists():
            shutil.copytree(project, folder, ignore=shutil.ignore_patterns("node_modules"), dirs_exist_ok=True)
            for file in more:
                shutil.copy(file, folder)
            done = ran([npm, "ci", "--loglevel=error", "--fetch-retries=0"], folder, timeout_s=INSTALL_TIMEOUT_S)
            if done.returncode:
                cannot_run(f"npm can't install {project.name}: {done.stderr}")
            finished.touch()
    return folder


def copied(project: Path, into: Path) -> Path:
    """Copy an installed project, so that a test may change its files; what was installed is shared."""
    copy = shutil.copytree(project, into / project.name, ignore=shutil.ignore_patterns("node_modules"))
    (copy / "node_modules").symlink_to(project / "node_modules")
    return copy


def ran(
    command: list[str], folder: Path, *, timeout_s: int = 60, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a command in a project's folder to its end; the project's own programs are found by name."""
    return subprocess.run(
        command,
        cwd=folder,
        env=_with_programs_of(folder) | environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=timeout_s,
    )


def cannot_run(reason: str) -> NoReturn:
    """Fail where everything must be tested, else say what was left out."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def _with_programs_of(folder: Path) -> dict[str, str]:
    programs = folder / "node_modules" / ".bin"
    return {**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "NO_COLOR": "1"}
