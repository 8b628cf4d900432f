"""Task.history: what happened to a task, newest first, in the API's own words."""

from typing import Any

import pytest

from tests.apis import Api
from tests.logged_events import LinkedTask, linked_task
from tests.organizations import Organization, new_organization
from tests.owners import Owner

EVENT = """
  cursor type at taskId matchesFilter clientMutationId actor { id displayName } task { id subject }
  changes { field before after }
  link { kind state recordId label lostAt record { id displayName } }
"""
HISTORY = f"""query ($id: ID!, $first: Int, $after: String, $last: Int, $before: String) {{
  task(id: $id) {{ history(first: $first, after: $after, last: $last, before: $before) {{
    totalCount pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }}
    edges {{ cursor node {{ {EVENT} }} }} }} }} }}"""
COMPLETE = """mutation ($id: ID!, $own: String) {
  completeTask(input: {id: $id, outcome: "Sent", notes: "By post", clientMutationId: $own}) {
    task { version } errors { __typename } } }"""
CREATE = """mutation ($contactId: ID!) {
  createTask(input: {subject: "Ring", contactId: $contactId, dueAt: "2031-02-03T04:05:06+01:00", priority: HIGH}) {
    task { id } errors { __typename } } }"""


@pytest.fixture
def task(organization: Organization) -> LinkedTask:
    return linked_task(organization)


def page(api: Api, task: LinkedTask, **arguments: object) -> dict[str, Any]:
    found = api.data(task.organization.viewer(), HISTORY, id=str(task.id), **arguments)
    history: dict[str, Any] = found["task"]["history"]
    return history


def events(api: Api, task: LinkedTask, **arguments: object) -> list[dict[str, Any]]:
    return [edge["node"] for edge in page(api, task, **arguments)["edges"]]


def test_the_newest_comes_first(api: Api, task: LinkedTask) -> None:
    task.change("subject = 'Else'")
    task.change("status = 'completed', completed_at = now()")

    assert ["COMPLETED", "UPDATED", "CREATED"] == [event["type"] for event in events(api, task)]


def test_a_creation_shows_what_it_began_with(api: Api, organization: Organization) -> None:
    contact_id = organization.contact()
    viewer = organization.viewer()
    id_ = api.data(viewer, CREATE, contactId=str(contact_id))["createTask"]["task"]["id"]

    (event,) = api.data(viewer, HISTORY, id=id_)["task"]["history"]["edges"]

    changes = {change["field"]: (change["before"], change["after"]) for change in event["node"]["changes"]}
    assert changes.pop("createdAt")[0] is None
    assert {
        "kind": (None, "TASK"),
        "subject": (None, "Ring"),
        "status": (None, "SCHEDULED"),
        "priority": (None, "HIGH"),
        "dueAt": (None, "2031-02-03T03:05:06Z"),
        "contactId": (None, str(contact_id)),
        "assignee": (None, "Una User"),
        "createdBy": (None, "Una User"),
    } == changes
    assert str(organization.user_id) == event["node"]["actor"]["id"]


def test_a_completion_is_one_event_with_all_it_changed_and_the_caller_s_text(api: Api, task: LinkedTask) -> None:
    api.data(task.organization.viewer(), COMPLETE, id=str(task.id), own="mine '; DROP TABLE x; --\\ ü 🎉")

    completed, _ = events(api, task)

    fields = {change["field"]: (change["before"], change["after"]) for change in completed["changes"]}
    assert ("COMPLETED", "mine '; DROP TABLE x; --\\ ü 🎉") == (completed["type"], completed["clientMutationId"])
    assert ["completedAt", "description", "outcome", "status"] == sorted(fields)
    assert ("PENDING", "COMPLETED") == fields["status"]
    assert (None, "Sent") == fields["outcome"]
    assert str(task.organization.user_id) == completed["actor"]["id"]
    assert str(task.id) == completed["task"]["id"] == completed["taskId"]
    assert completed["matchesFilter"]


def test_a_change_without_a_text_has_none_although_the_one_before_it_had(api: Api, organization: Organization) -> None:
    first, second = (linked_task(organization) for _ in range(2))
    two = f"""mutation {{
      a: completeTask(input: {{id: "{first.id}", clientMutationId: "a"}}) {{ task {{ id }} }}
      b: completeTask(input: {{id: "{second.id}"}}) {{ task {{ id }} }} }}"""

    api.data(organization.viewer(), two)

    assert ["a", None] == [events(api, task)[0]["clientMutationId"] for task in (first, second)]


def test_the_request_is_kept_in_the_log(api: Api, task: LinkedTask) -> None:
    headers = api.headers({"x-request-id": "mine-17"}, viewer=task.organization.viewer())

    api.client.post("/graphql", json={"query": COMPLETE, "variables": {"id": str(task.id)}}, headers=headers)

    assert ["mine-17"] == [event["request_id"] for event in task.events()]


def test_a_handover_shows_names(api: Api, task: LinkedTask) -> None:
    task.change(f"user_id = '{task.organization.user(first_name='Otto')}'")

    (change,) = events(api, task)[0]["changes"]

    assert {"field": "assignee", "before": "Una User", "after": "Otto User"} == change


def test_words_that_the_api_does_not_know_read_unknown(api: Api, task: LinkedTask) -> None:
    task.change("status = 'parked', priority = NULL")

    changes = events(api, task)[0]["changes"]

    assert {"field": "status", "before": "PENDING", "after": "UNKNOWN"} in changes


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("infinity", "9999-12-31T23:59:59.999999Z"),
        ("-infinity", "0001-01-01T00:00:00Z"),
        ("2026-03-01 12:00:00.25+05:30", "2026-03-01T06:30:00.250000Z"),
    ],
)
def test_any_stored_instant_is_shown(api: Api, task: LinkedTask, stored: str, shown: str) -> None:
    task.change(f"scheduled_at = '{stored}'")

    (change,) = events(api, task)[0]["changes"]

    assert shown == change["after"]


