"""Records: whatever an interaction can link to, that is leads, contacts and accounts together."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING

from sqlalchemy import Integer, String, any_, bindparam, case, func, literal, select, true, union_all
from sqlalchemy.dialects.postgresql import ARRAY

from db.statements import Statement, compiled, of_tenant, uuids_argument
from db.tables import accounts, contacts, interactions, leads, users

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


@dataclass(frozen=True, slots=True)
class FoundRow:
    """Which kind of thing an id belongs to: a RecordKind's value, `interaction` or `user`."""

    kind: str
    id: UUID


async def kinds_of(session: Session, ids: Sequence[UUID]) -> list[FoundRow]:
    """Tell what these ids are, in no order; unknown ones and deleted accounts are absent. 1 statement."""
    return [FoundRow(*row) for row in await session.rows(_kinds_of(), ids=ids)]


async def search(session: Session, words: Sequence[str], kinds: Sequence[RecordKind], limit: int) -> list[FoundRow]:
    """Find records in whose name, company or e-mail every word begins some word; at most `limit`. 1 statement.

    Best match first: names that begin with the first word, then by name.
    """
    beginnings = [_escaped(word) for word in words]
    rows = await session.rows(
        _search(),
        patterns=[f"% {beginning}%" for beginning in beginnings],  # the text searched begins with a space
        first_pattern=f"{beginnings[0]}%",
        kinds=[kind.value for kind in kinds],
        limit=limit,
    )
    return [FoundRow(*row) for row in rows]


def person_name(first: str | None, last: str | None, *others: str | None) -> str:
    """Join a person's names, or take the first of `others` that says something; empty when nothing does."""
    name = " ".join(part for part in ((first or "").strip(), (last or "").strip()) if part)
    return name or next((other.strip() for other in others if other and other.strip()), "")


def _escaped(word: str) -> str:
    return word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


@cache
def _kinds_of() -> Statement:
    def found(kind: str, table: FromClause, *conditions: ColumnElement[bool]) -> Select[tuple[str, UUID]]:
        ids = uuids_argument("ids")
        return select(literal(kind, String).label("kind"), table.c.id).where(
            of_tenant(table), table.c.id == any_(ids), *conditions
        )

    return compiled(
        union_all(
            found("interaction", interactions),
            found("lead", leads),
            found("contact", contacts),
            found("account", accounts, accounts.c.deleted_at.is_(None)),
            found("user", users),
        )
    )


@cache
def _search() -> Statement:
    def found(
        kind: RecordKind, table: FromClause, name: ColumnElement[str], *more: ColumnElement[str]
    ) -> Select[tuple[str, UUID, str]]:
        # ILIKE, because the database must fold both sides: Python's lower() makes two characters of İ, for instance.
        # A word begins after a space, and after a hyphen, bracket or @ as well: the text stands there a second time
        # with all of these made spaces.
        text = func.concat_ws(" ", name, *more)
        text = func.concat(" ", text, " ", func.regexp_replace(text, "[^[:alnum:]]+", " ", "g"))
        matches = text.ilike(func.all(bindparam("patterns", type_=ARRAY(String))))
        wanted = literal(kind.value, String) == any_(bindparam("kinds", type_=ARRAY(String)))
        alive = table.c.deleted_at.is_(None) if "deleted_at" in table.c else true()
        return select(literal(kind.value, String).label("kind"), table.c.id, name.label("name")).where(
            of_tenant(table), wanted, alive, matches
        )

    def full_name(table: FromClause) -> ColumnElement[str]:
        return func.btrim(func.concat_ws(" ", table.c.first_name, table.c.last_name))

    every = union_all(
        found(RecordKind.LEAD, leads, full_name(leads), leads.c.company, leads.c.email),
        found(RecordKind.CONTACT, contacts, full_name(contacts), contacts.c.company, contacts.c.email),
        found(RecordKind.ACCOUNT, accounts, accounts.c.account_name),
    ).subquery("found")
    begins = every.c.name.ilike(bindparam("first_pattern", type_=String))
    query = select(every.c.kind, every.c.id).order_by(case((begins, 0), else_=1), every.c.name, every.c.id)
    return compiled(query.limit(bindparam("limit", type_=Integer)))
