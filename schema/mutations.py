"""Everything that can be changed: a table of contents, with inputs and payloads."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import strawberry
from strawberry import UNSET, field

from db.tasks import Completion
from errors import BadUserInput, Refused
from resolvers.tasks import TaskDraft, complete_task, create_task
from schema.context import Info
from schema.scalars import to_uuid, to_uuid_or_none
from schema.tasks import Task, TaskPriority, task
from schema.user_errors import TaskError, user_error


@strawberry.input(description="A new task. It needs a subject and at least one link.")
class CreateTaskInput:
    """A new task."""

    subject: str = field(description="The headline: 1 to 255 characters after trimming.")
    description: str | None = field(default=UNSET, description="Longer text.")
    priority: TaskPriority | None = field(default=TaskPriority.MEDIUM, description="How urgent it is.")
    due_at: datetime | None = field(default=UNSET, description="When it is due.")
    assignee_id: strawberry.ID | None = field(default=UNSET, description="Who is to do it. You, when left out.")
    lead_id: strawberry.ID | None = field(default=UNSET, description="The lead to link.")
    contact_id: strawberry.ID | None = field(default=UNSET, description="The contact to link.")
    account_id: strawberry.ID | None = field(default=UNSET, description="The account to link.")
    client_mutation_id: str | None = field(
        default=UNSET, description="Any text of yours; it comes back in the payload."
    )

    def draft(self) -> TaskDraft:
        """Return the task as plain data. Raises BadUserInput for a malformed id and for UNKNOWN."""
        if self.priority is TaskPriority.UNKNOWN:
            raise BadUserInput("priority UNKNOWN can't be set. Give LOW, MEDIUM or HIGH.")
        return TaskDraft(
            subject=self.subject,
            description=self.description or None,
            priority=(self.priority or TaskPriority.MEDIUM).value,
            due_at=self.due_at or None,
            assignee_id=to_uuid_or_none(self.assignee_id, "assigneeId"),
            lead_id=to_uuid_or_none(self.lead_id, "leadId"),
            contact_id=to_uuid_or_none(self.contact_id, "contactId"),
            account_id=to_uuid_or_none(self.account_id, "accountId"),
        )


@strawberry.input(description="How a task ended.")
class CompleteTaskInput:
    """How a task ended."""

    id: strawberry.ID = field(description="The task to complete.")
    expected_version: str | None = field(default=UNSET, description="Complete it only if it still has this version.")
    outcome: str | None = field(default=UNSET, description="What came of it: at most 100 characters.")
    notes: str | None = field(default=UNSET, description="Added to the end of the description.")
    client_mutation_id: str | None = field(
        default=UNSET, description="Any text of yours; it comes back in the payload."
    )

    def completion(self) -> Completion:
        """Return it as plain data. Raises BadUserInput for a malformed id. An empty text says nothing."""
        return Completion(
            task_id=to_uuid(self.id, "id"),
            outcome=(self.outcome or "").strip() or None,
            notes=(self.notes or "").strip() or None,
            expected_version=self.expected_version if isinstance(self.expected_version, str) else None,
        )


@strawberry.type(description="The answer to a change of one task.")
class TaskPayload:
    """The answer to a change of one task."""

    task: Task | None = field(default=None, description="The task as it is now. Empty when the change was refused.")
    errors: list[TaskError] = field(
        default_factory=list, description="Why the change was refused. Empty when it was made."
    )
    replayed: bool = field(default=False, description="True when nothing was done because it had been done before.")
    client_mutation_id: str | None = field(default=None, description="Your own text, as you gave it.")


@strawberry.type(description="Everything that can be changed.")
class Mutation:
    """The root of all mutations."""

    @strawberry.mutation(description="Create a task for a lead, a contact, an account, or any of them together.")
    async def create_task(
        self,
        info: Info,
        input: Annotated[CreateTaskInput, strawberry.argument(description="The task to create.")],
    ) -> TaskPayload:
        """Create a task."""
        own_text = input.client_mutation_id or None
        try:
            row = await create_task(info.context.session, info.context.viewer, input.draft())
        except Refused as refused:
            reasons = [user_error(refusal) for refusal in refused.refusals]
            return TaskPayload(errors=reasons, client_mutation_id=own_text)
        return TaskPayload(task=task(row), client_mutation_id=own_text)

    @strawberry.mutation(description="Complete a task.")
    async def complete_task(
        self,
        info: Info,
        input: Annotated[CompleteTaskInput, strawberry.argument(description="The task, and how it ended.")],
    ) -> TaskPayload:
        """Complete a task, once."""
        own_text = input.client_mutation_id or None
        try:
            row, replayed = await complete_task(info.context.session, info.context.viewer, input.completion())
        except Refused as refused:
            reasons = [user_error(refusal) for refusal in refused.refusals]
            return TaskPayload(errors=reasons, client_mutation_id=own_text)
        return TaskPayload(task=task(row), replayed=replayed, client_mutation_id=own_text)
