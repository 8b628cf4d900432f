"""Counts of tasks: of the whole organization under a filter, or of a record."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from db import interactions, task_stats, tasks
from db.filters import UNKNOWN, InstantTest
from db.keyset import Window
from db.records import RecordKind
from db.task_filters import KNOWN_PRIORITIES, KNOWN_STATUSES, OPEN_STATUSES, TaskFilter
from db.task_orders import DEFAULT_ORDER
from db.task_stats import Due
from resolvers.links import EVERY_COMBINATION, Kinds
from resolvers.zones import Unit, stretch_at

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID
    from zoneinfo import ZoneInfo

    from db.interactions import InteractionRow
    from db.sessions import Session
    from db.task_stats import AlikeTasks
    from resolvers.loaders import Loaders

A_NEXT_ONE = TaskFilter(status=OPEN_STATUSES, due_at=InstantTest(is_null=False))


@dataclass(frozen=True, slots=True)
class OrganizationTasks:
    """All tasks of an organization under a filter."""

    organization_id: UUID
    filter: TaskFilter


@dataclass(frozen=True, slots=True)
class RecordTasks:
    """All tasks of a record, perhaps with those of its related records."""

    kind: RecordKind
    record_id: UUID
    is_with_related: bool


@dataclass(frozen=True, slots=True)
class TaskCounts:
    """Counts of tasks; each mapping has every key, in the order to show."""

    by_status: dict[str, int]
    by_priority: dict[str, int]
    by_kinds: dict[Kinds, int]
    overdue: int
    due_today: int
    """Overdue ones included."""

    @property
    def total(self) -> int:
        """All tasks."""
        return sum(self.by_status.values())

    @property
    def open(self) -> int:
        """All open tasks."""
        return sum(self.by_status[status] for status in OPEN_STATUSES)


def due_today(now: datetime, zone: ZoneInfo) -> Due:
    """Return where today ends in a zone."""
    return Due(now, stretch_at(Unit.DAY, now, zone).ends_at)


async def count_tasks(loaders: Loaders, whose: OrganizationTasks | RecordTasks, due: Due) -> TaskCounts:
    """Count tasks. 1 statement for all records of which the same is asked, or for the organization."""
    match whose:
        case OrganizationTasks(organization_id=owner_id, filter=filter_):
            fetch = partial(_of_organization, filter_=filter_, due=due)
            question: tuple[object, ...] = ("task counts", filter_, due)
        case RecordTasks(kind=kind, record_id=owner_id, is_with_related=is_with_related):
            fetch = partial(_of_records, kind=kind, is_with_related=is_with_related, due=due)
            question = ("task counts", kind, is_with_related, due)
    found = await loaders.answering(question, fetch, lambda alike: alike[0].owner_id).load(owner_id)
    return _added_up(found or [])


async def next_task(
    session: Session, loaders: Loaders, whose: OrganizationTasks | RecordTasks
) -> InteractionRow | None:
    """Return the open task that is due first, so that overdue ones come before others. 1 statement, as for counts."""
    match whose:
        case OrganizationTasks(filter=filter_):
            wanted = TaskFilter(all_of=(filter_, A_NEXT_ONE))
            page = await tasks.page(session, wanted, DEFAULT_ORDER, Window(limit=1))
            return next(iter(interactions.rows_of(page)), None)
        case RecordTasks(kind=kind, record_id=id_, is_with_related=is_with_related):
            question = ("next task", kind, is_with_related)
            fetch = partial(task_stats.next_of_records, kind=kind, is_with_related=is_with_related)
            found = await loaders.answering(question, fetch, lambda task: task.owner_id).load(id_)
            return found.row if found else None


async def _of_organization(
    session: Session, _: Sequence[UUID], *, filter_: TaskFilter, due: Due
) -> list[list[AlikeTasks]]:
    return _by_owner(await task_stats.of_organization(session, filter_, due))


async def _of_records(
    session: Session, ids: Sequence[UUID], *, kind: RecordKind, is_with_related: bool, due: Due
) -> list[list[AlikeTasks]]:
    return _by_owner(await task_stats.of_records(session, ids, kind=kind, is_with_related=is_with_related, due=due))


def _by_owner(found: Sequence[AlikeTasks]) -> list[list[AlikeTasks]]:
    owned: dict[UUID, list[AlikeTasks]] = {}
    for alike in found:
        owned.setdefault(alike.owner_id, []).append(alike)
    return list(owned.values())


def _added_up(found: Sequence[AlikeTasks]) -> TaskCounts:
    by_status, by_priority, by_kinds = Counter[str](), Counter[str](), Counter[Kinds]()
    for alike in found:
        by_status[alike.status] += alike.number
        by_priority[alike.priority] += alike.number
        by_kinds[_kinds_of(alike)] += alike.number
    return TaskCounts(
        by_status={status: by_status[status] for status in (*KNOWN_STATUSES, UNKNOWN)},
        by_priority={priority: by_priority[priority] for priority in (*KNOWN_PRIORITIES, UNKNOWN)},
        by_kinds={kinds: by_kinds[kinds] for kinds in EVERY_COMBINATION},
        overdue=sum(alike.number for alike in found if alike.is_overdue),
        due_today=sum(alike.number for alike in found if alike.is_due_today),
    )


def _kinds_of(alike: AlikeTasks) -> Kinds:
    has = {
        RecordKind.LEAD: alike.has_lead,
        RecordKind.CONTACT: alike.has_contact,
        RecordKind.ACCOUNT: alike.has_account,
    }
    return tuple(kind for kind in RecordKind if has[kind])
