"""Pruning: what is older than it is to be kept goes from the log of events, and keys of requests with it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from errors import MigrationBlocked, MigrationRefused
from migrations.runner.connections import place
from migrations.runner.event_logs import event_logs
from migrations.runner.sessions import LOCK_KEY, refuse_read_only, session

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime
    from uuid import UUID

    import asyncpg

    from migrations.runner.event_logs import EventLog
    from migrations.runner.sessions import Say

BATCH = 1_000
"""How many lines are looked at, and how many keys are deleted, in one transaction."""
TELL_S = 2.0

# By one step in an index for each, however many lines they have.
_ORGANIZATIONS = """
WITH RECURSIVE o (id) AS (
  (SELECT organization_id FROM {table} ORDER BY organization_id LIMIT 1)
   UNION ALL
  SELECT (SELECT t.organization_id FROM {table} t WHERE t.organization_id > o.id ORDER BY t.organization_id LIMIT 1)
    FROM o WHERE o.id IS NOT NULL
)
SELECT id FROM o WHERE id IS NOT NULL
"""
# A line that a restore has put here names a transaction of another cluster, later than the one that wrote the row. The
# same as in db/event_places.py, which this may not import; a test compares them.
IS_RESTORED = """
({line}.xid::text::bigint > n.next - mod(n.next - {line}.xmin::text::bigint, 4294967296))
"""
_NEXT = "(SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS next) AS n"
# A lost link's name is all that is left of it, so that line stays, but not what it says of the interaction.
_PRUNE = f"""
WITH looked AS MATERIALIZED (
  SELECT l.seq, l.at, l.type = 'link_lost' AS is_link, l.xid, {IS_RESTORED.format(line="l")} AS is_restored
    FROM {{log}} AS l CROSS JOIN {_NEXT}
   WHERE l.organization_id = $1 AND l.seq > $2
     AND l.type <> 'pruned' AND NOT (l.type = 'link_lost' AND l.before IS NULL)
   ORDER BY l.seq LIMIT {BATCH}
), old AS (
  SELECT * FROM looked WHERE at < $3
), gone AS (
  DELETE FROM {{log}} AS l USING old WHERE l.organization_id = $1 AND l.seq = old.seq AND NOT old.is_link RETURNING 1
), emptied AS (
  UPDATE {{log}} AS l SET before = NULL, after = NULL, changed = '{{{{}}}}'
    FROM old WHERE l.organization_id = $1 AND l.seq = old.seq AND old.is_link RETURNING 1
)
SELECT (SELECT max(seq) FROM looked) AS reached, (SELECT count(*) FROM looked) AS looked,
       (SELECT bool_or(xid IS NULL) FROM looked) AS has_copied,
       (SELECT count(*) FROM gone) AS lines, (SELECT count(*) FROM emptied) AS links,
       max(seq) FILTER (WHERE xid IS NOT NULL) AS seq, max(xid::text::bigint) FILTER (WHERE NOT is_restored) AS xid
  FROM old
"""  # noqa: S608 - our own words
# What readers need to know of what is gone: a line of no interaction with the last transaction and the last sequence.
_MARK = f"""
WITH had AS (
  UPDATE {{log}} AS l
     SET at = $2, after = jsonb_build_object('seq', greatest($3, (l.after ->> 'seq')::bigint)),
         xid = CASE WHEN {IS_RESTORED.format(line="l")} THEN $4::text::xid8 ELSE greatest($4::text::xid8, l.xid) END
    FROM {_NEXT}
   WHERE l.organization_id = $1 AND l.interaction_id = '00000000-0000-0000-0000-000000000000' AND l.type = 'pruned'
  RETURNING 1
)
INSERT INTO {{log}} (organization_id, interaction_id, type, at, after, xid)
SELECT $1, '00000000-0000-0000-0000-000000000000', 'pruned', $2, jsonb_build_object('seq', $3::bigint), $4::text::xid8
 WHERE NOT EXISTS (SELECT FROM had)
