"""Timelines, as clients see them: everything that happened or is planned with one record."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Annotated, cast
from zoneinfo import ZoneInfo

import strawberry
from strawberry import argument

from db.records import RecordKind as Kind
from db.timeline_filters import Timeline
from db.timeline_filters import TimelineFilter as PlainFilter
from db.timelines import EntryRow
from execution.stored import stored
from resolvers import timeline_groups as grouped
from resolvers import timelines
from resolvers.live_events import resume_token
from resolvers.pages import PageRequest
from resolvers.timelines import RecordTimeline
from schema.arguments import UTC_ZONE
from schema.context import Info
from schema.crm_records import CrmRecord
from schema.interactions import Interaction
from schema.links import RecordKind
from schema.nodes import Edge, PageInfo, page_info
from schema.records import record
from schema.tasks import interaction
from schema.timeline_filters import TimelineFilter

Unit = grouped.GroupUnit

Interactions = Annotated[TimelineFilter | None, argument(description="Only interactions that match.")]


@strawberry.enum(description="What a timeline can be grouped by.")
class GroupUnit(Enum):
    """The units of `resolvers.timeline_groups`, in users' words."""

    DAY = strawberry.enum_value(Unit.DAY, description="Calendar days. Keys read 2026-02-10.")
    WEEK = strawberry.enum_value(Unit.WEEK, description="Weeks from Monday. Keys read 2026-W07.")
    MONTH = strawberry.enum_value(Unit.MONTH, description="Calendar months. Keys read 2026-02.")
    BUCKET = strawberry.enum_value(
        Unit.BUCKET,
        description="Piles by due date. Keys are those of DueBucket; what is not a task is CLOSED.",
    )
    STATUS = strawberry.enum_value(
        Unit.STATUS, description="Task status. Keys are those of TaskStatus; what is not a task is COMPLETED."
    )
    LINKS = strawberry.enum_value(
        Unit.LINKS, description="What is linked. Keys join the kinds, e.g. CONTACT+ACCOUNT; NONE where nothing is."
    )


@strawberry.type(description="A reason why an interaction is on a timeline.")
class LinkMatch:
    """A reason why an interaction is on a timeline."""

    kind: RecordKind = strawberry.field(description="Whether it came by a lead, a contact or an account.")
    stored_kind: strawberry.Private[Kind]
    entry: strawberry.Private[EntryRow]

    @strawberry.field(description="The record it is linked to.")
    async def record(self, info: Info) -> CrmRecord:
        """Load the record."""
        row = await timelines.record_of_link(info.context.loaders, self.entry, self.stored_kind)
        return cast("CrmRecord", record(row))  # None only for none, and for an account that was deleted

    is_direct: bool = strawberry.field(
        description="True for the record whose timeline this is, false for a related one."
    )


@strawberry.type(description="One place in a page of a timeline.")
class TimelineEdge(Edge):
    """An interaction, its cursor, and why it is here."""

    entry: strawberry.Private[EntryRow]
    of: strawberry.Private[RecordTimeline]

    node: Interaction = stored("entry.interaction", made=interaction, description="The item itself.")
    via: list[LinkMatch] = stored(
        "entry",
        "of",
        made=lambda entry_of: _via(*entry_of),
        description="Why it is on this timeline: every link that brought it here.",
    )


@strawberry.type(description="A stretch of a timeline, with its count over all pages.")
class TimelineGroup:
    """A group and its count."""

    key: str = strawberry.field(description="Names the group; the form depends on the unit.")
    starts_at: datetime | None = strawberry.field(
        description="When it begins. Empty for groups that are no stretch of time."
    )
    ends_at: datetime | None = strawberry.field(description="When it ends: the first instant after it.")
    count: int = strawberry.field(description="How many interactions it holds.")


@strawberry.type(description="A page of a timeline.")
class TimelineConnection:
    """A page of a timeline."""

    edges: list[TimelineEdge] = strawberry.field(description="The items of this page, each with its cursor.")
    page_info: PageInfo = strawberry.field(description="Whether there is more, and from where.")
    of: strawberry.Private[RecordTimeline]
    zone: strawberry.Private[ZoneInfo]

    @strawberry.field(description="How many there are on all pages. Counted only when asked for.")
    async def total_count(self, info: Info) -> int:
        """Count."""
        return await timelines.count_timeline(info.context.loaders, self.of)

    @strawberry.field(description="Counts over all pages, newest group first. Empty groups are left out.")
    async def groups(
        self, info: Info, by: Annotated[GroupUnit, argument(description="What to group by.")] = GroupUnit.MONTH
    ) -> list[TimelineGroup]:
        """Count by groups."""
        grouping = grouped.Grouping(Unit(str(by.value)), self.zone, info.context.now)
        found = await grouped.groups_of_timeline(info.context.loaders, self.of, grouping)
        return [TimelineGroup(key=g.key, starts_at=g.starts_at, ends_at=g.ends_at, count=g.count) for g in found]

    @strawberry.field(
        description="Give it to `taskEvents(since:)` to miss no task event after this page was read; `timelineEvents` "
        "takes it too."
    )
    async def resume_token(self, info: Info) -> str:
        """Name the place in the stream that the page's snapshot stands for."""
        return await resume_token(info.context.loaders, self.of.record_id)


def plain_timeline(kind: Kind, include_related: bool | None, filter_: TimelineFilter | None) -> Timeline:
    """Return what is asked for as plain data. Raises BadUserInput or LimitExceeded."""
    return Timeline(kind, bool(include_related), filter_.plain() if filter_ else PlainFilter())


async def timeline_connection(
    info: Info, of: RecordTimeline, request: PageRequest, at: datetime | None, zone: ZoneInfo | None
) -> TimelineConnection:
    """Read a page of a timeline, and show it. Raises BadUserInput, BadCursor or LimitExceeded."""
    page = await timelines.page_of_timeline(info.context.loaders, of, request, at or None)
    edges = [TimelineEdge(mark=mark, entry=entry, of=of) for mark, entry in zip(page.marks, page.rows, strict=True)]
    return TimelineConnection(edges=edges, page_info=page_info(page), of=of, zone=zone or UTC_ZONE)


def _via(entry: EntryRow, of: RecordTimeline) -> list[LinkMatch]:
    return [
        LinkMatch(kind=RecordKind(kind), stored_kind=kind, is_direct=kind is of.timeline.kind, entry=entry)
        for kind in entry.via
    ]
