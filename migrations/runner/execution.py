"""Runs the statements of one migration file and turns the server's errors into ours."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import asyncpg

from errors import MigrationBlocked, MigrationFailed, MigrationRefused
from migrations.runner.connections import LOST, words_of

if TYPE_CHECKING:
    from errors import TasklineError
    from migrations.runner.files import MigrationFile
    from migrations.runner.sessions import Say
    from migrations.runner.splitter import Statement

_REPORT = re.compile(r"COPY\s*\((?P<query>.+)\)\s*TO\s+STDOUT", re.DOTALL)
_INDEX = re.compile(r"(?:CREATE|DROP) INDEX CONCURRENTLY(?: IF (?:NOT )?EXISTS)? (?P<name>\w+)", re.IGNORECASE)
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
_BLOCKED = (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError)


async def run_file(connection: asyncpg.Connection, file: MigrationFile, say: Say) -> None:
    """Send every statement by itself, with a line per step; reports go to `say` line by line.

    Raises MigrationRefused, MigrationBlocked or MigrationFailed; errors of a lost connection come through as they are.
    """
    started = time.monotonic()
    said = ""
    for statement in file.statements:
        if not said.startswith(step := _step(statement)):
            said = step
            say(f"{file.version:03} +{time.monotonic() - started:.2f} s  {step}")
        try:
            await _send(connection, statement, say)
        except LOST:
            raise
        except asyncpg.PostgresError as exc:
            raise translated(exc, file, statement) from exc
    say(f"{file.version:03} +{time.monotonic() - started:.2f} s  done")


def _step(statement: Statement) -> str:
    index = _INDEX.match(statement.text)
    return f"{statement.step}: {index['name']}" if index else statement.step


async def _send(connection: asyncpg.Connection, statement: Statement, say: Say) -> None:
    if statement.is_echo:
        say(statement.text)
    elif report := _REPORT.fullmatch(statement.text):
        received = bytearray()

        async def keep(chunk: bytes) -> None:
            received.extend(chunk)

        await connection.copy_from_query(report["query"], output=keep)
        for line in received.decode().split("\n")[:-1]:  # each ends with a newline; there may be none
            say(_ESCAPE.sub(lambda escape: _ESCAPED.get(escape[1], escape[1]), line))
    else:
        await connection.execute(statement.text)


def translated(exc: asyncpg.PostgresError, file: MigrationFile, statement: Statement) -> TasklineError:
    """Return the error of ours that says what the server said to a statement of a file."""
    said = words_of(exc)
    if isinstance(exc, _BLOCKED):  # asked first: the driver counts a lock among wrong states
        return MigrationBlocked(f"{file.name}: {said}\nRun it again: it goes on where it stopped.")
    if isinstance(exc, _REFUSALS):
        return MigrationRefused(f"{file.name}: {said}")
    where = f"{file.name}, line {statement.line} (SQLSTATE {exc.sqlstate})"
    return MigrationFailed(f"{where}: {said}\nRun it again: it goes on where it stopped.")
