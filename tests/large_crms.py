"""A CRM as large as they get: a million interactions, most of them one organization's, very unevenly spread."""

from uuid import UUID

from tests.databases import CrmDatabase
from tests.plans import explain_all

INTERACTIONS = 1_000_000
ORGANIZATION, OTHER = UUID(int=1), UUID(int=2)
"""The one has seven tenths of all; the other has the rest, and is in the way."""


CONTACT, ACCOUNT, LEAD = 5, 6, 7
HOT, MIDDLING, NORMAL = 0, 1, 300
"""Which record of its kind has 100,000 interactions of its own, which 500, and one of 20,000 that have 5 to 15.

The hot account and lead are related to the hot contact, which has further 200 accounts and 5 leads, with 100,000
interactions together.
"""
SETTLED = 20_300
"""The number of a contact, its account, and a lead of its own, in the other organization.

Each has 100,000 interactions, of which 11 are open tasks.
"""
RELATED = 207
"""How many records belong to the hot contact."""


def record(kind: int, number: int) -> UUID:
    """Return the id of a record, by its kind and by which of them it is."""
    return UUID(int=(kind << 96) + number)


# Each tenth interaction is of the same share; k is 0 to 99,999 within it, in no order of time.
FILL = f"""
SET session_replication_role = replica;  -- of the old triggers none is needed; that of occurs_at works all the same
ALTER TABLE lead_interactions DISABLE TRIGGER taskline_events;
CREATE FUNCTION pg_temp.id (kind int, n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS
$$ SELECT (lpad(to_hex(kind), 8, '0') || '-0000-0000-0000-' || lpad(to_hex(n), 12, '0'))::uuid $$;
INSERT INTO organizations (id, name, slug)
SELECT id, id::text, id::text FROM (VALUES ('{ORGANIZATION}'::uuid), ('{OTHER}')) v (id);
INSERT INTO users (id, organization_id, email, password_hash, first_name, last_name)
SELECT pg_temp.id(0, 1 + n), '{ORGANIZATION}', n || '@example.test', '!', 'Una', n::text FROM generate_series(0, 16) n;
INSERT INTO contacts (id, organization_id, first_name, last_name)
SELECT pg_temp.id({CONTACT}, n), '{ORGANIZATION}', 'Cora', n::text FROM generate_series(0, 20299) n;
INSERT INTO accounts (id, organization_id, contact_id, account_name)
SELECT pg_temp.id({ACCOUNT}, n), '{ORGANIZATION}',
       pg_temp.id({CONTACT}, CASE WHEN n BETWEEN 2 AND 201 THEN {HOT} ELSE n END), n::text
  FROM generate_series(0, 20299) n;
INSERT INTO leads (id, organization_id, first_name, last_name, linked_contact_id)
SELECT pg_temp.id({LEAD}, n), '{ORGANIZATION}', 'Lea', n::text,
       pg_temp.id({CONTACT}, CASE WHEN n BETWEEN 2 AND 6 THEN {HOT} ELSE n END)
  FROM generate_series(0, 20299) n;
INSERT INTO contacts (id, organization_id, first_name, last_name)
VALUES (pg_temp.id({CONTACT}, {SETTLED}), '{OTHER}', 'Cora', 'Other');
INSERT INTO accounts (id, organization_id, contact_id, account_name)
VALUES (pg_temp.id({ACCOUNT}, {SETTLED}), '{OTHER}', pg_temp.id({CONTACT}, {SETTLED}), 'Other');
INSERT INTO leads (id, organization_id, first_name, last_name)
VALUES (pg_temp.id({LEAD}, {SETTLED}), '{OTHER}', 'Lea', 'Other');
INSERT INTO lead_interactions (organization_id, user_id, interaction_type, status, priority, subject, created_at,
                               updated_at, scheduled_at, completed_at, deleted_at, contact_id, account_id, lead_id)
SELECT CASE WHEN share < 3 THEN '{OTHER}'::uuid ELSE '{ORGANIZATION}' END, pg_temp.id(0, 1 + k % 17),
       CASE WHEN k % 1000 = 10 THEN 'meeting' WHEN k % 20 < 10 THEN 'task' WHEN k % 20 < 15 THEN 'call' ELSE 'note' END,
       CASE WHEN k % 100 = 7 THEN 'cancelled' WHEN share < 3 AND k >= 40 THEN 'completed'
            ELSE (ARRAY['completed', 'pending', 'scheduled'])[1 + k % 10 / 4] END,
       (ARRAY['low', 'medium', 'high'])[1 + k % 3], 'Subject ' || k, at, at + interval '1 hour',
       CASE WHEN k % 5 > 0 THEN at + interval '3 days' END,
       CASE WHEN k % 10 < 4 THEN at + interval '2 days' END,
       CASE WHEN k % 100 = 7 THEN at + interval '4 days' END,
       CASE WHEN share = 0 THEN pg_temp.id({CONTACT}, {SETTLED})
            WHEN share = 4 AND k < 500 THEN pg_temp.id({CONTACT}, {MIDDLING})
            WHEN share = 4 THEN pg_temp.id({CONTACT}, {HOT})
            WHEN share > 6 THEN pg_temp.id({CONTACT}, {NORMAL} + k / 5) END,
       CASE WHEN share = 1 THEN pg_temp.id({ACCOUNT}, {SETTLED})
            WHEN share = 3 AND k < 500 THEN pg_temp.id({ACCOUNT}, {MIDDLING})
            WHEN share = 3 THEN pg_temp.id({ACCOUNT}, {HOT})
            WHEN share = 6 AND k / 4000 % 2 = 0 THEN pg_temp.id({ACCOUNT}, 2 + k / 20 % 200)
            WHEN share = 8 THEN pg_temp.id({ACCOUNT}, {NORMAL} + k / 5) END,
       CASE WHEN share = 2 THEN pg_temp.id({LEAD}, {SETTLED})
            WHEN share = 5 AND k < 500 THEN pg_temp.id({LEAD}, {MIDDLING}) WHEN share = 5 THEN pg_temp.id({LEAD}, {HOT})
            WHEN share = 6 AND k / 4000 % 2 = 1 THEN pg_temp.id({LEAD}, 2 + k / 20 % 5)
            WHEN share = 9 THEN pg_temp.id({LEAD}, {NORMAL} + k / 5) END
  FROM (SELECT n, n % 10 AS share, (n / 10 * 7919) % 100000 AS k,
               timestamptz '2020-01-01Z' + n * interval '4 minutes' AS at
          FROM generate_series(0, {INTERACTIONS} - 1) n) rows;
ALTER TABLE lead_interactions ENABLE ALWAYS TRIGGER taskline_events
"""


def fill_large(database: CrmDatabase) -> None:
    """Fill a migrated CRM, which then tells what it does for the API. Takes 40 s."""
    database.psql(FILL)
    database.psql("VACUUM (ANALYZE)")
    explain_all(database)
