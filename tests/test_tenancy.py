"""Two walls keep organizations apart, the predicate in each statement and row security: either of them is enough."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

import pytest
from sqlalchemy import ColumnElement, FromClause, true

from db import (
    accounts,
    contacts,
    deletions,
    idempotency_keys,
    interactions,
    leads,
    link_filters,
    linked_rows,
    record_filters,
    records,
    related_records,
    relinks,
    task_batches,
    task_changes,
    task_lists,
    task_states,
    task_stats,
    tasks,
    timeline_counts,
    timeline_shapes,
    timelines,
    users,
)
from db.tables import METADATA
from resolvers.viewers import Role, Viewer
from tests.apis import Api, api
from tests.databases import CrmDatabase
from tests.organizations import Organization, new_organization
from tests.owners import Owner

TABLES = [name for name, table in METADATA.tables.items() if "organization_id" in table.c]
STATEMENTS = (
    accounts,
    contacts,
    idempotency_keys,
    interactions,
    leads,
    link_filters,
    linked_rows,
    record_filters,
    records,
    related_records,
    relinks,
    task_changes,
    task_lists,
    task_stats,
    tasks,
    timeline_counts,
    timeline_shapes,
    users,
)
# What keeps statements made of conditions in those.
DEPENDENT = (timelines, deletions, task_batches, task_states)

FIELDS = "id subject lead { id } contact { id } account { id } assignee { id } links(includeLost: true) { recordId }"
BY_ID = {
    "node": "query ($id: ID!) { node(id: $id) { id } }",
    "task": f"query ($id: ID!) {{ task(id: $id) {{ {FIELDS} }} }}",
    "lead": "query ($id: ID!) { lead(id: $id) { id owner { id } contact { id } } }",
    "contact": "query ($id: ID!) { contact(id: $id) { id owner { id } lead { id } } }",
    "account": "query ($id: ID!) { account(id: $id) { id contact { id } } }",
    "nodes": "query ($id: ID!) { nodes(ids: [$id]) { id } }",
    "tasks of a record": f"""query ($id: ID!) {{ lead(id: $id) {{ tasks {{ nodes {{ {FIELDS} }} }} }}
      contact(id: $id) {{ tasks {{ nodes {{ {FIELDS} }} }} }}
      account(id: $id) {{ tasks {{ nodes {{ {FIELDS} }} }} }} }}""",
    "accounts": "query ($id: ID!) { contact(id: $id) { accounts { edges { node { id } } } } }",
    "next task": "query ($id: ID!) { taskStats(filter: {contactId: {eq: $id}}) { next { id } } }",
    "next task of a record": """query ($id: ID!) { lead(id: $id) { taskStats { next { id } } }
      contact(id: $id) { taskStats { next { id } } }
      account(id: $id) { taskStats(includeRelated: true) { next { id } } } }""",
    "filter": f"""query ($id: ID!) {{ tasks(filter: {{contactId: {{eq: $id}}}}) {{ nodes {{ {FIELDS} }} }} }}""",
    "timeline": f"query ($id: ID!) {{ timeline(record: {{contactId: $id}}) {{ edges {{ node {{ {FIELDS} }} }} }} }}",
    "related timeline": f"""query ($id: ID!) {{ timeline(record: {{contactId: $id}}, includeRelated: true) {{
        edges {{ node {{ {FIELDS} }} via {{ record {{ id }} }} }} }} }}""",
    "timeline of a record": f"""query ($id: ID!) {{ contact(id: $id) {{
        timeline(filter: {{links: {{all: [ACCOUNT]}}}}) {{
        edges {{ node {{ {FIELDS} }} }} }} }} }}""",
}
LISTS = {
    "tasks": f"{{ tasks(first: 200) {{ nodes {{ {FIELDS} }} }} }}",
    "last tasks": f"{{ tasks(last: 200) {{ edges {{ node {{ {FIELDS} }} }} }} }}",
    "sorted tasks": f"""{{ tasks(first: 200, filter: {{contact: {{search: "mirrored"}}}},
        orderBy: {{field: SUBJECT}}) {{ nodes {{ {FIELDS} }} }} }}""",
    "tasks of found records": f"""{{ tasks(first: 200, filter: {{contact: {{search: "mirrored"}},
        account: {{search: "mirrored"}}, links: {{all: [ACCOUNT]}}}}) {{ nodes {{ {FIELDS} }} }} }}""",
    "users": '{ users(search: "mirrored", first: 200) { id } }',
    "search": '{ searchRecords(search: "mirrored", first: 50) { id } }',
}
COUNTS = {
    "task count": "query ($id: ID!) { tasks(filter: {contactId: {ne: $id}}, first: 0) { count: totalCount } }",
    "task stats": "query ($id: ID!) { taskStats(filter: {contactId: {ne: $id}}) { count: total } }",
}
REST = {
    "REST list": "/api/tasks?limit=1000",
    "REST list of a contact": "/api/tasks?contact_id={contact}",
    "REST task": "/api/tasks/{task}",
    "REST list of a lead": "/api/leads/{lead}/tasks",
    "REST list of leads": "/api/leads/tasks?limit=100",
}
CREATE = """mutation ($input: CreateTaskInput!) { createTask(input: $input) {
  task { id } errors { __typename ... on RecordNotFoundError { path } } } }"""

UPDATE = CREATE.replace("CreateTaskInput", "UpdateTaskInput").replace("createTask", "updateTask")
CREATE_ALL = """mutation ($input: [CreateTaskInput!]!) { createTasks(input: $input, atomic: false) { results {
  task { id } errors { __typename ... on RecordNotFoundError { path } } } } }"""
RELINK = """mutation ($input: RelinkTasksInput!) { relinkTasks(input: $input) {
  affected errors { __typename ... on RecordNotFoundError { path } } } }"""


@dataclass(frozen=True, slots=True)
class Mirrored:
    """One of two organizations with the same rows but for their identifiers."""

    organization: Organization
    ids: dict[str, UUID]

    @classmethod
    def new(cls, owner: Owner) -> "Mirrored":
        own = new_organization(owner)
        contact = own.contact(first_name="Mirrored", assigned_to=own.user_id)
        account = own.account(contact, account_name="Mirrored")
        lead = own.lead(first_name="Mirrored", linked_contact_id=contact, assigned_to=own.user_id)
        links = {"lead_id": lead, "contact_id": contact, "account_id": account, "created_by": own.user_id}
        # The very first and the very last of all tasks in the database, so that a page of anybody's would show them.
        task = own.task(id=UUID(int=uuid4().int >> 32), scheduled_at="-infinity", **links)
        own.task(id=UUID(int=uuid4().int | 0xFFFFFFFF << 96), **links)
        call = own.task(interaction_type="call", **links)
        ids = {"lead": lead, "contact": contact, "account": account, "task": task, "call": call, "user": own.user_id}
        ids["colleague"] = own.user(first_name="Mirrored")
        return cls(own, ids)


@pytest.fixture(scope="module")
def pair(owner: Owner) -> tuple[Mirrored, Mirrored]:
    return Mirrored.new(owner), Mirrored.new(owner)


@pytest.fixture
def without_predicate(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Statements that name no organization: the first wall taken down."""

    def anybodys(_: FromClause) -> ColumnElement[bool]:
        return true()

    def forget() -> None:
        for module in (*STATEMENTS, *DEPENDENT):
            for value in vars(module).values():
                if hasattr(value, "cache_clear"):
                    value.cache_clear()

    for module in STATEMENTS:
        monkeypatch.setattr(module, "of_tenant", anybodys)
    forget()
    yield
    monkeypatch.undo()
    forget()


