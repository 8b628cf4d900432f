"""docs/moving-an-organization.md, typed while clients write: nothing is lost, and nothing of anybody else's comes."""

import logging
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from db import embedded, embedded_process
from resolvers.viewers import Viewer
from tests import apis
from tests.apis import Api
from tests.conftest import PROGRAMS, versions
from tests.databases import CrmDatabase, fill_legacy, fill_migrated, psql
from tests.deadlines import DEADLINE_S, eventually
from tests.organizations import Organization, new_organization
from tests.owners import Owner, owner_of
from tests.papers import ROOT, blocks, section
from tests.sockets import greeted
from tests.writers import Writers

log = logging.getLogger(__name__)
pytestmark = [pytest.mark.slow, pytest.mark.long]

TEXT = (ROOT / "docs" / "moving-an-organization.md").read_text()
HEADINGS = ("Look", "Prepare", "Copy", "Stop", "Compare", "Open", "Tidy up", "Delete")
_BLOCK = re.compile(r"^On (?:the )?(source|target|both)\b[^\n]*:\n\n```sql\n(.*?)^```$", re.DOTALL | re.MULTILINE)
BLOCKS = {heading: _BLOCK.findall(section(TEXT, heading)) for heading in HEADINGS}

PASSWORD = "a password"
TABLES = (
    "organizations",
    "users",
    "leads",
    "contacts",
    "accounts",
    "lead_interactions",
    "interaction_events",
    "taskline_events",
    "taskline_idempotency_keys",
)
TASK = "query ($id: ID!) { task(id: $id) { subject status lead { id } history { edges { node { type } } } } }"
TOKEN = "query ($contact: ID!) { timeline(record: {contactId: $contact}) { resumeToken totalCount } }"
RENAME = "mutation ($id: ID!, $to: String!) { updateTask(input: {id: $id, subject: $to}) { task { id } } }"
CREATE = 'mutation ($contact: ID!) { createTask(input: {subject: "Live", contactId: $contact}) { task { id } } }'
WATCH = "subscription ($since: String) { taskEvents(since: $since) { task { subject } } }"


@dataclass(frozen=True, slots=True)
class Side:
    """A server, its CRM, the API before it, and somebody there whom the move doesn't concern."""

    crm: CrmDatabase
    api: Api
    owner: Owner
    neighbour: Organization
    contact: UUID

    def work(self) -> None:
        """Let the neighbour write."""
        data = self.api.data(self.neighbour.viewer(), CREATE, contact=str(self.contact))
        assert data["createTask"]["task"]

    def rows_besides(self, organization: UUID) -> list[int]:
        """Count the rows in each table of whoever is neither this organization nor the neighbour."""
        names = ((name, "id" if name == "organizations" else "organization_id") for name in TABLES)
        whose = f"IN ('{organization}', '{self.neighbour.id}')"
        counts = (f"SELECT count(*) FROM {name} WHERE ({column} {whose}) IS NOT TRUE" for name, column in names)
        return [self.owner.rows(count)[0]["count"] for count in counts]


@contextmanager
def side(home: Path, version: str) -> Iterator[Side]:
    settings = {"wal_level": "logical", "synchronous_commit": "on"}
    with ExitStack() as stack:
        server = embedded.start(home, binaries=PROGRAMS[version], durable=False, settings=settings)
        crm = CrmDatabase(stack.enter_context(server), "crm")
        fill_legacy(crm)
        fill_migrated(crm)
        running = stack.enter_context(apis.api(database_url=crm.app_url))
        owner = stack.enter_context(owner_of(crm, is_superuser=True))
        neighbour = new_organization(owner)
        yield Side(crm, running, owner, neighbour, neighbour.contact())


@dataclass(slots=True)
class Desk:
    """Whoever types the page: psql on each side, with the variables that it names."""

    source: Side
    target: Side
    organization: UUID
    folder: Path
    typed: list[tuple[str, int]] = field(default_factory=list)

    def type(self, heading: str, number: int = 0) -> list[str]:
        """Type a block until each lock was had in time; return what psql says on each side where it belongs."""
        self.typed.append((heading, number))
        while True:
            try:
                return self._type(*BLOCKS[heading][number])
            except AssertionError as failed:
                if "lock timeout" not in str(failed):
                    raise

    def _type(self, where: str, sql: str) -> list[str]:
        file = self.folder / "block.sql"
        file.write_text(sql)
        sides = {"source": [self.source], "target": [self.target], "both": [self.source, self.target]}[where]
        return [self._say(each, file) for each in sides]

    def _say(self, where: Side, file: Path) -> str:
        there = self.source.crm
        way = f"host={there.server.socket_dir} port={embedded_process.PORT} dbname={there.name}"
        variables = {
            "organization": str(self.organization),
            "password": PASSWORD,
            "source": f"{way} user=taskline_move password='{PASSWORD}'",
        }
        given = [argument for name, value in variables.items() for argument in ("-v", f"{name}={value}")]
        return psql(where.crm.server, where.crm.superuser_url, *given, "-f", str(file))


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


def stop(desk: Desk, is_stopped: Callable[[], bool]) -> None:
    """Stop while the target can't take what was written before: that has to be waited for."""
    with ThreadPoolExecutor(1) as threads:
        with desk.target.owner.locked("lead_interactions"):
            stopping = threads.submit(desk.type, "Stop")
            assert eventually(is_stopped)
            assert not eventually(stopping.done, seconds=0.5)
        stopping.result(DEADLINE_S)


def moving(desk: Desk, writers: Writers, organization: Organization) -> Callable[[], None]:
    """Return what types the page up to the organization's first writes on the other side."""
    source, target, viewer = desk.source, desk.target, writers.viewer

    def move() -> None:
        assert [["t|t", "disputed|0", "colleague elsewhere|0"], ["0"]] == [
            said.splitlines() for number in range(2) for said in desk.type("Look", number)
        ]
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

        stop(desk, lambda: source.api.codes(viewer, RENAME, id=ids["changed"], to=f"{uuid4()}") == ["UNAVAILABLE"])
        shown = {name: source.api.data(viewer, TASK, id=id_) for name, id_ in ids.items()}
        source.work()
        here, there = desk.type("Compare")
        of_others = f"SELECT FROM taskline_events WHERE organization_id = '{desk.organization}' AND xid IS NOT NULL"
        assert [] == target.owner.rows(of_others)
        desk.type("Open")
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
    assert len(blocks(TEXT, "sql")) == sum(map(len, BLOCKS.values()))


def test_an_organization_moves_to_another_server_and_back(tmp_path: Path) -> None:
    oldest, newest = versions()[-1], versions()[0]
    with side(tmp_path / "here", oldest) as here, side(tmp_path / "there", newest) as there:
        # It has counted lines for years.
        here.owner.run("SELECT setval(pg_get_serial_sequence('taskline_events', 'seq'), 10000000)")
        organization = new_organization(here.owner)
        contact = organization.contact()
        organization.tasks([{"contact_id": contact, "subject": f"Old {number}"} for number in range(2_000)])

        away = moved(Desk(here, there, organization.id, tmp_path), organization, contact)
        returned = Organization(there.owner, organization.id, organization.user_id)
        back = moved(Desk(there, here, organization.id, tmp_path), returned, contact)

    log.info("without a write: %.2f s from %s to %s, %.2f s back", away, oldest, newest, back)
    assert max(away, back) < 30
