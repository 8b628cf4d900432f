"""A plan says what `up` will do: over every drift that we know, it is compared with what `up` then does."""

import asyncio
import re
from dataclasses import dataclass

import pytest

from errors import MigrationRefused, TasklineError
from migrations.plan import plans
from migrations.plan.plans import FilePlan, Plan
from migrations.plan.steps import State
from migrations.runner import apply
from tests.databases import APP, CrmDatabase, psql
from tests.migration_drifts import INCOMPLETE, REFUSED, REPAIRED
from tests.migration_runs import VARIANTS, VERSIONS, make_variant, schema_dump

pytestmark = pytest.mark.slow

AS_IT_IS = "as it is"
DRIFTS = REPAIRED | {name: sql for name, (sql, _) in (REFUSED | INCOMPLETE).items()}

# What a step of a plan is about, and how the database shows it; each answer is compared before and after.
NULLABLE = (
    "SELECT attnotnull FROM pg_attribute WHERE attrelid = '{0}'::regclass AND attname = '{1}' AND NOT attisdropped"
)
KEYS = """SELECT k.oid, k.convalidated FROM pg_constraint k JOIN pg_attribute a ON a.attrelid = k.conrelid
           WHERE k.contype = 'f' AND k.conrelid = '{0}'::regclass AND k.conkey = ARRAY[a.attnum] AND a.attname = '{1}'
           ORDER BY 1"""
POLICIES = """SELECT polname, pg_get_expr(polqual, polrelid) FROM pg_policy
               WHERE polrelid = 'lead_interactions'::regclass AND polname {0} ORDER BY 1"""
TENANT_KEY = """SELECT {} FROM pg_constraint
                 WHERE confrelid = to_regclass('{{0}}') AND conname LIKE 'lead\\_interactions\\_%\\_tenant\\_fkey'"""
LOOKS = {
    r"let (.+)\.(lead_id) be null": NULLABLE,
    r"add (.+)\.(contact_id|account_id), and its foreign key": NULLABLE,
    r"let (.+)\.(contact_id|account_id) be null": NULLABLE,
    r"add the policy for tasks without a lead": POLICIES.format("= 'lead_interactions_without_lead'"),
    r"(?:add|exchange) the foreign key of (.+)\.(.+)": KEYS,
    r"build (.+)": """SELECT c.oid, i.indisvalid FROM pg_class c JOIN pg_index i ON i.indexrelid = c.oid
                       WHERE c.relname = '{0}' AND c.relnamespace = quote_ident(current_schema())::regnamespace""",
    r"make the role (.+)": "SELECT 1 FROM pg_roles WHERE rolname = '{0}'",
    r"grant .* its rights": """SELECT oid::regclass, relacl FROM pg_class
                                WHERE relkind = 'r' AND relnamespace = quote_ident(current_schema())::regnamespace
                                  AND relname NOT LIKE 'taskline%' ORDER BY 1""",
    r"fill organization_id where it is empty": "SELECT count(*) FROM lead_interactions WHERE organization_id IS NULL",
    r"list the rows that name another .*": "SELECT to_regclass('taskline_disputed_interactions')",
    r"add (.+)\.occurs_at": NULLABLE.replace("{1}", "occurs_at"),
    r"let the trigger taskline_occurs_at set it": "SELECT oid FROM pg_trigger WHERE tgname = 'taskline_occurs_at'",
    r"fill occurs_at where it is missing or wrong": "SELECT count(to_jsonb(t)->>'occurs_at') FROM lead_interactions t",
    r"let occurs_at be null no longer": NULLABLE.format("lead_interactions", "occurs_at"),
    r"add (.+)\.deleted_at, deleted_by and status_before_deletion": NULLABLE.replace("{1}", "deleted_at"),
    r"make the table (.+)": "SELECT to_regclass('{0}')",
    r"let each organization see its own keys alone": (
        "SELECT oid FROM pg_policy WHERE polname = 'taskline_idempotency_keys_tenant'"
    ),
    r"grant .* its rights on the keys": "SELECT relacl FROM pg_class WHERE relname = 'taskline_idempotency_keys'",
    r"let each organization read its own lines": (
        "SELECT oid FROM pg_policy WHERE polrelid = to_regclass('taskline_events')"
    ),
    r"make the functions of the log": r"SELECT count(*) FROM pg_proc WHERE proname LIKE 'taskline\_log\_%'",
    r"let (.+) write it, by the trigger (.+)": (
        "SELECT oid FROM pg_trigger WHERE tgrelid = '{0}'::regclass AND tgname = '{1}'"
    ),
    r"copy the old history": """CREATE FUNCTION pg_temp.copied() RETURNS bigint LANGUAGE plpgsql AS $$
                               DECLARE n bigint;
                               BEGIN
                                 IF to_regclass('taskline_events') IS NOT NULL THEN
                                   SELECT count(*) INTO n FROM taskline_events WHERE xid IS NULL AND seq > 0;
                                 END IF;
                                 RETURN coalesce(n, 0);
                               END $$;
                               SELECT pg_temp.copied()""",
    r"let a task link only (.+) of its organization": TENANT_KEY.format("oid"),
    r"check the (.+) that older rows name": TENANT_KEY.format("convalidated"),
    r"let row security ask the row for its organization": POLICIES.format("NOT LIKE '%disputed%'"),
}

