"""deleteTask and restoreTask: what nobody sees any more, and what comes back as it was."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from resolvers.viewers import Role, Viewer
from tests.apis import Api
from tests.organizations import Organization, new_organization

OUTCOME = """fragment Outcome on TaskPayload {
  task { id status deletedAt version leadId contactId accountId lead { displayName } }
  errors { __typename ... on UserError { code message path } ... on RecordNotFoundError { kind id }
           ... on StaleVersionError { current { id version status deletedAt } } }
  replayed clientMutationId }"""
IDS = {"deleteTask": "TaskIdInput", "restoreTask": "TaskIdInput", "completeTask": "CompleteTaskInput"}
IDS |= {"updateTask": "UpdateTaskInput", "reopenTask": "TaskIdInput", "cancelTask": "TaskIdInput"}


def send(
    api: Api, organization: Organization, mutation: str, id_: UUID, *, viewer: Viewer | None = None, **more: object
) -> Any:
    query = f"mutation ($input: {IDS[mutation]}!) {{ {mutation}(input: $input) {{ ...Outcome }} }} {OUTCOME}"
    return api.data(viewer or organization.viewer(), query, input={"id": str(id_)} | more)[mutation]


def deleted(api: Api, organization: Organization, id_: UUID) -> Any:
    """Delete a task, and return it as the payload shows it."""
    payload = send(api, organization, "deleteTask", id_)
    assert ([], False) == (payload["errors"], payload["replayed"])
    return payload["task"]


def row(organization: Organization, id_: UUID) -> dict[str, Any]:
    (found,) = organization.owner.rows(f"SELECT *, xmin::text FROM lead_interactions WHERE id = '{id_}'")
    return found


def kept(found: dict[str, Any]) -> dict[str, Any]:
    """Return what a task is, without what every write moves."""
    return {name: value for name, value in found.items() if name not in {"updated_at", "xmin", "last_modified_by"}}


def next_follow_up(organization: Organization, lead_id: UUID) -> datetime | None:
    (found,) = organization.owner.rows(f"SELECT next_follow_up FROM leads WHERE id = '{lead_id}'")
    due = found["next_follow_up"]
    return datetime.fromisoformat(due) if due else None


# Deleting and restoring.


@pytest.mark.parametrize("status", ["pending", "scheduled", "completed", "cancelled", "Waiting", None])
def test_a_task_is_deleted_and_comes_back_as_it_was(api: Api, organization: Organization, status: str | None) -> None:
    contact = organization.contact()
    id_ = organization.task(
        contact_id=contact,
        lead_id=organization.lead(),
        account_id=organization.account(contact),
        status=status,
        outcome="Sent",
        completed_at="2026-01-01" if status == "completed" else None,
    )
    before = row(organization, id_)

    gone = deleted(api, organization, id_)
    meanwhile = row(organization, id_)
    back = send(api, organization, "restoreTask", id_)

    assert ("CANCELLED", str(contact)) == (gone["status"], gone["contactId"])
    assert gone["deletedAt"]
    assert (str(organization.user_id), status, "cancelled") == (
        meanwhile["deleted_by"],
        meanwhile["status_before_deletion"],
        meanwhile["status"],
    )
    assert ([], False, None) == (back["errors"], back["replayed"], back["task"]["deletedAt"])
    assert kept(before) == kept(row(organization, id_))


@pytest.mark.parametrize("status", ["cancelled", "pending"])
def test_what_others_deleted_by_hand_keeps_its_status(api: Api, organization: Organization, status: str) -> None:
    id_ = organization.task(lead_id=organization.lead(), status=status, deleted_at="2026-02-10T12:00Z")

    back = send(api, organization, "restoreTask", id_)

    assert ([], status.upper()) == (back["errors"], back["task"]["status"])


def test_each_write_is_a_new_version_by_somebody(api: Api, organization: Organization) -> None:
    id_ = organization.task(lead_id=organization.lead())
    before = row(organization, id_)

    gone = deleted(api, organization, id_)
    there = send(api, organization, "restoreTask", id_, expectedVersion=gone["version"])["task"]

    assert 3 == len({before["xmin"], gone["version"], there["version"]})
    assert str(organization.user_id) == row(organization, id_)["last_modified_by"]


def test_who_is_no_user_of_the_organization_is_remembered_all_the_same(api: Api, organization: Organization) -> None:
    machine = Viewer(uuid4(), organization.id, Role.USER)
    id_ = organization.task(lead_id=organization.lead())

    send(api, organization, "deleteTask", id_, viewer=machine)

    found = row(organization, id_)
    assert (str(machine.user_id), None) == (found["deleted_by"], found["last_modified_by"])


def test_a_leads_next_follow_up_is_right_after_both(api: Api, organization: Organization) -> None:
    lead, now = organization.lead(), datetime.now(UTC).replace(microsecond=0)
    id_ = organization.task(lead_id=lead, status="scheduled", scheduled_at=now + timedelta(days=1))
    organization.task(lead_id=lead, status="scheduled", scheduled_at=now + timedelta(days=2))
    seen = [next_follow_up(organization, lead)]

    for mutation in ("deleteTask", "restoreTask"):
        send(api, organization, mutation, id_)
        seen.append(next_follow_up(organization, lead))

    assert [now + timedelta(days=days) for days in (1, 2, 1)] == seen


@pytest.mark.parametrize("mutation", ["deleteTask", "restoreTask"])
def test_again_it_changes_nothing_and_says_so(api: Api, organization: Organization, mutation: str) -> None:
    id_ = organization.task(lead_id=organization.lead())
    deleted(api, organization, id_)
    send(api, organization, mutation, id_)
    before = row(organization, id_)

    again = send(api, organization, mutation, id_, expectedVersion="1")

    assert ([], True) == (again["errors"], again["replayed"])
    assert (str(id_), before["xmin"]) == (again["task"]["id"], again["task"]["version"])
    assert before == row(organization, id_)


def test_restoring_what_was_never_deleted_changes_nothing(api: Api, organization: Organization) -> None:
    id_ = organization.task(lead_id=organization.lead())
    before = row(organization, id_)

    assert send(api, organization, "restoreTask", id_)["replayed"]
    assert before == row(organization, id_)


@pytest.mark.parametrize("mutation", ["deleteTask", "restoreTask"])
def test_of_many_at_once_one_does_it(api: Api, organization: Organization, mutation: str) -> None:
    id_ = organization.task(lead_id=organization.lead())
    if mutation == "restoreTask":
        deleted(api, organization, id_)

    with ThreadPoolExecutor(8) as threads:
        payloads = list(threads.map(lambda _: send(api, organization, mutation, id_), range(8)))

    assert [False] + [True] * 7 == sorted(payload["replayed"] for payload in payloads)
    assert 1 == len({payload["task"]["version"] for payload in payloads})


# Refusals.


@pytest.mark.parametrize("mutation", ["deleteTask", "restoreTask"])
def test_a_version_that_the_old_application_changed_is_stale(
    api: Api, organization: Organization, mutation: str
) -> None:
    id_ = organization.task(lead_id=organization.lead())
    if mutation == "restoreTask":
        deleted(api, organization, id_)
    version = row(organization, id_)["xmin"]
    organization.owner.database.psql(f"UPDATE lead_interactions SET subject = 'Moved' WHERE id = '{id_}'")
    before = row(organization, id_)

    payload = send(api, organization, mutation, id_, expectedVersion=version)

    (error,) = payload["errors"]
    assert ("StaleVersionError", "STALE_VERSION", ["input", "expectedVersion"]) == (
        error["__typename"],
        error["code"],
        error["path"],
    )
    assert (str(id_), before["xmin"]) == (error["current"]["id"], error["current"]["version"])
    assert before == row(organization, id_)


@pytest.mark.parametrize("mutation", ["deleteTask", "restoreTask"])
def test_what_is_no_task_of_the_organization_is_not_found(api: Api, organization: Organization, mutation: str) -> None:
    other = new_organization(organization.owner)
    call = organization.task(interaction_type="call", lead_id=organization.lead())
    theirs = other.task(lead_id=other.lead())
    before = row(other, theirs)

    errors = [send(api, organization, mutation, id_)["errors"][0] for id_ in (uuid4(), call, theirs)]

    assert ["RecordNotFoundError"] * 3 == [error["__typename"] for error in errors]
    assert [["input", "id"]] * 3 == [error["path"] for error in errors]
    assert before == row(other, theirs)


@pytest.mark.parametrize("mutation", ["deleteTask", "restoreTask"])
def test_a_viewer_changes_nothing(api: Api, organization: Organization, mutation: str) -> None:
    id_ = organization.task(lead_id=organization.lead())
    if mutation == "restoreTask":
        deleted(api, organization, id_)
    before = row(organization, id_)

    payload = send(api, organization, mutation, id_, viewer=organization.viewer(Role.VIEWER))

    assert ["ForbiddenError"] == [error["__typename"] for error in payload["errors"]]
    assert before == row(organization, id_)


@pytest.mark.parametrize("mutation", ["deleteTask", "restoreTask"])
def test_a_malformed_id_is_bad_user_input(api: Api, organization: Organization, mutation: str) -> None:
    query = f'mutation {{ {mutation}(input: {{id: "1"}}) {{ replayed }} }}'

    assert ["BAD_USER_INPUT"] == api.codes(organization.viewer(), query)


@pytest.mark.parametrize("mutation", ["deleteTask", "restoreTask"])
def test_clients_get_their_own_text_back(api: Api, organization: Organization, mutation: str) -> None:
    id_ = organization.task(lead_id=organization.lead())

    assert "mine" == send(api, organization, mutation, id_, clientMutationId="mine")["clientMutationId"]


@pytest.mark.parametrize(
    ("mutation", "more"),
    [
        ("completeTask", {}),
        ("completeTask", {"expectedVersion": "1"}),
        ("updateTask", {"subject": "Else"}),
        ("updateTask", {"subject": "Else", "validateOnly": True}),
        ("reopenTask", {}),
        ("cancelTask", {}),
    ],
)
def test_no_other_change_reaches_a_deleted_task_and_each_says_how_it_comes_back(
    api: Api, organization: Organization, mutation: str, more: dict[str, Any]
) -> None:
    id_ = organization.task(lead_id=organization.lead())
    deleted(api, organization, id_)
    before = row(organization, id_)

    (error,) = send(api, organization, mutation, id_, **more)["errors"]

    assert ("RecordNotFoundError", ["input", "id"], str(id_)) == (error["__typename"], error["path"], error["id"])
    assert f"The task {id_} was deleted. Bring it back with restoreTask first." == error["message"]
    assert before == row(organization, id_)


def test_a_deleted_task_in_a_list_to_complete_is_not_found(api: Api, organization: Organization) -> None:
    lead = organization.lead()
    gone, there = organization.task(lead_id=lead), organization.task(lead_id=lead)
    deleted(api, organization, gone)
    query = f"mutation ($ids: [ID!]!) {{ completeTasks(ids: $ids) {{ results {{ ...Outcome }} }} }} {OUTCOME}"

    first, second = api.data(organization.viewer(), query, ids=[str(gone), str(there)])["completeTasks"]["results"]

    assert ["RecordNotFoundError"] == [error["__typename"] for error in first["errors"]]
    assert "restoreTask" in first["errors"][0]["message"]
    assert "COMPLETED" == second["task"]["status"]


def test_a_move_of_tasks_leaves_deleted_ones_where_they_are(api: Api, organization: Organization) -> None:
    lead, contact = organization.lead(), organization.contact()
    gone, there = organization.task(lead_id=lead), organization.task(lead_id=lead)
    deleted(api, organization, gone)
    query = """mutation ($input: RelinkTasksInput!) { relinkTasks(input: $input) {
      affected sample { id } errors { __typename } } }"""
    asked = {
        "from": {"leadId": str(lead)},
        "to": {"contactId": str(contact)},
        "filter": {"includeDeleted": True},
        "dryRun": False,
    }

    moved = api.data(organization.viewer(), query, input=asked)["relinkTasks"]

    assert {"affected": 1, "sample": [{"id": str(there)}], "errors": []} == moved
    assert str(lead) == row(organization, gone)["lead_id"]


# Beside the old application, which knows nothing of it.


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("status = 'scheduled'", "SCHEDULED"),
        ("status = 'completed', completed_at = now()", "COMPLETED"),
        ("subject = 'Moved'", "PENDING"),
    ],
)
def test_a_status_that_the_old_application_gave_it_meanwhile_stays(
    api: Api, organization: Organization, change: str, expected: str
) -> None:
    id_ = organization.task(lead_id=organization.lead())
    deleted(api, organization, id_)
    organization.owner.database.psql(f"UPDATE lead_interactions SET {change} WHERE id = '{id_}'")

    hidden = api.data(organization.viewer(), "query ($id: ID!) { task(id: $id) { id } }", id=str(id_))["task"]
    back = send(api, organization, "restoreTask", id_)

    assert hidden is None
    assert expected == back["task"]["status"]


def test_what_the_old_application_deleted_for_good_is_not_found(api: Api, organization: Organization) -> None:
    id_ = organization.task(lead_id=organization.lead())
    deleted(api, organization, id_)
    organization.owner.database.psql(f"DELETE FROM lead_interactions WHERE id = '{id_}'")

    (error,) = send(api, organization, "restoreTask", id_)["errors"]

    assert "RecordNotFoundError" == error["__typename"]


def test_a_deleted_task_outlives_its_records_and_comes_back_as_an_orphan(api: Api, organization: Organization) -> None:
    contact = organization.contact()
    id_ = organization.task(contact_id=contact)
    deleted(api, organization, id_)
    organization.owner.database.psql(f"DELETE FROM contacts WHERE id = '{contact}'")

    back = send(api, organization, "restoreTask", id_)

    assert ([], None) == (back["errors"], back["task"]["contactId"])


# Reads.

KINDS = ("lead", "contact", "account")
FILTERS = ("", ", filter: {kinds: [TASK]}", ', filter: {occursAt: {gt: "2000-01-01T00:00:00Z"}}')
ENTRIES = "totalCount edges { node { id } } groups(by: DAY) { count }"
READS = {
    "task": "task(id: $id) { id }",
    "node": "node(id: $id) { id }",
    "nodes": "nodes(ids: [$id]) { id }",
    "tasks": "tasks { nodes { id } }",
    "tasks, their number": "tasks(first: 0) { totalCount }",
    "tasks by id": "tasks(filter: {id: {eq: $id}}) { nodes { id } }",
    "tasks by negation": 'tasks(filter: {not: {search: "x"}}) { nodes { id } }',
    "tasks, deleted ones deep inside": (
        "tasks(filter: {and: [{includeDeleted: true}], or: [{includeDeleted: true}]}) { nodes { id } }"
    ),
    "tasks, deleted ones by null": "tasks(filter: {includeDeleted: null}) { nodes { id } }",
    "taskStats": "taskStats { total byStatus { count } next { id } }",
    "taskStats, deleted ones asked for": "taskStats(filter: {includeDeleted: true}) { total next { id } }",
    **{f"tasks of a {kind}": f"{kind}(id: ${kind}) {{ tasks {{ totalCount nodes {{ id }} }} }}" for kind in KINDS},
    **{
        f"stats of a {kind}": f"{kind}(id: ${kind}) {{ taskStats(includeRelated: true) {{ total next {{ id }} }} }}"
        for kind in KINDS
    },
    **{
        f"timeline of a {kind}, related {related}{filter_}": (
            f"timeline(record: {{{kind}Id: ${kind}}}, includeRelated: {related}{filter_}) {{ {ENTRIES} }}"
        )
        for kind in KINDS
        for related in ("false", "true")
        for filter_ in FILTERS
    },
    **{
        f"groups by {unit}": f"timeline(record: {{contactId: $contact}}) {{ groups(by: {unit}) {{ count }} }}"
        for unit in ("MONTH", "BUCKET", "STATUS", "LINKS")
    },
}


def says_anything(data: Any) -> bool:
    """Tell whether an answer holds an id, or a number other than 0."""
    if isinstance(data, dict):
        return any(says_anything(value) for value in data.values())
    return any(says_anything(item) for item in data) if isinstance(data, list) else bool(data)


@pytest.mark.parametrize("name", READS)
def test_no_read_shows_a_deleted_task(api: Api, organization: Organization, name: str) -> None:
    contact = organization.contact()
    records = {"contact": contact, "lead": organization.lead(linked_contact_id=contact)}
    records["account"] = organization.account(contact)
    due = datetime.now(UTC) + timedelta(days=1)
    id_ = organization.task(**{f"{kind}_id": record for kind, record in records.items()}, scheduled_at=due)
    known = {"id": str(id_)} | {kind: str(record) for kind, record in records.items()}
    asked = {variable: value for variable, value in known.items() if f"${variable}" in READS[name]}
    variables = ", ".join(f"${variable}: ID!" for variable in asked)
    document = f"query {f'({variables})' if asked else ''} {{ {READS[name]} }}"

    before = says_anything(api.data(organization.viewer(), document, **asked))
    deleted(api, organization, id_)
    meanwhile = says_anything(api.data(organization.viewer(), document, **asked))
    send(api, organization, "restoreTask", id_)
    after = says_anything(api.data(organization.viewer(), document, **asked))

    assert (True, False, True) == (before, meanwhile, after)


def test_deleted_tasks_are_shown_where_they_are_asked_for(api: Api, organization: Organization) -> None:
    contact = organization.contact()
    gone, there = (organization.task(contact_id=contact) for _ in range(2))
    deleted(api, organization, gone)
    query = """query ($contact: ID!, $filter: TaskFilter) {
      tasks(filter: $filter) { totalCount nodes { id deletedAt status } }
      contact(id: $contact) { tasks(filter: $filter) { totalCount nodes { id } } } }"""

    data = api.data(organization.viewer(), query, contact=str(contact), filter={"includeDeleted": True})

    nodes = data["tasks"]["nodes"]
    assert {str(gone): True, str(there): False} == {node["id"]: node["deletedAt"] is not None for node in nodes}
    assert (2, 2, 2) == (
        data["tasks"]["totalCount"],
        data["contact"]["tasks"]["totalCount"],
        len(data["contact"]["tasks"]["nodes"]),
    )


def test_a_cursor_of_a_list_with_deleted_tasks_is_none_of_a_list_without(api: Api, organization: Organization) -> None:
    contact = organization.contact()
    for _ in range(2):
        organization.task(contact_id=contact)
    query = """query ($filter: TaskFilter, $after: String) {
      tasks(filter: $filter, first: 1, after: $after) { pageInfo { endCursor } } }"""
    page = api.data(organization.viewer(), query, filter={"includeDeleted": True})["tasks"]

    codes = api.codes(organization.viewer(), query, after=page["pageInfo"]["endCursor"])

    assert ["BAD_USER_INPUT"] == codes


@pytest.mark.parametrize("mutation", ["deleteTask", "restoreTask"])
def test_it_takes_one_statement_and_one_more_when_nothing_is_changed(
    api: Api, organization: Organization, mutation: str
) -> None:
    id_ = organization.task(lead_id=organization.lead())
    if mutation == "restoreTask":
        deleted(api, organization, id_)
    query = f"mutation ($id: ID!) {{ {mutation}(input: {{id: $id}}) {{ task {{ id }} replayed }} }}"

    answers = [api.ask(query, {"id": str(id_)}, viewer=organization.viewer()).json() for _ in range(2)]

    assert [1, 2] == [answer["extensions"]["cost"]["statements"] for answer in answers]
