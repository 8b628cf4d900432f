"""What people do when a task is over: complete it, call it off, open it again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from db import deletions, task_states
from db.task_filters import CANCELLED, COMPLETED, OPEN_STATUSES
from db.turns import take_turn
from errors import Invalid, Refusal, Refused
from resolvers.task_rules import (
    LONGEST_DESCRIPTION,
    LONGEST_OUTCOME,
    Changed,
    check_list,
    existing_task,
    forbidden,
    length_problems,
    no_task,
    stale,
    unstorable,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from db.sessions import Session
    from db.task_states import ChosenTask, Completion
    from resolvers.viewers import Viewer


async def complete_task(session: Session, viewer: Viewer, completion: Completion) -> Changed:
    """Complete a task, once; return it as stored, and whether that had been done before.

    Raises Refused. 1 statement, 2 when nothing was changed.
    """
    problems = [*forbidden(viewer), *_completion_problems(completion)]
    if problems:
        raise Refused(*problems)
    async with session.write(viewer.user_id):
        row = await task_states.complete(session, completion, viewer.user_id)
        if row:
            if completion.notes and (too_long := _description_problems(row.description, completion.notes)):
                raise Refused(*too_long)
            return Changed(row)
        found = await existing_task(session, completion.task_id)
    if found.status != COMPLETED:
        raise Refused(stale(found))
    return Changed(found, is_replayed=True)


async def complete_tasks(session: Session, viewer: Viewer, ids: Sequence[UUID]) -> list[Changed | Refused]:
    """Complete tasks, each on its own; answer in their order, equal ids alike. Raises LimitExceeded.

    2 statements, 3 when any of them was not changed, none without ids.
    """
    check_list("ids", ids)
    problems = forbidden(viewer)
    if problems or not ids:
        return [Refused(*problems) for _ in ids]
    found: dict[UUID, Changed | Refused] = {}
    wanted = list(dict.fromkeys(ids))
    async with session.write(viewer.user_id):
        await take_turn(session)
        rows = await task_states.complete_all(session, wanted, viewer.user_id)
        found |= {row.id: Changed(row) for row in rows}
        others = [id_ for id_ in wanted if id_ not in found]
        unchanged = await deletions.by_ids(session, others) if others else []
    for row in unchanged:
        if row.deleted_at:
            found[row.id] = Refused(no_task(row.id, row, field=None))
        else:
            found[row.id] = Changed(row, is_replayed=True) if row.status == COMPLETED else Refused(stale(row))
    return [found.get(id_) or Refused(no_task(id_, field=None)) for id_ in ids]


async def reopen_task(session: Session, viewer: Viewer, chosen: ChosenTask) -> Changed:
    """Open a task again, scheduled or pending by its due date; return it, and whether it was open anyway.

    Raises Refused. 1 statement, 2 when nothing was changed.
    """
    if problems := forbidden(viewer):
        raise Refused(*problems)
    async with session.write(viewer.user_id):
        row = await task_states.reopen(session, chosen, viewer.user_id)
        if row:
            return Changed(row)
        found = await existing_task(session, chosen.task_id)
    if found.status not in OPEN_STATUSES:
        raise Refused(stale(found))
    return Changed(found, is_replayed=True)


async def cancel_task(session: Session, viewer: Viewer, chosen: ChosenTask) -> Changed:
    """Call a task off; return it, and whether that had been done before. A completed one is to be opened again first.

    Raises Refused. 1 statement, 2 when nothing was changed.
    """
    if problems := forbidden(viewer):
        raise Refused(*problems)
    async with session.write(viewer.user_id):
        row = await task_states.cancel(session, chosen, viewer.user_id)
        if row:
            return Changed(row)
        found = await existing_task(session, chosen.task_id)
    if found.status == CANCELLED:
        return Changed(found, is_replayed=True)
    if found.status == COMPLETED and chosen.expected_version in {None, found.version}:
        raise Refused(Invalid("The task is completed, so it can't be called off. Reopen it first.", "id"))
    raise Refused(stale(found))


def _description_problems(description: str | None, notes: str) -> list[Refusal]:
    over = len(description or "") - LONGEST_DESCRIPTION
    if over <= 0:
        return []
    room = max(len(notes) - over, 0)
    return [Invalid(f"The description has room for {room:,} characters more; the notes have {len(notes):,}.", "notes")]


def _completion_problems(completion: Completion) -> list[Refusal]:
    outcome, notes = completion.outcome, completion.notes
    return [
        *length_problems("outcome", outcome, LONGEST_OUTCOME),
        *length_problems("notes", notes, LONGEST_DESCRIPTION),
        *unstorable(outcome=outcome, notes=notes),
    ]
