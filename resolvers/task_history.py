"""What happened to a task, newest first, and what it was linked to before that was deleted."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from db import task_events
from db.keyset import Page
from resolvers.cursors import scope_of
from resolvers.pages import PageRequest, RowPage, row_page

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from db.interactions import InteractionRow
    from db.nested_pages import OwnedNumber, OwnedPage
    from db.task_events import LostLinkRow, TaskEventRow
    from resolvers.loaders import Loaders

EMPTY = Page([], [], has_more=False)

# The columns that clients see, in the order in which they are listed. `assignee` is a name alone, from the old history.
COLUMNS = (
    "interaction_type",
    "subject",
    "description",
    "outcome",
    "status",
    "priority",
    "scheduled_at",
    "completed_at",
    "lead_id",
    "contact_id",
    "account_id",
    "user_id",
    "assignee",
    "created_at",
    "created_by",
    "deleted_at",
)


async def page_of_history(loaders: Loaders, task_id: UUID, request: PageRequest) -> RowPage[TaskEventRow]:
    """Return a page of what happened to a task, newest first.

    Raises BadUserInput, BadCursor or LimitExceeded. 1 statement for all tasks of which the same page is asked.
    """
    scope = scope_of("history of", task_id)
    window = request.window(task_events.BY_TIME, scope)
    fetch = partial(task_events.pages_of_interactions, window=window)
    found = await loaders.answering(("history", window), fetch, _owner_of).load(task_id)
    page = found.page if found else EMPTY
    return row_page(task_events.rows_of(page), page, window, scope)


async def count_of_history(loaders: Loaders, task_id: UUID) -> int:
    """Count all that happened to a task. 1 statement for all tasks."""
    counts = loaders.answering("length of history", task_events.counts_of_interactions, _owner_of)
    found = await counts.load(task_id)
    return found.number if found else 0


async def links_lost_by(loaders: Loaders, id_: UUID) -> list[LostLinkRow]:
    """Return an interaction's links to records that were deleted, one for each record. 1 statement for all."""
    links = loaders.answering("lost links", task_events.lost_links_of_interactions, _owner_of)
    found = await links.load(id_)
    return task_events.lost_links_in(found.page) if found else []


async def lost_links_of(loaders: Loaders, row: InteractionRow) -> list[LostLinkRow]:
    """Return the lost links of an interaction without those that it has again."""
    current = {row.lead_id, row.contact_id, row.account_id}
    return [link for link in await links_lost_by(loaders, row.id) if link.record_id not in current]


def changes_of(event: TaskEventRow) -> list[tuple[str, object, object]]:
    """Return the difference as (column, before, after); a value that wasn't there, or isn't known, is None."""
    before: Mapping[str, object] = event.before or {}
    after: Mapping[str, object] = event.after or {}
    pairs = ((column, before.get(column), after.get(column)) for column in COLUMNS)
    return [(column, was, is_) for column, was, is_ in pairs if was != is_]


def _owner_of(owned: OwnedPage | OwnedNumber) -> UUID:
    return owned.owner_id