@pytest.mark.parametrize("stored", ["20000-01-01", "0044-03-15 BC"])
def test_an_instant_beyond_the_calendar_fails_nothing(api: Api, task: LinkedTask, stored: str) -> None:
    task.change(f"scheduled_at = '{stored}'")

    (change,) = events(api, task)[0]["changes"]

    assert "dueAt" == change["field"]


def test_nothing_internal_is_shown(api: Api, task: LinkedTask) -> None:
    task.change("subject = 'Else', last_modified_by = user_id, duration_minutes = 5, status_before_deletion = 'x'")

    (change,) = events(api, task)[0]["changes"]

    assert {"field": "subject", "before": "Call", "after": "Else"} == change


def test_a_link_that_was_removed_and_one_that_was_made_show_their_records(api: Api, task: LinkedTask) -> None:
    other = task.organization.lead(first_name="Nora")
    task.change(f"lead_id = '{other}'")

    linked, unlinked = (event["link"] for event in events(api, task)[:2])

    assert ("LINKED", "Nora Lead", str(other)) == (linked["state"], linked["label"], linked["record"]["id"])
    assert ("LINKED", "Lea Lead", str(task.lead_id)) == (unlinked["state"], unlinked["label"], unlinked["recordId"])


def test_a_link_keeps_the_name_of_its_time_and_says_when_it_was_lost(api: Api, task: LinkedTask) -> None:
    other = task.organization.lead(first_name="Nora")
    task.change(f"lead_id = '{other}'")
    task.organization.owner.run(f"UPDATE leads SET first_name = 'Zoe' WHERE id = '{other}'")
    task.organization.owner.run(f"DELETE FROM leads WHERE id = '{other}'")

    lost, linked, _, _ = events(api, task)

    assert ("LINK_LOST", "LOST", "Zoe Lead", None) == (
        lost["type"],
        lost["link"]["state"],
        lost["link"]["label"],
        lost["link"]["record"],
    )
    assert ("LINKED", "LOST", "Nora Lead") == (linked["type"], linked["link"]["state"], linked["link"]["label"])
    assert lost["at"] == lost["link"]["lostAt"] == linked["link"]["lostAt"]


def test_both_ways_of_paging_see_each_event_once(api: Api, task: LinkedTask) -> None:
    for number in range(7):
        task.change(f"subject = 'Call {number}', priority = '{number}'")
    whole = [edge["cursor"] for edge in page(api, task)["edges"]]

    for size, ask, then, more in ((3, "first", "after", "hasNextPage"), (3, "last", "before", "hasPreviousPage")):
        read: list[str] = []
        arguments: dict[str, object] = {ask: size}
        while True:
            found = page(api, task, **arguments)
            cursors = [edge["cursor"] for edge in found["edges"]]
            read = read + cursors if ask == "first" else cursors + read
            if not found["pageInfo"][more]:
                break
            arguments = {ask: size, then: cursors[-1 if ask == "first" else 0]}
        assert whole == read
        assert 8 == found["totalCount"]


def test_a_cursor_of_another_task_is_refused(api: Api, organization: Organization) -> None:
    first, second = (linked_task(organization) for _ in range(2))
    cursor = page(api, first)["edges"][0]["cursor"]

    answer = api.codes(organization.viewer(), HISTORY, id=str(second.id), after=cursor)

    assert ["BAD_USER_INPUT"] == answer


def test_another_organization_sees_nothing_of_it(api: Api, owner: Owner, task: LinkedTask) -> None:
    stranger = new_organization(owner)

    assert api.data(stranger.viewer(), HISTORY, id=str(task.id)) == {"task": None}


def test_the_old_history_is_shown_as_ours(api: Api, task: LinkedTask) -> None:
    task.organization.owner.run(
        "INSERT INTO taskline_events (xid, organization_id, interaction_id, type, at, before, after, changed) VALUES "
        f"(NULL, '{task.organization.id}', '{task.id}', 'assigned', '2020-01-02Z', "
        '\'{"assignee": "Ann A"}\', \'{"assignee": "Bob B"}\', \'{assignee}\'), '
        f"(NULL, '{task.organization.id}', '{task.id}', 'updated', '2020-01-01Z', "
        '\'{"scheduled_at": "2026-01-01 00:00:00+00"}\', \'{"scheduled_at": "junk"}\', \'{scheduled_at}\')'
    )

    found = [(event["type"], event["changes"]) for event in events(api, task)[1:]]

    assert [
        ("ASSIGNED", [{"field": "assignee", "before": "Ann A", "after": "Bob B"}]),
        ("UPDATED", [{"field": "dueAt", "before": "2026-01-01T00:00:00Z", "after": "junk"}]),
    ] == found


LISTED = f"""query ($first: Int) {{ tasks(first: $first) {{ nodes {{
  history(first: 3) {{ totalCount edges {{ node {{ {EVENT} }} }} }} }} }} }}"""


@pytest.mark.slow
def test_the_histories_of_one_task_and_of_fifty_take_the_same_statements(api: Api, organization: Organization) -> None:
    for _ in range(50):
        task = linked_task(organization)
        task.change(f"user_id = '{organization.user()}', lead_id = '{organization.lead()}', subject = 'Else'")
        organization.owner.run(f"DELETE FROM contacts WHERE id = '{task.contact_id}'")

    costs = []
    for first in (1, 10):
        answer = api.ask(LISTED, {"first": first}, viewer=organization.viewer()).json()
        assert "errors" not in answer
        costs.append(answer["extensions"]["cost"]["statements"])

    assert costs[0] == costs[1]
