"""042: an interaction belongs to the organization that it names itself."""

import re

import pytest

from tests.databases import CrmDatabase
from tests.migration_runs import LINKS, TENANT, by_psql, make_variant, open_transaction, schema_dump

pytestmark = pytest.mark.slow

MISMATCHED = "lead_interactions t JOIN leads l ON l.id = t.lead_id WHERE t.organization_id <> l.organization_id"
# Who sees what: the ids that the app sees as each organization.
SEEN_BY_EACH = """
DO $$
DECLARE
  o record;
  n text;
BEGIN
  CREATE TEMP TABLE seen (slug text, ids text);
  FOR o IN SELECT * FROM organizations ORDER BY slug LOOP
    PERFORM set_config('app.current_organization_id', o.id::text, false), set_config('role', 'crm_app', false);
    SELECT md5(string_agg(id::text, ',' ORDER BY id)) INTO n FROM lead_interactions;
    RESET ROLE;
    INSERT INTO seen VALUES (o.slug, n);
  END LOOP;
END $$;
SELECT * FROM seen ORDER BY slug
"""


def migrate(database: CrmDatabase) -> str:
    assert by_psql(database, LINKS).is_success
    outcome = by_psql(database, TENANT)
    assert outcome.is_success, outcome.report + outcome.errors
    return outcome.report


def test_each_organization_sees_exactly_what_it_saw_before(legacy_database: CrmDatabase) -> None:
    before = legacy_database.psql(SEEN_BY_EACH)

    report = migrate(legacy_database)

    assert before == legacy_database.psql(SEEN_BY_EACH)
    assert "✅ organization_id: 12 rows filled" in report
    assert "⚠️ disputed: 12 rows not naming the lead's organization" in report
    assert "✅ tried: a disputed row seen by its lead's organization and by no other" in report


def test_the_backfill_changes_nothing_but_the_missing_organizations(legacy_database: CrmDatabase) -> None:
    rows = (
        "SELECT md5(string_agg((to_jsonb(t) - '{organization_id,contact_id,account_id}'::text[])::text, ',' "
        "ORDER BY id)) FROM lead_interactions t"
    )
    others = "SELECT md5(string_agg(t::text, ',' ORDER BY id)) FROM {} t"
    tables = ("leads", "interaction_events", "contacts", "accounts")
    before = [legacy_database.psql(rows)] + [legacy_database.psql(others.format(table)) for table in tables]

    migrate(legacy_database)

    after = [legacy_database.psql(rows)] + [legacy_database.psql(others.format(table)) for table in tables]
    assert before == after
    assert "0" == legacy_database.psql("SELECT count(*) FROM lead_interactions WHERE organization_id IS NULL")
    assert "0" == legacy_database.psql("SELECT count(*) FROM pg_trigger WHERE tgname LIKE '%taskline%'")


def test_a_backfill_that_was_stopped_goes_on_and_leaves_no_trigger(legacy_database: CrmDatabase) -> None:
    by_psql(legacy_database, LINKS)
    with open_transaction(legacy_database, "SELECT FROM lead_interactions WHERE organization_id IS NULL FOR UPDATE"):
        stopped = by_psql(legacy_database, TENANT, taskline__lock_budget="300ms")
    left = legacy_database.psql("SELECT count(*) FROM pg_trigger WHERE tgname = '~taskline_042_keep'")

    outcome = by_psql(legacy_database, TENANT)

    assert "stay locked by others" in stopped.errors
    assert "2" == left
    assert outcome.is_success
    assert "0" == legacy_database.psql("SELECT count(*) FROM pg_trigger WHERE tgname = '~taskline_042_keep'")


def test_a_disputed_row_is_seen_as_before_by_the_old_application_and_by_nobody_in_the_api(
    legacy_database: CrmDatabase,
) -> None:
    report = migrate(legacy_database)
    row = legacy_database.psql("SELECT interaction_id, seen_by, named FROM taskline_disputed_interactions LIMIT 1")
    id_, *organizations = row.split("|")
    # The API's statements name the organization; the old application leaves that to row security.
    ways = {"old application": "true", "API": "organization_id = current_setting('app.current_organization_id')::uuid"}

    seen = {
        way: [
            legacy_database.psql(
                f"SET app.current_organization_id = '{organization}'; "
                f"SELECT count(*) FROM lead_interactions WHERE id = '{id_}' AND {condition}",
                url=legacy_database.app_url,
            )
            for organization in organizations
        ]
        for way, condition in ways.items()
    }

    assert {"old application": ["1", "0"], "API": ["0", "0"]} == seen
    assert "the old application shows them to the lead's organization as before; the API shows them to nobody" in report


def remedies(report: str) -> dict[str, str]:
    """Return the statements that a report offers for disputed rows."""
    return dict(re.findall(r"^ℹ️ +(the lead is right|and its history|the row is right): (.*;)$", report, re.MULTILINE))


