"""What `./taskline backup` saves, `./taskline restore` makes anew in another home: tasks, keys, walls, and all."""

import gzip
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from pydantic import SecretStr

from commands import own_databases
from db import embedded, embedded_backups
from settings import Settings
from tests.apis import SECRET, Api
from tests.databases import CrmDatabase
from tests.deadlines import DEADLINE_S
from tests.demos import running, taskline
from tests.organizations import Organization, new_organization
from tests.owners import owner_of
from tests.sockets import greeted

pytestmark = pytest.mark.slow

CREATE = """mutation ($contact: ID!) { createTask(input: {subject: "Call", contactId: $contact, idempotencyKey: "k"}) {
  replayed task { id subject contact { displayName } } } }"""
TIMELINE = "query ($contact: ID!) { timeline(record: {contactId: $contact}) { resumeToken totalCount } }"
# Without it tests.conftest lets no run of CI begin.
POSTGRES_15 = Path("/usr/lib/postgresql/15/bin")
WATCH = "subscription ($since: String) { taskEvents(since: $since) { taskId } }"


@dataclass(frozen=True, slots=True)
class OwnCrm(CrmDatabase):
    """The database that `serve` makes."""

    @property
    def owner_url(self) -> str:
        return own_databases.of_serve(self.server).owner_url


@contextmanager
def serving(home: Path) -> Iterator[Api]:
    with (
        running(home, "serve", "--port", "0", TASKLINE_JWT_SECRET=SECRET) as process,
        httpx2.Client(base_url=process.url, timeout=DEADLINE_S) as client,
    ):
        yield Api(Settings(jwt_secret=SecretStr(SECRET)), client)


@contextmanager
def organization_in(home: Path) -> Iterator[Organization]:
    """Yield an organization of its own in the database of this home."""
    with embedded.start(home) as server, owner_of(OwnCrm(server, "taskline")) as owner:
        yield new_organization(owner)


