"""What clients give to change tasks, and the plain data that it becomes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import strawberry
from strawberry import UNSET, field

from db.task_changes import TaskChange
from db.task_states import ChosenTask, Completion
from errors import BadUserInput
from resolvers.task_batches import WantedTask
from resolvers.tasks import TaskDraft
from schema.arguments import given_or_none
from schema.context import Context
from schema.scalars import to_uuid, to_uuid_or_none
from schema.tasks import TaskPriority

OWN_TEXT = "Any text of yours, at most 255 characters; it comes back in the payload and on the live event."
CHECK_ONLY = "Check the input and change nothing."
KEY = (
    "A key of your choice, one for each intention: a repeat with the same key returns the first answer instead of "
    "acting twice. 1 to 255 characters. Kept for 24 hours."
)

CHANGEABLE = (
    "subject",
    "description",
    "outcome",
    "priority",
    "due_at",
    "assignee_id",
    "lead_id",
    "contact_id",
    "account_id",
)


@strawberry.input(description="A new task. It needs a subject and at least one link.")
class CreateTaskInput:
    """A new task."""

    subject: str = field(description="The headline: 1 to 255 characters after trimming.")
    description: str | None = field(default=UNSET, description="Longer text.")
    priority: TaskPriority | None = field(default=TaskPriority.MEDIUM, description="How urgent it is.")
    due_at: datetime | None = field(default=UNSET, description="When it is due.")
    assignee_id: strawberry.ID | None = field(
        default=UNSET, description="Who is to do it: an active colleague. You, when left out."
    )
    lead_id: strawberry.ID | None = field(default=UNSET, description="The lead to link.")
    contact_id: strawberry.ID | None = field(default=UNSET, description="The contact to link.")
    account_id: strawberry.ID | None = field(default=UNSET, description="The account to link.")
    idempotency_key: str | None = field(default=UNSET, description=KEY)
    client_mutation_id: str | None = field(default=UNSET, description=OWN_TEXT)
    validate_only: bool | None = field(default=False, description=CHECK_ONLY)

    def draft(self) -> TaskDraft:
        """Return the task as plain data. Raises BadUserInput for a malformed id and for UNKNOWN."""
        return TaskDraft(
            subject=self.subject,
            description=self.description or None,
            priority=priority_word(self.priority),
            due_at=self.due_at or None,
            assignee_id=to_uuid_or_none(self.assignee_id, "assigneeId"),
            lead_id=to_uuid_or_none(self.lead_id, "leadId"),
            contact_id=to_uuid_or_none(self.contact_id, "contactId"),
            account_id=to_uuid_or_none(self.account_id, "accountId"),
        )


@strawberry.input(
    description="Changes to a task. A field left out keeps its value; null clears it or removes the link. The "
    "last link can't be removed."
)
class UpdateTaskInput:
    """Changes to a task."""

    id: strawberry.ID = field(description="The task to change.")
    expected_version: str | None = field(default=UNSET, description="Change it only if it still has this version.")
    subject: str | None = field(
        default=UNSET, description="The headline: 1 to 255 characters after trimming. Can't be cleared."
    )
    description: str | None = field(default=UNSET, description="Longer text.")
    outcome: str | None = field(default=UNSET, description="What came of it: at most 100 characters.")
    priority: TaskPriority | None = field(
        default=UNSET, description="How urgent it is. Null makes it MEDIUM, as for a new task."
    )
    due_at: datetime | None = field(
        default=UNSET,
        description="When it is due. Another date for an open task makes it SCHEDULED when ahead, else PENDING.",
    )
    assignee_id: strawberry.ID | None = field(
        default=UNSET, description="Who is to do it: an active colleague, or who has it already. Must be somebody."
    )
    lead_id: strawberry.ID | None = field(default=UNSET, description="The lead to link.")
    contact_id: strawberry.ID | None = field(default=UNSET, description="The contact to link.")
    account_id: strawberry.ID | None = field(default=UNSET, description="The account to link.")
    idempotency_key: str | None = field(default=UNSET, description=KEY)
    client_mutation_id: str | None = field(default=UNSET, description=OWN_TEXT)
    validate_only: bool | None = field(default=False, description=CHECK_ONLY)

    def change(self) -> TaskChange:
        """Return the changes as plain data. Raises BadUserInput for a malformed id and for UNKNOWN."""
        return TaskChange(
            task_id=to_uuid(self.id, "id"),
            given=frozenset(name for name in CHANGEABLE if getattr(self, name) is not UNSET),
            subject=given_or_none(self.subject),
            description=given_or_none(self.description),
            outcome=given_or_none(self.outcome),
            priority=priority_word(self.priority),
            due_at=given_or_none(self.due_at),
            assignee_id=to_uuid_or_none(self.assignee_id, "assigneeId"),
            lead_id=to_uuid_or_none(self.lead_id, "leadId"),
            contact_id=to_uuid_or_none(self.contact_id, "contactId"),
            account_id=to_uuid_or_none(self.account_id, "accountId"),
            expected_version=given_or_none(self.expected_version),
        )


@strawberry.input(description="How a task ended.")
class CompleteTaskInput:
    """How a task ended."""

    id: strawberry.ID = field(description="The task to complete.")
    expected_version: str | None = field(default=UNSET, description="Complete it only if it still has this version.")
    outcome: str | None = field(default=UNSET, description="What came of it: at most 100 characters.")
    notes: str | None = field(default=UNSET, description="Added to the end of the description.")
    client_mutation_id: str | None = field(default=UNSET, description=OWN_TEXT)

    def completion(self) -> Completion:
        """Return it as plain data. Raises BadUserInput for a malformed id. An empty text says nothing."""
        return Completion(
            task_id=to_uuid(self.id, "id"),
            outcome=(self.outcome or "").strip() or None,
            notes=(self.notes or "").strip() or None,
            expected_version=given_or_none(self.expected_version),
        )


@strawberry.input(description="A task, and optionally the version it must have.")
class TaskIdInput:
    """A task, and the version it must have."""

    id: strawberry.ID = field(description="The task.")
    expected_version: str | None = field(default=UNSET, description="Act only if it still has this version.")
    client_mutation_id: str | None = field(default=UNSET, description=OWN_TEXT)

    def chosen(self) -> ChosenTask:
        """Return it as plain data. Raises BadUserInput for a malformed id."""
        return ChosenTask(to_uuid(self.id, "id"), given_or_none(self.expected_version))


def priority_word(priority: TaskPriority | None) -> str:
    """Return the word to store, the usual one for none. Raises BadUserInput for UNKNOWN."""
    if priority is TaskPriority.UNKNOWN:
        raise BadUserInput("priority UNKNOWN can't be set. Give LOW, MEDIUM or HIGH.")
    return str((priority or TaskPriority.MEDIUM).value)


def wanted_task(context: Context, given: CreateTaskInput) -> WantedTask:
    """Return the task that somebody wants as plain data. Raises BadUserInput."""
    draft = given.draft()
    intention = context.intention("createTask", given.idempotency_key, draft)
    return WantedTask(
        draft,
        intention,
        is_check_only=bool(given.validate_only),
        client_mutation_id=context.own_text(given.client_mutation_id),
    )


def wanted_tasks(context: Context, given: Sequence[CreateTaskInput]) -> list[WantedTask]:
    """Return the tasks that somebody wants as plain data. Raises BadUserInput, which says for which of them."""
    wanted = []
    for number, one in enumerate(given):
        try:
            wanted.append(wanted_task(context, one))
        except BadUserInput as exc:
            raise BadUserInput(f"Item {number} of input (the first is 0): {exc}") from exc
    return wanted
