"""The log: a line for each request, without secrets, and the whole of what was unexpected."""

import logging

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from server.logs import RequestLog
from tests.apis import Api, api
from tests.servers import serve


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
    with api() as running:
        token = asked(running)

    (line,) = [record.getMessage() for record in lines.records if "request-7" in record.getMessage()]
    assert line.startswith("GET '/graphql' 200 ")
    assert not [
        secret for secret in (token, token.split(".")[2], "ada@example.test", "agent-7") if secret in lines.text
    ]


def test_a_path_cant_break_the_line(lines: pytest.LogCaptureFixture) -> None:
    with api() as running:
        running.client.get("/a%0AINFO forged", headers={"X-Request-Id": "request-8"})

    (line,) = [record.getMessage() for record in lines.records if "request-8" in record.getMessage()]
    assert "\n" not in line


def test_an_exception_that_nobody_caught_is_masked_and_logged_whole(lines: pytest.LogCaptureFixture) -> None:
    async def fail(_: Request) -> Response:
        raise ValueError("the secret of the house")

    with serve(Starlette(routes=[Route("/", fail)], middleware=[Middleware(RequestLog)])) as address:
        response = httpx2.get(address, headers={"X-Request-Id": "request-9"})

    (error,) = response.json()["errors"]
    (record,) = [record for record in lines.records if record.exc_info and "request-9" in record.getMessage()]
    assert (500, "INTERNAL") == (response.status_code, error["extensions"]["code"])
    assert "request-9" in error["message"]
    assert "secret" not in response.text
    assert "the secret of the house" in str(record.exc_info)
