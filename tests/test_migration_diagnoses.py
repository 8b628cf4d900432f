"""The doctor finds what was planted, says nothing of a healthy database, and its remedies cure."""

import asyncio
import json
import subprocess
import sys

import pytest

from errors import DatabaseAiling
from migrations.doctor import diagnoses
from migrations.doctor.diagnoses import Diagnosis
from migrations.doctor.findings import Finding, Severity
from tests.databases import APP, OWNER, CrmDatabase
from tests.migration_drifts import INCOMPLETE, REFUSED, REPAIRED
from tests.migration_runs import ORDER, TENANT, VARIANTS, VERSIONS, by_psql, by_runner, make_variant, schema_dump
from tests.papers import ROOT

pytestmark = pytest.mark.slow

# A task without a fault, and one that is planted into it as superuser with triggers and keys at rest.
SOUND = """id = (SELECT t.id FROM lead_interactions t
                    JOIN leads l ON l.id = t.lead_id AND l.organization_id = t.organization_id
                   WHERE t.interaction_type = 'task' AND t.status = 'scheduled' AND t.completed_at IS NULL
                    AND t.priority IS NOT NULL AND t.subject <> '' ORDER BY t.id LIMIT 1)"""
TASK = f"UPDATE lead_interactions SET {{0}} WHERE {SOUND}"
KEYLESS = "ALTER TABLE {0} DROP CONSTRAINT {0}_{1}_fkey; "
STRANGER = "(SELECT x.id FROM {0} x WHERE x.organization_id <> {1}.organization_id LIMIT 1)"
FIRST = "id = (SELECT id FROM {0} ORDER BY id LIMIT 1)"


def one(table: str, change: str) -> str:
    """Return the statement that changes the first row of a table."""
    return f"UPDATE {table} SET {change} WHERE {FIRST.format(table)}"


LI = "lead_interactions"

PLANTED_ROWS = {
    **{
        f"{LI}.{column}: names a row": KEYLESS.format(LI, key) + TASK.format(f"{column} = gen_random_uuid()")
        for column, key in (
            ("lead_id", "lead_id"),
            ("contact_id", "contact_id"),
            ("account_id", "account_id"),
            ("user_id", "user_id"),
            ("created_by", "created_by"),
            ("last_modified_by", "completed_by"),
        )
    },
    f"{LI}.contact_id: is of another": TASK.format(f"contact_id = {STRANGER.format('contacts', LI)}"),
    f"{LI}.account_id: is of another": TASK.format(f"account_id = {STRANGER.format('accounts', LI)}"),
    f"{LI}.user_id: is of another": TASK.format(f"user_id = {STRANGER.format('users', LI)}"),
    f"{LI}.organization_id: is not its lead's": TASK.format(
        f"organization_id = {STRANGER.format('users', LI).replace('x.id', 'x.organization_id')}"
    ),
    f"{LI}.status": TASK.format("status = 'in_progress'"),
    f"{LI}.priority": TASK.format("priority = 'urgent'"),
    f"{LI}.interaction_type": TASK.format("interaction_type = 'Task'"),
    f"{LI}.subject": TASK.format("subject = ' '"),
    f"{LI}.scheduled_at: is infinite": TASK.format("scheduled_at = 'infinity'"),
    f"{LI}.scheduled_at: is infinite or": TASK.format("scheduled_at = '0044-03-15 BC'"),
    f"{LI}.created_at: is infinite": TASK.format("created_at = '10000-01-01'"),
    f"{LI}.updated_at: is before 1900": TASK.format("updated_at = '1850-01-01'"),
    f"{LI}.completed_at: is empty": TASK.format("status = 'completed'"),
    f"{LI}.completed_at: is set": TASK.format("completed_at = now()"),
    f"{LI}.deleted_at: is set": TASK.format("deleted_at = now()"),
    f"{LI}.id": f"DELETE FROM interaction_events WHERE interaction_id = (SELECT id FROM {LI} WHERE {SOUND})",
    "interaction_events.interaction_id": KEYLESS.format("interaction_events", "interaction_id")
    + one("interaction_events", "interaction_id = gen_random_uuid()"),
    "interaction_events.organization_id: is empty": (
        "ALTER TABLE interaction_events ALTER organization_id DROP NOT NULL; "
    )
    + one("interaction_events", "organization_id = NULL"),
    "interaction_events.organization_id: is not": f"""UPDATE interaction_events e
        SET organization_id = {STRANGER.format("users", "e").replace("x.id", "x.organization_id")}
      WHERE id = (SELECT min(id::text)::uuid FROM interaction_events
                   WHERE interaction_id = (SELECT id FROM {LI} WHERE {SOUND}))""",
    "interaction_events.created_at": one("interaction_events", "created_at = NULL"),
    "leads.linked_contact_id": one("leads", f"linked_contact_id = {STRANGER.format('contacts', 'leads')}"),
    "leads.assigned_to": one("leads", f"assigned_to = {STRANGER.format('users', 'leads')}"),
    "accounts.contact_id": one("accounts", f"contact_id = {STRANGER.format('contacts', 'accounts')}"),
    "contacts.converted_from_lead_id: is of another": one(
        "contacts", f"converted_from_lead_id = {STRANGER.format('leads', 'contacts')}"
    ),
}

