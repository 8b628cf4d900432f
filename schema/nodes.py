"""What lists and single things have in common."""

from __future__ import annotations

import strawberry

from resolvers.cursors import Mark
from resolvers.pages import Row, RowPage

IDENTIFIER = "The identifier, a UUID."


@strawberry.interface(description="Anything that can be fetched again by its identifier.")
class Node:
    """Anything with an id."""

    id: strawberry.ID = strawberry.field(description=IDENTIFIER)


@strawberry.type(description="One place in a page.")
class Edge:
    """One place in a page."""

    mark: strawberry.Private[Mark]

    @strawberry.field(description="Marks this place; give it as `after` or `before`.")
    def cursor(self) -> str:
        """Print the cursor."""
        return str(self.mark)


@strawberry.type(description="Where a page ends and whether there is more.")
class PageInfo:
    """The Relay specification's page info."""

    has_next_page: bool = strawberry.field(description="More follows after this page.")
    has_previous_page: bool = strawberry.field(description="More comes before this page.")
    start_cursor: str | None = strawberry.field(description="The cursor of the first item. Empty on an empty page.")
    end_cursor: str | None = strawberry.field(description="The cursor of the last item. Empty on an empty page.")


def page_info(page: RowPage[Row]) -> PageInfo:
    """Describe a page."""
    return PageInfo(
        has_next_page=page.has_next,
        has_previous_page=page.has_previous,
        start_cursor=str(page.marks[0]) if page.marks else None,
        end_cursor=str(page.marks[-1]) if page.marks else None,
    )
