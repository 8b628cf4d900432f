-- steps_041.sql: what 041 has left to do in this database. Reads only; it asks the tools of 041, so it runs in a session in
-- which that file has come as far as its proof.
-- Rows (step, state, locks, found, expected), in the order in which 041 goes; state is done, will do, or will repair: other
-- than 040 or 041 makes it.
WITH name AS (
  SELECT 'lead_interactions'::regclass AS li,
         '%s on %s: 150 ms at a time' AS shortly,
         'SHARE UPDATE EXCLUSIVE on %s: beside readers and writers' AS beside
), col AS (
  SELECT v.col, v.target, a.attnotnull, a.attnum IS NOT NULL AS is_there
    FROM name CROSS JOIN (VALUES ('contact_id', 'contacts'), ('account_id', 'accounts')) AS v(col, target)
    LEFT JOIN pg_attribute a ON a.attrelid = li AND a.attname = v.col AND NOT a.attisdropped
), key AS (
  SELECT w.rel, w.col, w.target, string_agg(k.definition || CASE WHEN k.is_validated OR k.definition LIKE '%NOT VALID'
                                                                 THEN '' ELSE ' NOT VALID' END, '; ') AS found,
         count(k.name) AS n, bool_and(k.is_right) AS is_right, bool_and(k.is_validated) AS is_validated,
         bool_and(k.definition LIKE '%ON DELETE CASCADE%') AS cascades
    FROM pg_temp.wanted_keys() w
    LEFT JOIN pg_temp.keys_of(w.rel, w.col, w.target) k ON true
   WHERE w.target IS NOT NULL AND pg_temp.has_column(w.rel, w.col)
   GROUP BY w.rel, w.col, w.target
), idx AS (
  SELECT w.name, w.cols, pg_temp.index_state(w.name, w.cols) AS state FROM pg_temp.wanted_indexes() w
), steps AS (
  SELECT 1 AS part, format('remove the fence %s of an unfinished rollback', k.conname) AS step, 'will repair' AS state,
         ARRAY[format(shortly, 'ACCESS EXCLUSIVE', k.conrelid::regclass)] AS locks,
         pg_get_constraintdef(k.oid) AS found, 'no such constraint' AS expected
    FROM name, pg_temp.fences() f JOIN pg_constraint k ON k.conrelid = f.rel AND k.conname = f.name
   UNION ALL
  SELECT CASE WHEN a.attrelid = li THEN 3 ELSE 2 END, format('let %s.lead_id be null', a.attrelid::regclass),
         CASE WHEN a.attnotnull THEN 'will do' ELSE 'done' END,
         ARRAY[format(shortly, 'ACCESS EXCLUSIVE', a.attrelid::regclass)],
         CASE WHEN a.attnotnull THEN 'NOT NULL' ELSE 'nullable' END, 'nullable'
    FROM name JOIN pg_attribute a ON a.attrelid = li OR a.attrelid IN (SELECT pg_temp.history_tables())
   WHERE a.attname = 'lead_id' AND NOT a.attisdropped
   UNION ALL
  SELECT 4, format(CASE WHEN NOT is_there OR NOT attnotnull THEN 'add %s.%s, and its foreign key' ELSE 'let %s.%s be null' END, li, col),
         CASE WHEN NOT is_there THEN 'will do' WHEN attnotnull THEN 'will repair' ELSE 'done' END,
         ARRAY[format(shortly, 'ACCESS EXCLUSIVE', li)]
         || CASE WHEN NOT is_there THEN ARRAY[format(shortly, 'SHARE ROW EXCLUSIVE', target)] ELSE '{}' END,
         CASE WHEN NOT is_there THEN 'no such column' WHEN attnotnull THEN 'NOT NULL' ELSE 'there' END, 'nullable'
    FROM name, col
   UNION ALL
  SELECT 5, 'add the policy for tasks without a lead',
         CASE s WHEN 'missing' THEN 'will do' WHEN 'other' THEN 'will repair' ELSE 'done' END,
         ARRAY[format(shortly, 'ACCESS EXCLUSIVE', li)],
         CASE s WHEN 'missing' THEN 'no such policy' WHEN 'other' THEN 'another policy of this name' WHEN 'right' THEN 'there'
                ELSE 'none needed' END, 'a policy by the task''s own organization_id, where row security needs one'
    FROM name, pg_temp.policy_state() s
   UNION ALL
  SELECT 6, format(CASE WHEN n = 0 THEN 'add the foreign key of %s.%s' ELSE 'exchange the foreign key of %s.%s' END, rel, col),
         CASE WHEN n = 1 AND is_right AND is_validated THEN 'done'
              WHEN n = 0 OR n = 1 AND col = 'lead_id' AND cascades AND is_validated THEN 'will do' ELSE 'will repair' END,
         ARRAY[format(shortly, 'SHARE ROW EXCLUSIVE', concat_ws(' and ', rel, target)), format(beside, rel)]
         || CASE WHEN n > 0 THEN ARRAY[format(shortly, 'ACCESS EXCLUSIVE', concat_ws(' and ', rel, target))] ELSE '{}' END,
         coalesce(found, 'none'), format('one to %s (id) ON DELETE SET NULL, validated', target)
    FROM name, key
   UNION ALL
  SELECT 7, format('build %s', idx.name),
         CASE state WHEN 'right' THEN 'done' WHEN 'missing' THEN 'will do' ELSE 'will repair' END,
         ARRAY[format(beside, li)]
         || CASE state WHEN 'invalid' THEN ARRAY[format(shortly, 'ACCESS EXCLUSIVE', li)]
                       WHEN 'other' THEN ARRAY[format(shortly, 'SHARE UPDATE EXCLUSIVE', 'the index that has its name')]
                       ELSE '{}' END,
         CASE state WHEN 'missing' THEN 'no such index' WHEN 'invalid' THEN 'INVALID, left by a build that was broken off'
                    WHEN 'other' THEN 'another index of this name, which is renamed' ELSE 'there' END,
         array_to_string(cols, ', ')
    FROM name, idx
)
SELECT step, state, CASE state WHEN 'done' THEN '{}' ELSE locks END AS locks, found, expected
  FROM steps ORDER BY part, step
