"""The operating-system account that PostgreSQL runs as: ours, or an unprivileged one when we are root."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from errors import ServerNotStarted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

# In order of preference; PostgreSQL refuses to run as root, and every Unix has the second.
UNPRIVILEGED_NAMES = ("postgres", "nobody")

# Nothing of the caller's environment reaches the server: PGDATA, PGOPTIONS or a locale could change what it does.
# TZ also spares initdb the search for the machine's time zone.
ENVIRONMENT = {"LC_ALL": "C", "PATH": "/usr/bin:/bin", "TZ": "UTC"}


@dataclass(frozen=True, slots=True)
class Account:
    """Who runs the server; `is_other` when that isn't the user of this process."""

    uid: int
    gid: int
    is_other: bool


def ours() -> Account:
    """Return the account of this process, root or not."""
    return Account(os.geteuid(), os.getegid(), is_other=False)


def choose(data: Path) -> Account:
    """Return our own account, or as root the owner of the data folder, or the first unprivileged one that exists.

    Raises ServerNotStarted.
    """
    if os.geteuid() != 0:
        return ours()
    # PostgreSQL runs only as the owner of its data: perhaps an ordinary user who now calls us by sudo.
    if data.is_dir() and (owner := data.stat()).st_uid != 0:
        return Account(owner.st_uid, owner.st_gid, is_other=True)
    for name in UNPRIVILEGED_NAMES:
        with suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Account(entry.pw_uid, entry.pw_gid, is_other=True)
    raise ServerNotStarted(
        f"PostgreSQL doesn't run as root, and this system has no user {' or '.join(UNPRIVILEGED_NAMES)}. "
        "Run Taskline as an ordinary user, or set DATABASE_URL to a PostgreSQL server of your own."
    )


def give(path: Path, account: Account) -> None:
    """Make the account the owner of a file or folder that we created."""
    if account.is_other:
        os.chown(path, account.uid, account.gid)


@contextmanager
def reachable(folder: Path, account: Account) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield a path to `folder` that the account can open, and the descriptors its process must inherit.

    Root's folders are often closed to everyone else (`mktemp -d` makes 0700), and widening a mode isn't ours to do.
    Linux resolves `/proc/self/fd/N` to the open folder itself, so its parents need no permission at all. Elsewhere
    the plain path is all there is, and PostgreSQL's own words tell when it can't be opened.
    """
    if not (account.is_other and sys.platform == "linux"):
        yield str(folder), ()
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}", (descriptor,)
    finally:
        os.close(descriptor)


def run(command: Sequence[str], account: Account, *, pass_fds: Sequence[int] = ()) -> subprocess.CompletedProcess[str]:
    """Run a short command as the account, away from the terminal, and return its output.

    The working folder is `/`: PostgreSQL up to 15 must be able to return to it. Raises ServerNotStarted.
    """
    try:
        return subprocess.run(
            command,
            cwd="/",
            env=ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
            start_new_session=True,
            pass_fds=pass_fds,
            user=account.uid if account.is_other else None,
            group=account.gid if account.is_other else None,
            extra_groups=[] if account.is_other else None,
        )
    except PermissionError as exc:
        if not account.is_other:
            raise
        raise ServerNotStarted(
            f"PostgreSQL doesn't run as root, and this process may not run {command[0]} as user {account.uid}: "
            f"{exc.strerror}. Run Taskline as an ordinary user, or set DATABASE_URL to a server of your own."
        ) from exc
