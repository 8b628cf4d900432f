"""A plan in databases of every state, for whoever asks, and as a command."""

import asyncio
import json
import re
import subprocess
import sys

import pytest

from errors import MigrationRefused
from migrations.plan import plans
from migrations.plan.plans import Plan
from migrations.plan.steps import State
from migrations.runner.sessions import LOCK_KEY
from tests.databases import APP, OWNER, CrmDatabase
from tests.migration_drifts import INCOMPLETE
from tests.migration_runs import VERSIONS, by_runner, open_transaction, schema_dump
from tests.papers import ROOT

pytestmark = pytest.mark.slow


def plan_of(database: CrmDatabase, *, url: str | None = None, through: int | None = None, api_role: str = APP) -> Plan:
    return asyncio.run(plans.plan(url or database.owner_url, through=through, api_role=api_role))


def make_incomplete(database: CrmDatabase, drift: str) -> None:
    database.psql(INCOMPLETE[drift][0], url=database.owner_url)


# Databases in other states.


def empty(database: CrmDatabase) -> None:
    database.psql("DROP SCHEMA public CASCADE; CREATE SCHEMA public AUTHORIZATION crm_owner")


def test_in_an_empty_database_all_would_run(legacy_database: CrmDatabase) -> None:
    empty(legacy_database)
    schema = schema_dump(legacy_database)

    plan = plan_of(legacy_database)

    assert [True] * len(VERSIONS) == [file.will_run for file in plan.files]
    assert [] == plan.refusals
    assert [] == plan.gaps
    assert any("has no row that could serve as the pattern" in line for file in plan.files for line in file.tried)
    assert schema == schema_dump(legacy_database)
    assert by_runner(legacy_database, api_role=APP)


def test_a_database_of_something_else_is_refused_as_up_refuses_it(legacy_database: CrmDatabase) -> None:
    empty(legacy_database)
    legacy_database.psql("CREATE TABLE invoices ()", url=legacy_database.owner_url)

    plan = plan_of(legacy_database)

    with pytest.raises(MigrationRefused) as refused:
        by_runner(legacy_database, api_role=APP)
    assert [str(refused.value)] == plan.refusals
    assert "is not empty" in plan.refusals[0]


def test_a_migrated_database_has_nothing_to_do(database: CrmDatabase) -> None:
    plan = plan_of(database)

    assert [False] * len(VERSIONS) == [file.will_run for file in plan.files]
    assert {State.DONE} == {step.state for file in plan.files for step in file.steps}
    assert [] == plan.refusals


def test_a_constraint_of_another_table_is_no_fence(legacy_database: CrmDatabase) -> None:
    legacy_database.psql("CREATE TABLE parcels (n integer CONSTRAINT taskline_041_fence_n CHECK (n > 0))")

    plan = plan_of(legacy_database)

    assert [] == [step.name for file in plan.files for step in file.steps if "fence" in step.name]


@pytest.mark.parametrize("done", VERSIONS[1:-1])
def test_after_some_only_the_later_ones_would_run(legacy_database: CrmDatabase, done: int) -> None:
    by_runner(legacy_database, through=done, api_role=APP)

    plan = plan_of(legacy_database)

    assert [version > done for version in VERSIONS] == [file.will_run for file in plan.files]
    assert {4} == {len(file.tried) for file in plan.files if file.will_run}


def test_through_41_leaves_later_ones_out(legacy_database: CrmDatabase) -> None:
    assert [40, 41] == [file.version for file in plan_of(legacy_database, through=41).files]


# Who may look, and when.


def test_a_read_only_server_is_looked_at_as_far_as_that_goes(legacy_database: CrmDatabase) -> None:
    legacy_database.psql(
        f"ALTER ROLE {OWNER} IN DATABASE {legacy_database.name} SET default_transaction_read_only = on"
    )

    plan = plan_of(legacy_database)

    assert [False, *[True] * (len(VERSIONS) - 1)] == [file.will_run for file in plan.files]
    assert [
        "locks, obstacles, and whether tasks will work: this server is read-only. Plan on the primary."
    ] == plan.gaps
    assert "read-only" in plan.refusals[0]
    assert State.WILL_DO in {step.state for step in plan.files[1].steps}


def test_a_running_migration_is_named_and_not_waited_for(legacy_database: CrmDatabase) -> None:
    with open_transaction(legacy_database, f"SELECT pg_advisory_lock({LOCK_KEY})"):
        plan = plan_of(legacy_database)

    (gap,) = plan.gaps
    assert re.search(r"another migration of this database is running: process \d+ \(crm_owner, psql\)", gap)
    assert [] == plan.refusals


def test_the_apis_role_is_told_what_it_lacks(legacy_database: CrmDatabase) -> None:
    plan = plan_of(legacy_database, url=legacy_database.app_url)

    (refusal,) = plan.refusals
    assert "lead_interactions: found owner crm_owner, expected that crm_app is or belongs to the owner" in refusal


