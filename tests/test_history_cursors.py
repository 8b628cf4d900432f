"""The cursor of a line of a task's history is a place in the stream: `since` it comes what is after it, once."""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

import pytest

from tests.apis import Api
from tests.organizations import Organization
from tests.sockets import Socket, greeted

WATCH = "subscription ($since: String) { taskEvents(since: $since) { cursor taskId changes { field after } } }"
HISTORY = """query ($id: ID!, $first: Int) {
  task(id: $id) { history(first: $first) { edges { cursor node { cursor type } } } } }"""
LISTED = "{ tasks(first: 50) { nodes { history(first: 2) { edges { node { cursor } } } } } }"


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody who reads histories, and watches all tasks of an organization."""

    api: Api
    organization: Organization
    contact_id: UUID
    socket: Socket

    def task(self) -> UUID:
        return self.organization.task(contact_id=self.contact_id, subject="new")

    def change(self, task: UUID, subject: str) -> None:
        self.organization.owner.run(f"UPDATE lead_interactions SET subject = '{subject}' WHERE id = '{task}'")

    def cursors(self, task: UUID) -> list[str]:
        """Return the places after each line of a task's history, newest first."""
        found = self.api.data(self.organization.viewer(), HISTORY, id=str(task), first=50)
        return [edge["node"]["cursor"] for edge in found["task"]["history"]["edges"]]

    def told(self, since: str, count: int) -> list[str]:
        """Return the subjects that the stream tells after a place: so many, and then nothing more."""
        id_ = self.socket.subscribe(WATCH, {"since": since})
        events = [self.socket.data()["taskEvents"] for _ in range(count)]
        assert self.socket.is_quiet()
        self.socket.send(type="complete", id=id_)
        return [change["after"] for event in events for change in event["changes"] if change["field"] == "subject"]


@pytest.fixture
def reader(api: Api, organization: Organization) -> Iterator[Reader]:
    contact_id = organization.contact()
    with greeted(api, organization.viewer()) as socket:
        yield Reader(api, organization, contact_id, socket)


@pytest.mark.slow
def test_after_each_line_comes_what_is_later_in_the_log(reader: Reader) -> None:
    one, other = reader.task(), reader.task()
    for number in range(3):
        reader.change(one, f"one {number}")
        reader.change(other, f"other {number}")

    last, _, first, created = reader.cursors(one)

    assert ["other 2"] == reader.told(last, 1)
    assert ["other 0", "one 1", "other 1", "one 2", "other 2"] == reader.told(first, 5)
    assert ["new", "one 0", "other 0", "one 1", "other 1", "one 2", "other 2"] == reader.told(created, 7)


@pytest.mark.slow
def test_what_is_committed_after_the_history_was_read_comes_too_however_early_it_was_written(reader: Reader) -> None:
    early, late = reader.task(), reader.task()
    with reader.organization.owner.transaction(f"UPDATE lead_interactions SET subject = 'e' WHERE id = '{early}'"):
        mutation = f'mutation {{ updateTask(input: {{id: "{late}", subject: "l"}}) {{ task {{ id }} }} }}'
        reader.api.data(reader.organization.viewer(), mutation)
        place, before, *_ = reader.cursors(late)
        reader.organization.owner.run("COMMIT")

    assert ["e"] == reader.told(place, 1)
    assert ["l", "e"] == reader.told(before, 2)


@pytest.mark.slow
def test_a_place_of_the_stream_and_one_of_the_history_lead_to_the_same(reader: Reader) -> None:
    task = reader.task()
    for number in range(3):
        reader.change(task, f"{number}")
    *_, created = reader.cursors(task)
    reader.socket.subscribe(WATCH, {"since": created})
    told = [reader.socket.data()["taskEvents"]["cursor"] for _ in range(3)]

    for live, read in zip(told, reversed(reader.cursors(task)[:3]), strict=True):
        rest = 2 - told.index(live)
        assert reader.told(live, rest) == reader.told(read, rest)


@pytest.mark.slow
def test_after_a_line_of_the_old_history_comes_the_whole_log(reader: Reader) -> None:
    task = reader.task()
    reader.change(task, "changed")
    organization = reader.organization
    organization.owner.run(
        "INSERT INTO taskline_events (xid, organization_id, interaction_id, type, at, before, after, changed) VALUES "
        f"(NULL, '{organization.id}', '{task}', 'updated', '2020-01-01Z', "
        '\'{"subject": "a"}\', \'{"subject": "b"}\', \'{subject}\')'
    )

    *_, copied = reader.cursors(task)

    assert ["new", "changed"] == reader.told(copied, 2)


def test_the_cursor_of_the_page_is_another(reader: Reader) -> None:
    task = reader.task()
    found = reader.api.data(reader.organization.viewer(), HISTORY, id=str(task), first=1)

    ((edge,),) = found["task"]["history"].values()

    assert edge["cursor"] != edge["node"]["cursor"]
    reader.socket.subscribe(WATCH, {"since": edge["cursor"]})
    assert "BAD_USER_INPUT" == reader.socket.receive()["payload"][0]["extensions"]["code"]


def test_the_cursors_of_one_history_and_of_many_take_the_same_statements(reader: Reader) -> None:
    def cost() -> int:
        answer = reader.api.ask(LISTED, viewer=reader.organization.viewer()).json()
        assert "errors" not in answer
        statements: int = answer["extensions"]["cost"]["statements"]
        return statements

    reader.task()
    one = cost()
    for _ in range(9):
        reader.task()

    assert one == cost()


@pytest.mark.slow
def test_much_that_is_not_in_the_view_is_read_past(reader: Reader) -> None:
    task = reader.task()
    place = reader.cursors(task)[0]
    reader.organization.owner.run(f"""DO $$ BEGIN FOR n IN 1..1700 LOOP
      UPDATE lead_interactions SET subject = n::text WHERE id = '{task}'; END LOOP; END $$""")
    other = reader.task()
    only = 'subscription ($since: String) { taskEvents(since: $since, filter: {search: "new"}) { taskId } }'

    reader.socket.subscribe(only, {"since": place})

    # The first change leaves the view, the last task is in it, and all between is in none.
    assert [str(task), str(other)] == [reader.socket.data()["taskEvents"]["taskId"] for _ in range(2)]
    assert reader.socket.is_quiet()
