-- steps_047.sql: what 047 has left to do in this database. Reads only; it asks the tools of 047, so it runs in a session in
-- which that file has come as far as its proof. Rows as in steps_041.sql.
WITH idx AS (
  SELECT w.*, pg_temp.open_task_index_state(w.name) AS state, 'lead_interactions'::regclass AS li FROM pg_temp.open_task_indexes() w
)
SELECT 'build ' || name AS step,
       CASE state WHEN 'right' THEN 'done' WHEN 'missing' THEN 'will do' ELSE 'will repair' END AS state,
       CASE state WHEN 'right' THEN '{}' ELSE ARRAY[format('SHARE UPDATE EXCLUSIVE on %s: beside readers and writers', li)] END
         || CASE WHEN state IN ('right', 'missing') THEN '{}' ELSE ARRAY[format('ACCESS EXCLUSIVE on %s: 150 ms at a time', li)] END AS locks,
       CASE state WHEN 'right' THEN 'there' WHEN 'missing' THEN 'no such index'
                  WHEN 'invalid' THEN 'INVALID, left by a build that was broken off' ELSE 'another index of this name' END AS found,
       what AS expected
  FROM idx ORDER BY name
