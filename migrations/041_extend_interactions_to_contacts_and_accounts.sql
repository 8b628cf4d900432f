-- 041_extend_interactions_to_contacts_and_accounts.sql: a task may hang on a lead, a contact, an account, or any of them
-- together.
--
-- Run it with psql -f, \i or the runner, on a live database, as often as you like: it looks before it alters, goes on where
-- an earlier run stopped, and changes no row. It needs only what it names: lead_interactions (lead_id, interaction_type),
-- contacts (id) and accounts (id). The history table, row security, triggers and columns beyond these are looked up in the
-- catalogue and dealt with where they exist. What it replaces or adds it first writes down in taskline_saved_ddl, and
-- 041_extend_interactions_to_contacts_and_accounts.rollback.sql puts back.
--
-- Settings (by PGOPTIONS or SET): taskline.api_role = the role for the proof; taskline.lock_budget = how long to go on
-- trying for a lock, '5 minutes'.
--
-- Locks, each tried for at most 150 ms at a time, so that no statement of the application waits longer than that:
--   ACCESS EXCLUSIVE on lead_interactions and on its history table, for a catalogue change of some milliseconds each;
--   SHARE ROW EXCLUSIVE on contacts, accounts and leads while a foreign key that points there is added;
--   ACCESS EXCLUSIVE on leads for the moment in which the old foreign key of lead_id goes.
-- The scans run beside readers and writers: VALIDATE CONSTRAINT and CREATE INDEX CONCURRENTLY take SHARE UPDATE EXCLUSIVE,
-- and wait for old transactions without holding anybody up. A run with nothing left to do takes no exclusive lock.
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

-- The role whose eyes the proof uses: taskline.api_role, else one that the catalogue shows to be an application's, that is
-- one with rights on the table that row security binds. NULL when there is none.
CREATE OR REPLACE FUNCTION pg_temp.api_role() RETURNS name LANGUAGE sql STABLE AS $$
  SELECT coalesce(
    (SELECT rolname FROM pg_roles WHERE rolname = nullif(current_setting('taskline.api_role', true), '')),
    (SELECT r.rolname
       FROM pg_roles r JOIN pg_class c ON c.oid = 'lead_interactions'::regclass
      WHERE NOT r.rolsuper AND NOT r.rolbypassrls AND r.rolname !~ '^pg_' AND NOT pg_has_role(r.oid, c.relowner, 'MEMBER')
        AND has_table_privilege(r.oid, c.oid, 'SELECT') AND has_table_privilege(r.oid, c.oid, 'INSERT')
        AND has_table_privilege(r.oid, c.oid, 'UPDATE')
        AND (to_regclass('interaction_events') IS NULL OR has_table_privilege(r.oid, to_regclass('interaction_events'), 'INSERT'))
      ORDER BY r.rolname <> 'taskline_api', NOT r.rolcanlogin, r.rolname
      LIMIT 1))
$$;

-- Makes tasks of the given kinds (lead, contact, account, both, deletion) as the API's role under row security, reads them
-- back, completes them, looks for them as another tenant, and takes all of it back. A real row is the pattern, so that
-- columns this file has never heard of are filled. Answers one row per kind: proven, failed or unproven, and why.
-- Locks: row locks on one contact, one account and rows of its own making, for some milliseconds.
CREATE OR REPLACE FUNCTION pg_temp.prove(kinds text[]) RETURNS TABLE (kind text, verdict text, detail text) LANGUAGE plpgsql AS $$
DECLARE
  li        constant regclass := 'lead_interactions';
  role_name constant name := pg_temp.api_role();
  home_role constant text := current_setting('role');
  li_cols   constant text := (SELECT string_agg(quote_ident(attname), ', ') FROM pg_attribute
                               WHERE attrelid = li AND attnum > 0 AND NOT attisdropped AND attgenerated = '' AND attidentity <> 'a');
  lead_table regclass := (SELECT confrelid FROM pg_constraint k JOIN pg_attribute a ON a.attrelid = k.conrelid AND k.conkey = ARRAY[a.attnum]
                           WHERE k.contype = 'f' AND k.conrelid = li AND a.attname = 'lead_id' LIMIT 1);
  events    regclass := to_regclass('interaction_events');
  pattern jsonb; fresh jsonb; lead jsonb; has_own_lead boolean := false; tenant text; contact uuid; account uuid; n bigint;
  found_kind text[] := '{}'; found_verdict text[] := '{}'; found_detail text[] := '{}'; verdict_now text; detail_now text;
  as_whom text; can_switch boolean := false; events_before bigint; unlinked text;
