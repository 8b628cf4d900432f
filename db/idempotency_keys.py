"""Keys that callers give their changes, each kept with its input's digest and its answer, so that a repeat finds it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    Integer,
    LargeBinary,
    Text,
    all_,
    any_,
    bindparam,
    cast,
    column,
    delete,
    func,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, insert

from db.statements import Statement, compiled, of_tenant, uuid_argument
from db.tables import idempotency_keys as keys

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from sqlalchemy import CTE, BindParameter, ColumnElement, FromClause, TableValuedAlias
    from sqlalchemy.types import TypeEngine

    from db.sessions import Session

MOST_PRUNED = 200  # keys at a write; more than a write can add, so that expired ones get fewer

UNANSWERED = "null"  # until the change has been made


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose keys, and of which operation; after how many hours they expire."""

    user_id: UUID
    operation: str
    hours: int


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A key that was used before: its input's digest, and its answer as JSON."""

    key: str
    digest: bytes
    answer: str


async def claim(
    session: Session, owner: Owner, digests: Mapping[str, bytes], answers: Mapping[str, str]
) -> list[KeyRow]:
    """Claim keys, `{key: digest of its input}`; return those that were used before. 1 statement, 2 if there are such.

    `answers` are those that are known already, `{key: JSON}`; `keep` writes the others. To be called in the transaction
    of the change, whose end keeps the keys or lets them go. Waits for another open transaction that has claimed one of
    them. Raises TimedOut. An expired key is as good as new; some others that have expired are removed.
    """
    known = [answers.get(key, UNANSWERED) for key in digests]
    values = {"keys": list(digests), "digests": list(digests.values()), "answers": known}
    claimed = {row["key"] for row in await session.rows(_claim(), **_arguments(owner), **values)}
    used = [key for key in digests if key not in claimed]
    if not used:
        return []
    # A statement of its own: its snapshot is new, and shows what was committed while the one before was waiting.
    return [KeyRow(*row) for row in await session.rows(_used(), **_arguments(owner), keys=used)]


async def keep(session: Session, owner: Owner, answers: Mapping[str, str]) -> None:
    """Write the answers, `{key: JSON}`, beside keys just claimed. 1 statement."""
    values = {"keys": list(answers), "answers": list(answers.values())}
    await session.rows(_keep(), **_arguments(owner), **values)


async def release(session: Session, owner: Owner, claimed: Sequence[str]) -> None:
    """Let keys go that were just claimed: what they were for was refused. 1 statement."""
    await session.rows(_release(), **_arguments(owner), keys=claimed)


def _arguments(owner: Owner) -> dict[str, object]:
    return {"user_id": owner.user_id, "operation": owner.operation, "hours": owner.hours}


def _texts(name: str) -> BindParameter[Sequence[str]]:
    return bindparam(name, type_=ARRAY(Text))


def _given(**types: TypeEngine[Any]) -> TableValuedAlias:
    """Make rows of lists: keys, and something of these types for each; the list of a `name` is `names`."""
    lists = func.unnest(_texts("keys"), *(bindparam(f"{name}s", type_=ARRAY(type_)) for name, type_ in types.items()))
    columns = (column(name, type_) for name, type_ in types.items())
    return lists.table_valued(column("key", Text), *columns).render_derived(name="given")


def _identity(table: FromClause) -> list[ColumnElement[Any]]:
    return [table.c.organization_id, table.c.user_id, table.c.operation, table.c.key]


def _owned() -> tuple[ColumnElement[bool], ...]:
    return (
        of_tenant(keys),
        keys.c.user_id == uuid_argument("user_id"),
        keys.c.operation == bindparam("operation", type_=Text),
    )


def _has_expired(table: FromClause) -> ColumnElement[bool]:
    return table.c.created_at <= func.now() - func.make_interval(0, 0, 0, 0, bindparam("hours", type_=Integer))


@cache
def _claim() -> Statement:
    given = _given(digest=LargeBinary(), answer=Text())
    values: dict[str, ColumnElement[Any]] = {
        "organization_id": uuid_argument("organization_id"),
        "user_id": uuid_argument("user_id"),
        "operation": bindparam("operation", type_=Text),
        "key": given.c.key,
        "input_digest": given.c.digest,
        "answer": cast(given.c.answer, JSONB),
    }
    # In one order, so that two lists with the same keys don't wait for each other for ever.
    rows = select(*values.values()).select_from(given).order_by(given.c.key)
    claimed = insert(keys).from_select(list(values), rows)
    return compiled(
        claimed.on_conflict_do_update(
            index_elements=_identity(keys),
            set_={
                "input_digest": claimed.excluded.input_digest,
                "answer": claimed.excluded.answer,
                "created_at": func.now(),
            },
            where=_has_expired(keys),
        )
        .returning(keys.c.key)
        .add_cte(_pruned())
    )


def _pruned() -> CTE:
    """Remove some keys that have expired, but for those that are claimed: one statement changes a row once."""
    other = keys.alias("other")
    # A common table, so that it's read once, and its limit counts once, whatever the plan.
    expired = (
        select(*_identity(other))
        .where(of_tenant(other), _has_expired(other), other.c.key != all_(_texts("keys")))
        .order_by(other.c.created_at)
        .limit(MOST_PRUNED)
        .with_for_update(skip_locked=True)
        .cte("expired")
    )
    is_same = (one == another for one, another in zip(_identity(keys), _identity(expired), strict=True))
    return delete(keys).where(*is_same).returning(keys.c.key).cte("pruned")


@cache
def _used() -> Statement:
    return compiled(
        select(keys.c.key, keys.c.input_digest, cast(keys.c.answer, Text)).where(
            *_owned(), keys.c.key == any_(_texts("keys"))
        )
    )


@cache
def _keep() -> Statement:
    given = _given(answer=Text())
    answered = update(keys).where(*_owned(), keys.c.key == given.c.key)
    return compiled(answered.values(answer=cast(given.c.answer, JSONB)))


@cache
def _release() -> Statement:
    return compiled(delete(keys).where(*_owned(), keys.c.key == any_(_texts("keys"))))
