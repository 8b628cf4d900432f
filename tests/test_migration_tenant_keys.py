"""046: the database refuses a link to another organization's record, and stops nothing that worked before."""

import subprocess
from collections.abc import Callable, Iterator

import pytest

from tests.databases import CrmDatabase, copy
from tests.migration_runs import (
    KEYS,
    KEYS_BACK,
    LOG_BACK,
    TENANT,
    by_psql,
    open_transaction,
    psql_command,
    schema_dump,
    take_back,
    take_back_later,
)
from tests.test_migration_readiness import missing

pytestmark = pytest.mark.slow

LI = "ALTER TABLE lead_interactions"
KEY = "lead_interactions_{}_tenant_fkey"
VERSIONS = "SELECT md5(string_agg(id::text || xmin::text, ',' ORDER BY id)) FROM lead_interactions"
INDEXES = "SELECT count(*) FROM pg_index WHERE indrelid = 'lead_interactions'::regclass"
VALIDATED = (
    "SELECT string_agg(convalidated::text, ',' ORDER BY conname) FROM pg_constraint WHERE conname LIKE '%tenant_fkey'"
)
# A task of the first organization and a record of the second, as psql variables.
ROWS = """
SELECT t.id AS task, t.organization_id AS mine, o.id AS other, c.id AS contact, a.id AS account, own.id AS own_contact
  FROM (SELECT id, organization_id FROM lead_interactions
         WHERE organization_id IS NOT NULL AND interaction_type = 'task' ORDER BY id LIMIT 1) t
  JOIN organizations o ON o.id <> t.organization_id
  JOIN LATERAL (SELECT id FROM contacts WHERE organization_id = o.id ORDER BY id LIMIT 1) c ON true
  JOIN LATERAL (SELECT id FROM accounts WHERE organization_id = o.id ORDER BY id LIMIT 1) a ON true
  JOIN LATERAL (SELECT id FROM contacts WHERE organization_id = t.organization_id ORDER BY id LIMIT 1) own ON true
 LIMIT 1 \\gset
"""