BEGIN
  FOREACH unlinked IN ARRAY ARRAY['t.interaction_type = ''task'' AND t.lead_id IS NOT NULL', 't.lead_id IS NOT NULL', 'true'] LOOP
    EXECUTE format('SELECT to_jsonb(t) FROM %s t WHERE %s%s LIMIT 1', li, unlinked,
                   CASE WHEN pg_temp.has_column(li, 'organization_id') AND lead_table IS NOT NULL AND pg_temp.has_column(lead_table, 'organization_id')
                        THEN format(' AND (t.lead_id IS NULL OR EXISTS (SELECT FROM %s l WHERE l.id = t.lead_id AND l.organization_id = t.organization_id))', lead_table)
                        ELSE '' END)
       INTO pattern;
    EXIT WHEN pattern IS NOT NULL;
  END LOOP;
  IF pattern IS NULL THEN
    RETURN QUERY SELECT 'behaviour', 'unproven', 'lead_interactions has no row that could serve as the pattern of a task';
    RETURN;
  END IF;
  tenant := pattern->>'organization_id';

  BEGIN    -- everything from here to RAISE is taken back
    PERFORM set_config('lock_timeout', '150ms', true), set_config('row_security', 'on', true);
    EXECUTE format('SELECT id%s FROM accounts%s LIMIT 1', CASE WHEN pg_temp.has_column('accounts', 'contact_id') THEN ', contact_id' ELSE ', NULL::uuid' END,
                   CASE WHEN pg_temp.has_column('accounts', 'organization_id') AND tenant IS NOT NULL THEN format(' WHERE organization_id = %L', tenant) ELSE '' END)
       INTO account, contact;
    IF contact IS NULL THEN
      EXECUTE format('SELECT id FROM contacts%s LIMIT 1',
                     CASE WHEN pg_temp.has_column('contacts', 'organization_id') AND tenant IS NOT NULL THEN format(' WHERE organization_id = %L', tenant) ELSE '' END)
         INTO contact;
    END IF;

    -- a lead of our own, so that no real lead is locked, counted anew or deleted
    IF lead_table IS NOT NULL AND pattern->>'lead_id' IS NOT NULL THEN
      BEGIN
        EXECUTE format('SELECT to_jsonb(l) FROM %s l WHERE id = $1', lead_table) INTO lead USING (pattern->>'lead_id')::uuid;
        SELECT lead || jsonb_build_object('id', gen_random_uuid()) || coalesce(jsonb_object_agg(a.attname,
                 CASE WHEN a.attnotnull THEN to_jsonb(left(gen_random_uuid()::text, 18)) ELSE 'null' END), '{}')
          INTO lead
          FROM pg_attribute a
         WHERE a.attrelid = lead_table AND a.attname NOT IN ('id', 'organization_id')
           AND EXISTS (SELECT FROM pg_index i WHERE i.indrelid = lead_table AND i.indisunique AND a.attnum = ANY (i.indkey));
        EXECUTE format('INSERT INTO %1$s (%2$s) SELECT %2$s FROM jsonb_populate_record(NULL::%1$s, $1)', lead_table,
                       (SELECT string_agg(quote_ident(attname), ', ') FROM pg_attribute
                         WHERE attrelid = lead_table AND attnum > 0 AND NOT attisdropped AND attgenerated = '' AND attidentity <> 'a'))
          USING lead;
        has_own_lead := true;
      EXCEPTION WHEN lock_not_available OR deadlock_detected THEN RAISE;
                WHEN OTHERS THEN lead := jsonb_build_object('id', pattern->>'lead_id');
      END;
    END IF;

    -- may this session act as the API's role? if not, and it may grant itself the role, it does so for these milliseconds
    IF role_name IS NOT NULL THEN
      BEGIN
        IF NOT pg_has_role(current_user, role_name, CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END) THEN
          EXECUTE format('GRANT %I TO %I', role_name, current_user);
        END IF;
        can_switch := true;
      EXCEPTION WHEN insufficient_privilege THEN can_switch := false;
      END;
    END IF;
    as_whom := CASE WHEN can_switch THEN role_name::text ELSE current_user::text END;
    PERFORM set_config('app.current_organization_id', coalesce(tenant, ''), true), set_config('app.current_user_id', coalesce(pattern->>'user_id', ''), true);

    FOREACH kind IN ARRAY kinds LOOP
      fresh := pattern || jsonb_build_object('id', gen_random_uuid(), 'interaction_type', 'task', 'status', 'pending', 'completed_at', NULL,
                 'scheduled_at', now(), 'created_at', now(), 'updated_at', now(),
                 'lead_id', CASE WHEN kind IN ('lead', 'deletion') THEN lead->>'id' END,
                 'contact_id', CASE WHEN kind IN ('contact', 'both', 'deletion') THEN contact END,
                 'account_id', CASE WHEN kind IN ('account', 'both') THEN account END);
      unlinked := CASE WHEN kind IN ('lead', 'deletion') AND fresh->>'lead_id' IS NULL THEN 'no row in this database is linked to a lead'
                       WHEN kind = 'deletion' AND NOT has_own_lead THEN 'no copy of a lead could be made to be deleted'
                       WHEN kind IN ('contact', 'both') AND contact IS NULL THEN 'the pattern row''s organization has no contact'
                       WHEN kind IN ('account', 'both') AND account IS NULL THEN 'the pattern row''s organization has no account' END;
      IF unlinked IS NOT NULL THEN
        found_kind := found_kind || kind; found_verdict := found_verdict || 'unproven'::text; found_detail := found_detail || unlinked;
        CONTINUE;
      END IF;
      BEGIN
        verdict_now := 'proven'; detail_now := as_whom;
        IF can_switch THEN
          PERFORM set_config('role', role_name, true);
        END IF;
        EXECUTE format('INSERT INTO %1$s (%2$s) SELECT %2$s FROM jsonb_populate_record(NULL::%1$s, $1)', li, li_cols) USING fresh;
        EXECUTE format('SELECT count(*) FROM %s WHERE id = $1', li) INTO n USING (fresh->>'id')::uuid;
        IF n <> 1 THEN
          verdict_now := 'failed'; detail_now := format('%s inserted it but can''t see it', as_whom);
        ELSIF kind = 'deletion' THEN
          PERFORM set_config('role', home_role, true);
          IF events IS NOT NULL THEN
            EXECUTE format('SELECT count(*) FROM %s WHERE interaction_id = $1', events) INTO events_before USING (fresh->>'id')::uuid;
          END IF;
          EXECUTE format('DELETE FROM %s WHERE id = $1', lead_table) USING (lead->>'id')::uuid;
          EXECUTE format('SELECT count(*) FROM %s WHERE id = $1 AND lead_id IS NULL AND contact_id IS NOT DISTINCT FROM $2', li)
             INTO n USING (fresh->>'id')::uuid, contact;
          IF n <> 1 THEN
            verdict_now := 'failed'; detail_now := 'the task died with its lead';
          ELSIF events IS NOT NULL THEN
            EXECUTE format('SELECT count(*) FROM %s WHERE interaction_id = $1', events) INTO n USING (fresh->>'id')::uuid;
            IF n < events_before THEN
              verdict_now := 'failed'; detail_now := format('the task''s history fell from %s lines to %s', events_before, n);
            END IF;
          END IF;
        ELSE
          EXECUTE format('UPDATE %s SET lead_id = lead_id%s%s WHERE id = $1', li,
                         CASE WHEN pg_temp.has_column(li, 'status') THEN ', status = ''completed''' ELSE '' END,
                         CASE WHEN pg_temp.has_column(li, 'completed_at') THEN ', completed_at = now()' ELSE '' END) USING (fresh->>'id')::uuid;
          GET DIAGNOSTICS n = ROW_COUNT;
          IF n <> 1 THEN
            verdict_now := 'failed'; detail_now := format('%s can''t complete it', as_whom);
          ELSIF can_switch AND row_security_active(li) THEN
            PERFORM set_config('app.current_organization_id', gen_random_uuid()::text, true);
            EXECUTE format('SELECT count(*) FROM %s WHERE id = $1', li) INTO n USING (fresh->>'id')::uuid;
            PERFORM set_config('app.current_organization_id', coalesce(tenant, ''), true);
            IF n <> 0 THEN
              verdict_now := 'failed'; detail_now := 'another organization sees it';
            END IF;
          END IF;
        END IF;
      EXCEPTION WHEN lock_not_available OR deadlock_detected THEN RAISE;
                WHEN insufficient_privilege THEN
                  -- raised by row security as well as by missing rights; only the latter leave the question open
                  verdict_now := CASE WHEN has_table_privilege(as_whom, li, 'SELECT') AND has_table_privilege(as_whom, li, 'INSERT')
                                       AND has_table_privilege(as_whom, li, 'UPDATE')
                                       AND (events IS NULL OR has_table_privilege(as_whom, events, 'INSERT')) THEN 'failed' ELSE 'unproven' END;
                  detail_now := format('as %s: %s', as_whom, SQLERRM);
                WHEN OTHERS THEN
                  verdict_now := 'failed'; detail_now := format('as %s: %s', as_whom, SQLERRM);
      END;
      PERFORM set_config('role', home_role, true);
      found_kind := found_kind || kind; found_verdict := found_verdict || verdict_now; found_detail := found_detail || detail_now;
    END LOOP;
    RAISE EXCEPTION USING ERRCODE = 'TL000', MESSAGE = 'the proof is over; take it back';
  EXCEPTION WHEN SQLSTATE 'TL000' THEN NULL;
  END;
  IF NOT can_switch THEN
    found_kind := found_kind || 'row security'::text; found_verdict := found_verdict || 'unproven'::text;
    found_detail := found_detail || CASE WHEN role_name IS NULL
      THEN 'no role bound by row security has rights on lead_interactions; name one in taskline.api_role'
      ELSE format('%s may not act as %s; an administrator can allow it: GRANT %I TO %I', current_user, role_name, role_name, current_user) END;
  END IF;
  RETURN QUERY SELECT * FROM unnest(found_kind, found_verdict, found_detail);