@pytest.fixture(scope="module")
def unbound(crm: CrmDatabase) -> Iterator[Api]:
    """The API as the owner, whom row security doesn't bind: the second wall taken down."""
    with api(database_url=crm.owner_url, allow_unbound_role=True) as running:
        yield running


def shown(running: Api, mine: Mirrored, query: str, **variables: object) -> str:
    answer = running.ask(query, variables, viewer=mine.organization.viewer()).json()
    codes = {error["extensions"]["code"] for error in answer.get("errors", [])}
    assert codes <= {"NOT_FOUND"}, answer
    return json.dumps(answer["data"])


def rest_answer(running: Api, mine: Mirrored, path: str) -> str:
    """Return what is answered, but nothing for a refusal, which repeats the ids that were asked for."""
    answer = running.client.get(path, headers=running.headers(viewer=mine.organization.viewer()))
    assert answer.status_code in {200, 404}, answer.text
    return answer.text if answer.status_code == 200 else ""


def leaks(running: Api, mine: Mirrored, theirs: Mirrored) -> set[str]:
    """Return the names of the queries by which I see anything of theirs."""
    foreign = [str(id_) for id_ in theirs.ids.values()]
    answers = {name: shown(running, mine, query) for name, query in LISTS.items()}
    for name, query in BY_ID.items():
        answers[name] = "".join(shown(running, mine, query, id=id_) for id_ in foreign)
    for name, path in REST.items():
        answers[name] = rest_answer(running, mine, path.format(**theirs.ids))
    found = {name for name, answer in answers.items() if any(id_ in answer for id_ in foreign)}
    if json.loads(rest_answer(running, mine, "/api/tasks/stats"))["stats"]["total"] != 2:
        found.add("REST stats")
    for name, query in COUNTS.items():
        (counted,) = json.loads(shown(running, mine, query, id=str(uuid4()))).values()
        found |= {name} if counted["count"] != 2 else set()
    return found


