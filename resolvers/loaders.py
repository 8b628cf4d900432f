"""Dataloaders: whatever one level of an answer needs of a relation is asked for in one statement."""

from __future__ import annotations

from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from db import accounts, contacts, interactions, leads, linked_rows, users
from db.linked_rows import INTERACTIONS, known_paths
from resolvers.rounds import Loader, Rounds

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Hashable, Mapping, Sequence
    from uuid import UUID

    from db.linked_rows import Found, Path
    from db.sessions import Session
    from resolvers.rounds import Row

# What an interaction names by its id.
LINKED = [attrgetter(name) for name in ("lead_id", "contact_id", "account_id", "assignee_id", "created_by_id")]


class Loaders:
    """One operation's dataloaders. Each loads a row by a key, or None when there is no such row.

    Of the interactions in `together`, and of what they link, whatever is asked of one is loaded for all.
    """

    def __init__(self, session: Session, together: Collection[UUID] = ()) -> None:
        self._session = session
        self._rounds = rounds = Rounds(session)
        self._rounds.expect(together)
        self._answering: dict[Hashable, Loader[Any]] = {}
        self.users_by_id = Loader(rounds, session, users.by_ids, _id_of)
        self.leads_by_id = Loader(rounds, session, leads.by_ids, _id_of)
        self.contacts_by_id = Loader(rounds, session, contacts.by_ids, _id_of)
        self.accounts_by_id = Loader(rounds, session, accounts.by_ids, _id_of)
        """Loads deleted accounts too: what they left behind still shows their name."""
        # Nothing here holds the loaders themselves: with the operation they go, and all that they have loaded.
        by_ids = partial(_reading_ahead, rounds) if len(together) > 1 else interactions.by_ids
        self.interactions_by_id = Loader(rounds, session, by_ids, _id_of)
        self._by_id: Mapping[str, Loader[Any]] = {
            "users": self.users_by_id,
            "leads": self.leads_by_id,
            "contacts": self.contacts_by_id,
            "accounts": self.accounts_by_id,
            INTERACTIONS: self.interactions_by_id,
        }
        self.leads_of_contact = Loader(rounds, session, leads.latest_of_contacts, lambda lead: lead.contact_id)

    def prime(self, found: Found) -> None:
        """Take rows that came with others."""
        for table, rows in found.items():
            self._by_id[table].prime(rows)

    async def load_linked(self, table: str, id_: UUID, foreseen: frozenset[Path]) -> None:
        """Load a row, and with it what is at the end of these paths: whoever asks for them finds them. 1 statement."""
        paths = known_paths(table, foreseen)
        fetch = partial(linked_rows.by_ids, table=table, paths=paths)
        linked = await self.answering(("linked", table, paths), fetch, lambda linked: linked.id).load(id_)
        self.prime({table: {id_: linked.row if linked else None}} | (linked.found if linked else {}))

    def answering(
        self,
        question: Hashable,
        fetch: Callable[[Session, Sequence[UUID]], Awaitable[list[Row]]],
        key_of: Callable[[Row], UUID | None],
    ) -> Loader[Row]:
        """Return the loader of whatever answers this question of records: one for all records of which it is asked."""
        if question not in self._answering:
            self._answering[question] = Loader(self._rounds, self._session, fetch, key_of)
        return self._answering[question]


async def _reading_ahead(rounds: Rounds, session: Session, ids: Sequence[UUID]) -> list[interactions.InteractionRow]:
    rows = await interactions.by_ids(session, ids)
    for link in LINKED:
        rounds.expect(filter(None, map(link, rows)))
    return rows


def _id_of(
    row: users.UserRow | leads.LeadRow | contacts.ContactRow | accounts.AccountRow | interactions.InteractionRow,
) -> UUID:
    return row.id
