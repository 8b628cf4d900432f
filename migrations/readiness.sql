-- readiness.sql: is the schema what the migrations make, and may the API use it? One read-only statement over the catalogue,
-- some milliseconds, for any role; /readyz and the runner ask the same question by it. A ledger is not asked: it can be
-- missing, or wrong. Rights are those of the role that the setting taskline.api_role names, else of whoever asks.
-- Rows (name, is_met, detail): name begins with the migration's number, detail says what was found. There is a row for each
-- check in every database, an empty one too.
WITH li AS (
  SELECT c.oid, c.relnamespace, c.relrowsecurity FROM pg_class c WHERE c.oid = to_regclass('lead_interactions')
), col AS (
  SELECT a.attname, a.attnum, a.attnotnull, format_type(a.atttypid, a.atttypmod) AS type
    FROM li JOIN pg_attribute a ON a.attrelid = li.oid AND a.attnum > 0 AND NOT a.attisdropped
), fk AS (
  SELECT col.attname, k.confrelid AS target, k.confdeltype = 'n' AND k.convalidated AS is_right,
         pg_get_constraintdef(k.oid) AS definition
    FROM li
    JOIN pg_constraint k ON k.conrelid = li.oid AND k.contype = 'f'
    JOIN col ON k.conkey = ARRAY[col.attnum]
), policy AS (
  SELECT p.polname, p.polpermissive AND p.polcmd = '*' AND p.polroles = '{0}' AS is_general,
         EXISTS (SELECT FROM pg_depend d JOIN col ON col.attnum = d.refobjsubid
                  WHERE d.classid = 'pg_policy'::regclass AND d.objid = p.oid AND d.refobjid = li.oid
                    AND col.attname = 'lead_id') AS asks_lead,
         regexp_replace(pg_get_expr(p.polqual, p.polrelid), '[[:space:]()]|AS "nullif"', '', 'g') AS shape,
         regexp_replace(pg_get_expr(p.polwithcheck, p.polrelid), '[[:space:]()]|AS "nullif"', '', 'g') AS check_shape
    FROM li JOIN pg_policy p ON p.polrelid = li.oid
), policies AS (
  SELECT string_agg(polname || CASE WHEN asks_lead THEN ' (asks the lead)' ELSE '' END, ', ' ORDER BY polname) AS names
    FROM policy
), api AS (
  SELECT oid FROM pg_roles WHERE rolname = coalesce(nullif(current_setting('taskline.api_role', true), ''), current_user)
), writes AS (
  -- what the table's triggers may write with the rights of whoever changes a row
  SELECT bool_or(p.prosrc ~ '\mleads\M') AS leads, bool_or(p.prosrc ~ '\minteraction_events\M') AS events
    FROM li
    JOIN pg_trigger t ON t.tgrelid = li.oid AND NOT t.tgisinternal AND t.tgenabled <> 'D'
    JOIN pg_proc p ON p.oid = t.tgfoid AND NOT p.prosecdef
), needs AS (
  SELECT v.name, to_regclass(v.name) AS rel, v.is_vital, n AS place, privilege
    FROM (VALUES ('organizations', false, NULL), ('users', true, NULL), ('contacts', true, NULL), ('accounts', true, NULL),
                 ('leads', true, (SELECT CASE WHEN leads THEN '{UPDATE}'::text[] END FROM writes)),
                 ('interaction_events', false, (SELECT CASE WHEN events THEN '{INSERT}'::text[] END FROM writes)),
                 ('lead_interactions', true, '{INSERT,UPDATE}')) AS v(name, is_vital, writes)
   CROSS JOIN unnest('{SELECT}' || v.writes) WITH ORDINALITY AS u(privilege, n)
), rights AS (
  SELECT needs.*, coalesce(has_table_privilege((SELECT oid FROM api), rel, privilege), false) AS is_held FROM needs
)
SELECT '040.lead_interactions' AS name, EXISTS (SELECT FROM li) AS is_met,
       CASE WHEN EXISTS (SELECT FROM li) THEN 'there' ELSE 'no table lead_interactions on the search path' END AS detail

 UNION ALL
SELECT '041.' || wanted, coalesce(bool_and(col.type = 'uuid' AND NOT col.attnotnull), false),
       coalesce(string_agg(col.type || CASE WHEN col.attnotnull THEN ' NOT NULL' ELSE '' END, ''), 'no such column')
  FROM unnest(ARRAY['lead_id', 'contact_id', 'account_id']) wanted LEFT JOIN col ON col.attname = wanted
 GROUP BY wanted

 UNION ALL
