-- steps_043.sql: what 043 has left to do in this database. Reads only; it asks the tools of 043, so it runs in a session in
-- which that file has come as far as its proof. Rows as in steps_041.sql. 1 scan of lead_interactions for the count.
WITH name AS (
  SELECT 'lead_interactions'::regclass AS li, to_regclass('leads') AS leads,
         '%s on %s: 150 ms at a time' AS shortly,
         'SHARE UPDATE EXCLUSIVE on %s: beside readers and writers' AS beside
), col AS (
  SELECT a.attnum IS NOT NULL AS is_there, coalesce(a.attnotnull, false) AS is_filled
    FROM name LEFT JOIN pg_attribute a ON a.attrelid = li AND a.attname = 'occurs_at' AND NOT a.attisdropped
), misplaced AS (
  SELECT pg_temp.number_of(CASE WHEN is_there THEN 'SELECT count(*) FROM ' || pg_temp.misplaced()
                                ELSE 'SELECT count(*) FROM lead_interactions' END) AS n
    FROM col
), leftover AS (
  SELECT string_agg(k.rel::text, ' and ') AS tables
    FROM pg_temp.kept_tables() k JOIN pg_trigger t ON t.tgrelid = k.rel AND t.tgname = '~taskline_043_keep'
), idx AS (
  SELECT w.name, w.what, pg_temp.timeline_index_state(w.name, w.what) AS state FROM pg_temp.timeline_indexes() w
), steps AS (
  SELECT 1 AS part, format('add %s.occurs_at', li) AS step, CASE WHEN is_there THEN 'done' ELSE 'will do' END AS state,
         ARRAY[format(shortly, 'ACCESS EXCLUSIVE', li)] AS locks,
         CASE WHEN is_there THEN 'there' ELSE 'no such column' END AS found,
         'the first of completed_at, scheduled_at and created_at' AS expected
    FROM name, col
   UNION ALL
  SELECT 2, 'let the trigger taskline_occurs_at set it',
         CASE WHEN t = 'right' AND f = 'right' THEN 'done' WHEN t = 'missing' AND f = 'missing' THEN 'will do' ELSE 'will repair' END,
         ARRAY[format(shortly, CASE WHEN is_there THEN 'SHARE ROW EXCLUSIVE' ELSE 'ACCESS EXCLUSIVE' END, li)],
         CASE WHEN t = 'right' AND f = 'right' THEN 'there' WHEN t = 'missing' THEN 'no such trigger'
              WHEN t = 'right' THEN 'another function behind it' ELSE 'it doesn''t fire for every writer' END,
         'BEFORE INSERT OR UPDATE, ENABLE ALWAYS'
    FROM name, col, pg_temp.trigger_state() t, pg_temp.function_state() f
   UNION ALL
  SELECT 3, 'fill occurs_at where it is missing or wrong',
         CASE WHEN n > 0 THEN 'will do' ELSE 'done' END,
         ARRAY[format(shortly, 'SHARE ROW EXCLUSIVE', concat_ws(' and ', li, leads)),
               'the rows of a batch, 500 at a time: 150 ms at a time',
               format(shortly, 'ACCESS EXCLUSIVE', concat_ws(' and ', li, leads))],
         pg_temp.rows_in_words(coalesce(n, 0)), 'none'
    FROM name, misplaced
   UNION ALL
  SELECT 4, 'remove the triggers of a backfill that was broken off', 'will repair',
         ARRAY[format(shortly, 'ACCESS EXCLUSIVE', tables)], 'on ' || tables, 'no such trigger'
    FROM name, leftover WHERE tables IS NOT NULL
   UNION ALL
  SELECT 5, 'let occurs_at be null no longer', CASE WHEN is_filled THEN 'done' ELSE 'will do' END,
         ARRAY[format(shortly, 'ACCESS EXCLUSIVE', li), format(beside, li)],
         CASE WHEN is_filled THEN 'NOT NULL' WHEN is_there THEN 'nullable' ELSE 'no such column' END, 'NOT NULL'
    FROM name, col
   UNION ALL
  SELECT 6, format('build %s', idx.name),
         CASE state WHEN 'right' THEN 'done' WHEN 'missing' THEN 'will do' ELSE 'will repair' END,
         ARRAY[format(beside, li)]
         || CASE state WHEN 'invalid' THEN ARRAY[format(shortly, 'ACCESS EXCLUSIVE', li)]
                       WHEN 'other' THEN ARRAY[format(shortly, 'SHARE UPDATE EXCLUSIVE', 'the index that has its name')]
                       ELSE '{}' END,
         CASE state WHEN 'missing' THEN 'no such index' WHEN 'invalid' THEN 'INVALID, left by a build that was broken off'
                    WHEN 'other' THEN 'another index of this name, which is renamed' ELSE 'there' END,
         what
    FROM name, idx
)
SELECT step, state, CASE state WHEN 'done' THEN '{}' ELSE locks END AS locks, found, expected
  FROM steps ORDER BY part, step
