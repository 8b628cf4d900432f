"""Looks for all row checks of a table in one scan, and fetches samples of what it finds."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import asyncpg

from migrations.doctor.findings import Finding
from migrations.doctor.reference_checks import JOINS, Kind, RowCheck, reference_checks, tenant_checks
from migrations.doctor.value_checks import value_checks
from migrations.runner.connections import LOST, words_of

if TYPE_CHECKING:
    from collections.abc import Iterable

_ALIASED = re.compile(r"\b([a-z]+)\.([a-z_]+)")
_COLUMNS = """
SELECT t.name || '.' || a.attname AS place, format_type(a.atttypid, NULL) AS type, a.attnotnull AS is_required
  FROM unnest($1::text[]) AS t(name)
  JOIN pg_attribute a ON a.attrelid = to_regclass(t.name) AND a.attnum > 0 AND NOT a.attisdropped
"""
# A reference that a validated key keeps needn't be looked at.
_KEPT = """
SELECT t.name || '.' || a.attname AS place
  FROM unnest($1::text[]) AS t(name)
  JOIN pg_constraint k ON k.conrelid = to_regclass(t.name) AND k.contype = 'f' AND k.convalidated
  JOIN pg_attribute a ON a.attrelid = k.conrelid AND k.conkey = ARRAY[a.attnum]
"""


@dataclass(frozen=True, slots=True)
class Columns:
    """`types` is `{table.column: type}`; then the columns that may not be null, and those that a foreign key keeps."""

    types: dict[str, str]
    required: frozenset[str]
    kept: frozenset[str]


async def columns(connection: asyncpg.Connection) -> Columns:
    """Return the columns of all tables that checks are about. 2 statements."""
    tables = sorted({*JOINS, *(target for joins in JOINS.values() for target, _ in joins.values())})
    rows = await connection.fetch(_COLUMNS, tables)
    kept = await connection.fetch(_KEPT, tables)
    return Columns(
        {row["place"]: row["type"] for row in rows},
        frozenset(row["place"] for row in rows if row["is_required"]),
        frozenset(row["place"] for row in kept),
    )


async def row_findings(connection: asyncpg.Connection) -> tuple[list[Finding], list[str]]:
    """Return what is found in rows, and what couldn't be looked at.

    Cost: a scan of each of 6 tables and what it refers to, and 1 statement per finding.
    """
    known = await columns(connection)
    found: list[Finding] = []
    gaps: list[str] = []
    for table in JOINS:
        checks = list(_possible(table, known))
        if not checks:
            continue
        try:
            async with connection.transaction():
                found += await _scan(connection, table, checks, known)
        except LOST:
            raise
        except asyncpg.PostgresError as exc:
            gaps.append(f"the rows of {table}: {words_of(exc)}")
    return found, gaps


def _possible(table: str, known: Columns) -> Iterable[RowCheck]:
    """Yield a table's checks whose tables and columns are there, with types that can be compared."""
    is_disputed = "taskline_disputed_interactions.interaction_id" in known.types
    for check in (*value_checks(), *tenant_checks(), *reference_checks()):
        if check.table != table or (check.kind is Kind.REFERENCE and check.place in known.kept):
            continue
        condition = check.condition.replace(
            "{undisputed}", " AND disputed.interaction_id IS NULL" if is_disputed else ""
        )
        wanted = replace(check, condition=condition)
        if _needed(wanted) <= known.types.keys() and _can_compare(wanted, known):
            yield wanted


def _joined(check: RowCheck) -> dict[str, tuple[str, str, str]]:
    """Return `{alias: (table, its key, what is compared with it)}` of what the condition names."""
    return {
        alias: (target, "interaction_id" if alias == "disputed" else "id", value)
        for alias, (target, value) in JOINS[check.table].items()
        if f"{alias}." in check.condition
    }


def _needed(check: RowCheck) -> set[str]:
    joined = _joined(check)
    tables = {"t": check.table, **{alias: target for alias, (target, _, _) in joined.items()}}
    named = [*_ALIASED.findall(check.condition), *((alias, key) for alias, (_, key, _) in joined.items())]
    named += [("t", value.removeprefix("t.")) for _, _, value in joined.values()]
    return {f"{check.table}.id", *check.needs, *(f"{tables[a]}.{column}" for a, column in named if a in tables)}


def _can_compare(check: RowCheck, known: Columns) -> bool:
    pairs = [
        (f"{target}.{key}", f"{check.table}.{value.removeprefix('t.')}")
        for target, key, value in _joined(check).values()
    ]
    return all(known.types[one] == known.types[other] for one, other in pairs) and (
        check.kind is not Kind.INSTANT or known.types[check.place].startswith("timestamp")
    )


def _source(table: str, checks: Iterable[RowCheck]) -> str:
    joins = {alias: join for check in checks for alias, join in _joined(check).items()}
    return f"{table} t" + "".join(
        f" LEFT JOIN {target} {alias} ON {alias}.{key} = {value}" for alias, (target, key, value) in joins.items()
    )


async def _scan(connection: asyncpg.Connection, table: str, checks: list[RowCheck], known: Columns) -> list[Finding]:
    counts = ", ".join(f"count(*) FILTER (WHERE {check.condition})" for check in checks)
    row = await connection.fetchrow(f"SELECT {counts} FROM {_source(table, checks)}")
    return [await _finding(connection, check, count, known) for check, count in zip(checks, row, strict=True) if count]


async def _finding(connection: asyncpg.Connection, check: RowCheck, count: int, known: Columns) -> Finding:
    rows = f"FROM {_source(check.table, [check])} WHERE {check.condition}"
    samples = [str(row[0]) for row in await connection.fetch(f"SELECT t.id {rows} LIMIT 3")]
    remedy = check.remedy.replace("{those}", f"t.id IN (SELECT t.id {rows})").replace("{sample}", samples[0])
    if f"SET {check.column} = NULL" in remedy and check.place in known.required:
        remedy = f"ALTER TABLE {check.table} ALTER COLUMN {check.column} DROP NOT NULL; {remedy}"
    return Finding(check.severity, check.place, check.words, remedy, count, samples)