def test_once_decided_by_the_statements_as_printed_nothing_of_a_dispute_remains(legacy_database: CrmDatabase) -> None:
    legacy_database.psql(
        "ALTER TABLE lead_interactions DISABLE TRIGGER USER; "
        f"DELETE FROM lead_interactions WHERE id IN (SELECT t.id FROM {MISMATCHED} ORDER BY t.id OFFSET 2); "
        "ALTER TABLE lead_interactions ENABLE TRIGGER USER"
    )
    first = remedies(migrate(legacy_database))
    listed = legacy_database.psql("SELECT interaction_id FROM taskline_disputed_interactions ORDER BY 1")
    moved, kept = listed.splitlines()

    for name in ("the lead is right", "and its history"):
        legacy_database.psql(first[name], url=legacy_database.owner_url)
    second = remedies(by_psql(legacy_database, TENANT).report)
    legacy_database.psql(second["the row is right"], url=legacy_database.owner_url)
    outcome = by_psql(legacy_database, TENANT)

    assert outcome.is_success, outcome.report + outcome.errors
    assert "✅ disputed: no row" in outcome.report
    assert kept == legacy_database.psql(f"SELECT t.id FROM {MISMATCHED}")
    assert "f" == legacy_database.psql(
        "SELECT bool_or(e.organization_id <> l.organization_id) FROM interaction_events e "
        f"JOIN lead_interactions t ON t.id = e.interaction_id JOIN leads l ON l.id = t.lead_id WHERE t.id = '{moved}'"
    )
    assert "||0" == legacy_database.psql(
        "SELECT to_regclass('taskline_disputed_interactions'), "
        "(SELECT string_agg(polname, ',') FROM pg_policy WHERE polname LIKE '%disputed%'), "
        "(SELECT count(*) FROM taskline_saved_ddl WHERE concat(object_name, ddl) LIKE '%disputed%')"
    )


def test_without_contradictions_no_policy_for_them_is_made(legacy_database: CrmDatabase) -> None:
    legacy_database.psql(
        "ALTER TABLE lead_interactions DISABLE TRIGGER USER; "
        f"DELETE FROM lead_interactions WHERE id IN (SELECT t.id FROM {MISMATCHED})"
    )

    report = migrate(legacy_database)

    assert "✅ disputed: no row" in report
    assert "lead_interactions_tenant" == legacy_database.psql(
        "SELECT string_agg(polname, ',') FROM pg_policy WHERE polrelid = 'lead_interactions'::regclass"
    )


def test_a_hand_made_policy_is_replaced_and_one_for_a_role_is_kept(legacy_database: CrmDatabase) -> None:
    make_variant(legacy_database, "v_org_policies")
    legacy_database.psql("CREATE POLICY for_reports ON lead_interactions FOR SELECT TO pg_monitor USING (true)")

    report = migrate(legacy_database)

    assert "for_reports,lead_interactions_tenant" == legacy_database.psql(
        "SELECT string_agg(polname, ',' ORDER BY polname) FROM pg_policy "
        "WHERE polrelid = 'lead_interactions'::regclass AND polname NOT LIKE '%disputed%'"
    )
    assert "other policies of the table, left alone: for_reports" in report


@pytest.mark.parametrize("setting", ["RESET app.current_organization_id", "SET app.current_organization_id = ''"])
def test_without_a_tenant_no_interaction_is_seen_and_nothing_fails(database: CrmDatabase, setting: str) -> None:
    seen = database.psql(f"{setting}; SELECT count(*) FROM lead_interactions", url=database.app_url)

    assert "0" == seen


def test_the_api_role_is_bound_and_has_what_it_needs(legacy_database: CrmDatabase) -> None:
    migrate(legacy_database)

    role = legacy_database.psql(
        "SELECT rolcanlogin, rolsuper, rolbypassrls, has_table_privilege(oid, 'lead_interactions', 'DELETE'), "
        "has_table_privilege(oid, 'contacts', 'SELECT'), has_table_privilege(oid, 'contacts', 'UPDATE') "
        "FROM pg_roles WHERE rolname = 'taskline_api'"
    )

    assert "f|f|f|f|t|f" == role


def test_a_second_run_takes_no_exclusive_lock(database: CrmDatabase) -> None:
    with open_transaction(database, "LOCK lead_interactions, leads IN ROW EXCLUSIVE MODE"):
        outcome = by_psql(database, TENANT, taskline__lock_budget="1s")

    assert outcome.is_success
    assert outcome.errors == ""


REFUSALS = {
    "041 is missing": (None, {}, "run 041_extend_interactions_to_contacts_and_accounts.sql first"),
    "row security is off": (
        "ALTER TABLE lead_interactions DISABLE ROW LEVEL SECURITY",
        {},
        "lead_interactions: found row security off, expected on",
    ),
    "an unknown role is named": ("SELECT 1", {"taskline__api_role": "nobody_here"}, "role nobody_here"),
    "an unbound role is named": ("SELECT 1", {"taskline__api_role": "postgres"}, "role postgres: found SUPERUSER"),
    "the owner is named": ("SELECT 1", {"taskline__api_role": "crm_owner"}, "role crm_owner: found that it is"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_what_it_can_not_decide_is_refused_by_name(legacy_database: CrmDatabase, case: str) -> None:
    sql, settings, words = REFUSALS[case]
    if sql:
        by_psql(legacy_database, LINKS)
        legacy_database.psql(sql)
    before = schema_dump(legacy_database)

    outcome = by_psql(legacy_database, TENANT, **settings)

    assert 3 == outcome.code
    assert words in outcome.errors
    assert before == schema_dump(legacy_database)
