"""The answers to changes of tasks."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from itertools import zip_longest

import strawberry
from strawberry import field

from errors import Refused
from resolvers.links import LinkedPair, mismatch_of
from resolvers.task_rules import Changed
from schema.arguments import given_or_none
from schema.context import Info
from schema.records import Account, Contact, account, contact
from schema.tasks import Task, task
from schema.user_errors import TaskError, user_error


@strawberry.type(
    description="The linked account belongs to another contact than the linked one. The task is saved all the same."
)
class LinkMismatchWarning:
    """An account and a contact that don't go together."""

    message: str = field(description="What doesn't fit, for people.")
    contact: Contact = field(description="The linked contact.")
    account: Account = field(description="The linked account.")


@strawberry.type(description="The answer to a change of one task.")
class TaskPayload:
    """The answer to a change of one task."""

    task: Task | None = field(
        default=None, description="The task as it is now. Empty when the change was refused, or only checked."
    )
    errors: list[TaskError] = field(
        default_factory=list, description="Why the change was refused. Empty when it was made."
    )
    replayed: bool = field(default=False, description="True when nothing was done because it had been done before.")
    client_mutation_id: str | None = field(default=None, description="Your own text, as you gave it.")
    pair: strawberry.Private[LinkedPair | None] = None

    @field(description="What is odd about the result, or would be, where the change was only checked.")
    async def warnings(self, info: Info) -> list[LinkMismatchWarning]:
        """Compare the linked account's contact with the linked one. No statement unless both are linked."""
        found = await mismatch_of(info.context.loaders, self.pair) if self.pair else None
        if not found:
            return []
        holder, held = contact(found.contact), account(found.account)
        if not holder or not held:
            return []
        return [LinkMismatchWarning(message=found.message, contact=holder, account=held)]


@strawberry.type(description="The answer to a change of several tasks.")
class TasksPayload:
    """The answer to a change of several tasks."""

    results: list[TaskPayload] = field(description="One answer for each item, in the order given.")
    succeeded: int = field(description="How many were made.")
    failed: int = field(description="How many were refused.")


async def task_payload(change: Awaitable[Changed], own_text: str | None) -> TaskPayload:
    """Await a change of one task and show what came of it, refusals too."""
    try:
        outcome: Changed | Refused = await change
    except Refused as refused:
        outcome = refused
    return _shown(outcome, given_or_none(own_text), "input")


def tasks_payload(
    outcomes: Sequence[Changed | Refused], argument: str, own_texts: Sequence[str | None] = ()
) -> TasksPayload:
    """Show what came of each change of a list; `argument` names the list in the paths of refusals."""
    results = [
        _shown(outcome, given_or_none(own_text), argument, str(number))
        for number, (outcome, own_text) in enumerate(zip_longest(outcomes, own_texts))
    ]
    failed = sum(bool(result.errors) for result in results)
    return TasksPayload(results=results, succeeded=len(results) - failed, failed=failed)


def _shown(outcome: Changed | Refused, own_text: str | None, *at: str) -> TaskPayload:
    if isinstance(outcome, Refused):
        return TaskPayload(
            errors=[user_error(refusal, *at) for refusal in outcome.refusals], client_mutation_id=own_text
        )
    row = outcome.row
    return TaskPayload(
        task=task(row) if row else None,
        pair=LinkedPair(row.contact_id, row.account_id) if row else outcome.checked,
        replayed=outcome.is_replayed,
        client_mutation_id=own_text,
    )
