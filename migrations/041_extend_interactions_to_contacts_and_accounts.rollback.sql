-- 041_extend_interactions_to_contacts_and_accounts.rollback.sql: takes 041 back and leaves the schema as this database had it,
-- from what 041 wrote down in taskline_saved_ddl. 042's rollback comes first.
--
-- It refuses, and changes nothing, while an interaction is linked to a contact or an account, or has no lead: that is what
-- it would lose. It says how many, and which. Rows that arrive while it runs are kept out by checks before anything goes.
--
-- Locks, each tried for at most 150 ms at a time: ACCESS EXCLUSIVE on lead_interactions and its history table for each
-- catalogue change, SHARE ROW EXCLUSIVE on leads for the keys. Scans (VALIDATE CONSTRAINT) and DROP INDEX CONCURRENTLY run
-- beside readers and writers.
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

-- What would be lost, by combination of links; only columns that 041 added count.
CREATE OR REPLACE FUNCTION pg_temp.losses() RETURNS SETOF text LANGUAGE plpgsql STABLE AS $$
DECLARE
  li      constant regclass := 'lead_interactions';
  contact constant text := CASE WHEN EXISTS (SELECT FROM pg_temp.saved(41) WHERE object_name = 'contact_id' AND ddl LIKE '%DROP COLUMN%') AND pg_temp.has_column(li, 'contact_id')
                                THEN 'contact_id IS NOT NULL' ELSE 'false' END;
  account constant text := CASE WHEN EXISTS (SELECT FROM pg_temp.saved(41) WHERE object_name = 'account_id' AND ddl LIKE '%DROP COLUMN%') AND pg_temp.has_column(li, 'account_id')
                                THEN 'account_id IS NOT NULL' ELSE 'false' END;
BEGIN
  RETURN QUERY EXECUTE format($q$
    SELECT format('  - %%s rows linked to %%s, for example %%s', count(*),
                  CASE concat_ws(' ', CASE WHEN has_lead THEN 'L' END, CASE WHEN has_contact THEN 'C' END, CASE WHEN has_account THEN 'A' END)
                    WHEN 'C' THEN 'a contact alone' WHEN 'A' THEN 'an account alone' WHEN 'C A' THEN 'a contact and an account'
                    WHEN 'L C' THEN 'a lead and a contact' WHEN 'L A' THEN 'a lead and an account' WHEN 'L C A' THEN 'all three' ELSE 'nothing' END,
                  array_to_string((array_agg(id ORDER BY id))[1:3], ', '))
      FROM (SELECT id, lead_id IS NOT NULL AS has_lead, %2$s AS has_contact, %3$s AS has_account FROM %1$s WHERE lead_id IS NULL OR %2$s OR %3$s) AS t
     GROUP BY has_lead, has_contact, has_account ORDER BY count(*) DESC$q$, li, contact, account);
END $$;

-- == Obstacles ==
DO $$
DECLARE
  li    constant regclass := 'lead_interactions';
  found text;
BEGIN
  IF EXISTS (SELECT FROM pg_temp.saved(42)) THEN
    found := '  - taskline_saved_ddl: found that 042 is in place, expected that it was taken back. Next: run 042_tenant_of_interactions.rollback.sql first.';
  ELSIF NOT EXISTS (SELECT FROM pg_temp.saved(41)) AND (pg_temp.has_column(li, 'contact_id') OR pg_temp.has_column(li, 'account_id')) THEN
    found := '  - taskline_saved_ddl: found nothing written down by 041, so what this database looked like before is not known. Next: take the columns back by hand.';
  ELSIF NOT pg_has_role((SELECT relowner FROM pg_class WHERE oid = li), 'USAGE') THEN
    found := format('  - %s: found owner %s, expected that %s is or belongs to the owner.', li, (SELECT relowner::regrole FROM pg_class WHERE oid = li), current_user);
  END IF;
  SELECT concat_ws(E'\n', found, string_agg(DISTINCT format('  - %s: found a view that reads %s.%s, expected none. Next: drop or change it.', r.ev_class::regclass, li, a.attname), E'\n'))
    INTO found
    FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
   WHERE d.classid = 'pg_rewrite'::regclass AND d.refobjid = li AND a.attname IN ('contact_id', 'account_id');
  IF found <> '' THEN
    RAISE EXCEPTION E'041 can''t be taken back:\n%', found USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Nothing was changed.';
  END IF;
  IF EXISTS (SELECT FROM pg_temp.saved(41)) THEN
    SELECT string_agg(l, E'\n') INTO found FROM pg_temp.losses() l;
  END IF;
  IF found <> '' THEN
    RAISE EXCEPTION E'041 can''t be taken back, it would lose links:\n%', found
      USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'Nothing was changed. Link these rows to a lead and nothing else, or delete them, then run this file again.';
  END IF;