END = "-- the next one --"


@dataclass(frozen=True, slots=True)
class Run:
    """What `up` did up to one migration: the steps of its plan whose object is another than before, and its refusal."""

    changed: set[str]
    refusal: TasklineError | None
    said: str


def plan_of(database: CrmDatabase, *, url: str | None = None, through: int | None = None, api_role: str = APP) -> Plan:
    return asyncio.run(plans.plan(url or database.owner_url, through=through, api_role=api_role))


def look(database: CrmDatabase, steps: list[str]) -> list[str]:
    """Return what the database shows for each step, asked by one psql: there are dozens, of dozens of drifts."""
    questions = [argument for step in steps for argument in ("-c", look_at(step), "-c", f"\\echo {END}")]
    answers = psql(database.server, database.superuser_url, *questions) if steps else ""
    return f"{answers}\n".split(f"{END}\n")[: len(steps)]


def look_at(step: str) -> str:
    for pattern, sql in LOOKS.items():
        if match := re.fullmatch(pattern, step):
            return sql.format(*match.groups())
    raise AssertionError(f"no look is known for the step: {step}")


def up_through(database: CrmDatabase, plan: FilePlan) -> Run:
    steps = [step.name for step in plan.steps] if plan.will_run else []
    before = look(database, steps)
    said: list[str] = []
    refusal = None
    try:
        asyncio.run(apply.up(database.owner_url, api_role=APP, through=plan.version, say=said.append))
    except TasklineError as exc:
        refusal = exc
    changed = {step for step, then, now in zip(steps, before, look(database, steps), strict=True) if then != now}
    return Run(changed, refusal, "\n".join(said))


def promised(plan: FilePlan) -> set[str]:
    return {step.name for step in plan.steps if step.state is not State.DONE} if plan.will_run else set()


def make_drift(database: CrmDatabase, name: str) -> None:
    if name in VARIANTS:
        make_variant(database, name)
    elif name != AS_IT_IS:
        database.psql(DRIFTS[name], url=database.owner_url)


@pytest.mark.parametrize("drift", [AS_IT_IS, *VARIANTS, *DRIFTS])
def test_a_plan_is_what_up_then_does(legacy_database: CrmDatabase, drift: str) -> None:
    make_drift(legacy_database, drift)
    schema = schema_dump(legacy_database)

    plan = plan_of(legacy_database)

    assert schema == schema_dump(legacy_database)
    assert [] == plan.gaps
    for file in plan.files:
        run = up_through(legacy_database, file)
        if run.refusal:
            assert isinstance(run.refusal, MigrationRefused)
            assert file.refusal, run.refusal
            if file.tried:  # it runs, and then says itself that it isn't complete
                assert promised(file) == run.changed
                assert {line for line in file.tried if line.startswith("❌")} <= set(run.said.splitlines())
            else:
                assert file.refusal == str(run.refusal)
                assert set() == run.changed
            break
        assert None is file.refusal
        assert promised(file) == run.changed
    else:
        again = plan_of(legacy_database)
        assert [False] * len(VERSIONS) == [file.will_run for file in again.files]
        assert [] == again.refusals
