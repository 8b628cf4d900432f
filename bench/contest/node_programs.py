"""Contestants that run on Node.js: a copy of their folder, with what they need installed from its lock file."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from bench.contest.not_measured import NotMeasured

SOURCE = Path(__file__).parent.parent / "contestants" / "node"
LOCK, INSTALLED = "package-lock.json", "installed-lock.json"
INSTALL_S = 600


def program(file: str, home: Path) -> list[str]:
    """Return the command that runs one of the files, on a Node.js of its own version; installed on first use.

    Raises NotMeasured when it can't be installed.
    """
    folder = home / "node"
    folder.mkdir(parents=True, exist_ok=True)
    for source in SOURCE.iterdir():
        if source.is_file():
            shutil.copy(source, folder)
    lock, installed = (SOURCE / LOCK).read_bytes(), folder / INSTALLED
    if not installed.exists() or installed.read_bytes() != lock:
        _install(folder)
        installed.write_bytes(lock)
    return [str(folder / "node_modules" / "node" / "bin" / "node"), str(folder / file)]


def _install(folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise NotMeasured("it needs npm, which is not installed (`apt-get install npm` on Debian)")
    # One package of all, `node`, fetches its program by a script.
    command = [npm, "ci", "--loglevel=error", "--no-audit", "--no-fund"]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=INSTALL_S)
    except subprocess.TimeoutExpired as exc:
        raise NotMeasured(f"npm took longer than {INSTALL_S} s to install what it needs") from exc
    if done.returncode:
        raise NotMeasured(f"npm can't install what it needs: {' '.join(done.stderr.split())[:500]}")
