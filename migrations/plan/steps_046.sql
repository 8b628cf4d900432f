-- steps_046.sql: what 046 has left to do in this database. Reads only; it asks the tools of 046, so it runs in a session in
-- which that file has come as far as its proof. Rows as in steps_041.sql. For a key that isn't validated, or not there, 1 scan
-- of lead_interactions.
WITH name AS (
  SELECT 'lead_interactions'::regclass AS li, '%s on %s: 150 ms at a time' AS shortly
), idx AS (
  SELECT w.*, pg_temp.tenant_index_state(w.name) AS state FROM pg_temp.tenant_indexes() w
), tenant_key AS (
  SELECT k.place, k.kind, k.col, k.rel, f.name, f.state,
         CASE WHEN f.state <> 'right' AND pg_temp.has_column('lead_interactions', k.col)
                   AND pg_temp.has_column('lead_interactions', 'organization_id') AND pg_temp.has_column(k.rel, 'organization_id')
              THEN (pg_temp.foreign_link_count(k.kind)).n ELSE 0 END AS n
    FROM pg_temp.tenant_keys() k CROSS JOIN LATERAL pg_temp.tenant_key(k.kind) AS f
), steps AS (
  SELECT 1 AS part, idx.name AS place, 'build ' || idx.name AS step,
         CASE idx.state WHEN 'right' THEN 'done' WHEN 'missing' THEN 'will do' ELSE 'will repair' END AS state,
         ARRAY[format('SHARE UPDATE EXCLUSIVE on %s: beside readers and writers', idx.rel)]
           || CASE WHEN idx.state IN ('right', 'missing') THEN '{}' ELSE ARRAY[format(shortly, 'ACCESS EXCLUSIVE', idx.rel)] END AS locks,
         CASE idx.state WHEN 'right' THEN 'there' WHEN 'missing' THEN 'no such index'
                        WHEN 'invalid' THEN 'INVALID, left by a build that was broken off' ELSE 'another index of this name' END AS found,
         format('%s on %s %s', CASE WHEN idx.is_unique THEN 'a unique index' ELSE 'an index' END, idx.rel, idx.what) AS expected
    FROM name, idx
   UNION ALL
  SELECT 2, place::text, format('let a task link only %s of its organization', rel),
         CASE tenant_key.state WHEN 'missing' THEN 'will do' WHEN 'other' THEN 'will repair' ELSE 'done' END,
         ARRAY[format(shortly, CASE tenant_key.state WHEN 'other' THEN 'ACCESS EXCLUSIVE' ELSE 'SHARE ROW EXCLUSIVE' END,
                      concat_ws(' and ', li, rel))],
         CASE tenant_key.state WHEN 'missing' THEN 'no such key' WHEN 'other' THEN 'another rule of this name' ELSE 'there' END,
         'the key ' || tenant_key.name
    FROM name, tenant_key
   UNION ALL
  SELECT 3, place::text, format('check the %s that older rows name', rel),
         CASE WHEN tenant_key.state = 'right' OR n > 0 THEN 'done' ELSE 'will do' END,
         ARRAY[format('SHARE UPDATE EXCLUSIVE on %s: beside readers and writers', li)],
         CASE WHEN n > 0 THEN format('%s of another organization; they stay as they are, and doctor lists them', pg_temp.rows_in_words(n))
              WHEN tenant_key.state = 'right' THEN 'every row agrees' ELSE 'not checked' END,
         'all of its organization, or left as they are'
    FROM name, tenant_key
)
SELECT step, state, CASE state WHEN 'done' THEN '{}' ELSE locks END AS locks, found, expected
  FROM steps ORDER BY part, place
