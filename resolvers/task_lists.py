"""The older task lists: tasks by offset with the names that belong to them, and the numbers on the cards above."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from db import accounts, contacts, leads, task_cards, task_lists, users
from db.task_cards import Days
from resolvers.zones import Unit, stretch_at

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID
    from zoneinfo import ZoneInfo

    from db.accounts import AccountRow
    from db.contacts import ContactRow
    from db.interactions import InteractionRow
    from db.leads import LeadRow
    from db.sessions import Session
    from db.task_cards import CardsRow
    from db.task_filters import TaskFilter
    from db.task_orders import TaskOrder
    from db.users import UserRow

Record = TypeVar("Record", "LeadRow", "ContactRow", "AccountRow", "UserRow")


@dataclass(frozen=True, slots=True)
class NamedTask:
    """A task with the records that are shown by their names; an account marked as deleted keeps its own."""

    row: InteractionRow
    lead: LeadRow | None
    contact: ContactRow | None
    account: AccountRow | None
    assignee: UserRow | None
    lead_owner: UserRow | None


async def part_of_tasks(
    session: Session, filter_: TaskFilter, order: TaskOrder, *, limit: int, offset: int = 0
) -> list[NamedTask]:
    """Return at most `limit` matching tasks with their names: open ones first, then in this order. 5 statements."""
    return await named(session, await task_lists.page(session, filter_, order, limit=limit, offset=offset))


async def named(session: Session, rows: Sequence[InteractionRow]) -> list[NamedTask]:
    """Return the tasks with their names, in the same order. At most 4 statements, however many rows."""
    leads_by_id = await _by_id(session, leads.by_ids, [row.lead_id for row in rows])
    contacts_by_id = await _by_id(session, contacts.by_ids, [row.contact_id for row in rows])
    accounts_by_id = await _by_id(session, accounts.by_ids, [row.account_id for row in rows])
    people = [row.assignee_id for row in rows] + [lead.owner_id for lead in leads_by_id.values()]
    users_by_id = await _by_id(session, users.by_ids, people)
    return [
        NamedTask(
            row,
            lead=(lead := leads_by_id.get(row.lead_id)),
            contact=contacts_by_id.get(row.contact_id),
            account=accounts_by_id.get(row.account_id),
            assignee=users_by_id.get(row.assignee_id),
            lead_owner=users_by_id.get(lead.owner_id) if lead else None,
        )
        for row in rows
    ]


async def columns_of(session: Session, tasks: Sequence[NamedTask]) -> dict[UUID, dict[str, object]]:
    """Return the columns of these tasks by id, all but the description; instants as printed there. 1 statement."""
    if not tasks:
        return {}
    found = await task_lists.columns_of(session, [task.row.id for task in tasks])
    return {id_: json.loads(text) for id_, text in found.items()}


async def count_cards(session: Session, filter_: TaskFilter, now: datetime, zone: ZoneInfo) -> CardsRow:
    """Count matching tasks for the cards, days and weeks as the zone has them. 1 statement."""
    today, week = stretch_at(Unit.DAY, now, zone), stretch_at(Unit.WEEK, now, zone)
    return await task_cards.count(session, filter_, Days(today.starts_at, today.ends_at, week.starts_at, week.ends_at))


async def _by_id(
    session: Session, fetch: Callable[[Session, Sequence[UUID]], Awaitable[list[Record]]], ids: Sequence[UUID | None]
) -> Mapping[UUID | None, Record]:
    wanted = list({id_ for id_ in ids if id_})
    return {record.id: record for record in await fetch(session, wanted)} if wanted else {}
