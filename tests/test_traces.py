"""Traces: a request, its operation, its statements, each below the other; no value in any; and no harm without them."""

import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from errors import SettingsInvalid
from resolvers.viewers import Viewer
from server.spans import LONGEST_TEXT, told_of
from server.traces import BATCH, FLUSH_S, Traces
from settings import Settings
from tests.apis import NOWHERE, SECRET, Api, api
from tests.collectors import CLIENT, ERROR, INTERNAL, SERVER, UNSET, Caller, Collector, Span, collecting
from tests.databases import CrmDatabase
from tests.deadlines import eventually
from tests.demos import ROOT
from tests.logged_events import linked_task
from tests.organizations import Organization
from tests.owners import Owner
from tests.papers import quoted
from tests.restarts import Served
from tests.restarts import served as served_alone
from tests.served_workers import served
from tests.sockets import greeted

pytestmark = pytest.mark.slow

TASK = "query OneTask($id: ID!) { task(id: $id) { subject } }"
TASKS = "query Mine { tasks { nodes { subject contact { displayName } } } }"
CREATE = """mutation Create($input: CreateTaskInput!) {
  createTask(input: $input) { task { id } errors { __typename } } }"""
WATCH = "subscription Watch { taskEvents { taskId } }"
BEGIN, ROLLBACK = "BEGIN", "ROLLBACK"


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


