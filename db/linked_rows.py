"""Linked rows: what rows link to, read by joins in the statement that reads them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, any_, select

from db import accounts, contacts, interactions, leads, users
from db.accounts import AccountRow
from db.contacts import ContactRow
from db.interactions import IS_ALIVE, InteractionRow
from db.leads import LeadRow
from db.statements import Statement, compiled, of_tenant, uuid_argument, uuids_argument
from db.tables import METADATA
from db.tables import interactions as interactions_table
from db.users import UserRow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from uuid import UUID

    from sqlalchemy import ColumnElement, FromClause

    from db.engine import Record
    from db.sessions import Session

    Row = InteractionRow | LeadRow | ContactRow | AccountRow | UserRow

Path = tuple[str, ...]
"""The way from one row to another: from an interaction `("account", "contact")` leads to who holds its account."""

Found = dict[str, dict["UUID", "Row | None"]]
"""Rows by table and id; None for an id that was looked for and isn't in the organization."""

INTERACTIONS = interactions_table.name

# By table: the links of its rows, each with its column and the table that it leads to.
_LINKS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    INTERACTIONS: {
        "lead": ("lead_id", "leads"),
        "contact": ("contact_id", "contacts"),
        "account": ("account_id", "accounts"),
        "assignee": ("user_id", "users"),
        "created_by": ("created_by", "users"),
    },
    "leads": {"owner": ("assigned_to", "users"), "contact": ("linked_contact_id", "contacts")},
    "contacts": {"owner": ("assigned_to", "users")},
    "accounts": {"contact": ("contact_id", "contacts")},
    "users": {},
}
_COLUMNS: Mapping[str, Sequence[ColumnElement[Any]]] = {
    INTERACTIONS: interactions.COLUMNS,
    "leads": leads.COLUMNS,
    "contacts": contacts.COLUMNS,
    "accounts": accounts.COLUMNS,
    "users": users.COLUMNS,
}
_ROWS: Mapping[str, Callable[[Iterable[Any]], Row]] = {
    INTERACTIONS: InteractionRow._make,
    "leads": LeadRow._make,
    "contacts": ContactRow._make,
    "accounts": AccountRow._make,
    "users": UserRow._make,
}


@dataclass(frozen=True, slots=True)
class Linked:
    """A row by its id, and what was found of what it links to."""

    id: UUID
    row: Row
    found: Found


async def by_ids(session: Session, ids: Sequence[UUID], *, table: str, paths: Sequence[Path]) -> list[Linked]:
    """Return a table's rows with these ids as the table's own `by_ids` does, and what they link to. 1 statement."""
    statement = _by_ids(table, tuple(paths), len(ids) == 1)
    row_of, width = _ROWS[table], len(_COLUMNS[table])
    return [
        Linked(record["id"], row_of(record[:width]), linked_rows([record], table, paths, width))
        for record in await session.rows(statement, ids=ids, id=ids[0])
    ]


@lru_cache(maxsize=128)
def known_paths(table: str, paths: frozenset[Path]) -> tuple[Path, ...]:
    """Return those of these paths that can be joined to a table, each after the one that it goes on from."""
    known: dict[Path, str] = {(): table}
    for path in sorted(paths):
        if path and path[:-1] in known and path[-1] in _LINKS[known[path[:-1]]]:
            _, known[path] = _LINKS[known[path[:-1]]][path[-1]]
    return tuple(known)[1:]


def joined(
    source: FromClause, table: str, row: FromClause, paths: Sequence[Path]
) -> tuple[FromClause, list[ColumnElement[Any]]]:
    """Join to a source, in which a table's row is, the rows at the end of known paths; return it and the columns."""
    reached: dict[Path, tuple[str, FromClause]] = {(): (table, row)}
    columns: list[ColumnElement[Any]] = []
    for path in paths:
        from_, before = reached[path[:-1]]
        column, to = _LINKS[from_][path[-1]]
        linked = METADATA.tables[to].alias("_".join(path))
        source = source.outerjoin(linked, and_(of_tenant(linked), linked.c.id == before.c[column]))
        columns += [linked.c[each.name] for each in _COLUMNS[to]]
        reached[path] = to, linked
    return source, columns


def linked_rows(records: Sequence[Record], table: str, paths: Sequence[Path], start: int) -> Found:
    """Return the rows whose columns `joined` has selected; they begin at `start`, those of the table's row at 0.

    Of that one all links have been read, each in its place, and perhaps not what comes behind them.
    """
    found: Found = {}
    for to, key_at, begin, end in _places(table, tuple(paths), start):
        row_of, rows = _ROWS[to], found.setdefault(to, {})
        for record in records:
            key = record[key_at]
            if key is not None and key not in rows:
                rows[key] = None if record[begin] is None else row_of(record[begin:end])
    return found


@lru_cache(maxsize=128)
def _places(table: str, paths: tuple[Path, ...], start: int) -> list[tuple[str, int, int, int]]:
    """Return for each path the table, the place of the column that links to it, and where its own begin and end."""
    reached: dict[Path, tuple[str, int]] = {(): (table, 0)}
    places = []
    for path in paths:
        from_, at = reached[path[:-1]]
        column, to = _LINKS[from_][path[-1]]
        end = start + len(_COLUMNS[to])
        places.append((to, at + [each.name for each in _COLUMNS[from_]].index(column), start, end))
        reached[path], start = (to, start), end
    return places


@lru_cache(maxsize=128)
def _by_ids(table: str, paths: tuple[Path, ...], is_one: bool) -> Statement:  # noqa: FBT001 - a part of the cache's key
    rows = METADATA.tables[table]
    source, columns = joined(rows, table, rows, paths)
    # Of a list the planner doesn't know how long it is, and would plan for each anew.
    of_ids = rows.c.id == (uuid_argument("id") if is_one else any_(uuids_argument("ids")))
    query = select(*_COLUMNS[table], *columns).select_from(source).where(of_tenant(rows), of_ids)
    return compiled(query.where(IS_ALIVE) if table == INTERACTIONS else query)