END $$;

-- == Fence ==
-- From here on no new link to a contact or an account comes in. If one slipped in before, the fence goes and so do we.
DO $$
DECLARE
  li    constant regclass := 'lead_interactions';
  item  record;
  found text;
BEGIN
  FOR item IN SELECT s.object_name AS col, format('taskline_041_fence_%s', s.object_name) AS fence FROM pg_temp.saved(41) s
               WHERE s.ddl LIKE '%DROP COLUMN%' AND pg_temp.has_column(li, s.object_name) LOOP
    IF NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = li AND conname = item.fence) THEN
      CALL pg_temp.alter_shortly(format('let no new %s in', item.col), format('ALTER TABLE %s ADD CONSTRAINT %I CHECK (%I IS NULL) NOT VALID', li, item.fence, item.col));
    END IF;
  END LOOP;
  SELECT string_agg(l, E'\n') INTO found FROM pg_temp.losses() l;
  IF found <> '' THEN
    FOR item IN SELECT conname FROM pg_constraint WHERE conrelid = li AND conname LIKE 'taskline\_041\_fence\_%' LOOP
      CALL pg_temp.alter_shortly('open the fence again', format('ALTER TABLE %s DROP CONSTRAINT %I', li, item.conname));
    END LOOP;
    RAISE EXCEPTION E'041 can''t be taken back, links arrived meanwhile that it would lose:\n%', found
      USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'Nothing was changed. Stop what makes such tasks, link these rows to a lead and nothing else, then run this file again.';
  END IF;
  FOR item IN SELECT conname FROM pg_constraint WHERE conrelid = li AND conname LIKE 'taskline\_041\_fence\_%' AND NOT convalidated LOOP
    CALL pg_temp.alter_shortly('check the fence', format('ALTER TABLE %s VALIDATE CONSTRAINT %I', li, item.conname));
  END LOOP;
END $$;

-- == Foreign keys ==
-- The old rule comes back beside the new one, is checked, and takes its place and name.
DO $$
DECLARE
  item    record;
  interim text;
BEGIN
  FOR item IN SELECT s.*, s.relation::regclass AS rel FROM pg_temp.saved(41) s WHERE s.kind = 'foreign key' LOOP
    interim := left(item.object_name, 54) || '_before';
    IF NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = item.rel AND conname = interim) THEN
      CALL pg_temp.alter_shortly(format('add the earlier foreign key %s', item.object_name),
        format('ALTER TABLE %s ADD CONSTRAINT %I %s NOT VALID', item.rel, interim, regexp_replace(item.ddl, ' NOT VALID$', '')));
    END IF;
    IF item.ddl !~ ' NOT VALID$' AND EXISTS (SELECT FROM pg_constraint WHERE conrelid = item.rel AND conname = interim AND NOT convalidated) THEN
      CALL pg_temp.alter_shortly(format('check the earlier foreign key %s', item.object_name), format('ALTER TABLE %s VALIDATE CONSTRAINT %I', item.rel, interim));
    END IF;
    CALL pg_temp.alter_shortly(format('exchange the foreign key %s', item.object_name),
      format('ALTER TABLE %1$s DROP CONSTRAINT IF EXISTS %2$I; ALTER TABLE %1$s RENAME CONSTRAINT %3$I TO %2$I', item.rel, item.object_name, interim) || item.forget);
  END LOOP;
END $$;

-- == Columns ==
-- A history line without a lead, of a task that has one by now, gets its task's lead: it may not be null again.
DO $$
DECLARE
  item   record;
  parent text;
  n      bigint;
  found  text;
