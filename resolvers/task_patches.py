"""Changes of a task's fields and of its state in one request."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from db.task_filters import CANCELLED, COMPLETED
from db.task_states import ChosenTask, Completion
from resolvers.task_changes import update_task
from resolvers.task_states import cancel_task, complete_task, reopen_task

if TYPE_CHECKING:
    from db.sessions import Session
    from db.task_changes import TaskChange
    from resolvers.task_rules import Changed
    from resolvers.viewers import Viewer


async def patch_task(session: Session, viewer: Viewer, change: TaskChange, status: str | None) -> Changed:
    """Change a task's fields, and close or open it; return it as stored. Any open status opens it.

    All of it is done or nothing. Raises Refused. 1 statement, 2 when nothing was changed; with a status 3 to 5.
    """
    if status is None:
        return await update_task(session, viewer, change)
    async with session.write(viewer.user_id):
        # The fields first: what is wrong with them is told even where the state stands against it, too.
        await update_task(session, viewer, change, is_check_only=True)
        moved = await _move(session, viewer, ChosenTask(change.task_id, change.expected_version), status)
        if not change.given or moved.row is None:
            return moved
        if change.expected_version is not None and not moved.is_replayed:  # ours by now: we have just changed it
            change = replace(change, expected_version=moved.row.version)
        return await update_task(session, viewer, change)


async def _move(session: Session, viewer: Viewer, chosen: ChosenTask, status: str) -> Changed:
    if status == COMPLETED:
        completion = Completion(chosen.task_id, outcome=None, notes=None, expected_version=chosen.expected_version)
        return await complete_task(session, viewer, completion)
    if status == CANCELLED:
        return await cancel_task(session, viewer, chosen)
    return await reopen_task(session, viewer, chosen)