ALL = {*BY_ID, *LISTS, *COUNTS, *REST, "REST stats"}


def test_nobody_sees_another_organizations_rows(api: Api, pair: Sequence[Mirrored]) -> None:
    assert set() == leaks(api, pair[0], pair[1])
    assert set() == leaks(api, pair[1], pair[0])


def test_the_predicate_alone_is_enough(unbound: Api, pair: Sequence[Mirrored]) -> None:
    assert set() == leaks(unbound, pair[0], pair[1])


@pytest.mark.usefixtures("without_predicate")
def test_row_security_alone_is_enough(api: Api, pair: Sequence[Mirrored]) -> None:
    assert set() == leaks(api, pair[0], pair[1])


@pytest.mark.usefixtures("without_predicate")
def test_without_both_walls_every_query_leaks(unbound: Api, pair: Sequence[Mirrored]) -> None:
    """Shows that the three tests above can fail."""
    assert ALL == leaks(unbound, pair[0], pair[1])


def test_my_own_rows_are_shown_all_the_same(api: Api, unbound: Api, pair: Sequence[Mirrored]) -> None:
    mine = pair[0]

    for running in (api, unbound):
        answer = "".join(shown(running, mine, LISTS[name]) for name in ("tasks", "search", "users"))
        assert all(str(id_) in answer for name, id_ in mine.ids.items() if name != "call")


def refused(running: Api, mine: Mirrored, theirs: Mirrored) -> list[list[str]]:
    """Try to link each of their records and to assign to their user; return the paths refused. Nothing is written."""
    own = str(mine.ids["contact"])
    paths = []
    for name, kind in {"leadId": "lead", "contactId": "contact", "accountId": "account", "assigneeId": "user"}.items():
        given = {"subject": "x", "contactId": own} | {name: str(theirs.ids[kind])}
        payload = running.data(mine.organization.viewer(), CREATE, input=given)["createTask"]
        many = running.data(mine.organization.viewer(), CREATE_ALL, input=[given] * 2)["createTasks"]["results"]
        assert [None] * 3 == [one["task"] for one in (payload, *many)]
        assert [["input", "1", name]] == [error["path"] for error in many[1]["errors"]]
        paths += [error["path"] for error in payload["errors"]]
        change = {"id": str(mine.ids["task"]), "subject": "x", name: str(theirs.ids[kind])}
        refusals = running.data(mine.organization.viewer(), UPDATE, input=change)["updateTask"]["errors"]
        assert [paths[-1]] == [error["path"] for error in refusals]
    written = (
        f"SELECT count(*) FROM lead_interactions WHERE organization_id = '{mine.organization.id}' AND subject = 'x'"
    )
    (row,) = mine.organization.owner.rows(written)
    assert 0 == row["count"]
    return paths


EVERY_LINK = [["input", name] for name in ("leadId", "contactId", "accountId", "assigneeId")]


def test_nobody_can_link_another_organizations_records(api: Api, unbound: Api, pair: Sequence[Mirrored]) -> None:
    assert EVERY_LINK == refused(api, pair[0], pair[1])
    assert EVERY_LINK == refused(unbound, pair[0], pair[1])


@pytest.mark.usefixtures("without_predicate")
def test_row_security_alone_refuses_foreign_links(api: Api, pair: Sequence[Mirrored]) -> None:
    assert EVERY_LINK == refused(api, pair[0], pair[1])


CHANGES = {
    "updateTask": 'mutation ($id: ID!) { changed: updateTask(input: {id: $id, subject: "Mine"}) { task { id } } }',
    "completeTask": "mutation ($id: ID!) { changed: completeTask(input: {id: $id}) { task { id } } }",
    "reopenTask": "mutation ($id: ID!) { changed: reopenTask(input: {id: $id}) { task { id } } }",
    "cancelTask": "mutation ($id: ID!) { changed: cancelTask(input: {id: $id}) { task { id } } }",
    "completeTasks": "mutation ($id: ID!) { changed: completeTasks(ids: [$id]) { results { task { id } } } }",
    "deleteTask": "mutation ($id: ID!) { changed: deleteTask(input: {id: $id}) { task { id } } }",
    "restoreTask": "mutation ($id: ID!) { changed: restoreTask(input: {id: $id}) { task { id } } }",
}


