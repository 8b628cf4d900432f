"""readiness.sql: what the API needs, asked as whoever asks, in every database."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import pytest

from migrations.runner.catalogue import READINESS
from tests.apis import api
from tests.databases import CrmDatabase
from tests.migration_runs import LINKS, TENANT, TENANT_BACK, by_psql

pytestmark = pytest.mark.slow

PASSWORD = "bare"
LEAST = {
    "organizations": "SELECT",
    "users": "SELECT",
    "leads": "SELECT, UPDATE",
    "contacts": "SELECT",
    "accounts": "SELECT",
    "lead_interactions": "SELECT, INSERT, UPDATE",
    "interaction_events": "SELECT, INSERT",
}
NEEDED = LEAST | {"taskline_idempotency_keys": "SELECT, INSERT, UPDATE, DELETE", "taskline_events": "SELECT"}


@contextmanager
def bare_role(database: CrmDatabase) -> Iterator[str]:
    """A role without any right."""
    name = f"bare_{uuid4().hex[:12]}"
    database.psql(f"CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}'")
    try:
        yield name
    finally:
        database.psql(f"DROP OWNED BY {name}; DROP ROLE {name}")


def checks(database: CrmDatabase, url: str | None = None) -> dict[str, tuple[bool, str]]:
    """Return `{name: (is_met, detail)}`."""
    rows = (line.split("|", 2) for line in database.psql(READINESS.read_text(), url=url).splitlines())
    return {name: (is_met == "t", detail) for name, is_met, detail in rows}


def missing(database: CrmDatabase, url: str | None = None) -> dict[str, str]:
    return {name: detail for name, (is_met, detail) in checks(database, url).items() if not is_met}


def test_an_api_whose_role_has_no_right_is_not_ready_and_told_the_grants(database: CrmDatabase) -> None:
    with (
        bare_role(database) as role,
        api(database_url=database.server.url(database.name, role, password=PASSWORD)) as running,
    ):
        before = running.client.get("/readyz")
        told = {thing["name"]: thing["detail"] for thing in before.json()["missing"]}
        for detail in told.values():
            (grant,) = re.findall(
                r"as the owner: (GRANT .* TO )NAME; or ./taskline migrate up --api-role NAME$", detail
            )
            database.psql(grant + role, url=database.owner_url)
        after = running.client.get("/readyz")

    assert {f"rights_on_{table}" for table in NEEDED} == {name.partition(".")[2] for name in told}
    assert "no SELECT, INSERT, UPDATE; as the owner" in told["042.rights_on_lead_interactions"]
    assert role not in before.text
    assert (503, 200) == (before.status_code, after.status_code)


@pytest.mark.parametrize("table", NEEDED)
def test_each_right_that_is_taken_away_is_named(database: CrmDatabase, table: str) -> None:
    with bare_role(database) as role:
        url = database.server.url(database.name, role, password=PASSWORD)
        for name, rights in NEEDED.items():
            database.psql(f"GRANT {rights} ON {name} TO {role}")
        before = missing(database, url)
        last = NEEDED[table].split(", ")[-1]
        database.psql(f"REVOKE {last} ON {table} FROM {role}")

        after = missing(database, url)

    assert {} == before
    ((name, detail),) = after.items()
    assert f"rights_on_{table}" == name.partition(".")[2]
    assert detail.startswith(f"no {last}; as the owner: GRANT {last} ON {table} TO NAME")


def test_what_a_trigger_writes_with_its_own_rights_needs_none_of_the_api(database: CrmDatabase) -> None:
    with bare_role(database) as role:
        url = database.server.url(database.name, role, password=PASSWORD)
        database.psql("ALTER FUNCTION update_lead_next_follow_up() SECURITY DEFINER")
        for name, rights in (NEEDED | {"leads": "SELECT"}).items():
            database.psql(f"GRANT {rights} ON {name} TO {role}")

        assert {} == missing(database, url)


def test_a_schema_that_may_not_be_used_is_named(database: CrmDatabase) -> None:
    with bare_role(database) as role:
        database.psql("REVOKE USAGE ON SCHEMA public FROM PUBLIC")

        named = database.psql(f"SET taskline.api_role = {role}; {READINESS.read_text()}")

    assert "042.rights_on_schema|f|no USAGE; as the owner: GRANT USAGE ON SCHEMA public TO NAME" in named


FUNCTIONS = (
    "pg_control_system()",
    "pg_current_wal_flush_lsn()",
    "pg_current_wal_insert_lsn()",
    "pg_last_wal_replay_lsn()",
    "pg_walfile_name(pg_lsn)",
)


def test_a_function_that_tells_a_place_in_the_log_is_named_where_it_may_not_be_called(database: CrmDatabase) -> None:
    with (
        bare_role(database) as role,
        api(database_url=database.server.url(database.name, role, password=PASSWORD)) as running,
    ):
        for name, rights in NEEDED.items():
            database.psql(f"GRANT {rights} ON {name} TO {role}")
        before = running.client.get("/readyz")
        database.psql(f"REVOKE EXECUTE ON FUNCTION {', '.join(FUNCTIONS)} FROM PUBLIC")
        (told,) = running.client.get("/readyz").json()["missing"]
        grant = told["detail"].partition("; as a superuser: ")[2].replace(" TO NAME;", f" TO {role}")
        of_owner = missing(database, database.owner_url)
        database.psql(grant)
        after = running.client.get("/readyz")

    assert "045.rights_on_functions" == told["name"]
    assert told["detail"].startswith(f"no EXECUTE on {', '.join(FUNCTIONS)} in this database, which only a superuser")
    assert (200, 200) == (before.status_code, after.status_code)
    assert {} == of_owner


def test_every_database_answers_every_check_and_an_empty_one_meets_none_of_ours(legacy_database: CrmDatabase) -> None:
    names = set(checks(legacy_database))
    legacy_database.psql("DROP SCHEMA public CASCADE; CREATE SCHEMA public AUTHORIZATION crm_owner")

    found = checks(legacy_database)

    assert names == set(found)
    assert ["041.history", "042.stamps", "043.stamps"] == [name for name, (is_met, _) in found.items() if is_met]
    assert all(detail for _, detail in found.values())


@pytest.mark.parametrize(
    ("sql", "needed"),
    [
        ("SELECT", LEAST),
        ("ALTER FUNCTION update_lead_next_follow_up() SECURITY DEFINER", LEAST | {"leads": "SELECT"}),
        (
            "ALTER TABLE lead_interactions DISABLE TRIGGER USER",
            LEAST | {"leads": "SELECT", "interaction_events": "SELECT"},
        ),
    ],
    ids=["as it is", "a trigger with rights of its own", "no trigger"],
)
def test_042_grants_what_the_api_needs_and_nothing_else(
    legacy_database: CrmDatabase, sql: str, needed: dict[str, str]
) -> None:
    legacy_database.psql(sql)
    with bare_role(legacy_database) as role:
        outcomes = [by_psql(legacy_database, file, taskline__api_role=role) for file in (LINKS, TENANT)]

        rights = checks(legacy_database, legacy_database.server.url(legacy_database.name, role, password=PASSWORD))
        granted = legacy_database.psql(
            "SELECT c.relname, string_agg(a.privilege_type, ', ' ORDER BY a.privilege_type <> 'SELECT', "
            "a.privilege_type) FROM pg_class c, aclexplode(c.relacl) a "
            f"WHERE a.grantee = '{role}'::regrole GROUP BY c.relname"
        )

    assert all(outcome.is_success for outcome in outcomes), outcomes[1].report + outcomes[1].errors
    assert needed == dict(line.split("|") for line in granted.splitlines())
    assert {f"042.rights_on_{table}": (True, names) for table, names in needed.items()} == {
        name: found for name, found in rights.items() if name.startswith("042.rights_on_") and "schema" not in name
    }


def test_a_role_with_quotes_in_its_name_gets_its_rights_and_gives_them_back(legacy_database: CrmDatabase) -> None:
    name = f'Odd"{uuid4().hex[:12]}"'
    role = f'"Odd""{name[4:-1]}"""'
    grants = f"SELECT count(*) FROM pg_class c, aclexplode(c.relacl) a WHERE a.grantee = '{role}'::regrole"
    legacy_database.psql(f"CREATE ROLE {role}")
    try:
        there = [by_psql(legacy_database, file, taskline__api_role=name) for file in (LINKS, TENANT)]
        granted = legacy_database.psql(grants)
        back = by_psql(legacy_database, TENANT_BACK, taskline__api_role=name)
        left = legacy_database.psql(grants)
    finally:
        legacy_database.psql(f"DROP OWNED BY {role}; DROP ROLE {role}")

    assert all(outcome.is_success for outcome in there), there[-1].report + there[-1].errors
    assert f"API role {name}: bound by row security, with the rights it needs" in there[-1].report
    assert "not possible" not in back.report
    assert ("11", "0") == (granted, left)


def test_a_right_that_was_granted_before_stays_also_after_the_rollback(legacy_database: CrmDatabase) -> None:
    with bare_role(legacy_database) as role:
        legacy_database.psql(f"GRANT SELECT, DELETE ON lead_interactions TO {role}", url=legacy_database.owner_url)

        for file in (LINKS, TENANT, TENANT_BACK):
            by_psql(legacy_database, file, taskline__api_role=role)

        rights = legacy_database.psql(
            "SELECT string_agg(c.relname || ' ' || a.privilege_type, ', ' ORDER BY a.privilege_type) "
            f"FROM pg_class c, aclexplode(c.relacl) a WHERE a.grantee = '{role}'::regrole"
        )

    assert "lead_interactions DELETE, lead_interactions SELECT" == rights
