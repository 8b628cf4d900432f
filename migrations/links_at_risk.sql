-- links_at_risk.sql: what taking 041 back would lose, a row per interaction, the newest first.
--   psql -X --csv -f migrations/links_at_risk.sql -o links.csv DATABASE      (as the owner of the tables, while 041 is in place)
-- The names are for people; whole_row is for programs: the interaction as it is, for jsonb_populate_record. It reads through
-- JSON what not every CRM has, so that a missing column is empty instead of an error. Functions say their schema: one of the
-- same name, of whoever may create in the tables' schema, could otherwise act with the owner's rights.
WITH list AS (                                      -- what 041 wrote down, unless somebody else put it there
  SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS name
    FROM pg_class li
    JOIN pg_namespace n ON n.oid = li.relnamespace
    JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = 'taskline_saved_ddl' AND c.relkind = 'r'
   WHERE li.oid = 'lead_interactions'::regclass
     AND (pg_catalog.pg_get_userbyid(c.relowner) = current_user OR pg_catalog.pg_has_role(c.relowner, li.relowner, 'MEMBER'))
), going AS (                                       -- a column that was there before 041 stays, and so do its links
  -- Named in a FROM the list would be opened, and a planted view's functions called, before any condition is asked. ts_stat
  -- runs a statement that is a text, for a row of `list` alone, and without an extension; its words are the columns.
  SELECT s.word AS col
    FROM list CROSS JOIN LATERAL pg_catalog.ts_stat(pg_catalog.format(
      'SELECT pg_catalog.array_to_tsvector(ARRAY[object_name]) FROM %s WHERE migration = 41 AND ddl LIKE ''%%DROP COLUMN%%''',
      list.name)) AS s
   UNION ALL                                        -- with no list to trust every link counts; the rollback refuses it anyway
  SELECT v.col FROM (VALUES ('contact_id'), ('account_id')) AS v(col) WHERE NOT EXISTS (SELECT FROM list)
)
SELECT t.id AS interaction_id, t.lead_id, t.contact_id, t.account_id, r.organization_id,
       t.interaction_type, r.subject, r.status, r.scheduled_at, r.completed_at, r.created_at, r.user_id,
       pg_catalog.concat_ws(' ', contact.first_name, contact.last_name) AS contact_name,
       account.account_name,
       whole.row AS whole_row
  FROM lead_interactions t
 CROSS JOIN LATERAL (SELECT pg_catalog.to_jsonb(t) AS row) AS whole
 CROSS JOIN LATERAL pg_catalog.jsonb_to_record(whole.row)
                    AS r(organization_id text, subject text, status text, scheduled_at text, completed_at text, created_at text,
                         user_id text)
  LEFT JOIN contacts c ON c.id = t.contact_id
  LEFT JOIN LATERAL pg_catalog.jsonb_to_record(pg_catalog.to_jsonb(c)) AS contact(first_name text, last_name text) ON true
  LEFT JOIN accounts a ON a.id = t.account_id
  LEFT JOIN LATERAL pg_catalog.jsonb_to_record(pg_catalog.to_jsonb(a)) AS account(account_name text) ON true
 WHERE t.contact_id IS NOT NULL AND 'contact_id' IN (SELECT col FROM going)
    OR t.account_id IS NOT NULL AND 'account_id' IN (SELECT col FROM going)
    OR t.lead_id IS NULL
 ORDER BY r.created_at DESC, t.id
