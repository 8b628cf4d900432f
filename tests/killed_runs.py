"""Runs of the migrations in processes of their own, to be ended at a chosen moment, and what they leave behind."""

import asyncio
import contextlib
import multiprocessing
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

from errors import MigrationServerUnreachable
from migrations.runner import apply
from tests.databases import APP, CrmDatabase
from tests.deadlines import DEADLINE_S

STEP = re.compile(r"\d{3} \+")
LEFTOVERS = """
SELECT coalesce(string_agg(name, ', '), '') FROM (
  SELECT conname FROM pg_constraint WHERE conname LIKE '%fence%' OR conname LIKE '%set\\_null'
   UNION ALL SELECT tgname FROM pg_trigger WHERE tgname LIKE '%taskline%'
      AND tgname NOT IN ('taskline_occurs_at', 'taskline_events', '~taskline_lost_link')
   UNION ALL SELECT proname FROM pg_proc WHERE proname LIKE 'taskline%' AND proname <> 'taskline_occurs_at'
      AND proname NOT LIKE 'taskline\\_log\\_%'
   UNION ALL SELECT relname FROM pg_class WHERE relname LIKE 'taskline\\_045%'
   UNION ALL SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid
   UNION ALL SELECT relname FROM pg_class WHERE relname LIKE '%\\_ccnew%') AS found(name)
"""
# Everything of a row that no migration may change; 042 fills organization_id, 043 occurs_at, 044 adds empty columns.
ROWS = """
SELECT md5(string_agg((to_jsonb(t) - ARRAY['contact_id', 'account_id', 'organization_id', 'occurs_at', 'deleted_at',
                                           'deleted_by', 'status_before_deletion'])::text, ',' ORDER BY id))
  FROM lead_interactions t
"""
_AT_WORK = """
FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND usename = 'crm_owner'
"""


def _run(url: str, lines: Connection) -> None:
    with contextlib.suppress(MigrationServerUnreachable):  # when its server process was ended
        asyncio.run(apply.up(url, api_role=APP, say=lines.send))


@contextmanager
def run_apart(database: CrmDatabase) -> Iterator[tuple[BaseProcess, Iterator[str]]]:
    """Run all migrations in a process of their own; yield it and the lines that it says, until it has ended."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.killed_runs"])
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_run, args=(database.owner_url, sender))
    process.start()
    sender.close()
    try:
        yield process, _lines(receiver)
    finally:
        process.kill()
        process.join()
        receiver.close()


def _lines(receiver: Connection) -> Iterator[str]:
    while True:
        try:
            yield receiver.recv()
        except EOFError:
            return


def until(phase: str, lines: Iterator[str]) -> Iterator[str]:
    """Yield what is said up to the line that begins a phase; fails when it never comes."""
    for line in lines:
        yield line
        if line.startswith(phase) or is_in(line, phase):
            return
    raise AssertionError(f"{phase} was never reached")


def reached(said: Iterable[str]) -> int:
    """Return the number of the last migration that began."""
    return [int(line[:3]) for line in said if STEP.match(line)][-1]


def is_in(line: str, phase: str) -> bool:
    """Tell whether a line begins a phase: `041 Columns` is begun by `041 +0.12 s  Columns`."""
    number, _, step = phase.partition(" ")
    return line.startswith(f"{number} +") and line.partition(" s  ")[2] == step


def end_by_kill(process: BaseProcess, database: CrmDatabase) -> None:
    """Kill the runner, and see its server process go, too."""
    process.kill()
    process.join()
    assert is_gone(database), f"the orphan is still there after {DEADLINE_S} seconds"


def end_by_terminate(_: BaseProcess, database: CrmDatabase) -> None:
    """End the server process under the runner."""
    database.psql(f"SELECT pg_terminate_backend(pid, 3000) {_AT_WORK}")


def is_gone(database: CrmDatabase) -> bool:
    """Tell whether no server process of a migration is left before long.

    An orphan looks for its client every 2 seconds. The server does the looking here: a program started for each look
    would take the time of other tests.
    """
    return "t" == database.psql(
        f"""DO $$ BEGIN
              WHILE EXISTS (SELECT {_AT_WORK}) AND clock_timestamp() < now() + interval '{DEADLINE_S} s' LOOP
                PERFORM pg_sleep(0.01), pg_stat_clear_snapshot();
              END LOOP;
            END $$; SELECT NOT EXISTS (SELECT {_AT_WORK})"""
    )


WAYS: dict[str, Callable[[BaseProcess, CrmDatabase], None]] = {
    "kill -9": end_by_kill,
    "pg_terminate_backend": end_by_terminate,
}
