"""The life of the embedded server's processes: attach to them, start them, stop them.

Whoever calls `attach_or_start` or `stop` holds the home's `lock`.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import socket
import stat
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from db import embedded_account, embedded_cluster, embedded_keeper
from db.embedded_home import is_free, open_lock
from errors import HomeUnusable, ServerNotStarted, ServerStuck

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from db.embedded_account import Account
    from db.embedded_binaries import Binaries
    from db.embedded_home import Home

# Only the last part of the socket's name: the server listens on no port.
PORT = 5432

# Recovery after a crash takes seconds; a server that needs longer than this isn't starting at all.
START_PATIENCE_S = 60

# A socket's path holds 103 bytes on macOS and 107 on Linux, and a home can be longer than that.
SOCKETS = Path("/tmp")  # noqa: S108  the folder made in it is private, and its owner is checked


@dataclass(frozen=True, slots=True)
class _Postmaster:
    """What a running server says about itself in `postmaster.pid`."""

    pid: int
    socket_dir: Path
    is_ready: bool


def attach_or_start(
    home: Home, binaries: Binaries, account: Account, *, durable: bool, settings: Mapping[str, str]
) -> Path:
    """Return the socket folder of a server that answers, starting one if none of its processes is left.

    Raises ServerNotStarted, ServerStuck, ServerDataIncompatible, HomeUnusable.
    """
    for _ in _until(START_PATIENCE_S):
        if is_free(home.alive):
            return _start(home, binaries, account, durable=durable, settings=settings)
        running = _postmaster(home)
        if running and running.is_ready and _answers(running.socket_dir):
            return running.socket_dir
    raise ServerStuck(
        f"The PostgreSQL server of {home.data} runs but hasn't answered for {START_PATIENCE_S} seconds. "
        f"Its log is {home.log}; end its processes and start again."
    )


def stop(home: Home, socket_dir: Path) -> None:
    """Shut the server down and return when all its processes are gone. Raises ServerStuck."""
    if not _is_ended(home):
        raise ServerStuck(
            f"The PostgreSQL server of {home.data} doesn't stop. End its processes; its log is {home.log}."
        )
    # The keeper's work, but the keeper may have been killed.
    embedded_keeper.remove(socket_dir)


def _is_ended(home: Home) -> bool:
    for number, patience_s in embedded_keeper.STOP_SIGNALS:
        if is_free(home.alive):
            return True
        running = _postmaster(home)
        if running:
            _signal(running.pid, number)
        if any(is_free(home.alive) for _ in _until(patience_s)):
            return True
    return False


def _start(home: Home, binaries: Binaries, account: Account, *, durable: bool, settings: Mapping[str, str]) -> Path:
    alive_fd = open_lock(home.alive)
    log_end = home.log.stat().st_size if home.log.exists() else 0
    try:
        # Inherited by initdb, the keeper and every process of the server: it stays locked until the last one ends.
        fcntl.flock(alive_fd, fcntl.LOCK_EX)
        embedded_cluster.ensure(home.data, binaries, account, alive_fd=alive_fd, durable=durable)
        # Left by a server that was killed. None of its processes is alive, but another process may have its number
        # by now, and PostgreSQL would refuse to start beside that one.
        (home.data / "postmaster.pid").unlink(missing_ok=True)
        socket_dir = _private_folder(home, account)
        server = [str(binaries.folder / "postgres"), *_settings(socket_dir, durable=durable, overruling=settings)]
        _launch(home, socket_dir, server, account, alive_fd)
    except (OSError, subprocess.CalledProcessError) as exc:
        raise ServerNotStarted(
            f"PostgreSQL can't be started on {home.data}: {exc}. "
            "Make room there, or set TASKLINE_HOME to another folder, and start again."
        ) from exc
    finally:
        os.close(alive_fd)
    return _when_ready(home, log_end)


def _launch(home: Home, socket_dir: Path, server: Sequence[str], account: Account, alive_fd: int) -> None:
    """Start the keeper and return when it has taken over."""
    with ExitStack() as stack:
        data, descriptors = stack.enter_context(embedded_account.reachable(home.data, account))
        users_fd = open_lock(home.users)
        stack.callback(os.close, users_fd)
        identity = f"{account.uid}:{account.gid}" if account.is_other else ""
        keeper = [sys.executable, "-I", "-S", embedded_keeper.__file__]
        subprocess.run(
            [*keeper, str(users_fd), str(home.log), str(socket_dir), identity, *server, "-D", data],
            cwd="/",
            env=embedded_account.ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=True,
            # Ctrl-C in the terminal is for us; the server is stopped when we have left it.
            start_new_session=True,
            pass_fds=(users_fd, alive_fd, *descriptors),
        )


def _when_ready(home: Home, log_end: int) -> Path:
    for _ in _until(START_PATIENCE_S):
        running = _postmaster(home)
        if running and running.is_ready and _answers(running.socket_dir):
            return running.socket_dir
        if is_free(home.alive):
            raise ServerNotStarted(
                f"PostgreSQL doesn't start on {home.data}: {_last_words(home.log, log_end)}. "
                f"The whole story is in {home.log}."
            )
    raise ServerStuck(f"PostgreSQL on {home.data} isn't ready after {START_PATIENCE_S} seconds. Look into {home.log}.")


def _settings(socket_dir: Path, *, durable: bool, overruling: Mapping[str, str]) -> list[str]:
    """Return the server's settings as arguments: modest, local, and always those of this release."""
    settings = {
        "cluster_name": "taskline",
        "listen_addresses": "",
        "port": str(PORT),
        "unix_socket_directories": str(socket_dir),
        "unix_socket_permissions": "0700",
        "max_connections": "100",
        "shared_buffers": "64MB",
        "max_wal_size": "256MB",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_checkpoints": "off",
        "logging_collector": "off",
        "log_destination": "stderr",
    }
    if not durable:  # thrown away after the tests, some of which prepare a transaction
        settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        settings["max_prepared_transactions"] = "4"
    settings |= overruling
    return [argument for name, value in settings.items() for argument in ("-c", f"{name}={value}")]


