"""Colleagues: the people of an organization."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import Integer, String, any_, bindparam, false, func, select, true
from sqlalchemy.dialects.postgresql import ARRAY

from db.records import person_name
from db.statements import Statement, compiled, of_tenant, uuid_argument, uuids_argument
from db.tables import users
from db.words import patterns, spread

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from db.sessions import Session


class UserRow(NamedTuple):
    """A colleague."""

    id: UUID
    email: str
    first_name: str
    last_name: str

    @property
    def display_name(self) -> str:
        """The name to show; never empty."""
        return person_name(self.first_name, self.last_name, self.email) or "Unnamed colleague"


COLUMNS = (users.c.id, users.c.email, users.c.first_name, users.c.last_name)
# Where nobody said, as in rows of older versions, a colleague is.
IS_ACTIVE = users.c.is_active.is_not(false())


async def by_ids(session: Session, ids: Sequence[UUID]) -> list[UserRow]:
    """Return the colleagues with these ids, in no order; ids of nobody are absent. 1 statement."""
    return [UserRow(*row) for row in await session.rows(_by_ids(), ids=ids)]


async def is_active(session: Session, id_: UUID) -> bool:
    """Tell whether this is a colleague who is active; one of whom nobody said is. 1 statement."""
    return bool(await session.number(_count_active(), id=id_))


async def search(session: Session, words: Sequence[str], limit: int) -> list[UserRow]:
    """Return active colleagues in whose name or address each word begins some word, by name; at most `limit`.

    1 statement.
    """
    return [UserRow(*row) for row in await session.rows(_search(), patterns=patterns(words), limit=limit)]


async def first_of_role(session: Session, role: str) -> UserRow | None:
    """Return the active colleague with this role who comes first by e-mail, or None. 1 statement."""
    rows = await session.rows(_first_of_role(), role=role)
    return UserRow(*rows[0]) if rows else None


@cache
def _by_ids() -> Statement:
    return compiled(select(*COLUMNS).where(of_tenant(users), users.c.id == any_(uuids_argument("ids"))))


@cache
def _count_active() -> Statement:
    return compiled(select(func.count()).where(of_tenant(users), IS_ACTIVE, users.c.id == uuid_argument("id")))


@cache
def _search() -> Statement:
    full_name = func.btrim(func.concat_ws(" ", users.c.first_name, users.c.last_name))
    # ILIKE, because the database must fold both sides. Without a pattern it holds for everybody.
    matches = spread(full_name, users.c.email).ilike(func.all(bindparam("patterns", type_=ARRAY(String))))
    shown = func.coalesce(func.nullif(full_name, ""), users.c.email)
    query = select(*COLUMNS).where(of_tenant(users), IS_ACTIVE, matches)
    return compiled(query.order_by(func.lower(shown), shown, users.c.id).limit(bindparam("limit", type_=Integer)))


@cache
def _first_of_role() -> Statement:
    has_role = users.c.role == bindparam("role", type_=String)
    return compiled(
        select(*COLUMNS).where(of_tenant(users), users.c.is_active == true(), has_role).order_by(users.c.email).limit(1)
    )
