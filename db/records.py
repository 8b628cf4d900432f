"""Records: whatever an interaction can link to, that is leads, contacts and accounts together."""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import Integer, String, and_, any_, bindparam, case, func, literal, select, true, union_all
from sqlalchemy.dialects.postgresql import ARRAY

from db.interactions import IS_ALIVE
from db.statements import Statement, compiled, of_tenant, uuids_argument
from db.tables import accounts, contacts, interactions, leads, users
from db.words import escaped, inner_patterns, patterns, spread

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from sqlalchemy import ColumnElement, FromClause, Select

    from db.sessions import Session


class RecordKind(StrEnum):
    """What an interaction can be linked to, in the order in which links are listed."""

    LEAD = "lead"
    CONTACT = "contact"
    ACCOUNT = "account"

    @property
    def column(self) -> str:
        """The column of lead_interactions that links to it."""
        return f"{self.value}_id"


class FoundRow(NamedTuple):
    """Which kind of thing an id belongs to: a RecordKind's value, `interaction` or `user`."""

    kind: str
    id: UUID


async def kinds_of(session: Session, ids: Sequence[UUID]) -> list[FoundRow]:
    """Tell what these ids are, in no order; unknown ones, deleted tasks and accounts are absent. 1 statement."""
    return [FoundRow(*row) for row in await session.rows(_kinds_of(), ids=ids)]


async def search(session: Session, words: Sequence[str], kinds: Sequence[RecordKind], limit: int) -> list[FoundRow]:
    """Find records in whose name, company or e-mail every word begins some word; at most `limit`. 1 statement.

    Best match first: names that begin with the first word, then by name.
    """
    rows = await session.rows(
        _search(),
        inner_patterns=inner_patterns(words),
        patterns=patterns(words),
        first_pattern=f"{escaped(words[0])}%",
        kinds=[kind.value for kind in kinds],
        limit=limit,
    )
    return [FoundRow(*row) for row in rows]


def person_name(first: str | None, last: str | None, *others: str | None) -> str:
    """Join a person's names, or take the first of `others` that says something; empty when nothing does."""
    name = f"{(first or '').strip()} {(last or '').strip()}".strip()
    return name or next((other.strip() for other in others if other and other.strip()), "")


@cache
def searched_texts(kind: RecordKind) -> tuple[ColumnElement[str], ...]:
    """Return what a search for records of this kind looks at, the name first."""
    if kind is RecordKind.ACCOUNT:
        return (accounts.c.account_name,)
    table = leads if kind is RecordKind.LEAD else contacts
    full_name = func.btrim(func.concat_ws(" ", table.c.first_name, table.c.last_name))
    return full_name, table.c.company, table.c.email


@cache
def _kinds_of() -> Statement:
    def found(kind: str, table: FromClause, *conditions: ColumnElement[bool]) -> Select[tuple[str, UUID]]:
        ids = uuids_argument("ids")
        return select(literal(kind, String).label("kind"), table.c.id).where(
            of_tenant(table), table.c.id == any_(ids), *conditions
        )

    return compiled(
        union_all(
            found("interaction", interactions, IS_ALIVE),
            found("lead", leads),
            found("contact", contacts),
            found("account", accounts, accounts.c.deleted_at.is_(None)),
            found("user", users),
        )
    )


@cache
def _search() -> Statement:
    def found(kind: RecordKind, table: FromClause) -> Select[tuple[str, UUID, str]]:
        texts = searched_texts(kind)
        # ILIKE, because the database must fold both sides: Python's lower() makes two characters of İ, for instance.
        # The first test is implied by the second, and cheap: it spares most records the second one.
        holds = func.concat_ws(" ", *texts).ilike(func.all(bindparam("inner_patterns", type_=ARRAY(String))))
        matches = and_(holds, spread(*texts).ilike(func.all(bindparam("patterns", type_=ARRAY(String)))))
        wanted = literal(kind.value, String) == any_(bindparam("kinds", type_=ARRAY(String)))
        alive = table.c.deleted_at.is_(None) if "deleted_at" in table.c else true()
        return select(literal(kind.value, String).label("kind"), table.c.id, texts[0].label("name")).where(
            of_tenant(table), wanted, alive, matches
        )

    every = union_all(
        found(RecordKind.LEAD, leads),
        found(RecordKind.CONTACT, contacts),
        found(RecordKind.ACCOUNT, accounts),
    ).subquery("found")
    begins = every.c.name.ilike(bindparam("first_pattern", type_=String))
    query = select(every.c.kind, every.c.id).order_by(case((begins, 0), else_=1), every.c.name, every.c.id)
    return compiled(query.limit(bindparam("limit", type_=Integer)))
