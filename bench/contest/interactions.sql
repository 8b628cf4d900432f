-- interactions.sql: the interactions numbered :low to :high - 1, without a trigger for each row; run by a superuser.
-- Of each ten the first is another organization's; the next three are tasks of busy, large and hot accounts, most of
-- them with a lead and a contact too; the others hang on one record. Ids and records are in no order of time.
BEGIN;
SET LOCAL session_replication_role = replica;
ALTER TABLE lead_interactions DISABLE TRIGGER taskline_events;
ALTER TABLE lead_interactions DISABLE TRIGGER taskline_occurs_at;
CREATE FUNCTION pg_temp.key(kind text, n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT md5(kind || n)::uuid $$;
INSERT INTO lead_interactions (id, organization_id, user_id, created_by, interaction_type, subject, description, status,
       priority, created_at, updated_at, scheduled_at, completed_at, occurs_at, lead_id, contact_id, account_id)
SELECT pg_temp.key('interaction', n), pg_temp.key('organization', (share = 0)::int), assignee, assignee, kind,
       (ARRAY['Send the offer', 'Prepare the demo', 'Check the invoice', 'Ask about renewal', 'Book a site visit'])[1 + n % 5],
       CASE WHEN n % 3 = 0 THEN repeat('Noted on the phone; nothing to add. ', 1 + (n / 3 % 3)::int) END,
       CASE WHEN done IS NOT NULL THEN 'completed' WHEN due > timestamptz '2026-01-01Z' THEN 'scheduled' ELSE 'pending' END,
       (ARRAY['low', 'medium', 'medium', 'high'])[1 + n % 4], made, made, due, done, coalesce(done, due, made),
       CASE WHEN share = 0 THEN pg_temp.key('lead', n * 7919 % (:leads / 10) * 10 + 9)
            WHEN share BETWEEN 1 AND 3 AND n % 7 > 0 OR share BETWEEN 4 AND 6
            THEN pg_temp.key('lead', n * 7919 % (:leads / 10) * 10 + n % 9) END,
       CASE WHEN share BETWEEN 1 AND 3 AND n % 11 > 0 OR share BETWEEN 7 AND 8 THEN pg_temp.key('contact', n * 6101 % :contacts) END,
       CASE share WHEN 1 THEN pg_temp.key('account', n / 10 % :busy) WHEN 2 THEN pg_temp.key('account', :busy + n / 10 % :large)
                  WHEN 3 THEN pg_temp.key('account', :busy + :large)
                  WHEN 9 THEN pg_temp.key('account', :busy + :large + 1 + n * 7919 % (:accounts - :busy - :large - 1)) END
  FROM (SELECT *, CASE WHEN kind = 'task' AND n % 13 > 0 THEN made + interval '3 days' END AS due,
               CASE WHEN kind <> 'task' THEN made WHEN n % 2 = 0 THEN made + interval '2 days' END AS done
          FROM (SELECT n, n % 10 AS share, timestamptz '2023-01-01Z' + n * interval '3 years' / :rows AS made,
                       pg_temp.key('user', n / 10 % 20 + CASE WHEN n % 10 = 0 THEN 20 ELSE 0 END) AS assignee,
                       CASE WHEN n % 10 BETWEEN 1 AND 3 OR n % 4 > 1 THEN 'task'
                            ELSE (ARRAY['call', 'email', 'note'])[1 + n % 3] END AS kind
                  FROM generate_series(:low::bigint, :high - 1) n) numbered) dated;
ALTER TABLE lead_interactions ENABLE ALWAYS TRIGGER taskline_events;
ALTER TABLE lead_interactions ENABLE ALWAYS TRIGGER taskline_occurs_at;
COMMIT;
