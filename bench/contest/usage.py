"""What contestants use of the machine: processor time and memory of their processes and of their database sessions."""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bench.crms import Crm

_SESSIONS = """
SELECT pid FROM pg_stat_activity
 WHERE datname = current_database() AND pid <> pg_backend_pid()
   AND backend_type IN ('client backend', 'parallel worker')
"""


@dataclass(frozen=True, slots=True)
class Used:
    """Processor seconds that processes have taken since they began, by their ids."""

    server: dict[int, float]
    postgres: dict[int, float]

    def since(self, before: Used) -> tuple[float, float]:
        """Return the processor seconds of the server and of PostgreSQL since then."""
        return _since(self.server, before.server), _since(self.postgres, before.postgres)


def used(pid: int, crm: Crm) -> Used:
    """Read what a contestant's processes and all sessions of the database have taken."""
    sessions = [int(line) for line in crm.psql_as_admin("-c", _SESSIONS).splitlines()]
    return Used(_seconds(_tree(pid)), _seconds(_processes(sessions)))


def memory_bytes(pid: int) -> int:
    """Return the resident memory of a process and its children."""
    total = 0
    for process in _tree(pid):
        with suppress(psutil.NoSuchProcess):
            total += process.memory_info().rss
    return total


def _tree(pid: int) -> list[psutil.Process]:
    root = psutil.Process(pid)
    return [root, *root.children(recursive=True)]


def _processes(pids: Iterable[int]) -> list[psutil.Process]:
    found = []
    for pid in pids:
        with suppress(psutil.NoSuchProcess):
            found.append(psutil.Process(pid))
    return found


def _seconds(processes: Iterable[psutil.Process]) -> dict[int, float]:
    found = {}
    for process in processes:
        with suppress(psutil.NoSuchProcess, OSError):
            found[process.pid] = _seconds_of(process)
    return found


def _seconds_of(process: psutil.Process) -> float:
    """Return what a process and its threads have taken; on Linux to the nanosecond, else in steps of 10 ms."""
    if not sys.platform.startswith("linux"):
        times = process.cpu_times()
        return times.user + times.system
    # The id of a process's clock, as clock_getcpuclockid(3) makes it; Python has no name for that.
    return time.clock_gettime(~process.pid << 3 | 2)


def _since(now: dict[int, float], before: dict[int, float]) -> float:
    return sum(seconds - before.get(pid, 0.0) for pid, seconds in now.items())
