"""A database without a ledger is taken as it is: what is right is proved, what is half there is finished."""

import asyncio
import re
from collections.abc import Callable

import pytest

from errors import MigrationMissing, MigrationRefused
from migrations.runner import status
from tests.databases import APP, CrmDatabase
from tests.killed_runs import LEFTOVERS
from tests.migration_drifts import INCOMPLETE
from tests.migration_runs import FORWARD, LINKS, TENANT, by_psql, by_runner, fingerprint, ledger_says

pytestmark = pytest.mark.slow

LEDGER = "SELECT string_agg(version || ' ' || outcome, ', ' ORDER BY id) FROM taskline_migrations"
ROWS = "SELECT md5(string_agg(xmin::text, ',' ORDER BY id)) FROM lead_interactions"


def by_hand(sql: str) -> Callable[[CrmDatabase], object]:
    return lambda database: database.psql(sql, url=database.owner_url)


def links(database: CrmDatabase) -> None:
    by_psql(database, LINKS)


def links_and_tenant(database: CrmDatabase) -> None:
    for file in (LINKS, TENANT):
        by_psql(database, file, taskline__api_role="crm_app")


def all_by_psql(database: CrmDatabase) -> None:
    for file in FORWARD:
        by_psql(database, file, taskline__api_role="crm_app")


def links_without_an_index(database: CrmDatabase) -> None:
    links(database)
    database.psql("DROP INDEX idx_lead_interactions_account_id", url=database.owner_url)


def tenant_without_its_policy(database: CrmDatabase) -> None:
    links_and_tenant(database)
    database.psql("DROP POLICY lead_interactions_tenant ON lead_interactions", url=database.owner_url)


def lost_ledger(database: CrmDatabase) -> None:
    by_runner(database, api_role="crm_app")
    database.psql("DROP TABLE taskline_migrations")


COLUMNS = "ALTER TABLE lead_interactions ALTER lead_id DROP NOT NULL, ADD contact_id uuid REFERENCES contacts"
SEEDS = f"""{COLUMNS} ON DELETE SET NULL, ADD account_id uuid REFERENCES accounts ON DELETE SET NULL;
CREATE INDEX idx_lead_interactions_contact_id ON lead_interactions (contact_id)"""

STATES: list[tuple[Callable[[CrmDatabase], object], str]] = [
    (links, ledger_says("baselined", "adopted", "applied")),
    (links_and_tenant, ledger_says("baselined", "adopted", "adopted", "applied")),
    (all_by_psql, ledger_says("baselined", "adopted")),
    (lost_ledger, ledger_says("baselined", "adopted")),
    (links_without_an_index, ledger_says("baselined", "applied")),
    (by_hand("ALTER TABLE lead_interactions ALTER lead_id DROP NOT NULL"), ledger_says("baselined", "applied")),
    (by_hand(COLUMNS), ledger_says("baselined", "applied")),
    (by_hand(SEEDS), ledger_says("baselined", "applied")),
]


@pytest.mark.parametrize(("make", "recorded"), STATES, ids=range(len(STATES)))
def test_each_state_ends_where_the_migrations_end(
    legacy_database: CrmDatabase, database: CrmDatabase, make: Callable[[CrmDatabase], object], recorded: str
) -> None:
    make(legacy_database)

    by_runner(legacy_database, api_role="crm_app")

    assert recorded == legacy_database.psql(LEDGER)
    assert all(check.is_met for check in asyncio.run(status.verify(legacy_database.owner_url, print)))
    assert fingerprint(database) == fingerprint(legacy_database)


def test_a_crm_that_shows_no_task_is_refused_until_042_is_named(legacy_database: CrmDatabase) -> None:
    tenant_without_its_policy(legacy_database)

    with pytest.raises(MigrationRefused, match="already refuses ordinary work on lead_interactions") as refused:
        by_runner(legacy_database, api_role=APP)
    by_runner(legacy_database, TENANT, api_role=APP)
    by_runner(legacy_database, api_role=APP)

    assert "the one of 042 is gone. Next: run 042_tenant_of_interactions.sql, which makes it anew" in str(refused.value)
    assert all(check.is_met for check in asyncio.run(status.verify(legacy_database.owner_url, print)))


