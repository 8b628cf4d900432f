-- linked_tasks.sql: what people and the renewal engine add once tasks may hang on contacts and accounts (after 041).
--   psql -X -v ON_ERROR_STOP=1 -d DB -f linked_tasks.sql        (as the owner, after legacy_data.sql and the migrations)
-- Renewal tasks (contact and account, no lead), account-only and contact-only tasks, and calls and mails beside them.
\set ON_ERROR_STOP on
SET client_min_messages = warning;
BEGIN;

-- The engine's renewal tasks: due a week before the account renews, the more urgent the closer.
INSERT INTO lead_interactions (organization_id, interaction_type, contact_id, account_id, user_id, subject, scheduled_at, status, priority, created_at)
SELECT a.organization_id, 'task', a.contact_id, a.id, a.created_by, left('Renewal: ' || c.name || ' - ' || a.account_name, 255), d.due,
       CASE WHEN d.due > now() THEN 'scheduled' ELSE 'pending' END,
       CASE WHEN d.due < now() THEN 'high' WHEN d.due < now() + interval '7 days' THEN 'medium' ELSE 'low' END, now() - interval '1 day'
  FROM accounts a JOIN contacts c ON c.id = a.contact_id CROSS JOIN LATERAL (SELECT a.next_renewal_date - interval '7 days' AS due) d
 WHERE a.deleted_at IS NULL AND a.next_renewal_date BETWEEN now() - interval '14 days' AND now() + interval '45 days';

-- What people plan for an account alone, or for a contact alone: some done, some late, some due today, some ahead.
INSERT INTO lead_interactions (organization_id, interaction_type, account_id, user_id, created_by, subject, scheduled_at, completed_at, outcome, status, priority, created_at)
SELECT a.organization_id, 'task', a.id, a.created_by, a.created_by,
       (ARRAY['Check the device''s licence', 'Send the invoice again', 'Update the billing address', 'Ask why usage fell'])[1 + n % 4],
       date_trunc('hour', now()) + (n % 7 - 3) * interval '30 hours', CASE WHEN n % 3 = 0 THEN date_trunc('minute', now()) - n % 20 * interval '1 day' END,
       CASE WHEN n % 3 = 0 THEN 'Successful' END,
       CASE WHEN n % 3 = 0 THEN 'completed' WHEN n % 7 > 3 THEN 'scheduled' ELSE 'pending' END, (ARRAY['low', 'medium', 'high'])[1 + n % 3],
       now() - (n % 20 + 1) * interval '1 day'
  FROM (SELECT a.*, row_number() OVER (PARTITION BY organization_id ORDER BY md5(id::text))::int AS n FROM accounts a WHERE deleted_at IS NULL) a
 WHERE n <= 120;
INSERT INTO lead_interactions (organization_id, interaction_type, contact_id, user_id, created_by, subject, scheduled_at, status, priority, created_at)
SELECT c.organization_id, 'task', c.id, u.id, u.id,
       (ARRAY['Congratulate on the new office', 'Invite to the user group', 'Ask for a reference', 'Introduce the new price list'])[1 + n % 4],
       CASE WHEN n % 5 > 0 THEN date_trunc('hour', now()) + (n % 9 - 4) * interval '20 hours' END, CASE WHEN n % 5 > 0 AND n % 9 > 4 THEN 'scheduled' ELSE 'pending' END,
       (ARRAY['low', 'medium', 'high'])[1 + n % 3], now() - n % 30 * interval '1 day'
  FROM (SELECT c.*, row_number() OVER (PARTITION BY organization_id ORDER BY md5(id::text))::int AS n FROM contacts c) c
  JOIN LATERAL (SELECT id FROM users WHERE organization_id = c.organization_id AND is_active ORDER BY md5(id::text || c.id::text) LIMIT 1) u ON true
 WHERE n <= 120;

-- What had happened before with the accounts above, so that their timelines are worth reading.
INSERT INTO lead_interactions (organization_id, interaction_type, contact_id, account_id, user_id, created_by, subject, description, outcome, completed_at, duration_minutes, status, created_at)
SELECT a.organization_id, kind, a.contact_id, a.id, a.created_by, a.created_by, initcap(kind) || ' about ' || a.edition,
       'Spoke about the ' || a.edition || ' edition.', (ARRAY['Successful', 'No Answer', 'Sent', 'Follow Up Required'])[1 + k % 4],
       at, CASE WHEN kind IN ('call', 'meeting') THEN 5 * (1 + k) END, 'completed', at
  FROM (SELECT a.*, row_number() OVER (PARTITION BY organization_id ORDER BY md5(id::text))::int AS n FROM accounts a WHERE deleted_at IS NULL) a
 CROSS JOIN generate_series(1, 6) k
 CROSS JOIN LATERAL (SELECT (ARRAY['call', 'email', 'meeting', 'note', 'sms', 'whatsapp'])[1 + (n + k) % 6] AS kind, date_trunc('minute', now()) - (k * 9 + n % 7) * interval '1 day' AS at) x
 WHERE n <= 120;
COMMIT;
ANALYZE lead_interactions, interaction_events;
