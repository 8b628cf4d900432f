"""Whatever ends a run, and wherever: the next one finishes it, and nothing is left over."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.databases import CrmDatabase
from tests.killed_runs import LEFTOVERS, reached
from tests.migration_runs import by_runner, fingerprint

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
PHASES = ["041.*Columns", "041.*Foreign keys", "041.*Indexes: idx_lead_interactions_account_id", "041.*Validation"]
PHASES += ["042.*Backfill", "042.*Disputed rows", "042.*Row security", "042.*Validation"]
PHASES += [
    "043.*Columns",
    "043.*Backfill",
    "043.*Not null",
    "043.*Indexes: idx_lead_interactions_tasks_by_due",
    "043.*Validation",
]
PHASES += ["044.*Columns", "044.*Idempotency keys", "044.*Validation"]
PHASES += ["045.*Table", "045.*Triggers", "045.*History", "045.*Validation"]
PHASES += ["046.*Indexes: taskline_leads_by_contact", "046.*Keys", "046.*Validation"]
PHASES += ["047.*Indexes: taskline_open_tasks_of_account", "047.*Validation"]


def kill_in_phase(database: CrmDatabase, phase: str, how: str) -> int:
    """Run the migrations in a process of their own, and end it when it says that it reached the phase.

    Returns the number of the migration that it had begun last.
    """
    number, _, step = phase.partition(".*")
    command = [
        sys.executable,
        "-u",
        "-m",
        "commands",
        "migrate",
        "up",
        "--api-role",
        "crm_app",
        "--url",
        database.owner_url,
    ]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={"PYTHONPATH": str(ROOT)}
    ) as run:
        assert run.stdout
        said = [next(line for line in run.stdout if line.startswith(number) and step in line)]
        if how == "kill -9":
            run.send_signal(signal.SIGKILL)
        else:
            database.psql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE application_name = 'taskline migrate' AND datname = current_database()"
            )
        said += run.stdout
        run.wait()
    return reached(said)


@pytest.mark.parametrize("how", ["kill -9", "pg_terminate_backend"])
@pytest.mark.parametrize("phase", PHASES)
def test_a_run_that_was_ended_is_finished_by_the_next(
    legacy_database: CrmDatabase, schemas: dict[int, str], phase: str, how: str
) -> None:
    through = kill_in_phase(legacy_database, phase, how)

    by_runner(legacy_database, through=through, api_role="crm_app")

    assert "" == legacy_database.psql(LEFTOVERS)
    assert schemas[through] == fingerprint(legacy_database)
