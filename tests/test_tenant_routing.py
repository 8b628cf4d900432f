"""Each statement that the API sends names one organization, wherever it reads or writes a tenant's table.

So whoever stands before several servers could tell from a statement and its arguments which one it is for. What is
looked at is what PostgreSQL is sent, by the wire. docs/sharding.md says what for.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from uuid import UUID

import pytest
from asyncpg.introspection import INTRO_LOOKUP_TYPES
from graphql import GraphQLSchema
from hypothesis import given, settings
from hypothesis import strategies as st
from pglast import ast, parse_sql

from db import connection_room, engine, server_states, sessions, task_batches, turns
from schema.build import build_schema
from server.rest.routes import all_operations
from tests.apis import READINESS, Api, api
from tests.databases import CrmDatabase
from tests.deadlines import eventually
from tests.drawn_values import cursors_of, filled_organization, ids_of
from tests.heard_statements import Heard, hearing
from tests.organizations import Organization, new_organization
from tests.owners import Owner
from tests.rest_cases import CASES, filled, furnish, send
from tests.sockets import greeted
from tests.table_references import Reference, references
from tests.test_any_query import Writer

# The whole list of what names no organization, and why that needs no routing, or another one.
NAMES_NONE = {
    sessions.COMMIT: "ends the transaction whose first statement named it",
    sessions.ROLLBACK: "the same",
    sessions.PLAN_ANEW: "sets how the transaction's next statements are planned",
    task_batches._name_changes().sql: "leaves the caller's text for the log in the transaction that named it",
    turns._take_turn().sql: "waits for the organization's turn, by a lock that is the server's and no table's",
    engine.ESCAPES_ROW_SECURITY: "on each new connection: may this role escape row security? Asks the catalogue",
    connection_room.ROOM: "at the start: how many connections may there be? Asks the catalogue",
    READINESS.read_text(): "/readyz: is the schema what the migrations make? Asks the catalogue",
    server_states._STATE: "/readyz: does the server take changes, and what says its clock? Asks the server",
    server_states.IDENTITY: "which database word of events comes from. Asks the catalogue",
    'LISTEN "taskline_events"': "waits for word that events were written; they are read by organization",
    INTRO_LOOKUP_TYPES: "the driver asks the catalogue how values of a type are written",
    "SELECT current_setting('jit') AS cur, set_config('jit', 'off', false) AS new": "before that",
    "SELECT": "looks whether the server, or the connection that listens, answers at all",
}
LISTED = {" ".join(sql.split()) for sql in NAMES_NONE}
# Sent when the command starts, and when a server is slow.
RARE = {" ".join(connection_room.ROOM.split()), "SELECT"}

RECORD = (
    "id displayName tasks(first: 2) { totalCount nodes { id } } taskStats(includeRelated: true) { open next { id } }"
)
PERSON = f"{RECORD} owner {{ id }}"
LINKED = f"""lead {{ {PERSON} contact {{ id lead {{ id }} }} }} contact {{ {PERSON} lead {{ id }} accounts(first: 2) {{
  totalCount edges {{ node {{ id contact {{ id owner {{ id }} }} }} }} }} }} account {{ {RECORD} contact {{ id }} }}
  assignee {{ id }} createdBy {{ id }} links(includeLost: true) {{ label record {{ id }} }}"""
TASK = f"""id subject version isOrphan bucket {LINKED}
  history(first: 5) {{ totalCount edges {{ node {{ type actor {{ id }} changes {{ field }} link {{ label }} }} }} }}"""
ENTRIES = f"""totalCount resumeToken month: groups {{ key count }} buckets: groups(by: BUCKET) {{ key count }}
  links: groups(by: LINKS) {{ key count }} days: groups(by: DAY) {{ key }}
  edges {{ via {{ record {{ id }} }} node {{ id {LINKED} }} }}"""
FILTER = """{or: [{contact: {search: "c"}}, {lead: {ownerId: {isNull: false}}}, {account: {status: ["active"]}},
  {not: {links: {any: [ACCOUNT]}}}], orphan: false}"""

QUERIES = {
    "viewer": "{ viewer { organizationId user { id } } }",
    "node": '{ node(id: "{task}") { id } }',
    "nodes": '{ nodes(ids: ["{task}", "{lead}", "{contact}", "{account}", "{user}"]) { id } }',
    "task": f'{{ task(id: "{{task}}") {{ {TASK} }} }}',
    "tasks": f"""{{ tasks(first: 3) {{ totalCount edges {{ cursor node {{ {TASK} }} }} }}
      some: tasks(filter: {FILTER}, orderBy: {{field: PRIORITY}}, last: 3) {{ totalCount nodes {{ id }} }} }}""",
    "taskStats": f"""{{ taskStats {{ total next {{ id }} }}
      some: taskStats(filter: {FILTER}) {{ byLinks {{ count }} }} }}""",
    "timeline": f"""{{ timeline(record: {{contactId: "{{contact}}"}}, first: 2) {{ {ENTRIES} }}
      all: timeline(record: {{contactId: "{{contact}}"}}, includeRelated: true, last: 2) {{ {ENTRIES} }}
      some: timeline(record: {{leadId: "{{lead}}"}}, includeRelated: true, first: 2,
        filter: {{open: true, links: {{none: [ACCOUNT]}}}}) {{ {ENTRIES} }} }}""",
    "lead": f"""{{ lead(id: "{{lead}}") {{ {PERSON} contact {{ id }}
      timeline(includeRelated: true, first: 2) {{ {ENTRIES} }} }} }}""",
    "contact": f"""{{ contact(id: "{{contact}}") {{ {PERSON} lead {{ id }}
      accounts(first: 2) {{ totalCount edges {{ cursor }} }} timeline(first: 2) {{ {ENTRIES} }} }} }}""",
    "account": f'{{ account(id: "{{account}}") {{ {RECORD} contact {{ id }} timeline(first: 2) {{ {ENTRIES} }} }} }}',
    "searchRecords": '{ searchRecords(search: "c") { id displayName } }',
    "users": '{ users(search: "u") { id } all: users { id } }',
}
GIVEN = 'subject: "Call", leadId: "{lead}", contactId: "{contact}", accountId: "{account}", clientMutationId: "a"'
PAYLOAD = f"{{ task {{ {TASK} }} errors {{ __typename }} }}"
MUTATIONS = {
    "createTask": f"""mutation {{ one: createTask(input: {{{GIVEN}, idempotencyKey: "k"}}) {PAYLOAD}
      again: createTask(input: {{{GIVEN}, idempotencyKey: "k"}}) {PAYLOAD}
      missing: createTask(input: {{subject: "x", leadId: "{{nobody}}"}}) {PAYLOAD} }}""",
    "createTasks": f"""mutation {{
      createTasks(input: [{{{GIVEN}, idempotencyKey: "m"}}, {{{GIVEN}}}]) {{ results {PAYLOAD} }}
      some: createTasks(atomic: false, input: [{{{GIVEN}}}, {{subject: "x", leadId: "{{nobody}}"}}]) {{
        results {PAYLOAD} }} }}""",
    "updateTask": f"""mutation {{ updateTask(input: {{id: "{{task}}", subject: "Other", leadId: "{{other}}"}}) {PAYLOAD}
      missing: updateTask(input: {{id: "{{task}}", contactId: "{{nobody}}"}}) {PAYLOAD} }}""",
    "completeTask": f'mutation {{ completeTask(input: {{id: "{{task}}", outcome: "Done", notes: "n"}}) {PAYLOAD} }}',
    "completeTasks": f'mutation {{ completeTasks(ids: ["{{task}}", "{{nobody}}"]) {{ results {PAYLOAD} }} }}',
    "reopenTask": f'mutation {{ reopenTask(input: {{id: "{{done}}"}}) {PAYLOAD} }}',
    "cancelTask": f'mutation {{ cancelTask(input: {{id: "{{task}}"}}) {PAYLOAD} }}',
    "deleteTask": f'mutation {{ deleteTask(input: {{id: "{{task}}"}}) {PAYLOAD} }}',
    "restoreTask": f'mutation {{ restoreTask(input: {{id: "{{task}}"}}) {PAYLOAD} }}',
    "relinkTasks": """mutation {
      relinkTasks(input: {from: {leadId: "{lead}"}, to: {leadId: "{other}"}}) { affected sample { id } }
      done: relinkTasks(input: {from: {leadId: "{lead}"}, to: {leadId: "{other}"}, dryRun: false,
        idempotencyKey: "r"}) { affected sample { id } }
      none: relinkTasks(input: {from: {leadId: "{nobody}"}, to: {leadId: "{other}"}}) {
        affected errors { __typename } } }""",
}
SUBSCRIPTIONS = {
    "taskEvents": f"""subscription {{ taskEvents(filter: {FILTER}, since: "{{token}}") {{
      cursor type task {{ {TASK} }} }} }}""",
    "timelineEvents": f"""subscription {{ timelineEvents(record: {{contactId: "{{contact}}"}}, includeRelated: true,
      since: "{{token}}") {{ cursor type interaction {{ id {LINKED} }} }} }}""",
}
# What today's front end doesn't ask.
MORE_REST = [
    {"name": "get a task", "request": {"method": "GET", "path": "/api/tasks/{task}"}},
    {
        "name": "change a task",
        "request": {"method": "PATCH", "path": "/api/tasks/{task}", "body": {"subject": "Other"}},
    },
    {"name": "delete a task", "request": {"method": "DELETE", "path": "/api/tasks/{task}"}},
]


@dataclass(frozen=True, slots=True)
class Listened:
    """The API, and what it has sent to its database."""

    api: Api
    heard: list[Heard]
    columns: dict[str, str]
    """The tables that hold rows of organizations, and in which column it stands whose."""

    def faults(self, since: int = 0) -> list[str]:
        """Return what was sent after the first `since` statements, and doesn't name its organization."""
        return [fault for each in self.heard[since:] for fault in faults(each, self.columns)]


