"""The stream of events has no gap and no repeat, whatever order writers commit in."""

import asyncio
import base64
import json
import random
from itertools import pairwise
from uuid import UUID

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.engine import Database
from db.event_places import Horizon, Place, Stream, current_place
from db.live_events import MOST_OPEN, LiveEvent, View, read
from errors import BadCursor, ResumeExpired
from resolvers import resume_tokens
from server.databases import database_of
from tests.apis import Api
from tests.databases import CrmDatabase
from tests.deadlines import DEADLINE_S
from tests.organizations import Organization

STREAM, LAST = Stream("0" * 16, 1, 0, ""), 2**63 - 1
WRITERS = 6
ROUNDS = 25


async def write(url: str, tasks: list[UUID], number: int) -> None:
    """Write in transactions of all sorts: long and short, with savepoints, some taken back."""
    dice = random.Random(number)  # noqa: S311 - no secret
    connection = await asyncpg.connect(url)
    try:
        for round_ in range(ROUNDS):
            transaction = connection.transaction()
            await transaction.start()
            for task in sorted(dice.sample(tasks, dice.randint(1, 3))):  # in one order, so that nobody deadlocks
                savepoint = connection.transaction()
                await savepoint.start()
                await connection.execute(
                    "UPDATE lead_interactions SET subject = $1 WHERE id = $2", f"{number}.{round_}", task
                )
                await (savepoint.rollback() if dice.random() < 0.2 else savepoint.commit())
                await asyncio.sleep(dice.choice([0, 0, 0.005, 0.03]))
            await (transaction.rollback() if dice.random() < 0.1 else transaction.commit())
    finally:
        await connection.close()


async def drain(database: Database, organization: Organization, place: Place, done: asyncio.Event) -> list[LiveEvent]:
    """Read pages of 7 until the writers are done and nothing is left; each time by what a token holds."""
    found: list[LiveEvent] = []
    while True:
        was_done = done.is_set()
        async with database.session(organization.id) as session:
            reading = await read(session, place, View(), limit=7)
        found += reading.events
        place = resume_tokens.decode(resume_tokens.encode(reading.place))
        if was_done and not reading.has_more and not reading.events:
            return found


async def stream(api: Api, crm: CrmDatabase, organization: Organization, tasks: list[UUID]) -> list[LiveEvent]:
    database = database_of(api.settings)
    await database.open()
    try:
        async with database.session(organization.id) as session:
            start = await current_place(session)
        done = asyncio.Event()
        reader = asyncio.create_task(drain(database, organization, start, done))
        idle = await asyncpg.connect(crm.owner_url)
        await idle.execute("BEGIN; UPDATE organizations SET name = name")  # a writer that is open all the time
        await asyncio.gather(*(write(crm.owner_url, tasks, number) for number in range(WRITERS)))
        done.set()
        await asyncio.wait_for(reader, DEADLINE_S)
        await idle.close()
        return reader.result()
    finally:
        await database.close()


@pytest.mark.slow
def test_every_event_comes_once_and_those_of_a_task_in_order(
    api: Api, crm: CrmDatabase, organization: Organization
) -> None:
    contact = organization.contact()
    tasks = organization.tasks([{"contact_id": contact, "subject": f"{number}"} for number in range(8)])
    first = organization.owner.rows("SELECT coalesce(max(seq), 0) AS seq FROM taskline_events")[0]["seq"]

    events = asyncio.run(stream(api, crm, organization, tasks))

    written = organization.owner.rows(
        f"SELECT seq FROM taskline_events WHERE organization_id = '{organization.id}' AND seq > {first} ORDER BY seq"
    )
    assert len(written) > WRITERS * ROUNDS / 2
    assert [row["seq"] for row in written] == sorted(event.event.seq for event in events)
    for task in tasks:
        of_task = [event.event for event in events if event.event.task_id == task]
        assert of_task == sorted(of_task, key=lambda event: event.seq)
        subjects = [(event.before or {}, event.after or {}) for event in of_task]
        assert all(one[1]["subject"] == next_[0]["subject"] for one, next_ in pairwise(subjects))


def test_what_follows_a_batch_that_ends_is_asked_for_at_once(api: Api, organization: Organization) -> None:
    contact = organization.contact()

    async def readings() -> list[tuple[int, bool]]:
        database = database_of(api.settings)
        await database.open()
        found = []
        try:
            async with database.session(organization.id) as session:
                place = await current_place(session)
            for limit, new_tasks in ((1, 1), (7, 1), (7, 0)):
                await asyncio.to_thread(organization.tasks, [{"contact_id": contact}] * new_tasks)
                async with database.session(organization.id) as session:
                    reading = await read(session, place, View(), limit=limit)
                place = reading.place
                found.append((len(reading.events), reading.has_more))
        finally:
            await database.close()
        return found

    # The second reading ends the first one's batch, of which nothing was left.
    assert [(1, True), (0, True), (1, False)] == asyncio.run(readings())


async def read_past_a_writer(api: Api, crm: CrmDatabase, organization: Organization, tasks: list[UUID]) -> list[str]:
    """Take a place while the youngest transaction has written before the last one that has ended; then let it end."""
    database = database_of(api.settings)
    older, younger = [await asyncpg.connect(crm.owner_url) for _ in range(2)]
    await database.open()
    try:
        await older.execute("BEGIN; UPDATE organizations SET name = name WHERE false; SELECT pg_current_xact_id()")
        await younger.execute(f"BEGIN; UPDATE lead_interactions SET subject = 'younger' WHERE id = '{tasks[0]}'")
        await older.execute(f"UPDATE lead_interactions SET subject = 'older' WHERE id = '{tasks[1]}'; COMMIT")
        async with database.session(organization.id) as session:
            place = await current_place(session)
        await younger.execute("COMMIT")
        async with database.session(organization.id) as session:
            reading = await read(session, place, View())
        return [str((event.event.after or {})["subject"]) for event in reading.events]
    finally:
        await database.close()
        await older.close()
        await younger.close()


