-- 042_tenant_of_interactions.sql: an interaction belongs to the organization that it names itself, no longer to its lead's.
--
-- Run it after 041, with psql -f, \i or the runner, on a live database, as often as you like. It
--   1. makes the API's role, unless the setting taskline.api_role names one, grants it what the API needs, and lets the
--      migrating role act as it;
--   2. fills organization_id where it is null, from the lead (or the contact, or the account), 500 rows at a time with a
--      commit each, and leaves every other column and the lead as they were, stamps included;
--   3. lists the rows that name another organization than their lead does, and keeps them visible to the lead's organization
--      and to nobody else, as they were, until a person decides;
--   4. replaces the policies that ask the lead by one that asks the row.
-- The policies of the other six tables stay. They raise an error when the tenant's setting is missing or empty, where ours
-- shows nothing; both are safe, and the API sets it in every transaction, so exchanging them would buy exclusive locks on
-- six tables and no safety.
--
-- Locks, each tried for at most 150 ms at a time: ACCESS EXCLUSIVE on lead_interactions, for the exchange of the policies
-- and the removal of the trigger that keeps the stamps (on leads, too); SHARE ROW EXCLUSIVE on both to create that trigger,
-- only if there is a row to fill. The backfill locks the rows of one batch. A run with nothing to do takes no exclusive lock.
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

-- The API's role: the one that is named, else the one that this file makes.
CREATE OR REPLACE FUNCTION pg_temp.wanted_role() RETURNS text LANGUAGE sql STABLE AS $$
  SELECT coalesce(nullif(current_setting('taskline.api_role', true), ''), 'taskline_api')
$$;

