"""Whatever happens while 041 is taken back or forward: no row is lost or doubled, and the next run finishes it."""

import asyncio
import signal
import subprocess
from contextlib import ExitStack
from pathlib import Path

import pytest

from migrations.runner import apply, rollbacks
from tests.databases import CrmDatabase
from tests.deadlines import eventually
from tests.linked_tasks import ASIDE, FENCES, HELD, TABLES, bring_back, rows, set_aside
from tests.migration_runs import LINKS, LINKS_BACK, by_psql, fingerprint, open_transaction, psql_command, schema_dump

pytestmark = pytest.mark.slow

ARRIVE = """
INSERT INTO lead_interactions (contact_id, user_id, organization_id, interaction_type, subject)
SELECT c.id, u.id, c.organization_id, 'task', 'arrived' FROM contacts c JOIN users u USING (organization_id) LIMIT 1;
"""
NAP = "DO $$ BEGIN PERFORM pg_sleep(1.2 * random()); END $$;\n"  # or there is never a moment to agree on
LEAVE = "DELETE FROM lead_interactions WHERE subject = 'linked f t f 1';\n"
LOSSES = "FROM lead_interactions WHERE contact_id IS NOT NULL OR account_id IS NOT NULL OR lead_id IS NULL"
ASLEEP = "PERFORM set_config('application_name', 'asleep', false), pg_sleep(60)"  # and not as a migration itself does
SLEEPERS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'asleep'"
END = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND {}"
HOWS = ["kill -9", "pg_terminate_backend"]
PHASES = ["Fence", "Links", "Foreign keys", "Columns", "Indexes", "The rest"]


def losses(database: CrmDatabase) -> int:
    return int(database.psql(f"SELECT count(*) {LOSSES}"))


def patched(file: Path, folder: Path, place: str, addition: str) -> Path:
    """Return a copy of a migration file in which something is added before a place that there is once."""
    text = file.read_text()
    assert 1 == text.count(place)
    copy = folder / file.name
    copy.write_text(text.replace(place, addition + place))
    return copy


def end_while_it_sleeps(database: CrmDatabase, file: Path, how: str, setting: str) -> None:
    """Run a file that sleeps somewhere, and end it there."""
    with subprocess.Popen(
        psql_command(database, "-f", str(file)), env={"PGOPTIONS": f"-c {setting}"}, stderr=subprocess.DEVNULL
    ) as run:
        assert eventually(lambda: database.psql(SLEEPERS) == "1")
        if how == "kill -9":
            run.send_signal(signal.SIGKILL)
        else:
            database.psql(END.format("application_name = 'asleep'"))
    assert eventually(lambda: database.psql(SLEEPERS) == "0")


# Rows that come and go meanwhile.


@pytest.mark.parametrize(("change", "n"), [(ARRIVE, 19), (LEAVE, 17)])
def test_a_row_that_comes_or_goes_after_the_count_ends_it_with_nothing_moved(
    linked_database: CrmDatabase, tmp_path: Path, change: str, n: int
) -> None:
    schema = schema_dump(linked_database)
    file = patched(LINKS_BACK, tmp_path, "-- == Fence ==", change)

    outcome = by_psql(linked_database, file, taskline__discard_links=18)

    assert 3 == outcome.code
    assert f"18 may be set aside, but there are {n}:" in outcome.errors
    assert schema == schema_dump(linked_database)  # and no fence
    assert n == losses(linked_database)
    assert "0" == linked_database.psql(TABLES)


def test_of_a_stream_of_new_tasks_none_is_lost(linked_database: CrmDatabase) -> None:
    with ExitStack() as stack:
        writers = [
            stack.enter_context(
                subprocess.Popen(
                    psql_command(linked_database), stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
                )
            )
            for _ in range(3)
        ]
        for writer in writers:
            assert writer.stdin
            writer.stdin.write((ARRIVE + NAP) * 12)
            writer.stdin.close()
        while 0 != by_psql(linked_database, LINKS_BACK, taskline__discard_links=losses(linked_database)).code:
            assert "0" == linked_database.psql(FENCES)
        refused = sum(writer.stderr.read().count("ERROR") for writer in writers if writer.stderr)

    kept = int(linked_database.psql(f"SELECT count(*) FROM {ASIDE} WHERE subject = 'arrived'"))
    stored = int(linked_database.psql("SELECT count(*) FROM lead_interactions WHERE subject = 'arrived'"))

    assert 0 == stored
    assert 36 == kept + refused
    assert str(kept + 18) == linked_database.psql(f"SELECT count(*) FROM {ASIDE}")


def test_a_row_that_somebody_holds_is_waited_for(linked_database: CrmDatabase) -> None:
    before = rows(linked_database)
    with open_transaction(linked_database, "SELECT FROM lead_interactions WHERE lead_id IS NULL FOR UPDATE") as holder:
        blocked = by_psql(linked_database, LINKS_BACK, taskline__discard_links=18, taskline__lock_budget="300ms")
        assert holder.poll() is None

    set_aside(linked_database)
    bring_back(linked_database)

    assert "no lock within" in blocked.errors
    assert before == rows(linked_database)


