"""readiness.sql says of every drift what 041 and 042 would say: met where nothing is left, and only there."""

import pytest

from tests.databases import APP, CrmDatabase
from tests.migration_drifts import REPAIRED
from tests.migration_runs import LINKS, VARIANTS, by_psql, make_variant
from tests.test_migration_drifts import REFUSED_VARIANTS
from tests.test_migration_readiness import missing

pytestmark = pytest.mark.slow

CONTACTS = "idx_lead_interactions_contact_id"
THIRD = "idx_lead_interactions_by_type_and_entities"
HISTORY = "ALTER TABLE interaction_events DROP CONSTRAINT interaction_events_lead_id_fkey"
LI = "ALTER TABLE lead_interactions"
# What somebody does to a migrated database: (SQL, the check that says so).
PLANTED = {
    "index on another column": (
        f"DROP INDEX {CONTACTS}; CREATE INDEX {CONTACTS} ON lead_interactions (user_id)",
        CONTACTS,
    ),
    "index descending": (
        f"DROP INDEX {CONTACTS}; CREATE INDEX {CONTACTS} ON lead_interactions (contact_id DESC NULLS LAST)",
        CONTACTS,
    ),
    "index hashed": (
        f"DROP INDEX {CONTACTS}; CREATE INDEX {CONTACTS} ON lead_interactions USING hash (contact_id)",
        CONTACTS,
    ),
    "index with a further column": (
        f"DROP INDEX {CONTACTS}; CREATE INDEX {CONTACTS} ON lead_interactions (contact_id) INCLUDE (status)",
        CONTACTS,
    ),
    "index on an expression": (
        f"DROP INDEX {CONTACTS}; CREATE INDEX {CONTACTS} ON lead_interactions ((contact_id::text))",
        CONTACTS,
    ),
    "index partial": (
        f"DROP INDEX {CONTACTS}; CREATE INDEX {CONTACTS} ON lead_interactions (contact_id) WHERE id IS NOT NULL",
        CONTACTS,
    ),
    "index of another operator class": (
        (
            f"DROP INDEX {THIRD}; CREATE INDEX {THIRD} "
            "ON lead_interactions (interaction_type text_pattern_ops, lead_id, contact_id, account_id)"
        ),
        THIRD,
    ),
    "index of another collation": (
        (
            f"DROP INDEX {THIRD}; CREATE INDEX {THIRD} "
            'ON lead_interactions (interaction_type COLLATE "POSIX", lead_id, contact_id, account_id)'
        ),
        THIRD,
    ),
    "index of another order": (
        (
            f"DROP INDEX {THIRD}; CREATE INDEX {THIRD} "
            "ON lead_interactions (interaction_type, account_id, contact_id, lead_id)"
        ),
        THIRD,
    ),
    "key without a rule": (
        f"{LI} DROP CONSTRAINT lead_interactions_account_id_fkey, ADD FOREIGN KEY (account_id) REFERENCES accounts",
        "account_id_key",
    ),
    "key to another table": (
        (
            "CREATE TABLE contacts_backup AS TABLE contacts; ALTER TABLE contacts_backup ADD PRIMARY KEY (id); "
            f"{LI} DROP CONSTRAINT lead_interactions_contact_id_fkey, "
            "ADD FOREIGN KEY (contact_id) REFERENCES contacts_backup ON DELETE SET NULL"
        ),
        "contact_id_key",
    ),
    "key to another column": (
        (
            "ALTER TABLE contacts ADD other uuid UNIQUE; "
            f"{LI} DROP CONSTRAINT lead_interactions_contact_id_fkey, "
            "ADD FOREIGN KEY (contact_id) REFERENCES contacts (other) ON DELETE SET NULL"
        ),
        "contact_id_key",
    ),
    "a second key": (f"{LI} ADD FOREIGN KEY (contact_id) REFERENCES contacts ON DELETE SET NULL", "contact_id_key"),
    "lead's key cascades too": (
        f"{LI} ADD CONSTRAINT again FOREIGN KEY (lead_id) REFERENCES leads ON DELETE CASCADE",
        "lead_id_key",
    ),
    "history's key cascades": (
        f"{HISTORY}; ALTER TABLE interaction_events ADD FOREIGN KEY (lead_id) REFERENCES leads ON DELETE CASCADE",
        "history_key",
    ),
    "history without a key": (HISTORY, "history_key"),
    "history wants a lead": ("ALTER TABLE interaction_events ALTER lead_id SET NOT NULL", "history"),
    "a fence": (f"{LI} ADD CONSTRAINT taskline_041_fence_lead_id CHECK (lead_id IS NOT NULL) NOT VALID", "fence"),
    "a fence of the history": (
        "ALTER TABLE interaction_events ADD CONSTRAINT taskline_041_fence_lead_id CHECK (true) NOT VALID",
        "fence",
    ),
    "the policy of the name, wrong": (
        "CREATE POLICY lead_interactions_without_lead ON lead_interactions USING (organization_id IS NULL)",
        "row_security",
    ),
    "a policy that asks the lead": (
        "CREATE POLICY old ON lead_interactions USING (lead_id IS NULL)",
        "row_security",
    ),
    "an open policy": ("CREATE POLICY open ON lead_interactions USING (true)", "no_open_policy"),
    "an open policy for reading": (
        "CREATE POLICY open ON lead_interactions FOR SELECT USING (status = 'done')",
        "no_open_policy",
    ),
    "an open policy for the API": (f"CREATE POLICY open ON lead_interactions TO {APP} USING (true)", "no_open_policy"),
}
UNENFORCED = f"""{LI} DROP CONSTRAINT lead_interactions_contact_id_fkey,
  ADD FOREIGN KEY (contact_id) REFERENCES contacts ON DELETE SET NULL NOT ENFORCED"""