PLANTED = {
    f"{LI}, trigger sync_lead_next_follow_up": f"ALTER TABLE {LI} DISABLE TRIGGER sync_lead_next_follow_up",
    "contacts: row security is off": "ALTER TABLE contacts DISABLE ROW LEVEL SECURITY",
    "leads: row security is forced": "ALTER TABLE leads FORCE ROW LEVEL SECURITY",
    f"{LI}, policy strict": f"CREATE POLICY strict ON {LI} AS RESTRICTIVE USING (lead_id IS NOT NULL)",
    f"{LI}, policy old": f"CREATE POLICY old ON {LI} USING (EXISTS (SELECT FROM leads l WHERE l.id = lead_id))",
    "users, policy loud": "CREATE POLICY loud ON users USING (organization_id = current_setting('app.x')::uuid)",
    "idx_broken": f"CREATE INDEX idx_broken ON {LI} (outcome); "
    "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'idx_broken'::regclass",
    "interaction_events.id": "ALTER TABLE interaction_events DROP CONSTRAINT interaction_events_pkey",
    f"{LI}, check taskline_041_fence_lead": f"ALTER TABLE {LI} ADD CONSTRAINT taskline_041_fence_lead CHECK (true)",
    f"{LI}, check taskline_044_fence": f"ALTER TABLE {LI} ADD CONSTRAINT taskline_044_fence CHECK (deleted_at IS NULL)",
    "leads, key k": "ALTER TABLE leads ADD CONSTRAINT k FOREIGN KEY (created_by) REFERENCES users NOT VALID",
    f"{LI}.last_modified_by": f"ALTER TABLE {LI} RENAME COLUMN last_modified_by TO completed_by",
}


def diagnosis(database: CrmDatabase, *, url: str | None = None, api_role: str = APP) -> Diagnosis:
    return asyncio.run(diagnoses.diagnosis(url or database.owner_url, api_role=api_role))


def places(found: Diagnosis) -> set[str]:
    return {finding.place for finding in found.findings}


def matching(findings: list[Finding], place: str) -> list[Finding]:
    wanted, _, words = place.partition(": ")
    return [finding for finding in findings if finding.place == wanted and finding.words.startswith(words)]


def of_rows(found: Diagnosis) -> dict[str, int]:
    return {f"{finding.place}: {finding.words[:8]}": finding.count for finding in found.findings if finding.count}


def is_sql(finding: Finding) -> bool:
    return finding.remedy.endswith(";") and "…" not in finding.remedy


# What is dirty on purpose, and what isn't.


def test_the_legacy_data_has_what_it_was_made_with(legacy_database: CrmDatabase) -> None:
    found = diagnosis(legacy_database)

    assert {
        f"{LI}.organization_id: is empty": 12,
        f"{LI}.organization_id: is not i": 12,
        f"{LI}.status: is unkno": 12,
        f"{LI}.priority: is unkno": 12,
        f"{LI}.completed_at: is empty": 12,
        f"{LI}.completed_at: is set, ": 12,
        f"{LI}.subject: is empty": 12,
        f"{LI}.id: has no l": 12,
        "contacts.converted_from_lead_id: names a ": 1,
    } == {place: count for place, count in of_rows(found).items() if "events" not in place}
    assert [] == found.gaps
    assert [f"migration 0{version}" for version in VERSIONS[1:]] == [
        finding.place for finding in found.findings if finding.place.startswith("migr")
    ]


