"""What a database may have already where 046 puts keys and indexes, and what somebody does to them later."""

from collections.abc import Callable, Iterator

import pytest

from tests.databases import APP, CrmDatabase, copy
from tests.migration_drifts import REPAIRED as LINKS_REPAIRED
from tests.migration_runs import (
    KEYS,
    KEYS_BACK,
    LINKS,
    SUCCESS,
    TENANT,
    VARIANTS,
    by_psql,
    make_variant,
    schema_dump,
)
from tests.test_migration_drifts import REFUSED_VARIANTS
from tests.test_migration_readiness import missing

pytestmark = pytest.mark.slow

LI = "ALTER TABLE lead_interactions"
KEY = "lead_interactions_{}_tenant_fkey"
TAKEN_OVER = {
    "a key that does the same": (
        "CREATE UNIQUE INDEX mine ON contacts (organization_id, id); "
        f"{LI} ADD CONSTRAINT mine FOREIGN KEY (organization_id, contact_id) REFERENCES contacts (organization_id, id) "
        "ON DELETE SET NULL (contact_id)"
    ),
    "a unique key that does the same": "ALTER TABLE accounts ADD UNIQUE (organization_id, id)",
    "no row": "TRUNCATE lead_interactions CASCADE",
    "one organization's records alone": (
        "DELETE FROM accounts WHERE organization_id <> (SELECT min(id::text)::uuid FROM organizations); "
        "DELETE FROM contacts WHERE organization_id <> (SELECT min(id::text)::uuid FROM organizations)"
    ),
}
REFUSED = {
    "a key of the name": (
        f"{LI} ADD CONSTRAINT {KEY.format('contact')} CHECK (true)",
        "key lead_interactions_contact_tenant_fkey: found another rule under this name",
    ),
    "an index of the name": (
        "CREATE INDEX taskline_contacts_of_tenant ON contacts (organization_id, id)",
        "public.taskline_contacts_of_tenant: found something else under the name of an index of ours",
    ),
    "a table of an index's name": (
        "CREATE TABLE taskline_leads_by_contact (n int)",
        "public.taskline_leads_by_contact: found something else",
    ),
    "row security is forced on contacts": (
        "ALTER TABLE contacts FORCE ROW LEVEL SECURITY",
        "contacts: found row security forced on its owner",
    ),
    "accounts know no organization": (
        "ALTER TABLE accounts DROP organization_id CASCADE",
        "accounts.organization_id: found no such column",
    ),
}  # fmt: skip
PLANTED = {
    "no key": (f"{LI} DROP CONSTRAINT {KEY.format('contact')}", "contact_id_key"),
    "a key that cascades": (
        (
            f"{LI} DROP CONSTRAINT {KEY.format('account')}; {LI} ADD CONSTRAINT {KEY.format('account')} FOREIGN KEY "
            "(organization_id, account_id) REFERENCES accounts (organization_id, id) ON DELETE CASCADE"
        ),
        "account_id_key",
    ),
    "no index of leads": ("DROP INDEX taskline_leads_by_contact", "taskline_leads_by_contact"),
    "another index of leads": (
        "DROP INDEX taskline_leads_by_contact; CREATE INDEX taskline_leads_by_contact ON leads (company)",
        "taskline_leads_by_contact",
    ),
    "neither key nor index": (
        f"{LI} DROP CONSTRAINT {KEY.format('account')}; DROP INDEX taskline_accounts_of_tenant",
        "taskline_accounts_of_tenant",
    ),
}


@pytest.fixture
def ready(through_template: Callable[[int], CrmDatabase]) -> Iterator[CrmDatabase]:
    """A CRM after 045."""
    with copy(through_template(45)) as database:
        yield database


