-- trial.sql: tools with which a plan tries, before a migration runs, whether tasks will work after it. They make temporary
-- copies of lead_interactions and of the tables that its triggers fill, with columns, checks, unique keys, triggers, policies
-- and rights, but with no row save one; a temporary table comes first on the search path, so the migration's own proof meets
-- the copies. Everything of it belongs into a transaction that is rolled back. Locks: ACCESS SHARE on the originals.

-- == Tools ==
-- A number that a query answers with; null for no query.
CREATE OR REPLACE FUNCTION pg_temp.number_of(query text) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
DECLARE
  n bigint;
BEGIN
  IF query IS NOT NULL THEN
    EXECUTE query INTO n;
  END IF;
  RETURN n;
END $$;

CREATE OR REPLACE FUNCTION pg_temp.tenant() RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT $text$(SELECT nullif(current_setting('app.current_organization_id', true), '')::uuid)$text$
$$;

-- Tables that the triggers of lead_interactions fill, and which refer to it: without a copy of theirs, they refuse what the
-- copy of lead_interactions holds.
CREATE OR REPLACE FUNCTION pg_temp.filled_tables() RETURNS SETOF regclass LANGUAGE sql STABLE AS $$
  SELECT c.oid::regclass
    FROM pg_class c JOIN pg_class li ON li.oid = 'lead_interactions'::regclass
   WHERE c.relkind = 'r' AND c.oid <> li.oid AND c.relnamespace = li.relnamespace
     AND (c.relname = 'interaction_events'
          OR EXISTS (SELECT FROM pg_constraint k WHERE k.contype = 'f' AND k.conrelid = c.oid AND k.confrelid = li.oid)
             AND EXISTS (SELECT FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
                          WHERE t.tgrelid = li.oid AND NOT t.tgisinternal
                            AND position(lower(c.relname) IN lower(p.prosrc)) > 0))
$$;

-- Why no trial can be made, if so: a function that names its tables with their schema goes past the copies.
CREATE OR REPLACE FUNCTION pg_temp.trial_obstacle() RETURNS text LANGUAGE sql STABLE AS $$
  SELECT string_agg(format('%s names its tables by their schema', t.tgfoid::regproc), ', ')
    FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
   WHERE t.tgrelid = 'lead_interactions'::regclass AND NOT t.tgisinternal AND t.tgenabled <> 'D'
     AND t.tgname <> 'taskline_events'              -- ours, which writes to neither of them
     AND (p.prosrc ~* ('\m' || replace(pg_temp.home(), '"', '"?') || '"?\."?(lead_interactions|interaction_events)\M')
          OR EXISTS (SELECT FROM unnest(p.proconfig) c WHERE c ~ '^search_path=.*pg_temp'))
$$;

-- The copy's indexes under the names of the originals', for it is by them that an error names what it broke.
CREATE OR REPLACE FUNCTION pg_temp.name_indexes(original regclass, copied regclass) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  item record;
BEGIN
  FOR item IN
    WITH idx AS (
      SELECT i.indrelid, c.relname, i.indisprimary, i.indisunique, d.what, row_number() OVER (
               PARTITION BY i.indrelid, i.indisprimary, i.indisunique, d.what ORDER BY i.indexrelid) AS n
        FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
       CROSS JOIN LATERAL (SELECT substr(pg_get_indexdef(c.oid), position(' USING ' IN pg_get_indexdef(c.oid)))) AS d(what)
       WHERE i.indrelid IN (original, copied)
    )
    SELECT c.relname AS old, o.relname AS new
      FROM idx c JOIN idx o USING (indisprimary, indisunique, what, n)
     WHERE c.indrelid = copied AND o.indrelid = original AND c.relname <> o.relname
       AND NOT EXISTS (SELECT FROM idx taken WHERE taken.indrelid = copied AND taken.relname = o.relname)
  LOOP
    EXECUTE format('ALTER INDEX pg_temp.%I RENAME TO %I', item.old, item.new);
  END LOOP;
END $$;

-- One table's copy, with row security and policies as they are.
CREATE OR REPLACE FUNCTION pg_temp.copy_table(original regclass) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  name constant text := (SELECT format('pg_temp.%I', relname) FROM pg_class WHERE oid = original);
  full_name constant text := pg_temp.full_name(original);
  item record;