@pytest.mark.slow
def test_the_youngest_writer_is_not_missed_although_an_older_one_has_the_last_line(
    api: Api, crm: CrmDatabase, organization: Organization
) -> None:
    contact = organization.contact()
    tasks = organization.tasks([{"contact_id": contact, "subject": "before"} for _ in range(2)])

    assert ["younger"] == asyncio.run(read_past_a_writer(api, crm, organization, tasks))


async def events_after(api: Api, organization: Organization, horizon: Horizon) -> int:
    database = database_of(api.settings)
    await database.open()
    try:
        async with database.session(organization.id) as session:
            stream = (await current_place(session)).stream
        async with database.session(organization.id) as session:
            return len((await read(session, Place(stream, horizon, horizon, 0), View())).events)
    finally:
        await database.close()


def test_a_made_up_place_that_names_all_transactions_is_refused(api: Api, organization: Organization) -> None:
    task = organization.task(contact_id=organization.contact())
    organization.owner.run(
        "INSERT INTO taskline_events (organization_id, interaction_id, type, at, xid) "
        f"SELECT '{organization.id}', '{task}', 'updated', now(), CAST(CAST(n + 2 AS text) AS xid8) "
        f"FROM generate_series(1, {MOST_OPEN + 1}) n"
    )

    assert 1 == asyncio.run(events_after(api, organization, Horizon("1:3:", 0, 1_000)))
    with pytest.raises(ResumeExpired, match="more open transactions than there can be"):
        asyncio.run(events_after(api, organization, Horizon("1:3:", 0, LAST)))


numbers = st.integers(min_value=1, max_value=2**62)


@st.composite
def snapshots(draw: st.DrawFn) -> str:
    open_ = sorted(draw(st.sets(numbers, max_size=5)))
    first = draw(st.integers(1, min(open_, default=2**62)))
    end = draw(st.integers(max([first, *(number + 1 for number in open_)]), 2**62 + 1))
    return f"{first}:{end}:{','.join(map(str, open_))}"


sequences = st.integers(0, 2**63 - 1)
marks = st.text("0123456789abcdef", min_size=16, max_size=16)
streams = st.builds(Stream, marks, sequences, sequences, st.just("") | marks)
horizons = st.builds(Horizon, snapshots(), sequences, st.just(LAST))


@given(st.builds(Place, streams, horizons, horizons, sequences))
def test_a_token_holds_its_place(place: Place) -> None:
    assert place == resume_tokens.decode(resume_tokens.encode(place))


@given(
    st.text() | st.binary().map(lambda data: json.dumps(list(data))) | st.from_regex(r"\d{0,20}:\d{0,20}:[\d,]{0,9}")
)
def test_whatever_else_is_given_is_refused(text: str) -> None:
    if resume_tokens.SNAPSHOT.fullmatch(text):
        return
    with pytest.raises(BadCursor):
        resume_tokens.decode(text)
    with pytest.raises(BadCursor):
        resume_tokens.decode(resume_tokens.encode(Place(STREAM, Horizon(text, 0, LAST), Horizon(text, 0, LAST), 0)))


@pytest.mark.parametrize("seq", [-1, 2**63])
def test_a_sequence_that_no_event_has_is_refused(seq: int) -> None:
    with pytest.raises(BadCursor):
        resume_tokens.decode(resume_tokens.encode(Place(STREAM, Horizon("1:2:", 0, 2), Horizon("1:2:", 0, 2), seq)))
    with pytest.raises(BadCursor):
        resume_tokens.decode(resume_tokens.encode(Place(STREAM, Horizon("1:2:", seq, 2), Horizon("1:2:", 0, 2), 0)))


def test_an_end_within_the_snapshot_is_refused() -> None:
    with pytest.raises(BadCursor):
        resume_tokens.decode(resume_tokens.encode(Place(STREAM, Horizon("1:2:", 0, 1), Horizon("1:2:", 0, 2), 0)))


@pytest.mark.parametrize("number", [-1, 2**63])
def test_a_branch_that_no_server_has_is_refused(number: int) -> None:
    for stream in (Stream(STREAM.log, number, 0, ""), Stream(STREAM.log, 1, number, "")):
        with pytest.raises(BadCursor):
            resume_tokens.decode(resume_tokens.encode(Place(stream, Horizon("1:2:", 0, 2), Horizon("1:2:", 0, 2), 0)))


@pytest.mark.parametrize("log", ["", "0" * 15, "0" * 17, "G" * 16, "0" * 15 + "\n"])
def test_a_log_that_no_database_has_is_refused(log: str) -> None:
    with pytest.raises(BadCursor):
        resume_tokens.decode(
            resume_tokens.encode(Place(Stream(log, 1, 0, ""), Horizon("1:2:", 0, 2), Horizon("1:2:", 0, 2), 0))
        )


@pytest.mark.parametrize("version", [1, 3])
def test_a_place_of_another_release_has_expired(version: int) -> None:
    token = base64.urlsafe_b64encode(json.dumps(["stream", version, STREAM.log]).encode()).decode()

    with pytest.raises(ResumeExpired, match="Another release"):
        resume_tokens.decode(token)
