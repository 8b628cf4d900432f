"""Moves of tasks from one record to others, as clients ask for them and see them."""

from __future__ import annotations

from collections.abc import Awaitable

import strawberry
from strawberry import UNSET, field

from db.records import RecordKind as Kind
from db.relinks import Relink
from db.task_filters import TaskFilter as PlainFilter
from errors import Refused
from resolvers.relinks import Relinked
from schema.filters import TaskFilter
from schema.links import RecordRef
from schema.scalars import to_uuid
from schema.tasks import Task, task
from schema.user_errors import TaskError, user_error


@strawberry.input(description="Any of a lead, a contact and an account.")
class LinksInput:
    """Any links."""

    lead_id: strawberry.ID | None = field(default=UNSET, description="The lead to link.")
    contact_id: strawberry.ID | None = field(default=UNSET, description="The contact to link.")
    account_id: strawberry.ID | None = field(default=UNSET, description="The account to link.")

    def targets(self) -> dict[Kind, str]:
        """Return the ids given, in the order in which links are listed."""
        given = {Kind.LEAD: self.lead_id, Kind.CONTACT: self.contact_id, Kind.ACCOUNT: self.account_id}
        return {kind: id_ for kind, id_ in given.items() if isinstance(id_, str)}


@strawberry.input(description="Move the tasks of one record to others.")
class RelinkTasksInput:
    """What to move, and where."""

    from_: RecordRef = field(name="from", description="The record whose tasks move; it may have been deleted since.")
    to: LinksInput = field(description="What they are linked to afterwards. A kind that is left out stays as it is.")
    keep_from: bool | None = field(
        default=False, description="Keep the old link where it is of another kind than the new one."
    )
    filter: TaskFilter | None = field(default=UNSET, description="Only tasks that match.")
    dry_run: bool | None = field(default=True, description="Count and show what would happen, and change nothing.")
    idempotency_key: str | None = field(
        default=UNSET,
        description="A key of your choice: a repeat with the same key returns the first answer instead of acting "
        "twice.",
    )

    def relink(self) -> Relink:
        """Return it as plain data. Raises BadUserInput or LimitExceeded."""
        kind, id_ = self.from_.target()
        to = {kind: to_uuid(id_, f"to.{kind.value}Id") for kind, id_ in self.to.targets().items()}
        tasks = self.filter.plain() if self.filter else PlainFilter()
        return Relink(kind, id_, to, tasks, is_link_kept=bool(self.keep_from))


@strawberry.type(description="The answer to a move of tasks.")
class RelinkPayload:
    """What was moved, or would be."""

    affected: int = field(default=0, description="How many tasks were moved, or would be.")
    sample: list[Task] = field(
        default_factory=list, description="Up to ten of them, with the links that they have afterwards."
    )
    dry_run: bool = field(description="True when nothing was changed.")
    replayed: bool = field(default=False, description="True when nothing was done because it had been done before.")
    errors: list[TaskError] = field(default_factory=list, description="Why the move was refused.")


async def relink_payload(change: Awaitable[Relinked], *, is_dry_run: bool) -> RelinkPayload:
    """Await a move and show what came of it, refusals too."""
    try:
        done = await change
    except Refused as refused:
        reasons = [user_error(refusal, "input") for refusal in refused.refusals]
        return RelinkPayload(errors=reasons, dry_run=is_dry_run)
    sample = [task(row) for row in done.moved.sample]
    return RelinkPayload(affected=done.moved.count, sample=sample, dry_run=is_dry_run, replayed=done.is_replayed)
