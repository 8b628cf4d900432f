"""Runs the statements of one migration file and turns the server's errors into ours."""

from __future__ import annotations

import re
import time
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import asyncpg

from errors import MigrationBlocked, MigrationFailed, MigrationRefused
from migrations.runner.connections import LOST, words_of

if TYPE_CHECKING:
    from errors import TasklineError
    from migrations.runner.files import MigrationFile
    from migrations.runner.progress import Watch
    from migrations.runner.sessions import Say
    from migrations.runner.splitter import Statement

TRIED, NOT_PROVEN = "✅ tried: ", "⚠️ not proven: "  # how these lines of a report begin
NO_ROW = f"{NOT_PROVEN}behaviour: lead_interactions has no row"  # the one that stands for all of them then
_REPORT = re.compile(r"COPY\s*\((?P<query>.+)\)\s*TO\s+STDOUT", re.DOTALL)
_INDEX = re.compile(
    r"(?:CREATE(?: UNIQUE)?|DROP) INDEX CONCURRENTLY(?: IF (?:NOT )?EXISTS)? (?P<name>\w+)", re.IGNORECASE
)
_ESCAPE = re.compile(r"\\(.)")
_ESCAPED = {"t": "\t", "n": "\n", "r": "\r", "b": "\b", "f": "\f", "v": "\v"}

# What the files raise on purpose, as against a fault.
_REFUSALS = (
    asyncpg.ObjectNotInPrerequisiteStateError,
    asyncpg.UndefinedTableError,
    asyncpg.ActiveSQLTransactionError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InsufficientPrivilegeError,
)
_NO_ROOM = (asyncpg.DiskFullError, asyncpg.OutOfMemoryError)
_BLOCKED = (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError)


@dataclass(frozen=True, slots=True)
class StepRun:
    """One step of a file, and how long it took."""

    name: str
    duration_ms: int


@dataclass(frozen=True, slots=True)
class FileRun:
    """What a file did so far: the steps that have ended, and the lines of its report."""

    file: str
    steps: list[StepRun] = field(default_factory=list)
    report: list[str] = field(default_factory=list)

    @property
    def proof(self) -> list[str]:
        """The lines of the report that say what was tried out, and what couldn't be."""
        return [line for line in self.report if line.startswith((TRIED, NOT_PROVEN))]


class _Steps:
    """Says each step when it begins, and adds it to `taken` when it has ended."""

    def __init__(self, version: int, taken: list[StepRun], say: Say) -> None:
        self._version = version
        self._taken = taken
        self._say = say
        self._started = self._since = time.monotonic()
        self._name = ""

    def reach(self, name: str) -> None:
        """Go to a step; the one before has ended. A part of the step that we are in is no other."""
        if self._name.startswith(name):
            return
        now = time.monotonic()
        if self._name:
            self._taken.append(StepRun(self._name, round((now - self._since) * 1_000)))
        self._name, self._since = name, now
        self._say(f"{self._version:03} +{now - self._started:.2f} s  {name}")


async def run_file(
    connection: asyncpg.Connection, file: MigrationFile, into: FileRun, say: Say, watch: Watch | None = None
) -> None:
    """Send every statement by itself, with a line per step; reports go to `say` line by line.

    What is done is in `into`, after an error too. Raises MigrationRefused, MigrationBlocked or MigrationFailed; errors
    of a lost connection come through as they are.
    """
    steps = _Steps(file.version, into.steps, say)
    for statement in file.statements:
        steps.reach(step := _step(statement))
        try:
            async with watch.over(connection, step) if watch else nullcontext():
                lines = await _send(connection, statement)
        except LOST:
            raise
        except asyncpg.PostgresError as exc:
            raise translated(exc, file, statement) from exc
        for line in lines:
            say(line)
        into.report.extend(lines)
    steps.reach("done")


def _step(statement: Statement) -> str:
    index = _INDEX.match(statement.text)
    return f"{statement.step}: {index['name']}" if index else statement.step


async def _send(connection: asyncpg.Connection, statement: Statement) -> list[str]:
    """Return what the statement has to say: a report's lines, or an echo."""
    if statement.is_echo:
        return [statement.text]
    if not (report := _REPORT.fullmatch(statement.text)):
        await connection.execute(statement.text)
        return []
    received = bytearray()

    async def keep(chunk: bytes) -> None:
        received.extend(chunk)

    await connection.copy_from_query(report["query"], output=keep)
    lines = received.decode().split("\n")[:-1]  # each ends with a newline; there may be none
    return [_ESCAPE.sub(lambda escape: _ESCAPED.get(escape[1], escape[1]), line) for line in lines]


def translated(exc: asyncpg.PostgresError, file: MigrationFile, statement: Statement) -> TasklineError:
    """Return the error of ours that says what the server said to a statement of a file."""
    said = words_of(exc)
    if isinstance(exc, _BLOCKED):  # asked first: the driver counts a lock among wrong states
        return MigrationBlocked(f"{file.name}: {said}\nRun it again: it goes on where it stopped.")
    if isinstance(exc, _REFUSALS):
        return MigrationRefused(f"{file.name}: {said}")
    room = "Make room on the server, then run" if isinstance(exc, _NO_ROOM) else "Run"
    where = f"{file.name}, line {statement.line} (SQLSTATE {exc.sqlstate})"
    return MigrationFailed(f"{where}: {said}\n{room} it again: it goes on where it stopped.")
