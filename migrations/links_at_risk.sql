-- links_at_risk.sql: what taking 041 back would lose, a row per interaction, the newest first.
--   psql -X --csv -f migrations/links_at_risk.sql -o links.csv DATABASE      (as the owner of the tables, while 041 is in place)
-- The names are for people; whole_row is for programs: the interaction as it is, for jsonb_populate_record. It reads through
-- JSON what not every CRM has, so that a missing column is empty instead of an error.
WITH going AS (                                     -- a column that was there before 041 stays, and so do its links
  SELECT object_name AS col FROM taskline_saved_ddl WHERE migration = 41 AND ddl LIKE '%DROP COLUMN%'
)
SELECT t.id AS interaction_id, t.lead_id, t.contact_id, t.account_id,
       row ->> 'organization_id' AS organization_id,
       t.interaction_type, row ->> 'subject' AS subject, row ->> 'status' AS status,
       row ->> 'scheduled_at' AS scheduled_at, row ->> 'completed_at' AS completed_at, row ->> 'created_at' AS created_at,
       row ->> 'user_id' AS user_id,
       concat_ws(' ', contact ->> 'first_name', contact ->> 'last_name') AS contact_name,
       account ->> 'account_name' AS account_name,
       row AS whole_row
  FROM lead_interactions t
 CROSS JOIN LATERAL (SELECT to_jsonb(t) AS row) AS r
  LEFT JOIN LATERAL (SELECT to_jsonb(c) AS contact FROM contacts c WHERE c.id = t.contact_id) AS c ON true
  LEFT JOIN LATERAL (SELECT to_jsonb(a) AS account FROM accounts a WHERE a.id = t.account_id) AS a ON true
 WHERE t.contact_id IS NOT NULL AND 'contact_id' IN (SELECT col FROM going)
    OR t.account_id IS NOT NULL AND 'account_id' IN (SELECT col FROM going)
    OR t.lead_id IS NULL
 ORDER BY row ->> 'created_at' DESC, t.id