@pytest.fixture(scope="module")
def listened(crm: CrmDatabase, owner: Owner) -> Iterator[Listened]:
    # By name, so that a table of tomorrow is among them.
    named = owner.rows("""SELECT relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
                           WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
                             AND a.attname = 'organization_id'""")
    columns = {row["relname"]: "organization_id" for row in named} | {"organizations": "id"}
    assert {"leads", "lead_interactions", "taskline_events", "taskline_idempotency_keys"} <= columns.keys()
    with hearing(crm) as (wire, heard), api(database_url=wire.app_url) as running:
        assert eventually(lambda: 'LISTEN "taskline_events"' in {each.sql for each in heard})
        yield Listened(running, heard, columns)


def faults(each: Heard, columns: Mapping[str, str]) -> Iterator[str]:
    if " ".join(each.sql.split()) in LISTED or (each.sql.startswith("BEGIN") and has_no_table(each.sql)):
        return
    places = places_of(each.sql, tuple(columns.items()))
    if not places:
        yield f"isn't on the list, and names no tenant's table: {each.sql}"
    for place in places:
        named = {each.argument(number) for number in place.arguments}
        # Set once, and to the same that the statement names.
        if [organization.bytes for organization in each.organizations] != list(named):
            yield f"{place.table} is bound to {named}, its transaction to {each.organizations}: {each.sql}"


