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
), history AS (                                     -- tables that a trigger fills with a copy of lead_id
  SELECT c.oid, c.oid::regclass::text AS name, c.relkind, a.attnum, a.attnotnull
    FROM li JOIN pg_class c ON c.relkind IN ('r', 'p') AND c.oid <> li.oid
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'lead_id' AND NOT a.attisdropped
   WHERE c.relname = 'interaction_events' AND c.relnamespace = li.relnamespace
      OR c.relkind = 'r' AND EXISTS (SELECT FROM pg_constraint k WHERE k.contype = 'f' AND k.conrelid = c.oid AND k.confrelid = li.oid)
         AND EXISTS (SELECT FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
                      WHERE t.tgrelid = li.oid AND NOT t.tgisinternal AND position(lower(c.relname) IN lower(p.prosrc)) > 0)
), fk AS (
  SELECT k.conrelid AS rel, a.attname, k.confrelid AS target, pg_get_constraintdef(k.oid) AS definition,
         k.confdeltype = 'n' AND k.convalidated AND target_col.attname = 'id'
         AND coalesce(to_jsonb(k)->>'conenforced', 'true') = 'true' AS is_right        -- a question since version 18
    FROM pg_constraint k
    JOIN pg_attribute a ON a.attrelid = k.conrelid AND k.conkey = ARRAY[a.attnum]
    JOIN pg_attribute target_col ON target_col.attrelid = k.confrelid AND target_col.attnum = k.confkey[1]
   WHERE k.contype = 'f' AND (k.conrelid IN (SELECT oid FROM li) OR k.conrelid IN (SELECT oid FROM history))
), history_key AS (
  SELECT h.name, count(fk.rel) = 1 AND bool_and(fk.is_right AND fk.target = lead.oid) AS is_right,
         coalesce(string_agg(fk.definition, '; '), 'no foreign key') AS definition
    FROM history h
    JOIN (SELECT coalesce((SELECT min(target) FROM fk JOIN li ON li.oid = fk.rel WHERE fk.attname = 'lead_id'),
                          to_regclass('leads')) AS oid) AS lead ON lead.oid IS NOT NULL
    LEFT JOIN fk ON fk.rel = h.oid AND fk.attname = 'lead_id'
   WHERE h.relkind = 'r'
   GROUP BY h.name
), fence AS (
  SELECT string_agg(format('%s on %s', conname, conrelid::regclass), ', ' ORDER BY conname) AS names
    FROM pg_constraint
   WHERE conname LIKE 'taskline\_041\_fence\_%' AND (conrelid IN (SELECT oid FROM li) OR conrelid IN (SELECT oid FROM history))
), policy AS (
  SELECT p.oid, p.polname, p.polpermissive, p.polcmd, p.polroles,
         p.polpermissive AND p.polcmd = '*' AND p.polroles = '{0}' AS is_general, pg_get_expr(p.polqual, p.polrelid) AS condition,
         EXISTS (SELECT FROM pg_depend d JOIN col ON col.attnum = d.refobjsubid
                  WHERE d.classid = 'pg_policy'::regclass AND d.objid = p.oid AND d.refobjid = li.oid
                    AND col.attname = 'lead_id') AS asks_lead,
         regexp_replace(pg_get_expr(p.polqual, p.polrelid), '[[:space:]()]|AS "nullif"', '', 'g') AS shape,
         regexp_replace(pg_get_expr(p.polwithcheck, p.polrelid), '[[:space:]()]|AS "nullif"', '', 'g') AS check_shape
    FROM li JOIN pg_policy p ON p.polrelid = li.oid
), tenant AS (
  SELECT $$organization_id=SELECTNULLIFcurrent_setting'app.current_organization_id'::text,true,''::text::uuid$$ AS shape
), policies AS (
  SELECT string_agg(polname || CASE WHEN asks_lead THEN ' (asks the lead)' ELSE '' END, ', ' ORDER BY polname) AS names
    FROM policy
), api AS (
  SELECT oid FROM pg_roles WHERE rolname = coalesce(nullif(current_setting('taskline.api_role', true), ''), current_user)
), bound AS (                                       -- the API's role, if row security binds it; else the one that 042 makes
  SELECT r.oid FROM pg_roles r
   WHERE (r.oid = (SELECT oid FROM api) OR r.rolname = 'taskline_api') AND NOT r.rolsuper AND NOT r.rolbypassrls
), open_policies AS (
  -- those that show the API rows of every organization: their condition asks neither for the organization nor for anything
  -- of the session, and calls nobody's function that could ask. Of the others a catalogue can't tell; 042's proof can.
  SELECT string_agg(p.polname, ', ' ORDER BY p.polname) AS names
    FROM policy p
   WHERE p.polpermissive AND p.polcmd IN ('*', 'r') AND p.polname NOT LIKE 'lead\_interactions\_disputed\_%'
     AND (p.polroles = '{0}'
          OR EXISTS (SELECT FROM bound, unnest(p.polroles) AS r(oid) WHERE r.oid <> 0 AND pg_has_role(bound.oid, r.oid, 'USAGE')))
     AND coalesce(p.condition, 'true') <> 'false'
     AND coalesce(p.condition, 'true') !~* 'current_setting|current_user|session_user|current_role|has_role'
     AND NOT EXISTS (SELECT FROM pg_depend d LEFT JOIN col ON col.attnum = d.refobjsubid
                      WHERE d.classid = 'pg_policy'::regclass AND d.objid = p.oid
                        AND (d.refobjid = (SELECT oid FROM li) AND col.attname = 'organization_id'
                             OR d.refclassid = 'pg_proc'::regclass))
), log AS (
  SELECT c.oid, c.relrowsecurity
    FROM (VALUES (to_regclass('taskline_events'))) AS v(oid) LEFT JOIN pg_class c ON c.oid = v.oid
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
), keys AS (                                        -- the idempotency keys of 044
  SELECT c.oid, c.relkind, c.relrowsecurity FROM li JOIN pg_class c ON c.relnamespace = li.relnamespace
   WHERE c.relname = 'taskline_idempotency_keys'
), keys_rights AS (
  SELECT privilege, n AS place, coalesce(has_table_privilege((SELECT oid FROM api), (SELECT oid FROM keys), privilege), false) AS is_held
    FROM unnest('{SELECT,INSERT,UPDATE,DELETE}'::text[]) WITH ORDINALITY AS u(privilege, n)
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
       CASE WHEN count(fk.rel) > 0
            THEN count(fk.rel) = 1 AND bool_and(fk.is_right AND (wanted = 'lead_id' OR fk.target = to_regclass(v.target)))
            ELSE wanted = 'lead_id' AND to_regclass('leads') IS NULL AND EXISTS (SELECT FROM li) END,
       coalesce(string_agg(fk.definition, '; '), 'no foreign key')
  FROM (VALUES ('lead_id', 'leads'), ('contact_id', 'contacts'), ('account_id', 'accounts')) v(wanted, target)
  LEFT JOIN fk ON fk.attname = wanted AND fk.rel = (SELECT oid FROM li)
 GROUP BY wanted

 UNION ALL
SELECT '041.' || v.name,
       coalesce(bool_and(i.indrelid = (SELECT oid FROM li) AND i.indisvalid AND i.indisready AND i.indislive
                         AND NOT i.indisunique AND i.indpred IS NULL AND i.indexprs IS NULL AND am.amname = 'btree'
                         AND i.indnatts = cardinality(v.cols)       -- and nothing that is only included
                         AND v.cols = ARRAY(SELECT a.attname::text
                                              FROM unnest(i.indkey::int2[], i.indoption::int2[], i.indclass::oid[], i.indcollation::oid[])
                                                   WITH ORDINALITY u(attnum, option, class, collation_, n)
                                              JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = u.attnum
                                              JOIN pg_opclass o ON o.oid = u.class AND o.opcdefault
                                             WHERE u.option = 0 AND u.collation_ = a.attcollation
                                             ORDER BY u.n)), false),
       coalesce(string_agg(pg_get_indexdef(i.indexrelid) || CASE WHEN i.indisvalid THEN '' ELSE ' (INVALID)' END, ''),
                'no such index')
  FROM (VALUES ('idx_lead_interactions_contact_id', ARRAY['contact_id']),
               ('idx_lead_interactions_account_id', ARRAY['account_id']),
               ('idx_lead_interactions_by_type_and_entities',
                ARRAY['interaction_type', 'lead_id', 'contact_id', 'account_id'])) v(name, cols)
  LEFT JOIN pg_class c ON c.relname = v.name AND c.relnamespace = (SELECT relnamespace FROM li)
  LEFT JOIN pg_index i ON i.indexrelid = c.oid
  LEFT JOIN pg_am am ON am.oid = c.relam
 GROUP BY v.name

 UNION ALL
SELECT '041.history', coalesce(NOT bool_or(attnotnull), true),
       coalesce(string_agg(CASE WHEN attnotnull THEN 'lead_id NOT NULL' ELSE 'lead_id nullable' END
                           || CASE WHEN name = 'interaction_events' THEN '' ELSE ' in ' || name END, ', ' ORDER BY name),
                'no table interaction_events')
  FROM history

 UNION ALL
SELECT '041.history_key', EXISTS (SELECT FROM li) AND coalesce(bool_and(is_right), true),
       coalesce(string_agg(format('%s: %s', name, definition), ', ' ORDER BY name), 'no table of a history that could have one')
  FROM history_key

 UNION ALL
SELECT '041.fence', EXISTS (SELECT FROM li) AND names IS NULL,
       coalesce(names || ', of an unfinished rollback: it refuses tasks', 'none of an unfinished rollback')
  FROM fence

 UNION ALL
SELECT '041.row_security',
       CASE WHEN li.oid IS NULL THEN false
            WHEN NOT li.relrowsecurity OR NOT EXISTS (SELECT FROM col WHERE attname = 'organization_id') THEN true
            WHEN EXISTS (SELECT FROM policy WHERE polname = 'lead_interactions_without_lead')
            THEN EXISTS (SELECT FROM policy JOIN tenant ON 'lead_idISNULLAND' || tenant.shape = policy.shape
                          WHERE polname = 'lead_interactions_without_lead' AND is_general AND policy.shape = check_shape)
            ELSE EXISTS (SELECT FROM policy WHERE is_general AND NOT asks_lead AND condition LIKE '%organization_id%') END,
       CASE WHEN li.oid IS NULL THEN 'no such table'
            WHEN li.relrowsecurity THEN coalesce('policies: ' || policies.names, 'on, without any policy') ELSE 'off' END
  FROM policies LEFT JOIN li ON true

 UNION ALL
SELECT '042.row_security',
       coalesce(li.relrowsecurity, false)
       AND NOT EXISTS (SELECT FROM policy
                        WHERE polpermissive AND polname <> 'lead_interactions_tenant'
                          AND polname NOT LIKE 'lead\_interactions\_disputed\_%'
                          AND (asks_lead OR polroles = '{0}' AND condition LIKE '%app.current_organization_id%'))
       AND EXISTS (SELECT FROM policy JOIN tenant USING (shape)
                    WHERE polname = 'lead_interactions_tenant' AND is_general AND shape = check_shape),
       CASE WHEN li.oid IS NULL THEN 'no such table'
            WHEN li.relrowsecurity THEN coalesce('policies: ' || policies.names, 'on, without any policy') ELSE 'off' END
  FROM policies LEFT JOIN li ON true

 UNION ALL
SELECT '042.no_open_policy', EXISTS (SELECT FROM li) AND names IS NULL,
       coalesce(names || ': shows the API rows of every organization; as the owner, drop it or limit it to organization_id',
                'no policy that shows rows of every organization')
  FROM open_policies

 UNION ALL
SELECT '042.stamps', count(*) = 0,
       CASE WHEN count(*) > 0 THEN 'the trigger of an unfinished backfill is still there' ELSE 'no trigger left' END
  FROM pg_trigger
 WHERE tgname = '~taskline_042_keep' AND tgrelid IN ((SELECT oid FROM li), to_regclass('leads'))

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

 UNION ALL
SELECT '043.occurs_at', coalesce(bool_and(type = 'timestamp with time zone' AND attnotnull), false),
       coalesce(string_agg(type || CASE WHEN attnotnull THEN ' NOT NULL' ELSE '' END, ''), 'no such column')
  FROM col WHERE attname = 'occurs_at'

 UNION ALL
SELECT '043.trigger',
       coalesce(bool_and(t.tgtype = 23 AND t.tgenabled = 'A' AND t.tgqual IS NULL AND t.tgattr = '' AND NOT p.prosecdef
                         AND p.proconfig = ARRAY['search_path=pg_catalog']
                         AND regexp_replace(p.prosrc, '[[:space:]]', '', 'g') = 'BEGINNEW.occurs_at:=coalesce'
                             || '(NEW.completed_at,NEW.scheduled_at,NEW.created_at,''-infinity'');RETURNNEW;END'), false),
       coalesce(string_agg(CASE WHEN t.tgenabled = 'A' THEN pg_get_triggerdef(t.oid)
                                ELSE 'not for every writer; ./taskline migrate up' END, ''), 'no trigger taskline_occurs_at')
  FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
 WHERE t.tgrelid = (SELECT oid FROM li) AND t.tgname = 'taskline_occurs_at'

 UNION ALL
SELECT '043.' || v.name,
       coalesce(bool_and(i.indrelid = (SELECT oid FROM li) AND i.indisvalid AND i.indisready AND i.indislive AND NOT i.indisunique
                         AND regexp_replace(split_part(pg_get_indexdef(c.oid), ' USING btree ', 2),
                                            ' WITH \([^)]*\)|[[:space:]()"]|::(text|character varying)', '', 'g') = v.shape), false),
       coalesce(string_agg(pg_get_indexdef(i.indexrelid) || CASE WHEN i.indisvalid THEN '' ELSE ' (INVALID)' END, ''),
                'no such index')
  FROM (SELECT format('idx_lead_interactions_%s_timeline', kind),
               format('organization_id,%1$s_id,occurs_atDESC,idDESCWHERE%1$s_idISNOTNULL', kind)
          FROM unnest(ARRAY['lead', 'contact', 'account']) AS k(kind)
         UNION ALL
        VALUES ('idx_lead_interactions_tasks_by_due', $$organization_id,scheduled_at,idWHEREinteraction_type='task'$$),
               ('idx_lead_interactions_tasks_by_creation', $$organization_id,created_at,idWHEREinteraction_type='task'$$)) AS v(name, shape)
  LEFT JOIN pg_class c ON c.relname = v.name AND c.relnamespace = (SELECT relnamespace FROM li)
  LEFT JOIN pg_index i ON i.indexrelid = c.oid
 GROUP BY v.name

 UNION ALL
SELECT '043.stamps', count(*) = 0,
       CASE WHEN count(*) > 0 THEN 'the trigger of an unfinished backfill is still there' ELSE 'no trigger left' END
  FROM pg_trigger
 WHERE tgname = '~taskline_043_keep' AND tgrelid IN ((SELECT oid FROM li), to_regclass('leads'))

 UNION ALL
SELECT '044.' || v.name, coalesce(bool_and((v.type IS NULL OR col.type = v.type) AND NOT col.attnotnull), false),
       coalesce(string_agg(col.type || CASE WHEN col.attnotnull THEN ' NOT NULL' ELSE '' END, ''), 'no such column')
  FROM (VALUES ('deleted_at', 'timestamp with time zone'), ('deleted_by', 'uuid'), ('status_before_deletion', NULL)) AS v(name, type)
  LEFT JOIN col ON col.attname = v.name
 GROUP BY v.name

 UNION ALL
SELECT '044.fence', EXISTS (SELECT FROM li) AND count(*) = 0,
       CASE WHEN count(*) > 0 THEN 'there, of an unfinished rollback: it lets no task be deleted' ELSE 'none of an unfinished rollback' END
  FROM pg_constraint WHERE conrelid = (SELECT oid FROM li) AND conname = 'taskline_044_fence'

 UNION ALL
SELECT '044.taskline_idempotency_keys',
       count(*) = 1 AND bool_and(keys.relkind = 'r') AND bool_and(coalesce(pk.definition, '')
         = 'PRIMARY KEY (organization_id, user_id, operation, key)') AND bool_and(ARRAY(
         SELECT concat_ws(' ', a.attname, format_type(a.atttypid, a.atttypmod), CASE WHEN a.attnotnull THEN 'NOT NULL' END,
                          'DEFAULT ' || pg_get_expr(d.adbin, d.adrelid))
           FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
          WHERE a.attrelid = keys.oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attname COLLATE "C")
         = ARRAY['answer jsonb NOT NULL', 'created_at timestamp with time zone NOT NULL DEFAULT now()', 'input_digest bytea NOT NULL',
                 'key text NOT NULL', 'operation text NOT NULL', 'organization_id uuid NOT NULL', 'user_id uuid NOT NULL']),
       coalesce(string_agg(coalesce(pk.definition, 'no primary key'), ''), 'no such table')
  FROM keys LEFT JOIN (SELECT conrelid, pg_get_constraintdef(oid) AS definition FROM pg_constraint WHERE contype = 'p') AS pk
    ON pk.conrelid = keys.oid

 UNION ALL
SELECT '044.row_security_of_keys',
       coalesce(bool_and(keys.relrowsecurity) AND count(p.oid) = 1
                AND bool_and(p.polname = 'taskline_idempotency_keys_tenant' AND p.polpermissive AND p.polcmd = '*' AND p.polroles = '{0}'
                             AND p.shape = tenant.shape AND p.check_shape = tenant.shape), false),
       CASE WHEN count(keys.oid) = 0 THEN 'no such table'
            WHEN bool_and(keys.relrowsecurity) THEN coalesce('policies: ' || string_agg(p.polname, ', ' ORDER BY p.polname), 'on, without any policy')
            ELSE 'off' END
  FROM tenant LEFT JOIN keys ON true
  LEFT JOIN (SELECT pg_policy.*, regexp_replace(pg_get_expr(polqual, polrelid), '[[:space:]()]|AS "nullif"', '', 'g') AS shape,
                    regexp_replace(pg_get_expr(polwithcheck, polrelid), '[[:space:]()]|AS "nullif"', '', 'g') AS check_shape
               FROM pg_policy) AS p ON p.polrelid = keys.oid

 UNION ALL
SELECT '044.taskline_idempotency_keys_by_age',
       coalesce(bool_and(i.indrelid = (SELECT oid FROM keys) AND i.indisvalid AND i.indisready AND i.indislive AND NOT i.indisunique
                         AND pg_get_indexdef(c.oid) LIKE '% USING btree (organization_id, created_at)'), false),
       coalesce(string_agg(pg_get_indexdef(i.indexrelid) || CASE WHEN i.indisvalid THEN '' ELSE ' (INVALID)' END, ''),
                'no such index')
  FROM pg_class c LEFT JOIN pg_index i ON i.indexrelid = c.oid
 WHERE c.relname = 'taskline_idempotency_keys_by_age' AND c.relnamespace = (SELECT relnamespace FROM li)

 UNION ALL
SELECT '044.rights_on_taskline_idempotency_keys', bool_and(is_held),
       CASE WHEN NOT EXISTS (SELECT FROM keys) THEN 'no such table'
            WHEN bool_and(is_held) THEN string_agg(privilege, ', ' ORDER BY place)
            ELSE format('no %1$s; as the owner: GRANT %1$s ON %2$s TO NAME; or ./taskline migrate up --api-role NAME',
                        string_agg(privilege, ', ' ORDER BY place) FILTER (WHERE NOT is_held), (SELECT oid::regclass FROM keys)) END
  FROM keys_rights

 UNION ALL
SELECT '045.taskline_events',
       coalesce((SELECT string_agg(format('%s %s%s', a.attname, format_type(a.atttypid, a.atttypmod),
                                          CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END), ', ' ORDER BY a.attnum)
                   FROM pg_attribute a WHERE a.attrelid = log.oid AND a.attnum > 0 AND NOT a.attisdropped)
                = 'seq bigint NOT NULL, xid xid8, organization_id uuid NOT NULL, interaction_id uuid NOT NULL, type text NOT NULL, '
                  'at timestamp with time zone NOT NULL, actor_id uuid, request_id text, client_mutation_id text, before jsonb, '
                  'after jsonb, changed text[], record_kind text, record_id uuid, record_name text', false),
       CASE WHEN log.oid IS NULL THEN 'no such table' ELSE 'there' END
  FROM log

 UNION ALL
SELECT '045.row_security',
       coalesce(log.relrowsecurity, false) AND count(p.oid) = 1
       AND bool_and(coalesce(p.polname = 'taskline_events_tenant' AND p.polpermissive AND p.polcmd = 'r' AND p.polroles = '{0}'
                    AND regexp_replace(pg_get_expr(p.polqual, p.polrelid), '[[:space:]()]|AS "nullif"', '', 'g') = tenant.shape, false)),
       CASE WHEN log.oid IS NULL THEN 'no such table' WHEN NOT log.relrowsecurity THEN 'off'
            ELSE coalesce('policies: ' || string_agg(p.polname, ', ' ORDER BY p.polname), 'on, without any policy') END
  FROM tenant CROSS JOIN log
  LEFT JOIN pg_policy p ON p.polrelid = log.oid AND (p.polname <> 'taskline_events_disputed' OR p.polpermissive)
 GROUP BY log.oid, log.relrowsecurity, tenant.shape

 UNION ALL
SELECT '045.rights_on_taskline_events', coalesce(has_table_privilege((SELECT oid FROM api), log.oid, 'SELECT'), false),
       CASE WHEN log.oid IS NULL THEN 'no such table' WHEN has_table_privilege((SELECT oid FROM api), log.oid, 'SELECT') THEN 'SELECT'
            ELSE 'no SELECT; as the owner: GRANT SELECT ON taskline_events TO NAME; or ./taskline migrate up --api-role NAME' END
  FROM log

 UNION ALL
SELECT '045.rights_on_functions',                   -- by which the API tells a place in the log; the owner does without
       log.oid IS NOT NULL AND (bool_and(f.is_held) OR coalesce(pg_has_role((SELECT oid FROM api), c.relowner, 'MEMBER'), false)),
       CASE WHEN log.oid IS NULL THEN 'no such table' WHEN bool_and(f.is_held) THEN 'EXECUTE'
            ELSE format('no EXECUTE on %1$s in this database, which only a superuser can grant; '
                        'as a superuser: GRANT EXECUTE ON FUNCTION %1$s TO NAME;',
                        string_agg(f.name, ', ' ORDER BY f.name) FILTER (WHERE NOT f.is_held)) END
  FROM log LEFT JOIN pg_class c ON c.oid = log.oid
 CROSS JOIN (SELECT name, coalesce(has_function_privilege((SELECT oid FROM api), 'pg_catalog.' || name, 'EXECUTE'), false) AS is_held
               FROM unnest(ARRAY['pg_control_system()', 'pg_current_wal_insert_lsn()', 'pg_walfile_name(pg_lsn)',
                                 'pg_current_wal_flush_lsn()', 'pg_last_wal_replay_lsn()']) AS v(name)) AS f
 GROUP BY log.oid, c.relowner

 UNION ALL
SELECT '045.trigger_on_' || v.name,
       coalesce(bool_and(t.tgtype = v.type AND t.tgenabled = 'A' AND t.tgqual IS NULL AND t.tgattr = '' AND p.prosecdef
                         AND p.proname = v.routine AND p.proconfig = ARRAY['search_path=pg_catalog, pg_temp']
                         AND md5(regexp_replace(replace(p.prosrc, (SELECT relnamespace::regnamespace FROM li) || '.', ''), '[[:space:]]', '', 'g'))
                             = v.digest), false),
       coalesce(string_agg(CASE WHEN t.tgenabled = 'A' THEN pg_get_triggerdef(t.oid)
                                ELSE 'not for every writer; ./taskline migrate up' END, ''), 'no trigger ' || min(v.tgname))
  FROM (VALUES ('lead_interactions', 'taskline_events', 29, 'taskline_log_interaction', 'd9ba04d5163e5ca8f4067757e1e442d2'),
               ('leads', '~taskline_lost_link', 11, 'taskline_log_lost_lead', '21051c93be2243da3420f1424bfc0856'),
               ('contacts', '~taskline_lost_link', 11, 'taskline_log_lost_contact', 'b3be5583f314c72141391f5352719ac9'),
               ('accounts', '~taskline_lost_link', 11, 'taskline_log_lost_account', 'e5e4f6031d0b17de5973589aef8e86d7')) AS v(name, tgname, type, routine, digest)
  LEFT JOIN pg_trigger t ON t.tgrelid = to_regclass(v.name) AND t.tgname = v.tgname
  LEFT JOIN pg_proc p ON p.oid = t.tgfoid
 GROUP BY v.name

 UNION ALL
SELECT '045.' || v.name,
       coalesce(bool_and(i.indrelid = (SELECT oid FROM log) AND i.indisvalid AND i.indisready AND i.indislive AND NOT i.indisunique
                         AND regexp_replace(split_part(pg_get_indexdef(c.oid), ' USING btree ', 2), ' WITH \([^)]*\)|[[:space:]()"]', '', 'g')
                             = v.shape), false),
       coalesce(string_agg(pg_get_indexdef(i.indexrelid) || CASE WHEN i.indisvalid THEN '' ELSE ' (INVALID)' END, ''), 'no such index')
  FROM (VALUES ('taskline_events_by_transaction', 'organization_id,xid,seq'),
               ('taskline_events_of_interaction', 'organization_id,interaction_id,atDESC,seqDESC'),
               ('taskline_events_of_record', 'record_idWHERErecord_idISNOTNULL')) AS v(name, shape)
  LEFT JOIN pg_class c ON c.relname = v.name AND c.relnamespace = (SELECT relnamespace FROM li)
  LEFT JOIN pg_index i ON i.indexrelid = c.oid
 GROUP BY v.name

 UNION ALL
SELECT '045.history', EXISTS (SELECT FROM li) AND to_regclass('taskline_045_copy') IS NULL,
       CASE WHEN to_regclass('taskline_045_copy') IS NULL THEN 'no copy is under way'
            ELSE 'the copy of the old history has not ended; ./taskline migrate up goes on with it' END
  FROM (VALUES (1)) AS always

 UNION ALL
SELECT '046.' || v.name,
       coalesce(bool_and(i.indrelid = to_regclass(v.rel) AND i.indisvalid AND i.indisready AND i.indislive AND i.indimmediate
                         AND i.indisunique = v.is_unique
                         AND regexp_replace(split_part(pg_get_indexdef(c.oid), ' USING btree ', 2), ' WITH \([^)]*\)|[[:space:]()"]', '', 'g')
                             = v.shape), false),
       coalesce(string_agg(pg_get_indexdef(i.indexrelid) || CASE WHEN i.indisvalid THEN '' ELSE ' (INVALID)' END, ''), 'no such index')
  FROM (VALUES ('taskline_contacts_of_tenant', 'contacts', 'organization_id,id', true),
               ('taskline_accounts_of_tenant', 'accounts', 'organization_id,id', true),
               ('taskline_leads_by_contact', 'leads', 'linked_contact_idWHERElinked_contact_idISNOTNULL', false)) AS v(name, rel, shape, is_unique)
  LEFT JOIN pg_class r ON r.oid = to_regclass(v.rel)
  LEFT JOIN pg_class c ON c.relname = v.name AND c.relnamespace = r.relnamespace
  LEFT JOIN pg_index i ON i.indexrelid = c.oid
 GROUP BY v.name

 UNION ALL
SELECT '046.' || v.kind || '_id_key', count(k.oid) > 0,                -- of older rows that disagree, doctor tells
       coalesce(string_agg(pg_get_constraintdef(k.oid), '; '), format('no key on (organization_id, %s_id)', v.kind))
  FROM unnest(ARRAY['contact', 'account']) AS v(kind)
  LEFT JOIN pg_constraint k
    ON k.conrelid = (SELECT oid FROM li) AND k.contype = 'f' AND k.confrelid = to_regclass(v.kind || 's')
   AND pg_get_constraintdef(k.oid) ~ format('^FOREIGN KEY \(organization_id, %1$s_id\) REFERENCES [^(]+\(organization_id, id\) '
                                            'ON DELETE SET NULL \(%1$s_id\)( NOT VALID)?$', v.kind)
 GROUP BY v.kind

 UNION ALL
SELECT '047.' || v.name,
       coalesce(bool_and(i.indrelid = (SELECT oid FROM li) AND i.indisvalid AND i.indisready AND i.indislive AND NOT i.indisunique
                         AND regexp_replace(split_part(pg_get_indexdef(c.oid), ' USING btree ', 2),
                                            ' WITH \([^)]*\)|[[:space:]()"]|::(text|character varying|bpchar)(\[\])?', '', 'g') = v.shape), false),
       coalesce(string_agg(pg_get_indexdef(i.indexrelid) || CASE WHEN i.indisvalid THEN '' ELSE ' (INVALID)' END, ''),
                'no such index')
  FROM (SELECT 'taskline_open_tasks_of_' || kind,
               format($$organization_id,%1$s_id,occurs_atDESC,idDESCWHEREinteraction_type='task'AND$$
                      || $$status=ANYARRAY['pending','scheduled']ANDdeleted_atISNULLAND%1$s_idISNOTNULL$$, kind)
          FROM unnest(ARRAY['contact', 'account']) AS k(kind)) AS v(name, shape)
  LEFT JOIN pg_class c ON c.relname = v.name AND c.relnamespace = (SELECT relnamespace FROM li)
  LEFT JOIN pg_index i ON i.indexrelid = c.oid
 GROUP BY v.name
 ORDER BY 1