@pytest.mark.parametrize("drift", [*(name for name in VARIANTS if name not in REFUSED_VARIANTS), *LINKS_REPAIRED])
def test_each_drift_of_a_crm_is_carried_through_and_back(legacy_database: CrmDatabase, drift: str) -> None:
    if drift in VARIANTS:
        make_variant(legacy_database, drift)
    else:
        legacy_database.psql(LINKS_REPAIRED[drift], url=legacy_database.owner_url)
    by_psql(legacy_database, LINKS)
    by_psql(legacy_database, TENANT, taskline__api_role=APP)
    before = schema_dump(legacy_database)

    forward, again = (by_psql(legacy_database, KEYS, taskline__api_role=APP) for _ in range(2))
    back = by_psql(legacy_database, KEYS_BACK)

    assert forward.is_success, forward.report + forward.errors
    assert again.is_success, again.report + again.errors
    assert 0 == back.code, back.errors
    assert before == schema_dump(legacy_database)


@pytest.mark.parametrize("drift", TAKEN_OVER)
def test_what_is_in_its_place_is_taken_over_and_stays(ready: CrmDatabase, drift: str) -> None:
    ready.psql(TAKEN_OVER[drift], url=ready.owner_url)
    before = schema_dump(ready)

    forward, again = (by_psql(ready, KEYS) for _ in range(2))
    unmet = [name for name in missing(ready, ready.app_url) if name < "047"]
    back = by_psql(ready, KEYS_BACK)

    assert forward.is_success, forward.report + forward.errors
    assert again.is_success, again.report + again.errors
    assert [] == unmet
    assert 0 == back.code, back.errors
    assert before == schema_dump(ready)


@pytest.mark.parametrize("drift", REFUSED)
def test_what_it_must_not_repair_is_refused_by_name_with_nothing_changed(ready: CrmDatabase, drift: str) -> None:
    sql, words = REFUSED[drift]
    ready.psql(sql, url=ready.owner_url)
    before = schema_dump(ready)

    outcome = by_psql(ready, KEYS)

    assert 3 == outcome.code
    assert words in outcome.errors
    assert "Nothing was changed" in outcome.errors
    assert "Next: " in outcome.errors
    assert SUCCESS not in outcome.report
    assert before == schema_dump(ready)


@pytest.mark.parametrize("drift", PLANTED)
def test_what_somebody_changes_afterwards_is_seen_and_repaired(database: CrmDatabase, drift: str) -> None:
    sql, check = PLANTED[drift]
    before = schema_dump(database)
    database.psql(sql, url=database.owner_url)

    found = missing(database, database.app_url)
    outcome = by_psql(database, KEYS)

    assert f"046.{check}" in found
    assert outcome.is_success, outcome.report + outcome.errors
    assert {} == missing(database, database.app_url)
    assert before == schema_dump(database)


def test_an_index_that_a_killed_build_left_invalid_is_built_anew(ready: CrmDatabase) -> None:
    name = "taskline_contacts_of_tenant"
    by_psql(ready, KEYS)
    ready.psql(f"{LI} DROP CONSTRAINT {KEY.format('contact')}", url=ready.owner_url)
    ready.psql(f"UPDATE pg_index SET indisvalid = false WHERE indexrelid = '{name}'::regclass")

    found = missing(ready)
    outcome = by_psql(ready, KEYS)

    assert "(INVALID)" in found[f"046.{name}"]
    assert outcome.is_success, outcome.report + outcome.errors
    assert [] == [name for name in missing(ready, ready.app_url) if name < "047"]


def test_an_index_that_was_made_again_after_its_key_is_taken_back_after_it(ready: CrmDatabase) -> None:
    index = "CREATE UNIQUE INDEX taskline_contacts_of_tenant ON contacts (organization_id, id)"
    ready.psql(index, url=ready.owner_url)
    by_psql(ready, KEYS)
    ready.psql("DROP INDEX taskline_contacts_of_tenant CASCADE", url=ready.owner_url)

    again = by_psql(ready, KEYS)
    back = by_psql(ready, KEYS_BACK)

    assert again.is_success, again.report + again.errors
    assert 0 == back.code, back.errors
    assert "0" == ready.psql("SELECT count(*) FROM pg_constraint WHERE conname LIKE '%tenant_fkey'")