@cache
def places_of(sql: str, columns: Sequence[tuple[str, str]]) -> list[Reference]:
    return references(sql, dict(columns))


def has_no_table(sql: str) -> bool:
    """Tell whether a transaction's first message sets, and reads nothing."""
    return all(
        isinstance(each.stmt, ast.TransactionStmt | ast.VariableSetStmt)
        or (isinstance(each.stmt, ast.SelectStmt) and not each.stmt.fromClause)
        for each in parse_sql(sql)
    )


def ids_in(organization: Organization) -> dict[str, str]:
    return furnish(organization) | {"other": str(organization.lead())}


def written(document: str, ids: Mapping[str, str]) -> str:
    text: str = filled(document, ids)
    return text


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    return build_schema()._schema


# That all of the API is asked for.


def test_each_root_field_is_asked_for(schema: GraphQLSchema) -> None:
    assert schema.query_type
    assert schema.mutation_type
    assert schema.subscription_type
    assert [schema.query_type.fields.keys(), schema.mutation_type.fields.keys()] == [QUERIES.keys(), MUTATIONS.keys()]
    assert schema.subscription_type.fields.keys() == SUBSCRIPTIONS.keys()


def test_each_rest_operation_is_asked_for_with_success() -> None:
    answered = [case for case in [*CASES, *MORE_REST] if case.get("answer", {"status": 200})["status"] < 300]
    asked = [(case["request"]["method"], case["request"]["path"].partition("?")[0]) for case in answered]

    missing = [
        operation.name
        for operation in all_operations()
        if not any(
            method == operation.method and re.fullmatch("/api" + re.sub(r"{\w+}", "{\\\\w+}", operation.path), path)
            for method, path in asked
        )
    ]

    assert [] == missing


