-- catalogue_checks.sql: what in the catalogue of this database will hurt the API. One read-only statement, some
-- milliseconds, for any role; tables and columns that aren't there are no matter. The role of the API is the one that the setting taskline.api_role
-- names, else taskline_api; without it, nothing is said about a role.
-- Rows (severity, place, words, remedy): error = the API fails or answers wrongly, warning = it will, or others do, note = good
-- to know. A remedy is a statement or a command, ready to type.
WITH tab AS (
  SELECT c.oid, c.relname::text AS name, c.oid::regclass AS rel, c.relowner, c.relrowsecurity, c.relforcerowsecurity
    FROM unnest(ARRAY['organizations', 'users', 'leads', 'contacts', 'accounts', 'lead_interactions', 'interaction_events']) AS t(name)
    JOIN pg_class c ON c.oid = to_regclass(t.name) AND c.relkind IN ('r', 'p')
), col AS (
  SELECT tab.oid, tab.name, tab.rel, a.attname::text AS col, a.attnum
    FROM tab JOIN pg_attribute a ON a.attrelid = tab.oid AND a.attnum > 0 AND NOT a.attisdropped
), asked AS (                                       -- what the API reads and writes
  SELECT t.name, c.col
    FROM (VALUES ('users', 'id organization_id email first_name last_name role is_active'),
                 ('leads', 'id organization_id assigned_to linked_contact_id first_name last_name company email phone status converted_date'),
                 ('contacts', 'id organization_id assigned_to first_name last_name company email phone status'),
                 ('accounts', 'id organization_id contact_id account_name account_status created_by deleted_at'),
                 ('lead_interactions', 'id organization_id lead_id user_id created_by last_modified_by interaction_type subject outcome '
                                       'status priority description scheduled_at completed_at created_at updated_at')) AS t(name, cols)
   CROSS JOIN unnest(string_to_array(t.cols, ' ')) AS c(col)
), trig AS (
  SELECT tab.*, t.tgname::text, t.tgenabled::text, t.tgfoid::regprocedure AS fn,
         regexp_replace(regexp_replace(p.prosrc, '/\*.*?\*/', ' ', 'g'), '--[^\n]*', ' ', 'g') AS body
    FROM tab JOIN pg_trigger t ON t.tgrelid = tab.oid AND NOT t.tgisinternal JOIN pg_proc p ON p.oid = t.tgfoid
), field AS (                                       -- what a trigger's function reads of its row, and the table hasn't got
  SELECT DISTINCT trig.oid, trig.tgname, m[1] || '.' || f.col AS words, f.col
    FROM trig CROSS JOIN LATERAL regexp_matches(trig.body, '\m(NEW|OLD)\.("?)(\w+)', 'gi') AS m
   CROSS JOIN LATERAL (SELECT CASE m[2] WHEN '"' THEN m[3] ELSE lower(m[3]) END AS col) AS f
   WHERE NOT EXISTS (SELECT FROM col WHERE col.oid = trig.oid AND col.col = f.col)
), kind AS (                                        -- what a column of that name holds, as a rule
  SELECT col, CASE WHEN col ~ '(_at|_date)$' THEN 'timestamptz' WHEN col ~ '(_id|_by|_to|^id)$' THEN 'uuid'
                   WHEN col ~ '^is_' THEN 'boolean' ELSE 'text' END AS type
    FROM (SELECT col FROM asked UNION SELECT col FROM field) AS c
), misread AS (
  SELECT trig.name, trig.rel, trig.tgname, trig.tgenabled = 'D' AS is_disabled, trig.fn, string_agg(DISTINCT field.words, ', ') AS fields,
         string_agg(DISTINCT format('ADD COLUMN %I %s', field.col, kind.type), ', ') AS additions,
         trig.body ~* '\mtg_(table_name|relname|relid)\M' AS is_guarded, bool_or(field.col = 'last_modified_by') AS is_actor
    FROM trig JOIN field USING (oid, tgname) JOIN kind ON kind.col = field.col
   GROUP BY trig.name, trig.rel, trig.tgname, trig.tgenabled, trig.fn, trig.body
), policy AS (
  SELECT tab.name, tab.rel, p.polname::text, p.polpermissive, tab.relrowsecurity, pg_get_expr(p.polqual, p.polrelid) AS qual,
         pg_get_expr(p.polwithcheck, p.polrelid) AS chk,
         EXISTS (SELECT FROM pg_depend d JOIN col ON col.oid = d.refobjid AND col.attnum = d.refobjsubid
                  WHERE d.classid = 'pg_policy'::regclass AND d.objid = p.oid AND d.refobjid = tab.oid AND col.col = 'lead_id'
                    AND tab.name = 'lead_interactions') AS asks_lead
    FROM tab JOIN pg_policy p ON p.polrelid = tab.oid
), strict AS (
  SELECT p.*, v.pattern, regexp_replace(regexp_replace(p.qual, '\s+', ' ', 'g'), v.pattern, v.instead, 'g') AS new_qual,
         regexp_replace(regexp_replace(p.chk, '\s+', ' ', 'g'), v.pattern, v.instead, 'g') AS new_chk
    FROM policy p
   CROSS JOIN (VALUES ('(?<!NULLIF\()current_setting\((''[^'']+''::text)(?:, true)?\)', 'NULLIF(current_setting(\1, true), '''')'))
              AS v(pattern, instead)
   WHERE concat(p.qual, p.chk) ~ v.pattern
), role AS (
  SELECT coalesce(nullif(current_setting('taskline.api_role', true), ''), 'taskline_api') AS name, r.*
    FROM (VALUES (1)) AS always
    LEFT JOIN pg_roles r ON r.rolname = coalesce(nullif(current_setting('taskline.api_role', true), ''), 'taskline_api')
), found AS (
  SELECT 'error' AS severity, format('%s.%s', asked.name, asked.col) AS place, 'no such column, and the API asks for it' AS words,
         CASE WHEN asked.col = 'last_modified_by' AND EXISTS (SELECT FROM col WHERE name = asked.name AND col = 'completed_by')
              THEN 'ALTER TABLE lead_interactions RENAME COLUMN completed_by TO last_modified_by;'
              ELSE format('ALTER TABLE %s ADD COLUMN %I %s;', asked.name, asked.col, kind.type) END AS remedy
    FROM asked JOIN tab USING (name) JOIN kind ON kind.col = asked.col
   WHERE NOT EXISTS (SELECT FROM col WHERE col.name = asked.name AND col.col = asked.col)
   UNION ALL
  SELECT 'error', name, 'no such table, and the API asks for it', './taskline migrate status'
    FROM (SELECT DISTINCT name FROM asked) AS a WHERE NOT EXISTS (SELECT FROM tab WHERE tab.name = a.name)
   UNION ALL
  SELECT 'error', name || '.id', 'no unique key on the id: two rows may have the same', format('ALTER TABLE %s ADD PRIMARY KEY (id);', rel)
    FROM col WHERE col = 'id'
     AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = col.oid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL
                        AND i.indkey::text = col.attnum::text)
   UNION ALL
  SELECT CASE WHEN is_guarded OR is_disabled THEN 'warning' ELSE 'error' END, format('%s, trigger %s', name, tgname),
         format('its function %s reads %s, and the table has no such column: %s. Give it the column, or change the function', fn, fields,
                CASE WHEN is_disabled THEN 'a change would fail, were it not disabled' WHEN is_guarded THEN 'a change may fail'
                     ELSE 'a change that comes so far fails' END),
         CASE WHEN is_actor AND EXISTS (SELECT FROM col WHERE col.name = misread.name AND col.col = 'completed_by')
              THEN format('ALTER TABLE %s RENAME COLUMN completed_by TO last_modified_by;', rel)
              ELSE format('ALTER TABLE %s %s;', rel, additions) END
    FROM misread
   UNION ALL
  SELECT 'warning', format('%s, trigger %s', name, tgname),       -- one that misreads its row had better stay so till then
         CASE tgenabled WHEN 'D' THEN 'disabled: what it keeps up to date goes stale' ELSE 'fires on replicas only' END,
         format('ALTER TABLE %s ENABLE TRIGGER %I;', rel, tgname)
    FROM trig
   WHERE tgenabled IN ('D', 'R') AND tgname <> '~taskline_042_keep'
     AND NOT EXISTS (SELECT FROM field WHERE field.oid = trig.oid AND field.tgname = trig.tgname)
   UNION ALL
  SELECT 'warning', name, 'row security is off: the database keeps no organizations apart',
         format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY;', rel)
           || CASE WHEN EXISTS (SELECT FROM policy WHERE policy.name = tab.name) THEN '' ELSE format(
                ' CREATE POLICY %s_tenant ON %s USING (%s = (SELECT nullif(current_setting(''app.current_organization_id'', true), '''')::uuid));',
                name, rel, CASE name WHEN 'organizations' THEN 'id' ELSE 'organization_id' END) END
    FROM tab WHERE NOT relrowsecurity
   UNION ALL
  SELECT 'warning', name, 'row security is forced on its owner, who then can''t see every row: migrations refuse that',
         format('ALTER TABLE %s NO FORCE ROW LEVEL SECURITY;', rel)
    FROM tab WHERE relforcerowsecurity
   UNION ALL
  SELECT 'error', format('%s, policy %s', name, polname), 'restrictive, and asks the lead: it hides tasks without one',
         format('DROP POLICY %I ON %s;', polname, rel)
    FROM policy WHERE asks_lead AND NOT polpermissive AND relrowsecurity
   UNION ALL
  SELECT 'warning', format('%s, policy %s', name, polname), 'asks the lead for the organization, beside the policy that asks the row',
         format('DROP POLICY %I ON %s;', polname, rel)
    FROM policy
   WHERE asks_lead AND polpermissive AND relrowsecurity
     AND EXISTS (SELECT FROM policy own WHERE own.name = policy.name AND own.polname = 'lead_interactions_tenant')
   UNION ALL
  SELECT 'note', format('%s, policy %s', name, polname),
         'raises an error where its setting is missing or empty; the API sets it in each transaction',
         format('ALTER POLICY %I ON %s', polname, rel) || coalesce(' USING (' || new_qual || ')', '')
           || coalesce(' WITH CHECK (' || new_chk || ')', '') || ';'
    FROM strict
   UNION ALL
  SELECT 'warning', c.oid::regclass::text, format('INVALID index of %s, left by a build that was broken off: it costs, and serves nobody', tab.name),
         format('DROP INDEX CONCURRENTLY %s;', c.oid::regclass)
    FROM tab JOIN pg_index i ON i.indrelid = tab.oid AND NOT i.indisvalid JOIN pg_class c ON c.oid = i.indexrelid
   UNION ALL
  SELECT 'note', format('%s, key %s', tab.name, k.conname), 'never validated: older rows may break it',
         format('ALTER TABLE %s VALIDATE CONSTRAINT %I;', tab.rel, k.conname)
    FROM tab JOIN pg_constraint k ON k.conrelid = tab.oid AND NOT k.convalidated AND k.conname NOT LIKE 'taskline\_041\_fence\_%'
     AND k.conname <> 'taskline_044_fence'
   UNION ALL
  SELECT 'error', format('%s, check %s', tab.name, k.conname), 'the fence of an unfinished rollback: it refuses tasks without a lead',
         format('ALTER TABLE %s DROP CONSTRAINT %I;', tab.rel, k.conname)
    FROM tab JOIN pg_constraint k ON k.conrelid = tab.oid AND k.conname LIKE 'taskline\_041\_fence\_%'
   UNION ALL
  SELECT 'error', format('%s, check %s', tab.name, k.conname), 'the fence of an unfinished rollback: it lets no task be deleted',
         format('ALTER TABLE %s DROP CONSTRAINT %I;', tab.rel, k.conname)
    FROM tab JOIN pg_constraint k ON k.conrelid = tab.oid AND k.conname = 'taskline_044_fence'
   UNION ALL
  SELECT 'warning', c.oid::regclass::text, 'holds what a rollback of 041 set aside', './taskline migrate up --bring-back'
    FROM tab JOIN pg_class li ON li.oid = tab.oid AND tab.name = 'lead_interactions'
    JOIN pg_class c ON c.relnamespace = li.relnamespace AND c.relkind = 'r' AND c.relname = 'lead_interactions_rolled_back_041'
   UNION ALL
  SELECT 'error', format('role %s', role.name), 'no such role: the API can''t sign in as it', format('CREATE ROLE %I LOGIN;', role.name)
    FROM role WHERE oid IS NULL AND role.name <> 'taskline_api'
   UNION ALL
  SELECT 'error', format('role %s', role.name), 'row security doesn''t bind it: it is a superuser, or has BYPASSRLS',
         format('ALTER ROLE %I NOSUPERUSER NOBYPASSRLS;', role.name)
    FROM role WHERE rolsuper OR rolbypassrls
   UNION ALL
  SELECT 'error', format('role %s', role.name), format('row security doesn''t bind it: it is or belongs to the owner of %s', string_agg(tab.name, ', ')),
         format('REVOKE %s FROM %I;', min(tab.relowner::regrole::text), role.name)
    FROM role JOIN tab ON NOT role.rolsuper AND pg_has_role(role.oid, tab.relowner, 'MEMBER')
   GROUP BY role.name
)
SELECT severity, place, words, remedy FROM found
 ORDER BY array_position(ARRAY['error', 'warning', 'note'], severity), place, words
