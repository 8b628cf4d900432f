"""Live databases differ: each drift is carried through or refused by name, and success is never claimed falsely."""

import pytest

from tests.databases import CrmDatabase
from tests.migration_drifts import INCOMPLETE, REFUSED, REPAIRED
from tests.migration_runs import LINKS, LINKS_BACK, SUCCESS, VARIANTS, by_psql, make_variant, schema_dump

pytestmark = pytest.mark.slow

# Drifts of legacy_variants.sql that 041 must not repair by itself, and what its refusal names.
REFUSED_VARIANTS = {
    "v_completed_by": 'record "new" has no field "last_modified_by"',
    "v_wrong_type": "lead_interactions.contact_id: found type text, expected uuid",
    "v_stale_fk": "lead_interactions.lead_id: found a foreign key to public.leads_old, expected leads",
}


@pytest.mark.parametrize("variant", [name for name in VARIANTS if name not in REFUSED_VARIANTS])
def test_a_known_variant_is_carried_through_and_back(legacy_database: CrmDatabase, variant: str) -> None:
    make_variant(legacy_database, variant)
    before = schema_dump(legacy_database)

    forward = by_psql(legacy_database, LINKS)
    back = by_psql(legacy_database, LINKS_BACK)

    assert forward.is_success, forward.errors
    assert 0 == back.code, back.errors
    assert before == schema_dump(legacy_database)  # which leaves invalid indexes out


@pytest.mark.parametrize("variant", REFUSED_VARIANTS)
def test_a_known_variant_is_refused_by_name_with_nothing_changed(legacy_database: CrmDatabase, variant: str) -> None:
    make_variant(legacy_database, variant)
    before = schema_dump(legacy_database)

    outcome = by_psql(legacy_database, LINKS)

    assert 3 == outcome.code
    assert REFUSED_VARIANTS[variant] in outcome.errors
    assert "Nothing was changed" in outcome.errors
    assert SUCCESS not in outcome.report
    assert before == schema_dump(legacy_database)


@pytest.mark.parametrize("drift", REPAIRED)
def test_a_drift_is_repaired_and_comes_back_as_it_was(legacy_database: CrmDatabase, drift: str) -> None:
    legacy_database.psql(REPAIRED[drift], url=legacy_database.owner_url)
    before = schema_dump(legacy_database)

    forward = by_psql(legacy_database, LINKS)
    again = by_psql(legacy_database, LINKS)
    back = by_psql(legacy_database, LINKS_BACK)

    assert forward.is_success, forward.report + forward.errors
    assert again.is_success, again.report + again.errors
    assert "nothing was left to do" in again.report
    assert 0 == back.code, back.errors
    assert before == schema_dump(legacy_database)


@pytest.mark.parametrize("drift", REFUSED)
def test_a_drift_is_refused_by_name_with_nothing_changed(legacy_database: CrmDatabase, drift: str) -> None:
    sql, words = REFUSED[drift]
    legacy_database.psql(sql, url=legacy_database.owner_url)
    before = schema_dump(legacy_database)

    outcome = by_psql(legacy_database, LINKS)

    assert 3 == outcome.code
    assert words in outcome.errors
    assert "Nothing was changed" in outcome.errors
    assert SUCCESS not in outcome.report
    assert before == schema_dump(legacy_database)


@pytest.mark.parametrize("drift", INCOMPLETE)
def test_success_is_not_claimed_when_such_a_task_does_not_work(legacy_database: CrmDatabase, drift: str) -> None:
    sql, words = INCOMPLETE[drift]
    legacy_database.psql(sql, url=legacy_database.owner_url)

    outcome = by_psql(legacy_database, LINKS)

    assert 3 == outcome.code
    assert words in outcome.report
    assert SUCCESS not in outcome.report
    assert "❌ MIGRATION NOT COMPLETE" in outcome.report


def test_another_owner_is_refused_by_name(legacy_database: CrmDatabase) -> None:
    legacy_database.psql("ALTER TABLE lead_interactions OWNER TO postgres")

    outcome = by_psql(legacy_database, LINKS)

    assert (
        "lead_interactions: found owner postgres, expected that crm_owner is or belongs to the owner" in outcome.errors
    )


def test_a_database_without_the_table_is_refused_by_name(legacy_database: CrmDatabase) -> None:
    outcome = by_psql(legacy_database, LINKS, url=legacy_database.server.url("postgres"))

    assert "database postgres has no table lead_interactions on the search path" in outcome.errors
