"""Accounts: licences or subscriptions that contacts hold."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import String, any_, func, select

from db.keyset import Key, Page, Window
from db.nested_pages import OWNER, OwnedNumber, OwnedPage, pages_of
from db.statements import Statement, compiled, of_tenant, uuids_argument
from db.tables import accounts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from db.sessions import Session


class AccountRow(NamedTuple):
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

LONGEST_NAME = 255  # characters; the column's length, and the most of one that a cursor carries

BY_NAME = (
    Key("name", "text", func.left(func.lower(accounts.c.account_name), LONGEST_NAME, type_=String), is_nullable=False),
    Key("id", "uuid", accounts.c.id, is_nullable=False),
)


async def by_ids(session: Session, ids: Sequence[UUID]) -> list[AccountRow]:
    """Return the accounts with these ids, deleted ones too, in no order; ids of no account are absent. 1 statement."""
    return [AccountRow(*row) for row in await session.rows(_by_ids(), ids=ids)]


async def pages_of_contacts(session: Session, contact_ids: Sequence[UUID], *, window: Window) -> list[OwnedPage]:
    """Return for each contact its page of accounts by name; contacts without one are absent. 1 statement."""
    query = select(*COLUMNS).where(of_tenant(accounts), accounts.c.contact_id == OWNER, accounts.c.deleted_at.is_(None))
    return await pages_of(session, contact_ids, query, BY_NAME, window)


async def counts_of_contacts(session: Session, contact_ids: Sequence[UUID]) -> list[OwnedNumber]:
    """Count each contact's accounts; contacts without one are absent. 1 statement."""
    return [OwnedNumber(*row) for row in await session.rows(_counts_of_contacts(), ids=contact_ids)]


def rows_of(page: Page) -> list[AccountRow]:
    """Read a page whose query selects COLUMNS first."""
    return [AccountRow(*record[: len(COLUMNS)]) for record in page.records]


@cache
def _by_ids() -> Statement:
    return compiled(select(*COLUMNS).where(of_tenant(accounts), accounts.c.id == any_(uuids_argument("ids"))))


@cache
def _counts_of_contacts() -> Statement:
    held = (accounts.c.contact_id == any_(uuids_argument("ids")), accounts.c.deleted_at.is_(None))
    query = select(accounts.c.contact_id, func.count()).where(of_tenant(accounts), *held)
    return compiled(query.group_by(accounts.c.contact_id))