BEGIN
  EXECUTE format('CREATE TEMPORARY TABLE %s (LIKE %s INCLUDING ALL)', substr(name, 9), full_name);
  PERFORM pg_temp.name_indexes(original, name::regclass);
  IF (SELECT relrowsecurity FROM pg_class WHERE oid = original) THEN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', name);
  END IF;
  FOR item IN SELECT pg_temp.policy_ddl(p) AS ddl FROM pg_policy p WHERE p.polrelid = original LOOP
    EXECUTE replace(item.ddl, format(' ON %s AS ', full_name), format(' ON %s AS ', name));
  END LOOP;
  FOR item IN SELECT DISTINCT a.privilege_type, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END AS grantee
                FROM pg_class c, aclexplode(c.relacl) a WHERE c.oid = original AND a.grantee <> c.relowner LOOP
    EXECUTE format('GRANT %s ON %s TO %s', item.privilege_type, name, item.grantee);
  END LOOP;
END $$;

CREATE OR REPLACE FUNCTION pg_temp.copy_triggers(original regclass) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  name constant text := (SELECT format('pg_temp.%I', relname) FROM pg_class WHERE oid = original);
  item record;
BEGIN
  FOR item IN SELECT pg_get_triggerdef(t.oid) AS ddl, t.tgname, t.tgenabled FROM pg_trigger t
               WHERE t.tgrelid = original AND NOT t.tgisinternal LOOP
    EXECUTE replace(item.ddl, format(' ON %s ', pg_temp.full_name(original)), format(' ON %s ', name));
    IF item.tgenabled <> 'O' THEN
      EXECUTE format('ALTER TABLE %s %s TRIGGER %I', name,
                     '{"D": "DISABLE", "R": "ENABLE REPLICA", "A": "ENABLE ALWAYS"}'::jsonb->>item.tgenabled::text, item.tgname);
    END IF;
  END LOOP;
END $$;

-- All copies, and in that of lead_interactions the one row that serves the proof as its pattern.
CREATE OR REPLACE FUNCTION pg_temp.copy_tables() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  originals constant regclass[] := 'lead_interactions'::regclass || ARRAY(SELECT pg_temp.filled_tables());
  pattern   constant jsonb := pg_temp.pattern_task();
  rel       regclass;
BEGIN
  FOREACH rel IN ARRAY originals LOOP
    PERFORM pg_temp.copy_table(rel);
  END LOOP;
  IF pattern IS NOT NULL THEN
    EXECUTE pg_temp.insert_statement('pg_temp.lead_interactions', pattern) USING pattern;
  END IF;
  FOREACH rel IN ARRAY originals LOOP
    PERFORM pg_temp.copy_triggers(rel);
  END LOOP;
END $$;

