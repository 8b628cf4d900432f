"""What resolvers are given: whose data is asked for, sessions, and the loaders of one request."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from strawberry.dataloader import DataLoader

from bench.contestants.strawberry_orm.tables import AccountRow, Base, ContactRow, LeadRow, UserRow

if TYPE_CHECKING:
    from collections.abc import Sequence

Row = TypeVar("Row", bound=Base)


@dataclass
class Context:
    """One request's."""

    sessions: async_sessionmaker[AsyncSession]
    organization: UUID
    person: UUID
    users: DataLoader[UUID, UserRow | None] = field(init=False)
    leads: DataLoader[UUID, LeadRow | None] = field(init=False)
    contacts: DataLoader[UUID, ContactRow | None] = field(init=False)
    accounts: DataLoader[UUID, AccountRow | None] = field(init=False)

    def __post_init__(self) -> None:
        """Make the loaders."""
        self.users = self._by_id(UserRow)
        self.leads = self._by_id(LeadRow)
        self.contacts = self._by_id(ContactRow)
        self.accounts = self._by_id(AccountRow)

    def _by_id(self, table: type[Row]) -> DataLoader[UUID, Row | None]:
        async def load(ids: Sequence[UUID]) -> list[Row | None]:
            query = select(table).where(table.organization_id == self.organization, table.id.in_(ids))
            async with self.sessions() as session:
                found = {row.id: row for row in await session.scalars(query)}
            return [found.get(id_) for id_ in ids]

        return DataLoader(load_fn=load)
