"""In which order tasks are listed: sort keys as plain data, and what they mean in SQL."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, cast

from sqlalchemy import Integer, case, func, literal_column

from db.keyset import Key
from db.tables import interactions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement

    from db.keyset import Value

RANKS = {"low": 1, "medium": 2, "high": 3}
LONGEST_SUBJECT = 255  # characters; the column's length, and the most of one that a cursor carries


class TaskSort(StrEnum):
    """What tasks can be sorted by."""

    DUE_AT = "due_at"
    CREATED_AT = "created_at"
    UPDATED_AT = "updated_at"
    COMPLETED_AT = "completed_at"
    PRIORITY = "priority"
    SUBJECT = "subject"


@dataclass(frozen=True, slots=True)
class TaskOrder:
    """One sort key; tasks without a value come last unless told otherwise, whatever the direction."""

    by: TaskSort
    is_descending: bool = False
    nulls_last: bool = True


DEFAULT_ORDER = (TaskOrder(TaskSort.DUE_AT),)


def keys_of(orders: Sequence[TaskOrder]) -> tuple[Key, ...]:
    """Return the keys to sort and page by. The id comes last, in the last one's direction, and makes each place unique.

    With one direction throughout, an index is read straight on or straight back.
    """
    keys = [replace(_key(order.by), is_descending=order.is_descending, nulls_last=order.nulls_last) for order in orders]
    is_descending = bool(orders) and orders[-1].is_descending
    return (*keys, Key("id", "uuid", interactions.c.id, is_descending=is_descending, is_nullable=False))


def _key(by: TaskSort) -> Key:
    columns = interactions.c
    match by:
        case TaskSort.DUE_AT:
            return Key(by, "instant", columns.scheduled_at)
        case TaskSort.PRIORITY:
            # Words that are none of ours read UNKNOWN, and count as no value.
            ranks = [(columns.priority == word, literal_column(str(rank), Integer)) for word, rank in RANKS.items()]
            return Key(by, "number", case(*ranks))
        case TaskSort.SUBJECT:
            # A task without a subject and one whose subject is empty look the same to people: neither has a value.
            subject = func.left(func.nullif(columns.subject, ""), LONGEST_SUBJECT)
            return Key(by, "text", cast("ColumnElement[Value]", subject.collate("C")))
        case _:
            return Key(by, "instant", columns[by.value])
