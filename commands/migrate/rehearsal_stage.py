"""Where `./taskline migrate rehearse` rehearses: a private folder, and in it a server, both gone afterwards."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from commands.progress import step
from db import embedded, embedded_account, embedded_binaries
from db.embedded_home import open_lock, try_lock
from errors import (
    HomeUnusable,
    RehearsalFailed,
    ServerBinariesMissing,
    ServerDataIncompatible,
    ServerNotStarted,
    ServerStuck,
)
from migrations.rehearsal.rehearsals import Stage

if TYPE_CHECKING:
    from collections.abc import Iterator

PREFIX = "taskline-rehearsal-"
LOCK = "rehearsal.lock"
_SERVER_FAILURES = (HomeUnusable, ServerBinariesMissing, ServerDataIncompatible, ServerNotStarted, ServerStuck)


@contextmanager
def stage(server_url: str | None) -> Iterator[Stage]:
    """Yield a place to rehearse: on the server named, or on one of our own. Raises RehearsalFailed.

    Ctrl-C, an ended terminal and a polite end of the process all clear it away; what a killed one left, the next does.
    """
    with _ended_like_ctrl_c(), _workshop() as workshop:
        try:
            if server_url:
                programs = embedded_binaries.locate(None, embedded_account.ours()).folder
                yield Stage(server_url, is_ours=False, programs=programs, workshop=workshop)
                return
            with step("Started a server for the rehearsal"):
                server = embedded.start(workshop / "server")
        except _SERVER_FAILURES as exc:
            raise RehearsalFailed(f"The server for the rehearsal could not be made. {exc}") from exc
        with server:
            yield Stage(server.url(), is_ours=True, programs=server.bin_dir, workshop=workshop)


@contextmanager
def _ended_like_ctrl_c() -> Iterator[None]:
    """Treat SIGTERM and SIGHUP as Ctrl-C: without it Python would end at once, and leave a copy of customers' data."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    for number in before:
        signal.signal(number, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _workshop() -> Iterator[Path]:
    """Make a folder that nobody else may read, and remove it at the end."""
    _clear_leftovers()
    try:
        folder, lock = _claimed()
    except OSError as exc:
        raise RehearsalFailed(
            f"No folder can be made in {tempfile.gettempdir()}: {exc.strerror}. Set TMPDIR to one you may write to."
        ) from exc
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _claimed() -> tuple[Path, int]:
    """Make a folder and take its lock; before that, another rehearsal may take it for left by a killed one."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        lock = open_lock(folder / LOCK)
        if try_lock(lock, fcntl.LOCK_EX) and (folder / LOCK).exists():
            return folder, lock
        os.close(lock)  # the other one removes it, or has done so


def _clear_leftovers() -> None:
    """Remove folders of our user's rehearsals that were killed: nobody holds their lock any more."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        lock = folder / LOCK
        if folder.is_symlink() or not lock.is_file() or folder.stat().st_uid != os.geteuid():
            continue
        descriptor = open_lock(lock)
        if try_lock(descriptor, fcntl.LOCK_EX):
            shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)
