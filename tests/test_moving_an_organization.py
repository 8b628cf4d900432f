"""docs/moving-an-organization.md, typed while clients write: nothing is lost, and nothing of anybody else's comes."""

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from resolvers.viewers import Viewer
from tests.conftest import versions
from tests.deadlines import DEADLINE_S, eventually
from tests.moves import BLOCKS, CREATE, PASSWORD, TABLES, TEXT, Desk, Side, assert_ready, copied, finished, new_side
from tests.organizations import Organization, new_organization
from tests.papers import blocks
from tests.sockets import greeted
from tests.writers import Writers

log = logging.getLogger(__name__)
pytestmark = [pytest.mark.slow, pytest.mark.long]

TASK = "query ($id: ID!) { task(id: $id) { subject status lead { id } history { edges { node { type } } } } }"
TOKEN = "query ($contact: ID!) { timeline(record: {contactId: $contact}) { resumeToken totalCount } }"
RENAME = "mutation ($id: ID!, $to: String!) { updateTask(input: {id: $id, subject: $to}) { task { id } } }"
WATCH = "subscription ($since: String) { taskEvents(since: $since) { task { subject } } }"


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Side, Side]]:
    """The oldest server and the newest."""
    oldest, newest = versions()[-1], versions()[0]
    with (
        pytest.MonkeyPatch.context() as shell,
        new_side(tmp_path_factory.mktemp("here"), oldest) as here,
        new_side(tmp_path_factory.mktemp("there"), newest) as there,
    ):
        shell.setenv("MOVE_PASSWORD", PASSWORD)
        yield here, there


def changed_meanwhile(side: Side, organization: Organization, viewer: Viewer) -> dict[str, str]:
    """Change rows of every kind, as people and programs do; return the ids of what can be looked for afterwards."""
    lead, contact = organization.lead(), organization.contact()
    gone = organization.lead(first_name="Gone")
    # Each with a subject of its own: by subject the writers count what is there twice.
    links = {"lead_id": lead, "contact_id": contact, "scheduled_at": "2026-12-01"}
    tasks = organization.tasks([links | {"subject": uuid4()} for _ in range(4)])
    lost = organization.task(lead_id=gone, contact_id=contact, subject=uuid4())
    mutations = (
        'updateTask(input: {{id: "{0}", subject: "Changed {0}"}}) {{ task {{ id }} }}',
        'completeTask(input: {{id: "{1}"}}) {{ task {{ id }} }}',
        'deleteTask(input: {{id: "{2}"}}) {{ task {{ id }} }}',
    )
    for mutation in mutations:
        side.api.data(viewer, f"mutation {{ {mutation.format(*tasks)} }}")
    side.owner.run(f"DELETE FROM leads WHERE id = '{gone}'; DELETE FROM lead_interactions WHERE id = '{tasks[3]}'")
    side.owner.run(f"UPDATE contacts SET first_name = 'Changed' WHERE id = '{contact}'")
    organization.account(contact, account_name="New")
    return {"changed": str(tasks[0]), "completed": str(tasks[1]), "lost": str(lost), "gone": str(tasks[3])}


def told_after(side: Side, viewer: Viewer, contact: UUID) -> list[str]:
    """Watch, make a task, and return what is told."""
    with greeted(side.api, viewer) as socket:
        token = side.api.data(viewer, TOKEN, contact=str(contact))["timeline"]["resumeToken"]
        side.api.data(viewer, CREATE, contact=str(contact))
        socket.subscribe(WATCH, {"since": token})
        told = [socket.data()["taskEvents"]["task"]["subject"]]
        assert socket.is_quiet()
        return told


def refused_cursor(side: Side, viewer: Viewer, since: str) -> str:
    with greeted(side.api, viewer) as socket:
        socket.subscribe(WATCH, {"since": since})
        (error,) = socket.receive()["payload"]
        code: str = error["extensions"]["code"]
        return code


def with_contact(side: Side) -> Organization:
    organization = new_organization(side.owner)
    organization.contact()
    return organization


def is_written_to(side: Side, organization: Organization) -> bool:
    """Tell whether the API makes a task for the organization; if not, it says UNAVAILABLE."""
    contact = side.owner.rows(f"SELECT id FROM contacts WHERE organization_id = '{organization.id}'")[0]["id"]
    codes = side.api.codes(organization.viewer(), CREATE, contact=contact)
    assert codes in ([], ["UNAVAILABLE"])
    return codes == []


def stop(desk: Desk, writers: Writers, is_stopped: Callable[[], bool]) -> None:
    """Stop while the target can't take what was written before: that has to be waited for."""
    with ThreadPoolExecutor(1) as threads:
        with desk.target.owner.locked("lead_interactions"):
            writers.wait_for(writers.count + 1)  # each had one under way at most: another was made since
            stopping = threads.submit(desk.type, "Stop")
            assert eventually(is_stopped)
            assert not eventually(stopping.done, seconds=0.5)
        stopping.result(DEADLINE_S)


