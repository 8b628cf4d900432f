"""`python -m bench.old_application`: what an old application's writes cost before and after all migrations."""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
import orjson

from bench.crms import APP, ROOM, copy, legacy
from db import embedded
from migrations.runner import apply

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench.crms import Crm

# What the old application sends for a lead's task, as it did before it had heard of contacts and accounts.
SCRIPTS = {
    "insert a task": r"""
\set n random(1, :leads)
INSERT INTO lead_interactions
       (lead_id, user_id, organization_id, interaction_type, subject, scheduled_at, status, priority, created_by)
SELECT l.id, u.id, l.organization_id, 'task', 'Call back', now() + interval '2 days', 'scheduled', 'medium', u.id
  FROM bench_leads b JOIN leads l USING (id) JOIN users u ON u.id = l.created_by WHERE b.n = :n;
""",
    "complete or reopen a task": r"""
\set n random(1, :tasks)
UPDATE lead_interactions
   SET status = CASE WHEN completed_at IS NULL THEN 'completed' ELSE 'pending' END,
       completed_at = CASE WHEN completed_at IS NULL THEN now() END
 WHERE id = (SELECT id FROM bench_tasks WHERE n = :n);
""",
}

# The ids to choose from; what pgbench can draw is a number. A task without an organization can't be completed at all
# before 042: its history demands one.
_CHOICE = """
CREATE TABLE bench_leads AS SELECT row_number() OVER () AS n, id FROM leads WHERE created_by IS NOT NULL;
CREATE TABLE bench_tasks AS SELECT row_number() OVER () AS n, id FROM lead_interactions
                             WHERE interaction_type = 'task' AND organization_id IS NOT NULL;
ALTER TABLE bench_leads ADD PRIMARY KEY (n);
ALTER TABLE bench_tasks ADD PRIMARY KEY (n);
VACUUM (ANALYZE) bench_leads, bench_tasks;
SELECT (SELECT count(*) FROM bench_leads), (SELECT count(*) FROM bench_tasks);
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """The median latency of one kind of statement over all rounds, and the ratios round by round."""

    kind: str
    before_ms: float
    after_ms: float
    ratio: float
    lowest_ratio: float
    highest_ratio: float


@dataclass(frozen=True, slots=True)
class Turns:
    """How often each database has its turn and for how many seconds, and whether commits wait for the disk."""

    rounds: int
    seconds: int
    wait_for_disk: bool


@click.command()
@click.option("--interactions", default=1_000_000, show_default=True, help="How many rows lead_interactions has.")
@click.option("--rounds", default=8, show_default=True, help="How often each of the two databases has its turn.")
@click.option("--seconds", default=5, show_default=True, help="How long a turn is.")
@click.option(
    "--wait-for-disk", is_flag=True, help="Let each commit wait for the disk, as a server does unless told otherwise."
)
@click.option("--home", type=click.Path(path_type=Path), required=True, help="Folder for the server; it is kept.")
@click.option("--binaries", type=click.Path(path_type=Path), help="The server's programs, if not those of the wheel.")
@click.option("--output", type=click.Path(path_type=Path), help="File for everything measured, as JSON.")
def main(
    *,
    interactions: int,
    rounds: int,
    seconds: int,
    wait_for_disk: bool,
    home: Path,
    binaries: Path | None,
    output: Path | None,
) -> None:
    """Let pgbench write to a CRM as it was and to a migrated copy in turn; print the median latencies."""
    with embedded.start(home, binaries=binaries, settings=ROOM) as server:
        crm = legacy(server, interactions)
        with copy(crm) as before, copy(crm) as after:
            asyncio.run(apply.up(after.owner_url, api_role=APP, say=lambda _: None))
            turns = Turns(rounds=rounds, seconds=seconds, wait_for_disk=wait_for_disk)
            found = [_cost(kind, before, after, turns) for kind in SCRIPTS]
    click.echo("| statement | before, p50 ms | after, p50 ms | ratio | lowest | highest |\n|---|--:|--:|--:|--:|--:|")
    for one in found:
        click.echo(
            f"| {one.kind} | {one.before_ms:.2f} | {one.after_ms:.2f} | {one.ratio:.2f} "
            f"| {one.lowest_ratio:.2f} | {one.highest_ratio:.2f} |"
        )
    if output:
        output.write_bytes(orjson.dumps({"interactions": interactions, "costs": found}))


def _cost(kind: str, before: Crm, after: Crm, turns: Turns) -> Cost:
    """Measure one kind on both in turn, so that whatever else the machine does meets both."""
    choices = {crm: _choices(crm) for crm in (before, after)}
    medians: list[tuple[float, float]] = []
    for number in range(turns.rounds):
        turn = {}
        for crm in (before, after) if number % 2 == 0 else (after, before):
            turn[crm] = _median_ms(crm, SCRIPTS[kind], choices[crm], turns)
        medians.append((turn[before], turn[after]))
    ratios = [new / old for old, new in medians]
    return Cost(
        kind=kind,
        before_ms=statistics.median(old for old, _ in medians),
        after_ms=statistics.median(new for _, new in medians),
        ratio=statistics.median(ratios),
        lowest_ratio=min(ratios),
        highest_ratio=max(ratios),
    )


def _choices(crm: Crm) -> dict[str, str]:
    crm.psql("-c", "DROP TABLE IF EXISTS bench_leads, bench_tasks")
    *_, counts = [crm.psql("-c", statement) for statement in _CHOICE.strip().removesuffix(";").split(";\n")]
    leads, tasks = counts.split("|")
    return {"leads": leads, "tasks": tasks}


def _median_ms(crm: Crm, script: str, choices: Mapping[str, str], turns: Turns) -> float:
    """Run one script on one connection, and return the median latency by pgbench's own log."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "script.sql"
        file.write_text(script, encoding="utf-8")
        variables = [word for name, value in choices.items() for word in ("-D", f"{name}={value}")]
        command = [
            str(crm.server.bin_dir / "pgbench"),
            "-n",
            "-M",
            "prepared",
            "-T",
            str(turns.seconds),
            "-l",
            *variables,
        ]
        # to wait for the disk costs more than the statement, and would hide what the statement itself costs
        url = f"{crm.owner_url}&options=-c%20synchronous_commit%3D{'on' if turns.wait_for_disk else 'off'}"
        done = subprocess.run([*command, "-f", str(file), url], cwd=folder, capture_output=True, text=True, check=False)
        logs = [line.split() for log in Path(folder).glob("pgbench_log.*") for line in log.read_text().splitlines()]
    if done.returncode or not logs:
        raise click.ClickException(f"pgbench failed: {done.stderr.strip()}")
    return statistics.median(int(fields[2]) for fields in logs) / 1_000


if __name__ == "__main__":
    main()
