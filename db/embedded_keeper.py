"""The process between us and PostgreSQL: starts it, bounds its log, stops it when its last user is gone.

Run as a script on the bare standard library (`python -I -S`), so that it starts in milliseconds and survives whoever
started it. It ends when the last process of the server ends, and not before.
"""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import threading
import time
from pathlib import Path

# Two files of this size at most: the current log and the one before it.
MAX_LOG_BYTES = 1_000_000

# Fast shutdown, then immediate shutdown (recovery at the next start), then the kernel's; with patience in seconds.
STOP_SIGNALS = ((signal.SIGINT, 60), (signal.SIGQUIT, 10), (signal.SIGKILL, 5))


def main(users_fd: int, log: Path, socket_dir: Path, identity: str, command: list[str]) -> None:
    """Keep one server; `identity` is "uid:gid" to become before running it, or empty."""
    if os.fork():
        # The caller waits for this process only: it is left without a child to reap.
        os._exit(0)
    os.umask(0o077)
    # A server that held the users' lock would count as its own user.
    os.set_inheritable(users_fd, False)  # noqa: FBT003  the library's signature
    read_end, write_end = os.pipe()
    server_pid = os.fork()
    if server_pid == 0:
        _become_server(write_end, identity, command)
    os.close(write_end)
    # A machine that shuts down asks politely, and ends everything a little later.
    signal.signal(signal.SIGTERM, lambda *_: os.kill(server_pid, signal.SIGINT))
    threading.Thread(target=_stop_when_unused, args=(users_fd, server_pid), daemon=True).start()
    _keep_log(read_end, log)
    remove(socket_dir)
    os.waitpid(server_pid, 0)
    os._exit(0)


def _become_server(write_end: int, identity: str, command: list[str]) -> None:
    try:
        os.dup2(write_end, 1)
        os.dup2(write_end, 2)
        if identity:
            uid, gid = map(int, identity.split(":"))
            os.setgroups([])
            os.setgid(gid)
            os.setuid(uid)
        os.execv(command[0], command)  # noqa: S606  our own server, never a shell
    except OSError as exc:
        os.write(2, f"FATAL:  could not run {command[0]}: {exc.strerror}\n".encode())
    finally:
        os._exit(126)


def _stop_when_unused(users_fd: int, server_pid: int) -> None:
    # Each user holds the lock shared, and the kernel lets go of it even when the user is killed.
    fcntl.flock(users_fd, fcntl.LOCK_EX)
    for number, patience_s in STOP_SIGNALS:
        os.kill(server_pid, number)
        # The process ends as soon as the server does, and this thread with it.
        time.sleep(patience_s)


def _keep_log(read_end: int, log: Path) -> None:
    """Copy the server's words to the log until its last process has closed the pipe."""
    size = log.stat().st_size if log.exists() else 0
    while words := os.read(read_end, 65_536):
        # A full disk must not stop the reading: the server would wait for us.
        try:
            if size + len(words) > MAX_LOG_BYTES and size:
                log.replace(log.with_name(f"{log.name}.1"))
                size = 0
            with log.open("ab") as file:
                size += file.write(words)
        except OSError:
            continue


def remove(socket_dir: Path) -> None:
    """Remove the folder of a socket that nobody listens at any more."""
    # A server that was killed leaves its socket. What can't be removed is harmless, and the next start tries again.
    try:
        for leftover in socket_dir.iterdir():
            leftover.unlink()
        socket_dir.rmdir()
    except OSError:
        return


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4], sys.argv[5:])
