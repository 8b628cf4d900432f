"""Many events at once: what is shown of them is read together while it is of now, and who is slow holds nothing."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence

import pytest
from pydantic import SecretStr
from websockets.sync.client import connect

from db.sessions import Session
from resolvers.live_events import Bell, Live
from resolvers.task_history import lost_links_of
from schema import context as contexts
from schema.context import Context
from server.databases import database_of
from settings import Settings
from tests.apis import Api, api
from tests.databases import CrmDatabase
from tests.organizations import Organization
from tests.sockets import PROTOCOL, Socket

EVENTS = 100
CHUNKS = 7  # of 1, 2, 4 and so on
LONG = 60.0
MANY, SIZE = 400, 60_000
"""24 MB: more than what lies in the buffers of a connection."""
WATCH = "subscription($since: String) { taskEvents(since: $since) { task { description contact { displayName } } } }"


def following(
    crm: CrmDatabase, organization: Organization, tell: Callable[[Context], Awaitable[None]]
) -> Sequence[Session]:
    """Tell what is told with a context, and return all sessions that it took."""
    sessions: list[Session] = []

    async def follow() -> None:
        database = database_of(Settings(database_url=SecretStr(crm.app_url)))
        await database.open()

        def session() -> Session:
            sessions.append(database.session(organization.id))
            return sessions[-1]

        try:
            context = Context(organization.viewer(), database.session(organization.id), 24, Live(Bell(), session))
            await tell(context)
            await context.session.close()
        finally:
            await database.close()

    asyncio.run(follow())
    return sessions


def test_of_many_events_each_relation_is_read_for_all(
    crm: CrmDatabase, organization: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contexts, "FRESH_S", LONG)
    leads = [organization.lead(first_name=f"{number}") for number in range(EVENTS)]
    ids = organization.tasks([{"lead_id": lead} for lead in leads])
    shown: list[str | None] = []

    async def tell(context: Context) -> None:
        for number, id_ in enumerate(ids):
            await context.renew(ids[number:])
            task = await context.loaders.interactions_by_id.load(id_)
            assert task
            assert task.lead_id
            lead = await context.loaders.leads_by_id.load(task.lead_id)
            assert lead
            shown.append(lead.first_name)
            assert [] == await lost_links_of(context.loaders, task)

    sessions = following(crm, organization, tell)

    assert [str(number) for number in range(EVENTS)] == shown
    assert [3] * CHUNKS == [session.statements for session in sessions]


def test_what_was_read_a_moment_ago_is_read_anew(
    crm: CrmDatabase, organization: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contexts, "FRESH_S", 0.0)
    contact = organization.contact()
    ids = organization.tasks([{"contact_id": contact, "subject": "before"} for _ in range(10)])
    shown: list[str | None] = []

    async def tell(context: Context) -> None:
        for number, id_ in enumerate(ids):
            await context.renew(ids[number:])
            task = await context.loaders.interactions_by_id.load(id_)
            shown.append(task.subject if task else None)
            organization.owner.run(
                f"UPDATE lead_interactions SET subject = 'after {number}' WHERE organization_id = '{organization.id}'"
            )

    sessions = following(crm, organization, tell)

    assert ["before", *(f"after {number}" for number in range(9))] == shown
    assert 10 == len(sessions)


def test_what_failed_for_one_event_is_tried_again_for_the_next(
    crm: CrmDatabase, organization: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contexts, "FRESH_S", LONG)
    ids = organization.tasks([{"contact_id": organization.contact()} for _ in range(10)])
    found: list[object] = []

    async def tell(context: Context) -> None:
        for number, id_ in enumerate(ids):
            await context.renew(ids[number:])
            if number == 3:  # the first of four
                await context.session.close()  # as after an answer with errors
                continue
            task = await context.loaders.interactions_by_id.load(id_)
            assert task
            found.append(task.id)

    following(crm, organization, tell)

    assert [*ids[:3], *ids[4:]] == found


@pytest.fixture
def narrow(crm: CrmDatabase) -> Iterator[Api]:
    """The API with a single connection."""
    with api(database_url=crm.app_url, pool_size=1, pool_wait_ms=5_000) as narrow:
        yield narrow


@pytest.mark.slow
def test_who_receives_nothing_holds_no_connection(narrow: Api, organization: Organization) -> None:
    viewer = organization.viewer()
    token = narrow.data(viewer, "{ tasks(first: 1) { resumeToken } }")["tasks"]["resumeToken"]
    contact = organization.contact()
    organization.owner.run(
        f"""INSERT INTO lead_interactions (organization_id, user_id, contact_id, interaction_type, status, description)
            SELECT '{organization.id}', '{organization.user_id}', '{contact}', 'task', 'pending', repeat('x', {SIZE})
              FROM generate_series(1, {MANY})"""
    )
    address = str(narrow.client.base_url).replace("http://", "ws://").rstrip("/") + "/graphql"
    with connect(address, subprotocols=[PROTOCOL], compression=None, max_queue=1, close_timeout=0) as connection:
        slow = Socket(connection)
        slow.send(type="connection_init", payload={"authorization": f"Bearer {narrow.token(viewer)}"})
        assert {"type": "connection_ack"} == slow.receive()
        slow.subscribe(WATCH, {"since": token})

        answers = [narrow.data(viewer, "{ tasks { totalCount } }") for _ in range(60)]

        assert [{"tasks": {"totalCount": MANY}}] * 60 == answers
        assert MANY == len([slow.data() for _ in range(MANY)])
