"""How often one person and one address may ask."""

import ipaddress
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from websockets.exceptions import ConnectionClosed

from server.gate import network_of
from settings import Settings
from tests.apis import NOWHERE, SECRET, Api, api
from tests.databases import CrmDatabase
from tests.demos import running
from tests.organizations import Organization
from tests.sockets import greeted, opened

TASKS = "{ tasks { totalCount } }"
ONE_ADDRESS = {"X-Forwarded-For": "203.0.113.7"}
ANOTHER = {"X-Forwarded-For": "203.0.113.8"}


@pytest.fixture
def strict(crm: CrmDatabase) -> Iterator[Api]:
    """Let each person ask three times a minute."""
    with api(database_url=crm.app_url, viewer_requests_per_minute=3) as running:
        yield running


@pytest.fixture
def guarded() -> Iterator[Api]:
    """Let each address ask three times a minute."""
    with api(address_requests_per_minute=3) as running:
        yield running


def without_token(api: Api, headers: Mapping[str, str]) -> httpx2.Response:
    return api.client.post("/graphql", json={"query": TASKS}, headers=dict(headers))


def test_who_asks_too_often_is_told_when_to_come_back(strict: Api, organization: Organization) -> None:
    answers = [strict.ask(TASKS, viewer=organization.viewer()) for _ in range(4)]

    assert [200, 200, 200, 429] == [answer.status_code for answer in answers]
    (error,) = answers[3].json()["errors"]
    assert "LIMIT_EXCEEDED" == error["extensions"]["code"]
    assert 1 <= int(answers[3].headers["retry-after"]) <= 20
    assert f"Try again in {answers[3].headers['retry-after']} s." in error["message"]


def test_rest_counts_with_the_rest(strict: Api, organization: Organization) -> None:
    viewer = organization.viewer()
    for _ in range(3):
        strict.ask(TASKS, viewer=viewer)

    refused = strict.client.get("/api/tasks", headers=strict.headers(viewer=viewer))

    assert (429, "LIMIT_EXCEEDED") == (refused.status_code, refused.json()["code"])
    assert 1 <= int(refused.headers["retry-after"]) <= 20


def test_others_are_served_meanwhile(strict: Api, organization: Organization) -> None:
    for _ in range(4):
        strict.ask(TASKS, viewer=organization.viewer())

    assert 200 == strict.ask(TASKS, viewer=replace(organization.viewer(), user_id=organization.user())).status_code


def test_a_socket_counts_each_operation_and_lives_on(strict: Api, organization: Organization) -> None:
    with greeted(strict, organization.viewer()) as socket:
        for _ in range(3):
            socket.subscribe(TASKS)
            socket.data()
            assert "complete" == socket.receive()["type"]
        id_ = socket.subscribe(TASKS)
        refused = socket.receive()
        socket.send(type="ping")

        assert (id_, "error") == (refused["id"], refused["type"])
        assert ["LIMIT_EXCEEDED"] == [error["extensions"]["code"] for error in refused["payload"]]
        assert "pong" == socket.receive()["type"]


def test_an_operation_that_cant_be_read_counts_too(strict: Api, organization: Organization) -> None:
    with greeted(strict, organization.viewer()) as socket:
        for number in range(4):
            socket.send(type="subscribe", id=str(number), payload={"query": 5})
        codes = sorted(socket.receive()["payload"][0]["extensions"]["code"] for _ in range(4))

    assert 3 * ["BAD_USER_INPUT"] + ["LIMIT_EXCEEDED"] == codes


def test_there_is_room_again_after_a_while(crm: CrmDatabase, organization: Organization) -> None:
    with api(database_url=crm.app_url, viewer_requests_per_minute=60) as running:
        viewer = organization.viewer()
        began = time.monotonic()
        while 200 == (answer := running.ask(TASKS, viewer=viewer)).status_code:
            assert time.monotonic() < began + 30
        time.sleep(int(answer.headers["retry-after"]))

        assert 200 == running.ask(TASKS, viewer=viewer).status_code


def test_an_address_is_counted_whatever_its_tokens_are(guarded: Api) -> None:
    statuses = [without_token(guarded, ONE_ADDRESS).status_code for _ in range(4)]
    good = guarded.client.post("/graphql", json={"query": TASKS}, headers=guarded.headers(ONE_ADDRESS))

    assert [401, 401, 401, 429] == statuses
    assert 429 == good.status_code
    assert 401 == without_token(guarded, ANOTHER).status_code


def test_an_address_that_opens_too_many_sockets_is_refused(guarded: Api) -> None:
    codes = []
    for _ in range(4):
        with opened(guarded, headers=ONE_ADDRESS) as socket:
            with suppress(ConnectionClosed):  # it was quicker
                socket.send(type="connection_init", payload={"authorization": "Bearer nothing"})
            codes.append(socket.close_code())

    assert [4403, 4403, 4403, 4429] == codes


def test_this_machines_own_address_is_not_counted(guarded: Api) -> None:
    assert {401} == {without_token(guarded, {}).status_code for _ in range(6)}


@pytest.mark.parametrize(("proxies", "last"), [("127.0.0.1", 429), ("192.0.2.1", 401)])
def test_only_a_trusted_proxy_may_say_whose_request_it_is(tmp_path: Path, proxies: str, last: int) -> None:
    settings = {"TASKLINE_TRUSTED_PROXIES": proxies, "TASKLINE_ADDRESS_REQUESTS_PER_MINUTE": "1"}
    with running(
        tmp_path, "serve", "--port", "0", DATABASE_URL=NOWHERE, TASKLINE_JWT_SECRET=SECRET, **settings
    ) as served:
        statuses = [
            httpx2.post(f"{served.url}/graphql", json={"query": TASKS}, headers=ONE_ADDRESS).status_code
            for _ in range(2)
        ]

    assert [401, last] == statuses


def test_nobody_is_counted_where_the_settings_say_0(crm: CrmDatabase) -> None:
    with api(database_url=crm.app_url, viewer_requests_per_minute=0, address_requests_per_minute=0) as running:
        statuses = {
            running.client.post("/graphql", json={"query": TASKS}, headers=running.headers(ONE_ADDRESS)).status_code
            for _ in range(10)
        }

    assert {200} == statuses


@given(st.integers(1, 2**64 - 1), st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_addresses_that_one_machine_can_choose_from_count_as_one(network: int, own: int, other: int) -> None:
    first, second = (str(ipaddress.IPv6Address(network << 64 | machine)) for machine in (own, other))

    assert network_of(first) == network_of(second)


@pytest.mark.parametrize(
    ("host", "counted"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("127.0.0.1", None),
        ("::1", None),
        ("::ffff:127.0.0.1", None),
        ("", None),
        ("unknown", "unknown"),
        ("2001:db8::1:443x", "2001:db8::1:443x"),
    ],
)
def test_what_requests_are_counted_under(host: str, counted: str | None) -> None:
    assert counted == network_of(host)


@pytest.mark.parametrize("proxies", ["*", "nonsense", "10.0.0.5/24", "127.0.0.1,"])
def test_a_proxy_that_is_no_address_is_refused_at_the_start(proxies: str) -> None:
    with pytest.raises(ValidationError, match="trusted_proxies"):
        Settings.model_validate({"trusted_proxies": proxies})
