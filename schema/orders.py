"""Orders of lists, as clients write them."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Annotated

import strawberry
from strawberry import argument, field

from db import task_orders
from db.task_orders import TaskSort as Sort


@strawberry.enum(description="What tasks can be sorted by.")
class TaskSort(Enum):
    """The sort keys of `db.task_orders`, in users' words."""

    DUE_AT = strawberry.enum_value(Sort.DUE_AT, description="Due date.")
    CREATED_AT = strawberry.enum_value(Sort.CREATED_AT, description="When it was recorded.")
    UPDATED_AT = strawberry.enum_value(Sort.UPDATED_AT, description="When it was last changed.")
    COMPLETED_AT = strawberry.enum_value(Sort.COMPLETED_AT, description="When it was completed.")
    PRIORITY = strawberry.enum_value(
        Sort.PRIORITY, description="Priority, from LOW to HIGH; UNKNOWN counts as no value."
    )
    SUBJECT = strawberry.enum_value(Sort.SUBJECT, description="Subject, by code point.")


@strawberry.enum(description="Which end comes first.")
class SortDirection(Enum):
    """Which end comes first."""

    ASC = strawberry.enum_value("asc", description="Smallest, earliest or least urgent first.")
    DESC = strawberry.enum_value("desc", description="Largest, latest or most urgent first.")


@strawberry.enum(description="Where missing values go.")
class NullsOrder(Enum):
    """Where missing values go."""

    FIRST = strawberry.enum_value("first", description="Before all others.")
    LAST = strawberry.enum_value("last", description="After all others.")


@strawberry.input(description="One sort key.")
class TaskOrder:
    """One sort key."""

    # `by` in Python, because `field` is the name of what declares it.
    by: TaskSort = field(name="field", description="What to sort by.")
    direction: SortDirection = field(default=SortDirection.ASC, description="Smallest or largest first.")
    nulls: NullsOrder = field(default=NullsOrder.LAST, description="Where tasks without a value go.")


def plain_order(given: Sequence[TaskOrder] | None) -> tuple[task_orders.TaskOrder, ...]:
    """Return the sort keys as plain data; without any, the default ones.

    A field that comes again is left out: rows that are equal in it once are equal in it twice.
    """
    orders: dict[TaskSort, task_orders.TaskOrder] = {}
    for order in given or ():
        plain = task_orders.TaskOrder(
            Sort(str(order.by.value)), order.direction is SortDirection.DESC, order.nulls is NullsOrder.LAST
        )
        orders.setdefault(order.by, plain)
    return tuple(orders.values()) or task_orders.DEFAULT_ORDER


TaskOrders = Annotated[
    list[TaskOrder] | None,
    argument(
        description="Sort keys, most important first. Due date by default, tasks without one last; the id breaks ties."
    ),
]
