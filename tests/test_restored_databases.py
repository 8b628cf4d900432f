"""A place in the stream of a database is refused by what a dump, a copy or a recovery has made of it."""

import asyncio
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest

from db import embedded
from db.embedded import EmbeddedServer
from db.event_places import NOTHING, Place
from errors import ResumeExpired
from migrations.runner.prunings import Limits, prune
from tests.conftest import PROGRAMS
from tests.databases import APP, APP_PASSWORD, OWNER, OWNER_PASSWORD, CrmDatabase, copy, psql
from tests.event_readers import after, place_in, subjects_after
from tests.organizations import Organization, new_organization
from tests.owners import owner_of

pytestmark = pytest.mark.slow


@pytest.fixture
def source(migrated_template: CrmDatabase) -> Iterator[CrmDatabase]:
    with copy(migrated_template) as crm:
        yield crm


@pytest.fixture
def organization(source: CrmDatabase) -> Iterator[Organization]:
    with owner_of(source) as owner:
        made = new_organization(owner)
        contact = made.contact()
        for number in range(40):
            made.task(contact_id=contact, subject=f"{number}")
        yield made


@pytest.fixture
def fresh(postgres: EmbeddedServer, tmp_path: Path) -> Iterator[EmbeddedServer]:
    """Another server of the same version, which has counted few transactions."""
    version = postgres.version.partition(".")[0]
    with embedded.start(tmp_path / "fresh", binaries=PROGRAMS[version], durable=False) as server:
        for role, password in ((OWNER, OWNER_PASSWORD), (APP, APP_PASSWORD)):
            quoted = password.replace("'", "''")
            psql(server, server.url(), "-c", f"CREATE ROLE {role} LOGIN PASSWORD '{quoted}'")
        yield server


def restored(source: CrmDatabase, server: EmbeddedServer, dump: Path) -> CrmDatabase:
    psql(server, server.url(), "-c", f"CREATE DATABASE moved OWNER {OWNER}")
    moved = CrmDatabase(server, "moved")
    subprocess.run([source.server.bin_dir / "pg_dump", "-Fc", "-f", dump, source.superuser_url], check=True)
    subprocess.run([server.bin_dir / "pg_restore", "--exit-on-error", "-d", moved.superuser_url, dump], check=True)
    return moved


def test_a_dump_that_is_restored_elsewhere_has_a_stream_of_its_own(
    source: CrmDatabase, organization: Organization, fresh: EmbeddedServer, tmp_path: Path
) -> None:
    before = asyncio.run(place_in(source, organization))
    moved = restored(source, fresh, tmp_path / "dump")
    last = int(moved.psql("SELECT max(xid::text::bigint) FROM taskline_events"))
    assert last > int(moved.psql("SELECT pg_current_xact_id()::text"))  # as after any move to a new cluster

    with pytest.raises(ResumeExpired, match="another stream"):
        after(moved, organization, before)
    now = asyncio.run(place_in(moved, organization))
    task = moved.psql(f"SELECT id FROM lead_interactions WHERE organization_id = '{organization.id}' LIMIT 1")
    moved.psql(f"UPDATE lead_interactions SET subject = 'moved' WHERE id = '{task}'")

    assert ["moved"] == after(moved, organization, now)


def test_no_line_from_before_a_move_is_told_again_when_its_transaction_s_number_comes(
    source: CrmDatabase, organization: Organization, fresh: EmbeddedServer, tmp_path: Path
) -> None:
    moved = restored(source, fresh, tmp_path / "dump")
    task, other = moved.psql(
        f"SELECT id FROM lead_interactions WHERE organization_id = '{organization.id}' ORDER BY subject LIMIT 2"
    ).split("\n")

    told = asyncio.run(told_while_numbers_come(moved, organization, task, other))

    assert [f"n{number}" for number in range(20)] == told


