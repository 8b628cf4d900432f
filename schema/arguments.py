"""Arguments that many fields share."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, TypeVar
from zoneinfo import ZoneInfo

from strawberry import UNSET, argument

from resolvers.pages import PageRequest

First = Annotated[int | None, argument(description="How many to return, counted from the start.")]
After = Annotated[str | None, argument(description="Continue after this cursor.")]
Last = Annotated[int | None, argument(description="How many to return, counted from the end.")]
Before = Annotated[str | None, argument(description="Stop before this cursor.")]
Zone = Annotated[ZoneInfo | None, argument(description="The zone in which days, weeks and months begin and end.")]
IncludeRelated = Annotated[
    bool | None,
    argument(description="Also show what hangs on closely related records, each entry with its reason."),
]
At = Annotated[
    datetime | None,
    argument(
        description="Open the timeline at this instant: `first` reads back in time from it, `last` reads forward."
    ),
]

UTC_ZONE = ZoneInfo("UTC")

Value = TypeVar("Value")


def given_or_none(value: Value | None) -> Value | None:
    """Take an absent value for one that is null, where both mean the same."""
    return None if value is UNSET else value


def page_request(first: int | None, after: str | None, last: int | None, before: str | None) -> PageRequest:
    """Take an argument that is absent for one that is null: paging gives both the same meaning."""
    return PageRequest(
        first=first if isinstance(first, int) else None,
        after=after if isinstance(after, str) else None,
        last=last if isinstance(last, int) else None,
        before=before if isinstance(before, str) else None,
    )