# What isn't ours to judge.
NARROWER = [
    "CREATE POLICY for_reports ON lead_interactions FOR SELECT TO pg_monitor USING (true)",
    "CREATE POLICY own ON lead_interactions USING (user_id = current_setting('app.current_user_id', true)::uuid)",
    "CREATE POLICY none ON lead_interactions USING (false)",
    "CREATE POLICY narrow ON lead_interactions AS RESTRICTIVE USING (status <> 'archived')",
    "CREATE POLICY writes ON lead_interactions FOR INSERT WITH CHECK (true)",
    "CREATE POLICY one ON lead_interactions USING (organization_id = '00000000-0000-0000-0000-000000000001')",
]
DRIFTS = [*(name for name in VARIANTS if name not in REFUSED_VARIANTS), *REPAIRED]


def drift(database: CrmDatabase, name: str) -> None:
    if name in VARIANTS:
        make_variant(database, name)
    else:
        database.psql(REPAIRED[name], url=database.owner_url)


@pytest.mark.parametrize("name", DRIFTS)
def test_every_drift_that_was_carried_through_is_ready(legacy_database: CrmDatabase, name: str) -> None:
    drift(legacy_database, name)

    forward = by_psql(legacy_database, LINKS)
    found = missing(legacy_database, legacy_database.owner_url)

    assert forward.is_success, forward.report + forward.errors
    assert {} == {check: detail for check, detail in found.items() if check.startswith("041.")}


@pytest.mark.parametrize("planted", PLANTED)
def test_what_is_planted_afterwards_is_named(database: CrmDatabase, planted: str) -> None:
    sql, check = PLANTED[planted]
    before = missing(database, database.app_url)
    database.psql(sql, url=database.owner_url)

    found = missing(database, database.app_url)

    assert {} == before
    assert check in {name.partition(".")[2] for name in found}, found


def test_a_key_that_is_not_enforced_is_named(database: CrmDatabase) -> None:
    if int(database.server.version.partition(".")[0]) < 18:
        pytest.skip("NOT ENFORCED came with PostgreSQL 18")
    database.psql(UNENFORCED, url=database.owner_url)

    assert ["041.contact_id_key"] == list(missing(database, database.app_url))


@pytest.mark.parametrize("sql", NARROWER)
def test_a_policy_that_is_not_open_is_no_miss(database: CrmDatabase, sql: str) -> None:
    database.psql(sql, url=database.owner_url)

    assert {} == missing(database, database.app_url)
    assert {} == missing(database)


def test_what_041_mends_is_ready_again(database: CrmDatabase) -> None:
    for planted in ("index hashed", "history's key cascades", "a fence"):
        database.psql(PLANTED[planted][0], url=database.owner_url)

    outcome = by_psql(database, LINKS)

    assert outcome.is_success, outcome.report + outcome.errors
    assert {} == missing(database, database.app_url)
