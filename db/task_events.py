"""Events: what happened to interactions, as triggers wrote it down. Here they are only read."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import any_, func, literal_column, select
from sqlalchemy.dialects.postgresql import JSONB

from db.keyset import Key, Page, Window
from db.nested_pages import OWNER, OwnedNumber, OwnedPage, pages_of
from db.statements import Statement, compiled, of_tenant, uuids_argument
from db.tables import task_events

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import ColumnElement

    from db.engine import Record
    from db.sessions import Session

LINK_LOST = "link_lost"
MOST_LOST = 50  # links of one interaction; more than anybody ever lost, and a bound


class TaskEventRow(NamedTuple):
    """One thing that happened to one interaction.

    `before` and `after` are the columns that it is about, as JSON has them, all columns for a creation or a deletion;
    None where there was no row, or, in a line copied from the old history, where nothing is known of it.
    """

    seq: int
    task_id: UUID
    type: str
    at: datetime
    actor_id: UUID | None
    client_mutation_id: str | None
    before: Mapping[str, object] | None
    after: Mapping[str, object] | None
    record_kind: str | None
    record_id: UUID | None
    record_name: str | None
    is_copied: bool
    """From the old history: it was never told live, and never will be."""


class LostLinkRow(NamedTuple):
    """A link to a record that was deleted, with the name that the record had; None where it had none, or was erased."""

    kind: str
    record_id: UUID
    name: str | None
    lost_at: datetime


BY_TIME = (
    Key("at", "instant", task_events.c.at, is_descending=True, is_nullable=False),
    Key("seq", "sequence", task_events.c.seq, is_descending=True, is_nullable=False),
)


def _about(column: str) -> ColumnElement[object]:
    """Read of a row's jsonb only what changed: descriptions can be long."""
    part = f"(SELECT jsonb_object_agg(c, {column} -> c) FROM unnest(changed) AS c WHERE {column} ? c)"  # noqa: S608 - our own names
    return literal_column(
        f"CASE WHEN changed IS NULL OR {column} IS NULL THEN {column} ELSE coalesce({part}, '{{}}') END", JSONB
    )


COLUMNS = (
    task_events.c.seq,
    task_events.c.interaction_id,
    task_events.c.type,
    task_events.c.at,
    task_events.c.actor_id,
    task_events.c.client_mutation_id,
    _about("before").label("before"),
    _about("after").label("after"),
    task_events.c.record_kind,
    task_events.c.record_id,
    task_events.c.record_name,
    task_events.c.xid.is_(None).label("is_copied"),
)

_OF_INTERACTION = of_tenant(task_events), task_events.c.interaction_id == OWNER


async def pages_of_interactions(session: Session, ids: Sequence[UUID], *, window: Window) -> list[OwnedPage]:
    """Return for each interaction its page of events, newest first; those without one are absent. 1 statement."""
    return await pages_of(session, ids, select(*COLUMNS).where(*_OF_INTERACTION), BY_TIME, window)


async def counts_of_interactions(session: Session, ids: Sequence[UUID]) -> list[OwnedNumber]:
    """Count each interaction's events; those without one are absent. 1 statement."""
    return [OwnedNumber(*row) for row in await session.rows(_counts(), ids=ids)]


async def lost_links_of_interactions(session: Session, ids: Sequence[UUID]) -> list[OwnedPage]:
    """Return the links that each interaction has lost, latest first, at most MOST_LOST each. 1 statement."""
    columns = (
        task_events.c.record_kind,
        task_events.c.record_id,
        task_events.c.record_name,
        task_events.c.at.label("lost_at"),
    )
    query = select(*columns).where(*_OF_INTERACTION, task_events.c.type == literal_column(f"'{LINK_LOST}'"))
    return await pages_of(session, ids, query, BY_TIME, Window(limit=MOST_LOST))


def rows_of(page: Page) -> list[TaskEventRow]:
    """Read a page whose query selects COLUMNS first."""
    return [row_of(record) for record in page.records]


def lost_links_in(page: Page) -> list[LostLinkRow]:
    """Read a page of lost links: one for each record, the latest."""
    found = [LostLinkRow(*record[:4]) for record in page.records]
    return list({(link.kind, link.record_id): link for link in reversed(found)}.values())


def row_of(record: Record) -> TaskEventRow:
    """Read a record that begins with COLUMNS."""
    seq, task_id, type_, at, actor_id, client_mutation_id, before, after, *rest = record[: len(COLUMNS)]
    return TaskEventRow(
        seq,
        task_id,
        type_,
        at,
        actor_id,
        client_mutation_id,
        None if before is None else json.loads(before),
        None if after is None else json.loads(after),
        *rest,
    )


@cache
def _counts() -> Statement:
    of_ids = task_events.c.interaction_id == any_(uuids_argument("ids"))
    query = select(task_events.c.interaction_id, func.count()).where(of_tenant(task_events), of_ids)
    return compiled(query.group_by(task_events.c.interaction_id))
