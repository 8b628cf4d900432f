"""The log: a line for each request, without secrets, and the whole of what was unexpected."""

import json
import logging
from datetime import datetime
from pathlib import Path

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from server.accesses import AccessLog
from server.last_resort import LastResort
from server.logs import RequestLog
from tests.apis import NOWHERE, SECRET, Api, api
from tests.deadlines import eventually
from tests.demos import running
from tests.organizations import Organization
from tests.servers import serve
from tests.sockets import greeted
from tests.trusted_lists import list_of


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO)
    return caplog


def asked(served: Api) -> str:
    token = served.token()
    served.client.get(
        "/graphql",
        params={"query": '{ task(id: "ada@example.test") { id } }'},
        headers={"Authorization": f"Bearer {token}", "X-Request-Id": "request-7", "User-Agent": "agent-7"},
    )
    return token


def test_a_request_leaves_one_line_without_secrets_or_personal_data(lines: pytest.LogCaptureFixture) -> None:
    with api() as served:
        token = asked(served)

    (line,) = [record.getMessage() for record in lines.records if "request-7" in record.getMessage()]
    assert line.startswith("GET '/graphql' 200 ")
    assert not [
        secret for secret in (token, token.split(".")[2], "ada@example.test", "agent-7") if secret in lines.text
    ]


def test_a_path_cant_break_the_line(lines: pytest.LogCaptureFixture) -> None:
    with api() as served:
        served.client.get("/a%0AINFO forged", headers={"X-Request-Id": "request-8"})

    (line,) = [record.getMessage() for record in lines.records if "request-8" in record.getMessage()]
    assert "\n" not in line


def test_an_exception_that_nobody_caught_is_masked_and_logged_whole(lines: pytest.LogCaptureFixture) -> None:
    async def fail(_: Request) -> Response:
        raise ValueError("the secret of the house")

    with serve(
        Starlette(routes=[Route("/", fail)], middleware=[Middleware(RequestLog, AccessLog()), Middleware(LastResort)])
    ) as address:
        response = httpx2.get(address, headers={"X-Request-Id": "request-9"})

    (error,) = response.json()["errors"]
    (record,) = [record for record in lines.records if record.exc_info and "request-9" in record.getMessage()]
    assert (500, "INTERNAL") == (response.status_code, error["extensions"]["code"])
    assert "request-9" in error["message"]
    assert "secret" not in response.text
    assert "the secret of the house" in str(record.exc_info)


def told_of(lines: pytest.LogCaptureFixture, request_id: str) -> dict[str, object]:
    """Return what the line of a request has by name; it is written after the answer."""
    records = lines.records
    (found,) = eventually(lambda: [vars(one) for one in records if vars(one).get("request_id") == request_id])
    return found


def test_a_line_has_what_was_asked_and_what_it_took(
    api: Api, organization: Organization, lines: pytest.LogCaptureFixture
) -> None:
    organization.task(subject="Call")
    body = {"query": "query Mine($n: Int) { tasks(first: $n) { nodes { subject } } }", "variables": {"n": 10}}
    headers = api.headers({"X-Request-Id": "request-10"}, viewer=organization.viewer())

    api.client.post("/graphql", json=body, headers=headers)

    told = told_of(lines, "request-10")
    assert ("POST", "/graphql", 200) == (told["method"], told["path"], told["status"])
    assert ("Mine", "query", 11, 1) == tuple(told[name] for name in ("operation", "kind", "points", "statements"))
    assert 0 < float(str(told["duration_ms"])) < 60_000
    assert "codes" not in told


def test_a_line_has_the_codes_of_errors(api: Api, organization: Organization, lines: pytest.LogCaptureFixture) -> None:
    headers = api.headers({"X-Request-Id": "request-11"}, viewer=organization.viewer())

    api.client.post("/graphql", json={"query": "{ nothing }"}, headers=headers)

    assert "BAD_USER_INPUT" == told_of(lines, "request-11")["codes"]


def test_rest_and_sockets_leave_lines_too(
    api: Api, organization: Organization, lines: pytest.LogCaptureFixture
) -> None:
    viewer = organization.viewer()
    api.client.get("/api/tasks", headers=api.headers({"X-Request-Id": "request-12"}, viewer=viewer))
    with greeted(api, viewer) as socket:
        socket.subscribe("query Watched { tasks { nodes { id } } }")
        socket.data()
        assert "complete" == socket.receive()["type"]
        told = eventually(lambda: [vars(r) for r in lines.records if vars(r).get("operation") == "Watched"])

        socket.subscribe(
            'query Lost { timeline(record: {leadId: "5f0c3f1e-0000-4000-8000-000000000000"}) { totalCount } }'
        )
        lost = eventually(lambda: [vars(r) for r in lines.records if vars(r).get("operation") == "Lost"])

    assert "NOT_FOUND" == lost[0]["codes"]
    rest = told_of(lines, "request-12")
    assert ("listTasks", "query", 200) == (rest["operation"], rest["kind"], rest["status"])
    assert ("query", 1) == (told[0]["kind"], told[0]["statements"])


def test_a_line_says_which_text_isnt_in_the_list(lines: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    listed, other = "query Listed { viewer { role } }", "query Other { viewer { role } }"
    with api(trusted_documents_file=list_of(listed, into=tmp_path)) as served:
        for query in (listed, other):
            served.ask(query)
        with greeted(served) as socket:
            socket.subscribe(other)
            socket.data()
            assert "complete" == socket.receive()["type"]
        told = eventually(lambda: len(found := said_of_trust(lines)) == 3 and found)
    with api() as without_list:
        without_list.ask(other)

    assert [("Listed", None), ("Other", "no"), ("Other", "no")] == told
    assert ("Other", None) == said_of_trust(lines)[-1]


def said_of_trust(lines: pytest.LogCaptureFixture) -> list[tuple[object, object]]:
    told = [vars(record) for record in lines.records if "operation" in vars(record)]
    return [(line["operation"], line.get("trusted")) for line in told]


@pytest.mark.parametrize("form", ["text", "json"])
def test_the_log_is_lines_of_text_or_of_json(tmp_path: Path, form: str) -> None:
    settings = {"DATABASE_URL": NOWHERE, "TASKLINE_JWT_SECRET": SECRET, "TASKLINE_LOG_FORMAT": form}
    with running(tmp_path, "serve", "--port", "0", **settings) as served:
        httpx2.get(f"{served.url}/graphql?query=secret", headers={"X-Request-Id": "request-13"})
        line = eventually(lambda: [line for line in served.said if "request-13" in line])[0]

    assert "secret" not in line
    if form == "text":
        assert "INFO server.accesses GET '/graphql' 401 request_id=request-13 duration_ms=" in line
    else:
        told = json.loads(line)
        assert ("INFO", "server.accesses", 401) == (told["levelname"], told["name"], told["status"])
        assert ("GET", "/graphql", "request-13") == (told["method"], told["path"], told["request_id"])
        assert datetime.fromisoformat(told["time"]).tzinfo
