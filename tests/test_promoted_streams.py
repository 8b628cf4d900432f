"""A place in the stream stays one when a server ends suddenly, or a standby takes over that has all of it."""

import asyncio
import signal
from collections.abc import Iterator
from dataclasses import replace

import pytest

from db.embedded import EmbeddedServer
from db.event_places import Place
from errors import ResumeExpired, Unavailable
from migrations.runner.prunings import Limits, prune
from tests.databases import CrmDatabase
from tests.event_readers import after, place_in, subjects_after
from tests.organizations import Organization, new_organization
from tests.owners import owner_of
from tests.restarts import OwnPostgres, own_crm, standby_of

pytestmark = [pytest.mark.slow, pytest.mark.long]


@pytest.fixture
def primary(tmp_path_factory: pytest.TempPathFactory, postgres: EmbeddedServer) -> Iterator[OwnPostgres]:
    with own_crm(tmp_path_factory.mktemp("primary"), postgres.bin_dir) as own:
        yield own


@pytest.fixture
def organization(primary: OwnPostgres) -> Organization:
    with owner_of(primary.crm) as owner:
        made = new_organization(owner)
        write(primary.crm, made, "first")
        return made


def write(crm: CrmDatabase, organization: Organization, subject: str) -> None:
    with owner_of(crm) as owner:
        mine = replace(organization, owner=owner)
        mine.task(contact_id=mine.contact(), subject=subject)


def test_a_standby_that_took_over_goes_on_with_the_stream(
    primary: OwnPostgres, organization: Organization, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with standby_of(primary, tmp_path_factory.mktemp("standby")) as standby:
        place = asyncio.run(place_in(primary.crm, organization))
        write(primary.crm, organization, "just before")
        primary.stop(signal.SIGQUIT)
        standby.crm.psql("SELECT pg_promote()")
        write(standby.crm, organization, "after")

        found, place_there = asyncio.run(subjects_after(standby.crm, organization, place))
        write(standby.crm, organization, "later")

        assert ["just before", "after"] == found
        assert place.stream.timeline + 1 == place_there.stream.timeline
        assert ["later"] == after(standby.crm, organization, place_there)


def test_a_standby_that_lacks_something_of_it_begins_another_stream(
    primary: OwnPostgres, organization: Organization, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with standby_of(primary, tmp_path_factory.mktemp("standby")) as standby:
        early = asyncio.run(place_in(primary.crm, organization))
        standby.stop(signal.SIGINT)
        primary.crm.psql("ALTER SYSTEM RESET synchronous_standby_names")
        primary.crm.psql("SELECT pg_reload_conf()")
        write(primary.crm, organization, "lost")
        late = asyncio.run(place_in(primary.crm, organization))
        primary.stop(signal.SIGQUIT)
        standby.start()
        standby.crm.psql("SELECT pg_promote()")
        write(standby.crm, organization, "after")

        with pytest.raises(ResumeExpired, match="took over as a standby"):
            after(standby.crm, organization, late)
        assert ["after"] == after(standby.crm, organization, early)
        standby.stop(signal.SIGQUIT)  # after its recovery it tells no fork any more
        standby.start()
        with pytest.raises(ResumeExpired, match="took over as a standby"):
            after(standby.crm, organization, late)


def test_a_standby_is_not_followed(primary: OwnPostgres, organization: Organization) -> None:
    place = asyncio.run(place_in(primary.crm, organization))
    primary.stop(signal.SIGINT)
    primary.start(is_standby=True)

    with pytest.raises(Unavailable, match="is a standby"):
        after(primary.crm, organization, place)
    primary.crm.psql("SELECT pg_promote()")

    assert [] == after(primary.crm, organization, place)


@pytest.fixture
def overtaken(primary: OwnPostgres, organization: Organization) -> Place:
    """A place that has seen numbers of transactions which are given out again: nothing of these was on the disk."""
    primary.crm.psql("ALTER SYSTEM SET wal_writer_delay = '10s'")  # so that what was taken back is written to no disk
    primary.crm.psql("SELECT pg_reload_conf()")
    with owner_of(primary.crm) as owner:
        owner.run("DO $$ BEGIN FOR i IN 1..9 LOOP PERFORM pg_current_xact_id(); ROLLBACK; END LOOP; END $$")
    place = asyncio.run(place_in(primary.crm, organization))
    primary.stop(signal.SIGQUIT)
    primary.start()
    return place


def number_of(crm: CrmDatabase, subject: str) -> int:
    return int(crm.psql(f"SELECT xid FROM taskline_events WHERE after ->> 'subject' = '{subject}'"))


def test_a_number_that_is_given_out_again_hides_no_event(
    primary: OwnPostgres, organization: Organization, overtaken: Place
) -> None:
    written = [f"number {count}" for count in range(6)]
    for subject in written:
        write(primary.crm, organization, subject)

    assert number_of(primary.crm, "number 0") < int(overtaken.seen.snapshot.split(":")[1])
    assert written == after(primary.crm, organization, overtaken)


def test_a_number_that_is_given_out_again_hides_no_pruning(
    primary: OwnPostgres, organization: Organization, overtaken: Place
) -> None:
    for subject in ("old", *(f"{count}" for count in range(5))):
        write(primary.crm, organization, subject)
    assert number_of(primary.crm, "old") < int(overtaken.seen.snapshot.split(":")[1])
    primary.crm.psql("UPDATE taskline_events SET at = at - interval '31 days' WHERE after ->> 'subject' = 'old'")
    asyncio.run(prune(primary.crm.owner_url, Limits(event_days=30, key_hours=24), print))

    with pytest.raises(ResumeExpired, match="pruned"):
        after(primary.crm, organization, overtaken)
