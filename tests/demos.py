"""The command line as people start it: a process of its own, with a home of its own."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.deadlines import DEADLINE_S

ROOT = Path(__file__).parent.parent
UP = re.compile(r"Taskline is up at|TASKLINE_JWT_SECRET=… ./taskline serve")  # the last line of `serve`, of `demo`
ADDRESS = re.compile(r"http://[^\s/)]+")


def environment(home: Path, **more: str) -> dict[str, str]:
    """Return the environment without settings of whoever runs the tests; one person may ask as often as they like."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("TASKLINE_") and not name.endswith("DATABASE_URL")
    }
    own = {"TASKLINE_HOME": str(home), "TASKLINE_VIEWER_REQUESTS_PER_MINUTE": "0", "PYTHONPATH": str(ROOT)}
    return kept | own | {"COLUMNS": "100"} | more


def taskline(home: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run one command to its end."""
    command = [sys.executable, "-m", "commands", *arguments]
    return subprocess.run(
        command,
        env=environment(home, **more),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )


@dataclass(slots=True)
class Running:
    """A server process that is up."""

    process: subprocess.Popen[str]
    said: list[str]

    @property
    def text(self) -> str:
        return "".join(self.said)

    @property
    def url(self) -> str:
        found = ADDRESS.search(self.text)
        assert found, self.text
        return found[0]

    def wait_until(self, holds: Callable[[], bool]) -> None:
        """Return as soon as it holds; fail when the process ends before, or takes too long."""
        deadline = time.monotonic() + DEADLINE_S
        while not holds():
            assert self.process.poll() is None, self.text
            assert time.monotonic() < deadline, self.text
            time.sleep(0.01)

    def stop(self, how: signal.Signals = signal.SIGINT) -> int:
        """Send a signal to this process alone and wait for its end."""
        self.process.send_signal(how)
        return self.process.wait(DEADLINE_S)


@contextmanager
def running(home: Path, *arguments: str, **more: str) -> Iterator[Running]:
    """Start a server command and yield it once it says that it is up; stop it at the end if it still runs."""
    with starting(home, *arguments, **more) as started:
        started.wait_until(lambda: UP.search(started.text) is not None)
        yield started


@contextmanager
def starting(home: Path, *arguments: str, **more: str) -> Iterator[Running]:
    """Start a server command, in a process group of its own as in a terminal, and yield it at once."""
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "commands", *arguments],
        env=environment(home, **more),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        process_group=0,
    )
    started = Running(process, [])
    reader = threading.Thread(target=_read, args=(process, started.said), daemon=True)
    reader.start()
    try:
        yield started
    finally:
        if process.poll() is None:
            started.stop()
        reader.join(DEADLINE_S)
        if process.stdout:
            process.stdout.close()


def _read(process: subprocess.Popen[str], said: list[str]) -> None:
    for line in process.stdout or ():
        said.append(line)  # noqa: PERF402 - other threads read it while it grows