@pytest.fixture(scope="module")
def traced(collector: Collector, crm: CrmDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """`./taskline serve`, which sends its traces to the collector."""
    home = tmp_path_factory.mktemp("traced")
    with served_alone(home, crm, TASKLINE_TRACES_ENDPOINT=collector.url) as server:
        yield server


def ask(api: Api, viewer: Viewer, caller: Caller, query: str, **variables: object) -> httpx2.Response:
    headers = api.headers(caller.headers(), viewer=viewer)
    return api.client.post("/graphql", json={"query": query, "variables": variables}, headers=headers)


def below(span: Span, spans: list[Span]) -> list[Span]:
    return [one for one in spans if one.parent_id == span.id]


# What is in a trace.


def test_statements_hang_on_the_operation_and_that_on_the_request_and_that_on_the_callers_span(
    traced: Served, collector: Collector, organization: Organization
) -> None:
    caller, task = Caller(), linked_task(organization)

    assert 200 == ask(traced.api, organization.viewer(), caller, TASK, id=str(task.id)).status_code

    request, operation, *statements = spans = collector.of(caller)
    assert ("POST /graphql", SERVER, UNSET, caller.span_id) == (
        request.name,
        request.kind,
        request.status,
        request.parent_id,
    )
    assert {
        "http.request.method": "POST",
        "http.route": "/graphql",
        "http.response.status_code": 200,
        "url.path": "/graphql",
        "url.scheme": "http",
        "network.protocol.version": "1.1",
        "taskline.statements": 1,
    } == request.attributes
    assert ("query", SERVER, UNSET, request.id) == (
        operation.name,
        operation.kind,
        operation.status,
        operation.parent_id,
    )
    assert {
        "graphql.operation.type": "query",
        "graphql.operation.name": "OneTask",
        "taskline.points": 1,
        "taskline.plan.answered": 1,
        "taskline.statements": 1,
    } == operation.attributes
    named = [one for one in statements if one.kind == CLIENT]
    assert [BEGIN, "SELECT lead_interactions", ROLLBACK] == [one.name for one in named]
    assert {operation.id} == {one.parent_id for one in statements}
    for statement in named:
        text, name = statement.attributes["db.query.text"], statement.attributes["db.namespace"]
        assert text.startswith(statement.attributes["db.operation.name"])
        assert {"postgresql", statement.name, name} <= set(statement.attributes.values())
        assert traced.settings["DATABASE_URL"].partition("?")[0].endswith(f"/{name}")
    assert "$1" in named[1].attributes["db.query.text"]
    for inner, outer in [(operation, request), *((one, operation) for one in statements)]:
        assert outer.ns[0] <= inner.ns[0] <= inner.ns[1] <= outer.ns[1]
    assert {"taskline"} == {one.resource["service.name"] for one in spans}


def test_each_relation_is_a_statement_and_a_change_is_committed(
    traced: Served, collector: Collector, organization: Organization
) -> None:
    viewer, task = organization.viewer(), linked_task(organization)
    reading, changing = Caller(), Caller()

    ask(traced.api, viewer, reading, TASKS)
    ask(traced.api, viewer, changing, CREATE, input={"subject": "Call", "contactId": str(task.contact_id)})

    _, read, *statements = collector.of(reading)
    assert ["SELECT lead_interactions", "SELECT contacts"] == [
        one.name for one in statements if one.kind == CLIENT and one.name not in {BEGIN, ROLLBACK}
    ]
    assert 2 == read.attributes["taskline.statements"]
    _, change, *statements = collector.of(changing)
    assert "mutation" == change.name
    assert [BEGIN, "INSERT lead_interactions users leads contacts accounts", "COMMIT"] == [
        one.name for one in statements if one.kind == CLIENT
    ]


def test_rest_is_named_by_its_route(traced: Served, collector: Collector, organization: Organization) -> None:
    caller, lost, task = Caller(), Caller(), linked_task(organization)
    viewer, client = organization.viewer(), traced.api.client

    client.get(f"/api/tasks/{task.id}", headers=traced.api.headers(caller.headers(), viewer=viewer))
    client.get("/api/people/ada@example.test", headers=traced.api.headers(lost.headers(), viewer=viewer))

    request, *statements = collector.of(caller)
    (nowhere,) = collector.of(lost)
    assert ("GET /api/tasks/{id}", SERVER) == (request.name, request.kind)
    assert {"/api/tasks/{id}"} == {request.attributes["http.route"], request.attributes["url.path"]}
    assert {request.id} == {one.parent_id for one in statements}
    assert "SELECT lead_interactions" in {one.name.partition(" leads")[0] for one in statements}
    assert ("GET", 404, ["NOT_FOUND"]) == (
        nowhere.name,
        nowhere.attributes["http.response.status_code"],
        nowhere.attributes["taskline.codes"],
    )
    assert "http.route" not in nowhere.attributes
    assert UNSET == nowhere.status


def test_an_operation_on_a_socket_is_a_trace_of_its_own(
    traced: Served, collector: Collector, organization: Organization
) -> None:
    task = linked_task(organization)
    name = f"Asked{uuid4().hex}"
    with greeted(traced.api, organization.viewer()) as socket:
        socket.subscribe(TASK.replace("OneTask", name), {"id": str(task.id)})
        socket.data()
        assert "complete" == socket.receive()["type"]
        watching = socket.subscribe(WATCH.replace("Watch", f"{name}Watched"))

        def is_told() -> bool:
            task.change("subject = subject || '!'")
            return not socket.is_quiet()

        assert eventually(is_told)
        socket.send(type="complete", id=watching)

    (asked,) = collector.named("query", name)
    (watched,) = collector.named("subscription", f"{name}Watched")
    assert ("", SERVER, "websocket") == (asked.parent_id, asked.kind, asked.attributes["network.protocol.name"])
    assert [BEGIN, "SELECT lead_interactions", ROLLBACK] == [
        one.name for one in below(asked, collector.spans()) if one.kind == CLIENT
    ]
    assert watched.trace_id != asked.trace_id
    assert [] == below(watched, collector.spans())  # what it is told of is read for as long as it lasts


def test_the_line_in_the_log_has_the_trace(traced: Served, collector: Collector, organization: Organization) -> None:
    caller = Caller()
    headers = {"X-Request-Id": "request-t1"} | caller.headers()

    traced.api.client.get("/graphql?query={x}", headers=traced.api.headers(headers, viewer=organization.viewer()))

    (line,) = eventually(lambda: [line for line in traced.process.said if "request-t1" in line])
    assert f"trace_id={caller.trace_id}" in line
    assert collector.of(caller)


# What is not in it.


def test_no_value_is_in_it(traced: Served, collector: Collector, organization: Organization) -> None:
    viewer, task = organization.viewer(), linked_task(organization, subject="Subject-7", description="Notes-7")
    organization.owner.run(f"UPDATE contacts SET last_name = 'Name-7' WHERE id = '{task.contact_id}'")
    token, callers = traced.api.token(viewer), [Caller() for _ in range(6)]
    more = {
        "Authorization": f"Bearer {token}",
        "User-Agent": "agent-7",
        "X-Forwarded-For": "203.0.113.7",
        "Idempotency-Key": "key-7",
        "X-Request-Id": "request-7",
        "Cookie": "cookie-7",
    }
    of_all = "id subject description contact { displayName } account { name } lead { email } history { totalCount }"
    asked: list[dict[str, Any]] = [
        {"query": f"query Q($id: ID!) {{ task(id: $id) {{ {of_all} }} }}", "variables": {"id": str(task.id)}},
        {"query": '{ searchRecords(search: "Words-7") { __typename } }'},
        {"query": '{ tasks(filter: {search: "Words-7"}) { totalCount nodes { id } } }'},
        {
            "query": CREATE,
            "variables": {
                "input": {
                    "subject": "New-7",
                    "contactId": str(task.contact_id),
                    "idempotencyKey": "key-7",
                    "clientMutationId": "mutation-7",
                }
            },
        },
        {"query": CREATE, "variables": {"input": {"subject": "New-7", "contactId": str(uuid4())}}},
    ]

    for caller, body in zip(callers, asked, strict=False):
        answer = traced.api.client.post("/graphql", json=body, headers=more | caller.headers())
        assert "errors" not in answer.json(), answer.text
    traced.api.client.patch(f"/api/tasks/{task.id}", json={"subject": "Other-7"}, headers=more | callers[-1].headers())

    spans = [span for caller in callers for span in collector.of(caller)]
    assert len(spans) > 20
    assert 0 == sum(span.events for span in spans)
    assert not any(span.said for span in spans)
    sent = repr(spans)
    ids = [viewer.user_id, viewer.organization_id, task.id, task.contact_id, task.account_id, task.lead_id]
    assert not [id_ for id_ in ids if str(id_) in sent or id_.hex in sent]
    assert not set(re.findall(r"[\w-]+-7\b", sent))
    assert not [
        secret for secret in (token, token.split(".")[2], SECRET, "203.0.113.7", "Lea", "Cora") if secret in sent
    ]


def test_a_failure_of_the_database_is_told_by_its_code(
    collector: Collector, crm: CrmDatabase, owner: Owner, organization: Organization
) -> None:
    caller = Caller()
    with (
        api(database_url=crm.app_url, lock_timeout_ms=50, traces_endpoint=collector.url) as running,
        owner.locked("lead_interactions"),
    ):
        ask(running, organization.viewer(), caller, TASKS)

    request, operation, *rest = collector.of(caller)
    (failed,) = [one for one in rest if one.status == ERROR]
    assert ("55P03", "55P03") == (failed.attributes["error.type"], failed.attributes["db.response.status_code"])
    assert (ERROR, "TIMEOUT", ["TIMEOUT"]) == (
        operation.status,
        operation.attributes["error.type"],
        operation.attributes["taskline.codes"],
    )
    assert UNSET == request.status  # 200, with an error in it


def test_a_database_that_is_away_fails_the_request(collector: Collector, organization: Organization) -> None:
    caller = Caller()
    with api(traces_endpoint=collector.url) as running:
        assert 503 == ask(running, organization.viewer(), caller, TASKS).status_code

    request, operation, *waits = collector.of(caller)
    assert [(ERROR, "UNAVAILABLE")] * 2 == [(one.status, one.attributes["error.type"]) for one in (request, operation)]
    assert {("wait for a connection", INTERNAL, ERROR, "UNAVAILABLE")} == {
        (one.name, one.kind, one.status, one.attributes["error.type"]) for one in waits
    }


@pytest.mark.parametrize(
    ("query", "name"),
    [("query Wrong { nothing }", "query"), ("{", "GraphQL Operation"), ("mutation M { x }", "mutation")],
)
def test_what_a_client_got_wrong_is_an_error_of_the_operation_alone(
    traced: Served, collector: Collector, organization: Organization, query: str, name: str
) -> None:
    caller = Caller()

    ask(traced.api, organization.viewer(), caller, query)

    request, operation = collector.of(caller)
    assert (name, ERROR, "BAD_USER_INPUT") == (operation.name, operation.status, operation.attributes["error.type"])
    assert (UNSET, ["BAD_USER_INPUT"]) == (request.status, request.attributes["taskline.codes"])


def test_who_isnt_let_in_asks_no_operation(traced: Served, collector: Collector) -> None:
    caller = Caller()

    answer = traced.api.client.post("/graphql", json={"query": TASKS}, headers=caller.headers())

    (request,) = collector.of(caller)
    assert (401, 401) == (answer.status_code, request.attributes["http.response.status_code"])
    assert (UNSET, ["UNAUTHENTICATED"]) == (request.status, request.attributes["taskline.codes"])


def test_a_method_that_http_itself_doesnt_know_names_nothing(traced: Served, collector: Collector) -> None:
    caller = Caller()

    traced.api.client.request("PROPFIND", "/graphql", headers=caller.headers())

    (request,) = collector.of(caller)
    assert ("HTTP /graphql", "_OTHER") == (request.name, request.attributes["http.request.method"])


# What is traced.


def test_a_caller_that_keeps_no_trace_has_none_kept(
    traced: Served, collector: Collector, organization: Organization
) -> None:
    dropped, kept = Caller(), Caller()
    headers = {"X-Request-Id": "request-t2"} | dropped.headers(is_kept=False)

    traced.api.client.post(
        "/graphql", json={"query": TASKS}, headers=traced.api.headers(headers, viewer=organization.viewer())
    )
    ask(traced.api, organization.viewer(), kept, TASKS)

    assert collector.of(kept)
    assert [] == [span for span in collector.spans() if span.trace_id == dropped.trace_id]
    (line,) = eventually(lambda: [line for line in traced.process.said if "request-t2" in line])
    assert f"trace_id={dropped.trace_id}" in line


@pytest.mark.parametrize("ratio", [0, 1])
def test_the_ratio_decides_for_those_that_dont_trace(
    crm: CrmDatabase, organization: Organization, ratio: float
) -> None:
    caller = Caller()
    with collecting() as collector:
        with api(database_url=crm.app_url, traces_endpoint=collector.url, traces_ratio=ratio) as running:
            for sent in ({}, {"traceparent": "nonsense"}, {"traceparent": f"00-{'0' * 32}-{'0' * 16}-01"}):
                running.client.post(
                    "/graphql", json={"query": TASKS}, headers=running.headers(sent, viewer=organization.viewer())
                )
            ask(running, organization.viewer(), caller, TASKS)
        roots = [span for span in collector.spans() if not span.parent_id]

        assert 3 * ratio == len(roots)
        assert len(roots) == len({span.trace_id for span in roots})
        assert "POST /graphql" == collector.of(caller)[0].name


def test_pages_probes_and_preflights_are_not_traced(traced: Served, collector: Collector) -> None:
    unseen, seen = [Caller() for _ in range(5)], Caller()
    asked = [("GET", "/"), ("GET", "/healthz"), ("GET", "/readyz"), ("GET", "/nowhere"), ("OPTIONS", "/graphql")]

    for caller, (method, path) in zip(unseen, asked, strict=True):
        traced.api.client.request(method, path, headers=caller.headers())
    traced.api.client.get("/graphql", headers=seen.headers())

    assert collector.of(seen)
    assert set() == {caller.trace_id for caller in unseen} & {span.trace_id for span in collector.spans()}


def test_each_worker_sends_its_own_and_what_is_left_when_it_ends(
    tmp_path: Any, crm: CrmDatabase, organization: Organization
) -> None:
    callers = [Caller(), Caller()]
    with (
        collecting() as collector,
        served(tmp_path, crm, TASKLINE_TRACES_ENDPOINT=collector.url, TASKLINE_TRACES_SERVICE="crm") as server,
    ):
        for caller, worker in zip(callers, server.workers(), strict=True):
            with server.api(worker) as api:
                assert 200 == ask(api, organization.viewer(), caller, TASKS).status_code
        server.process.stop(signal.SIGTERM)

        sent = collector.spans()
    for caller in callers:
        assert {"POST /graphql", "query", BEGIN} <= {span.name for span in sent if span.trace_id == caller.trace_id}
    assert {"crm"} == {span.resource["service.name"] for span in sent}
    assert 2 == len({span.resource["service.instance.id"] for span in sent})


# What a collector can do to us: nothing.


def test_without_its_collector_all_goes_on_and_one_line_says_so(
    tmp_path: Any, crm: CrmDatabase, organization: Organization
) -> None:
    with collecting() as collector:
        collector.status = 400
        with served_alone(tmp_path, crm, TASKLINE_TRACES_ENDPOINT=collector.url) as server:
            for tries in (1, 2):
                for _ in range(BATCH // 4):
                    assert 200 == server.api.ask(TASKS, viewer=organization.viewer()).status_code
                assert eventually(collector.has_come(tries))
            collector.status = 200
            server.api.ask(TASKS, viewer=organization.viewer())
            assert eventually(lambda: [line for line in server.process.said if "traces are sent again" in line])
            server.process.stop(signal.SIGTERM)

        told = [line for line in server.process.said if "server.accesses" not in line]
        assert 1 == len([line for line in told if "traces can't be sent" in line])
        assert not [line for line in told if "opentelemetry" in line or "Traceback" in line]


@pytest.mark.parametrize("is_there", [False, True], ids=["away", "silent"])
def test_a_collector_that_doesnt_answer_keeps_no_process_from_its_end(*, is_there: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        if not is_there:
            silent.close()
        traces = Traces(f"http://127.0.0.1:{port}/v1/traces", Settings())
        for _ in range(10):
            traces.of_operation()._span.end()

        began = time.monotonic()
        traces.close()
        took_s = time.monotonic() - began

    assert took_s < FLUSH_S + 1


def test_who_traces_nothing_loads_nothing_for_it() -> None:
    code = f"""import sys, app, commands.serving
from settings import Settings
app.create(Settings(jwt_secret="{SECRET}", database_url="{NOWHERE}"))
print("opentelemetry" in sys.modules, "server.spans" in sys.modules)"""

    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert "False False\n" == done.stdout


# Settings, words, papers.


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("http://localhost:4318", "http://localhost:4318/v1/traces"),
        ("https://otel.example.com/", "https://otel.example.com/v1/traces"),
        ("https://otel.example.com/api/otlp", "https://otel.example.com/api/otlp"),
        ("http://[::1]:4318/v1/traces?a=b", "http://[::1]:4318/v1/traces?a=b"),
    ],
)
def test_an_address_without_a_path_has_the_usual_one(given: str, used: str) -> None:
    assert used == Settings.model_validate({"traces_endpoint": given}).traces_endpoint


@pytest.mark.parametrize(
    "given", ["localhost:4318", "grpc://localhost:4317", "http://", "http://ada:secret@localhost", "http://a:b", "/v1"]
)
def test_what_is_no_address_is_refused_at_the_start(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("TASKLINE_TRACES_ENDPOINT", given)

    with pytest.raises(SettingsInvalid, match=r"TASKLINE_TRACES_ENDPOINT: name a collector's address") as refused:
        Settings.from_env()

    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("sql", "summary"),
    [
        ("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY", "BEGIN"),
        ("SET LOCAL plan_cache_mode = force_custom_plan", "SET"),
        ("SELECT leads.id, leads.email \nFROM leads \nWHERE leads.id = $1", "SELECT leads"),
        (
            "SELECT 1 FROM lead_interactions LEFT OUTER JOIN leads ON true JOIN contacts AS c ON leads.id = c.id",
            "SELECT lead_interactions leads contacts",
        ),
        ("WITH own AS (SELECT id FROM contacts) SELECT * FROM own, accounts", "SELECT contacts accounts"),
        ("WITH new AS (INSERT INTO lead_interactions (id) VALUES ($1)) SELECT 1", "INSERT lead_interactions"),
        ("INSERT INTO taskline_idempotency_keys VALUES ($1) ON CONFLICT DO UPDATE SET key = $1", None),
        ("UPDATE leads l SET status = $1 WHERE l.a IS DISTINCT FROM leads.b", "UPDATE leads"),
        ("UPDATE lead_interactions SET status=$1", "UPDATE lead_interactions"),
        ("SELECT id FROM leads FOR NO KEY UPDATE", "SELECT leads"),
        ("DELETE FROM taskline_events", "DELETE taskline_events"),
        ("SELECT pg_advisory_xact_lock($1)", "SELECT"),
    ],
)
def test_a_statement_is_called_by_what_it_does_and_to_which_tables(sql: str, summary: str | None) -> None:
    assert (summary or "INSERT taskline_idempotency_keys") == told_of(sql, "")["db.query.summary"]


def test_the_text_of_a_statement_is_bounded() -> None:
    assert LONGEST_TEXT == len(str(told_of("SELECT " + "$1, " * LONGEST_TEXT, "")["db.query.text"]))


def test_the_docs_have_each_attribute() -> None:
    source = "".join((ROOT / "server" / name).read_text() for name in ("spans.py", "traces.py"))
    told = set(re.findall(r'"((?:db|error|graphql|http|network|service|taskline|url)\.[a-z_.]+)"', source))

    documented = set(quoted((ROOT / "docs" / "traces.md").read_text()))

    assert len(told) > 20
    assert told == {word for word in documented if re.fullmatch(r"[a-z]+(\.[a-z_]+)+", word)}
