"""What an application that knows nothing of the migrations does all day, in the words of the database at hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import asyncpg

from errors import MigrationRefused

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

INSERT, COMPLETE = "insert a task", "complete a task"

# The first group of the id of each row that a load writes: it is found again by the primary key, whatever else the
# table holds or lacks.
MARK = "7a5c11ad"

# Enough to spread the load over, few enough to find at once.
SAMPLE_ROWS = 500

# The columns that 041 brings: the old application never names them.
_UNKNOWN = {"contact_id", "account_id"}
_TASK = {
    "id": f"overlay(gen_random_uuid()::text PLACING '{MARK}' FROM 1)::uuid",
    "interaction_type": "'task'",
    "status": "'pending'",
    "scheduled_at": "now()",
    "created_at": "now()",
}
_DONE = {"status": "'completed'", "completed_at": "now()"}
_RANDOM = {"text": "gen_random_uuid()::text", "character varying": "left(gen_random_uuid()::text, 18)"}

_COLUMNS = """
SELECT a.attname AS name, a.atttypid::regtype::text AS type, a.attnotnull AS is_required,
       EXISTS (SELECT FROM pg_index i
                WHERE i.indrelid = a.attrelid AND i.indisunique AND a.attnum = ANY (i.indkey)) AS is_unique
  FROM pg_attribute a
 WHERE a.attrelid = $1::text::regclass AND a.attnum > 0 AND NOT a.attisdropped
   AND a.attgenerated = '' AND a.attidentity <> 'a'
 ORDER BY a.attnum
"""
_LEAD_TABLE = """
SELECT coalesce((SELECT k.confrelid
                   FROM pg_constraint k JOIN pg_attribute a ON a.attrelid = k.conrelid AND k.conkey = ARRAY[a.attnum]
                  WHERE k.contype = 'f' AND k.conrelid = to_regclass('lead_interactions') AND a.attname = 'lead_id'
                  LIMIT 1),
                to_regclass('leads'))::regclass::text
"""


@dataclass(frozen=True, slots=True)
class Operation:
    """One kind of statement; `$1` in it is one of `ids`. Those of COMPLETE are the tasks that the load inserted."""

    kind: str
    sql: str
    ids: Sequence[UUID]


async def operations(connection: asyncpg.Connection) -> list[Operation]:
    """Return the operations that work in this database now, each tried once and taken back.

    One that fails before any migration, say by a trigger that reads a dropped column, is left out: it tells nothing
    about the migration. Without a task of a lead as the pattern nothing is inserted or completed. Raises
    MigrationRefused if nothing is left.
    """
    leads = await connection.fetchval(_LEAD_TABLE)
    if leads is None or await connection.fetchval("SELECT to_regclass('contacts')") is None:
        raise MigrationRefused(
            "No load without the tables leads and contacts on the search path. Check the database's name."
        )
    patterns = await _patterns(connection, leads)
    contacts = [row["id"] for row in await connection.fetch(f"SELECT id FROM contacts LIMIT {SAMPLE_ROWS}")]  # noqa: S608 - a number of our own
    lead_ids = list({row["lead_id"] for row in patterns})
    candidates = [
        Operation(INSERT, await _insert(connection), [row["id"] for row in patterns]),
        Operation(COMPLETE, await _complete(connection), []),
        Operation(
            "read a lead's tasks",
            "SELECT * FROM lead_interactions WHERE lead_id = $1 AND interaction_type = 'task' LIMIT 50",
            lead_ids,
        ),
        Operation("read a contact", "SELECT * FROM contacts WHERE id = $1", contacts),
        Operation("touch a lead", await _touch(connection, leads), lead_ids),
        Operation("touch a contact", await _touch(connection, "contacts"), contacts),
    ]
    working = await _working(connection, candidates)
    if not working:
        raise MigrationRefused(
            "No statement of an application works in this database, or it has no rows. Fill it, or check the role."
        )
    return working


async def _patterns(connection: asyncpg.Connection, leads: str) -> list[asyncpg.Record]:
    """Return tasks of leads, with organization and lead in agreement where both name one."""
    tenant = "organization_id"
    tables = ("lead_interactions", leads)
    has_tenant = all([tenant in [c["name"] for c in await connection.fetch(_COLUMNS, table)] for table in tables])
    agree = f" AND l.{tenant} = t.{tenant}" if has_tenant else ""
    rows: list[asyncpg.Record] = await connection.fetch(
        f"SELECT t.id, t.lead_id FROM lead_interactions t JOIN {leads} l ON l.id = t.lead_id{agree} "  # noqa: S608 - names from the catalogue
        f"WHERE t.interaction_type = 'task' LIMIT {SAMPLE_ROWS}"
    )
    return rows


async def _insert(connection: asyncpg.Connection) -> str:
    """Copy a row, so that columns of which nobody told us are filled as they should be."""
    values: dict[str, str] = {}
    for column in await connection.fetch(_COLUMNS, "lead_interactions"):
        name, quoted = column["name"], _quoted(column["name"])
        if name in _TASK:
            values[quoted] = _TASK[name]
        elif column["is_required"] and column["is_unique"]:
            values[quoted] = _RANDOM.get(column["type"], "gen_random_uuid()")
        elif column["is_required"] or not (column["is_unique"] or name in _UNKNOWN or name == "completed_at"):
            values[quoted] = quoted
    return (
        f"INSERT INTO lead_interactions ({', '.join(values)}) "  # noqa: S608 - names from the catalogue
        f"SELECT {', '.join(values.values())} FROM lead_interactions WHERE id = $1 RETURNING id"
    )


async def _complete(connection: asyncpg.Connection) -> str:
    names = [column["name"] for column in await connection.fetch(_COLUMNS, "lead_interactions")]
    done = [f"{name} = {value}" for name, value in _DONE.items() if name in names] or ["lead_id = lead_id"]
    return f"UPDATE lead_interactions SET {', '.join(done)} WHERE id = $1"  # noqa: S608 - names of our own


async def _touch(connection: asyncpg.Connection, table: str) -> str:
    """Write a row as it is, by a column in no unique index: a lock on it, its triggers, and no other change."""
    columns = await connection.fetch(_COLUMNS, table)
    name = next((_quoted(column["name"]) for column in columns if not column["is_unique"]), "id")
    return f"UPDATE {table} SET {name} = {name} WHERE id = $1"  # noqa: S608 - names from the catalogue


async def _working(connection: asyncpg.Connection, candidates: list[Operation]) -> list[Operation]:
    working = []
    inserted: UUID | None = None
    trial = connection.transaction()
    await trial.start()
    try:
        for operation in candidates:
            ids = [inserted] if operation.kind == COMPLETE else operation.ids
            if not ids or ids[0] is None:
                continue
            try:
                async with connection.transaction():
                    returned = await connection.fetchval(operation.sql, ids[0])
            except asyncpg.PostgresError:
                continue
            inserted = returned if operation.kind == INSERT else inserted
            working.append(operation)
    finally:
        await trial.rollback()
    return working


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
