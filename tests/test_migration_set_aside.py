"""What taking 041 back would lose is set aside on request, and the next 041 brings it back as it was."""

import pytest

from tests.databases import CrmDatabase
from tests.linked_tasks import add_linked_tasks, rows
from tests.migration_runs import LINKS, LINKS_BACK, TENANT, TENANT_BACK, by_psql, schema_dump

pytestmark = pytest.mark.slow

ASIDE = "lead_interactions_rolled_back_041"
HISTORY_ASIDE = "interaction_events_rolled_back_041"
TABLES = "SELECT count(*) FROM pg_class WHERE relname LIKE '%rolled_back%' AND relkind = 'r'"


def test_it_all_comes_back_as_it_was(legacy_database: CrmDatabase) -> None:
    schema = schema_dump(legacy_database)
    for file in (LINKS, TENANT):
        by_psql(legacy_database, file)
    n = add_linked_tasks(legacy_database)
    before = rows(legacy_database)

    by_psql(legacy_database, TENANT_BACK)
    back = by_psql(legacy_database, LINKS_BACK, taskline__discard_links=n)
    schema_between = schema_dump(legacy_database)
    leads_between = rows(legacy_database).leads
    forward = by_psql(legacy_database, LINKS, taskline__bring_back="on")
    by_psql(legacy_database, TENANT)

    assert 0 == back.code, back.errors
    assert schema == schema_between
    assert before.leads == leads_between
    assert forward.is_success, forward.errors
    assert before == rows(legacy_database)
    assert "0" == legacy_database.psql(TABLES)