def test_a_busy_writer_does_not_keep_it_from_its_locks(linked_database: CrmDatabase) -> None:
    task = linked_database.psql("SELECT id FROM lead_interactions WHERE subject NOT LIKE 'linked%' LIMIT 1")
    change = "UPDATE lead_interactions SET priority = CASE priority WHEN 'low' THEN 'high' ELSE 'low' END"
    write = f"{change} WHERE id = '{task}';"
    with subprocess.Popen(psql_command(linked_database), stdin=subprocess.PIPE, text=True) as writer:
        assert writer.stdin
        writer.stdin.write("\\o /dev/null\n" + f"{write}\n" * 200 + f"{write} \\watch 0.001\n")
        writer.stdin.flush()
        outcome = by_psql(linked_database, LINKS_BACK, taskline__discard_links=18, taskline__lock_budget="60s")
        assert writer.poll() is None
        writer.kill()

    assert 0 == outcome.code, outcome.errors
    assert "18|18" == linked_database.psql(HELD)


def test_of_two_at_once_the_second_finds_nothing_left(linked_database: CrmDatabase) -> None:
    said: list[list[str]] = [[], []]
    wish = rollbacks.Wish(41, discard_links=18)

    async def both() -> list[rollbacks.Rollback]:
        runs = (rollbacks.run(linked_database.owner_url, wish, lines.append) for lines in said)
        return await asyncio.gather(*runs)

    done = asyncio.run(both())

    second = next(lines for lines in said if any("Waiting for another migration" in line for line in lines))
    assert [0, 1] == sorted(len(each.run.entries) for each in done)
    assert any("there is nothing to take back" in line for line in second)
    assert "18|18" == linked_database.psql(HELD)


# Runs that are ended.


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("then", ["back", "refused", "forward"])
def test_a_move_that_was_ended_has_not_begun(linked_database: CrmDatabase, tmp_path: Path, how: str, then: str) -> None:
    before, schema = rows(linked_database), schema_dump(linked_database)
    place = "  EXECUTE array_to_string(array_remove(loud"  # all is copied and removed, and not committed
    file = patched(LINKS_BACK, tmp_path, "  " + place, f"{ASLEEP};\n")

    end_while_it_sleeps(linked_database, file, how, "taskline.discard_links=18")
    between = rows(linked_database)
    fences = linked_database.psql(FENCES)
    if then == "back":
        set_aside(linked_database)
        bring_back(linked_database)
    elif then == "refused":
        assert "would lose links" in by_psql(linked_database, LINKS_BACK).errors
    else:
        assert by_psql(linked_database, LINKS).is_success

    assert before == between
    assert "3" == fences
    assert before == rows(linked_database)
    assert "0" == linked_database.psql(FENCES)
    assert "0" == linked_database.psql(TABLES)
    if then != "back":  # which makes the columns anew, in another order
        assert schema == schema_dump(linked_database)


@pytest.mark.parametrize("how", HOWS)
def test_a_return_that_was_ended_goes_on(linked_database: CrmDatabase, tmp_path: Path, how: str) -> None:
    before = rows(linked_database)
    set_aside(linked_database)
    nap = f"  {ASLEEP} FROM (SELECT count(*) AS n FROM {ASIDE}) t WHERE n < 18;\n"
    file = patched(LINKS, tmp_path, "  SET CONSTRAINTS ALL IMMEDIATE; ", nap)
    file.write_text(file.read_text().replace("bring_back(1000)", "bring_back(5)"))

    end_while_it_sleeps(linked_database, file, how, "taskline.bring_back=on")
    held = int(linked_database.psql(f"SELECT count(*) FROM {ASIDE}"))
    bring_back(linked_database)

    assert 0 < held < 18
    assert before == rows(linked_database)
    assert "0" == linked_database.psql(TABLES)


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("phase", PHASES)
def test_a_rollback_that_was_ended_before_a_step_is_finished_by_the_next(
    linked_database: CrmDatabase, tmp_path: Path, phase: str, how: str
) -> None:
    before = rows(linked_database)
    file = patched(LINKS_BACK, tmp_path, f"-- == {phase} ==", f"DO $$ BEGIN {ASLEEP}; END $$;\n")

    end_while_it_sleeps(linked_database, file, how, "taskline.discard_links=18")
    asyncio.run(rollbacks.run(linked_database.owner_url, rollbacks.Wish(41, discard_links=18), print))
    held, fences = linked_database.psql(HELD), linked_database.psql(FENCES)
    bring_back(linked_database)

    assert ("18|18", "0") == (held, fences)
    assert before == rows(linked_database)


@pytest.mark.parametrize("phase", PHASES[2:])
def test_a_rollback_that_was_ended_before_a_step_can_be_given_up(
    linked_database: CrmDatabase, tmp_path: Path, phase: str
) -> None:
    before, schema = rows(linked_database), fingerprint(linked_database)
    file = patched(LINKS_BACK, tmp_path, f"-- == {phase} ==", f"DO $$ BEGIN {ASLEEP}; END $$;\n")

    end_while_it_sleeps(linked_database, file, "pg_terminate_backend", "taskline.discard_links=18")
    bring_back(linked_database)

    assert before == rows(linked_database)
    assert schema == fingerprint(linked_database)


@pytest.mark.parametrize("then", ["up", "rollback"])
def test_the_runner_opens_the_fence_of_a_rollback_that_was_ended(
    legacy_database: CrmDatabase, tmp_path: Path, then: str
) -> None:
    url = legacy_database.owner_url
    asyncio.run(apply.up(url, through=41, say=print))
    place = "-- == Links =="
    file = patched(LINKS_BACK, tmp_path, place, f"DO $$ BEGIN {ASLEEP}; END $$;\n")

    end_while_it_sleeps(legacy_database, file, "pg_terminate_backend", "taskline.discard_links=")
    fences = int(legacy_database.psql(FENCES))
    asyncio.run(apply.up(url, through=41, say=print) if then == "up" else rollbacks.run(url, rollbacks.Wish(41), print))

    assert fences
    assert "0" == legacy_database.psql(FENCES)