def test_a_crm_without_any_policy_is_told_which_one_to_make(legacy_database: CrmDatabase) -> None:
    legacy_database.psql("DROP POLICY lead_interactions_isolation ON lead_interactions", url=legacy_database.owner_url)

    with pytest.raises(MigrationRefused, match="no policy lets anybody insert: an earlier one is gone") as refused:
        by_runner(legacy_database, api_role=APP)
    remedy = re.search(r"CREATE POLICY .*?;", str(refused.value))
    assert remedy
    legacy_database.psql(remedy.group(), url=legacy_database.owner_url)
    by_runner(legacy_database, api_role=APP)

    assert all(check.is_met for check in asyncio.run(status.verify(legacy_database.owner_url, print)))


def test_what_is_adopted_is_not_touched(legacy_database: CrmDatabase) -> None:
    all_by_psql(legacy_database)
    stamps = "SELECT string_agg(xmin::text, ',' ORDER BY oid) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
    before, rows = legacy_database.psql(stamps), legacy_database.psql(ROWS)

    said = by_runner(legacy_database, api_role="crm_app")

    ours = "relname NOT LIKE 'taskline_migrations%' AND relnamespace"
    assert before == legacy_database.psql(stamps.replace("relnamespace", ours, 1))
    assert rows == legacy_database.psql(ROWS)
    told = "\n".join(said)
    assert (1, len(FORWARD)) == (told.count("was here before us"), told.count("made by other means; its proof held"))


@pytest.mark.parametrize("drift", INCOMPLETE)
def test_what_its_own_proof_refuses_is_refused_again_and_never_adopted(
    legacy_database: CrmDatabase, drift: str
) -> None:
    sql, _ = INCOMPLETE[drift]
    legacy_database.psql(sql, url=legacy_database.owner_url)

    for _ in range(3):
        with pytest.raises(MigrationRefused, match="the migration is not complete"):
            by_runner(legacy_database, api_role=APP)

    assert "40 baselined, 41 failed, 41 failed, 41 failed" == legacy_database.psql(LEDGER)
    with pytest.raises(MigrationMissing, match=r"041\.last_run: found that it failed on "):
        asyncio.run(status.verify(legacy_database.owner_url, print))
    standing = asyncio.run(status.standings(legacy_database.owner_url, print))[1]
    assert standing.has_failed
    assert standing.words.startswith("its last run failed")


def test_what_psql_left_incomplete_is_not_adopted(legacy_database: CrmDatabase) -> None:
    sql, _ = INCOMPLETE["a trigger wants a lead"]
    legacy_database.psql(sql, url=legacy_database.owner_url)
    assert 3 == by_psql(legacy_database, LINKS).code

    with pytest.raises(MigrationRefused, match="the migration is not complete"):
        by_runner(legacy_database)
    legacy_database.psql("DROP TRIGGER want ON lead_interactions", url=legacy_database.owner_url)
    by_runner(legacy_database)

    assert ledger_says("baselined", "failed, 41 applied", "applied") == legacy_database.psql(LEDGER)


def test_a_failure_after_success_is_not_forgotten_either(legacy_database: CrmDatabase) -> None:
    by_runner(legacy_database, api_role=APP)
    sql, _ = INCOMPLETE["a check wants a lead"]
    legacy_database.psql(sql, url=legacy_database.owner_url)
    with pytest.raises(MigrationRefused):
        by_runner(legacy_database, LINKS, api_role=APP)

    with pytest.raises(MigrationRefused):
        by_runner(legacy_database, api_role=APP)
    legacy_database.psql("ALTER TABLE lead_interactions DROP CONSTRAINT has_lead", url=legacy_database.owner_url)
    repaired = by_runner(legacy_database, api_role=APP)
    after = by_runner(legacy_database, api_role=APP)

    assert any("MIGRATION COMPLETED" in line for line in repaired)
    assert all(line.endswith("in place, nothing to do") for line in after)


@pytest.mark.parametrize("make", [by_runner, links], ids=["applied", "made by psql"])
def test_the_fence_of_a_killed_rollback_is_removed(
    legacy_database: CrmDatabase, make: Callable[[CrmDatabase], object]
) -> None:
    make(legacy_database)
    fence = "ADD CONSTRAINT taskline_041_fence_contact_id CHECK (contact_id IS NULL) NOT VALID"
    legacy_database.psql(f"ALTER TABLE lead_interactions {fence}", url=legacy_database.owner_url)

    with pytest.raises(MigrationMissing, match=r"041\.fence: found taskline_041_fence_contact_id"):
        asyncio.run(status.verify(legacy_database.owner_url, print))
    by_runner(legacy_database)

    assert "" == legacy_database.psql(LEFTOVERS)
    assert all(check.is_met for check in asyncio.run(status.verify(legacy_database.owner_url, print)))
