"""Who is in the way of a migration: exactly those, in words, without their queries if those are not to be seen."""

import asyncio
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from errors import MigrationBlocked
from migrations.runner import apply
from tests.databases import OWNER, CrmDatabase
from tests.deadlines import eventually
from tests.migration_runs import BACK, FORWARD, LINKS, by_psql, make_variant, open_transaction, schema_dump

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
SECRET = "secret of a customer"
# Put round the statement that alter_shortly runs: the locks it was thought to take, and those that it took on what was
# there. Nobody else can see a table that the statement itself makes.
COMPARISON = """
      near := ARRAY(SELECT rel::oid FROM pg_temp.tables_near() rel);
      EXECUTE ddl;
      SELECT jsonb_object_agg(l.relation, l.mode) INTO held FROM (
        SELECT DISTINCT ON (l.relation) l.relation, l.mode
          FROM pg_locks l
         WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation' AND l.mode <> 'AccessShareLock'
           AND (l.relation = ANY (near)
                OR l.relation IN (SELECT indexrelid FROM pg_index WHERE indrelid = 'lead_interactions'::regclass)
                OR locks ? l.relation::text)
         ORDER BY l.relation, array_position(ARRAY['RowShareLock', 'RowExclusiveLock', 'ShareUpdateExclusiveLock',
                                                   'ShareLock', 'ShareRowExclusiveLock', 'AccessExclusiveLock'],
                                             l.mode) DESC) AS l;
      RAISE NOTICE 'compared: %', ddl;
      IF locks <> coalesce(held, '{}') THEN
        RAISE NOTICE 'DIFFERENT: % takes %, and not %', ddl, held, locks;
      END IF;"""


@pytest.mark.parametrize("variant", ["", "v_half_applied", "v_invalid_index"])
def test_the_locks_of_each_statement_are_known_exactly(
    legacy_database: CrmDatabase, tmp_path: Path, variant: str
) -> None:
    if variant:
        make_variant(legacy_database, variant)
    said = ""
    for file in (*FORWARD, *BACK):
        text = file.read_text()
        assert 1 == text.count("      EXECUTE ddl;")
        text = text.replace("      EXECUTE ddl;", COMPARISON).replace(
            "  waited   text[];", "  waited   text[]; held jsonb; near oid[];"
        )
        text = text.replace("PERFORM pg_temp.take_in_order(locks,", "PERFORM pg_temp.take_in_order('{}',")
        patched = tmp_path / file.name
        patched.write_text(text)

        outcome = by_psql(legacy_database, patched)

        assert 0 == outcome.code, outcome.errors
        said += outcome.errors

    assert "compared: ALTER TABLE" in said
    assert "DIFFERENT" not in said


def refusal(database: CrmDatabase, **settings: str) -> str:
    """Run 041, which is blocked, and return what it says: after its first try, and at the end."""
    outcome = by_psql(database, LINKS, taskline__lock_budget="1s", **settings)
    assert 3 == outcome.code
    return outcome.errors


def test_it_names_who_blocks_it_with_what_they_do(legacy_database: CrmDatabase) -> None:
    with open_transaction(legacy_database, "SELECT FROM lead_interactions LIMIT 1"):
        said = refusal(legacy_database)

    assert "a table is in use, trying again for 00:00:01; in the way:\n  - process " in said
    assert (
        f"(user {OWNER}, application psql, client on this machine, idle in transaction, transaction open for 00:00:0"
    ) in said
    assert "query: SELECT FROM lead_interactions LIMIT 1;) holds ACCESS SHARE on lead_interactions" in said


def test_it_does_not_name_who_only_reads_what_a_key_points_at(legacy_database: CrmDatabase) -> None:
    legacy_database.psql("ALTER TABLE lead_interactions ALTER lead_id DROP NOT NULL")
    legacy_database.psql("ALTER TABLE interaction_events ALTER lead_id DROP NOT NULL")
    with (
        open_transaction(legacy_database, "SELECT 'a reader' FROM contacts LIMIT 1"),
        open_transaction(legacy_database, "LOCK contacts IN ROW EXCLUSIVE MODE"),
    ):
        said = refusal(legacy_database)

    assert "add lead_interactions.contact_id and lead_interactions.account_id: no lock within" in said
    assert "holds ROW EXCLUSIVE on contacts" in said
    assert "a reader" not in said


@pytest.mark.parametrize(
    ("setting", "is_on"), [("off", False), ("NO", False), ("on", True), ("True", True), ("1", True)]
)
def test_a_query_is_hidden_on_request_and_the_rest_stays(
    legacy_database: CrmDatabase, setting: str, *, is_on: bool
) -> None:
    with open_transaction(legacy_database, f"SELECT '{SECRET}' FROM lead_interactions LIMIT 1"):
        said = refusal(legacy_database, taskline__redact=setting)

    assert is_on != (SECRET in said)
    assert "application psql" in said
    assert is_on == ("query not shown" in said)


@pytest.mark.parametrize("file", [*FORWARD, *BACK], ids=lambda file: file.name)
def test_a_setting_that_is_neither_on_nor_off_is_refused_before_anything_is_done(
    linked_database: CrmDatabase, file: Path
) -> None:
    before = schema_dump(linked_database)

    said = [
        by_psql(linked_database, file, **{f"taskline__{name}": "ja"}) for name in ("redact", "checksum", "bring_back")
    ]

    assert [3, 3, 3] == [outcome.code for outcome in said]
    assert "the setting taskline.redact: found 'ja', expected on or off" in said[0].errors
    assert all("Nothing was changed." in outcome.errors for outcome in said)
    assert before == schema_dump(linked_database)