def test_a_database_whose_remedies_were_typed_is_healthy(database: CrmDatabase) -> None:
    schema = schema_dump(database)
    first = diagnosis(database)
    assert schema == schema_dump(database)

    for finding in first.findings:
        if is_sql(finding):
            database.psql(finding.remedy, url=database.owner_url)
    by_psql(database, TENANT, taskline__api_role=APP)
    second = diagnosis(database)

    assert {"error", "warning", "note"} == {finding.severity for finding in first.findings}
    assert Diagnosis([], []) == second


def test_a_new_database_is_healthy(legacy_database: CrmDatabase) -> None:
    legacy_database.psql("DROP SCHEMA public CASCADE; CREATE SCHEMA public AUTHORIZATION crm_owner")
    by_runner(legacy_database, api_role=APP)

    found = diagnosis(legacy_database)

    assert not found.is_ailing
    assert {Severity.NOTE} == {finding.severity for finding in found.findings}


# What is planted is found, and cured.


@pytest.mark.parametrize("place", [*PLANTED_ROWS, *PLANTED])
def test_what_was_planted_is_found_and_cured(database: CrmDatabase, place: str) -> None:
    before = of_rows(diagnosis(database))
    sql = PLANTED.get(place) or f"SET session_replication_role = replica; {PLANTED_ROWS[place]}"
    database.psql(sql)

    found = diagnosis(database)

    (finding,) = matching(found.findings, place)
    if finding.count:
        assert finding.count == before.get(f"{finding.place}: {finding.words[:8]}", 0) + 1
        assert 1 <= len(finding.samples) <= 3
    assert is_sql(finding)
    database.psql(finding.remedy)
    assert [] == matching(diagnosis(database).findings, place)


def test_a_task_that_hangs_on_nothing_is_found(database: CrmDatabase) -> None:
    database.psql(TASK.format("lead_id = NULL"), url=database.owner_url)

    (finding,) = matching(diagnosis(database).findings, f"{LI}.lead_id")

    assert (Severity.WARNING, 1) == (finding.severity, finding.count)


def test_an_interaction_in_the_wrong_place_of_its_timeline_is_found_and_put_right(database: CrmDatabase) -> None:
    misplaced = one(LI, "occurs_at = 'infinity'")
    database.psql(
        f"ALTER TABLE {LI} DISABLE TRIGGER taskline_occurs_at; {misplaced}; "
        f"ALTER TABLE {LI} ENABLE ALWAYS TRIGGER taskline_occurs_at"
    )

    (finding,) = matching(diagnosis(database).findings, f"{LI}.occurs_at")
    by_runner(database, ORDER, api_role=APP)

    assert (Severity.ERROR, 1) == (finding.severity, finding.count)
    assert f"./taskline migrate up {ORDER.name}" == finding.remedy
    assert [] == matching(diagnosis(database).findings, f"{LI}.occurs_at")


def test_a_trigger_that_reads_a_column_that_is_gone_is_found(database: CrmDatabase) -> None:
    make_variant(database, "v_dead_column")

    (finding,) = matching(diagnosis(database).findings, "accounts, trigger trigger_log_account_soft_delete")

    assert Severity.ERROR is finding.severity
    assert "reads OLD.account_type" in finding.words
    assert "ALTER TABLE accounts ADD COLUMN account_type text;" == finding.remedy


