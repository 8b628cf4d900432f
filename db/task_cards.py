"""The numbers on the older dashboard's cards, all of them counted in one walk over the tasks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import and_, func, select

from db.statements import compiled, instant_argument
from db.tables import interactions
from db.task_filters import CANCELLED, COMPLETED, IS_OPEN, TaskFilter, is_due_before
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
    return [
        IS_OPEN,
        columns.status == COMPLETED,
        columns.status == CANCELLED,
        is_due_before(func.now()),
        and_(IS_OPEN, columns.account_id.is_not(None)),
        *(columns.priority == word for word in ("high", "medium", "low")),
        *(
            and_(
                columns.scheduled_at >= instant_argument(f"{name}_starts_at"),
                is_due_before(instant_argument(f"{name}_ends_at")),
            )
            for name in ("today", "week")
        ),
    ]
