"""Timelines: the interactions of leads, contacts and accounts, and of what is closely related to them, by time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import TYPE_CHECKING, NamedTuple

from db.filters import InstantTest
from db.interactions import ATTRIBUTES, InteractionRow, rows_of
from db.keyset import Page, Window
from db.linked_rows import INTERACTIONS, Found, Path, linked_rows
from db.records import RecordKind
from db.statements import Statement, compiled
from db.timeline_filters import EVERYTHING
from db.timeline_shapes import Reading, filtered, of_records, with_related

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from db.engine import Record
    from db.keyset import Place
    from db.sessions import Session
    from db.timeline_filters import Timeline


class EntryRow(NamedTuple):
    """An interaction on a timeline, and the kinds of link that brought it there, in the order of RecordKind."""

    interaction: InteractionRow
    via: tuple[RecordKind, ...]


@dataclass(frozen=True, slots=True)
class RecordPage:
    """A page of one record's timeline, and what was found of what its entries link to."""

    record_id: UUID
    page: Page
    linked: Found


async def pages(
    session: Session,
    timeline: Timeline,
    window: Window,
    ids: Sequence[UUID],
    *,
    attributes: tuple[str, ...] = ATTRIBUTES,
    paths: tuple[Path, ...] = (),
) -> list[RecordPage]:
    """Return a page of each of these records' timelines, the latest entry first. At most `limit` entries. 1 statement.

    Each entry comes once, with all links that brought it, these known attributes, and the rows at the end of these
    known paths. Nothing is asked of the records: an id of none has no entry.
    """
    places = _place("after", window.after) | _place("before", window.before)
    reading = Reading(
        timeline.kind,
        timeline.is_related_included,
        is_filtered=timeline.filter != EVERYTHING and replace(timeline.filter, occurs_at=InstantTest()) != EVERYTHING,
        is_open_only=timeline.filter.is_open_only,
        size=window.limit + 1,  # the extra one means more
        is_backwards=window.is_from_end,
        has_after=window.after is not None,
        has_before=window.before is not None,
        is_of_one=len(ids) == 1,
        attributes=attributes,
        paths=paths,
    )
    statement = _of_all(reading) if timeline.filter == EVERYTHING else filtered(_pages(reading), timeline.filter)
    found = await session.rows(statement, ids=ids, asked_id=ids[0], **places)
    by_record: dict[UUID, list[Record]] = {id_: [] for id_ in ids}
    for record in found:
        by_record[record["record_id"]].append(record)
    shown = [(id_, _page(records, window)) for id_, records in by_record.items()]
    linked_at = len(attributes) + 2  # behind the record's id, and what brought the entry
    return [RecordPage(id_, page, linked_rows(page.records, INTERACTIONS, paths, linked_at)) for id_, page in shown]


def entries_of(page: Page, attributes: tuple[str, ...]) -> list[EntryRow]:
    """Read the entries of a page that was read with these attributes."""
    rows = zip(rows_of(page, attributes), page.records, strict=True)
    return [EntryRow(row, _in_order(tuple(record["via"]))) for row, record in rows]


@cache  # of three kinds, in any order
def _in_order(via: tuple[str, ...]) -> tuple[RecordKind, ...]:
    return tuple(kind for kind in RecordKind if kind in via)


def _page(found: list[Record], window: Window) -> Page:
    records = found[: window.limit]
    if window.is_from_end:
        records.reverse()
    places: list[Place] = [(record["occurs_at"], record["id"]) for record in records]
    return Page(records, places, has_more=len(found) > window.limit)


def _place(name: str, place: Place | None) -> dict[str, object]:
    return {f"{name}_at": place[0], f"{name}_id": place[1]} if place else {}


@lru_cache(maxsize=128)  # of some thousand: a size each, both ways, between places or not
def _pages(reading: Reading) -> Statement:
    shape = with_related if reading.is_related_included else of_records
    return compiled(shape(reading))


@lru_cache(maxsize=128)  # without it, each page would have its condition built anew, which asks nothing
def _of_all(reading: Reading) -> Statement:
    return filtered(_pages(reading), EVERYTHING)