# That each names its organization.


@pytest.mark.parametrize("name", [*QUERIES, *MUTATIONS])
def test_a_field_s_statements_name_its_organization(listened: Listened, organization: Organization, name: str) -> None:
    ids = ids_in(organization)
    document = written((QUERIES | MUTATIONS)[name], ids)
    if name == "restoreTask":
        organization.owner.run(f"UPDATE lead_interactions SET deleted_at = now() WHERE id = '{ids['task']}'")
    since = len(listened.heard)

    data = listened.api.data(organization.viewer(), document)

    assert all(data.values())
    assert any(each.arguments for each in listened.heard[since:])
    assert [] == listened.faults(since)


@pytest.mark.parametrize("name", SUBSCRIPTIONS)
def test_a_subscription_s_statements_name_its_organization(
    listened: Listened, organization: Organization, name: str
) -> None:
    ids = ids_in(organization)
    query = written('{ timeline(record: {contactId: "{contact}"}) { resumeToken } }', ids)
    ids["token"] = listened.api.data(organization.viewer(), query)["timeline"]["resumeToken"]
    since = len(listened.heard)

    with greeted(listened.api, organization.viewer()) as socket:
        socket.subscribe(written(SUBSCRIPTIONS[name], ids))
        for number in range(3):
            organization.owner.run(f"UPDATE lead_interactions SET subject = '{number}' WHERE id = '{ids['task']}'")
            assert socket.data()[name]["cursor"]

    assert any("taskline_events" in each.sql for each in listened.heard[since:] if each.arguments)
    assert [] == listened.faults(since)


@pytest.mark.parametrize("case", [*CASES, *MORE_REST], ids=lambda case: case["name"])
def test_a_rest_operation_s_statements_name_its_organization(
    listened: Listened, organization: Organization, case: dict[str, object]
) -> None:
    ids = furnish(organization)
    since = len(listened.heard)

    answer = send(listened.api, organization, case, ids)

    assert answer.status_code < 500
    assert answer.status_code >= 300 or any(each.arguments for each in listened.heard[since:])
    assert [] == listened.faults(since)


@pytest.fixture(scope="module")
def drawn(listened: Listened, owner: Owner) -> tuple[Organization, list[str], list[str]]:
    organization = filled_organization(owner)
    return organization, ids_of(organization), cursors_of(listened.api, organization)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["query", "mutation"])
@given(data=st.data())
@settings(max_examples=60)
def test_the_statements_of_whatever_is_asked_name_its_organization(
    listened: Listened,
    schema: GraphQLSchema,
    drawn: tuple[Organization, list[str], list[str]],
    kind: str,
    data: st.DataObject,
) -> None:
    organization, ids, cursors = drawn
    writer = Writer(schema, ids, cursors, data)
    since = len(listened.heard)

    listened.api.ask(writer.query() if kind == "query" else writer.mutation(), viewer=organization.viewer())

    assert [] == listened.faults(since)