def test_the_apis_role_is_told_that_it_may_not_read_the_ledger(database: CrmDatabase) -> None:
    plan = plan_of(database, url=database.app_url)

    assert ["the runner's ledger: this user may not read it"] == plan.gaps
    assert "permission denied for table taskline_migrations" in plan.refusals[0]


def test_an_api_role_that_is_not_there_is_refused(legacy_database: CrmDatabase) -> None:
    plan = plan_of(legacy_database, api_role="nosuch_role")

    assert "--api-role nosuch_role: the server has no such role" in plan.refusals[0]


def test_a_table_that_somebody_holds_is_a_gap_and_keeps_nobody_waiting(legacy_database: CrmDatabase) -> None:
    with open_transaction(legacy_database, "LOCK TABLE interaction_events IN ACCESS EXCLUSIVE MODE"):
        plan = plan_of(legacy_database)  # which would never end if it waited for the table
        still_held = legacy_database.psql(
            "SELECT count(*) FROM pg_locks JOIN pg_database d ON d.oid = database AND datname = current_database() "
            "WHERE relation = 'interaction_events'::regclass AND granted AND mode = 'AccessExclusiveLock'"
        )

    assert plan.gaps
    assert "1" == still_held


def test_a_function_that_names_its_tables_by_their_schema_is_not_tried(legacy_database: CrmDatabase) -> None:
    body = legacy_database.psql("SELECT pg_get_functiondef('create_interaction_event()'::regprocedure)")
    legacy_database.psql(body.replace("INTO interaction_events", "INTO public.interaction_events"))

    plan = plan_of(legacy_database)

    assert [
        "whether tasks will work: not tried, for create_interaction_event names its tables by their schema"
    ] == plan.gaps
    assert [] == plan.refusals


# The surroundings.


def test_transactions_that_an_index_build_waits_for_are_named(legacy_database: CrmDatabase) -> None:
    with open_transaction(legacy_database, "SELECT 'secret', count(*) FROM leads; SELECT pg_sleep(1.1)"):
        (shown,) = plan_of(legacy_database).surroundings.transactions
        (hidden,) = asyncio.run(plans.plan(legacy_database.owner_url, is_redacted=True)).surroundings.transactions

    assert ("crm_owner", "psql", "idle in transaction") == (shown.user, shown.application, shown.state)
    assert 1 < (shown.age_seconds or 0) < 60
    assert shown.query
    assert None is hidden.query


def test_sessions_that_one_may_not_look_into_are_counted(legacy_database: CrmDatabase) -> None:
    with open_transaction(legacy_database, "LOCK TABLE leads IN SHARE MODE", url=legacy_database.superuser_url):
        around = plan_of(legacy_database).surroundings

    assert 1 <= around.hidden_sessions
    assert ["ShareLock on leads"] == [found.locks for found in around.transactions]


def test_what_asks_for_the_lead_is_named(legacy_database: CrmDatabase) -> None:
    for drift in ("a check wants a lead", "a restrictive policy wants a lead", "a trigger wants a lead"):
        make_incomplete(legacy_database, drift)

    found = {objection.name: objection for objection in plan_of(legacy_database).surroundings.objections}

    assert {"has_lead", "strict", "want"} <= set(found)
    assert "restrictive, and asks the lead: no migration changes it" == found["strict"].words
    assert "writes to interaction_events" in found["trigger_create_interaction_event"].words


# The command.


def plan_command(database: CrmDatabase, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "commands", "migrate", "plan", "--url", database.owner_url, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_command_prints_all_of_it_before_it_refuses(legacy_database: CrmDatabase) -> None:
    make_incomplete(legacy_database, "a check wants a lead")

    done = plan_command(legacy_database, "--api-role", APP)

    assert MigrationRefused.exit_code == done.returncode
    assert "will do      build idx_lead_interactions_contact_id" in done.stdout
    assert 'violates check constraint "has_lead"' in done.stdout
    assert done.stderr.startswith("taskline: up would refuse:\n041_extend")


def test_with_json_it_is_one_document(legacy_database: CrmDatabase) -> None:
    make_incomplete(legacy_database, "a check wants a lead")

    refused = plan_command(legacy_database, "--json", "--api-role", APP)

    document = json.loads(refused.stdout)
    assert False is document["would_run"]
    assert ["done", "will do"] == sorted(
        {step["state"] for file in document["plan"]["files"] for step in file["steps"]}
    )


def test_the_command_ends_well_where_up_would(legacy_database: CrmDatabase) -> None:
    done = plan_command(legacy_database, "--api-role", APP)

    assert (0, "") == (done.returncode, done.stderr)
    assert done.stdout.endswith("up would go.\n")
