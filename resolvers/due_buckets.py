"""Piles of tasks by due date, as the reader's calendar has it today."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from db.task_filters import OPEN_STATUSES
from resolvers.zones import Unit, stretch_at

if TYPE_CHECKING:
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from db.interactions import InteractionRow


class DueBucket(StrEnum):
    """The piles, in the order in which they are tried: the first that fits has the task."""

    CLOSED = "closed"
    NO_DUE_DATE = "no_due_date"
    OVERDUE = "overdue"
    TODAY = "today"
    THIS_WEEK = "this_week"
    LATER = "later"


@dataclass(frozen=True, slots=True)
class DueDates:
    """The instants at which one pile ends and the next one begins."""

    now: datetime
    today_ends_at: datetime
    week_ends_at: datetime


def due_dates(now: datetime, zone: ZoneInfo) -> DueDates:
    """Return where the piles begin and end; weeks begin on Monday."""
    return DueDates(now, stretch_at(Unit.DAY, now, zone).ends_at, stretch_at(Unit.WEEK, now, zone).ends_at)


def is_overdue(row: InteractionRow, now: datetime) -> bool:
    """Tell whether a task is still open although its due date has passed."""
    return row.status in OPEN_STATUSES and row.due_at is not None and row.due_at < now


def bucket_of(row: InteractionRow, due: DueDates) -> DueBucket:
    """Return the pile that a task belongs to."""
    if row.status not in OPEN_STATUSES:
        return DueBucket.CLOSED
    if row.due_at is None:
        return DueBucket.NO_DUE_DATE
    if is_overdue(row, due.now):
        return DueBucket.OVERDUE
    if row.due_at < due.today_ends_at:
        return DueBucket.TODAY
    return DueBucket.THIS_WEEK if row.due_at < due.week_ends_at else DueBucket.LATER