def restored(home: Path, file: Path, *options: str) -> None:
    done = taskline(home, "restore", str(file), *options)
    assert 0 == done.returncode, done.stderr


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of a database without a task."""
    folder = tmp_path_factory.mktemp("backups")
    with serving(folder / "home"):
        done = taskline(folder / "home", "backup", str(folder / "empty.dump"))
    assert 0 == done.returncode, done.stderr
    return folder / "empty.dump"


def test_what_was_there_is_there_again_in_another_home(tmp_path: Path) -> None:
    first, second, file = tmp_path / "first", tmp_path / "second", tmp_path / "monday.dump"
    with serving(first) as api, organization_in(first) as organization:
        viewer, contact = organization.viewer(), str(organization.contact(first_name="Carla", last_name="Contact"))
        stranger = new_organization(organization.owner).viewer()
        made = api.data(viewer, CREATE, contact=contact)["createTask"]
        before = api.data(viewer, TIMELINE, contact=contact)["timeline"]

        done = taskline(first, "backup", str(file))

        organization.task(contact_id=contact)  # after it
    assert 0 == done.returncode, done.stderr
    assert f"{file.stat().st_size:,} bytes" in done.stdout
    assert 0o600 == stat.S_IMODE(file.stat().st_mode)
    assert [file] == list(tmp_path.glob("monday*"))

    restored(second, file)

    with serving(second) as api:
        again = api.data(viewer, CREATE, contact=contact)["createTask"]
        assert made | {"replayed": True} == again
        assert "Carla Contact" == again["task"]["contact"]["displayName"]
        assert 1 == api.data(viewer, TIMELINE, contact=contact)["timeline"]["totalCount"]
        assert ["NOT_FOUND"] == api.codes(stranger, TIMELINE, contact=contact)
        assert 200 == api.client.get("/readyz").status_code
        with greeted(api, viewer) as socket:
            socket.subscribe(WATCH, {"since": before["resumeToken"]})
            (error,) = socket.receive()["payload"]
            assert "RESUME_EXPIRED" == error["extensions"]["code"]


def test_a_database_that_is_there_is_replaced_only_when_told_and_nobody_uses_it(tmp_path: Path, file: Path) -> None:
    with serving(tmp_path) as api, organization_in(tmp_path) as organization:
        contact, viewer = str(organization.contact()), organization.viewer()
        organization.task(contact_id=contact)
        refused = taskline(tmp_path, "restore", str(file))
        in_use = taskline(tmp_path, "restore", str(file), "--replace")

        assert 1 == api.data(viewer, TIMELINE, contact=contact)["timeline"]["totalCount"]
    assert [1, 1] == [refused.returncode, in_use.returncode]
    assert "There is a database in" in refused.stderr
    assert "end `./taskline serve`, and try again" in in_use.stderr

    restored(tmp_path, file, "--replace")

    with embedded.start(tmp_path) as server:
        crm = CrmDatabase(server, "taskline")
        assert "0" == crm.psql("SELECT count(*) FROM lead_interactions")
        names = crm.psql("SELECT datname FROM pg_database WHERE datname LIKE 'taskline%'")
        assert "taskline" == names


def whole(content: bytes) -> bytes:
    return gzip.compress(content)


@pytest.mark.parametrize(
    ("broken_by", "words"),
    [
        (lambda content: content[:0], "pg_restore gave up: "),
        (lambda content: content[:100], "isn't a whole backup: Compressed file ended"),
        (lambda content: content[:-1], "isn't a whole backup: Compressed file ended"),
        (lambda content: content[:-2_000] + b"x" + content[-1_999:], "isn't a whole backup: "),
        (lambda content: whole(gzip.decompress(content)[:3_000]), "pg_restore gave up: "),
        (lambda _: b"no backup", "isn't a whole backup: Not a gzipped file"),
        (lambda _: whole(b"CREATE TABLE t ()"), "pg_restore gave up: "),
    ],
)
def test_a_file_that_is_not_whole_changes_nothing(
    tmp_path: Path, file: Path, broken_by: Callable[[bytes], bytes], words: str
) -> None:
    broken, home = tmp_path / "broken.dump", tmp_path / "home"
    broken.write_bytes(broken_by(file.read_bytes()))
    restored(home, file)
    with organization_in(home) as organization:
        organization.task(contact_id=organization.contact())

    done = taskline(home, "restore", str(broken), "--replace")

    assert 1 == done.returncode
    assert words in " ".join(done.stderr.split())
    assert "Nothing was changed" in done.stderr
    with embedded.start(home) as server:
        assert "1" == CrmDatabase(server, "taskline").psql("SELECT count(*) FROM lead_interactions")


def test_what_cannot_be_read_or_written_is_said(tmp_path: Path, file: Path) -> None:
    size = file.stat().st_size
    home = file.parent / "home"

    refusals = [
        (taskline(home, "backup", str(file)), "is there already. Choose another name."),
        (taskline(home, "backup", str(tmp_path / "nowhere" / "a.dump")), "can't be written: No such file"),
        (taskline(tmp_path / "new", "restore", str(tmp_path / "none.dump")), "can't be read: No such file"),
        (taskline(tmp_path / "new", "backup", str(tmp_path / "a.dump")), "There is no database of `serve` in"),
    ]

    for done, words in refusals:
        assert 1 == done.returncode
        assert words in " ".join(done.stderr.split())
    assert size == file.stat().st_size
    assert [] == list(tmp_path.glob("**/*.dump*"))


@pytest.mark.skipif(not POSTGRES_15.is_dir(), reason="needs Debian's PostgreSQL 15")
def test_a_backup_of_an_older_postgresql_is_restored_by_a_newer_one(tmp_path: Path) -> None:
    first, second, file = tmp_path / "first", tmp_path / "second", tmp_path / "older.dump"
    with embedded.start(first, binaries=POSTGRES_15) as server:
        crm = own_databases.of_serve(server)
        crm.create()
        own_databases.bring_up_to_date(crm)
        with owner_of(OwnCrm(server, "taskline")) as owner:
            organization = new_organization(owner)
            viewer, contact = organization.viewer(), str(organization.contact())
            organization.task(contact_id=contact)
        embedded_backups.dump(crm, file)

    restored(second, file)

    with serving(second) as api:
        assert 1 == api.data(viewer, TIMELINE, contact=contact)["timeline"]["totalCount"]
        assert 200 == api.client.get("/readyz").status_code