END $$;

-- The same, tried again while somebody holds one of its rows.
CREATE OR REPLACE PROCEDURE pg_temp.prove_patiently(kinds text[], INOUT answers jsonb) LANGUAGE plpgsql AS $$
BEGIN
  FOR attempt IN 1 .. 40 LOOP
    BEGIN
      SELECT jsonb_agg(to_jsonb(p)) INTO answers FROM pg_temp.prove(kinds) p;
    EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
      answers := NULL;
    END;
    COMMIT;
    EXIT WHEN answers IS NOT NULL;
    PERFORM pg_sleep(0.1 + 0.2 * random());
  END LOOP;
  IF answers IS NULL THEN
    RAISE EXCEPTION 'the proof found its rows locked 40 times' USING ERRCODE = 'lock_not_available',
      HINT = 'Run this file again in a quieter moment: it goes on where it stopped.';
  END IF;
END $$;

-- The statement that makes a policy as it is now, with every name qualified.
CREATE OR REPLACE FUNCTION pg_temp.policy_ddl(policy pg_policy) RETURNS text LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
  SELECT format('CREATE POLICY %I ON %s AS %s FOR %s TO %s', policy.polname, pg_temp.full_name(policy.polrelid),
                CASE WHEN policy.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
                CASE policy.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
                CASE WHEN policy.polroles = '{0}' THEN 'PUBLIC'
                     ELSE (SELECT string_agg(r::regrole::text, ', ') FROM unnest(policy.polroles) r) END)
         || coalesce(' USING (' || pg_get_expr(policy.polqual, policy.polrelid) || ')', '')
         || coalesce(' WITH CHECK (' || pg_get_expr(policy.polwithcheck, policy.polrelid) || ')', '')
$$;

-- Tables that a trigger on lead_interactions fills with a copy of its lead_id, the history above all.
CREATE OR REPLACE FUNCTION pg_temp.history_tables() RETURNS SETOF regclass LANGUAGE sql STABLE AS $$
  SELECT c.oid::regclass
    FROM pg_class c JOIN pg_class li ON li.oid = 'lead_interactions'::regclass
   WHERE c.relkind = 'r' AND c.oid <> li.oid AND pg_temp.has_column(c.oid, 'lead_id')
     AND (c.relname = 'interaction_events' AND c.relnamespace = li.relnamespace
          OR EXISTS (SELECT FROM pg_constraint k WHERE k.contype = 'f' AND k.conrelid = c.oid AND k.confrelid = li.oid)
             AND EXISTS (SELECT FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
                          WHERE t.tgrelid = li.oid AND NOT t.tgisinternal AND position(lower(c.relname) IN lower(p.prosrc)) > 0))
$$;

-- Every single-column foreign key of a column, and whether it is what this migration wants.
CREATE OR REPLACE FUNCTION pg_temp.keys_of(relation regclass, col text, target regclass)
RETURNS TABLE (name name, definition text, is_right boolean, is_validated boolean) LANGUAGE sql STABLE AS $$
  SELECT k.conname, pg_get_constraintdef(k.oid),
         k.confrelid = target AND k.confdeltype = 'n' AND coalesce(to_jsonb(k)->>'conenforced', 'true') = 'true'
         AND (SELECT attname FROM pg_attribute WHERE attrelid = k.confrelid AND attnum = k.confkey[1]) = 'id',
         k.convalidated
    FROM pg_constraint k JOIN pg_attribute a ON a.attrelid = k.conrelid AND k.conkey = ARRAY[a.attnum]
   WHERE k.contype = 'f' AND k.conrelid = relation AND a.attname = col
   ORDER BY k.conname
$$;

-- The table whose id the column lead_id holds: the one its key names, else leads, else none that is known.
CREATE OR REPLACE FUNCTION pg_temp.lead_table() RETURNS regclass LANGUAGE sql STABLE AS $$
  SELECT coalesce((SELECT k.confrelid::regclass FROM pg_constraint k JOIN pg_attribute a ON a.attrelid = k.conrelid AND k.conkey = ARRAY[a.attnum]
                    WHERE k.contype = 'f' AND k.conrelid = 'lead_interactions'::regclass AND a.attname = 'lead_id' LIMIT 1),
                  to_regclass('leads'))
$$;

-- What an index of ours looks like in the catalogue: 'missing', 'right', 'invalid' or 'other' (something else has the name).
CREATE OR REPLACE FUNCTION pg_temp.index_state(index_name text, cols text[]) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT coalesce(
    (SELECT CASE WHEN i.indexrelid IS NULL THEN 'other'
                 WHEN i.indrelid <> li.oid THEN 'other'
                 WHEN NOT (i.indisvalid AND i.indisready AND i.indislive) THEN 'invalid'
                 WHEN i.indpred IS NULL AND i.indexprs IS NULL AND NOT i.indisunique AND am.amname = 'btree'
                      AND cols = ARRAY(SELECT a.attname::text FROM unnest(i.indkey::int2[]) WITH ORDINALITY u(attnum, n)
                                        JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = u.attnum ORDER BY u.n) THEN 'right'
                 ELSE 'other' END
       FROM pg_class li JOIN pg_class c ON c.relnamespace = li.relnamespace AND c.relname = index_name
       LEFT JOIN pg_index i ON i.indexrelid = c.oid LEFT JOIN pg_am am ON am.oid = c.relam
      WHERE li.oid = 'lead_interactions'::regclass), 'missing')