-- What the API may do. UPDATE on leads is for the trigger that keeps the next follow-up; it acts with the API's rights.
CREATE OR REPLACE FUNCTION pg_temp.wanted_rights() RETURNS TABLE (relation regclass, privilege text) LANGUAGE sql STABLE AS $$
  SELECT to_regclass(t.name), p.privilege
    FROM (VALUES ('organizations', ARRAY['SELECT']), ('users', ARRAY['SELECT']), ('leads', ARRAY['SELECT', 'UPDATE']),
                 ('contacts', ARRAY['SELECT']), ('accounts', ARRAY['SELECT']),
                 ('lead_interactions', ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']),
                 ('interaction_events', ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE'])) AS t(name, privileges)
   CROSS JOIN unnest(t.privileges) AS p(privilege)
   WHERE to_regclass(t.name) IS NOT NULL
$$;

CREATE OR REPLACE FUNCTION pg_temp.asks_lead(policy pg_policy) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT EXISTS (SELECT FROM pg_depend d JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
                  WHERE d.classid = 'pg_policy'::regclass AND d.objid = policy.oid AND d.refobjid = policy.polrelid AND a.attname = 'lead_id')
$$;

CREATE OR REPLACE FUNCTION pg_temp.has_tenant_policy() RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT EXISTS (SELECT FROM pg_policy p
                  WHERE p.polrelid = 'lead_interactions'::regclass AND p.polname = 'lead_interactions_tenant' AND p.polpermissive AND p.polcmd = '*'
                    AND p.polroles = '{0}' AND pg_get_expr(p.polqual, p.polrelid) = pg_get_expr(p.polwithcheck, p.polrelid)
                    AND regexp_replace(pg_get_expr(p.polqual, p.polrelid), '[\s()]|AS "nullif"', '', 'g')
                        = 'organization_id=SELECTNULLIFcurrent_setting''app.current_organization_id''::text,true,''''::text::uuid')
$$;

-- The policies that the tenant's one replaces: those that ask the lead, and hand-made ones that read the tenant's setting.
-- A policy for certain roles only, or one that grants rows for another reason, is not ours to touch.
CREATE OR REPLACE FUNCTION pg_temp.outdated_policies() RETURNS SETOF pg_policy LANGUAGE sql STABLE AS $$
  SELECT p.* FROM pg_policy p
   WHERE p.polrelid = 'lead_interactions'::regclass AND p.polpermissive AND p.polname NOT LIKE 'lead\_interactions\_disputed\_%'
     AND CASE WHEN p.polname = 'lead_interactions_tenant' THEN NOT pg_temp.has_tenant_policy()
              ELSE pg_temp.asks_lead(p) OR p.polroles = '{0}' AND pg_get_expr(p.polqual, p.polrelid) LIKE '%app.current_organization_id%' END
$$;

-- == Obstacles ==
CREATE OR REPLACE FUNCTION pg_temp.obstacles() RETURNS SETOF text LANGUAGE plpgsql STABLE AS $$
DECLARE
  li constant regclass := 'lead_interactions';
  c  pg_class; r pg_roles; item record; rel regclass;
BEGIN
  SELECT * INTO c FROM pg_class WHERE oid = li;
  FOREACH rel IN ARRAY ARRAY[li, to_regclass('leads')] LOOP
    IF rel IS NOT NULL AND NOT pg_has_role((SELECT relowner FROM pg_class WHERE oid = rel), 'USAGE') THEN
      RETURN NEXT format('%s: found owner %s, expected that %s is or belongs to the owner. Run the migration as the owner.', rel, (SELECT relowner::regrole FROM pg_class WHERE oid = rel), current_user);
    END IF;
  END LOOP;
  IF NOT has_schema_privilege(c.relnamespace, 'CREATE') THEN
    RETURN NEXT format('schema %s: found no right of %s to create objects, expected CREATE. Next: GRANT CREATE ON SCHEMA %s TO %I;', c.relnamespace::regnamespace, current_user, c.relnamespace::regnamespace, current_user);
  END IF;
  IF NOT pg_temp.has_column(li, 'contact_id') OR NOT pg_temp.has_column(li, 'account_id') THEN
    RETURN NEXT format('%s: found no contact_id or no account_id, expected both. Next: run 041_extend_interactions_to_contacts_and_accounts.sql first.', li);
  END IF;
  IF NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = li AND attname = 'organization_id' AND atttypid = 'uuid'::regtype AND NOT attisdropped) THEN
    RETURN NEXT format('%s.organization_id: found no such column of type uuid, expected one. Next: ALTER TABLE %s ADD COLUMN organization_id uuid REFERENCES organizations (id) ON DELETE CASCADE;', li, li);
  END IF;
  IF NOT c.relrowsecurity THEN
    RETURN NEXT format('%s: found row security off, expected on: without it the database keeps no tenants apart. Next: ALTER TABLE %s ENABLE ROW LEVEL SECURITY; (it then binds every role but the owner)', li, li);
  END IF;
  IF c.relforcerowsecurity AND NOT (SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user) THEN
    RETURN NEXT format('%s: found row security forced on its owner, expected not forced: this file could not see every row. Next: ALTER TABLE %s NO FORCE ROW LEVEL SECURITY; or run as a role with BYPASSRLS.', li, li);
  END IF;

  SELECT * INTO r FROM pg_roles WHERE rolname = pg_temp.wanted_role();
  IF r.oid IS NULL AND pg_temp.wanted_role() <> 'taskline_api' THEN
    RETURN NEXT format('role %s (from the setting taskline.api_role): found no such role. Next: CREATE ROLE %I NOLOGIN; or leave the setting out.', pg_temp.wanted_role(), pg_temp.wanted_role());
  ELSIF r.oid IS NULL AND NOT (SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user) THEN
    RETURN NEXT format('role taskline_api: found no such role, and %s may not make one. Next, as an administrator: CREATE ROLE taskline_api NOLOGIN; GRANT taskline_api TO %I;', current_user, current_user);
  ELSIF r.rolsuper OR r.rolbypassrls THEN
    RETURN NEXT format('role %s: found SUPERUSER or BYPASSRLS, expected a role that row security binds. Next: ALTER ROLE %I NOSUPERUSER NOBYPASSRLS;', r.rolname, r.rolname);
  ELSIF pg_has_role(r.oid, c.relowner, 'MEMBER') THEN
    RETURN NEXT format('role %s: found that it is or belongs to the owner of %s, whom row security does not bind, expected another role.', r.rolname, li);
  END IF;
  FOR item IN SELECT DISTINCT w.relation FROM pg_temp.wanted_rights() w
               WHERE NOT has_table_privilege(w.relation, w.privilege || ' WITH GRANT OPTION') AND (r.oid IS NULL OR NOT has_table_privilege(r.oid, w.relation, w.privilege)) LOOP
    RETURN NEXT format('%s: found no right of %s to grant access to it. Next, as its owner: GRANT SELECT ON %s TO %I;', item.relation, current_user, item.relation, pg_temp.wanted_role());
  END LOOP;
END $$;

DO $$
DECLARE
  found text;
BEGIN
  SELECT string_agg('  - ' || o, E'\n') INTO found FROM pg_temp.obstacles() o;
  IF found IS NOT NULL THEN
    RAISE EXCEPTION E'042 can''t start:\n%', found
      USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Nothing was changed. Each line says what was found, what is expected, and what to do next.';
  END IF;
END $$;

-- == API role ==
DO $$
DECLARE
  role_name constant text := pg_temp.wanted_role();
  li        constant regclass := 'lead_interactions';
  home      constant text := (SELECT relnamespace::regnamespace::text FROM pg_class WHERE oid = li);
  is_new    constant boolean := current_setting('server_version_num')::int >= 160000;     -- membership has SET of its own
  item      record;
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
    BEGIN
      EXECUTE format('CREATE ROLE %I NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE', role_name);
      PERFORM pg_temp.save_ddl(pg_temp.undo(42, 'role', li, role_name, format('DROP ROLE %I', role_name)));
    EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;        -- made meanwhile, for another database of the server
    END;
    COMMIT;
  END IF;
  IF NOT has_schema_privilege(role_name, home, 'USAGE') THEN
    CALL pg_temp.alter_shortly('let the API''s role into the schema', format('GRANT USAGE ON SCHEMA %s TO %I', home, role_name),
      pg_temp.undo(42, 'statement', li, role_name, format('REVOKE USAGE ON SCHEMA %s FROM %I', home, role_name)));
  END IF;
  FOR item IN SELECT w.relation, string_agg(w.privilege, ', ') AS rights FROM pg_temp.wanted_rights() w
               WHERE NOT has_table_privilege(role_name, w.relation, w.privilege) GROUP BY w.relation ORDER BY w.relation::text LOOP
    CALL pg_temp.alter_shortly(format('grant the API''s role its rights on %s', item.relation), format('GRANT %s ON %s TO %I', item.rights, item.relation, role_name),
      pg_temp.undo(42, 'statement', item.relation, role_name, format('REVOKE %s ON %s FROM %I', item.rights, pg_temp.full_name(item.relation), role_name)));
  END LOOP;
  IF NOT pg_has_role(current_user, role_name, CASE WHEN is_new THEN 'SET' ELSE 'MEMBER' END) THEN
    BEGIN
      EXECUTE format('GRANT %I TO %I', role_name, current_user) || CASE WHEN is_new THEN ' WITH INHERIT FALSE, SET TRUE' ELSE '' END;
      PERFORM pg_temp.save_ddl(pg_temp.undo(42, 'role', li, role_name, format('REVOKE %I FROM %I', role_name, current_user)));
    EXCEPTION WHEN insufficient_privilege THEN NULL;                      -- the report says what that leaves unproven
    END;
    COMMIT;
  END IF;
END $$;

-- == Backfill ==
-- A plain UPDATE would fire the table's triggers: updated_at of the row and of its lead would move, and the lead's next
-- follow-up would be computed anew. Two triggers that sort last undo all that, for this session alone, and go afterwards.
DO $$
DECLARE
  li      constant regclass := 'lead_interactions';
  leads   constant regclass := to_regclass('leads');
  home    constant text := (SELECT relnamespace::regnamespace::text FROM pg_class WHERE oid = li);
  budget  constant interval := coalesce(nullif(current_setting('taskline.lock_budget', true), ''), '5 minutes');
  sources text := '';
  owner_of_row text := '';
  item    record;
  size    integer := 500;
  filled  bigint := 0;
  n       bigint;
  is_left boolean;
  moved   timestamptz := clock_timestamp();      -- when a row was last filled
  told    timestamptz := clock_timestamp();
BEGIN
  FOR item IN SELECT * FROM (VALUES ('lead_id', 'leads'), ('contact_id', 'contacts'), ('account_id', 'accounts')) AS v(col, name)
               WHERE to_regclass(v.name) IS NOT NULL AND pg_temp.has_column(to_regclass(v.name), 'organization_id') LOOP
    sources := sources || format(' LEFT JOIN %1$I ON %1$I.id = t.%2$I', item.name, item.col);
    owner_of_row := owner_of_row || format('%s%I.organization_id', CASE WHEN owner_of_row = '' THEN '' ELSE ', ' END, item.name);
  END LOOP;
  sources := format('%s t%s WHERE t.organization_id IS NULL AND coalesce(%s) IS NOT NULL', li, sources, owner_of_row);

  EXECUTE format('SELECT EXISTS (SELECT FROM %s)', sources) INTO is_left;
  IF is_left THEN
    CALL pg_temp.alter_shortly('make the function that keeps rows as they are', format($make$
      CREATE OR REPLACE FUNCTION %1$s.taskline_042_keep_row() RETURNS trigger LANGUAGE plpgsql AS $f$
      DECLARE
        tenant constant uuid := NEW.organization_id;
      BEGIN
        NEW := OLD;
        NEW.organization_id := tenant;
        RETURN NEW;
      END $f$;
      CREATE OR REPLACE FUNCTION %1$s.taskline_042_keep_lead() RETURNS trigger LANGUAGE plpgsql AS $f$
      BEGIN
        RETURN NULL;
      END $f$
      $make$, home));
    CALL pg_temp.alter_shortly('keep the stamps of lead_interactions', format($make$
      CREATE OR REPLACE TRIGGER "~taskline_042_keep" BEFORE UPDATE ON %s FOR EACH ROW
        WHEN (current_setting('taskline.backfill', true) = 'on') EXECUTE FUNCTION %s.taskline_042_keep_row()$make$, li, home));
    IF leads IS NOT NULL THEN
      CALL pg_temp.alter_shortly('keep the stamps of leads', format($make$
        CREATE OR REPLACE TRIGGER "~taskline_042_keep" BEFORE UPDATE ON %s FOR EACH ROW
          WHEN (current_setting('taskline.backfill', true) = 'on') EXECUTE FUNCTION %s.taskline_042_keep_lead()$make$, leads, home));
    END IF;
  END IF;

  WHILE is_left LOOP
    BEGIN
      PERFORM set_config('taskline.backfill', 'on', true), set_config('lock_timeout', '150ms', true);
      EXECUTE format('WITH batch AS (SELECT t.id, coalesce(%s) AS tenant FROM %s LIMIT %s FOR UPDATE OF t SKIP LOCKED)
                      UPDATE %s t SET organization_id = b.tenant FROM batch b WHERE t.id = b.id', owner_of_row, sources, size, li);
      GET DIAGNOSTICS n = ROW_COUNT;
      size := least(500, size * 2);
    EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
      n := 0;
      size := greatest(1, size / 4);              -- a smaller batch meets fewer locked leads
    END;
    COMMIT;
    filled := filled + n;
    IF n > 0 THEN
      moved := clock_timestamp();
      IF moved - told > interval '2 seconds' THEN
        RAISE NOTICE 'organization_id: % rows filled so far', filled;
        told := moved;
      END IF;
      CONTINUE;
    END IF;
    EXECUTE format('SELECT EXISTS (SELECT FROM %s)', sources) INTO is_left;
    IF is_left AND clock_timestamp() - moved > budget THEN
      RAISE EXCEPTION 'the last rows without organization_id stay locked by others for %', budget
        USING ERRCODE = 'lock_not_available', HINT = 'What was filled stays filled. End the long transaction, then run this file again: it goes on where it stopped.';
    END IF;
    COMMIT;
    PERFORM pg_sleep(0.1 + 0.2 * random());
  END LOOP;
  PERFORM set_config('taskline.filled', filled::text, false);

  -- also after a run that was killed
  FOR item IN SELECT t.tgrelid::regclass AS rel FROM pg_trigger t WHERE t.tgname = '~taskline_042_keep' LOOP
    CALL pg_temp.alter_shortly(format('remove the trigger that kept the stamps of %s', item.rel), format('DROP TRIGGER "~taskline_042_keep" ON %s', item.rel));
  END LOOP;
  FOR item IN SELECT p.oid::regprocedure AS routine FROM pg_proc p WHERE p.proname IN ('taskline_042_keep_row', 'taskline_042_keep_lead') AND p.pronamespace = home::regnamespace LOOP
    CALL pg_temp.alter_shortly('remove the function that kept the stamps', format('DROP FUNCTION %s', item.routine));
  END LOOP;
END $$;

-- == Disputed rows ==
-- Rows that name another organization than their lead does. So far the lead's organization saw them. Each such row is
-- written down, and two policies keep it that way: one shows it to whoever saw it, one hides it from whom it names. The
-- tables and the policies exist only while there are such rows; when a person has decided on all, the next run drops them.
DO $$
DECLARE
  li     constant regclass := 'lead_interactions';
  leads  constant regclass := to_regclass('leads');
  home   constant text := (SELECT relnamespace::regnamespace::text FROM pg_class WHERE oid = li);
  tenant constant text := '(SELECT nullif(current_setting(''app.current_organization_id'', true), '''')::uuid)';
  n      bigint := 0;
BEGIN
  IF leads IS NOT NULL AND pg_temp.has_column(leads, 'organization_id') AND EXISTS (SELECT FROM pg_temp.outdated_policies() p WHERE pg_temp.asks_lead(p)) THEN
    EXECUTE format('SELECT count(*) FROM %s t JOIN %s l ON l.id = t.lead_id WHERE t.organization_id <> l.organization_id', li, leads) INTO n;
  END IF;
  IF n > 0 AND to_regclass('taskline_disputed_interactions') IS NULL THEN
    CALL pg_temp.alter_shortly('make the list of disputed rows', format($make$
      CREATE TABLE %1$s.taskline_disputed_interactions (
        interaction_id uuid PRIMARY KEY,
        seen_by        uuid NOT NULL,
        named          uuid NOT NULL);
      ALTER TABLE %1$s.taskline_disputed_interactions ENABLE ROW LEVEL SECURITY;
      CREATE POLICY either_side ON %1$s.taskline_disputed_interactions FOR SELECT USING (%2$s IN (seen_by, named));
      GRANT SELECT ON %1$s.taskline_disputed_interactions TO PUBLIC$make$, home, tenant),
      pg_temp.undo(42, 'statement', li, 'taskline_disputed_interactions', format('DROP TABLE IF EXISTS %s.taskline_disputed_interactions', home)));
  END IF;
  IF to_regclass('taskline_disputed_interactions') IS NULL THEN
    RETURN;
  END IF;
  IF n > 0 THEN
    EXECUTE format('INSERT INTO taskline_disputed_interactions SELECT t.id, l.organization_id, t.organization_id
                      FROM %s t JOIN %s l ON l.id = t.lead_id WHERE t.organization_id <> l.organization_id
                        ON CONFLICT (interaction_id) DO UPDATE SET seen_by = excluded.seen_by, named = excluded.named', li, leads);
  END IF;
  -- decided: the row is gone, or names another organization than it did
  EXECUTE format('DELETE FROM taskline_disputed_interactions d WHERE NOT EXISTS (SELECT FROM %s t WHERE t.id = d.interaction_id AND t.organization_id = d.named)', li);
  COMMIT;
  EXECUTE 'SELECT count(*) FROM taskline_disputed_interactions' INTO n;
  IF n = 0 THEN
    CALL pg_temp.alter_shortly('drop the list of disputed rows, on all of which somebody has decided', format(
      'DROP POLICY IF EXISTS lead_interactions_disputed_seen ON %1$s; DROP POLICY IF EXISTS lead_interactions_disputed_hidden ON %1$s;
       DROP TABLE taskline_disputed_interactions', li));
  ELSIF NOT EXISTS (SELECT FROM pg_policy WHERE polrelid = li AND polname = 'lead_interactions_disputed_seen') THEN
    CALL pg_temp.alter_shortly('keep disputed rows visible to those who saw them', format($make$
      CREATE POLICY lead_interactions_disputed_seen ON %1$s
        USING (id = ANY (ARRAY(SELECT d.interaction_id FROM %2$s.taskline_disputed_interactions d WHERE d.seen_by = %3$s)));
      CREATE POLICY lead_interactions_disputed_hidden ON %1$s AS RESTRICTIVE
        USING (id <> ALL (ARRAY(SELECT d.interaction_id FROM %2$s.taskline_disputed_interactions d WHERE d.named = %3$s)))$make$, li, home, tenant),
      pg_temp.undo(42, 'statement', li, 'lead_interactions_disputed', format(
        'DROP POLICY IF EXISTS lead_interactions_disputed_seen ON %1$s; DROP POLICY IF EXISTS lead_interactions_disputed_hidden ON %1$s', pg_temp.full_name(li))));
  END IF;
END $$;

-- == Row security ==
-- One transaction: no moment without a policy, none with both.
DO $$
DECLARE
  li    constant regclass := 'lead_interactions';
  old   text;
  drops text;
BEGIN
  SELECT string_agg(pg_temp.policy_ddl(p), '; ' ORDER BY p.polname), string_agg(format('DROP POLICY %I ON %s; ', p.polname, p.polrelid::regclass), '' ORDER BY p.polname)
    INTO old, drops FROM pg_temp.outdated_policies() p;
  IF drops IS NOT NULL OR NOT pg_temp.has_tenant_policy() THEN
    CALL pg_temp.alter_shortly('replace the policies that ask the lead',
      coalesce(drops, '') || CASE WHEN pg_temp.has_tenant_policy() THEN '' ELSE format($make$CREATE POLICY lead_interactions_tenant ON %s
        USING (organization_id = (SELECT nullif(current_setting('app.current_organization_id', true), '')::uuid))
        WITH CHECK (organization_id = (SELECT nullif(current_setting('app.current_organization_id', true), '')::uuid))$make$, li) END,
      pg_temp.undo(42, 'statement', li, 'lead_interactions_tenant',
                   format('DROP POLICY IF EXISTS lead_interactions_tenant ON %s', pg_temp.full_name(li)) || coalesce('; ' || old, '')));
  END IF;
END $$;

-- == Validation ==
-- As the API's role, what one organization may see and another may not; one miss, and the success line does not appear.
DO $$
DECLARE
  li        constant regclass := 'lead_interactions';
  role_name constant text := pg_temp.wanted_role();
  ours      text[] := '{}';
  misses    integer := 0;
  is_met    boolean;
  found     text;
  n         bigint;
  item      record;
  answers   jsonb;
BEGIN
  SELECT count(*), (array_agg(id))[1:5]::text INTO n, found FROM lead_interactions WHERE organization_id IS NULL;
  ours := ours || format('✅ organization_id: %s rows filled, all else in them as it was', current_setting('taskline.filled'))
               || CASE WHEN n > 0 THEN format('⚠️ %s rows name no organization, and nothing they link to does: nobody sees them, as before, for example %s', n, found) END;
  is_met := NOT EXISTS (SELECT FROM pg_trigger WHERE tgname = '~taskline_042_keep');
  misses := misses + (NOT is_met)::int;
  ours := ours || CASE WHEN is_met THEN '✅ triggers: as they were' ELSE '❌ triggers: the one that kept the stamps is still there' END;

  is_met := pg_temp.has_tenant_policy() AND NOT EXISTS (SELECT FROM pg_temp.outdated_policies());
  misses := misses + (NOT is_met)::int;
  ours := ours || CASE WHEN is_met THEN '✅ row security: an interaction belongs to its own organization_id'
                       ELSE '❌ row security: the policy lead_interactions_tenant is not what it should be, or an older one is left' END;
  SELECT string_agg(p.polname, ', ' ORDER BY p.polname) INTO found FROM pg_policy p
   WHERE p.polrelid = li AND p.polname <> 'lead_interactions_tenant' AND p.polname NOT LIKE 'lead\_interactions\_disputed\_%';
  ours := ours || ('ℹ️ other policies of the table, left alone: ' || found);

  SELECT string_agg(w.privilege || ' on ' || w.relation, ', ') INTO found FROM pg_temp.wanted_rights() w WHERE NOT has_table_privilege(role_name, w.relation, w.privilege);
  misses := misses + (found IS NOT NULL)::int;
  ours := ours || CASE WHEN found IS NULL THEN format('✅ API role %s: bound by row security, with the rights it needs', role_name)
                       ELSE format('❌ API role %s: lacks %s', role_name, found) END;

  CALL pg_temp.prove_patiently(ARRAY['lead', 'contact', 'account', 'both'], answers);
  FOR item IN SELECT a->>'kind' AS kind, a->>'verdict' AS verdict, a->>'detail' AS detail FROM jsonb_array_elements(answers) a LOOP
    misses := misses + (item.verdict = 'failed')::int;
    found := CASE item.kind WHEN 'lead' THEN 'task of a lead' WHEN 'contact' THEN 'task of a contact alone' WHEN 'account' THEN 'task of an account alone'
                            WHEN 'both' THEN 'task of a contact and an account' ELSE item.kind END;
    ours := ours || CASE item.verdict WHEN 'proven' THEN format('✅ tried: %s inserted, read and completed as %s, hidden from others', found, item.detail)
                                      WHEN 'failed' THEN format('❌ tried: %s: %s', found, item.detail)
                                      ELSE format('⚠️ not proven: %s: %s', found, item.detail) END;
  END LOOP;

  IF to_regclass('taskline_disputed_interactions') IS NOT NULL THEN
    EXECUTE 'SELECT count(*), (array_agg(interaction_id ORDER BY interaction_id))[1:5]::text FROM taskline_disputed_interactions' INTO n, found;
    ours := ours || format('⚠️ %s rows name another organization than their lead does, and stay visible to the lead''s alone: %s', n, found)
                 || 'ℹ️ they are listed in taskline_disputed_interactions; decide on each, then run this file again:'::text
                 || 'ℹ️   the lead is right: UPDATE lead_interactions t SET organization_id = d.seen_by FROM taskline_disputed_interactions d WHERE d.interaction_id = t.id'::text
                 || 'ℹ️   the row is right: DELETE FROM taskline_disputed_interactions WHERE interaction_id = …'::text;
    IF pg_has_role(current_user, role_name, CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END) THEN
      EXECUTE 'SELECT * FROM taskline_disputed_interactions LIMIT 1' INTO item;
      BEGIN
        PERFORM set_config('row_security', 'on', true), set_config('role', role_name, true), set_config('app.current_organization_id', item.seen_by::text, true);
        SELECT count(*) INTO n FROM lead_interactions WHERE id = item.interaction_id;
        PERFORM set_config('app.current_organization_id', item.named::text, true);
        SELECT n = 1 AND count(*) = 0 INTO is_met FROM lead_interactions WHERE id = item.interaction_id;
        RAISE EXCEPTION USING ERRCODE = 'TL000', MESSAGE = 'seen; take the settings back';
      EXCEPTION WHEN SQLSTATE 'TL000' THEN NULL;
      END;
      misses := misses + (NOT is_met)::int;
      ours := ours || CASE WHEN is_met THEN '✅ tried: a disputed row seen by its lead''s organization and by no other'
                           ELSE '❌ tried: a disputed row is not seen by its lead''s organization alone' END;
    END IF;
  ELSE
    ours := ours || '✅ no row names another organization than its lead does, or did when this file first ran'::text;
  END IF;
  ours := array_remove(ours, NULL);

  PERFORM set_config('taskline.report',
    E'╔════════════════════════════════════════════════════════════════╗\n║         TENANT OF INTERACTIONS: REPORT                         ║\n╚════════════════════════════════════════════════════════════════╝\n'
    || array_to_string(ours, E'\n') || E'\n\n'
    || CASE WHEN misses = 0 THEN '🎉 MIGRATION COMPLETED SUCCESSFULLY!' ELSE format('❌ MIGRATION NOT COMPLETE: %s of the lines above are not met', misses) END, false);
  PERFORM set_config('taskline.misses', misses::text, false);
END $$;

COPY (SELECT line FROM unnest(string_to_array(current_setting('taskline.report'), E'\n')) WITH ORDINALITY AS r(line, n) ORDER BY n) TO STDOUT;

DO $$
BEGIN
  IF current_setting('taskline.misses') <> '0' THEN
    RAISE EXCEPTION '042 is not complete: % lines of its report start with ❌', current_setting('taskline.misses')
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
