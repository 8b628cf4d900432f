"""Accounts: licences or subscriptions that contacts hold."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from sqlalchemy import any_, select

from db.statements import Statement, compiled, of_tenant, uuids_argument
from db.tables import accounts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from db.sessions import Session


@dataclass(frozen=True, slots=True)
class AccountRow:
    """An account. One with `deleted_at` is gone for users; only its name is still shown, on the tasks it left."""

    id: UUID
    name: str
    status: str | None
    contact_id: UUID | None
    deleted_at: datetime | None

    @property
    def display_name(self) -> str:
        """The name to show; never empty."""
        return self.name.strip() or "Unnamed account"


COLUMNS = (
    accounts.c.id,
    accounts.c.account_name,
    accounts.c.account_status,
    accounts.c.contact_id,
    accounts.c.deleted_at,
)


async def by_ids(session: Session, ids: Sequence[UUID]) -> list[AccountRow]:
    """Return the accounts with these ids, deleted ones too, in no order; ids of no account are absent. 1 statement."""
    return [AccountRow(*row) for row in await session.rows(_by_ids(), ids=ids)]


@cache
def _by_ids() -> Statement:
    return compiled(select(*COLUMNS).where(of_tenant(accounts), accounts.c.id == any_(uuids_argument("ids"))))
