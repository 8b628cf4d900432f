"""What the runner did in a database: a row per file and run in `taskline_migrations`, which only the owner may read."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from errors import MigrationRefused

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    import asyncpg

_FIND = "SELECT to_regclass('taskline_migrations') IS NOT NULL"
_MAKE = """
CREATE TABLE IF NOT EXISTS taskline_migrations (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  run_id      uuid NOT NULL,
  version     integer NOT NULL,
  file        text NOT NULL,
  hash        text NOT NULL,
  outcome     text NOT NULL,
  started_at  timestamptz NOT NULL,
  duration_ms integer NOT NULL,
  fingerprint text NOT NULL,
  proof       text[] NOT NULL DEFAULT '{}'
)
"""
# A ledger of an earlier version has no such column. Asked first: the server would give a notice of it.
_HAS_PROOF = """
SELECT EXISTS (SELECT FROM pg_attribute
                WHERE attrelid = to_regclass('taskline_migrations') AND attname = 'proof' AND NOT attisdropped)
"""
_ADD_PROOF = "ALTER TABLE taskline_migrations ADD COLUMN IF NOT EXISTS proof text[] NOT NULL DEFAULT '{}'"
_REVOKE = """
DO $$
DECLARE
  grantee text;
BEGIN
  FOR grantee IN SELECT DISTINCT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END
                   FROM pg_class c, aclexplode(c.relacl) a
                  WHERE c.oid = to_regclass('taskline_migrations') AND a.grantee <> c.relowner LOOP
    EXECUTE format('REVOKE ALL ON taskline_migrations FROM %s', grantee);
  END LOOP;
END $$
"""
# Who may create in the schema could otherwise act with our rights by a table of this name.
_DISTRUST = """
SELECT CASE
         WHEN c.relkind <> 'r' THEN 'no ordinary table'
         WHEN pg_get_userbyid(c.relowner) <> current_user
              AND NOT coalesce(pg_has_role(c.relowner, li.relowner, 'MEMBER'),
                               (SELECT rolsuper FROM pg_roles WHERE oid = c.relowner))
         THEN format('a table of %s', pg_get_userbyid(c.relowner))
         WHEN EXISTS (SELECT FROM pg_trigger WHERE tgrelid = c.oid AND NOT tgisinternal)
              OR EXISTS (SELECT FROM pg_rewrite WHERE ev_class = c.oid) THEN 'a table with triggers or rules'
         WHEN EXISTS (SELECT FROM (SELECT c.relacl UNION ALL SELECT attacl FROM pg_attribute WHERE attrelid = c.oid)
                                    AS l(acl), aclexplode(l.acl) a
                       WHERE a.privilege_type <> 'SELECT' AND a.grantee <> c.relowner
                         AND (a.grantee = 0 OR NOT coalesce(pg_has_role(a.grantee, li.relowner, 'MEMBER'), false)))
         THEN 'a table that others may change' END
  FROM pg_class c LEFT JOIN pg_class li ON li.oid = to_regclass('lead_interactions')
 WHERE c.oid = to_regclass('taskline_migrations')
"""
_WRITE = """
INSERT INTO taskline_migrations (run_id, version, file, hash, outcome, started_at, duration_ms, fingerprint,
                                 proof)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
# A failed run changes nothing about what was recorded before it.
_LATEST = """
SELECT DISTINCT ON (version) run_id, version, file, hash, outcome, started_at, duration_ms, fingerprint,
       ARRAY(SELECT jsonb_array_elements_text(to_jsonb(m)->'proof')) AS proof
  FROM taskline_migrations m WHERE outcome <> 'failed' ORDER BY version, id DESC
"""
_MAY_READ = "SELECT coalesce(has_table_privilege(to_regclass('taskline_migrations'), 'SELECT'), false)"
_FAILED = """
SELECT DISTINCT ON (bad.file) bad.file, bad.started_at
  FROM taskline_migrations bad
 WHERE bad.outcome = 'failed'
   AND NOT EXISTS (SELECT FROM taskline_migrations good
                    WHERE good.version = bad.version AND good.outcome <> 'failed' AND good.id > bad.id)
 ORDER BY bad.file, bad.id DESC
"""


class Outcome(StrEnum):
    """How a file ended."""

    APPLIED = "applied"
    BASELINED = "baselined"
    """It was there before the runner came, and was never run."""
    ADOPTED = "adopted"
    """Somebody made it by other means: when it ran it found nothing left to change, and its proof held."""
    ROLLED_BACK = "rolled back"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Entry:
    """One file in one run."""

    run_id: UUID
    version: int
    file: str
    hash: str
    outcome: Outcome
    started_at: datetime
    duration_ms: int
    fingerprint: str
    proof: list[str] = field(default_factory=list)
    """What its report said of the tasks that were tried out, or couldn't be, line by line."""


async def latest(connection: asyncpg.Connection) -> dict[int, Entry]:
    """Return `{version: its last entry that didn't fail}`, without what was rolled back; empty without a ledger.

    Raises MigrationRefused if somebody else put a table in the ledger's place.
    """
    if not await connection.fetchval(_FIND):
        return {}
    await _refuse_planted(connection)
    entries = [Entry(**{**dict(row), "outcome": Outcome(row["outcome"])}) for row in await connection.fetch(_LATEST)]
    return {entry.version: entry for entry in entries if entry.outcome is not Outcome.ROLLED_BACK}


async def failed(connection: asyncpg.Connection) -> dict[str, datetime]:
    """Return `{file: when it began}` for those whose last run failed; empty without a ledger that this role may read.

    A rollback that failed counts for its own file only; one that went well ends the matter.
    """
    if not await connection.fetchval(_MAY_READ):
        return {}
    return {row["file"]: row["started_at"] for row in await connection.fetch(_FAILED)}


async def record(connection: asyncpg.Connection, entry: Entry) -> None:
    """Write an entry, making the ledger first if there is none. Raises as `latest` does."""
    if not await connection.fetchval(_FIND):
        async with connection.transaction():
            await connection.execute(_MAKE)
            await connection.execute(_REVOKE)
    await _refuse_planted(connection)
    if not await connection.fetchval(_HAS_PROOF):
        await connection.execute(_ADD_PROOF)
    await connection.execute(
        _WRITE,
        entry.run_id,
        entry.version,
        entry.file,
        entry.hash,
        entry.outcome.value,
        entry.started_at,
        entry.duration_ms,
        entry.fingerprint,
        entry.proof,
    )


async def distrust(connection: asyncpg.Connection) -> str | None:
    """Return why what stands in the ledger's place isn't trusted; None if it is, or if nothing stands there."""
    found = await connection.fetchval(_DISTRUST)
    return found and (
        f"found {found}, expected an ordinary table that its owner alone may change: others could act with the rights "
        "of who migrates"
    )


async def _refuse_planted(connection: asyncpg.Connection) -> None:
    if why := await distrust(connection):
        raise MigrationRefused(
            f"taskline_migrations: {why}. Look at it, drop or rename it, and run this again: what is in place is "
            "recorded anew."
        )
