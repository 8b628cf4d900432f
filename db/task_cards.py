"""The numbers on the older dashboard's cards, all of them counted in one walk over the tasks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import and_, func, select

from db.filters import equals_any
from db.statements import compiled, instant_argument
from db.tables import interactions
from db.task_filters import CANCELLED, COMPLETED, OPEN_STATUSES, TaskFilter
from db.tasks import matching

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import ColumnElement

    from db.sessions import Session


@dataclass(frozen=True, slots=True)
class Days:
    """Where the reader's today and this week begin and end."""

    today_starts_at: datetime
    today_ends_at: datetime
    week_starts_at: datetime
    week_ends_at: datetime


@dataclass(frozen=True, slots=True)
class CardsRow:
    """How many tasks there are of each kind; a task counts on every card that it fits."""

    total: int
    pending: int
    """Open ones, scheduled or not."""
    completed: int
    cancelled: int
    overdue: int
    renewal_pending: int
    """Open ones of an account."""
    high_priority: int
    medium_priority: int
    low_priority: int
    due_today: int
    """Open ones, overdue since this morning among them."""
    due_this_week: int


async def count(session: Session, tasks: TaskFilter, days: Days) -> CardsRow:
    """Count the matching tasks. 1 statement."""
    numbers = [func.count().filter(condition) for condition in _conditions()]
    query = select(func.count(), *numbers).select_from(interactions).where(*matching(tasks))
    arguments = {name: getattr(days, name) for name in Days.__slots__}
    (row,) = await session.rows(compiled(query), **arguments)
    return CardsRow(*row)


def _conditions() -> list[ColumnElement[bool]]:
    """Return what the cards ask, in the order of CardsRow after its total."""
    columns = interactions.c
    is_open = equals_any(columns.status, OPEN_STATUSES)
    due_at = columns.scheduled_at
    return [
        is_open,
        columns.status == COMPLETED,
        columns.status == CANCELLED,
        and_(is_open, due_at < func.now()),
        and_(is_open, columns.account_id.is_not(None)),
        *(columns.priority == word for word in ("high", "medium", "low")),
        *(
            and_(is_open, due_at >= instant_argument(f"{name}_starts_at"), due_at < instant_argument(f"{name}_ends_at"))
            for name in ("today", "week")
        ),
    ]