def test_what_names_none_is_sent(listened: Listened, owner: Owner) -> None:
    """Shows that no entry of the list is of the past."""
    organization = new_organization(owner)
    ids = ids_in(organization)
    viewer = organization.viewer()
    listened.api.client.get("/readyz")
    listened.api.data(viewer, written(MUTATIONS["createTasks"], ids))
    listened.api.data(viewer, "{ users { id } tasks(filter: {overdue: true}) { nodes { id } } }")
    with greeted(listened.api, viewer) as socket:
        socket.subscribe("subscription { taskEvents { cursor } }")
        assert eventually(lambda: 'LISTEN "taskline_events"' in {each.sql for each in listened.heard})

    assert RARE >= LISTED - {" ".join(each.sql.split()) for each in listened.heard}
    assert [] == listened.faults()


# That this can fail.

TABLES = {"a": "organization_id", "b": "organization_id"}


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT FROM a", [set()]),
        ("SELECT FROM a WHERE a.organization_id = $1::uuid", [{1}]),
        ("SELECT FROM a WHERE a.organization_id = $1 OR a.id = $2", [set()]),
        ("SELECT FROM a WHERE a.organization_id <> $1", [set()]),
        ("SELECT FROM a WHERE a.organization_id = $1 AND a.organization_id = $2", [{1, 2}]),
        ("SELECT FROM a JOIN b ON b.organization_id = a.organization_id WHERE a.organization_id = $1", [{1}, {1}]),
        ("SELECT FROM a LEFT JOIN b ON b.id = a.b_id WHERE a.organization_id = $1", [{1}, set()]),
        ("SELECT FROM a LEFT JOIN b ON a.organization_id = $1 WHERE b.organization_id = $2", [set(), {2}]),
        ("SELECT FROM a LEFT JOIN b ON a.organization_id = b.organization_id AND b.organization_id = $1", [set(), {1}]),
        ("SELECT (SELECT count(*) FROM b) FROM a WHERE a.organization_id = $1", [{1}, set()]),
        ("SELECT FROM a WHERE a.organization_id = $1 UNION ALL SELECT FROM b", [{1}, set()]),
        ("WITH c AS (SELECT organization_id FROM b) SELECT FROM a JOIN c USING (id)", [set(), set()]),
        (
            """WITH c AS (SELECT organization_id AS o FROM b WHERE organization_id = $1)
               DELETE FROM a USING c WHERE a.organization_id = c.o""",
            [{1}, {1}],
        ),
        ("WITH a AS (SELECT 1) SELECT FROM a", []),
        ("SELECT FROM f() AS a", []),
        ("UPDATE a SET x = (SELECT x FROM b WHERE b.organization_id = a.organization_id) WHERE a.id = $1", [set()] * 2),
        ("INSERT INTO a (id, organization_id) SELECT b.id, $2 FROM b WHERE b.organization_id = $2", [{2}, {2}]),
        ("INSERT INTO a (id, organization_id) SELECT b.id, $1 FROM b WHERE b.id = $2", [set(), {1}]),
    ],
)
def test_where_a_table_is_bound_is_read_off_a_statement(sql: str, expected: list[set[int]]) -> None:
    assert expected == [set(place.arguments) for place in references(sql, TABLES)]


def test_a_statement_that_names_another_organization_is_told() -> None:
    sql, mine, theirs = "SELECT FROM a WHERE a.organization_id = $1", UUID(int=1), UUID(int=2)

    found = [list(faults(Heard(sql, (mine.bytes,), named), TABLES)) for named in ((mine,), (), (theirs,), (mine, mine))]

    assert [0, 1, 1, 1] == [len(each) for each in found]
    assert 1 == len(list(faults(Heard("SELECT 1", (), (mine,)), TABLES)))
