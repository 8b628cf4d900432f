"""What the catalogue says about the schema: whether a migration is in place, and whether two schemas are the same."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncpg

READINESS = Path(__file__).parent.parent / "readiness.sql"

# Everything that the migrations touch, in the server's own words; what they and the runner keep for themselves is left
# out, by its name: taskline_… and …_rolled_back_041. So is the order in which things were made.
_SCHEMA = """
WITH ours AS MATERIALIZED (  -- first of all: to spell out the server's own tables and indexes, too, takes long
  SELECT oid, relname, relkind, relrowsecurity, relforcerowsecurity, relacl
    FROM pg_class
   WHERE relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = to_regclass('lead_interactions'))
     AND relname NOT LIKE 'taskline\\_%' AND relname NOT LIKE '%\\_rolled\\_back\\_041'
)
SELECT concat_ws(' ', kind, relation, detail) AS line FROM (
  SELECT 'column', c.relname, concat_ws(' ', a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
                                            a.attgenerated, pg_get_expr(d.adbin, d.adrelid))
    FROM ours c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
   WHERE c.relkind IN ('r', 'v')
   UNION ALL
  SELECT 'constraint', c.relname, concat_ws(' ', k.conname, pg_get_constraintdef(k.oid), k.convalidated)
    FROM ours c JOIN pg_constraint k ON k.conrelid = c.oid
   UNION ALL
  SELECT 'index', c.relname, concat_ws(' ', pg_get_indexdef(i.indexrelid), i.indisvalid)
    FROM ours c JOIN pg_index i ON i.indrelid = c.oid
   UNION ALL
  SELECT 'trigger', c.relname, concat_ws(' ', pg_get_triggerdef(t.oid), t.tgenabled)
    FROM ours c JOIN pg_trigger t ON t.tgrelid = c.oid AND NOT t.tgisinternal
   UNION ALL
  SELECT 'policy', c.relname, concat_ws(' ', p.polname, p.polcmd, p.polpermissive, p.polroles::regrole[],
                                            pg_get_expr(p.polqual, p.polrelid), 'check',
                                            pg_get_expr(p.polwithcheck, p.polrelid))
    FROM ours c JOIN pg_policy p ON p.polrelid = c.oid
   UNION ALL
  SELECT 'table', c.relname, concat_ws(' ', c.relrowsecurity, c.relforcerowsecurity,
                                           ARRAY(SELECT x::text FROM unnest(c.relacl) x ORDER BY 1))
    FROM ours c WHERE c.relkind IN ('r', 'v')
) AS s(kind, relation, detail) ORDER BY concat_ws(' ', kind, relation, detail) COLLATE "C"
"""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that a migration makes; its name begins with the migration's number."""

    name: str
    is_met: bool
    detail: str

    @property
    def migration(self) -> int:
        """The number of the migration that makes it."""
        return int(self.name.partition(".")[0])


async def readiness(connection: asyncpg.Connection) -> list[Check]:
    """Return every check of the quick half of `verify`, by name. Reads the catalogue only: 1 statement, any role."""
    rows = await connection.fetch(READINESS.read_text(encoding="utf-8"))
    return [Check(row["name"], row["is_met"], row["detail"]) for row in rows]


def is_in_place(checks: list[Check], migration: int) -> bool | None:
    """Return whether all checks of the migration are met; None if there is none for it."""
    own = [check.is_met for check in checks if check.migration == migration]
    return all(own) if own else None


async def fingerprint(connection: asyncpg.Connection) -> str:
    """Return a hash of the CRM's schema; equal schemas of one server version have equal hashes."""
    rows = await connection.fetch(_SCHEMA)
    return hashlib.sha256("\n".join(row["line"] for row in rows).encode()).hexdigest()
