"""Live events: what anybody writes reaches whoever watches, once, and by the filters of the lists."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from uuid import UUID

import pytest

from db.event_places import Horizon, Place, Stream
from resolvers import resume_tokens
from resolvers.viewers import Viewer
from tests import apis
from tests.apis import Api
from tests.databases import APP, CrmDatabase
from tests.organizations import Organization, new_organization
from tests.sockets import Socket, greeted

FUTURE, IMPOSSIBLE = Horizon("1:9000000000000:", 2**62, 9000000000000), Horizon("5:3:", 0, 5)
WATCH = """
subscription Watch($record: RecordRef, $related: Boolean, $filter: TaskFilter, $since: String) {
  taskEvents(record: $record, includeRelated: $related, filter: $filter, since: $since) {
    cursor type taskId matchesFilter clientMutationId task { subject status contact { displayName } }
    changes { field before after } actor { displayName } link { kind state label }
  }
}
"""
CREATE = "mutation($input: CreateTaskInput!) { createTask(input: $input) { task { id } errors { __typename } } }"
TOKEN = "query($contact: ID!) { timeline(record: {contactId: $contact}) { resumeToken } }"


@dataclass(frozen=True, slots=True)
class Watching:
    """A contact, whoever watches, and a place in the stream from which nothing is missed."""

    api: Api
    organization: Organization
    contact_id: UUID
    socket: Socket

    @property
    def viewer(self) -> Viewer:
        return self.organization.viewer()

    def token(self) -> str:
        token = self.api.data(self.viewer, TOKEN, contact=str(self.contact_id))["timeline"]["resumeToken"]
        assert isinstance(token, str)
        return token

    def watch(self, **variables: object) -> str:
        return self.socket.subscribe(WATCH, {"since": self.token()} | variables)

    def create(self, **given: object) -> str:
        input_ = {"subject": "Call back", "contactId": str(self.contact_id)} | given
        made = self.api.data(self.viewer, CREATE, input=input_)["createTask"]
        assert made["errors"] == []
        id_ = made["task"]["id"]
        assert isinstance(id_, str)
        return id_


@pytest.fixture
def watching(api: Api, organization: Organization) -> Iterator[Watching]:
    contact_id = organization.contact()
    with greeted(api, organization.viewer()) as socket:
        yield Watching(api, organization, contact_id, socket)


def test_a_created_task_reaches_who_watches(watching: Watching) -> None:
    watching.watch()
    id_ = watching.create()

    event = watching.socket.data()["taskEvents"]

    assert ("CREATED", id_, True) == (event["type"], event["taskId"], event["matchesFilter"])
    assert {"subject": "Call back", "status": "PENDING", "contact": {"displayName": "Cora Contact"}} == event["task"]


def test_a_list_of_tasks_says_from_where_to_watch(watching: Watching) -> None:
    token = watching.api.data(watching.viewer, "{ tasks(first: 1) { resumeToken } }")["tasks"]["resumeToken"]
    id_ = watching.create()
    watching.watch(since=token)

    event = watching.socket.data()["taskEvents"]

    assert ("CREATED", id_) == (event["type"], event["taskId"])


def test_what_the_old_application_writes_is_told_with_its_changes(watching: Watching) -> None:
    id_ = watching.create(subject="Before")
    watching.watch()
    watching.organization.owner.run(f"UPDATE lead_interactions SET subject = 'After' WHERE id = '{id_}'")

    event = watching.socket.data()["taskEvents"]

    assert ("UPDATED", id_) == (event["type"], event["taskId"])
    assert [{"field": "subject", "before": "Before", "after": "After"}] == event["changes"]


def test_a_task_that_leaves_the_view_is_told_once_more(watching: Watching) -> None:
    id_ = watching.create()
    watching.watch(filter={"status": ["PENDING"]})
    for status in ("completed", "cancelled"):
        watching.organization.owner.run(f"UPDATE lead_interactions SET status = '{status}' WHERE id = '{id_}'")

    event = watching.socket.data()["taskEvents"]

    assert ("COMPLETED", False) == (event["type"], event["matchesFilter"])
    assert watching.socket.is_quiet()


def test_a_hard_delete_leaves_an_event_without_a_task(watching: Watching) -> None:
    id_ = watching.create()
    watching.watch()
    watching.organization.owner.run(f"DELETE FROM lead_interactions WHERE id = '{id_}'")

    event = watching.socket.data()["taskEvents"]

    assert ("DELETED", id_, None, False) == (event["type"], event["taskId"], event["task"], event["matchesFilter"])


def test_a_record_is_watched_with_those_that_are_related_or_alone(watching: Watching) -> None:
    account = watching.organization.account(watching.contact_id)
    own = {"contactId": str(watching.contact_id)}
    alone, both = watching.watch(record=own), watching.watch(record=own, related=True)
    of_account = watching.create(contactId=None, accountId=str(account))
    of_contact = watching.create()

    messages = [watching.socket.receive() for _ in range(3)]

    told = {(message["id"], message["payload"]["data"]["taskEvents"]["taskId"]) for message in messages}
    assert {(both, of_account), (both, of_contact), (alone, of_contact)} == told
    assert watching.socket.is_quiet()


def test_nothing_of_another_organization_is_told(watching: Watching) -> None:
    watching.watch()
    other = new_organization(watching.organization.owner)
    lead = other.lead()
    task = other.task(lead_id=lead)
    other.owner.run(
        f"UPDATE lead_interactions SET subject = 'x' WHERE id = '{task}'; DELETE FROM leads WHERE id = '{lead}'"
    )
    own = watching.create()

    assert own == watching.socket.data()["taskEvents"]["taskId"]
    assert watching.socket.is_quiet()


def test_since_goes_on_after_an_event_without_gap_or_repeat(watching: Watching) -> None:
    first = watching.watch()
    ids = [watching.create(subject=f"{number}") for number in range(5)]
    seen = [watching.socket.data()["taskEvents"] for _ in ids]
    watching.socket.send(type="complete", id=first)
    later = watching.create(subject="later")

    watching.watch(since=seen[2]["cursor"])
    rest = [watching.socket.data()["taskEvents"]["taskId"] for _ in range(3)]

    assert ids == [event["taskId"] for event in seen]
    assert [*ids[3:], later] == rest
    assert watching.socket.is_quiet()


def test_an_open_writer_delays_nobody_and_loses_nothing(watching: Watching) -> None:
    slow = watching.create(subject="slow")
    watching.watch()
    writer = watching.organization.owner
    with writer.transaction(f"UPDATE lead_interactions SET subject = 'slow 2' WHERE id = '{slow}'"):
        quick = watching.create(subject="quick")
        before = watching.socket.data()["taskEvents"]
        writer.run("COMMIT")

    after = watching.socket.data()["taskEvents"]

    assert [quick, slow] == [before["taskId"], after["taskId"]]
    watching.watch(since=before["cursor"])
    assert slow == watching.socket.data()["taskEvents"]["taskId"]
    assert watching.socket.is_quiet()


def test_a_place_of_the_future_has_expired(watching: Watching) -> None:
    now = resume_tokens.decode(watching.token())
    id_ = watching.watch(since=resume_tokens.encode(replace(now, seen=FUTURE, batch=FUTURE)))

    message = watching.socket.receive()

    assert ("error", id_) == (message["type"], message["id"])
    assert "RESUME_EXPIRED" == message["payload"][0]["extensions"]["code"]


def test_what_is_no_place_is_refused_and_the_socket_lives(watching: Watching) -> None:
    for token in (
        "",
        "x",
        "W10",
        "a" * 30_000,
        resume_tokens.encode(Place(Stream("0" * 16, 1, 0, ""), IMPOSSIBLE, IMPOSSIBLE, 0)),
    ):
        watching.watch(since=token)
        assert "BAD_USER_INPUT" == watching.socket.receive()["payload"][0]["extensions"]["code"]

    watching.watch()
    id_ = watching.create()
    assert id_ == watching.socket.data()["taskEvents"]["taskId"]


@pytest.fixture
def second(crm: CrmDatabase) -> Iterator[Api]:
    """Another server of the same database."""
    with apis.api(database_url=crm.app_url) as api:
        yield api


def test_another_server_tells_it_too_and_goes_on_from_a_place_of_the_first(watching: Watching, second: Api) -> None:
    watching.watch()
    ids = [watching.create(), watching.create()]
    first, _ = (watching.socket.data()["taskEvents"] for _ in ids)

    with greeted(second, watching.viewer) as socket:
        socket.subscribe(WATCH, {"since": first["cursor"]})
        assert ids[1] == socket.data()["taskEvents"]["taskId"]
        later = watching.create()

        assert later == socket.data()["taskEvents"]["taskId"]


def test_a_stream_goes_on_after_all_connections_were_lost(watching: Watching, crm: CrmDatabase) -> None:
    watching.watch()
    first = watching.create()
    assert first == watching.socket.data()["taskEvents"]["taskId"]

    of_api = f"usename = '{APP}' AND datname = '{crm.name}'"
    crm.psql(f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE {of_api}")
    task = watching.organization.task(contact_id=watching.contact_id)

    assert str(task) == watching.socket.data()["taskEvents"]["taskId"]