$$;

CREATE OR REPLACE FUNCTION pg_temp.wanted_indexes() RETURNS TABLE (label text, name text, cols text[]) LANGUAGE sql IMMUTABLE AS $$
  VALUES ('contact_id index', 'idx_lead_interactions_contact_id', ARRAY['contact_id']),
         ('account_id index', 'idx_lead_interactions_account_id', ARRAY['account_id']),
         ('type and entities index', 'idx_lead_interactions_by_type_and_entities', ARRAY['interaction_type', 'lead_id', 'contact_id', 'account_id'])
$$;

-- The policy that a task without a lead needs. 'unneeded': row security is off, or a policy places rows without their lead.
CREATE OR REPLACE FUNCTION pg_temp.policy_state() RETURNS text LANGUAGE sql STABLE AS $$
  WITH policy AS (
    SELECT p.*, EXISTS (SELECT FROM pg_depend d JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
                         WHERE d.classid = 'pg_policy'::regclass AND d.objid = p.oid AND d.refobjid = p.polrelid AND a.attname = 'lead_id') AS asks_lead,
           regexp_replace(pg_get_expr(p.polqual, p.polrelid), '[\s()]|AS "nullif"', '', 'g') AS shape
      FROM pg_policy p WHERE p.polrelid = 'lead_interactions'::regclass)
  SELECT CASE
    WHEN NOT c.relrowsecurity OR NOT pg_temp.has_column(c.oid, 'organization_id') THEN 'unneeded'
    WHEN EXISTS (SELECT FROM policy WHERE polname = 'lead_interactions_without_lead' AND polpermissive AND polcmd = '*' AND polroles = '{0}'
                    AND pg_get_expr(polqual, polrelid) = pg_get_expr(polwithcheck, polrelid)
                    AND shape = 'lead_idISNULLANDorganization_id=SELECTNULLIFcurrent_setting''app.current_organization_id''::text,true,''''::text::uuid') THEN 'right'
    WHEN EXISTS (SELECT FROM policy WHERE polname = 'lead_interactions_without_lead') THEN 'other'
    WHEN EXISTS (SELECT FROM policy WHERE polpermissive AND polcmd = '*' AND polroles = '{0}' AND NOT asks_lead) THEN 'unneeded'
    ELSE 'missing' END
    FROM pg_class c WHERE c.oid = 'lead_interactions'::regclass
$$;

-- Triggers, policies and views that were there before and must be there afterwards, in one fingerprint.
CREATE OR REPLACE FUNCTION pg_temp.surroundings() RETURNS text LANGUAGE sql STABLE AS $$
  SELECT md5(string_agg(line, E'\n' ORDER BY line COLLATE "C")) FROM (
    SELECT concat_ws(' ', 'trigger', pg_get_triggerdef(oid), tgenabled) FROM pg_trigger WHERE tgrelid = 'lead_interactions'::regclass AND NOT tgisinternal
     UNION ALL
    SELECT concat_ws(' ', 'policy', polname, polcmd, polpermissive, polroles::text, pg_get_expr(polqual, polrelid), 'check', pg_get_expr(polwithcheck, polrelid))
      FROM pg_policy WHERE polrelid = 'lead_interactions'::regclass AND polname <> 'lead_interactions_without_lead'
     UNION ALL
    SELECT DISTINCT concat_ws(' ', 'view', r.ev_class::regclass, pg_get_viewdef(r.ev_class))
      FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid AND d.classid = 'pg_rewrite'::regclass JOIN pg_class v ON v.oid = r.ev_class AND v.relkind IN ('v', 'm')
     WHERE d.refobjid = 'lead_interactions'::regclass) AS t(line)
$$;

-- == Obstacles ==
-- What this file can't or mustn't repair by itself is named here, all of it at once, before anything changes.
CREATE OR REPLACE FUNCTION pg_temp.obstacles() RETURNS SETOF text LANGUAGE plpgsql STABLE AS $$
DECLARE
  li  constant regclass := 'lead_interactions';
  c   pg_class; col record; rel regclass; target regclass; dangling bigint; sample text;
BEGIN
  SELECT * INTO c FROM pg_class WHERE oid = li;
  IF c.relkind <> 'r' OR c.relpersistence = 't' OR c.relhassubclass THEN
    RETURN NEXT format('%s: found a %s, expected an ordinary table without children. Check search_path.', li,
                       CASE WHEN c.relpersistence = 't' THEN 'temporary table' WHEN c.relkind = 'p' THEN 'partitioned table' WHEN c.relkind = 'v' THEN 'view' ELSE 'table of another kind' END);
    RETURN;
  END IF;
  IF NOT pg_has_role(c.relowner, 'USAGE') THEN
    RETURN NEXT format('%s: found owner %s, expected that %s is or belongs to the owner. Run the migration as %s.', li, c.relowner::regrole, current_user, c.relowner::regrole);
  END IF;
  IF NOT has_schema_privilege(c.relnamespace, 'CREATE') THEN
    RETURN NEXT format('schema %s: found no right of %s to create objects, expected CREATE. Next: GRANT CREATE ON SCHEMA %s TO %I;',
                       c.relnamespace::regnamespace, current_user, c.relnamespace::regnamespace, current_user);
  END IF;
  IF c.relforcerowsecurity AND NOT (SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user) THEN
    RETURN NEXT format('%s: found row security forced on its owner, expected not forced: this file could not see every row. Next: ALTER TABLE %s NO FORCE ROW LEVEL SECURITY; or run as a role with BYPASSRLS.', li, li);
  END IF;
  FOREACH rel IN ARRAY ARRAY[to_regclass('contacts'), to_regclass('accounts')] LOOP
    CONTINUE WHEN rel IS NULL;
    IF (SELECT relkind <> 'r' OR relnamespace <> c.relnamespace FROM pg_class WHERE oid = rel) THEN
      RETURN NEXT format('%s: found a view or a table of another schema, expected an ordinary table beside %s. Check search_path.', pg_temp.full_name(rel), pg_temp.full_name(li));
    ELSIF NOT EXISTS (SELECT FROM pg_attribute a JOIN pg_index i ON i.indrelid = a.attrelid
                       WHERE a.attrelid = rel AND a.attname = 'id' AND a.atttypid = 'uuid'::regtype
                         AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indkey::text = a.attnum::text) THEN
      RETURN NEXT format('%s.id: found %s, expected uuid with a primary or unique key of its own. Next: make it one, or ask which table is the right one.', rel,
                         coalesce((SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = rel AND attname = 'id' AND NOT attisdropped), 'no such column'));
    ELSIF NOT has_column_privilege(rel, 'id', 'REFERENCES') THEN
      RETURN NEXT format('%s.id: found no right of %s to point a key at it, expected REFERENCES. Next: GRANT REFERENCES ON %s TO %I;', rel, current_user, rel, current_user);
    END IF;
  END LOOP;
  IF to_regclass('contacts') IS NULL OR to_regclass('accounts') IS NULL THEN
    RETURN NEXT format('contacts, accounts: found %s, expected both beside %s. Check the database name and search_path.',
                       CASE WHEN to_regclass('contacts') IS NULL AND to_regclass('accounts') IS NULL THEN 'neither' ELSE 'only one of them' END, pg_temp.full_name(li));
    RETURN;
  END IF;
  IF NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = li AND attname = 'lead_id' AND atttypid = 'uuid'::regtype AND NOT attisdropped)
     OR NOT pg_temp.has_column(li, 'interaction_type') OR NOT pg_temp.has_column(li, 'id') THEN
    RETURN NEXT format('%s: found no id, no lead_id of type uuid or no interaction_type, expected all three. Is this the CRM''s table?', li);
    RETURN;
  END IF;

  -- columns that are there already
  FOR col IN SELECT a.*, format_type(a.atttypid, a.atttypmod) AS type, CASE a.attname WHEN 'contact_id' THEN 'contacts' ELSE 'accounts' END::regclass AS target
               FROM pg_attribute a WHERE a.attrelid = li AND a.attname IN ('contact_id', 'account_id') AND a.attnum > 0 AND NOT a.attisdropped LOOP
    IF col.atttypid <> 'uuid'::regtype THEN
      RETURN NEXT format('%s.%s: found type %s, expected uuid. Next: ALTER TABLE %s RENAME COLUMN %I TO %s; then run this file again.', li, col.attname, col.type, li, col.attname, col.attname || '_old');
    ELSIF col.attgenerated <> '' OR col.atthasdef OR col.attidentity <> '' THEN
      RETURN NEXT format('%s.%s: found a default or generated value, expected none: it would link every new task. Next: ALTER TABLE %s ALTER COLUMN %I DROP DEFAULT; (or DROP EXPRESSION).', li, col.attname, li, col.attname);
    ELSIF NOT EXISTS (SELECT FROM pg_temp.keys_of(li, col.attname, col.target) WHERE is_right AND is_validated) THEN
      EXECUTE format('SELECT count(*), min(t.%1$I::text) FROM %2$s t WHERE t.%1$I IS NOT NULL AND NOT EXISTS (SELECT FROM %3$s x WHERE x.id = t.%1$I)', col.attname, li, col.target)
         INTO dangling, sample;
      IF dangling > 0 THEN
        RETURN NEXT format('%1$s.%2$s: found %3$s rows that name no row of %4$s (for example %5$s), expected none: the foreign key can''t be made. Next: UPDATE %1$s t SET %2$I = NULL WHERE NOT EXISTS (SELECT FROM %4$s x WHERE x.id = t.%2$I);',
                           li, col.attname, dangling, col.target, sample);
      END IF;
    END IF;
  END LOOP;
  FOR col IN SELECT k.conname, pg_get_constraintdef(k.oid) AS definition FROM pg_constraint k
              WHERE k.conrelid = li AND k.contype = 'f' AND cardinality(k.conkey) > 1 AND k.confdeltype = 'c'
                AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = li AND a.attnum = ANY (k.conkey) AND a.attname IN ('lead_id', 'contact_id', 'account_id')) LOOP
    RETURN NEXT format('%s.%s: found %s, expected no cascading delete. Next: replace it by a key with ON DELETE SET NULL (column).', li, col.conname, col.definition);
  END LOOP;

  -- the lead's own key
  target := pg_temp.lead_table();
  IF target IS NOT NULL AND to_regclass('leads') IS NOT NULL AND target <> to_regclass('leads') THEN
    RETURN NEXT format('%s.lead_id: found a foreign key to %s, expected leads: a table was renamed and its keys and policies went with it. Next: decide which one lives on; if it is leads: ALTER TABLE %1$s DROP CONSTRAINT %3$I; then make the policies of %1$s read leads and run this file again.',
                       li, pg_temp.full_name(target), (SELECT k.name FROM pg_temp.keys_of(li, 'lead_id', target) k LIMIT 1));
  ELSIF target IS NOT NULL THEN
    FOR rel IN SELECT li UNION ALL SELECT pg_temp.history_tables() LOOP
      IF NOT pg_has_role((SELECT relowner FROM pg_class WHERE oid = rel), 'USAGE') THEN
        RETURN NEXT format('%s: found owner %s, expected that %s is or belongs to the owner. Next: ALTER TABLE %1$s OWNER TO %3$I;', rel, (SELECT relowner::regrole FROM pg_class WHERE oid = rel), current_user);
      ELSIF NOT has_column_privilege(target, 'id', 'REFERENCES') THEN
        RETURN NEXT format('%s.id: found no right of %s to point a key at it, expected REFERENCES. Next: GRANT REFERENCES ON %s TO %I;', target, current_user, target, current_user);
      ELSIF NOT EXISTS (SELECT FROM pg_temp.keys_of(rel, 'lead_id', target) WHERE is_validated) THEN
        EXECUTE format('SELECT count(*), min(t.lead_id::text) FROM %s t WHERE t.lead_id IS NOT NULL AND NOT EXISTS (SELECT FROM %s x WHERE x.id = t.lead_id)', rel, target) INTO dangling, sample;
        IF dangling > 0 THEN
          RETURN NEXT format('%s.lead_id: found %s rows that name no row of %s (for example %s), expected none. Next: restore those leads, or delete or re-link those rows, then run this file again.', rel, dangling, target, sample);
        END IF;
      END IF;
    END LOOP;
  END IF;

  -- names that are taken
  FOR col IN SELECT w.name, c2.relkind FROM pg_temp.wanted_indexes() w JOIN pg_class c2 ON c2.relname = w.name AND c2.relnamespace = c.relnamespace WHERE c2.relkind <> 'i' LOOP
    RETURN NEXT format('%s: found something that is no index under this name, expected an index or nothing. Next: rename it.', col.name);
  END LOOP;
END $$;

DO $$
DECLARE
  found   text;
  answers jsonb;
BEGIN
  SELECT string_agg('  - ' || o, E'\n') INTO found FROM pg_temp.obstacles() o;
  IF found IS NOT NULL THEN
    RAISE EXCEPTION E'041 can''t start:\n%', found
      USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Nothing was changed. Each line says what was found, what is expected, and what to do next.';
  END IF;
  -- a database in which not even a lead's task works is not made better by this file, and could not be proven afterwards
  CALL pg_temp.prove_patiently(ARRAY['lead'], answers);
  SELECT string_agg(format('  - a task of a lead, made and completed in a trial: %s', a->>'detail'), E'\n') INTO found
    FROM jsonb_array_elements(answers) a WHERE a->>'verdict' = 'failed';
  IF found IS NOT NULL THEN
    RAISE EXCEPTION E'041 can''t start: this database already refuses ordinary work on lead_interactions:\n%', found
      USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'Nothing was changed. Usually a trigger function reads a column that is gone or renamed: repair it, then run this file again.';
  END IF;
  PERFORM set_config('taskline.surroundings', pg_temp.surroundings(), false);
END $$;

-- == Columns ==
DO $$
DECLARE
  li   constant regclass := 'lead_interactions';
  rel  regclass;
  item record;
  back text;
BEGIN
  -- a fence that an unfinished rollback of this migration left behind
  FOR item IN SELECT conrelid::regclass AS rel, conname FROM pg_constraint WHERE conname LIKE 'taskline\_041\_fence\_%' LOOP
    CALL pg_temp.alter_shortly('remove the fence of an unfinished rollback', format('ALTER TABLE %s DROP CONSTRAINT %I', item.rel, item.conname));
  END LOOP;

  -- the history first: it copies lead_id, and a task without a lead must not fail there
  FOR rel IN SELECT pg_temp.history_tables() UNION ALL SELECT li LOOP
    CONTINUE WHEN NOT (SELECT attnotnull FROM pg_attribute WHERE attrelid = rel AND attname = 'lead_id');
    back := format('ALTER TABLE %s ALTER COLUMN lead_id SET NOT NULL', pg_temp.full_name(rel));
    IF current_setting('server_version_num')::int >= 180000 THEN      -- from there on it is a constraint with a name
      SELECT format('ALTER TABLE %s ADD CONSTRAINT %I NOT NULL lead_id', pg_temp.full_name(rel), k.conname) INTO back
        FROM pg_constraint k JOIN pg_attribute a ON a.attrelid = k.conrelid AND k.conkey = ARRAY[a.attnum]
       WHERE k.conrelid = rel AND k.contype = 'n' AND a.attname = 'lead_id';
    END IF;
    CALL pg_temp.alter_shortly(format('let %s.lead_id be null', rel), format('ALTER TABLE %s ALTER COLUMN lead_id DROP NOT NULL', rel),
                               pg_temp.undo(41, 'statement', rel, 'lead_id', back));
  END LOOP;

  -- with the reference in the same statement the key counts as valid at once: every value is null
  FOR item IN SELECT * FROM (VALUES ('contact_id', 'contacts'), ('account_id', 'accounts')) AS v(col, target) LOOP
    IF NOT pg_temp.has_column(li, item.col) THEN
      CALL pg_temp.alter_shortly(format('add lead_interactions.%s', item.col),
        format('ALTER TABLE %s ADD COLUMN %I uuid REFERENCES %s (id) ON DELETE SET NULL', li, item.col, item.target),
        pg_temp.undo(41, 'statement', li, item.col, format('ALTER TABLE %s DROP COLUMN %I', pg_temp.full_name(li), item.col)));
    ELSIF (SELECT attnotnull FROM pg_attribute WHERE attrelid = li AND attname = item.col) THEN
      CALL pg_temp.alter_shortly(format('let lead_interactions.%s be null', item.col), format('ALTER TABLE %s ALTER COLUMN %I DROP NOT NULL', li, item.col),
        pg_temp.undo(41, 'statement', li, item.col, format('ALTER TABLE %s ALTER COLUMN %I SET NOT NULL', pg_temp.full_name(li), item.col)));
    END IF;
  END LOOP;
END $$;

-- == Row security ==
-- The old policy asks the lead for the tenant, so it can't place a task without one. It stays; a second one takes those rows.
DO $$
DECLARE
  li    constant regclass := 'lead_interactions';
  state constant text := pg_temp.policy_state();
  old   constant text := (SELECT pg_temp.policy_ddl(p) FROM pg_policy p WHERE p.polrelid = li AND p.polname = 'lead_interactions_without_lead');
BEGIN
  IF state IN ('missing', 'other') THEN
    CALL pg_temp.alter_shortly('add the policy for tasks without a lead',
      CASE state WHEN 'other' THEN format('DROP POLICY lead_interactions_without_lead ON %s; ', li) ELSE '' END ||
      format($policy$CREATE POLICY lead_interactions_without_lead ON %s
        USING (lead_id IS NULL AND organization_id = (SELECT nullif(current_setting('app.current_organization_id', true), '')::uuid))
        WITH CHECK (lead_id IS NULL AND organization_id = (SELECT nullif(current_setting('app.current_organization_id', true), '')::uuid))$policy$, li),
      pg_temp.undo(41, 'statement', li, 'lead_interactions_without_lead', format('DROP POLICY lead_interactions_without_lead ON %s', pg_temp.full_name(li)) || coalesce('; ' || old, '')));
  END IF;
END $$;

-- == Foreign keys ==
-- A wrong key is exchanged beside the running application: the right one comes in unchecked, is checked by a scan that
-- blocks nobody, and only then takes the old one's place and name.
DO $$
DECLARE
  li    constant regclass := 'lead_interactions';
  want  record;
  k     record;
  final_name text;
  interim_name text;
  tail  text;
  moves text;
BEGIN
  FOR want IN
    SELECT li AS rel, 'contact_id' AS col, 'contacts'::regclass AS target
     UNION ALL SELECT li, 'account_id', 'accounts'::regclass
     UNION ALL SELECT r, 'lead_id', pg_temp.lead_table() FROM (SELECT li AS r UNION ALL SELECT pg_temp.history_tables()) t WHERE pg_temp.lead_table() IS NOT NULL
  LOOP
    CONTINUE WHEN (SELECT count(*) = 1 AND bool_and(is_right AND is_validated) FROM pg_temp.keys_of(want.rel, want.col, want.target));
    interim_name := left((SELECT relname FROM pg_class WHERE oid = want.rel), 40) || '_' || want.col || '_set_null';
    IF NOT EXISTS (SELECT FROM pg_temp.keys_of(want.rel, want.col, want.target) o WHERE o.is_right AND (o.is_validated OR o.name = interim_name)) THEN
      SELECT CASE c.confupdtype WHEN 'c' THEN ' ON UPDATE CASCADE' WHEN 'n' THEN ' ON UPDATE SET NULL' WHEN 'd' THEN ' ON UPDATE SET DEFAULT' WHEN 'r' THEN ' ON UPDATE RESTRICT' ELSE '' END
             || CASE WHEN c.condeferrable THEN ' DEFERRABLE' ELSE '' END || CASE WHEN c.condeferred THEN ' INITIALLY DEFERRED' ELSE '' END
        INTO tail FROM pg_constraint c JOIN pg_temp.keys_of(want.rel, want.col, want.target) o ON o.name = c.conname
       WHERE c.conrelid = want.rel AND c.contype = 'f' LIMIT 1;
      CALL pg_temp.alter_shortly(format('add the new foreign key of %s.%s', want.rel, want.col),
        format('ALTER TABLE %s ADD CONSTRAINT %I FOREIGN KEY (%I) REFERENCES %s (id) ON DELETE SET NULL%s NOT VALID', want.rel, interim_name, want.col, want.target, coalesce(tail, '')));
    END IF;
    FOR k IN SELECT * FROM pg_temp.keys_of(want.rel, want.col, want.target) o WHERE o.is_right AND NOT o.is_validated AND o.name = interim_name LOOP
      CALL pg_temp.alter_shortly(format('check the new foreign key of %s.%s', want.rel, want.col), format('ALTER TABLE %s VALIDATE CONSTRAINT %I', want.rel, k.name));
    END LOOP;

    -- every other key of the column goes, written down first; the first of them leaves its name to the new one
    final_name := NULL;
    FOR k IN SELECT * FROM pg_temp.keys_of(want.rel, want.col, want.target) o
              WHERE o.name <> interim_name AND NOT (o.is_right AND o.is_validated) LOOP
      moves := '';
      IF final_name IS NULL AND EXISTS (SELECT FROM pg_temp.keys_of(want.rel, want.col, want.target) o WHERE o.name = interim_name) THEN
        moves := format('; ALTER TABLE %s RENAME CONSTRAINT %I TO %I', want.rel, interim_name, k.name);
      END IF;
      CALL pg_temp.alter_shortly(format('drop the old foreign key %s of %s', k.name, want.rel),
        format('ALTER TABLE %s DROP CONSTRAINT %I', want.rel, k.name) || moves,
        pg_temp.undo(41, 'foreign key', want.rel, k.name, k.definition));
      final_name := coalesce(final_name, k.name);
    END LOOP;
    IF EXISTS (SELECT FROM pg_temp.keys_of(want.rel, want.col, want.target) o WHERE o.name = interim_name) THEN
      final_name := left((SELECT relname FROM pg_class WHERE oid = want.rel), 40) || '_' || want.col || '_fkey';
      CALL pg_temp.alter_shortly(format('name the new foreign key of %s.%s', want.rel, want.col),
        format('ALTER TABLE %s RENAME CONSTRAINT %I TO %I', want.rel, interim_name, final_name),
        pg_temp.undo(41, 'statement', want.rel, final_name, format('ALTER TABLE %s DROP CONSTRAINT %I', pg_temp.full_name(want.rel), final_name)));
    END IF;
  END LOOP;
END $$;

-- == Indexes ==
-- IF NOT EXISTS passes over an index that an interrupted build left invalid, so such leftovers go first. A valid index
-- that is different from ours keeps its work under another name.
DO $$
DECLARE
  li    constant regclass := 'lead_interactions';
  home  constant text := (SELECT relnamespace::regnamespace::text FROM pg_class WHERE oid = li);
  want  record;
  aside text;
BEGIN
  FOR want IN SELECT w.*, pg_temp.index_state(w.name, w.cols) AS state FROM pg_temp.wanted_indexes() w LOOP
    IF want.state = 'invalid' THEN
      CALL pg_temp.alter_shortly(format('drop the unfinished index %s', want.name), format('DROP INDEX %s.%I', home, want.name));
    ELSIF want.state = 'other' THEN
      aside := left(want.name, 46) || '_before_041';
      CALL pg_temp.alter_shortly(format('rename the index that has the name %s', want.name), format('ALTER INDEX %s.%I RENAME TO %I', home, want.name, aside),
        pg_temp.undo(41, 'statement', li, want.name, format('ALTER INDEX %s.%I RENAME TO %I', home, aside, want.name)));
    END IF;
    IF want.state <> 'right' THEN
      PERFORM pg_temp.save_ddl(pg_temp.undo(41, 'drop index', li, want.name, format('DROP INDEX CONCURRENTLY %s.%I', home, want.name)));
    END IF;
    COMMIT;
  END LOOP;
END $$;

SET client_min_messages = warning;
SET lock_timeout = '10min';                       -- a concurrent build waits for old transactions, but holds nobody up
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_lead_interactions_contact_id ON lead_interactions (contact_id);
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_lead_interactions_account_id ON lead_interactions (account_id);
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_lead_interactions_by_type_and_entities
  ON lead_interactions (interaction_type, lead_id, contact_id, account_id);
SET lock_timeout = 0;
SET client_min_messages = notice;

-- == Validation ==
-- From the catalogue, by definition and not by name; then by behaviour. One miss, and the success line does not appear.
DO $$
DECLARE
  li      constant regclass := 'lead_interactions';
  box     constant text := E'╔════════════════════════════════════════════════════════════════╗\n'
                         || E'║         MIGRATION VALIDATION REPORT                            ║\n'
                         || E'╚════════════════════════════════════════════════════════════════╝';
  success constant text := E'\n🎉 MIGRATION COMPLETED SUCCESSFULLY!\n\nTasks can now link to:\n'
                         || E'  • Lead (lead_id) - for lead-specific tasks\n  • Contact (contact_id) - for contact-specific tasks\n'
                         || E'  • Account (account_id) - for account-specific tasks\n  • Any combination of the above\n';
  seed    text[] := '{}';      -- the five lines
  ours    text[] := '{}';
  misses  integer := 0;
  is_met  boolean;
  found   text;
  item    record;
  answers jsonb;
BEGIN
  SELECT NOT attnotnull INTO is_met FROM pg_attribute WHERE attrelid = li AND attname = 'lead_id';
  misses := misses + (NOT is_met)::int;
  seed := seed || CASE WHEN is_met THEN '✅ lead_id column: NULLABLE (allows tasks without leads)' ELSE '❌ lead_id column: NOT NULL' END;

  FOR item IN SELECT * FROM (VALUES ('contact_id', 'contacts'), ('account_id', 'accounts')) AS v(col, target) LOOP
    is_met := EXISTS (SELECT FROM pg_attribute WHERE attrelid = li AND attname = item.col AND NOT attisdropped AND atttypid = 'uuid'::regtype AND NOT attnotnull);
    misses := misses + (NOT is_met)::int;
    seed := seed || format(CASE WHEN is_met THEN '✅ %s column: CREATED' ELSE '❌ %s column: MISSING, or not a nullable uuid' END, item.col);
  END LOOP;
  FOR item IN SELECT w.*, pg_temp.index_state(w.name, w.cols) AS state FROM pg_temp.wanted_indexes() w LOOP
    misses := misses + (item.state <> 'right')::int;
    found := CASE WHEN item.state = 'right' THEN format('✅ %s: CREATED', item.label) ELSE format('❌ %s: %s (%s)', item.label, upper(item.state), item.name) END;
    IF item.cols[1] = 'interaction_type' THEN ours := ours || found; ELSE seed := seed || found; END IF;
  END LOOP;

  FOR item IN SELECT li AS rel, 'contact_id' AS col, 'contacts'::regclass AS target
               UNION ALL SELECT li, 'account_id', 'accounts'::regclass
               UNION ALL SELECT r, 'lead_id', pg_temp.lead_table() FROM (SELECT li AS r UNION ALL SELECT pg_temp.history_tables()) t LOOP
    IF item.target IS NULL THEN
      ours := ours || format('⚠️ %s.lead_id has no foreign key and there is no table leads: nothing to check', item.rel);
      CONTINUE;
    END IF;
    SELECT count(*) = 1 AND bool_and(k.is_right AND k.is_validated), string_agg(k.definition, '; ') INTO is_met, found FROM pg_temp.keys_of(item.rel, item.col, item.target) k;
    misses := misses + (NOT is_met)::int;
    ours := ours || CASE WHEN is_met THEN format('✅ %s.%s foreign key: %s (id) ON DELETE SET NULL, validated', item.rel, item.col, item.target)
                         ELSE format('❌ %s.%s foreign key: found %s, expected one key to %s with ON DELETE SET NULL', item.rel, item.col, coalesce(found, 'none'), item.target) END;
  END LOOP;
  FOR item IN SELECT h AS rel, NOT a.attnotnull AS is_met FROM pg_temp.history_tables() h JOIN pg_attribute a ON a.attrelid = h AND a.attname = 'lead_id' LOOP
    misses := misses + (NOT item.is_met)::int;
    ours := ours || format(CASE WHEN item.is_met THEN '✅ %s.lead_id column: NULLABLE (history of tasks without leads)' ELSE '❌ %s.lead_id column: NOT NULL' END, item.rel);
  END LOOP;

  found := pg_temp.policy_state();
  misses := misses + (found NOT IN ('right', 'unneeded'))::int;
  ours := ours || CASE WHEN found = 'right' THEN '✅ row security: a task without a lead belongs to its own organization_id'
                       WHEN found <> 'unneeded' THEN '❌ row security: the policy for tasks without a lead is ' || found
                       WHEN NOT (SELECT relrowsecurity FROM pg_class WHERE oid = li) THEN '⚠️ row security is off on lead_interactions: the database keeps no tenants apart'
                       WHEN NOT pg_temp.has_column(li, 'organization_id') THEN '⚠️ lead_interactions has no organization_id: row security can''t place a task without a lead'
                       ELSE '✅ row security: an existing policy covers tasks without a lead' END;
  is_met := current_setting('taskline.surroundings') = pg_temp.surroundings();
  misses := misses + (NOT is_met)::int;
  ours := ours || CASE WHEN is_met THEN '✅ triggers, earlier policies and views of lead_interactions: unchanged'
                       ELSE '❌ triggers, earlier policies or views of lead_interactions: changed while this file ran' END;

  CALL pg_temp.prove_patiently(ARRAY['lead', 'contact', 'account', 'both', 'deletion'], answers);
  FOR item IN SELECT a->>'kind' AS kind, a->>'verdict' AS verdict, a->>'detail' AS detail FROM jsonb_array_elements(answers) a LOOP
    misses := misses + (item.verdict = 'failed')::int;
    found := CASE item.kind WHEN 'lead' THEN 'task of a lead' WHEN 'contact' THEN 'task of a contact alone' WHEN 'account' THEN 'task of an account alone'
                            WHEN 'both' THEN 'task of a contact and an account' WHEN 'deletion' THEN 'deleted lead' ELSE item.kind END;
    ours := ours || CASE item.verdict
      WHEN 'proven' THEN CASE item.kind WHEN 'deletion' THEN '✅ tried: a task and its history outlive their lead'
                                        ELSE format('✅ tried: %s inserted, read and completed as %s', found, item.detail) END
      WHEN 'failed' THEN format('❌ tried: %s: %s', found, item.detail)
      ELSE format('⚠️ not proven: %s: %s', found, item.detail) END;
  END LOOP;
  ours := ours || 'ℹ️ no row was modified; what was tried was taken back'::text
               || 'ℹ️ deleting a lead now keeps its tasks and their history; to erase a person, delete those too'::text;

  PERFORM set_config('taskline.report', box || E'\n' || array_to_string(seed, E'\n') || E'\n'
                     || CASE WHEN misses = 0 THEN success ELSE '' END || E'\n' || array_to_string(ours, E'\n')
                     || CASE WHEN misses = 0 THEN '' ELSE format(E'\n\n❌ MIGRATION NOT COMPLETE: %s of the lines above are not met', misses) END, false);
  PERFORM set_config('taskline.misses', misses::text, false);
END $$;

COPY (SELECT line FROM unnest(string_to_array(current_setting('taskline.report'), E'\n')) WITH ORDINALITY AS r(line, n) ORDER BY n) TO STDOUT;

DO $$
BEGIN
  IF current_setting('taskline.misses') <> '0' THEN
    RAISE EXCEPTION '041 is not complete: % lines of its report start with ❌', current_setting('taskline.misses')
      USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'What was done is safe to keep. Repair what the lines name, then run this file again: it goes on where it stopped.';
  END IF;
END $$;

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
