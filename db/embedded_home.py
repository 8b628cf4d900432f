"""What the embedded server keeps in its home folder, and the three locks there.

The kernel releases a lock when its holder dies, however it dies, so that none is ever stale:

- `postgres.lock`: held while one process starts or leaves the server; the others wait their turn.
- `postgres.users`: held shared by every user of the server; whoever gets it alone is the last one.
- `postgres.alive`: held by the server's own processes; whoever gets it knows that none of them is left.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from errors import HomeUnusable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Home:
    """A folder that exists, that we can write to, and whose path has no symbolic link in it."""

    folder: Path

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Make the folder and its lock files where they are missing. Raises HomeUnusable."""
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            home = cls(folder.resolve(strict=True))
            for lock in (home.lock, home.users, home.alive):
                os.close(open_lock(lock))
            # Some network folders can't lock at all.
            is_free(home.lock)
        except OSError as exc:
            raise HomeUnusable(
                f"Taskline can't keep its database in {folder}: {exc.strerror}. "
                "Set TASKLINE_HOME to a folder that you can write to."
            ) from exc
        return home

    @property
    def data(self) -> Path:
        """The server's data folder."""
        return self.folder / "postgres"

    @property
    def log(self) -> Path:
        """The server's log; the one before it has `.1` after its name."""
        return self.folder / "postgres.log"

    @property
    def lock(self) -> Path:
        """Serializes starting and leaving."""
        return self.folder / "postgres.lock"

    @property
    def users(self) -> Path:
        """Counts the users."""
        return self.folder / "postgres.users"

    @property
    def alive(self) -> Path:
        """Tells whether any process of the server is left."""
        return self.folder / "postgres.alive"


def open_lock(path: Path) -> int:
    """Open a lock file for a lock of its own; children don't inherit the descriptor unless told to."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def try_lock(descriptor: int, operation: int) -> bool:
    """Take LOCK_EX or LOCK_SH if that's possible at once; a failed attempt can lose a lock held before."""
    try:
        fcntl.flock(descriptor, operation | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_free(path: Path) -> bool:
    """Tell whether nobody holds the lock at this moment."""
    descriptor = open_lock(path)
    try:
        return try_lock(descriptor, fcntl.LOCK_EX)
    finally:
        os.close(descriptor)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock alone, waiting for it as long as it takes."""
    descriptor = open_lock(path)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