def _private_folder(home: Home, account: Account) -> Path:
    """Make the folder of the socket: the same one for the same home, and nobody else's."""
    digest = hashlib.sha256(os.fsencode(home.folder)).hexdigest()[:12]
    folder = SOCKETS / f"taskline-{account.uid}-{digest}"
    try:
        folder.mkdir(mode=0o700)
        embedded_account.give(folder, account)
    except FileExistsError:
        found = folder.lstat()
        is_private = stat.S_ISDIR(found.st_mode) and not stat.S_IMODE(found.st_mode) & 0o077
        if not is_private or found.st_uid != account.uid:
            raise HomeUnusable(
                f"{folder}, where the database's socket belongs, isn't a private folder of user {account.uid}. "
                "Remove it, or set TASKLINE_HOME to another folder."
            ) from None
        # Left by a server that was killed together with its keeper. See `postmaster.pid` above.
        for leftover in folder.iterdir():
            leftover.unlink()
    return folder


def _postmaster(home: Home) -> _Postmaster | None:
    """Read the server's pid file (its lines: source `miscadmin.h`), or None while it is missing or half written."""
    try:
        lines = os.fsdecode((home.data / "postmaster.pid").read_bytes()).splitlines()
    except FileNotFoundError:
        return None
    if len(lines) < 8:
        return None
    return _Postmaster(pid=int(lines[0]), socket_dir=Path(lines[4]), is_ready=lines[7].strip() == "ready")


def _answers(socket_dir: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(str(socket_dir / f".s.PGSQL.{PORT}"))
        except OSError:
            return False
    return True


def _signal(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _last_words(log: Path, start: int) -> str:
    """Return the server's reason for giving up, from what it wrote after the first `start` bytes."""
    written = log.read_bytes() if log.exists() else b""
    # A log shorter than before is a new one.
    lines = written[start if start <= len(written) else 0 :].decode(errors="replace").splitlines()
    fatal = re.findall(r"(?:FATAL|PANIC): +(.+)", "\n".join(lines))
    return (fatal or lines or ["it wrote nothing; the disk may be full"])[-1]


def _until(patience_s: float) -> Iterator[None]:
    """Yield at once and then every few milliseconds until the time is over."""
    deadline = time.monotonic() + patience_s
    while True:
        yield
        if time.monotonic() > deadline:
            return
        time.sleep(0.005)
