"""Tasks as a lead's own: created for it, and found only with it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from db import leads, task_lists, users
from db.filters import IdTest
from db.task_filters import TaskFilter
from db.task_orders import DEFAULT_ORDER
from errors import NotFound, Refused
from resolvers.task_rules import MOST_AT_ONCE, Changed, forbidden
from resolvers.task_states import complete_tasks
from resolvers.tasks import create_task

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from db.interactions import InteractionRow
    from db.leads import LeadRow
    from db.sessions import Session
    from resolvers.idempotency import Intention
    from resolvers.tasks import TaskDraft
    from resolvers.viewers import Viewer


async def lead_of(session: Session, lead_id: UUID) -> LeadRow:
    """Return a lead. Raises NotFound. 1 statement."""
    found = await leads.by_ids(session, [lead_id])
    if not found:
        raise NotFound(f"There is no lead {lead_id} in your organization. Choose another one.")
    return found[0]


async def task_of(session: Session, task_id: UUID, lead_id: UUID | None = None) -> InteractionRow:
    """Return a task, of this lead if one is named. Raises NotFound. 1 statement."""
    wanted = TaskFilter(id=IdTest(eq=task_id), lead_id=IdTest(eq=lead_id))
    found = await task_lists.page(session, wanted, DEFAULT_ORDER[0], limit=1, offset=0)
    if not found:
        whose = f"of the lead {lead_id}" if lead_id else "in your organization"
        raise NotFound(f"There is no task {task_id} {whose}. Choose another one.")
    return found[0]


async def complete_lead_tasks(session: Session, viewer: Viewer, lead_id: UUID, ids: Sequence[UUID]) -> int:
    """Complete those of the tasks that are the lead's and not completed yet; return how many. At most 5 statements.

    Raises NotFound, Refused or LimitExceeded.
    """
    if problems := forbidden(viewer):
        raise Refused(*problems)
    await lead_of(session, lead_id)
    wanted = TaskFilter(id=IdTest(any_of=tuple(ids)), lead_id=IdTest(eq=lead_id))
    own = await task_lists.page(session, wanted, DEFAULT_ORDER[0], limit=MOST_AT_ONCE, offset=0)
    outcomes = await complete_tasks(session, viewer, [row.id for row in own])
    return sum(isinstance(outcome, Changed) and not outcome.is_replayed for outcome in outcomes)


async def create_lead_task(
    session: Session, viewer: Viewer, lead_id: UUID, draft: TaskDraft, *, intention: Intention | None = None
) -> Changed:
    """Create a task for this lead; its active owner is to do it unless somebody is named, or the caller.

    Raises NotFound or Refused. 2 statements more than for any task.
    """
    lead = await lead_of(session, lead_id)
    draft = replace(draft, lead_id=lead_id)
    if draft.assignee_id is None and lead.owner_id and await users.is_active(session, lead.owner_id):
        draft = replace(draft, assignee_id=lead.owner_id)
    return await create_task(session, viewer, draft, intention=intention)
