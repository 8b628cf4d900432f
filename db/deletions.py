"""How tasks are deleted and brought back: one statement each, which decides and writes at once."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from sqlalchemy import and_, any_, case, func, null, select, update

from db.interactions import COLUMNS, IS_ALIVE, InteractionRow
from db.statements import Statement, compiled, uuid_argument, uuids_argument
from db.tables import interactions
from db.task_filters import CANCELLED
from db.task_states import IS_CANCELLED, change_chosen, is_chosen
from db.tasks import every_task, signature

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from sqlalchemy import ColumnElement

    from db.sessions import Session
    from db.task_states import ChosenTask


async def delete(session: Session, chosen: ChosenTask, actor_id: UUID) -> InteractionRow | None:
    """Delete a task that isn't deleted; None when nothing matches. 1 statement.

    It is called off as well, because the old application, and the trigger that keeps a lead's next follow-up, know
    nothing of deletion. Who did it stays, even if the token's person is no user of the organization.
    """
    return await change_chosen(session, _delete(), chosen, actor_id)


async def restore(session: Session, chosen: ChosenTask, actor_id: UUID) -> InteractionRow | None:
    """Bring a deleted task back; None when nothing matches. 1 statement.

    It has its former status again, unless somebody who knows nothing of deletion has given it another one meanwhile. Of
    one that was deleted by other means than ours no former status is known, and it keeps the one it has.
    """
    return await change_chosen(session, _restore(), chosen, actor_id)


async def by_ids(session: Session, ids: Sequence[UUID]) -> list[InteractionRow]:
    """Return the tasks with these ids, deleted ones among them, in no order; ids of no task are absent. 1 statement."""
    return [InteractionRow(*row) for row in await session.rows(_by_ids(), ids=ids)]


@cache
def _by_ids() -> Statement:
    return compiled(select(*COLUMNS).where(*every_task(), interactions.c.id == any_(uuids_argument("ids"))))


@cache
def _delete() -> Statement:
    values = {
        "deleted_at": func.now(),
        "deleted_by": uuid_argument("actor_id"),
        "status_before_deletion": interactions.c.status,
        "status": CANCELLED,
    }
    return _change(IS_ALIVE, values)


@cache
def _restore() -> Statement:
    former, is_ours = interactions.c.status_before_deletion, interactions.c.deleted_by.is_not(None)
    values = {
        "status": case((and_(IS_CANCELLED, is_ours), former), else_=interactions.c.status),
        "deleted_at": null(),
        "deleted_by": null(),
        "status_before_deletion": null(),
    }
    return _change(interactions.c.deleted_at.is_not(None), values)


def _change(condition: ColumnElement[bool], values: Mapping[str, object]) -> Statement:
    change = update(interactions).where(*every_task(), *is_chosen(), condition)
    return compiled(change.values(signature() | dict(values)).returning(*COLUMNS))
