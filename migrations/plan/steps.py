"""The steps of a migration file, and which of them are left to do in a database."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncpg

    from migrations.runner.catalogue import Check

PLAN = Path(__file__).parent


class State(StrEnum):
    """What becomes of a step."""

    DONE = "done"
    WILL_DO = "will do"
    WILL_REPAIR = "will repair"
    """Something is there that neither the CRM nor the migration makes so."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step: its locks, each with its table and how it is waited for, and what is there against what is to be."""

    name: str
    state: State
    locks: list[str]
    found: str
    expected: str


def has_steps(version: int) -> bool:
    """Return whether a migration's steps are known."""
    return (PLAN / f"steps_{version:03}.sql").is_file()


async def steps_of(connection: asyncpg.Connection, version: int) -> list[Step]:
    """Return a migration's steps in order. The session must have the tools of its file. Reads only: 1 statement."""
    rows = await connection.fetch((PLAN / f"steps_{version:03}.sql").read_text(encoding="utf-8"))
    return [Step(row["step"], State(row["state"]), row["locks"], row["found"], row["expected"]) for row in rows]


def steps_by_checks(checks: list[Check], version: int) -> list[Step]:
    """Return the steps as far as the catalogue's checks show them, without locks: for where no tools can be made."""
    return [
        Step(check.name.partition(".")[2], State.DONE if check.is_met else State.WILL_DO, [], check.detail, "")
        for check in checks
        if check.migration == version
    ]
