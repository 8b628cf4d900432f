"""Erasure: the name of a person goes from the log of events; the lines stay, and so do all counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from errors import MigrationRefused
from migrations.runner.connections import place
from migrations.runner.event_logs import event_logs
from migrations.runner.sessions import refuse_read_only, session

if TYPE_CHECKING:
    from uuid import UUID

    import asyncpg

    from migrations.runner.sessions import Say

ERASED = "[erased]"
TABLES = {"lead": "leads", "contact": "contacts"}
TEXTS = ("subject", "description", "outcome", "participants", "activity_metadata")
"""The columns of an interaction in which people write what they like."""

_RECORD = """
SELECT coalesce(nullif(concat_ws(' ', nullif(btrim(first_name), ''), nullif(btrim(last_name), '')), ''),
                nullif(btrim(company), ''), nullif(btrim(email), ''))
  FROM {table} WHERE id = $1
"""
_NAMES = "SELECT DISTINCT record_name FROM {log} WHERE record_id = $1 AND record_kind = $2 AND record_name IS NOT NULL"
# The last part is for interactions that were deleted while they were linked: no link of theirs was lost.
_INTERACTIONS = """
SELECT interaction_id FROM {log} WHERE record_id = $1 AND record_kind = $2
 UNION SELECT id FROM lead_interactions WHERE {kind}_id = $1
 UNION SELECT interaction_id FROM {log} WHERE $1::text IN (before ->> '{kind}_id', after ->> '{kind}_id')
"""
_FORGET = "UPDATE {log} SET record_name = NULL WHERE record_id = $1 AND record_kind = $2 AND record_name IS NOT NULL"
# As a whole word alone, so that Ann doesn't go from Hannah; in capitals or not, and however it is spaced.
_CLEAN = """
WITH escaped AS (SELECT regexp_replace($2::text, '([^\\w\\s])', '\\\\\\1', 'g') AS name),
     name AS (SELECT '(?<!\\w)' || regexp_replace(name, '\\s+', '\\\\s+', 'g') || '(?!\\w)' AS pattern FROM escaped)
UPDATE {log} SET before = before || {of_before}, after = after || {of_after}
  FROM name WHERE interaction_id = ANY ($1::uuid[])
   AND ({of_before} <> '{{}}' OR {of_after} <> '{{}}')
"""
# What is no text but JSON goes whole: a word taken out of it could leave no JSON.
_CLEANED = """coalesce((SELECT jsonb_object_agg(k, CASE WHEN jsonb_typeof({side} -> k) = 'string'
                                                      THEN regexp_replace({side} ->> k, pattern, $3, 'gi') ELSE $3 END)
    FROM unnest('{{{texts}}}'::text[]) AS k
   WHERE {side} ->> k ~* pattern), '{{}}')"""


@dataclass(frozen=True, slots=True)
class Erasure:
    """How many lines of the log lost a name, and in how many it stood in a text; whether the person is still there."""

    names: int
    texts: int
    is_still_there: bool


async def erase(url: str, kind: str, id_: UUID, say: Say) -> Erasure:
    """Take the names of a lead or a contact out of the log, in one transaction; again finds nothing more.

    A name goes where it is that of a link, and where it stands as a whole in a subject, description, outcome,
    participants or metadata of an interaction that was linked to the person. For those that are gone the whole log is
    read once. The CRM's own rows are not touched.
    Raises MigrationRefused where there is no log, and what `session` raises.
    """
    async with session(url, say) as connection:
        await refuse_read_only(connection, place(url))
        await connection.execute("SET row_security = off")  # an error rather than lines that are silently left out
        logs = await event_logs(connection, place(url))
        if not logs:
            raise MigrationRefused(f"{place(url)} has no log of events, so nothing was erased: 045 isn't in place.")
        async with connection.transaction():
            found = await connection.fetchrow(_RECORD.format(table=TABLES[kind]), id_)
            names = {found[0]} if found and found[0] else set()
            counts = [await _erase_in(connection, log.name, kind, id_, names) for log in logs]
    return Erasure(sum(c[0] for c in counts), sum(c[1] for c in counts), is_still_there=found is not None)


async def _erase_in(connection: asyncpg.Connection, log: str, kind: str, id_: UUID, names: set[str]) -> tuple[int, int]:
    """Return how many names and how many lines with texts were cleaned."""
    names = names | {row[0] for row in await connection.fetch(_NAMES.format(log=log), id_, kind)}
    ids = [row[0] for row in await connection.fetch(_INTERACTIONS.format(log=log, kind=kind), id_, kind)]
    sides = {f"of_{side}": _CLEANED.format(side=side, texts=",".join(TEXTS)) for side in ("before", "after")}
    texts = 0
    for name in sorted(names):
        texts += _number(await connection.execute(_CLEAN.format(log=log, **sides), ids, name, ERASED))
    return _number(await connection.execute(_FORGET.format(log=log), id_, kind)), texts


def _number(tag: str) -> int:
    """Return how many rows a command's tag, such as `UPDATE 3`, tells of."""
    return int(tag.rpartition(" ")[2])
