"""Leads, contacts, accounts, colleagues and interactions, looked up by id or found by words."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from db import records
from db.records import RecordKind
from errors import BadUserInput, LimitExceeded
from resolvers.searches import words_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from db.accounts import AccountRow
    from db.contacts import ContactRow
    from db.interactions import InteractionRow
    from db.leads import LeadRow
    from db.sessions import Session
    from db.users import UserRow
    from resolvers.loaders import Loaders

    RecordRow = LeadRow | ContactRow | AccountRow

MOST_FOUND = 50
MOST_IDS = 500


async def record_by_id(loaders: Loaders, kind: RecordKind, id_: UUID) -> RecordRow | None:
    """Return a lead, contact or account; None when there is none in the organization, or it was deleted."""
    match kind:
        case RecordKind.LEAD:
            return await loaders.leads_by_id.load(id_)
        case RecordKind.CONTACT:
            return await loaders.contacts_by_id.load(id_)
        case RecordKind.ACCOUNT:
            account = await loaders.accounts_by_id.load(id_)
            return None if account is None or account.deleted_at else account


async def many_by_ids(
    session: Session, loaders: Loaders, ids: Sequence[UUID]
) -> list[RecordRow | UserRow | InteractionRow | None]:
    """Return whatever has these ids in the organization, in their order, None for others.

    1 statement, and 1 for each kind that is found. Raises LimitExceeded.
    """
    if len(ids) > MOST_IDS:
        raise LimitExceeded(f"ids lists {len(ids):,} identifiers. List at most {MOST_IDS}.")
    kinds = {row.id: row.kind for row in await records.kinds_of(session, list(set(ids)))} if ids else {}
    return await asyncio.gather(*(_by_kind(loaders, kinds.get(id_), id_) for id_ in ids))


async def _by_kind(loaders: Loaders, kind: str | None, id_: UUID) -> RecordRow | UserRow | InteractionRow | None:
    match kind:
        case None:
            return None
        case "interaction":
            return await loaders.interactions_by_id.load(id_)
        case "user":
            return await loaders.users_by_id.load(id_)
        case _:
            return await record_by_id(loaders, RecordKind(kind), id_)


async def search_records(
    session: Session, loaders: Loaders, text: str, kinds: Sequence[RecordKind], limit: int
) -> list[RecordRow]:
    """Find records by the beginnings of words, best match first. At most 4 statements.

    Raises BadUserInput or LimitExceeded.
    """
    if limit < 0:
        raise BadUserInput(f"first is {limit}. Give a number from 0 to {MOST_FOUND}.")
    if limit > MOST_FOUND:
        raise LimitExceeded(f"first is {limit}. Ask for 0 to {MOST_FOUND} records; more words find fewer.")
    words = words_of(text, "The search")
    if not words:
        return []
    found = await records.search(session, words, kinds, limit)
    loaded = await asyncio.gather(*(record_by_id(loaders, RecordKind(row.kind), row.id) for row in found))
    return [row for row in loaded if row]
