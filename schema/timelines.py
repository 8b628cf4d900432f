"""Timelines, as clients see them: everything that happened or is planned with one record."""

from __future__ import annotations

from uuid import UUID

import strawberry

from db.interactions import InteractionRow
from db.records import RecordKind as Kind
from resolvers import timelines
from resolvers.pages import RowPage
from schema.context import Info
from schema.interactions import Interaction
from schema.nodes import PageInfo, page_info
from schema.tasks import interaction


@strawberry.type(description="One place in a page of a timeline.")
class TimelineEdge:
    """An interaction and its cursor."""

    cursor: str = strawberry.field(description="Marks this place; give it as `after` or `before`.")
    node: Interaction = strawberry.field(description="The item itself.")


@strawberry.type(description="A page of a timeline.")
class TimelineConnection:
    """A page of a timeline."""

    edges: list[TimelineEdge] = strawberry.field(description="The items of this page, each with its cursor.")
    page_info: PageInfo = strawberry.field(description="Whether there is more, and from where.")
    target: strawberry.Private[tuple[Kind, UUID]]

    @strawberry.field(description="How many there are on all pages. Counted only when asked for.")
    async def total_count(self, info: Info) -> int:
        """Count."""
        return await timelines.count_timeline(info.context.session, *self.target)


def timeline_connection(page: RowPage[InteractionRow], target: tuple[Kind, UUID]) -> TimelineConnection:
    """Show a page of a timeline."""
    edges = [
        TimelineEdge(cursor=cursor, node=interaction(row)) for cursor, row in zip(page.cursors, page.rows, strict=True)
    ]
    return TimelineConnection(edges=edges, page_info=page_info(page), target=target)