def reached(running: Api, mine: Mirrored, theirs: Mirrored) -> set[str]:
    """Return the names of the mutations by which I reach a task of theirs."""
    id_ = str(theirs.ids["task"])
    return {name for name, query in CHANGES.items() if id_ in shown(running, mine, query, id=id_)}


def test_nobody_reaches_another_organizations_task(api: Api, unbound: Api, pair: Sequence[Mirrored]) -> None:
    assert set() == reached(api, pair[0], pair[1])
    assert set() == reached(unbound, pair[0], pair[1])


@pytest.mark.usefixtures("without_predicate")
def test_row_security_alone_keeps_their_tasks_out_of_reach(api: Api, pair: Sequence[Mirrored]) -> None:
    assert set() == reached(api, pair[0], pair[1])


@pytest.mark.usefixtures("without_predicate")
def test_without_both_walls_every_change_reaches_their_task(unbound: Api, owner: Owner) -> None:
    """Shows that the two tests above can fail."""
    assert set(CHANGES) == reached(unbound, Mirrored.new(owner), Mirrored.new(owner))


def moved(running: Api, mine: Mirrored, theirs: Mirrored) -> list[list[str]]:
    """Try to move my tasks to each of their records, and theirs to mine; return the paths refused. Nothing moves."""
    paths = []
    for kind in ("lead", "contact", "account"):
        my_own, foreign = {f"{kind}Id": str(mine.ids[kind])}, {f"{kind}Id": str(theirs.ids[kind])}
        for from_, to in ((my_own, foreign), (foreign, my_own)):
            given = {"from": from_, "to": to, "dryRun": False}
            payload = running.data(mine.organization.viewer(), RELINK, input=given)["relinkTasks"]
            assert 0 == payload["affected"]
            paths += [error["path"] for error in payload["errors"]]
    return paths


EVERY_MOVE = [["input", side, name] for name in ("leadId", "contactId", "accountId") for side in ("to", "from")]


def test_nobody_can_move_tasks_to_or_from_another_organization(
    api: Api, unbound: Api, pair: Sequence[Mirrored]
) -> None:
    assert EVERY_MOVE == moved(api, pair[0], pair[1])
    assert EVERY_MOVE == moved(unbound, pair[0], pair[1])


@pytest.mark.usefixtures("without_predicate")
def test_row_security_alone_refuses_foreign_moves(api: Api, pair: Sequence[Mirrored]) -> None:
    assert EVERY_MOVE == moved(api, pair[0], pair[1])


LINKED = f"query ($id: ID!) {{ task(id: $id) {{ {FIELDS} }} }}"


def linked_to(mine: Mirrored, theirs: Mirrored) -> str:
    """A task of mine with links to their records, as hand-made fixes leave them in real databases."""
    ids = {f"{kind}_id": theirs.ids[kind] for kind in ("lead", "contact", "account", "user")}
    return str(mine.organization.old_task(**ids))


def test_a_row_of_mine_that_is_linked_to_them_shows_nothing_of_them(unbound: Api, owner: Owner) -> None:
    mine, theirs = Mirrored.new(owner), Mirrored.new(owner)
    id_ = linked_to(mine, theirs)

    task = unbound.data(mine.organization.viewer(), LINKED, id=id_)["task"]

    nothing: dict[str, object] = {"lead": None, "contact": None, "account": None, "assignee": None, "links": []}
    assert {"id": id_, "subject": "Call"} | nothing == task


@pytest.mark.parametrize("kind", ["lead", "contact", "account"])
def test_a_filter_tells_nothing_of_their_records(unbound: Api, owner: Owner, kind: str) -> None:
    """A row of mine that is linked to them would tell their names, letter by letter."""
    mine, theirs = Mirrored.new(owner), Mirrored.new(owner)
    linked_to(mine, theirs)
    query = "query ($filter: TaskFilter) { tasks(filter: $filter) { totalCount } }"

    found = unbound.data(mine.organization.viewer(), query, filter={kind: {"search": "mirrored"}})["tasks"]

    assert 2 == found["totalCount"]


