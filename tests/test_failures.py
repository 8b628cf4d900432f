"""Failures on our side: told in JSON, without a word of what we are made of, and with the request's id."""

import re
from collections.abc import Iterator

import pytest
from graphql import GraphQLError

from db.driver_errors import while_connecting
from errors import Unavailable
from server.failures import MADE_BEFORE, placed_entry
from tests.apis import Api, api
from tests.databases import CrmDatabase
from tests.messages import code_of


@pytest.fixture(scope="module")
def served() -> Iterator[Api]:
    with api(max_body_bytes=10_000) as running:
        yield running


def test_without_its_database_the_api_is_unavailable_and_says_when_to_retry(served: Api) -> None:
    response = served.ask("{ tasks(first: 1) { totalCount } }")

    assert (503, "UNAVAILABLE") == (response.status_code, code_of(response.json()))
    assert int(response.headers["retry-after"]) > 0
    assert "connect" not in response.text.lower()


@pytest.mark.slow
def test_the_api_serves_again_as_soon_as_its_database_is_back(database: CrmDatabase) -> None:
    count = "{ tasks(first: 1) { totalCount } }"
    with api(database_url=database.app_url) as running:
        before = running.ask(count).status_code
        database.close_to_connections()
        away = running.ask(count)
        database.open_to_connections()
        after = running.ask(count).status_code

    assert (200, 503, 200) == (before, away.status_code, after)
    assert "UNAVAILABLE" == code_of(away.json())


@pytest.mark.slow
def test_an_unexpected_failure_is_masked_and_logged_whole(
    database: CrmDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    database.psql("DROP TABLE lead_interactions CASCADE")

    with api(database_url=database.app_url) as running:
        response = running.ask("{ tasks(first: 1) { totalCount } viewer { role } }")

    request_id = response.headers["x-request-id"]
    (error,) = response.json()["errors"]
    (record,) = [record for record in caplog.records if request_id in record.message and record.exc_info]
    assert "INTERNAL" == code_of(response.json())
    assert {"tasks": None, "viewer": {"role": "ADMIN"}} == response.json()["data"]
    assert error["message"].endswith(f"request id {request_id}.")
    assert "lead_interactions" not in response.text
    assert "lead_interactions" in str(record.exc_info)


@pytest.mark.slow
def test_a_database_role_that_row_security_doesnt_bind_serves_nothing(database: CrmDatabase) -> None:
    with api(database_url=database.owner_url) as running:
        response = running.ask("{ tasks(first: 1) { totalCount } }")

    assert "INTERNAL" == code_of(response.json())
    assert "crm_owner" not in response.text


def test_a_sound_request_id_comes_back(served: Api) -> None:
    response = served.client.get("/graphql", headers={"X-Request-Id": "my-id.1:2_3"})

    assert "my-id.1:2_3" == response.headers["x-request-id"]


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, "é", "<script>", "a\tb"])
def test_an_unsound_request_id_is_replaced(served: Api, given: str) -> None:
    response = served.client.get("/graphql", headers={b"X-Request-Id": given.encode()})

    assert re.fullmatch("[0-9a-f]{32}", response.headers["x-request-id"])


def test_an_unknown_address_is_answered_in_json(served: Api) -> None:
    response = served.client.get("/nobody")

    assert (404, "NOT_FOUND") == (response.status_code, code_of(response.json()))


def test_a_failure_that_was_told_holds_nothing_of_what_was_run() -> None:
    with pytest.raises(Unavailable) as raised, while_connecting():
        raise OSError("the cause")
    failure = raised.value
    assert failure.__traceback__
    assert failure.__cause__
    failure.__cause__.__cause__ = failure  # as when a failure is raised again by what it led to

    told, _ = placed_entry(GraphQLError("", original_error=failure), "a request", has_made=False)

    assert told is failure
    assert [None, None] == [one.__traceback__ for one in (failure, failure.__cause__)]


@pytest.mark.parametrize("has_made", [False, True])
def test_after_a_change_nobody_is_asked_to_try_again(has_made: bool) -> None:
    _, entry = placed_entry(GraphQLError("", original_error=ValueError("x")), "a request", has_made=has_made)

    assert [not has_made, has_made] == [words in str(entry["message"]) for words in ("Try again", MADE_BEFORE)]
    assert "a request" in str(entry["message"])
