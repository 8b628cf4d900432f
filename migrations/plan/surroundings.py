"""What a migration will meet in a database besides its own steps: sizes, transactions, what asks for a lead."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import asyncpg

from migrations.runner.splitter import split

SURROUNDINGS = Path(__file__).with_name("surroundings.sql")


@dataclass(frozen=True, slots=True)
class Table:
    """A table's size; `estimated_rows` is None before the first ANALYZE."""

    name: str
    estimated_rows: int | None
    table_bytes: int
    index_bytes: int


@dataclass(frozen=True, slots=True)
class Transaction:
    """A transaction that an index build waits for. What this user may not see of it is None."""

    pid: int
    user: str | None
    application: str | None
    age_seconds: float | None
    state: str | None
    locks: str | None
    query: str | None


@dataclass(frozen=True, slots=True)
class PreparedTransaction:
    """A transaction that waits for its COMMIT PREPARED; an index build waits for it, too."""

    name: str
    user: str
    age_seconds: float


@dataclass(frozen=True, slots=True)
class Objection:
    """A policy, check or trigger that asks for the lead."""

    kind: str
    name: str
    words: str


@dataclass(frozen=True, slots=True)
class Surroundings:
    """All of it; `hidden_sessions` counts those that this user may not look into, `gaps` says what couldn't be read."""

    tables: list[Table]
    transactions: list[Transaction]
    hidden_sessions: int
    prepared_transactions: list[PreparedTransaction]
    objections: list[Objection]
    gaps: list[str]


async def surroundings(connection: asyncpg.Connection, *, is_redacted: bool) -> Surroundings:
    """Look around; with `is_redacted` no query's text is returned. Reads only, any role: 5 statements."""
    rows: dict[str, list[dict[str, Any]]] = {}
    gaps: list[str] = []
    for statement in split(SURROUNDINGS.read_text(encoding="utf-8")):
        try:
            rows[statement.step] = [dict(row) for row in await connection.fetch(statement.text)]
        except (asyncpg.LockNotAvailableError, asyncpg.QueryCanceledError) as exc:
            rows[statement.step] = []
            gaps.append(f"{statement.step.lower()}: {exc}")
    transactions = [Transaction(**row) for row in rows["Transactions"]]
    return Surroundings(
        tables=[Table(**row) for row in rows["Tables"]],
        transactions=[replace(found, query=None) for found in transactions] if is_redacted else transactions,
        hidden_sessions=sum(row["n"] for row in rows["Hidden sessions"]),
        prepared_transactions=[PreparedTransaction(**row) for row in rows["Prepared transactions"]],
        objections=[Objection(**row) for row in rows["Objections"]],
        gaps=gaps,
    )