def run(database: CrmDatabase, sql: str, *, url: str | None = None) -> tuple[str, str]:
    """Run SQL that may use the variables of ROWS; return rows and errors."""
    done = subprocess.run(
        psql_command(database, "-At", url=url or database.owner_url),
        input=ROWS + sql, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.stdout.strip(), done.stderr


@pytest.fixture
def ready(through_template: Callable[[int], CrmDatabase]) -> Iterator[CrmDatabase]:
    """A CRM after 045."""
    with copy(through_template(45)) as database:
        yield database


@pytest.fixture
def mismatched(ready: CrmDatabase) -> CrmDatabase:
    """One with a task that names another organization's contact."""
    _, errors = run(ready, "UPDATE lead_interactions SET contact_id = :'contact' WHERE id = :'task'")
    assert "" == errors
    return ready


# What it does.


def test_it_writes_no_row_and_adds_no_index_to_interactions(ready: CrmDatabase) -> None:
    before = ready.psql(VERSIONS), ready.psql(INDEXES)

    outcome = by_psql(ready, KEYS)

    assert outcome.is_success, outcome.report + outcome.errors
    assert before == (ready.psql(VERSIONS), ready.psql(INDEXES))
    assert "✅ rows: none inserted, updated or deleted, by the server's own count" in outcome.report
    assert "✅ tried: contact of another organization refused, as crm_app" in outcome.report
    assert "✅ tried: account of another organization refused, as crm_app" in outcome.report
    assert "✅ tried: task of a contact and an account inserted, read and completed as crm_app" in outcome.report
    assert "true,true" == ready.psql(VALIDATED)
    assert [] == [name for name in missing(ready, ready.app_url) if name < "047"]


@pytest.mark.parametrize("kind", ["contact", "account"])
@pytest.mark.parametrize("who", ["owner", "API"])
def test_whoever_writes_can_link_no_record_of_another_organization(database: CrmDatabase, kind: str, who: str) -> None:
    url = database.owner_url if who == "owner" else database.app_url
    set_ = "SELECT set_config('app.current_organization_id', :'mine', false) \\g /dev/null\n"
    insert = (
        "INSERT INTO lead_interactions (organization_id, user_id, interaction_type, status, {0}_id) "
        "SELECT organization_id, user_id, 'task', 'pending', :'{1}' FROM lead_interactions WHERE id = :'task'"
    )

    # :task and the rest are looked up by the owner, for row security hides the other organization.
    values, _ = run(database, "\\echo :task :mine :contact :account :own_contact")
    task, mine, contact, account, own = values.split()
    names = {"task": task, "mine": mine, "contact": contact, "account": account, "own_contact": own}
    variables = [word for name, value in names.items() for word in ("-v", f"{name}={value}")]
    words = [
        subprocess.run(
            psql_command(database, *variables, url=url), input=set_ + sql, capture_output=True, text=True, check=False
        ).stderr
        for sql in (
            insert.format(kind, kind),
            f"UPDATE lead_interactions SET {kind}_id = :'{kind}' WHERE id = :'task'",
            insert.format("contact", "own_contact"),
        )
    ]

    assert all(f'violates foreign key constraint "{KEY.format(kind)}"' in said for said in words[:2])
    assert "" == words[2]


def test_a_row_without_an_organization_is_not_checked(database: CrmDatabase) -> None:
    database.psql("ALTER TABLE lead_interactions DISABLE TRIGGER USER", url=database.owner_url)

    _, errors = run(
        database,
        "INSERT INTO lead_interactions (user_id, interaction_type, contact_id, occurs_at) "
        "SELECT user_id, 'task', :'contact', now() FROM lead_interactions WHERE id = :'task'",
    )

    assert "" == errors


def test_a_lead_of_another_organization_is_taken_as_before(database: CrmDatabase) -> None:
    _, errors = run(
        database,
        "UPDATE lead_interactions SET lead_id = (SELECT id FROM leads WHERE organization_id = :'other' LIMIT 1) "
        "WHERE id = :'task'",
    )

    assert "" == errors


@pytest.mark.parametrize("first", ["041's key", "046's key"])
def test_a_deleted_contact_leaves_the_task_and_one_line_in_the_log(database: CrmDatabase, first: str) -> None:
    if first == "046's key":  # triggers of keys fire in the order of their numbers
        database.psql(
            f"{LI} DROP CONSTRAINT lead_interactions_contact_id_fkey; "
            f"{LI} ADD CONSTRAINT lead_interactions_contact_id_fkey "
            "FOREIGN KEY (contact_id) REFERENCES contacts (id) ON DELETE SET NULL",
            url=database.owner_url,
        )
    seen, errors = run(
        database,
        "UPDATE lead_interactions SET contact_id = :'own_contact', account_id = (SELECT id FROM accounts "
        "WHERE organization_id = :'mine' AND contact_id <> :'own_contact' LIMIT 1) WHERE id = :'task';\n"
        "SELECT count(*) AS n FROM taskline_events WHERE interaction_id = :'task' \\gset\n"
        "DELETE FROM contacts WHERE id = :'own_contact';\n"
        "SELECT organization_id = :'mine', contact_id IS NULL, account_id IS NOT NULL FROM lead_interactions "
        "WHERE id = :'task';\n"
        "SELECT count(*) - :n, max(type) FILTER (WHERE record_id = :'own_contact' AND type = 'link_lost') "
        "FROM taskline_events "
        "WHERE interaction_id = :'task'",
    )

    assert "" == errors
    assert ["t|t|t", "1|link_lost"] == seen.splitlines()


# Rows of before that don't agree.


def test_rows_that_disagree_are_counted_and_hinder_nothing(mismatched: CrmDatabase) -> None:
    first, again = (by_psql(mismatched, KEYS) for _ in range(2))

    assert first.is_success, first.report + first.errors
    assert again.is_success, again.report + again.errors
    assert (
        "CREATED for what is written from now on; 1 row of before names a contact of another organization"
        in first.report
    )
    assert "true,false" == mismatched.psql(VALIDATED)
    assert [] == [name for name in missing(mismatched, mismatched.app_url) if name < "047"]


@pytest.mark.parametrize("column", ["contact_id", "contact_id and the rest"])
def test_a_row_that_disagrees_can_be_changed_as_before(mismatched: CrmDatabase, column: str) -> None:
    assert by_psql(mismatched, KEYS).is_success
    every = mismatched.psql(
        "SELECT string_agg(format('%1$I = t.%1$I', attname), ', ') FROM pg_attribute "
        "WHERE attrelid = 'lead_interactions'::regclass AND attnum > 0 AND NOT attisdropped AND attname <> 'status'"
    )
    as_they_are = "contact_id = t.contact_id" if column == "contact_id" else every

    _, errors = run(
        mismatched,
        f"UPDATE lead_interactions u SET status = 'completed', {as_they_are} FROM lead_interactions t "
        "WHERE t.id = u.id AND t.id = :'task'",
    )

    assert "" == errors


def test_a_row_that_disagrees_is_not_made_to_name_another_one(mismatched: CrmDatabase) -> None:
    assert by_psql(mismatched, KEYS).is_success

    _, errors = run(
        mismatched,
        "UPDATE lead_interactions SET contact_id = (SELECT id FROM contacts WHERE organization_id = :'other' "
        "AND id <> :'contact' LIMIT 1) WHERE id = :'task'",
    )

    assert KEY.format("contact") in errors


def test_when_the_last_one_agrees_the_next_run_says_so(mismatched: CrmDatabase) -> None:
    by_psql(mismatched, KEYS)
    run(mismatched, "UPDATE lead_interactions SET contact_id = :'own_contact' WHERE id = :'task'")

    outcome = by_psql(mismatched, KEYS)

    assert "✅ lead_interactions_contact_tenant_fkey: CREATED, and every row agrees" in outcome.report
    assert "true,true" == mismatched.psql(VALIDATED)


def test_a_deleted_contact_of_another_organization_leaves_the_task_too(mismatched: CrmDatabase) -> None:
    by_psql(mismatched, KEYS)

    seen, errors = run(
        mismatched,
        "DELETE FROM contacts WHERE id = :'contact'; "
        "SELECT contact_id IS NULL FROM lead_interactions WHERE id = :'task'",
    )

    assert ("t", "") == (seen, errors)


def test_042_runs_again_beside_a_row_without_an_organization_whose_links_disagree(database: CrmDatabase) -> None:
    _, errors = run(
        database,
        "SET session_replication_role = replica; "
        "INSERT INTO lead_interactions (id, user_id, interaction_type, lead_id, contact_id, occurs_at) "
        "SELECT v.id, t.user_id, 'task', (SELECT id FROM leads WHERE organization_id = :'mine' LIMIT 1), v.contact, "
        "now() "
        "FROM lead_interactions t, (VALUES (uuid '00000000-0000-0000-0000-000000000001', uuid :'contact'), "
        "('00000000-0000-0000-0000-000000000002', :'own_contact')) AS v(id, contact) WHERE t.id = :'task'",
        url=database.superuser_url,
    )

    outcome = by_psql(database, TENANT)

    assert "" == errors
    assert outcome.is_success, outcome.report + outcome.errors
    assert "⚠️ 1 row without an organization, nor is there one in what is linked, or not for all of it" in outcome.report
    assert "2" == database.psql(
        "SELECT right(id::text, 1) FROM lead_interactions "
        "WHERE id::text LIKE '00000000-%' AND organization_id IS NOT NULL"
    )


# Beside others.


def test_nobody_waits_for_it_behind_a_long_transaction(ready: CrmDatabase) -> None:
    # An index waits for it, and holds nobody up; so they are there already, and only the keys are missing.
    for name in ("contacts", "accounts"):
        ready.psql(
            f"CREATE UNIQUE INDEX taskline_{name}_of_tenant ON {name} (organization_id, id)", url=ready.owner_url
        )
    ready.psql(
        "CREATE INDEX taskline_leads_by_contact ON leads (linked_contact_id) WHERE linked_contact_id IS NOT NULL",
        url=ready.owner_url,
    )
    with open_transaction(ready, "UPDATE contacts SET notes = 'x' WHERE id = (SELECT id FROM contacts LIMIT 1)"):
        stopped = by_psql(ready, KEYS, taskline__lock_budget="300ms")

    outcome = by_psql(ready, KEYS)

    assert "let a task link only a contact of its organization: no lock within 00:00:00.3" in stopped.errors
    assert outcome.is_success, outcome.report + outcome.errors


def test_a_run_with_nothing_to_do_takes_no_exclusive_lock(database: CrmDatabase) -> None:
    tables = "leads, contacts, accounts, lead_interactions"
    with open_transaction(database, f"LOCK TABLE {tables} IN ROW EXCLUSIVE MODE"):
        outcome = by_psql(database, KEYS, taskline__lock_budget="300ms")

    assert outcome.is_success, outcome.report + outcome.errors


@pytest.mark.parametrize("heading", ["Indexes", "Keys", "Validation"])
def test_a_run_that_was_broken_off_is_gone_on_with(
    ready: CrmDatabase, tmp_path_factory: pytest.TempPathFactory, heading: str
) -> None:
    before = schema_dump(ready)
    cut = tmp_path_factory.mktemp("cut") / "cut.sql"
    cut.write_text(KEYS.read_text().partition(f"-- == {heading} ==")[0])
    by_psql(ready, cut)

    outcome = by_psql(ready, KEYS)
    back = by_psql(ready, KEYS_BACK)

    assert outcome.is_success, outcome.report + outcome.errors
    assert 0 == back.code, back.errors
    assert before == schema_dump(ready)


# The way back.


def test_045_is_not_taken_back_before_046(database: CrmDatabase) -> None:
    take_back_later(database, KEYS_BACK)

    outcome = by_psql(database, LOG_BACK)

    assert 3 == outcome.code
    assert "found that 046 is in place. Next: run 046_tenant_keys.rollback.sql first" in outcome.errors


def test_a_key_that_others_built_on_its_index_is_named_before_anything_is_taken_back(ready: CrmDatabase) -> None:
    by_psql(ready, KEYS)
    ready.psql(
        "CREATE TABLE letters (o uuid, c uuid, FOREIGN KEY (o, c) REFERENCES contacts (organization_id, id))",
        url=ready.owner_url,
    )
    before = schema_dump(ready)

    outcome = by_psql(ready, KEYS_BACK)

    assert 3 == outcome.code
    assert (
        "taskline_contacts_of_tenant: found that constraint letters_o_c_fkey on table letters needs it"
        in outcome.errors
    )
    assert "Nothing was changed" in outcome.errors
    assert before == schema_dump(ready)


@pytest.mark.parametrize("what", ["renamed", "dropped"])
def test_a_table_that_went_meanwhile_is_named_before_anything_is_taken_back(ready: CrmDatabase, what: str) -> None:
    by_psql(ready, KEYS)
    gone = {"renamed": "ALTER TABLE contacts RENAME TO people", "dropped": "DROP TABLE contacts CASCADE"}
    ready.psql(gone[what], url=ready.owner_url)
    before = schema_dump(ready)

    outcome = by_psql(ready, KEYS_BACK)

    assert 3 == outcome.code
    assert "contacts: found no such table, expected the one that 046 changed. Next: " in outcome.errors
    assert "Nothing was changed" in outcome.errors
    assert before == schema_dump(ready)


def test_taken_back_twice_there_is_nothing_to_do(database: CrmDatabase) -> None:
    first, again = take_back(database, KEYS_BACK), by_psql(database, KEYS_BACK)

    assert "✅ 046 is taken back" in first.report
    assert "there is nothing to take back: 046 is not in place" in again.report
