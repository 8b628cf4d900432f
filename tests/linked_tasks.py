"""Tasks of every combination of links, with a history, as the API's role makes them; and rows to compare."""

import subprocess
from dataclasses import dataclass

from tests.databases import CrmDatabase
from tests.migration_runs import LINKS, LINKS_BACK, by_psql, psql_command

# Each organization's first user, lead, contact and account; as many tasks of each combination as asked for.
_TASKS = """
SELECT o.id AS tenant, u.id AS assignee, a.contact_id AS contact, a.id AS account, l.id AS lead
  FROM organizations o
  JOIN LATERAL (SELECT id FROM users WHERE organization_id = o.id ORDER BY email LIMIT 1) u ON true
  JOIN LATERAL (SELECT id FROM leads WHERE organization_id = o.id ORDER BY id LIMIT 1) l ON true
  JOIN LATERAL (SELECT id, contact_id FROM accounts WHERE organization_id = o.id ORDER BY id LIMIT 1) a ON true
 ORDER BY o.slug LIMIT 1 \\gset
SELECT set_config('app.current_organization_id', :'tenant', false) \\g /dev/null
SET ROLE crm_app;
INSERT INTO lead_interactions (lead_id, contact_id, account_id, user_id, created_by, organization_id, interaction_type,
                               status, subject, scheduled_at, participants, activity_metadata)
SELECT CASE WHEN with_lead THEN :'lead'::uuid END, CASE WHEN with_contact THEN :'contact'::uuid END,
       CASE WHEN with_account THEN :'account'::uuid END, :'assignee', :'assignee', :'tenant', 'task', 'pending',
       concat_ws(' ', 'linked', with_lead, with_contact, with_account, n), now() + n * interval '1 day 1 microsecond',
       '[null, "É, \\"quoted\\""]', 'null'
  FROM (VALUES (false, true, false), (false, false, true), (false, true, true),
               (true, true, false), (true, false, true), (true, true, true)) AS v(with_lead, with_contact, with_account)
 CROSS JOIN generate_series(1, :n) AS n;
UPDATE lead_interactions SET status = 'completed', completed_at = now(), outcome = 'Sent' WHERE subject LIKE 'linked%1';
UPDATE lead_interactions SET priority = 'high', scheduled_at = now() WHERE subject LIKE 'linked%2';
"""
# Three copies of a lead's task, for a contact, an account and both; and its lead's task gets a contact, too.
_COPIES = """
CREATE TEMPORARY TABLE sample AS
SELECT t.id, a.contact_id AS contact, a.id AS account
  FROM lead_interactions t JOIN accounts a USING (organization_id)
 WHERE t.interaction_type = 'task' AND t.lead_id IS NOT NULL ORDER BY t.id LIMIT 1;
DO $$
DECLARE
  columns constant text := (SELECT string_agg(quote_ident(attname), ', ') FROM pg_attribute
                             WHERE attrelid = 'lead_interactions'::regclass AND attnum > 0 AND NOT attisdropped
                               AND attgenerated = '');
BEGIN
  EXECUTE format('INSERT INTO lead_interactions (%1$s) SELECT %1$s FROM (
    SELECT (jsonb_populate_record(t, jsonb_build_object(''id'', gen_random_uuid(), ''lead_id'', NULL,
                                                        ''contact_id'', v.contact, ''account_id'', v.account))).*
      FROM sample s JOIN lead_interactions t USING (id)
     CROSS JOIN LATERAL (VALUES (s.contact, NULL), (NULL, s.account), (s.contact, s.account)) AS v(contact, account)
    ) c',
    columns);
END $$;
UPDATE lead_interactions t SET contact_id = s.contact FROM sample s WHERE t.id = s.id;
"""
COMBINATIONS = 6

ASIDE = "lead_interactions_rolled_back_041"
HISTORY_ASIDE = "interaction_events_rolled_back_041"
TABLES = "SELECT count(*) FROM pg_class WHERE relname LIKE '%\\_rolled\\_back\\_041' AND relkind = 'r'"
HELD = f"SELECT (SELECT count(*) FROM {ASIDE}), (SELECT count(*) FROM {HISTORY_ASIDE})"
FENCES = "SELECT count(*) FROM pg_constraint WHERE conname LIKE 'taskline\\_041\\_fence%'"


def add_linked_tasks(database: CrmDatabase, each: int = 3) -> int:
    """Make `each` tasks of each combination, and return their number; half of them have no lead."""
    command = psql_command(database, "-v", f"n={each}", "-v", "ON_ERROR_STOP=1", url=database.superuser_url)
    done = subprocess.run(command, input=_TASKS, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return COMBINATIONS * each


@dataclass(frozen=True, slots=True)
class Rows:
    """All rows of the tables that a move could touch, as text."""

    interactions: list[str]
    events: list[str]
    leads: list[str]


def rows(database: CrmDatabase) -> Rows:
    tables = ("lead_interactions", "interaction_events", "leads")
    return Rows(*(database.psql(f"SELECT t FROM {table} t ORDER BY id").splitlines() for table in tables))


def set_aside(database: CrmDatabase, n: int = 18) -> None:
    outcome = by_psql(database, LINKS_BACK, taskline__discard_links=n)
    assert 0 == outcome.code, outcome.errors


def bring_back(database: CrmDatabase) -> str:
    """Run 041 with the wish to bring back, and return its report."""
    outcome = by_psql(database, LINKS, taskline__bring_back="on")
    assert outcome.is_success, outcome.errors
    return outcome.report


def link_copies(database: CrmDatabase) -> None:
    """Make tasks with links in a CRM of any shape, as copies of a task that it has; that one is linked, too."""
    database.psql(_COPIES, url=database.owner_url)


def every_row(database: CrmDatabase) -> str:
    """Return all rows of all tables, as JSON: the order of columns doesn't matter."""
    tables = database.psql(
        "SELECT relname FROM pg_class "
        "WHERE relkind = 'r' AND relnamespace = quote_ident(current_schema())::regnamespace"
    )
    parts = [
        f"(SELECT string_agg(row, E'\\n' ORDER BY row) FROM (SELECT to_jsonb(t)::text AS row FROM {table} t) AS r)"
        for table in sorted(tables.splitlines())
        if not table.startswith("taskline_")
    ]
    return database.psql(f"SELECT concat_ws(E'\\n', {', '.join(parts)})")