def moving(desk: Desk, writers: Writers, organization: Organization) -> Callable[[], None]:
    """Return what types the page up to the organization's first writes on the other side."""
    source, target, viewer = desk.source, desk.target, writers.viewer

    def move() -> None:
        assert_ready(desk)
        writers.wait_for(writers.count)
        for number in range(3):
            desk.type("Prepare", number)
        desk.type("Copy", 0)
        target.work()
        ids = changed_meanwhile(source, organization, viewer)
        assert eventually(lambda: desk.type("Copy", 1) == ["0"])
        ids |= changed_meanwhile(source, organization, viewer)
        assert eventually(lambda: int(desk.type("Copy", 2)[0]) < 1_000_000)
        writers.wait_for(writers.count)
        token = source.api.data(viewer, TOKEN, contact=str(writers.contact))["timeline"]["resumeToken"]

        def is_stopped() -> bool:
            return source.api.codes(viewer, RENAME, id=ids["changed"], to=f"{uuid4()}") == ["UNAVAILABLE"]

        stop(desk, writers, is_stopped)
        shown = {name: source.api.data(viewer, TASK, id=id_) for name, id_ in ids.items()}
        source.work()
        here, there = desk.type("Compare")
        of_others = f"SELECT FROM taskline_events WHERE organization_id = '{desk.organization}' AND xid IS NOT NULL"
        assert [] == target.owner.rows(of_others)
        assert ["t"] == desk.type("Open", 0)
        desk.type("Open", 1)
        writers.api = target.api

        writers.wait_for(writers.count)
        assert len(TABLES) == len(here.splitlines())
        assert here == there
        assert shown == {name: target.api.data(viewer, TASK, id=id_) for name, id_ in ids.items()}
        assert "RESUME_EXPIRED" == refused_cursor(target, viewer, token)
        source.work()
        target.work()
        desk.type("Tidy up")

    return move


def moved(desk: Desk, organization: Organization, contact: UUID) -> float:
    """Move while clients write; return the longest time in which none of their writes was acknowledged."""
    viewer = organization.viewer()
    writers = Writers(desk.source.api, viewer, contact, count=8)
    besides = desk.target.rows_besides(organization.id)

    writers.during(moving(desk, writers, organization))

    assert {"lost": 0, "duplicated": 0} == writers.faults(desk.target.owner)
    assert besides == desk.target.rows_besides(organization.id)
    assert writers.refused.keys() <= {"UNAVAILABLE"}
    whole, last = desk.type("Compare")[1], desk.source.rows_besides(organization.id)
    desk.type("Delete")
    assert whole == desk.type("Compare")[1]
    assert last == desk.source.rows_besides(organization.id)
    assert {"0"} == {line.split("|")[1] for line in desk.type("Compare")[0].splitlines()}
    assert ["Live"] == told_after(desk.target, viewer, contact)
    for side in (desk.source, desk.target):
        assert 200 == side.api.client.get("/readyz").status_code
    assert {(heading, number) for heading, found in BLOCKS.items() for number in range(len(found))} == set(desk.typed)
    return writers.longest_pause_s


def test_each_block_says_where_it_is_typed() -> None:
    assert len(blocks(TEXT, "sql")) == 1 + sum(map(len, BLOCKS.values()))


def test_an_organization_moves_to_another_server_and_back(sides: tuple[Side, Side], tmp_path: Path) -> None:
    here, there = sides
    # It has counted lines for years.
    here.owner.run("SELECT setval(pg_get_serial_sequence('taskline_events', 'seq'), 10000000)")
    organization = new_organization(here.owner)
    contact = organization.contact()
    organization.tasks([{"contact_id": contact, "subject": f"Old {number}"} for number in range(2_000)])

    away = moved(Desk(here, there, organization.id, tmp_path), organization, contact)
    returned = Organization(there.owner, organization.id, organization.user_id)
    back = moved(Desk(there, here, organization.id, tmp_path), returned, contact)

    log.info("without a write: %.2f s, %.2f s back", away, back)
    assert max(away, back) < 30


def test_a_truncation_at_the_source_empties_nothing_at_the_target(sides: tuple[Side, Side], tmp_path: Path) -> None:
    here, there = sides
    organization = new_organization(here.owner)
    lead, besides = organization.lead(), there.rows_besides(organization.id)
    desk = Desk(here, there, organization.id, tmp_path)
    copied(desk)

    here.owner.run("TRUNCATE interaction_events")
    here.owner.run(f"UPDATE leads SET first_name = 'Later' WHERE id = '{lead}'")
    later = f"SELECT FROM leads WHERE id = '{lead}' AND first_name = 'Later'"
    assert eventually(lambda: there.owner.rows(later))
    kept = there.rows_besides(organization.id)
    finished(desk)  # the copy is void: give up
    Desk(there, here, organization.id, tmp_path).type("Delete")

    assert besides[TABLES.index("interaction_events")] > 0
    assert besides == kept
    assert_ready(desk)


def test_neither_what_fails_nor_another_move_lets_who_has_moved_write_again(
    sides: tuple[Side, Side], tmp_path: Path
) -> None:
    here, there = sides
    first, second = with_contact(here), with_contact(here)
    one, next_one = (Desk(here, there, organization.id, tmp_path) for organization in (first, second))
    copied(one)
    one.type("Stop")

    complaints = one.complaints("Delete")  # too early: the target still follows
    assert not is_written_to(here, first)
    finished(one)
    copied(next_one)
    next_one.type("Stop")
    finished(next_one)
    one.type("Delete")

    assert "end that move first" in complaints
    assert not is_written_to(here, second)
    assert {"0"} == {line.split("|")[1] for line in one.type("Compare")[0].splitlines()}


def test_who_is_not_stopped_is_not_said_to_be_and_whoever_is_costs_no_connection(
    sides: tuple[Side, Side], tmp_path: Path
) -> None:
    here, there = sides
    organization = with_contact(here)
    desk = Desk(here, there, organization.id, tmp_path)
    copied(desk)

    with here.owner.locked("leads"):
        complaints = desk.complaints("Stop")
    assert ["f"] == desk.type("Open", 0)
    assert is_written_to(here, organization)
    pool = here.connections()
    desk.type("Stop")
    assert ["t"] == desk.type("Open", 0)
    assert not is_written_to(here, organization)
    here.work()
    kept = here.connections()
    finished(desk)

    assert "Nothing is stopped: type this block again." in complaints
    assert pool
    assert pool <= kept