def test_a_ledger_that_says_otherwise_is_found(database: CrmDatabase) -> None:
    database.psql("DROP INDEX idx_lead_interactions_contact_id")
    database.psql("DELETE FROM taskline_migrations WHERE version = 42")

    found = {
        (finding.place, finding.severity): finding.words
        for finding in diagnosis(database).findings
        if finding.place.startswith("migr")
    }

    assert "in place, but not recorded" == found["migration 042", Severity.NOTE]
    assert any("but not in place" in finding.words for finding in diagnosis(database).findings)


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("GRANT INSERT ON taskline_migrations TO PUBLIC", "a table that others may change"),
        (f"ALTER TABLE taskline_migrations OWNER TO {APP}", f"a table of {APP}"),
        (
            "DROP TABLE taskline_migrations; CREATE VIEW taskline_migrations AS SELECT 1 AS version",
            "no ordinary table",
        ),
    ],
)
def test_a_ledger_that_can_not_be_trusted_is_a_finding_among_the_others(
    database: CrmDatabase, sql: str, found: str
) -> None:
    others = places(diagnosis(database))
    database.psql(sql)

    before = diagnosis(database)
    (finding,) = matching(before.findings, "taskline_migrations")
    database.psql(finding.remedy)
    after = diagnosis(database)
    by_runner(database)
    last = diagnosis(database)

    assert finding.words.startswith(f"found {found}, expected an ordinary table that its owner alone may change")
    assert [] == before.gaps
    assert {"taskline_migrations"} == places(before) - others
    assert {f"migration 0{version}" for version in VERSIONS[1:]} == places(after) - others
    assert others == places(last)


# Remedies.

DEAD = "ALTER TABLE accounts ADD IF NOT EXISTS account_type text; ALTER TABLE accounts DROP account_type"
NEEDING_SEVERAL = {
    "v_dead_column": DEAD,
    "v_dead_column, disabled": f"{DEAD}; ALTER TABLE accounts DISABLE TRIGGER trigger_log_account_soft_delete",
    "v_dead_column, on replicas only": (
        f"{DEAD}; ALTER TABLE accounts ENABLE REPLICA TRIGGER trigger_log_account_soft_delete"
    ),
    "v_completed_by": "SELECT",
}


@pytest.mark.parametrize("name", NEEDING_SEVERAL)
def test_no_remedy_brings_back_what_an_earlier_one_has_cured(legacy_database: CrmDatabase, name: str) -> None:
    make_variant(legacy_database, name.partition(",")[0])
    legacy_database.psql(NEEDING_SEVERAL[name])
    cured: list[tuple[str, str]] = []

    while todo := [finding for finding in diagnosis(legacy_database).findings if is_sql(finding)]:
        assert [] == [finding for finding in todo if (finding.place, finding.words) in cured]
        legacy_database.psql(todo[0].remedy)
        cured.append((todo[0].place, todo[0].words))

    by_runner(legacy_database, api_role=APP)
    legacy_database.psql("UPDATE accounts SET deleted_at = now()", url=legacy_database.owner_url)
    assert not any("trigger" in finding.place for finding in diagnosis(legacy_database).findings)


# Roles.


def test_a_role_that_row_security_does_not_bind_is_found(database: CrmDatabase) -> None:
    found = diagnosis(database, api_role=OWNER)

    assert found.is_ailing
    assert ["row security doesn't bind it"] == [
        finding.words.partition(":")[0] for finding in matching(found.findings, f"role {OWNER}")
    ]


def test_rights_that_the_role_lacks_are_found_and_cured(database: CrmDatabase) -> None:
    database.psql(f"REVOKE SELECT ON contacts FROM {APP}", url=database.owner_url)

    (finding,) = matching(diagnosis(database).findings, "contacts: the API")
    database.psql(finding.remedy, url=database.owner_url)

    assert f'GRANT SELECT ON contacts TO "{APP}";' == finding.remedy
    assert [] == matching(diagnosis(database).findings, "contacts: the API")


def test_each_right_that_is_missing_is_a_finding_of_its_own(database: CrmDatabase) -> None:
    database.psql(
        f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {APP}; REVOKE ALL ON SCHEMA public FROM PUBLIC, {APP}"
    )
    tables = ["accounts", "contacts", "interaction_events", LI, "leads", "organizations", "users"]
    tables += ["taskline_events", "taskline_idempotency_keys"]

    found = [finding for finding in diagnosis(database).findings if finding.words.startswith("the API's role has")]
    for finding in found:
        database.psql(finding.remedy)

    assert {*tables, "schema"} == {finding.place for finding in found}
    assert all(finding.remedy.startswith("GRANT ") for finding in found)
    assert [] == [finding for finding in diagnosis(database).findings if "the API's role has" in finding.words]


