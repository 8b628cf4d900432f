"""What people do when a task is not to be seen any more, and when it was needed after all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from db import deletions
from errors import Refused
from resolvers.task_rules import Changed, existing_task, forbidden, stale

if TYPE_CHECKING:
    from db.sessions import Session
    from db.task_states import ChosenTask
    from resolvers.viewers import Viewer


async def delete_task(session: Session, viewer: Viewer, chosen: ChosenTask) -> Changed:
    """Delete a task, once; return it as stored, and whether that had been done before.

    Raises Refused. 1 statement, 2 when nothing was changed.
    """
    if problems := forbidden(viewer):
        raise Refused(*problems)
    async with session.write(viewer.user_id):
        row = await deletions.delete(session, chosen, viewer.user_id)
        if row:
            return Changed(row)
        found = await existing_task(session, chosen.task_id, may_be_deleted=True)
    if not found.deleted_at:
        raise Refused(stale(found))
    return Changed(found, is_replayed=True)


async def restore_task(session: Session, viewer: Viewer, chosen: ChosenTask) -> Changed:
    """Bring a deleted task back; return it as stored, and whether it was there anyway.

    Raises Refused. 1 statement, 2 when nothing was changed.
    """
    if problems := forbidden(viewer):
        raise Refused(*problems)
    async with session.write(viewer.user_id):
        row = await deletions.restore(session, chosen, viewer.user_id)
        if row:
            return Changed(row)
        found = await existing_task(session, chosen.task_id, may_be_deleted=True)
    if found.deleted_at:
        raise Refused(stale(found))
    return Changed(found, is_replayed=True)
