"""What others named like our own, and names that must be quoted, stop no migration."""

import pytest

from tests.databases import APP, CrmDatabase
from tests.migration_runs import LINKS, LINKS_BACK, TENANT, TENANT_BACK, by_psql, schema_dump

pytestmark = pytest.mark.slow


def test_constraints_and_triggers_of_others_with_our_names_are_left_alone(legacy_database: CrmDatabase) -> None:
    legacy_database.psql(f"GRANT CREATE ON DATABASE {legacy_database.name} TO {APP}")
    legacy_database.psql(
        """CREATE SCHEMA zz;
           CREATE TABLE zz.t (x int CONSTRAINT taskline_041_fence_x CHECK (x > 0));
           CREATE FUNCTION zz.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
           CREATE TRIGGER "~taskline_042_keep" BEFORE UPDATE ON zz.t FOR EACH ROW EXECUTE FUNCTION zz.f()""",
        url=legacy_database.app_url,
    )

    links, tenant, again = (by_psql(legacy_database, file) for file in (LINKS, TENANT, LINKS))
    tenant_back, links_back = (by_psql(legacy_database, file) for file in (TENANT_BACK, LINKS_BACK))

    assert [True] * 3 == [outcome.is_success for outcome in (links, tenant, again)], links.errors + tenant.errors
    assert "nothing was left to do" in again.report
    assert [0, 0] == [tenant_back.code, links_back.code], tenant_back.errors + links_back.errors
    assert "1|1" == legacy_database.psql(
        "SELECT (SELECT count(*) FROM pg_constraint WHERE conname = 'taskline_041_fence_x'), "
        "(SELECT count(*) FROM pg_trigger WHERE tgname = '~taskline_042_keep')"
    )


def test_a_function_of_others_with_the_name_of_ours_is_refused(legacy_database: CrmDatabase) -> None:
    by_psql(legacy_database, LINKS)
    legacy_database.psql(f"GRANT CREATE ON SCHEMA public TO {APP}")
    legacy_database.psql(
        "CREATE FUNCTION taskline_042_keep_row() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        url=legacy_database.app_url,
    )

    outcome = by_psql(legacy_database, TENANT)

    assert 3 == outcome.code
    assert "taskline_042_keep_row(): found a function of another owner under this name" in outcome.errors
    assert "Next: DROP FUNCTION taskline_042_keep_row();" in outcome.errors


@pytest.mark.parametrize("name", ["CRM", "50%off", 'a "b"'])
def test_a_schema_by_any_name_is_carried_through_and_back(legacy_database: CrmDatabase, name: str) -> None:
    quoted = '"' + name.replace('"', '""') + '"'
    legacy_database.psql(
        f"ALTER SCHEMA public RENAME TO {quoted}; GRANT USAGE ON SCHEMA {quoted} TO {APP}; "
        f"ALTER DATABASE {legacy_database.name} SET search_path = {quoted}; "
    )
    before = schema_dump(legacy_database)

    links, tenant, again = (by_psql(legacy_database, file) for file in (LINKS, TENANT, TENANT))
    tenant_back, links_back = (by_psql(legacy_database, file) for file in (TENANT_BACK, LINKS_BACK))

    assert [True] * 3 == [outcome.is_success for outcome in (links, tenant, again)], tenant.errors + links.errors
    assert [0, 0] == [tenant_back.code, links_back.code], tenant_back.errors + links_back.errors
    assert before == schema_dump(legacy_database)


@pytest.mark.parametrize("name", ["api role", "Api-Role"])
def test_a_role_by_any_name_gets_its_rights_and_loses_them(
    legacy_database: CrmDatabase, request: pytest.FixtureRequest, name: str
) -> None:
    legacy_database.psql(f'CREATE ROLE "{name}" NOLOGIN')
    settings = f"ALTER DATABASE {legacy_database.name} SET taskline.api_role = '{name}'"
    legacy_database.psql(settings)
    request.addfinalizer(lambda: legacy_database.psql(f'DROP OWNED BY "{name}"; DROP ROLE "{name}"'))

    links, tenant, again = (by_psql(legacy_database, file) for file in (LINKS, TENANT, TENANT))
    back = by_psql(legacy_database, TENANT_BACK)

    assert [True] * 3 == [outcome.is_success for outcome in (links, tenant, again)], tenant.errors + links.errors
    assert 0 == back.code, back.errors
    assert "f" == legacy_database.psql(f"SELECT has_table_privilege('{name}', 'lead_interactions', 'SELECT')")
