"""Tasks as answers show them: rows with their names, and whole ones with every column that older answers have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from resolvers.task_lists import columns_of, named
from server.rest.shapes import ChangedTask, Task, WholeTask
from server.rest.values import printed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from db.interactions import InteractionRow
    from db.sessions import Session
    from resolvers.task_lists import NamedTask
    from resolvers.task_rules import Changed

# Columns that only whole tasks have; a database that lacks one answers null.
STORED = (
    "created_by",
    "last_modified_by",
    "duration",
    "duration_minutes",
    "participants",
    "activity_metadata",
)


def task(named: NamedTask) -> Task:
    """Show a task."""
    row, lead, contact, account = named.row, named.lead, named.contact, named.account
    owner, assignee = named.lead_owner, named.assignee
    return Task(
        id=row.id,
        subject=row.subject,
        description=row.description,
        lead_id=row.lead_id,
        contact_id=row.contact_id,
        account_id=row.account_id,
        assigned_to=row.assignee_id,
        status=row.status,
        priority=row.priority,
        scheduled_at=printed(row.due_at),
        completed_at=printed(row.completed_at),
        created_at=printed(row.created_at),
        updated_at=printed(row.updated_at),
        outcome=row.outcome,
        lead_name=lead.display_name if lead else None,
        lead_owner_id=lead.owner_id if lead else None,
        contact_name=contact.display_name if contact else None,
        account_name=account.display_name if account else None,
        lead_owner_name=owner.display_name if owner else None,
        assigned_to_name=assignee.display_name if assignee else None,
        version=row.version,
    )


async def whole_task(session: Session, row: InteractionRow) -> WholeTask:
    """Show one task. At most 5 statements."""
    return (await whole_tasks(session, await named(session, [row])))[0]


async def changed_task(session: Session, changed: Changed, said: str) -> ChangedTask:
    """Show what became of a task. At most 5 statements."""
    if changed.row is None:
        raise TypeError("A change that was only checked has no task to show.")
    return ChangedTask(said, await whole_task(session, changed.row))


async def whole_tasks(session: Session, tasks: Sequence[NamedTask]) -> list[WholeTask]:
    """Show tasks. 1 statement."""
    columns = await columns_of(session, tasks)
    return [_whole(task, session.organization_id, columns.get(task.row.id, {})) for task in tasks]


def _whole(named: NamedTask, organization_id: UUID, columns: Mapping[str, Any]) -> WholeTask:
    shown, person = task(named), named.assignee
    known: dict[str, Any] = {name: getattr(shown, name) for name in Task.__slots__}
    known |= {name: columns.get(name) for name in STORED}
    return WholeTask(
        **known,
        organization_id=organization_id,
        user_id=named.row.assignee_id,
        interaction_type=named.row.kind,
        user_first_name=person.first_name if person else None,
        user_last_name=person.last_name if person else None,
        user_email=person.email if person else None,
    )