async def told_while_numbers_come(
    moved: CrmDatabase, organization: Organization, task: str, other: str
) -> list[object]:
    """Write, with a transaction open each time a place is taken, until the numbers of the old lines are reached."""
    first = int(moved.psql(f"SELECT min(xid::text::bigint) FROM {of(organization)}"))
    connections = [await asyncpg.connect(moved.superuser_url) for _ in range(2)]
    place, told = await place_in(moved, organization), []
    try:
        open_, writer = connections
        now = int(await writer.fetchval("SELECT pg_current_xact_id()::text"))
        await writer.execute(
            f"DO $$ BEGIN FOR n IN 1..{first - now - 2} LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$"
        )
        for number in range(10):
            await open_.execute(f"BEGIN; UPDATE lead_interactions SET subject = 'n{2 * number}' WHERE id = '{task}'")
            await writer.execute(f"UPDATE lead_interactions SET subject = 'n{2 * number + 1}' WHERE id = '{other}'")
            found, place = await subjects_after(moved, organization, place)
            assert [f"n{2 * number + 1}"] == found
            await open_.execute("COMMIT")
            late, place = await subjects_after(moved, organization, place)
            told += [*late, *found]
        assert int(await writer.fetchval("SELECT pg_current_xact_id()::text")) > first + 10
    finally:
        for connection in connections:
            await connection.close()
    return told


def of(organization: Organization) -> str:
    return f"taskline_events WHERE organization_id = '{organization.id}' AND xid IS NOT NULL"


def test_all_that_a_move_has_brought_comes_after_its_lines(
    source: CrmDatabase, organization: Organization, fresh: EmbeddedServer, tmp_path: Path
) -> None:
    moved = restored(source, fresh, tmp_path / "dump")
    last = moved.psql(f"SELECT seq FROM {of(organization)} AND after ->> 'subject' = '29'")
    now = asyncio.run(place_in(moved, organization))

    place = Place(now.stream, NOTHING, now.seen, int(last))

    assert [str(number) for number in range(30, 40)] == after(moved, organization, place)


def test_pruning_before_a_move_or_after_it_refuses_no_place_of_the_new_stream(
    source: CrmDatabase, organization: Organization, fresh: EmbeddedServer, tmp_path: Path
) -> None:
    limits = Limits(event_days=30, key_hours=24)
    organization.owner.run("UPDATE taskline_events SET at = at - interval '31 days' WHERE seq % 2 = 0")
    asyncio.run(prune(source.owner_url, limits, print))
    moved = restored(source, fresh, tmp_path / "dump")
    now = asyncio.run(place_in(moved, organization))
    assert [] == after(moved, organization, now)

    moved.psql("UPDATE taskline_events SET at = at - interval '31 days'")
    done = asyncio.run(prune(moved.owner_url, limits, print))

    assert done.lines > 0
    assert [] == after(moved, organization, now)


def test_a_copy_of_a_database_has_a_stream_of_its_own(source: CrmDatabase, organization: Organization) -> None:
    before = asyncio.run(place_in(source, organization))

    with copy_of(source) as twin, pytest.raises(ResumeExpired, match="another stream"):
        after(twin, organization, before)


@contextmanager
def copy_of(source: CrmDatabase) -> Iterator[CrmDatabase]:
    """Copy a database to which somebody is connected: by a dump."""
    name = f"{source.name}_twin"
    psql(source.server, source.server.url(), "-c", f"CREATE DATABASE {name} OWNER {OWNER}")
    twin = CrmDatabase(source.server, name)
    dump = subprocess.run([source.server.bin_dir / "pg_dump", source.superuser_url], check=True, capture_output=True)
    command = [str(source.server.bin_dir / "psql"), "-Xq", "-v", "ON_ERROR_STOP=1", "-d", twin.superuser_url]
    subprocess.run(command, input=dump.stdout, check=True, capture_output=True)
    yield twin
    psql(source.server, source.server.url(), "-c", f"DROP DATABASE {name} WITH (FORCE)")


def test_who_brings_back_an_image_of_the_disk_can_begin_a_new_stream(
    source: CrmDatabase, organization: Organization
) -> None:
    before = asyncio.run(place_in(source, organization))
    assert [] == after(source, organization, before)

    organization.owner.run("COMMENT ON TABLE taskline_events IS 'restored on 26 November'")

    with pytest.raises(ResumeExpired, match="another stream"):
        after(source, organization, before)