THROUGH_MY_RECORDS = """query ($lead: ID!, $contact: ID!, $account: ID!) {
  a: timeline(record: {leadId: $lead}) { totalCount edges { node { id } } }
  b: timeline(record: {contactId: $contact}) { totalCount edges { node { id } } }
  c: timeline(record: {accountId: $account}) { totalCount edges { node { id } } }
  hops: timeline(record: {contactId: $contact}, includeRelated: true) {
    totalCount groups(by: LINKS) { key count } edges { node { id } via { record { id } } } }
  d: tasks(filter: {contactId: {eq: $contact}}) { totalCount nodes { id } }
  lead(id: $lead) { ...Tasks } account(id: $account) { ...Tasks }
  contact(id: $contact) { lead { id } accounts { totalCount edges { node { id } } } ...Tasks } }
fragment Tasks on CrmRecord { tasks { totalCount nodes { id } }
  own: taskStats { total next { id } } related: taskStats(includeRelated: true) { total next { id } } }"""


def test_rows_of_theirs_that_are_linked_to_me_are_not_shown_to_me(api: Api, unbound: Api, owner: Owner) -> None:
    mine, theirs = Mirrored.new(owner), Mirrored.new(owner)
    ids = {name: str(mine.ids[name]) for name in ("lead", "contact", "account")}
    viewer = mine.organization.viewer()
    expected = api.data(viewer, THROUGH_MY_RECORDS, **ids)

    theirs.organization.old_task(**{f"{kind}_id": id_ for kind, id_ in ids.items()})
    theirs.organization.old_task(contact_id=ids["contact"])
    theirs.organization.old_task(account_id=ids["account"])
    lead = theirs.organization.lead(linked_contact_id=ids["contact"], converted_date="infinity")
    account = theirs.organization.account(mine.ids["contact"], account_name="Theirs")
    for organization, due in ((theirs.organization, "-infinity"), (mine.organization, "infinity")):
        organization.task(
            lead_id=lead, scheduled_at=due, id=uuid4() if due == "infinity" else UUID(int=uuid4().int >> 96)
        )
        organization.old_task(account_id=account, scheduled_at=due)

    assert 3 == expected["b"]["totalCount"]
    assert expected == api.data(viewer, THROUGH_MY_RECORDS, **ids)
    assert expected == unbound.data(viewer, THROUGH_MY_RECORDS, **ids)


def test_their_records_leave_room_for_mine_in_a_search(unbound: Api, owner: Owner) -> None:
    mine, theirs = new_organization(owner), new_organization(owner)
    theirs.insert_all("leads", [{"first_name": f"Roomy {number:02}", "last_name": ""} for number in range(60)])
    lead = str(mine.lead(first_name="Roomy Zuletzt"))

    query = '{ searchRecords(search: "roomy", first: 50) { id } }'
    assert [{"id": lead}] == unbound.data(mine.viewer(), query)["searchRecords"]


def test_a_colleague_of_theirs_is_not_recorded_as_my_tasks_author(unbound: Api, owner: Owner) -> None:
    mine, theirs = new_organization(owner), new_organization(owner)
    viewer = Viewer(theirs.user_id, mine.id, Role.USER)
    given = {"subject": "x", "contactId": str(mine.contact()), "assigneeId": str(mine.user_id)}

    assert unbound.data(viewer, CREATE, input=given)["createTask"]["task"]

    (row,) = owner.rows(f"SELECT created_by FROM lead_interactions WHERE organization_id = '{mine.id}'")
    assert row["created_by"] is None


@pytest.mark.parametrize("table", TABLES)
def test_row_security_hides_every_table(crm: CrmDatabase, pair: Sequence[Mirrored], table: str) -> None:
    mine, theirs = (mirrored.organization.id for mirrored in pair)
    count = f"SELECT count(*) FROM {table} WHERE organization_id = '{theirs}'"

    assert int(crm.psql(count)) > 0
    assert "0" == crm.psql(f"SET app.current_organization_id = '{mine}'; {count}", url=crm.app_url)


def test_row_security_refuses_to_write_a_task_of_theirs(crm: CrmDatabase, pair: Sequence[Mirrored]) -> None:
    mine, theirs = pair
    values = f"'{theirs.organization.id}', 'task', 'Call', '{theirs.ids['user']}', '{theirs.ids['contact']}'"
    columns = "organization_id, interaction_type, subject, user_id, contact_id"
    insert = f"INSERT INTO lead_interactions ({columns}) VALUES ({values})"

    with pytest.raises(AssertionError, match="row-level security"):
        crm.psql(f"SET app.current_organization_id = '{mine.organization.id}'; {insert}", url=crm.app_url)