def test_a_function_that_a_hardened_server_keeps_from_the_role_is_a_finding(database: CrmDatabase) -> None:
    database.psql("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC")

    (finding,) = matching(diagnosis(database).findings, "functions: the API")
    database.psql(finding.remedy)

    assert "which only a superuser can grant" in finding.words
    assert f'GRANT EXECUTE ON FUNCTION pg_control_system() TO "{APP}";' == finding.remedy
    assert [] == matching(diagnosis(database).findings, "functions: the API")


def test_remedies_name_roles_as_sql_does(database: CrmDatabase) -> None:
    owner, role = (f'"odd ""{what} {database.name}"""' for what in ("owner", "role"))
    database.psql(
        f"CREATE ROLE {owner}; CREATE ROLE {role}; ALTER TABLE taskline_migrations OWNER TO {owner}; "
        f"ALTER TABLE lead_interactions OWNER TO {owner}; GRANT {owner} TO {role}"
    )
    try:
        found = diagnosis(database, url=database.superuser_url, api_role=f'odd "role {database.name}"').findings
        remedies = [finding.remedy for finding in found]
        (revoke,) = [remedy for remedy in remedies if remedy.startswith("REVOKE")]
        database.psql(f"{revoke} {' '.join(remedy for remedy in remedies if remedy.startswith('GRANT'))}")
        after = diagnosis(database, url=database.superuser_url, api_role=f'odd "role {database.name}"').findings
    finally:
        database.psql(f"REASSIGN OWNED BY {owner} TO {OWNER}; DROP OWNED BY {role}, {owner}; DROP ROLE {role}, {owner}")

    assert f"REVOKE {owner} FROM {role};" == revoke
    assert f"GRANT SELECT ON contacts TO {role};" in remedies
    # As a member of the owner it had the owner's rights on these; the rest is cured.
    assert {"lead_interactions"} == {
        finding.place for finding in after if finding.remedy.startswith(("GRANT", "REVOKE"))
    }


def test_the_apis_role_is_told_what_it_can_not_see(database: CrmDatabase) -> None:
    found = diagnosis(database, url=database.app_url)

    assert any(gap.startswith("the rows of lead_interactions: query would be affected by") for gap in found.gaps)
    assert "the ledger: permission denied for table taskline_migrations" in found.gaps


# Databases of every shape.


def test_an_empty_database_is_told_to_migrate(legacy_database: CrmDatabase) -> None:
    legacy_database.psql("DROP SCHEMA public CASCADE; CREATE SCHEMA public AUTHORIZATION crm_owner")

    found = diagnosis(legacy_database)

    assert matching(found.findings, "migration 040")
    assert [] == found.gaps


@pytest.mark.parametrize("drift", [*VARIANTS, *REPAIRED, *REFUSED, *INCOMPLETE])
def test_no_drift_makes_it_fail(legacy_database: CrmDatabase, drift: str) -> None:
    if drift in VARIANTS:
        make_variant(legacy_database, drift)
    else:
        sql = REPAIRED.get(drift) or (REFUSED | INCOMPLETE)[drift][0]
        legacy_database.psql(sql, url=legacy_database.owner_url)

    found = diagnosis(legacy_database)

    assert found.is_ailing
    assert drift == "row security is forced" or [] == found.gaps


# The command.


def doctor(database: CrmDatabase, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "commands", "migrate", "doctor", "--url", database.owner_url, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_command_prints_each_finding_with_its_remedy_and_fails(database: CrmDatabase) -> None:
    done = doctor(database, "--api-role", APP)

    assert DatabaseAiling.exit_code == done.returncode
    assert "⚠️ lead_interactions.priority: in 12 rows" in done.stdout
    assert "   UPDATE lead_interactions t SET priority = 'medium'" in done.stdout
    assert done.stderr.startswith("taskline: 1 finding makes the API fail")


def test_with_json_it_is_one_document(database: CrmDatabase) -> None:
    document = json.loads(doctor(database, "--json", "--api-role", APP).stdout)

    assert document["is_ailing"]
    assert {"error", "warning", "note"} == {finding["severity"] for finding in document["diagnosis"]["findings"]}
