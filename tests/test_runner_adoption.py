"""A database without a ledger is taken as it is: what is right is recorded, what is half there is finished."""

import asyncio
from collections.abc import Callable

import pytest

from migrations.runner import status
from tests.databases import CrmDatabase
from tests.migration_runs import LINKS, TENANT, by_psql, by_runner, fingerprint

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
    (links, "40 baselined, 41 adopted, 42 applied"),
    (links_and_tenant, "40 baselined, 41 adopted, 42 adopted"),
    (lost_ledger, "40 baselined, 41 adopted, 42 adopted"),
    (links_without_an_index, "40 baselined, 41 applied, 42 applied"),
    (tenant_without_its_policy, "40 baselined, 41 adopted, 42 applied"),
    (by_hand("ALTER TABLE lead_interactions ALTER lead_id DROP NOT NULL"), "40 baselined, 41 applied, 42 applied"),
    (by_hand(COLUMNS), "40 baselined, 41 applied, 42 applied"),
    (by_hand(SEEDS), "40 baselined, 41 applied, 42 applied"),
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


def test_what_is_adopted_is_not_touched(legacy_database: CrmDatabase) -> None:
    links_and_tenant(legacy_database)
    stamps = "SELECT string_agg(xmin::text, ',' ORDER BY oid) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
    before, rows = legacy_database.psql(stamps), legacy_database.psql(ROWS)

    said = by_runner(legacy_database, api_role="crm_app")

    ours = "relname NOT LIKE 'taskline_migrations%' AND relnamespace"
    assert before == legacy_database.psql(stamps.replace("relnamespace", ours, 1))
    assert rows == legacy_database.psql(ROWS)
    assert ["was here before us", "made by other means", "made by other means"] == [
        next(words for words in ("was here before us", "made by other means") if words in line) for line in said
    ]
