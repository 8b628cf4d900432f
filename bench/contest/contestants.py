"""Who takes part: how each is started, and what it is asked."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from bench.contest.data import ORGANIZATION, PERSON
from bench.contest.documents import MORE_QUERIES, QUERIES
from bench.contest.node_programs import program
from bench.contest.not_measured import NotMeasured
from bench.contestants import postgraphile_documents
from bench.crms import OWNER
from settings import variables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from bench.contest.documents import Document
    from bench.crms import Crm

ROOT = Path(__file__).parent.parent.parent
START_S, STOP_S = 60, 10
LIMIT, TASKLINE, ORM = "hand-written", "taskline", "strawberry-orm"


@dataclass(frozen=True, slots=True)
class Setting:
    """What contestants are started with."""

    crm: Crm
    home: Path
    """A folder for logs, and for what has to be installed."""
    token: str
    """For Taskline, the only one that asks who somebody is."""
    jwt_secret: str


@dataclass(frozen=True, slots=True)
class Contestant:
    """A way to build the API."""

    name: str
    what: str
    command: Callable[[Setting, int], list[str]]
    """What starts it on a port."""
    environment: Callable[[Setting], Mapping[str, str]] = lambda _: {}
    queries: Mapping[str, str] = field(default_factory=lambda: QUERIES)
    """What it is asked, by the documents' names."""
    plain: Callable[[object], object] = lambda data: data
    """How its data look in the names of Taskline's schema."""
    is_usual: bool = True
    """Whether it takes part without being named."""


def _node(file: str) -> Callable[[Setting, int], list[str]]:
    return lambda setting, port: [
        *program(file, setting.home),
        *(str(port), setting.crm.open_owner_url, str(ORGANIZATION), str(PERSON)),
    ]


def _python(module: str) -> Callable[[Setting, int], list[str]]:
    return lambda setting, port: [
        *(sys.executable, "-m", f"bench.contestants.{module}"),
        *(str(port), setting.crm.open_owner_url, str(ORGANIZATION), str(PERSON)),
    ]


def _as_owner(setting: Setting) -> dict[str, str]:
    return {"PGPASSWORD": setting.crm.server.secret(OWNER), "NODE_ENV": "production", "GRAPHILE_ENV": "production"}


def _served(setting: Setting) -> dict[str, str]:
    return {
        "DATABASE_URL": setting.crm.app_url,
        "TASKLINE_JWT_SECRET": setting.jwt_secret,
        "TASKLINE_VIEWER_REQUESTS_PER_MINUTE": "100000000",  # counted, and never too many
        "TASKLINE_HOME": str(setting.home),
    }


CONTESTANTS = (
    Contestant(
        TASKLINE,
        "everything on: token, row security, limits, log; one process",
        lambda _, port: [sys.executable, "-m", "commands", "serve", "--port", str(port)],
        _served,
        MORE_QUERIES,
    ),
    Contestant(
        "taskline-by-two",
        "the same by two workers",
        lambda _, port: [sys.executable, "-m", "commands", "serve", "--port", str(port), "--workers", "2"],
        _served,
        MORE_QUERIES,
        is_usual=False,
    ),
    Contestant(
        LIMIT,
        "Starlette, asyncpg, one SQL statement for each document; no GraphQL",
        _python("hand_written"),
        _as_owner,
        MORE_QUERIES,
    ),
    Contestant(ORM, "Strawberry, SQLAlchemy ORM, dataloaders", _python("strawberry_orm"), _as_owner),
    Contestant(
        "mercurius",
        "Mercurius with its JIT and the dataloader package, prepared statements on pg",
        _node("mercurius.mjs"),
        _as_owner,
    ),
    Contestant(
        "postgraphile",
        "PostGraphile 5 on the tables as they are, in production mode",
        _node("postgraphile.mjs"),
        _as_owner,
        postgraphile_documents.QUERIES,
        postgraphile_documents.plain,
    ),
)


@dataclass(frozen=True, slots=True)
class Running:
    """A contestant that answers."""

    contestant: Contestant
    port: int
    pid: int
    headers: bytes
    started: float
    """When its process was started, by `time.perf_counter`."""

    def request(self, document: Document, number: int, name: str = "") -> bytes:
        """Return the HTTP request that asks a document for the n-th time, or another one by the same values."""
        name = name or document.name
        asked = {
            "operationName": name,
            "query": self.contestant.queries[name],
            "variables": document.variables(number),
        }
        body = orjson.dumps(asked)
        return b"%s%d\r\n\r\n%s" % (self.headers, len(body), body)


@contextmanager
def running(contestant: Contestant, setting: Setting) -> Iterator[Running]:
    """Start a contestant, wait until it listens, and stop it at the end. Raises NotMeasured."""
    port, log = _free_port(), setting.home / f"{contestant.name}.log"
    # Nothing that is set for another Taskline reaches this one.
    clean = {name: value for name, value in variables().items() if not name.startswith(("TASKLINE_", "DATABASE_"))}
    command = contestant.command(setting, port)  # installs what is missing
    started = time.perf_counter()
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**clean, **contestant.environment(setting)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait_until_listening(process, port, log)
        yield Running(contestant, port, process.pid, _headers(port, setting.token), started)
    finally:
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _headers(port: int, token: str) -> bytes:
    lines = [
        "POST /graphql HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        "Content-Type: application/json",
        "Accept: application/json",
        f"Authorization: Bearer {token}",
        "Content-Length: ",
    ]
    return "\r\n".join(lines).encode()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
    return port


def _wait_until_listening(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    ends_at = time.monotonic() + START_S
    while process.poll() is None and time.monotonic() < ends_at:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    said = log.read_text(errors="replace").strip().splitlines()
    how = f"ended with {process.returncode}" if process.returncode is not None else f"didn't listen within {START_S} s"
    raise NotMeasured(f"it {how}: {said[-1] if said else 'it said nothing'} (all of it: {log})")
