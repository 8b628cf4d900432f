-- steps_042.sql: what 042 has left to do in this database. Reads only; it asks the tools of 042, so it runs in a session in
-- which that file has come as far as its proof. Rows as in steps_041.sql. 1 scan of lead_interactions for each of the two
-- counts.
WITH name AS (
  SELECT 'lead_interactions'::regclass AS li, to_regclass('leads') AS leads, pg_temp.wanted_role() AS role_name,
         '%s on %s: 150 ms at a time' AS shortly
), role AS (
  SELECT r.oid FROM name LEFT JOIN pg_roles r ON r.rolname = role_name
), lacks AS (
  SELECT concat_ws(', ', (SELECT 'USAGE on schema ' || n.nspname FROM pg_namespace n
                           WHERE n.oid = pg_temp.home()::regnamespace
                             AND NOT EXISTS (SELECT FROM aclexplode(n.nspacl) a
                                              WHERE a.grantee = role.oid AND a.privilege_type = 'USAGE')),
                         (SELECT string_agg(w.privilege || ' on ' || w.relation, ', ' ORDER BY w.relation::text, w.privilege)
                            FROM pg_temp.wanted_rights() w
                           WHERE role.oid IS NULL OR NOT has_table_privilege(role.oid, w.relation, w.privilege))) AS rights
    FROM role
), empty AS (
  SELECT pg_temp.number_of(CASE WHEN pg_temp.has_column(li, 'organization_id')
                                THEN 'SELECT count(*) FROM lead_interactions WHERE organization_id IS NULL' END) AS n
    FROM name
), disputed AS (
  SELECT pg_temp.number_of(CASE WHEN pg_temp.has_column(li, 'organization_id') AND pg_temp.has_column(leads, 'organization_id')
                                     AND EXISTS (SELECT FROM pg_temp.outdated_policies() p WHERE pg_temp.asks_lead(p))
                                THEN 'SELECT count(*) FROM lead_interactions t JOIN leads l ON l.id = t.lead_id
                                       WHERE t.organization_id <> l.organization_id' END) AS n
    FROM name
), leftover AS (
  SELECT string_agg(tgrelid::regclass::text, ' and ') AS tables FROM pg_trigger WHERE tgname = '~taskline_042_keep'
), policy AS (
  SELECT (SELECT string_agg(p.polname, ', ' ORDER BY p.polname) FROM pg_temp.outdated_policies() p) AS outdated,
         pg_temp.has_tenant_policy() AS has_own
), steps AS (
  SELECT 1 AS part, format('make the role %s', role_name) AS step,
         CASE WHEN role.oid IS NULL THEN 'will do' ELSE 'done' END AS state, ARRAY['no lock on a table'] AS locks,
         CASE WHEN role.oid IS NULL THEN 'no such role' ELSE 'there' END AS found, 'a role that row security binds' AS expected
    FROM name, role
   UNION ALL
  SELECT 2, format('grant %s its rights', role_name), CASE WHEN rights = '' THEN 'done' ELSE 'will do' END,
         ARRAY['no lock on a table'], CASE WHEN rights = '' THEN 'there' ELSE 'lacks ' || rights END, 'the rights that the API needs'
    FROM name, lacks
   UNION ALL
  SELECT 3, 'fill organization_id where it is empty',
         CASE WHEN n > 0 THEN 'will do' ELSE 'done' END,
         ARRAY[format(shortly, 'SHARE ROW EXCLUSIVE', concat_ws(' and ', li, leads)),
               'the rows of a batch, 500 at a time: 150 ms at a time',
               format(shortly, 'ACCESS EXCLUSIVE', concat_ws(' and ', li, leads))],
         pg_temp.rows_in_words(coalesce(n, 0)) || ' without one', 'none, where a linked record names one'
    FROM name, empty
   UNION ALL
  SELECT 4, 'remove the triggers of a backfill that was broken off', 'will repair',
         ARRAY[format(shortly, 'ACCESS EXCLUSIVE', tables)], 'on ' || tables, 'no such trigger'
    FROM name, leftover WHERE tables IS NOT NULL
   UNION ALL
  SELECT 5, 'list the rows that name another organization than their lead', CASE WHEN n > 0 THEN 'will do' ELSE 'done' END,
         ARRAY[format(shortly, 'ACCESS EXCLUSIVE', li)], pg_temp.rows_in_words(coalesce(n, 0)),
         'none, or listed for a person to decide'
    FROM name, disputed
   UNION ALL
  SELECT 6, 'let row security ask the row for its organization',
         CASE WHEN outdated IS NULL AND has_own THEN 'done' ELSE 'will do' END,
         ARRAY[format(shortly, 'ACCESS EXCLUSIVE', li)],
         coalesce('policies ' || outdated, CASE WHEN has_own THEN 'there' ELSE 'no policy that does' END),
         'lead_interactions_tenant, and no policy that asks the lead'
    FROM name, policy
)
SELECT step, state, CASE state WHEN 'done' THEN '{}' ELSE locks END AS locks, found, expected
  FROM steps ORDER BY part
