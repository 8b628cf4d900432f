-- 042_tenant_of_interactions.rollback.sql: brings back the policies that 042 replaced, and takes the API's rights away, from
-- what 042 wrote down in taskline_saved_ddl. The organizations that 042 filled in stay: they are true, and under the earlier
-- policies nothing reads them.
--
-- Locks, each tried for at most 150 ms at a time: ACCESS EXCLUSIVE on lead_interactions, for the exchange of the policies.
\set ON_ERROR_STOP on

-- == Session ==
-- Nothing here changes the database. The settings end with this file; the advisory lock admits one migration at a time.
DO $$
BEGIN
  IF now() <> statement_timestamp() THEN
    RAISE EXCEPTION 'this migration can''t run inside a transaction block: it commits step by step, so that nobody waits for it'
      USING ERRCODE = 'active_sql_transaction',
            HINT = 'Run it without BEGIN, without psql -1 (--single-transaction) and with AUTOCOMMIT on. Nothing was changed.';
  ELSIF current_setting('transaction_read_only')::boolean THEN
    RAISE EXCEPTION 'database % is read-only: it is a standby, or default_transaction_read_only is on', current_database()
      USING ERRCODE = 'read_only_sql_transaction', HINT = 'Run the migration on the primary server. Nothing was changed.';
  ELSIF to_regclass('lead_interactions') IS NULL THEN
    RAISE EXCEPTION 'database % has no table lead_interactions on the search path (%)', current_database(), current_setting('search_path')
      USING ERRCODE = 'undefined_table',
            HINT = 'Check the database name; set search_path if the tables live in another schema; run 040 in an empty database.';
  END IF;
END $$;

DO $$
DECLARE
  wanted jsonb := jsonb_build_object(
    'statement_timeout', '0', 'transaction_timeout', '0', 'lock_timeout', '0', 'default_transaction_isolation', 'read committed',
    'client_min_messages', 'notice', 'row_security', 'off', 'client_connection_check_interval', '2s', 'search_path',
    (SELECT format('%I, %s', n.nspname, coalesce(nullif(current_setting('search_path'), ''), 'pg_catalog'))
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = to_regclass('lead_interactions')));
  setting record;
BEGIN
  COMMIT;                                         -- refuses a multi-statement string too, which is one transaction
  IF coalesce(current_setting('taskline.session', true), '') = '' THEN
    PERFORM set_config('taskline.session', (SELECT jsonb_object_agg(s.name, current_setting(s.name))
                                              FROM pg_settings s WHERE wanted ? s.name)::text, false);
  END IF;
  FOR setting IN SELECT w.key, w.value FROM jsonb_each_text(wanted) w JOIN pg_settings s ON s.name = w.key LOOP
    BEGIN
      PERFORM set_config(setting.key, setting.value, false);
    EXCEPTION WHEN invalid_parameter_value THEN   -- client_connection_check_interval: not on every platform
      NULL;
    END;
  END LOOP;
END $$;

-- Polled: a waiter inside pg_advisory_lock() would hold a snapshot and deadlock with a concurrent index build.
DO $$
DECLARE
  lock_key constant bigint := 8386112019184217701;    -- "taskline" as eight bytes; the runner takes the same one
  deadline constant timestamptz := clock_timestamp() + interval '30 minutes';
  holder   text;
BEGIN
  WHILE NOT pg_try_advisory_lock(lock_key) LOOP
    IF holder IS NULL THEN
      SELECT format('process %s (%s, %s), connected since %s', a.pid, a.usename,
                    coalesce(nullif(a.application_name, ''), 'no application name'), a.backend_start)
        INTO holder
        FROM pg_locks l JOIN pg_stat_activity a USING (pid)
       WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND a.datname = current_database()
         AND (l.classid::bigint << 32 | l.objid::bigint) = lock_key;
      RAISE NOTICE 'waiting for another migration of this database: %', coalesce(holder, 'it has just ended');
    ELSIF clock_timestamp() > deadline THEN
      RAISE EXCEPTION 'another migration of database % still runs after 30 minutes: %', current_database(), holder
        USING ERRCODE = 'lock_not_available', HINT = 'Let it end, or end it, and run this file again. Nothing was changed.';
    END IF;
    COMMIT;                                       -- so that no snapshot is held while asleep
    PERFORM pg_sleep(0.1 + 0.2 * random());
  END LOOP;
END $$;

-- == Tools ==
-- Temporary, so they vanish with the session.
CREATE OR REPLACE FUNCTION pg_temp.full_name(relation regclass) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = relation
$$;

