"""What others named like our own, and names that must be quoted, stop no migration."""

import pytest

from tests.databases import APP, CrmDatabase
from tests.migration_runs import LINKS, LINKS_BACK, TENANT, TENANT_BACK, by_psql

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
