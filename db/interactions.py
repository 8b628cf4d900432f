"""Interactions: calls, e-mails, meetings, notes, messages and tasks, all in the table lead_interactions."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Text, any_, cast, literal_column, select

from db.keyset import Key, Page
from db.partial_rows import partial_row
from db.statements import Statement, compiled, of_tenant, uuids_argument
from db.tables import interactions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import ColumnElement

    from db.sessions import Session

TASK = "task"


class InteractionRow(NamedTuple):
    """An interaction as stored: words that people or other programs wrote may be none of ours."""

    id: UUID
    kind: str
    occurs_at: datetime
    lead_id: UUID | None
    contact_id: UUID | None
    account_id: UUID | None
    assignee_id: UUID | None
    created_by_id: UUID | None
    subject: str | None
    description: str | None
    outcome: str | None
    status: str | None
    priority: str | None
    due_at: datetime | None
    completed_at: datetime | None
    created_at: datetime | None
    updated_at: datetime | None
    deleted_at: datetime | None
    version: str


# A trigger keeps occurs_at for every writer: the first of completed_at, scheduled_at and created_at that is there. A
# row with none of them stands at the very beginning of its timeline.
OCCURS_AT = interactions.c.occurs_at

# Changes with every update by anyone, the old application included (manual: System Columns).
VERSION = cast(literal_column("lead_interactions.xmin"), Text)

# Whoever deletes a task leaves its row; no read shows it, save those that ask for it by name.
IS_ALIVE = interactions.c.deleted_at.is_(None)

COLUMNS = (
    interactions.c.id,
    interactions.c.interaction_type,
    OCCURS_AT,
    interactions.c.lead_id,
    interactions.c.contact_id,
    interactions.c.account_id,
    interactions.c.user_id,
    interactions.c.created_by,
    interactions.c.subject,
    interactions.c.description,
    interactions.c.outcome,
    interactions.c.status,
    interactions.c.priority,
    interactions.c.scheduled_at,
    interactions.c.completed_at,
    interactions.c.created_at,
    interactions.c.updated_at,
    interactions.c.deleted_at,
    VERSION.label("version"),
)

ATTRIBUTES = InteractionRow._fields
ALWAYS_READ = ATTRIBUTES[: ATTRIBUTES.index("created_by_id") + 1]
"""What a partial row has, too: what it is, where it stands, and what it links to. These come first in every row."""

BY_TIME = (
    Key("occurs_at", "instant", OCCURS_AT, is_descending=True, is_nullable=False),
    Key("id", "uuid", interactions.c.id, is_descending=True, is_nullable=False),
)


def rows_of(page: Page, attributes: tuple[str, ...] = ATTRIBUTES) -> list[InteractionRow]:
    """Read a page whose query selects the columns of these attributes first."""
    made, width = row_of(attributes), len(attributes)
    return [made(record[:width]) for record in page.records]


async def by_ids(session: Session, ids: Sequence[UUID]) -> list[InteractionRow]:
    """Return the interactions with these ids, in no order; unknown ids and deleted tasks are absent. 1 statement."""
    return [InteractionRow(*row) for row in await session.rows(_by_ids(), ids=ids)]


@lru_cache(maxsize=128)
def known_attributes(asked: frozenset[str] | None) -> tuple[str, ...]:
    """Return which attributes to read when these are asked for; all when that isn't known."""
    if asked is None:
        return ATTRIBUTES
    return tuple(name for name in ATTRIBUTES if name in asked or name in ALWAYS_READ)


def columns_of(attributes: Sequence[str]) -> list[ColumnElement[Any]]:
    """Return the columns of these attributes of an interaction."""
    columns = dict(zip(ATTRIBUTES, COLUMNS, strict=True))
    return [columns[name] for name in attributes]


@lru_cache(maxsize=128)
def row_of(attributes: tuple[str, ...]) -> Callable[[Iterable[Any]], InteractionRow]:
    """Return what makes a row of the values of these attributes."""
    return InteractionRow._make if attributes == ATTRIBUTES else partial_row(InteractionRow, attributes)._make


@cache
def _by_ids() -> Statement:
    of_ids = interactions.c.id == any_(uuids_argument("ids"))
    return compiled(select(*COLUMNS).where(of_tenant(interactions), of_ids, IS_ALIVE))