CREATE OR REPLACE FUNCTION pg_temp.has_column(relation regclass, name text) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT EXISTS (SELECT FROM pg_attribute WHERE attrelid = relation AND attname = name AND attnum > 0 AND NOT attisdropped)
$$;

-- What alter_shortly writes down beside a change: how the rollback must go about it, and the words that undo it.
CREATE OR REPLACE FUNCTION pg_temp.undo(migration integer, kind text, relation regclass, object_name text, ddl text)
RETURNS jsonb LANGUAGE sql STABLE AS $$
  SELECT jsonb_build_object('migration', migration, 'kind', kind, 'relation', pg_temp.full_name(relation), 'object_name', object_name, 'ddl', ddl)
$$;

-- Keeps the statement that puts a replaced or new object back, for the rollback, in a table that only the owner may read.
CREATE OR REPLACE FUNCTION pg_temp.save_ddl(undo jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  home    text := (SELECT quote_ident(n.nspname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                    WHERE c.oid = 'lead_interactions'::regclass);
  grantee text;
BEGIN
  IF to_regclass(home || '.taskline_saved_ddl') IS NULL THEN
    EXECUTE format('CREATE TABLE %s.taskline_saved_ddl (
                      step        integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                      migration   integer NOT NULL,
                      kind        text NOT NULL CHECK (kind IN (''statement'', ''foreign key'', ''drop index'', ''role'')),
                      relation    text NOT NULL,
                      object_name text NOT NULL,
                      ddl         text NOT NULL,
                      saved_at    timestamptz NOT NULL DEFAULT now())', home);
    FOR grantee IN SELECT DISTINCT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END
                     FROM pg_class c, aclexplode(c.relacl) a
                    WHERE c.oid = to_regclass(home || '.taskline_saved_ddl') AND a.grantee <> c.relowner LOOP
      EXECUTE format('REVOKE ALL ON %s.taskline_saved_ddl FROM %s', home, grantee);   -- given by default privileges
    END LOOP;
  END IF;
  EXECUTE format('INSERT INTO %s.taskline_saved_ddl (migration, kind, relation, object_name, ddl) VALUES ($1, $2, $3, $4, $5)', home)
    USING (undo->>'migration')::int, undo->>'kind', undo->>'relation', undo->>'object_name', undo->>'ddl';
END $$;

-- Runs one short DDL statement. Each try waits for its lock at most 150 ms, so nobody queues behind it for longer; then it
-- lets go, sleeps and tries again, for taskline.lock_budget (default 5 minutes). There is no last try without a limit.
CREATE OR REPLACE PROCEDURE pg_temp.alter_shortly(step text, ddl text, undo jsonb DEFAULT NULL) LANGUAGE plpgsql AS $$
DECLARE
  budget   constant interval := coalesce(nullif(current_setting('taskline.lock_budget', true), ''), '5 minutes');
  started  constant timestamptz := clock_timestamp();
  tries    integer := 0;
  blockers text;
  is_done  boolean;
BEGIN
  LOOP
    BEGIN
      PERFORM set_config('lock_timeout', '150ms', true);
      EXECUTE ddl;
      IF undo IS NOT NULL THEN
        PERFORM pg_temp.save_ddl(undo);
      END IF;
      is_done := true;
    EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
      is_done := false;
    END;
    COMMIT;
    EXIT WHEN is_done;
    tries := tries + 1;
    IF tries = 1 THEN
      SELECT string_agg(DISTINCT format('process %s (%s, %s, %s, transaction open for %s)', a.pid, a.usename,
                        coalesce(nullif(a.application_name, ''), 'no application name'), coalesce(a.state, 'state hidden'),
                        coalesce(date_trunc('milliseconds', clock_timestamp() - a.xact_start)::text, 'an unknown time')), '; ')
        INTO blockers
        FROM pg_locks l JOIN pg_stat_activity a USING (pid)
       WHERE l.granted AND l.locktype = 'relation' AND l.pid <> pg_backend_pid()
         AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
         AND l.relation::regclass::text IN (SELECT relation::text FROM pg_temp.locked_tables() AS t(relation));
      RAISE NOTICE '%: a table is in use, trying again for %; at work on it: %', step, budget, coalesce(blockers, 'nobody any more');
    END IF;
    IF clock_timestamp() - started > budget THEN
      RAISE EXCEPTION '%: no lock within % (% tries of 150 ms)', step, budget, tries
        USING ERRCODE = 'lock_not_available',
              DETAIL = 'At work on the tables: ' || coalesce(blockers, 'unknown'),
              HINT = 'End the long transaction or choose a quieter hour, then run this file again: it goes on where it stopped.';
    END IF;
    PERFORM pg_sleep(0.1 + 0.3 * random());
  END LOOP;
END $$;

CREATE OR REPLACE FUNCTION pg_temp.locked_tables() RETURNS SETOF regclass LANGUAGE sql STABLE AS $$
  SELECT 'lead_interactions'::regclass
   UNION SELECT confrelid::regclass FROM pg_constraint WHERE contype = 'f' AND conrelid = 'lead_interactions'::regclass
   UNION SELECT conrelid::regclass FROM pg_constraint WHERE contype = 'f' AND confrelid = 'lead_interactions'::regclass
   UNION SELECT to_regclass(name) FROM unnest(ARRAY['contacts', 'accounts', 'leads']) AS n(name) WHERE to_regclass(name) IS NOT NULL
$$;

-- The statements that this database wrote down for a migration, last one first.
CREATE OR REPLACE FUNCTION pg_temp.saved(wanted integer)
RETURNS TABLE (step integer, kind text, relation text, object_name text, ddl text, forget text) LANGUAGE plpgsql STABLE AS $$
DECLARE
  home constant text := (SELECT relnamespace::regnamespace::text FROM pg_class WHERE oid = 'lead_interactions'::regclass);
BEGIN
  IF to_regclass(home || '.taskline_saved_ddl') IS NOT NULL THEN
    RETURN QUERY EXECUTE format(
      'SELECT s.step, s.kind, s.relation, s.object_name, s.ddl, format(''; DELETE FROM %1$s.taskline_saved_ddl WHERE step = %%s'', s.step)
         FROM %1$s.taskline_saved_ddl s WHERE s.migration = $1 ORDER BY s.step DESC', home) USING wanted;
  END IF;
END $$;

-- == Row security and rights ==
DO $$
DECLARE
  li    constant regclass := 'lead_interactions';
  home  constant text := (SELECT relnamespace::regnamespace::text FROM pg_class WHERE oid = li);
  lines text := '';
  item  record;
BEGIN
  IF NOT pg_has_role((SELECT relowner FROM pg_class WHERE oid = li), 'USAGE') THEN
    RAISE EXCEPTION E'042 can''t be taken back:\n  - %: found owner %, expected that % is or belongs to the owner.', li, (SELECT relowner::regrole FROM pg_class WHERE oid = li), current_user
      USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Nothing was changed.';
  ELSIF NOT EXISTS (SELECT FROM pg_temp.saved(42)) AND EXISTS (SELECT FROM pg_policy WHERE polrelid = li AND polname = 'lead_interactions_tenant') THEN
    RAISE EXCEPTION E'042 can''t be taken back:\n  - taskline_saved_ddl: found nothing written down by 042, so the earlier policies are not known. Next: restore them by hand.'
      USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Nothing was changed.';
  END IF;
  FOR item IN SELECT s.* FROM pg_temp.saved(42) s LOOP
    IF item.kind <> 'role' THEN
      CALL pg_temp.alter_shortly(format('restore what stood for %s on %s', item.object_name, item.relation), item.ddl || item.forget);
      CONTINUE;
    END IF;
    BEGIN
      EXECUTE item.ddl;
    EXCEPTION WHEN dependent_objects_still_exist OR insufficient_privilege OR undefined_object THEN
      lines := lines || format(E'ℹ️ "%s" was not possible: the role is used elsewhere, gone, or not ours\n', item.ddl);
    END;
    EXECUTE ltrim(item.forget, '; ');
    COMMIT;
  END LOOP;
  PERFORM set_config('taskline.report', lines || '✅ 042 is taken back: the earlier policies decide again who sees an interaction', false);
END $$;

COPY (SELECT line FROM unnest(string_to_array(current_setting('taskline.report'), E'\n')) WITH ORDINALITY AS r(line, n) ORDER BY n) TO STDOUT;

-- == End of session ==
DO $$
DECLARE
  kept record;
BEGIN
  PERFORM pg_advisory_unlock(8386112019184217701);
  FOR kept IN SELECT * FROM jsonb_each_text(current_setting('taskline.session')::jsonb) LOOP
    PERFORM set_config(kept.key, kept.value, false);
  END LOOP;
  PERFORM set_config('taskline.session', '', false), set_config('taskline.report', '', false);
END $$;