SELECT '041.' || wanted || '_key',
       CASE WHEN count(fk.attname) > 0 THEN bool_and(fk.is_right AND (wanted = 'lead_id' OR fk.target = to_regclass(v.target)))
            ELSE wanted = 'lead_id' AND to_regclass('leads') IS NULL AND EXISTS (SELECT FROM li) END,
       coalesce(string_agg(fk.definition, '; '), 'no foreign key')
  FROM (VALUES ('lead_id', 'leads'), ('contact_id', 'contacts'), ('account_id', 'accounts')) v(wanted, target)
  LEFT JOIN fk ON fk.attname = wanted
 GROUP BY wanted

 UNION ALL
SELECT '041.' || v.name,
       coalesce(bool_and(i.indrelid = (SELECT oid FROM li) AND i.indisvalid AND i.indisready AND NOT i.indisunique
                         AND i.indpred IS NULL AND i.indexprs IS NULL
                         AND v.cols = ARRAY(SELECT attname::text
                                              FROM unnest(i.indkey::int2[]) WITH ORDINALITY u(attnum, n) JOIN col USING (attnum)
                                             ORDER BY u.n)), false),
       coalesce(string_agg(pg_get_indexdef(i.indexrelid) || CASE WHEN i.indisvalid THEN '' ELSE ' (INVALID)' END, ''),
                'no such index')
  FROM (VALUES ('idx_lead_interactions_contact_id', ARRAY['contact_id']),
               ('idx_lead_interactions_account_id', ARRAY['account_id']),
               ('idx_lead_interactions_by_type_and_entities',
                ARRAY['interaction_type', 'lead_id', 'contact_id', 'account_id'])) v(name, cols)
  LEFT JOIN pg_class c ON c.relname = v.name AND c.relnamespace = (SELECT relnamespace FROM li)
  LEFT JOIN pg_index i ON i.indexrelid = c.oid
 GROUP BY v.name

 UNION ALL
SELECT '041.history', coalesce(bool_and(NOT a.attnotnull), true),
       coalesce(string_agg(CASE WHEN a.attnotnull THEN 'lead_id NOT NULL' ELSE 'lead_id nullable' END, ''),
                'no table interaction_events')
  FROM pg_attribute a WHERE a.attrelid = to_regclass('interaction_events') AND a.attname = 'lead_id'

 UNION ALL
SELECT '041.row_security',
       coalesce(NOT li.relrowsecurity
                OR EXISTS (SELECT FROM policy WHERE is_general AND (NOT asks_lead OR polname = 'lead_interactions_without_lead')),
                false),
       CASE WHEN li.oid IS NULL THEN 'no such table'
            WHEN li.relrowsecurity THEN coalesce('policies: ' || policies.names, 'on, without any policy') ELSE 'off' END
  FROM policies LEFT JOIN li ON true

 UNION ALL
SELECT '042.row_security',
       coalesce(li.relrowsecurity, false) AND NOT EXISTS (SELECT FROM policy WHERE asks_lead)
       AND EXISTS (SELECT FROM policy WHERE polname = 'lead_interactions_tenant' AND is_general AND shape = check_shape
                      AND shape = 'organization_id=SELECTNULLIFcurrent_setting''app.current_organization_id''::text,true,''''::text::uuid'),
       CASE WHEN li.oid IS NULL THEN 'no such table'
            WHEN li.relrowsecurity THEN coalesce('policies: ' || policies.names, 'on, without any policy') ELSE 'off' END
  FROM policies LEFT JOIN li ON true

 UNION ALL
SELECT '042.stamps', NOT EXISTS (SELECT FROM pg_trigger WHERE tgname = '~taskline_042_keep'),
       CASE WHEN EXISTS (SELECT FROM pg_trigger WHERE tgname = '~taskline_042_keep')
            THEN 'the trigger of an unfinished backfill is still there' ELSE 'no trigger left' END

 UNION ALL
SELECT '042.rights_on_schema', coalesce(has_schema_privilege(api.oid, li.relnamespace, 'USAGE'), false),
       CASE WHEN li.oid IS NULL THEN 'no such table'
            WHEN has_schema_privilege(api.oid, li.relnamespace, 'USAGE') THEN 'USAGE'
            ELSE format('no USAGE; as the owner: GRANT USAGE ON SCHEMA %s TO NAME; or ./taskline migrate up --api-role NAME',
                        li.relnamespace::regnamespace) END
  FROM (VALUES (1)) AS always LEFT JOIN li ON true LEFT JOIN api ON true

 UNION ALL
SELECT '042.rights_on_' || name,
       CASE WHEN rel IS NULL THEN NOT is_vital AND EXISTS (SELECT FROM li) ELSE bool_and(is_held) END,
       CASE WHEN rel IS NULL THEN 'no such table'
            WHEN bool_and(is_held) THEN string_agg(privilege, ', ' ORDER BY place)
            ELSE format('no %1$s; as the owner: GRANT %1$s ON %2$s TO NAME; or ./taskline migrate up --api-role NAME',
                        string_agg(privilege, ', ' ORDER BY place) FILTER (WHERE NOT is_held), rel) END
  FROM rights GROUP BY name, rel, is_vital
 ORDER BY 1
