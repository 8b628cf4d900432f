"""Tasks as the older task list has them: open ones first, and by offset instead of by cursor."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from sqlalchemy import BigInteger, Text, any_, bindparam, case, literal_column, select

from db.interactions import COLUMNS, InteractionRow
from db.keyset_ranges import sorted_column
from db.statements import Statement, compiled, of_tenant, uuids_argument
from db.tables import interactions
from db.task_filters import IS_OPEN, TaskFilter
from db.task_orders import TaskOrder, keys_of
from db.tasks import matching

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from db.sessions import Session


async def page(
    session: Session, tasks: TaskFilter, order: TaskOrder, *, limit: int, offset: int
) -> list[InteractionRow]:
    """Return at most `limit` matching tasks, `offset` of them left out before. 1 statement.

    Open ones first; in each half by this order, then the latest created first, then by id.
    """
    key, own = keys_of((order,))
    ordered = (
        case((IS_OPEN, 0), else_=1),
        sorted_column(key.expression, key, is_placing_nulls=True),
        interactions.c.created_at.desc().nulls_last(),
        own.expression,
    )
    # The size stands in the text: a plan that is kept for all offsets must know that it is small.
    query = select(*COLUMNS).where(*matching(tasks)).order_by(*ordered).limit(literal_column(str(limit)))
    query = query.offset(bindparam("offset", type_=BigInteger))
    return [InteractionRow(*row) for row in await session.rows(compiled(query), offset=offset)]


async def columns_of(session: Session, ids: Sequence[UUID]) -> dict[UUID, str]:
    """Return the columns of these rows, whichever this database has, as a JSON object by id. 1 statement.

    All but the description, which can be long.
    """
    return {row[0]: row[1] for row in await session.rows(_columns_of(), ids=ids)}


@cache
def _columns_of() -> Statement:
    row = literal_column("(to_jsonb(lead_interactions) - 'description')::text", Text)
    query = select(interactions.c.id, row)
    return compiled(query.where(of_tenant(interactions), interactions.c.id == any_(uuids_argument("ids"))))