-- The copies as 041 leaves the originals.
CREATE OR REPLACE FUNCTION pg_temp.leave_as_041() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  name text;
BEGIN
  ALTER TABLE pg_temp.lead_interactions ADD COLUMN IF NOT EXISTS contact_id uuid, ADD COLUMN IF NOT EXISTS account_id uuid;
  ALTER TABLE pg_temp.lead_interactions
    ALTER COLUMN lead_id DROP NOT NULL, ALTER COLUMN contact_id DROP NOT NULL, ALTER COLUMN account_id DROP NOT NULL;
  FOR name IN SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'lead_id'
               WHERE c.relnamespace = pg_my_temp_schema() AND c.relkind = 'r' LOOP
    EXECUTE format('ALTER TABLE pg_temp.%I ALTER COLUMN lead_id DROP NOT NULL', name);
  END LOOP;
  FOR name IN SELECT conname FROM pg_constraint
               WHERE conrelid = 'pg_temp.lead_interactions'::regclass AND conname LIKE 'taskline\_041\_fence\_%' LOOP
    EXECUTE format('ALTER TABLE pg_temp.lead_interactions DROP CONSTRAINT %I', name);
  END LOOP;
  FOR name IN SELECT w.name FROM pg_temp.wanted_indexes() w WHERE pg_temp.index_state(w.name, w.cols) = 'other' LOOP
    EXECUTE format('ALTER INDEX IF EXISTS pg_temp.%I RENAME TO %I', name, left(name, 46) || '_before_041');
  END LOOP;
  IF pg_temp.policy_state() IN ('missing', 'other') THEN
    DROP POLICY IF EXISTS lead_interactions_without_lead ON pg_temp.lead_interactions;
    EXECUTE format('CREATE POLICY lead_interactions_without_lead ON pg_temp.lead_interactions
                      USING (lead_id IS NULL AND organization_id = %1$s)
                      WITH CHECK (lead_id IS NULL AND organization_id = %1$s)', pg_temp.tenant());
  END IF;
END $$;

-- The copies as 042 leaves the originals; the role's rights on real tables are granted too, and taken back with the rest.
CREATE OR REPLACE FUNCTION pg_temp.leave_as_042() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  item record;
BEGIN
  FOR item IN SELECT w.relation, w.privilege FROM pg_temp.wanted_rights() w JOIN pg_roles r ON r.rolname = pg_temp.wanted_role()
               WHERE NOT has_table_privilege(r.oid, w.relation, w.privilege) LOOP
    EXECUTE format('GRANT %s ON %s TO %I', item.privilege, item.relation, pg_temp.wanted_role());
  END LOOP;
  FOR item IN SELECT p.polname FROM pg_temp.outdated_policies() p LOOP
    EXECUTE format('DROP POLICY %I ON pg_temp.lead_interactions', item.polname);
  END LOOP;
  IF NOT pg_temp.has_tenant_policy() THEN
    EXECUTE format('CREATE POLICY lead_interactions_tenant ON pg_temp.lead_interactions
                      USING (organization_id = %1$s) WITH CHECK (organization_id = %1$s)', pg_temp.tenant());
  END IF;
END $$;

-- The copies as 043 leaves the originals. Setting a type anew computes a column without a trigger that would fire.
CREATE OR REPLACE FUNCTION pg_temp.leave_as_043() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  name text;
BEGIN
  ALTER TABLE pg_temp.lead_interactions ADD COLUMN IF NOT EXISTS occurs_at timestamptz;
  EXECUTE format('ALTER TABLE pg_temp.lead_interactions ALTER COLUMN occurs_at TYPE timestamptz USING %s,
                    ALTER COLUMN occurs_at SET NOT NULL', pg_temp.place_in_time('lead_interactions'));
  EXECUTE format('CREATE OR REPLACE FUNCTION pg_temp.taskline_occurs_at() RETURNS trigger LANGUAGE plpgsql
                    SET search_path = pg_catalog AS %L', pg_temp.trigger_body());
  CREATE OR REPLACE TRIGGER taskline_occurs_at BEFORE INSERT OR UPDATE ON pg_temp.lead_interactions
     FOR EACH ROW EXECUTE FUNCTION pg_temp.taskline_occurs_at();
  FOR name IN SELECT w.name FROM pg_temp.timeline_indexes() w WHERE pg_temp.timeline_index_state(w.name, w.what) = 'other' LOOP
    EXECUTE format('ALTER INDEX IF EXISTS pg_temp.%I RENAME TO %I', name, left(name, 46) || '_before_043');
  END LOOP;
END $$;

-- The copies as 044 leaves the originals. The keys are a table of its own, which nothing that is there can know.
CREATE OR REPLACE FUNCTION pg_temp.leave_as_044() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  item record;
BEGIN
  ALTER TABLE pg_temp.lead_interactions DROP CONSTRAINT IF EXISTS taskline_044_fence;
  FOR item IN SELECT * FROM pg_temp.deletion_columns() LOOP
    EXECUTE format('ALTER TABLE pg_temp.lead_interactions ADD COLUMN IF NOT EXISTS %I %s', item.name, item.type);
  END LOOP;
END $$;

-- The copies as 045 leaves the originals: it only looks at what is written to them. A log that is there already is written to
-- by the copies' own trigger, and taken back with the rest.
CREATE OR REPLACE FUNCTION pg_temp.leave_as_045() RETURNS void LANGUAGE sql AS $$
  SELECT NULL::void
$$;

-- The copies as 046 leaves the originals: a temporary table can have no key to one that isn't, and so none is tried.
CREATE OR REPLACE FUNCTION pg_temp.leave_as_046() RETURNS void LANGUAGE sql AS $$
  SELECT NULL::void
$$;

-- The copies as 047 leaves the originals: it only builds indexes, which no task can fail on.
CREATE OR REPLACE FUNCTION pg_temp.leave_as_047() RETURNS void LANGUAGE sql AS $$
  SELECT NULL::void
$$;
