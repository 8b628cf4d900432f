"""Users of embedded servers, in this process and in others, for the tests of the embedded server."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from db import embedded
from db.embedded import EmbeddedServer
from db.embedded_home import Home, is_free
from tests.databases import psql

ROOT = Path(__file__).parent.parent

# A process that uses the server of the home in its first argument until its standard input ends.
USER = """
import sys
from pathlib import Path
from db import embedded
from errors import TasklineError
binaries = Path(sys.argv[2]) if len(sys.argv) > 2 else None
try:
    with embedded.start(Path(sys.argv[1]), binaries=binaries, durable=False) as server:
        print(server.url(), flush=True)
        sys.stdin.read()
except TasklineError as error:
    sys.exit(f"{error.code}: {error}")
except KeyboardInterrupt:
    sys.exit(130)
"""


def start(home: Path) -> EmbeddedServer:
    return embedded.start(home, durable=False)


def ask(server: EmbeddedServer, sql: str) -> str:
    return psql(server, server.url(), "-c", sql)


def postmaster(home: Path) -> psutil.Process:
    return psutil.Process(int((home / "postgres" / "postmaster.pid").read_text().splitlines()[0]))


def is_stopped(home: Path) -> bool:
    return is_free(Home.open(home).alive)


@contextmanager
def user_process(home: Path) -> Iterator[subprocess.Popen[str]]:
    """Yield a process, in a group of its own, that uses the server; whatever is left of it is killed at the end."""
    with subprocess.Popen(
        [sys.executable, "-c", USER, str(home)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        process_group=0,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def address_printed_by(process: subprocess.Popen[str]) -> str:
    """Wait until the process uses the server, and return the server's address."""
    assert process.stdout is not None
    return process.stdout.readline().strip()
