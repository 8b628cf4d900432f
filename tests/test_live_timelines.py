"""Live timelines: what anybody does to an interaction is told as the timeline's filter sees it before and after."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest

from tests.apis import Api
from tests.organizations import Organization
from tests.sockets import Socket, greeted

WATCH = """
subscription ($record: RecordRef!, $filter: TimelineFilter, $since: String) {
  timelineEvents(record: $record, filter: $filter, since: $since) { type matchesFilter }
}
"""
TOKEN = "query ($record: RecordRef!) { timeline(record: $record) { resumeToken } }"
DELETE = "mutation ($id: ID!) { deleteTask(input: {id: $id}) { errors { __typename } } }"
RESTORE = "mutation ($id: ID!) { restoreTask(input: {id: $id}) { errors { __typename } } }"
PAST, FUTURE = "2020-01-01T00:00Z", "2099-01-01T00:00Z"


@dataclass(frozen=True, slots=True)
class Watching:
    """A contact, and who watches its timeline under several filters."""

    api: Api
    organization: Organization
    contact_id: UUID
    socket: Socket

    def watch(self, filter_: dict[str, Any] | None = None) -> None:
        record = {"contactId": str(self.contact_id)}
        token = self.api.data(self.organization.viewer(), TOKEN, record=record)["timeline"]["resumeToken"]
        self.socket.subscribe(WATCH, {"record": record, "filter": filter_, "since": token})

    def task(self, **values: object) -> UUID:
        return self.organization.task(**{"contact_id": self.contact_id, "scheduled_at": FUTURE} | values)

    def change(self, id_: UUID, change: str) -> None:
        self.organization.owner.run(f"UPDATE lead_interactions SET {change} WHERE id = '{id_}'")

    def told(self, count: int) -> list[tuple[str, bool]]:
        events = [self.socket.data()["timelineEvents"] for _ in range(count)]
        assert self.socket.is_quiet()
        return [(event["type"], event["matchesFilter"]) for event in events]


@pytest.fixture
def watching(api: Api, organization: Organization) -> Iterator[Watching]:
    contact_id = organization.contact()
    with greeted(api, organization.viewer()) as socket:
        yield Watching(api, organization, contact_id, socket)


LEAVING = [
    ({"open": True}, {}, "status = 'completed'", "COMPLETED"),
    ({"open": True}, {}, "status = 'cancelled'", "CANCELLED"),
    ({"open": True}, {}, "interaction_type = 'call'", "UPDATED"),
    ({"open": False}, {"status": "completed", "completed_at": PAST}, "status = 'pending'", "REOPENED"),
    ({"open": False}, {"interaction_type": "note"}, "interaction_type = 'task'", "UPDATED"),
    ({"overdue": True}, {"scheduled_at": PAST}, f"scheduled_at = '{FUTURE}'", "UPDATED"),
    ({"overdue": True}, {"scheduled_at": PAST}, "scheduled_at = NULL", "UPDATED"),
    ({"overdue": False}, {}, f"scheduled_at = '{PAST}'", "UPDATED"),
    ({"priority": ["HIGH"]}, {"priority": "high"}, "priority = 'low'", "UPDATED"),
    ({"priority": ["UNKNOWN"]}, {"priority": None}, "priority = 'medium'", "UPDATED"),
    ({"occursAt": {"gte": FUTURE}}, {"scheduled_at": FUTURE}, f"scheduled_at = '{PAST}'", "UPDATED"),
    ({"occursAt": {"gte": FUTURE}}, {"scheduled_at": FUTURE}, f"completed_at = '{PAST}'", "UPDATED"),
]


@pytest.mark.parametrize(
    ("filter_", "values", "change", "type_"), LEAVING, ids=[f"{filter_} {change}" for filter_, _, change, _ in LEAVING]
)
def test_an_entry_that_leaves_the_view_is_told_once_more_and_again_when_it_is_back(
    watching: Watching, filter_: dict[str, Any], values: dict[str, object], change: str, type_: str
) -> None:
    id_ = watching.task(**values)
    column = change.partition(" =")[0]
    (before,) = watching.organization.owner.rows(f"SELECT {column} AS was FROM lead_interactions WHERE id = '{id_}'")
    watching.watch(filter_)

    watching.change(id_, change)
    watching.change(id_, "subject = 'meanwhile'")
    watching.change(id_, f"{column} = " + ("NULL" if before["was"] is None else f"'{before['was']}'"))

    left, back = watching.told(2)
    assert (type_, False) == left
    assert back[1]


@pytest.mark.parametrize("kind", ["lead", "account"])
def test_an_entry_that_loses_the_link_asked_for_leaves_the_view(watching: Watching, kind: str) -> None:
    organization = watching.organization
    linked, other = (
        organization.lead() if kind == "lead" else organization.account(organization.contact()) for _ in range(2)
    )
    id_ = watching.task(**{f"{kind}_id": linked})
    watching.watch({f"{kind}Id": {"eq": str(linked)}})

    watching.change(id_, f"{kind}_id = '{other}'")

    assert {False} == {is_in_view for _, is_in_view in watching.told(2)}


@pytest.mark.parametrize("filter_", [None, {"open": False}, {"status": ["CANCELLED", "PENDING"]}], ids=str)
def test_a_deleted_task_leaves_the_view_and_a_restored_one_comes_back(
    watching: Watching, filter_: dict[str, Any] | None
) -> None:
    viewer, id_ = watching.organization.viewer(), str(watching.task(status="cancelled"))
    watching.watch(filter_)

    for mutation in (DELETE, RESTORE):
        watching.api.data(viewer, mutation, id=id_)

    assert [("DELETED", False), ("RESTORED", True)] == watching.told(2)
