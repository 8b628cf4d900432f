"""Make the Python environment from a hashed lock file. Runs before any dependency exists: standard library only."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

LOCKS = ("requirements-dev.lock", "requirements.lock")  # the first holds all that the second holds
HALF_MADE = "half-made"  # a file that lies in the environment as long as it is being made


def main(folder: Path, root: Path, lock: str) -> int:
    """Bring `folder` up to date with the lock file; 0 when it is, 1 with a reason on standard error, 130 on Ctrl-C."""
    if os.pathsep in str(folder):
        return _fail(
            f"a Python environment can't lie in {folder}, because a colon divides the search path. "
            "Point TASKLINE_HOME to a folder without one, and run this again."
        )
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        # Two first starts at once (demo and test) take turns; the kernel frees the lock of a killed one.
        with folder.with_name(f"{folder.name}.lock").open("w") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)
            return 0 if _is_current(folder, root, lock) else _install(folder, root, lock)
    except OSError as exc:
        return _fail(
            f"can't write the Python environment to {folder}: {exc.strerror}. "
            "Point TASKLINE_HOME to a folder that you can write, and run this again."
        )
    except KeyboardInterrupt:
        return 130


def _is_current(folder: Path, root: Path, lock: str) -> bool:
    stamp = folder / lock
    return stamp.exists() and stamp.read_bytes() == (root / lock).read_bytes() and _works(folder)


def _works(folder: Path) -> bool:
    python = folder / "bin" / "python"
    if not python.exists() or (folder / HALF_MADE).exists():
        return False
    return subprocess.run([python, "-c", ""], check=False, capture_output=True).returncode == 0


def _install(folder: Path, root: Path, lock: str) -> int:
    started = time.monotonic()
    if not _works(folder):
        _say(f"Making a Python environment in {folder} (once) …")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        (folder / HALF_MADE).touch()
        venv.create(folder, with_pip=True)
        (folder / HALF_MADE).unlink()
    count = sum(not line.startswith((" ", "#")) for line in (root / lock).read_text().splitlines() if line)
    _say(f"Installing {count} packages from {lock}, each checked by its hash …")
    if not _run_pip(folder, root / lock, count):
        return _fail(
            f"the packages of {lock} could not be installed (pip's reason is above). "
            "Check the network, or the package index that pip is set to use, and run this again: "
            "what has been downloaded is kept."
        )
    for name in LOCKS[LOCKS.index(lock) :]:
        shutil.copyfile(root / name, folder / name)
    _say(f"The environment is ready after {time.monotonic() - started:.0f} s.")
    return 0


def _run_pip(folder: Path, lock: Path, count: int) -> bool:
    command = [str(folder / "bin" / "python"), "-P", "-m", "pip", "install", "--require-hashes", "--no-deps"]
    command += ["--only-binary=:all:", "--disable-pip-version-check", "--no-input", "--progress-bar=off"]
    seen = 0
    with (
        tempfile.TemporaryFile("w+") as complaints,  # shown only when pip fails: its warnings frighten newcomers
        subprocess.Popen([*command, "-r", str(lock)], stdout=subprocess.PIPE, stderr=complaints, text=True) as pip,
    ):
        for line in pip.stdout or ():
            seen += line.startswith(("Collecting ", "Requirement already satisfied"))
            _show_progress("unpacking …" if line.startswith("Installing") else f"{min(seen, count)} of {count}")
        if pip.wait():
            complaints.seek(0)
            _say(complaints.read())
    _show_progress("")
    return pip.returncode == 0


def _show_progress(text: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r  {text:<24}")
        sys.stderr.flush()


def _say(text: str) -> None:
    sys.stderr.write(f"\r{text}\n" if sys.stderr.isatty() else f"{text}\n")


def _fail(reason: str) -> int:
    _say(f"taskline: {reason}")
    return 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]))