"""  # noqa: S608 - our own words
_KEYS = f"""
DELETE FROM taskline_idempotency_keys AS k USING (
  SELECT organization_id, user_id, operation, key FROM taskline_idempotency_keys
   WHERE organization_id = $1 AND created_at <= $2 ORDER BY created_at LIMIT {BATCH} FOR UPDATE SKIP LOCKED) AS old
 WHERE (k.organization_id, k.user_id, k.operation, k.key) = (old.organization_id, old.user_id, old.operation, old.key)
"""  # noqa: S608 - our own words


@dataclass(frozen=True, slots=True)
class Limits:
    """How long what is kept; None: for ever."""

    event_days: int | None
    key_hours: int


@dataclass(frozen=True, slots=True)
class Pruning:
    """What was pruned: lines of the log, lost links that kept a name alone, keys; and since when the log is whole."""

    lines: int
    links: int
    keys: int
    since: datetime | None


async def prune(url: str, limits: Limits, say: Say) -> Pruning:
    """Delete what is older than the limits, in batches with a commit each; broken off, what is done is done.

    Nobody waits for it: no row of the CRM is locked, and readers of the log see a batch go at once.
    Raises MigrationRefused where there is no log, MigrationBlocked beside another one, and what `session` raises.
    """
    async with session(url, say) as connection:
        await refuse_read_only(connection, place(url))
        if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", LOCK_KEY + 1):
            raise MigrationBlocked(f"{place(url)} is being pruned already. Nothing was changed: let that end.")
        await connection.execute("SET row_security = off")  # an error rather than lines that are silently left out
        logs = await event_logs(connection, place(url))
        if not any(log.is_read for log in logs):
            raise MigrationRefused(f"{place(url)} has no log of events, so nothing was pruned: 045 isn't in place.")
        lines = links = 0
        since = await _ago(connection, "days", limits.event_days)
        if since:
            told = time.monotonic()
            for log in logs:
                async for batch in _batches(connection, log, since):
                    lines, links = lines + batch["lines"], links + batch["links"]
                    if time.monotonic() - told > TELL_S:
                        say(f"{lines:,} lines pruned so far")
                        told = time.monotonic()
        return Pruning(lines, links, await _prune_keys(connection, limits.key_hours), since)


async def _ago(connection: asyncpg.Connection, unit: str, number: int | None) -> datetime | None:
    """Return the instant so long ago, by the server's clock."""
    if number is None:
        return None
    instant: datetime = await connection.fetchval(f"SELECT now() - make_interval({unit} => $1)", number)
    return instant


async def _batches(connection: asyncpg.Connection, log: EventLog, since: datetime) -> AsyncIterator[asyncpg.Record]:
    """Prune a log, one organization after the other, in the order of its lines, as long as there are old ones.

    Time and order differ by little, so a batch without an old line is the end; but what was copied from the older
    history stands in no order of time.
    """
    for organization in await connection.fetch(_ORGANIZATIONS.format(table=log.name)):
        reached = 0
        while True:
            async with connection.transaction():
                batch = await connection.fetchrow(_PRUNE.format(log=log.name), organization["id"], reached, since)
                if log.is_read and batch["seq"] is not None:
                    await _mark(connection, log.name, organization["id"], since, batch)
            yield batch
            if batch["looked"] < BATCH or not (batch["lines"] + batch["links"] or batch["has_copied"]):
                break
            reached = batch["reached"]


async def _mark(
    connection: asyncpg.Connection, log: str, organization_id: UUID, since: datetime, batch: asyncpg.Record
) -> None:
    last = str(batch["xid"] or 1)  # lines of another cluster are before all places of this one
    await connection.execute(_MARK.format(log=log), organization_id, since, batch["seq"], last)


async def _prune_keys(connection: asyncpg.Connection, hours: int) -> int:
    """Delete the keys that have expired; return how many."""
    expired, number = await _ago(connection, "hours", hours), 0
    for organization in await connection.fetch(_ORGANIZATIONS.format(table="taskline_idempotency_keys")):
        while True:
            tag = await connection.execute(_KEYS, organization["id"], expired)
            found = int(tag.rpartition(" ")[2])
            number += found
            if found < BATCH:
                break
    return number
