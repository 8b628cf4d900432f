"""Lists that hang on a record: its tasks, and a contact's accounts. Each level of an answer takes one statement."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from db import accounts, interactions, tasks
from db.keyset import Page
from db.task_orders import keys_of
from resolvers.cursors import scope_of
from resolvers.pages import PageRequest, RowPage, row_page

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from db.accounts import AccountRow
    from db.interactions import InteractionRow
    from db.nested_pages import OwnedNumber, OwnedPage
    from db.records import RecordKind
    from db.task_filters import TaskFilter
    from db.task_orders import TaskOrder
    from resolvers.loaders import Loaders

EMPTY = Page([], [], has_more=False)


async def page_of_record(
    loaders: Loaders, kind: RecordKind, id_: UUID, filter_: TaskFilter, order: Sequence[TaskOrder], request: PageRequest
) -> RowPage[InteractionRow]:
    """Return a page of a record's matching tasks in this order.

    Raises BadUserInput, BadCursor or LimitExceeded. 1 statement for all records of which the same page is asked.
    """
    scope = scope_of("tasks of", kind.value, id_, filter_, *order)
    window = request.window(keys_of(order), scope)
    question = ("tasks", kind, filter_, tuple(order), window)
    fetch = partial(tasks.pages_of_records, kind=kind, tasks=filter_, order=order, window=window)
    found = await loaders.answering(question, fetch, _owner_of).load(id_)
    page = found.page if found else EMPTY
    return row_page(interactions.rows_of(page), page, window, scope)


async def count_of_record(loaders: Loaders, kind: RecordKind, id_: UUID, filter_: TaskFilter) -> int:
    """Count all matching tasks of a record. 1 statement for all records of which the same is asked."""
    fetch = partial(tasks.counts_of_records, kind=kind, tasks=filter_)
    found = await loaders.answering(("number of tasks", kind, filter_), fetch, _owner_of).load(id_)
    return found.number if found else 0


async def page_of_accounts(loaders: Loaders, contact_id: UUID, request: PageRequest) -> RowPage[AccountRow]:
    """Return a page of a contact's accounts by name, those marked as deleted left out.

    Raises BadUserInput, BadCursor or LimitExceeded. 1 statement for all contacts of which the same page is asked.
    """
    scope = scope_of("accounts of", contact_id)
    window = request.window(accounts.BY_NAME, scope)
    fetch = partial(accounts.pages_of_contacts, window=window)
    found = await loaders.answering(("accounts", window), fetch, _owner_of).load(contact_id)
    page = found.page if found else EMPTY
    return row_page(accounts.rows_of(page), page, window, scope)


async def count_of_accounts(loaders: Loaders, contact_id: UUID) -> int:
    """Count all accounts of a contact. 1 statement for all contacts."""
    found = await loaders.answering("number of accounts", accounts.counts_of_contacts, _owner_of).load(contact_id)
    return found.number if found else 0


def _owner_of(owned: OwnedPage | OwnedNumber) -> UUID:
    return owned.owner_id