BEGIN
  FOR item IN SELECT s.relation::regclass AS rel FROM pg_temp.saved(41) s WHERE s.object_name = 'lead_id' AND s.kind = 'statement' LOOP
    IF NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = item.rel AND conname = 'taskline_041_fence_lead_id') THEN
      CALL pg_temp.alter_shortly(format('let no %s without a lead in', item.rel), format('ALTER TABLE %s ADD CONSTRAINT taskline_041_fence_lead_id CHECK (lead_id IS NOT NULL) NOT VALID', item.rel));
    END IF;
    SELECT a.attname INTO parent FROM pg_constraint k JOIN pg_attribute a ON a.attrelid = k.conrelid AND k.conkey = ARRAY[a.attnum]
     WHERE k.contype = 'f' AND k.conrelid = item.rel AND k.confrelid = 'lead_interactions'::regclass LIMIT 1;
    IF parent IS NOT NULL AND item.rel <> 'lead_interactions'::regclass THEN
      EXECUTE format('UPDATE %s h SET lead_id = t.lead_id FROM lead_interactions t WHERE h.lead_id IS NULL AND t.id = h.%I AND t.lead_id IS NOT NULL', item.rel, parent);
      GET DIAGNOSTICS n = ROW_COUNT;
      COMMIT;
      IF n > 0 THEN
        RAISE NOTICE '%: % lines got the lead of their task', item.rel, n;
      END IF;
    END IF;
    EXECUTE format('SELECT count(*), array_to_string((array_agg(id::text ORDER BY id))[1:3], '', '') FROM %s WHERE lead_id IS NULL', item.rel) INTO n, found;
    IF n > 0 THEN
      RAISE EXCEPTION '041 is taken back in part: % rows of % lost their lead meanwhile, for example %', n, item.rel, found
        USING ERRCODE = 'object_not_in_prerequisite_state',
              HINT = 'No row was lost. Give them a lead or delete them, and run this file again; or run 041 again to go forward.';
    END IF;
    CALL pg_temp.alter_shortly(format('check that every %s has a lead', item.rel), format('ALTER TABLE %s VALIDATE CONSTRAINT taskline_041_fence_lead_id', item.rel));
  END LOOP;
END $$;

-- Out of the way of the names that come back; they are dropped below, concurrently.
DO $$
DECLARE
  li   constant regclass := 'lead_interactions';
  home constant text := (SELECT relnamespace::regnamespace::text FROM pg_class WHERE oid = li);
  item record;
BEGIN
  FOR item IN SELECT s.*, row_number() OVER () AS n FROM pg_temp.saved(41) s WHERE s.kind = 'drop index' LOOP
    IF to_regclass(format('%s.%I', home, item.object_name)) IS NOT NULL THEN
      CALL pg_temp.alter_shortly(format('set the index %s aside', item.object_name), format('ALTER INDEX %s.%I RENAME TO taskline_041_drop_%s', home, item.object_name, item.n) || item.forget);
    ELSE
      CALL pg_temp.alter_shortly(format('forget the index %s', item.object_name), ltrim(item.forget, '; '));
    END IF;
  END LOOP;
END $$;

SET client_min_messages = warning;
SET lock_timeout = '10min';                       -- a concurrent drop waits for old transactions, but holds nobody up
DROP INDEX CONCURRENTLY IF EXISTS taskline_041_drop_1;
DROP INDEX CONCURRENTLY IF EXISTS taskline_041_drop_2;
DROP INDEX CONCURRENTLY IF EXISTS taskline_041_drop_3;
SET lock_timeout = 0;
SET client_min_messages = notice;

DO $$
DECLARE
  li   constant regclass := 'lead_interactions';
  home constant text := (SELECT relnamespace::regnamespace::text FROM pg_class WHERE oid = li);
  item record;
BEGIN
  FOR item IN SELECT s.* FROM pg_temp.saved(41) s LOOP
    CALL pg_temp.alter_shortly(format('restore %s of %s', item.object_name, item.relation), item.ddl || item.forget);
  END LOOP;
  FOR item IN SELECT conrelid::regclass AS rel, conname FROM pg_constraint WHERE conname LIKE 'taskline\_041\_fence\_%' LOOP
    CALL pg_temp.alter_shortly('remove the fence', format('ALTER TABLE %s DROP CONSTRAINT %I', item.rel, item.conname));
  END LOOP;
  IF to_regclass(home || '.taskline_saved_ddl') IS NOT NULL THEN
    EXECUTE format('SELECT count(*) AS n FROM %s.taskline_saved_ddl', home) INTO item;
    IF item.n = 0 THEN
      CALL pg_temp.alter_shortly('drop the list of saved statements', format('DROP TABLE %s.taskline_saved_ddl', home));
    END IF;
  END IF;
  IF EXISTS (SELECT FROM pg_temp.saved(41)) THEN
    RAISE EXCEPTION '041 is taken back in part' USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Run this file again: it goes on where it stopped.';
  END IF;
END $$;

COPY (SELECT line FROM (VALUES (1, '✅ 041 is taken back: the schema is as this database had it, and no row or link was lost')) AS r(n, line) ORDER BY n) TO STDOUT;

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
