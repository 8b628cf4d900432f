-- steps_045.sql: what 045 has left to do in this database. Reads only; it asks the tools of 045, so it runs in a session in
-- which that file has come as far as its proof. Rows as in steps_041.sql. 1 scan of interaction_events for the count.
WITH name AS (
  SELECT 'lead_interactions'::regclass AS li, to_regclass('interaction_events') AS events, pg_temp.home() AS home,
         '%s on %s: 150 ms at a time' AS shortly
), tab AS (
  SELECT pg_temp.log_table_state() AS state, coalesce(pg_temp.log_is_walled(), false) AS is_walled
), idx AS (
  SELECT w.name, w.what, pg_temp.log_index_state(w.name, w.what) AS state FROM pg_temp.log_indexes() w
), routine AS (
  SELECT f.name, pg_temp.log_function_state(f.name) AS state FROM pg_temp.log_functions() f
), trig AS (
  SELECT t.rel, t.name, t.fires, pg_temp.log_trigger_state(t.rel) AS state FROM pg_temp.log_triggers() t
), history AS (
  SELECT pg_temp.no_old_history() AS obstacle, pg_temp.is_copying() AS is_copying, pg_temp.is_logging() AS is_logging,
         CASE WHEN pg_temp.no_old_history() IS NULL AND NOT pg_temp.is_logging()
              THEN pg_temp.number_of('SELECT count(*) FROM interaction_events') END AS n
), steps AS (
  SELECT 1 AS part, 'make the table taskline_events' AS step,
         CASE WHEN tab.state = 'missing' THEN 'will do' WHEN tab.state = 'other' OR i.is_wrong THEN 'will repair' ELSE 'done' END AS state,
         '{}'::text[] AS locks,
         CASE tab.state WHEN 'missing' THEN 'no such table' WHEN 'other' THEN 'another table of this name'
                        ELSE CASE WHEN i.is_wrong THEN 'an index is missing or invalid' ELSE 'there' END END AS found,
         'a line for each thing that happens' AS expected
    FROM tab, (SELECT bool_or(idx.state <> 'right') AS is_wrong FROM idx) AS i
   UNION ALL
  SELECT 2, 'let each organization read its own lines',
         CASE WHEN tab.is_walled THEN 'done' WHEN tab.state = 'missing' THEN 'will do' ELSE 'will repair' END,
         ARRAY[format(shortly, 'ACCESS EXCLUSIVE', 'taskline_events')],
         CASE WHEN tab.is_walled THEN 'by row security' WHEN tab.state = 'missing' THEN 'no such table' ELSE 'no such policy, or others' END,
         'a policy for reading, by organization_id'
    FROM name, tab
   UNION ALL
  SELECT 3, 'make the functions of the log',
         CASE WHEN bool_and(state = 'right') THEN 'done' WHEN bool_or(state = 'other') THEN 'will repair' ELSE 'will do' END,
         '{}', CASE WHEN bool_and(state = 'right') THEN 'there' WHEN bool_or(state = 'other') THEN 'another function' ELSE 'no such functions' END,
         string_agg(routine.name, ', ')
    FROM routine
   UNION ALL
  SELECT 4, format('let %s write it, by the trigger %s', trig.rel, trig.name),
         CASE trig.state WHEN 'right' THEN 'done' WHEN 'missing' THEN 'will do' ELSE 'will repair' END,
         ARRAY[format(shortly, 'SHARE ROW EXCLUSIVE',
                      CASE WHEN trig.rel = li AND history.obstacle IS NULL AND NOT history.is_logging
                           THEN concat_ws(' and ', li, events) ELSE trig.rel::text END)],
         CASE trig.state WHEN 'right' THEN 'there' WHEN 'missing' THEN 'no such trigger' WHEN 'weak' THEN 'it doesn''t fire for every writer'
                         ELSE 'another trigger of this name' END,
         trig.fires || ', ENABLE ALWAYS'
    FROM name, trig, history
   UNION ALL
  SELECT 5, 'copy the old history',
         CASE WHEN is_copying OR n > 0 THEN 'will do' ELSE 'done' END,
         ARRAY[format(shortly, 'ACCESS EXCLUSIVE', events)],
         CASE WHEN is_copying THEN 'a copy that was broken off' WHEN is_logging THEN 'copied' WHEN obstacle IS NOT NULL THEN obstacle
              ELSE n || ' lines' END,
         'each line once'
    FROM name, history
)
SELECT step, state, CASE state WHEN 'done' THEN '{}' ELSE locks END AS locks, found, expected
  FROM steps ORDER BY part, step
