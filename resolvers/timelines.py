"""Timelines: everything that happened or is planned with one record, the latest first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from db import interactions
from errors import NotFound
from resolvers.cursors import scope_of
from resolvers.pages import PageRequest, RowPage, row_page
from resolvers.records import record_by_id

if TYPE_CHECKING:
    from uuid import UUID

    from db.interactions import InteractionRow
    from db.records import RecordKind
    from db.sessions import Session
    from resolvers.loaders import Loaders


async def page_of_timeline(
    session: Session, loaders: Loaders, kind: RecordKind, id_: UUID, request: PageRequest
) -> RowPage[InteractionRow]:
    """Return a page of what happened with one record, the latest first.

    Raises NotFound, BadUserInput, BadCursor or LimitExceeded. 2 statements, one of which loads the record itself.
    """
    scope = scope_of("timeline", kind.value, id_)
    window = request.window(interactions.BY_TIME, scope)
    if await record_by_id(loaders, kind, id_) is None:
        raise NotFound(f"There is no {kind.value} {id_} in your organization. Choose another record.")
    page = await interactions.page_of_record(session, kind, id_, window)
    return row_page(interactions.rows_of(page), page, window, scope)


async def count_timeline(session: Session, kind: RecordKind, id_: UUID) -> int:
    """Count all interactions of one record. 1 statement."""
    return await interactions.count_of_record(session, kind, id_)
