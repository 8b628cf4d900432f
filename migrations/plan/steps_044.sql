-- steps_044.sql: what 044 has left to do in this database. Reads only; it asks the tools of 044, so it runs in a session in
-- which that file has come as far as its proof. Rows as in steps_041.sql.
WITH name AS (
  SELECT 'lead_interactions'::regclass AS li, pg_temp.keys_table() AS keys, pg_temp.keys_state() AS keys_state,
         pg_temp.keys_are_fenced() AS is_fenced, pg_temp.lacking_rights() AS lacks, pg_temp.age_index_state() AS index_state,
         '%s on %s: 150 ms at a time' AS shortly
), missing AS (
  SELECT string_agg(c.name, ', ' ORDER BY c.place) AS columns, count(*) AS n
    FROM pg_temp.deletion_columns() c WHERE NOT pg_temp.has_column('lead_interactions', c.name)
), steps AS (
  SELECT 1 AS part, 'remove the fence of a rollback that was broken off' AS step, 'will repair' AS state,
         ARRAY[format(shortly, 'ACCESS EXCLUSIVE', li)] AS locks, 'there' AS found, 'none' AS expected
    FROM name WHERE EXISTS (SELECT FROM pg_constraint WHERE conrelid = li AND conname = 'taskline_044_fence')
   UNION ALL
  SELECT 2, format('add %s.deleted_at, deleted_by and status_before_deletion', li),
         CASE n WHEN 0 THEN 'done' WHEN 3 THEN 'will do' ELSE 'will repair' END,
         ARRAY[format(shortly, 'ACCESS EXCLUSIVE', li)],
         CASE n WHEN 0 THEN 'there' WHEN 3 THEN 'no such columns' ELSE 'no ' || columns END, 'empty, unless a task is deleted'
    FROM name, missing
   UNION ALL
  SELECT 3, 'make the table taskline_idempotency_keys',
         CASE keys_state WHEN 'right' THEN 'done' WHEN 'missing' THEN 'will do' ELSE 'will repair' END,
         ARRAY['no lock on a table that is there'],
         CASE keys_state WHEN 'right' THEN 'there' WHEN 'missing' THEN 'no such table' ELSE 'something else of this name' END,
         'a key of each organization, user and operation once'
    FROM name
   UNION ALL
  SELECT 4, 'let each organization see its own keys alone',
         CASE WHEN is_fenced THEN 'done' WHEN is_fenced IS NULL THEN 'will do' ELSE 'will repair' END,
         CASE WHEN is_fenced IS NULL THEN ARRAY['no lock on a table that is there']
              ELSE ARRAY[format(shortly, 'ACCESS EXCLUSIVE', keys)] END,
         CASE WHEN is_fenced THEN 'there' WHEN is_fenced IS NULL THEN 'no such table' ELSE 'row security is off, or another policy' END,
         'the policy taskline_idempotency_keys_tenant'
    FROM name
   UNION ALL
  SELECT 5, format('grant %s its rights on the keys', coalesce(pg_temp.api_role(), 'nobody, for there is no API''s role,')),
         CASE WHEN lacks IS NULL THEN 'done' ELSE 'will do' END, ARRAY['no lock on a table'],
         coalesce('lacks ' || lacks, 'there'), 'SELECT, INSERT, UPDATE, DELETE'
    FROM name
   UNION ALL
  SELECT 6, 'build taskline_idempotency_keys_by_age',
         CASE index_state WHEN 'right' THEN 'done' WHEN 'missing' THEN CASE keys_state WHEN 'right' THEN 'will repair' ELSE 'will do' END
                          ELSE 'will repair' END,
         CASE keys_state WHEN 'right' THEN ARRAY[format('SHARE UPDATE EXCLUSIVE on %s: beside readers and writers', keys)]
                         ELSE ARRAY['no lock on a table that is there'] END,
         CASE index_state WHEN 'right' THEN 'there' WHEN 'missing' THEN 'no such index'
                          WHEN 'invalid' THEN 'INVALID, left by a build that was broken off' ELSE 'another index of this name' END,
         '(organization_id, created_at)'
    FROM name
)
SELECT step, state, CASE state WHEN 'done' THEN '{}' ELSE locks END AS locks, found, expected
  FROM steps ORDER BY part
