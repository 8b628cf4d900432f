"""Two servers to move an organization between, and whoever types docs/moving-an-organization.md."""

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from db import embedded, embedded_process
from tests import apis
from tests.apis import Api
from tests.conftest import PROGRAMS
from tests.databases import CrmDatabase, fill_legacy, fill_migrated, psql, run_psql
from tests.deadlines import eventually
from tests.organizations import Organization, new_organization
from tests.owners import Owner, owner_of
from tests.papers import ROOT, section

TEXT = (ROOT / "docs" / "moving-an-organization.md").read_text()
HEADINGS = ("Look", "Prepare", "Copy", "Stop", "Compare", "Open", "Tidy up", "Delete")
_BLOCK = re.compile(r"^On (?:the )?(source|target|both)\b[^\n]*:\n\n```sql\n(.*?)^```$", re.DOTALL | re.MULTILINE)
BLOCKS = {heading: _BLOCK.findall(section(TEXT, heading)) for heading in HEADINGS}
((_, FIRST),) = _BLOCK.findall(section(TEXT, "What you need"))

PASSWORD = "letters1and2digits"
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
CREATE = 'mutation ($contact: ID!) { createTask(input: {subject: "Live", contactId: $contact}) { task { id } } }'


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

    def connections(self) -> set[int]:
        """Return the processes that serve the API's pool."""
        pids = self.owner.rows("SELECT pid FROM pg_stat_activity WHERE application_name = 'taskline'")
        return {row["pid"] for row in pids}

    def rows_besides(self, organization: UUID) -> list[int]:
        """Count the rows in each table of whoever is neither this organization nor the neighbour."""
        names = ((name, "id" if name == "organizations" else "organization_id") for name in TABLES)
        whose = f"IN ('{organization}', '{self.neighbour.id}')"
        counts = (f"SELECT count(*) FROM {name} WHERE ({column} {whose}) IS NOT TRUE" for name, column in names)
        return [self.owner.rows(count)[0]["count"] for count in counts]


@contextmanager
def new_side(home: Path, version: str) -> Iterator[Side]:
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

    def complaints(self, heading: str) -> str:
        """Type a heading's first block at the source, in a psql that goes on after errors; return them."""
        crm = self.source.crm
        return run_psql(crm.server, crm.superuser_url, *self._session(BLOCKS[heading][0][1])).stderr

    def _type(self, where: str, sql: str) -> list[str]:
        sides = {"source": [self.source], "target": [self.target], "both": [self.source, self.target]}[where]
        session = self._session(sql)
        return [psql(each.crm.server, each.crm.superuser_url, *session) for each in sides]

    def _session(self, sql: str) -> tuple[str, ...]:
        """Return the arguments of a psql that types this."""
        file = self.folder / "block.sql"
        file.write_text(FIRST + sql)
        crm = self.source.crm
        way = f"host={crm.server.socket_dir} port={embedded_process.PORT} dbname={crm.name} user=taskline_move"
        return ("-v", f"organization={self.organization}", "-v", f"source={way}", "-f", str(file))


def assert_ready(desk: Desk) -> None:
    assert [["t|t|t", "disputed|0", "colleague elsewhere|0"], ["t|t"]] == [
        said.splitlines() for number in range(2) for said in desk.type("Look", number)
    ]


def copied(desk: Desk) -> None:
    """Type the page up to Stop."""
    assert_ready(desk)
    for number in range(3):
        desk.type("Prepare", number)
    desk.type("Copy", 0)
    assert eventually(lambda: desk.type("Copy", 1) == ["0"])


def finished(desk: Desk) -> None:
    """Type the rest of the page up to Delete; or, before Stop, give up."""
    desk.type("Open", 1)
    desk.type("Tidy up")
