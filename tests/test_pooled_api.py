"""The API behind a PgBouncer that lends a server's connection for one transaction only."""

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from pydantic import SecretStr

from errors import SettingsInvalid
from server.databases import check
from settings import Settings
from tests.apis import Api, api
from tests.databases import APP, APP_PASSWORD, CrmDatabase
from tests.new_tasks import create
from tests.organizations import Organization, new_organization
from tests.owners import Owner
from tests.poolers import Pooler, pooler
from tests.sockets import greeted

SUBJECTS = "{ tasks(first: 200) { totalCount nodes { subject contact { displayName } } } }"
EVENTS = "subscription { taskEvents { type } }"


@pytest.fixture(scope="module")
def pooled(crm: CrmDatabase) -> Iterator[Pooler]:
    """Lend two connections to whoever asks."""
    with pooler(crm, "transaction", default_pool_size=2) as running:
        yield running


@pytest.fixture(scope="module")
def behind(pooled: Pooler, crm: CrmDatabase) -> Iterator[Api]:
    with api(database_url=url_of(pooled), is_pooled=True, listen_database_url=crm.app_url) as running:
        yield running


def url_of(pooled: Pooler) -> str:
    return pooled.url(APP, password=APP_PASSWORD)


def test_tasks_are_read_and_made(behind: Api, organization: Organization) -> None:
    viewer, contact = organization.viewer(), str(organization.contact())

    made = [create(behind, viewer, subject=f"Call {n}", contactId=contact)["task"]["id"] for n in range(3)]

    assert 3 == len(set(made)) == behind.data(viewer, SUBJECTS)["tasks"]["totalCount"]
    assert 200 == behind.client.get("/readyz").status_code


def test_the_switch_serves_in_session_mode_too(crm: CrmDatabase, organization: Organization) -> None:
    with pooler(crm, "session") as lent, api(database_url=url_of(lent), is_pooled=True) as running:
        assert create(running, organization.viewer(), contactId=str(organization.contact()))["task"]


def test_whoever_shares_a_connection_sees_their_own_alone(
    behind: Api, organization: Organization, owner: Owner
) -> None:
    mine, theirs = organization, new_organization(owner)
    for each, subject in ((mine, "mine"), (theirs, "theirs")):
        contact = each.contact(first_name=subject, last_name="")
        for _ in range(5):
            each.task(subject=subject, contact_id=contact)

    def ask(number: int) -> tuple[str, set[str]]:
        each, subject = ((mine, "mine"), (theirs, "theirs"))[number % 2]
        nodes = behind.data(each.viewer(), SUBJECTS)["tasks"]["nodes"]
        return subject, {node["subject"] for node in nodes} | {node["contact"]["displayName"] for node in nodes}

    with ThreadPoolExecutor(16) as threads:
        for subject, seen in threads.map(ask, range(200)):
            assert {subject} == seen


def test_the_bounds_of_statements_hold(pooled: Pooler, organization: Organization) -> None:
    organization.owner.run("BEGIN; LOCK TABLE lead_interactions IN ACCESS EXCLUSIVE MODE")
    try:
        with api(database_url=url_of(pooled), is_pooled=True, lock_timeout_ms=200) as running:
            began = time.monotonic()
            codes = running.codes(organization.viewer(), "{ tasks { totalCount } }")
    finally:
        organization.owner.run("ROLLBACK")

    assert ["TIMEOUT"] == codes
    assert time.monotonic() - began < 30


def test_events_are_told_by_the_way_past_the_pooler(behind: Api, organization: Organization) -> None:
    viewer = organization.viewer()
    with greeted(behind, viewer) as socket:
        socket.subscribe(EVENTS)
        assert socket.is_quiet()
        create(behind, viewer, contactId=str(organization.contact()))
        assert "CREATED" == socket.data()["taskEvents"]["type"]


def test_without_that_way_events_are_looked_for_now_and_then(pooled: Pooler, organization: Organization) -> None:
    viewer = organization.viewer()
    with api(database_url=url_of(pooled), is_pooled=True) as running, greeted(running, viewer) as socket:
        socket.subscribe(EVENTS)
        assert socket.is_quiet()
        create(running, viewer, contactId=str(organization.contact()))
        assert "CREATED" == socket.data()["taskEvents"]["type"]


def test_who_forgets_the_switch_is_told_of_it(pooled: Pooler) -> None:
    with pytest.raises(SettingsInvalid, match="TASKLINE_IS_POOLED"):
        asyncio.run(check(Settings.model_validate({"database_url": SecretStr(url_of(pooled))})))


def test_a_pooler_that_is_full_is_waited_for(crm: CrmDatabase, organization: Organization) -> None:
    with (
        pooler(crm, "transaction", max_client_conn=1) as full,
        api(database_url=url_of(full), is_pooled=True) as first,
        api(database_url=url_of(full), is_pooled=True) as second,
    ):
        assert 200 == first.ask(SUBJECTS, viewer=organization.viewer()).status_code
        refused = second.ask(SUBJECTS, viewer=organization.viewer())

    assert (503, "2") == (refused.status_code, refused.headers["retry-after"])
    assert "UNAVAILABLE" == refused.json()["errors"][0]["extensions"]["code"]