def test_a_long_query_is_cut_and_stays_on_its_line(legacy_database: CrmDatabase) -> None:
    query = "SELECT 'start'\n  FROM lead_interactions\n WHERE subject <> '" + "x" * 500 + "' LIMIT 1"
    with open_transaction(legacy_database, query):
        said = refusal(legacy_database)

    lines = [line for line in said.splitlines() if "'start'" in line]
    assert 2 == len(lines)  # after the first try and at the end
    assert all("query: SELECT 'start' FROM lead_interactions WHERE subject <> 'xxx" in line for line in lines)
    assert all(len(line) < 400 for line in lines)


def test_what_is_hidden_from_the_owner_is_said_to_be_hidden(legacy_database: CrmDatabase) -> None:
    lock = "LOCK lead_interactions IN ROW EXCLUSIVE MODE"
    with open_transaction(legacy_database, lock, url=legacy_database.superuser_url):
        said = refusal(legacy_database)

    assert f"(user postgres; what it does is hidden from {OWNER} without: GRANT pg_read_all_stats TO {OWNER})" in said


def test_a_prepared_transaction_which_has_no_process_is_named(legacy_database: CrmDatabase) -> None:
    legacy_database.psql("BEGIN; LOCK lead_interactions IN ROW EXCLUSIVE MODE; PREPARE TRANSACTION 'left behind'")
    try:
        said = refusal(legacy_database)
    finally:
        legacy_database.psql("ROLLBACK PREPARED 'left behind'")

    assert "prepared transaction 'left behind' (user postgres, since " in said
    assert "it ends with COMMIT PREPARED or ROLLBACK PREPARED) holds ROW EXCLUSIVE on lead_interactions" in said


def test_it_says_for_whose_old_transactions_an_index_build_will_wait(legacy_database: CrmDatabase) -> None:
    hold = "DECLARE c CURSOR FOR SELECT FROM users; FETCH 1 FROM c"
    with open_transaction(legacy_database, hold) as holder, open_transaction(legacy_database, "SELECT 'a reader'"):
        is_old = (
            "SELECT max(clock_timestamp() - xact_start) > '2.1 seconds' FROM pg_stat_activity "
            "WHERE datname = current_database() AND query LIKE '%c;'"
        )
        assert eventually(lambda: "t" == legacy_database.psql(is_old))
        said = []

        def say(line: str) -> None:
            said.append(line)
            if "after they have ended" in line:
                holder.terminate()

        asyncio.run(apply.up(legacy_database.owner_url, through=41, say=say))

    (words,) = [line for line in said if "after they have ended" in line]
    assert "DECLARE c CURSOR" not in words  # the last statement is what shows
    assert "query: FETCH 1 FROM c" in words
    assert "a reader" not in words


def test_the_runner_hides_queries_on_request(legacy_database: CrmDatabase) -> None:
    legacy_database.psql(f"ALTER ROLE {OWNER} IN DATABASE {legacy_database.name} SET taskline.lock_budget = '300ms'")
    command = [sys.executable, "-m", "commands", "migrate", "up", "--redact", "--url", legacy_database.owner_url]

    with open_transaction(legacy_database, f"SELECT '{SECRET}' FROM lead_interactions LIMIT 1"):
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert MigrationBlocked.exit_code == done.returncode
    assert "query not shown" in done.stdout
    assert SECRET not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("query", "words"),
    [
        (
            "autovacuum: VACUUM public.lead_interactions",
            "autovacuum since 2026-11-26 00:00:00+00; it gives way in a moment",
        ),
        (
            "autovacuum: VACUUM public.lead_interactions (to prevent wraparound)",
            "autovacuum since 2026-11-26 00:00:00+00; to prevent wraparound: it doesn't give way, let it end",
        ),
    ],
)
def test_an_autovacuum_is_named_with_what_can_be_done(legacy_database: CrmDatabase, query: str, words: str) -> None:
    needed = "is_on|printable|session_in_words"
    tools = re.findall(
        rf"CREATE OR REPLACE FUNCTION pg_temp\.(?:{needed})\(.*?\n(?:END )?\$\$;", LINKS.read_text(), re.DOTALL
    )
    session = {"pid": 4711, "backend_type": "autovacuum worker", "xact_start": "2026-11-26T00:00:00Z", "query": query}
    record = f"jsonb_populate_record(NULL::pg_stat_activity, '{json.dumps(session)}')"

    said = legacy_database.psql(f"{' '.join(tools)} SELECT pg_temp.session_in_words({record})")

    assert words in said


def test_what_others_write_can_not_steer_the_terminal(legacy_database: CrmDatabase) -> None:
    query = "LOCK lead_interactions IN ACCESS SHARE MODE /* \x1b]0;owned\x07 \x1b[2J \x7f \u009b31m */"
    with open_transaction(legacy_database, query):
        outcome = by_psql(legacy_database, LINKS, taskline__lock_budget="300ms")

    assert "query: LOCK lead_interactions IN ACCESS SHARE MODE /* ]0;owned [2J 31m */" in re.sub(
        " +", " ", outcome.errors
    )
    assert "" == "".join(re.findall(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", outcome.errors))
