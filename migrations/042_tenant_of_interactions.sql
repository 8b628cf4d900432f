-- 042_tenant_of_interactions.sql: an interaction belongs to the organization that it names itself, no longer to its lead's.
--
-- Run it after 041, with psql -f, \i or the runner, on a live database, as often as you like. It
--   1. makes the API's role, unless the setting taskline.api_role names one, grants it what the API needs, and lets the
--      migrating role act as it;
--   2. fills organization_id where it is null, from the lead (or the contact, or the account), at most 500 rows at a time with a
--      commit each, and leaves every other column and the lead as they were, stamps included;
--   3. lists the rows that name another organization than their lead does, and lets row security show them to the lead's
--      organization and to nobody else, as before, until a person decides; the API's statements also ask for the row's own
--      organization, so that the API shows them to nobody meanwhile;
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
-- First, how a string is read: what follows is written for the standard.
DO $$
BEGIN
  PERFORM pg_catalog.set_config('taskline.strings', pg_catalog.current_setting('standard_conforming_strings'), false),
          pg_catalog.set_config('standard_conforming_strings', 'on', false);
END $$;

-- The server's own functions are meant, whatever else has their names: who may create in one of these schemas could
-- otherwise act with our rights.
DO $$
DECLARE
  path    constant text := pg_catalog.current_setting('search_path');
  schemas constant name[] := pg_catalog.current_schemas(false);
  found   text;
BEGIN
  PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  SELECT string_agg(format('%s of %s', o.object, o.owner::regrole), ', ') INTO found
    FROM (SELECT 'pg_proc'::regclass AS class, p.oid, p.oid::regprocedure::text AS object, p.pronamespace AS schema, p.proowner AS owner
            FROM pg_proc p JOIN pg_proc own ON own.proname = p.proname AND own.pronamespace = 'pg_catalog'::regnamespace
           WHERE p.pronamespace <> own.pronamespace  -- asked here: to name all of the server's own takes long
           UNION
          SELECT 'pg_operator', p.oid, p.oid::regoperator::text, p.oprnamespace, p.oprowner
            FROM pg_operator p JOIN pg_operator own ON own.oprname = p.oprname AND own.oprnamespace = 'pg_catalog'::regnamespace
           WHERE p.oprnamespace <> own.oprnamespace) AS o
    JOIN pg_namespace n ON n.oid = o.schema AND n.nspname = ANY (schemas)
    JOIN pg_roles r ON r.oid = o.owner AND NOT r.rolsuper AND r.rolname <> current_user
   WHERE NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = o.class AND d.objid = o.oid AND d.deptype = 'e')  -- an extension's
     AND NOT EXISTS (SELECT FROM pg_class c JOIN pg_namespace home ON home.oid = c.relnamespace
                      WHERE c.relname = 'lead_interactions' AND home.nspname = ANY (schemas) AND c.relowner = o.owner);
  IF found IS NOT NULL THEN
    RAISE EXCEPTION 'database % has objects of others that could act in place of the server''s own: %', current_database(), found
      USING ERRCODE = 'object_not_in_prerequisite_state',
            DETAIL = format('They would act with the rights of %s. Nothing was changed.', current_user),
            HINT = 'Drop them, or let the owner of the tables own them; REVOKE CREATE ON SCHEMA … FROM PUBLIC keeps new ones out.';
  END IF;
  PERFORM set_config('search_path', path, true);
END $$;

DO $$
BEGIN
  PERFORM pg_catalog.set_config('search_path', pg_catalog.rtrim(pg_catalog.concat('pg_catalog, ',
                                pg_catalog.current_setting('search_path')), ', '), true);
  IF now() <> statement_timestamp() THEN
    RAISE EXCEPTION 'this migration can''t run inside a transaction block'
      USING ERRCODE = 'active_sql_transaction',
            DETAIL = 'It commits step by step, so that nobody waits for it. Nothing was changed.',
            HINT = 'Run it without BEGIN, without psql -1 (--single-transaction), and with AUTOCOMMIT on.';
  ELSIF current_setting('transaction_read_only')::boolean THEN
    RAISE EXCEPTION 'database % is read-only', current_database()
      USING ERRCODE = 'read_only_sql_transaction',
            DETAIL = 'It is a standby, or default_transaction_read_only is on. Nothing was changed.',
            HINT = 'Run the migration on the primary server.';
  ELSIF to_regclass('lead_interactions') IS NULL THEN
    RAISE EXCEPTION 'database % has no table lead_interactions on the search path', current_database()
      USING ERRCODE = 'undefined_table',
            DETAIL = format('The search path is %s. Nothing was changed.', current_setting('search_path')),
            HINT = 'Check the database''s name; set search_path if the tables are elsewhere; run 040 in an empty database.';
  ELSIF NOT has_database_privilege(current_database(), 'TEMPORARY') THEN
    RAISE EXCEPTION '% may not make temporary objects in database %', current_user, current_database()
      USING ERRCODE = 'object_not_in_prerequisite_state',
            DETAIL = 'The tools of this file are temporary. Nothing was changed.',
            HINT = format('As the database''s owner: GRANT TEMPORARY ON DATABASE %I TO %I;', current_database(), current_user);
  END IF;
END $$;

DO $$
DECLARE
  path    constant text := pg_catalog.current_setting('search_path');
  wanted  jsonb;
  setting record;
BEGIN
  COMMIT;                                           -- refuses a multi-statement string too, which is one transaction
  PERFORM pg_catalog.set_config('search_path', pg_catalog.rtrim(pg_catalog.concat('pg_catalog, ', path), ', '), true);
  wanted := jsonb_build_object(
    'search_path', concat_ws(', ', 'pg_catalog',
                             (SELECT quote_ident(n.nspname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                               WHERE c.oid = to_regclass('lead_interactions')), nullif(path, '')),
    'statement_timeout', '0',
    'transaction_timeout', '0',
    'lock_timeout', '0',
    'default_transaction_isolation', 'read committed',
    'row_security', 'off',                          -- an error rather than rows that are silently left out
    'client_min_messages', 'notice',
    'standard_conforming_strings', 'on',
    'backslash_quote', 'safe_encoding',
    'quote_all_identifiers', 'off',                 -- definitions are compared as the server prints them
    'plpgsql.extra_errors', 'none',
    'plpgsql.extra_warnings', 'none',
    'session_replication_role', 'origin',           -- else no trigger fires, and nothing would be proven
    'client_connection_check_interval', '2s');      -- an orphaned index build ends with its client
  IF coalesce(current_setting('taskline.session', true), '') = '' THEN
    PERFORM set_config('taskline.session', ((SELECT jsonb_object_agg(s.name, current_setting(s.name)) FROM pg_settings s
                                             WHERE wanted ? s.name AND s.name <> 'search_path')
                                           || jsonb_build_object('search_path', path, 'standard_conforming_strings',
                                                                 current_setting('taskline.strings')))::text, false);
  END IF;
  FOR setting IN SELECT w.key, w.value, s.setting AS found FROM jsonb_each_text(wanted) w JOIN pg_settings s ON s.name = w.key LOOP
    CONTINUE WHEN current_setting(setting.key) = setting.value;
    BEGIN
      PERFORM set_config(setting.key, setting.value, false);
    EXCEPTION
      WHEN invalid_parameter_value THEN             -- the check interval doesn't exist on every platform
        NULL;
      WHEN insufficient_privilege THEN
        RAISE EXCEPTION '%: found %, expected %, and % may not set it', setting.key, setting.found, setting.value, current_user
          USING ERRCODE = 'object_not_in_prerequisite_state',
                DETAIL = 'Under this setting the database doesn''t behave as it does for the application. Nothing was changed.',
                HINT = format('As an administrator: ALTER DATABASE %1$I RESET %2$s; ALTER ROLE %3$I RESET %2$s; '
                              'ALTER ROLE %3$I IN DATABASE %1$I RESET %2$s;', current_database(), setting.key, current_user);
    END;
  END LOOP;
END $$;

-- Polled: a waiter inside pg_advisory_lock() would hold a snapshot and deadlock with a concurrent index build.
DO $$
DECLARE
  lock_key constant bigint := 8386112019184217701;  -- "taskline" as eight bytes; the runner takes the same one
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
      holder := coalesce(holder, 'it has just ended');
      RAISE NOTICE 'waiting for another migration of this database: %', holder;
    ELSIF clock_timestamp() > deadline THEN
      RAISE EXCEPTION 'another migration of database % still runs after 30 minutes: %', current_database(), holder
        USING ERRCODE = 'lock_not_available',
              HINT = 'Let it end, or end it, and run this file again. Nothing was changed.';
    END IF;
    COMMIT;                                         -- so that no snapshot is held while asleep
    PERFORM pg_sleep(0.1 + 0.2 * random());
  END LOOP;
END $$;

-- == Tools ==
-- Temporary: they vanish with the session.
CREATE OR REPLACE FUNCTION pg_temp.home() RETURNS text LANGUAGE sql STABLE AS $$
  SELECT relnamespace::regnamespace::text FROM pg_class WHERE oid = 'lead_interactions'::regclass
$$;

CREATE OR REPLACE FUNCTION pg_temp.full_name(relation regclass) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT format('%I.%I', n.nspname, c.relname)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = relation
$$;

CREATE OR REPLACE FUNCTION pg_temp.owner_of(relation regclass) RETURNS regrole LANGUAGE sql STABLE AS $$
  SELECT relowner::regrole FROM pg_class WHERE oid = relation
$$;

CREATE OR REPLACE FUNCTION pg_temp.has_column(relation regclass, col text) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT EXISTS (SELECT FROM pg_attribute
                  WHERE attrelid = relation AND attname = col AND attnum > 0 AND NOT attisdropped)
$$;

-- A number of rows, in words.
CREATE OR REPLACE FUNCTION pg_temp.rows_in_words(n bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT n || CASE n WHEN 1 THEN ' row' ELSE ' rows' END
$$;

-- What alter_shortly writes down beside a change: how the rollback must go about it, and the words that undo it.
CREATE OR REPLACE FUNCTION pg_temp.undo(migration integer, kind text, relation regclass, object_name text, ddl text)
RETURNS jsonb LANGUAGE sql STABLE AS $$
  SELECT jsonb_build_object('migration', migration, 'kind', kind, 'relation', pg_temp.full_name(relation),
                            'object_name', object_name, 'ddl', ddl)
$$;

-- The tables of ours that are there and can't be trusted, each with the next command. Who may create in the schema could
-- otherwise act with our rights by a trigger, see what is written down, or let a rollback execute a statement of theirs.
CREATE OR REPLACE FUNCTION pg_temp.planted_tables() RETURNS SETOF text LANGUAGE sql STABLE AS $$
  WITH ours AS (
    SELECT c.*, pg_temp.full_name(c.oid) AS full_name, li.relowner AS li_owner
      FROM pg_class li JOIN pg_class c ON c.relnamespace = li.relnamespace
     WHERE li.oid = 'lead_interactions'::regclass
       AND (c.relname IN ('taskline_saved_ddl', 'taskline_disputed_interactions', 'taskline_events', 'taskline_045_copy')
            OR c.relname LIKE '%\_rolled\_back\_041')
  ), right_of AS (                                  -- a right to change it, of somebody who hasn't the owner's rights anyway
    SELECT o.oid, CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END AS grantee,
           string_agg(DISTINCT a.privilege_type, ', ') AS privileges
      FROM ours o
     CROSS JOIN LATERAL (SELECT o.relacl UNION ALL SELECT attacl FROM pg_attribute WHERE attrelid = o.oid) AS l(acl)
     CROSS JOIN LATERAL aclexplode(l.acl) a
     WHERE a.privilege_type <> 'SELECT'
       AND (a.grantee = 0 OR a.grantee <> o.relowner AND NOT pg_has_role(a.grantee, o.li_owner, 'MEMBER'))
     GROUP BY o.oid, a.grantee
  )
  SELECT CASE
    WHEN relkind <> 'r'
    THEN format('%s: found something that is no ordinary table under this name. Next: rename it.', full_name)
    WHEN pg_get_userbyid(relowner) <> current_user AND NOT pg_has_role(relowner, li_owner, 'MEMBER')
    THEN format('%1$s: found owner %2$s, who could act with the rights of %3$s by it. Next: DROP TABLE %1$s; (or rename it)',
                full_name, pg_get_userbyid(relowner), current_user)
    WHEN EXISTS (SELECT FROM pg_trigger WHERE tgrelid = ours.oid AND NOT tgisinternal)
    THEN format('%1$s: found trigger %2$I, which would act with the rights of %3$s. Next: DROP TRIGGER %2$I ON %1$s;', full_name,
                (SELECT min(tgname) FROM pg_trigger WHERE tgrelid = ours.oid AND NOT tgisinternal), current_user)
    WHEN EXISTS (SELECT FROM pg_rewrite WHERE ev_class = ours.oid)
    THEN format('%1$s: found rule %2$I, which would act with the rights of %3$s. Next: DROP RULE %2$I ON %1$s;', full_name,
                (SELECT min(rulename) FROM pg_rewrite WHERE ev_class = ours.oid), current_user)
    ELSE (SELECT format('%1$s: found that %2$s may change it (%3$s), expected its owner alone. Next: REVOKE %3$s ON %1$s FROM %2$s;',
                        full_name, r.grantee, r.privileges) FROM right_of r WHERE r.oid = ours.oid LIMIT 1) END
    FROM ours
   WHERE relkind <> 'r'
      OR pg_get_userbyid(relowner) <> current_user AND NOT pg_has_role(relowner, li_owner, 'MEMBER')
      OR EXISTS (SELECT FROM pg_trigger WHERE tgrelid = ours.oid AND NOT tgisinternal)
      OR EXISTS (SELECT FROM pg_rewrite WHERE ev_class = ours.oid)
      OR EXISTS (SELECT FROM right_of r WHERE r.oid = ours.oid)
$$;

-- Takes from all others what default privileges gave them with a table that was just made.
CREATE OR REPLACE FUNCTION pg_temp.keep_to_owner(relation regclass) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  grantee text;
BEGIN
  FOR grantee IN SELECT DISTINCT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END
                   FROM pg_class c, aclexplode(c.relacl) a
                  WHERE c.oid = relation AND a.grantee <> c.relowner LOOP
    EXECUTE format('REVOKE ALL ON %s FROM %s', relation, grantee);
  END LOOP;
END $$;

-- Ends the run if somebody put a table in our place meanwhile.
CREATE OR REPLACE FUNCTION pg_temp.refuse_planted_tables() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  found constant text := (SELECT string_agg('  - ' || p, E'\n') FROM pg_temp.planted_tables() p);
BEGIN
  IF found IS NOT NULL THEN
    RAISE EXCEPTION E'tables of the migrations can''t be trusted:\n%', found
      USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'Nothing was written to them. Do what the lines say, then run this file again.';
  END IF;
END $$;

-- Keeps it for the rollback, in a table that only the owner may read.
CREATE OR REPLACE FUNCTION pg_temp.save_ddl(undo jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  saved constant text := pg_temp.home() || '.taskline_saved_ddl';
BEGIN
  IF to_regclass(saved) IS NULL THEN
    EXECUTE format('CREATE TABLE %s (
                      step        integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                      migration   integer NOT NULL,
                      kind        text NOT NULL,      -- statement, foreign key, drop index, role
                      relation    text NOT NULL,
                      object_name text NOT NULL,
                      ddl         text NOT NULL,
                      saved_at    timestamptz NOT NULL DEFAULT now())', saved);
    PERFORM pg_temp.keep_to_owner(saved);
  END IF;
  PERFORM pg_temp.refuse_planted_tables();
  EXECUTE format('INSERT INTO %s (migration, kind, relation, object_name, ddl) VALUES ($1, $2, $3, $4, $5)', saved)
    USING (undo->>'migration')::int, undo->>'kind', undo->>'relation', undo->>'object_name', undo->>'ddl';
END $$;

-- The tables that a migration may lock: interactions, and what a foreign key ties to them.
CREATE OR REPLACE FUNCTION pg_temp.tables_near() RETURNS SETOF regclass LANGUAGE sql STABLE AS $$
  SELECT 'lead_interactions'::regclass
   UNION SELECT confrelid::regclass FROM pg_constraint WHERE contype = 'f' AND conrelid = 'lead_interactions'::regclass
   UNION SELECT conrelid::regclass FROM pg_constraint WHERE contype = 'f' AND confrelid = 'lead_interactions'::regclass
   UNION SELECT to_regclass(name) FROM unnest(ARRAY['contacts', 'accounts', 'leads', 'interaction_events',
                                                       'taskline_idempotency_keys', 'taskline_events']) AS n(name)
          WHERE to_regclass(name) IS NOT NULL
$$;

-- The locks that one of our statements takes, as {oid of a table or an index: mode}, with the modes of pg_locks.
CREATE OR REPLACE FUNCTION pg_temp.locks_of(ddl text) RETURNS jsonb LANGUAGE sql STABLE AS $$
  WITH candidate AS (
    SELECT rel::oid AS oid, rel::oid AS tab FROM pg_temp.tables_near() rel
     UNION SELECT indexrelid, indrelid FROM pg_index WHERE indrelid = 'lead_interactions'::regclass
  ), named AS (
    SELECT c.oid, c.tab, m[1] AS verb
      FROM candidate c
      CROSS JOIN LATERAL (SELECT regexp_replace(c.oid::regclass::text, '(\W)', '\\\1', 'g') AS short,
                                 regexp_replace(pg_temp.full_name(c.oid), '(\W)', '\\\1', 'g') AS long) AS pattern
      CROSS JOIN LATERAL regexp_matches(ddl, '(TABLE|ON|REFERENCES|INDEX) (?:IF EXISTS )?(?:' || short || '|' || long
                                             || ')(?![\w$.])', 'g') AS m
  ), taken AS (
    SELECT oid, CASE WHEN verb = 'REFERENCES' THEN 'ShareRowExclusiveLock'
                     WHEN verb = 'INDEX' THEN CASE WHEN ddl ~ 'DROP INDEX' THEN 'AccessExclusiveLock' ELSE 'ShareUpdateExclusiveLock' END
                     WHEN ddl ~ 'DROP|RENAME' THEN 'AccessExclusiveLock'
                     WHEN ddl ~ 'VALIDATE CONSTRAINT' THEN 'ShareUpdateExclusiveLock'
                     WHEN ddl ~ ' FOREIGN KEY |TRIGGER' AND ddl !~ 'ADD COLUMN' THEN 'ShareRowExclusiveLock'
                     ELSE 'AccessExclusiveLock' END AS mode
      FROM named WHERE ddl !~ '^(GRANT|REVOKE) '
     UNION ALL SELECT tab, 'AccessExclusiveLock' FROM named WHERE verb = 'INDEX' AND ddl ~ 'DROP INDEX'
     UNION ALL                                      -- a key is known on both of its sides
    SELECT k.confrelid, CASE WHEN ddl ~ 'DROP' THEN 'AccessExclusiveLock' ELSE 'RowShareLock' END
      FROM pg_constraint k JOIN named ON named.oid = k.conrelid AND named.verb = 'TABLE'
     WHERE k.contype = 'f'
       AND (position(format('CONSTRAINT %I', k.conname) IN replace(ddl, 'IF EXISTS ', '')) > 0
            AND ddl ~ '(DROP|VALIDATE) CONSTRAINT'
            OR EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey)
                          AND position(format('DROP COLUMN %I', a.attname) IN ddl) > 0))
  )
  SELECT coalesce(jsonb_object_agg(oid, mode ORDER BY mode = 'AccessExclusiveLock', mode = 'ShareRowExclusiveLock'), '{}')
    FROM taken
$$;

-- Whether a lock that somebody holds keeps one from being had.
CREATE OR REPLACE FUNCTION pg_temp.keeps_out(held text, wanted text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE wanted WHEN 'RowShareLock' THEN held IN ('ExclusiveLock', 'AccessExclusiveLock')
                     WHEN 'ShareUpdateExclusiveLock' THEN held NOT IN ('AccessShareLock', 'RowShareLock', 'RowExclusiveLock')
                     WHEN 'ShareRowExclusiveLock' THEN held NOT IN ('AccessShareLock', 'RowShareLock')
                     WHEN 'ExclusiveLock' THEN held <> 'AccessShareLock'
                     ELSE true END
$$;

-- Whether a setting is on, as a person may write it. What can't be understood is refused, for taken as off it could show what
-- was to be hidden.
CREATE OR REPLACE FUNCTION pg_temp.is_on(setting text) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
DECLARE
  said constant text := coalesce(current_setting(setting, true), '');
BEGIN
  CASE
    WHEN lower(said) IN ('on', 'true', 'yes', '1') THEN RETURN true;
    WHEN lower(said) IN ('off', 'false', 'no', '0', '') THEN RETURN false;
    ELSE
      RAISE EXCEPTION 'the setting %: found %, expected on or off', setting, quote_literal(said)
        USING ERRCODE = 'object_not_in_prerequisite_state',
              DETAIL = 'Nothing was changed.',
              HINT = 'Write on, true, yes or 1; or off, false, no or 0; or leave it out.';
  END CASE;
END $$;

DO $$
BEGIN
  PERFORM pg_temp.is_on(setting) FROM unnest(ARRAY['taskline.redact', 'taskline.checksum', 'taskline.bring_back']) AS s(setting);
END $$;

-- A text of others without characters that steer a terminal.
CREATE OR REPLACE FUNCTION pg_temp.printable(words text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT regexp_replace(words, '[\x01-\x1f\x7f-\x9f]', ' ', 'g')
$$;

-- A session in words; its query in one line, unless taskline.redact is on.
CREATE OR REPLACE FUNCTION pg_temp.session_in_words(a pg_stat_activity) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT format('process %s (%s)', a.pid, pg_temp.printable(CASE
    WHEN a.backend_type IS NULL AND a.usename IS NULL
      THEN format('of the server itself, autovacuum most likely; more is seen with: GRANT pg_read_all_stats TO %I', current_user)
    WHEN a.backend_type IS NULL
      THEN format('user %s; what it does is hidden from %2$I without: GRANT pg_read_all_stats TO %2$I', a.usename, current_user)
    WHEN a.backend_type = 'autovacuum worker' THEN concat_ws('; ', 'autovacuum since ' || a.xact_start,
      CASE WHEN a.query LIKE '%to prevent wraparound%' THEN 'to prevent wraparound: it doesn''t give way, let it end'
           ELSE 'it gives way in a moment' END)
    ELSE concat_ws(', ', 'user ' || a.usename, 'application ' || coalesce(nullif(a.application_name, ''), 'without a name'),
      'client ' || coalesce(host(a.client_addr), 'on this machine'), a.state,
      'transaction open for ' || (clock_timestamp() - a.xact_start)::interval(1),
      CASE WHEN pg_temp.is_on('taskline.redact') THEN 'query not shown'
           ELSE 'query: ' || left(btrim(regexp_replace(a.query, '\s+', ' ', 'g')), 120) END) END))
$$;

-- Who holds, or waits in front of us for, a lock that keeps these from being had; a line each, NULL if there is nobody.
CREATE OR REPLACE FUNCTION pg_temp.in_the_way(locks jsonb) RETURNS text LANGUAGE sql STABLE AS $$
  WITH holder AS (
    SELECT l.pid, l.virtualtransaction, bool_and(l.granted) AS has_it,
           string_agg(DISTINCT format('%s on %s', upper(regexp_replace(replace(l.mode, 'Lock', ''), '([a-z])([A-Z])', '\1 \2', 'g')),
                                      l.relation::regclass), ', ') AS held
      FROM jsonb_each_text(locks) w
      JOIN pg_locks l ON l.locktype = 'relation' AND l.relation = w.key::oid AND pg_temp.keeps_out(l.mode, w.value)
      JOIN pg_database d ON d.oid = l.database AND d.datname = current_database()
     WHERE l.pid IS DISTINCT FROM pg_backend_pid()
     GROUP BY l.pid, l.virtualtransaction
  )
  SELECT string_agg(format(E'\n  - %s %s %s', CASE WHEN a.pid IS NOT NULL THEN pg_temp.session_in_words(a) ELSE format(
                             'prepared transaction %L (user %s, since %s; it ends with COMMIT PREPARED or ROLLBACK PREPARED)',
                             pg_temp.printable(p.gid), pg_temp.printable(p.owner::text), p.prepared) END,
                           CASE WHEN h.has_it THEN 'holds' ELSE 'waits for' END, h.held), '' ORDER BY a.xact_start, h.pid)
    FROM holder h
    LEFT JOIN pg_stat_activity a ON a.pid = h.pid
    LEFT JOIN pg_locks own ON h.pid IS NULL AND own.pid IS NULL AND own.locktype = 'transactionid'
                          AND own.virtualtransaction = h.virtualtransaction
    LEFT JOIN pg_prepared_xacts p ON p.transaction = own.transactionid
   WHERE (a.pid IS NOT NULL OR p.gid IS NOT NULL) AND a.leader_pid IS NULL
$$;

-- How many rows of these tables this session has inserted, updated or deleted so far: the server's own count, of which
-- only the difference within one statement means something.
CREATE OR REPLACE FUNCTION pg_temp.rows_written() RETURNS bigint LANGUAGE sql VOLATILE AS $$
  SELECT sum(pg_stat_get_xact_tuples_inserted(rel) + pg_stat_get_xact_tuples_updated(rel) + pg_stat_get_xact_tuples_deleted(rel))
    FROM pg_temp.tables_near() rel
$$;

-- Who keeps these locks from being had: transactions, of which one can only wait for the end, and tables under maintenance,
-- where an autovacuum gives way to whoever waits for the same lock, and nobody else is kept waiting by that.
CREATE OR REPLACE FUNCTION pg_temp.holders(locks jsonb, OUT transactions text[], OUT in_maintenance oid[])
LANGUAGE sql STABLE AS $$
  WITH held AS (
    SELECT l.virtualtransaction AS holder, l.relation,
           l.mode = 'ShareUpdateExclusiveLock' AND c.relkind = 'r' AND has_table_privilege(c.oid, 'UPDATE') AS gives_way
      FROM jsonb_each_text(locks) w
      JOIN pg_locks l ON l.locktype = 'relation' AND l.relation = w.key::oid AND l.granted AND pg_temp.keeps_out(l.mode, w.value)
      JOIN pg_database d ON d.oid = l.database AND d.datname = current_database()
      JOIN pg_class c ON c.oid = l.relation
     WHERE l.pid IS DISTINCT FROM pg_backend_pid()
  )
  SELECT ARRAY(SELECT holder FROM held GROUP BY holder HAVING NOT bool_or(gives_way)),
         ARRAY(SELECT DISTINCT relation FROM held WHERE gives_way)
$$;

-- Takes the strong ones of these locks before the statement does, in the order in which a writer comes by: interactions, what
-- they point to, their history. In another order each would hold what the other waits for. What isn't ours the statement
-- takes itself.
CREATE OR REPLACE FUNCTION pg_temp.take_in_order(locks jsonb, deadline timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  want record;
BEGIN
  FOR want IN
    SELECT c.oid::regclass AS rel, CASE w.value WHEN 'AccessExclusiveLock' THEN 'ACCESS' ELSE 'SHARE ROW' END AS mode
      FROM jsonb_each_text(locks) w JOIN pg_class c ON c.oid = w.key::oid AND c.relkind = 'r'
     WHERE w.value IN ('AccessExclusiveLock', 'ShareRowExclusiveLock') AND has_table_privilege(c.oid, 'UPDATE')
     ORDER BY c.oid <> 'lead_interactions'::regclass,
              EXISTS (SELECT FROM pg_constraint WHERE contype = 'f' AND conrelid = c.oid AND confrelid = 'lead_interactions'::regclass),
              c.oid
  LOOP
    PERFORM pg_temp.wait_until(deadline);
    EXECUTE format('LOCK TABLE ONLY %s IN %s EXCLUSIVE MODE', want.rel, want.mode);
  END LOOP;
  PERFORM pg_temp.wait_until(deadline);
END $$;

-- Lets the next lock be waited for until then.
CREATE OR REPLACE FUNCTION pg_temp.wait_until(deadline timestamptz) RETURNS void LANGUAGE sql AS $$
  SELECT set_config('lock_timeout', greatest(10, ceil(1000 * extract(epoch FROM deadline - clock_timestamp()))) || 'ms', true)
$$;

-- Runs one short DDL statement. A try waits for its locks at most 150 ms in all, so nobody queues behind it for longer; then it
-- lets go, and tries again when those who were in its way have ended, for taskline.lock_budget (5 minutes). There is no last
-- try without a limit. It says who is in the way after the first try, and every 30 seconds.
CREATE OR REPLACE PROCEDURE pg_temp.alter_shortly(step text, ddl text, VARIADIC undo jsonb[] DEFAULT '{}') LANGUAGE plpgsql AS $$
DECLARE
  budget   constant interval := coalesce(nullif(current_setting('taskline.lock_budget', true), ''), '5 minutes');
  started  constant timestamptz := clock_timestamp();
  patience constant interval := current_setting('deadlock_timeout')::interval + interval '1 second';
  locks    constant jsonb := pg_temp.locks_of(ddl);
  waited   text[];
  pushed   oid[] := '{}';
  tries    integer := 0;
  told     timestamptz;
  blockers text;
  wrote    bigint;
  is_done  boolean;
BEGIN
  LOOP
    wrote := pg_temp.rows_written();
    BEGIN
      IF pushed <> '{}' THEN                        -- autovacuum gives way after deadlock_timeout, and not before
        PERFORM set_config('lock_timeout', 1000 * extract(epoch FROM patience) || 'ms', true);
        EXECUTE (SELECT string_agg(format('LOCK TABLE %s IN SHARE UPDATE EXCLUSIVE MODE', p::regclass), '; ') FROM unnest(pushed) p);
      END IF;
      PERFORM pg_temp.take_in_order(locks, clock_timestamp() + interval '150 ms');
      EXECUTE ddl;
      IF undo <> '{}' THEN
        PERFORM pg_temp.save_ddl(u) FROM unnest(undo) u;
      END IF;
      is_done := true;
    EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
      is_done := false;
    END;
    wrote := pg_temp.rows_written() - wrote + coalesce(nullif(current_setting('taskline.rows_written', true), ''), '0')::bigint;
    PERFORM set_config('taskline.rows_written', wrote::text, false);
    COMMIT;
    EXIT WHEN is_done;
    tries := tries + 1;
    SELECT transactions, in_maintenance INTO waited, pushed FROM pg_temp.holders(locks);
    LOOP                                            -- a try before they have ended would keep others waiting for nothing
      blockers := coalesce(pg_temp.in_the_way(locks), blockers, ' nobody any more');
      IF clock_timestamp() - started > budget THEN
        RAISE EXCEPTION '%: no lock within % (% tries of 150 ms)', step, budget, tries
          USING ERRCODE = 'lock_not_available',
                DETAIL = 'In the way:' || blockers,
                HINT = 'End the long transaction or choose a quieter hour; the next run goes on where this one stopped.';
      ELSIF told IS NULL OR clock_timestamp() - told > interval '30 seconds' THEN
        RAISE NOTICE '%: a table is in use, trying again for %; in the way:%', step, budget, blockers;
        told := clock_timestamp();
      END IF;
      COMMIT;
      PERFORM pg_sleep(0.1 + 0.3 * random());
      EXIT WHEN NOT EXISTS (SELECT FROM pg_locks WHERE virtualtransaction = ANY (waited));
    END LOOP;
  END LOOP;
END $$;

-- What this database wrote down for a migration, last step first; `forget` is the statement that strikes it out.
CREATE OR REPLACE FUNCTION pg_temp.saved(wanted integer)
RETURNS TABLE (step integer, kind text, relation text, object_name text, ddl text, forget text)
LANGUAGE plpgsql STABLE AS $$
DECLARE
  list constant text := pg_temp.home() || '.taskline_saved_ddl';
BEGIN
  IF to_regclass(list) IS NOT NULL THEN
    RETURN QUERY EXECUTE format(
      'SELECT s.step, s.kind, s.relation, s.object_name, s.ddl, concat(%1$L::text, s.step)
         FROM %2$s s WHERE s.migration = $1 ORDER BY s.step DESC', format('DELETE FROM %s WHERE step = ', list), list) USING wanted;
  END IF;
END $$;

-- The table whose id the column lead_id holds: the one its key names, else leads, else none that is known.
CREATE OR REPLACE FUNCTION pg_temp.lead_table() RETURNS regclass LANGUAGE sql STABLE AS $$
  SELECT coalesce((SELECT k.confrelid::regclass
                     FROM pg_constraint k JOIN pg_attribute a ON a.attrelid = k.conrelid AND k.conkey = ARRAY[a.attnum]
                    WHERE k.contype = 'f' AND k.conrelid = 'lead_interactions'::regclass AND a.attname = 'lead_id' LIMIT 1),
                  to_regclass('leads'))
$$;

-- Whether a trigger of interactions writes to a table of this name with the rights of whoever changes a row.
CREATE OR REPLACE FUNCTION pg_temp.triggers_write(table_name text) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT EXISTS (SELECT FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
                  WHERE t.tgrelid = 'lead_interactions'::regclass AND NOT t.tgisinternal AND t.tgenabled <> 'D'
                    AND NOT p.prosecdef AND p.prosrc ~ format('\m%s\M', table_name))
$$;

-- The role whose eyes the proof uses: taskline.api_role, else one that the catalogue shows to be an application's: it has
-- rights on the table and row security binds it. NULL when there is none.
CREATE OR REPLACE FUNCTION pg_temp.api_role() RETURNS name LANGUAGE sql STABLE AS $$
  SELECT coalesce(
    (SELECT rolname FROM pg_roles WHERE rolname = nullif(current_setting('taskline.api_role', true), '')),
    (SELECT r.rolname
       FROM pg_roles r CROSS JOIN to_regclass('lead_interactions') AS li CROSS JOIN to_regclass('interaction_events') AS events
      WHERE NOT r.rolsuper AND NOT r.rolbypassrls AND r.rolname !~ '^pg_'
        AND NOT pg_has_role(r.oid, pg_temp.owner_of(li), 'MEMBER')
        AND has_table_privilege(r.oid, li, 'SELECT') AND has_table_privilege(r.oid, li, 'INSERT')
        AND has_table_privilege(r.oid, li, 'UPDATE')
        AND (events IS NULL OR NOT pg_temp.triggers_write('interaction_events') OR has_table_privilege(r.oid, events, 'INSERT'))
      ORDER BY r.rolname <> 'taskline_api', NOT r.rolcanlogin, r.rolname
      LIMIT 1))
$$;

-- Whether this session can SET ROLE to it; from version 16 on membership has that right as a part of its own.
CREATE OR REPLACE FUNCTION pg_temp.can_become(role_name name) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT pg_has_role(current_user, role_name,
                     CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END)
$$;

-- The statement that makes a policy as it is now, with every name qualified.
CREATE OR REPLACE FUNCTION pg_temp.policy_ddl(policy pg_policy) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
  SELECT format('CREATE POLICY %I ON %s AS %s FOR %s TO %s', policy.polname, pg_temp.full_name(policy.polrelid),
                CASE WHEN policy.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
                '{"r": "SELECT", "a": "INSERT", "w": "UPDATE", "d": "DELETE", "*": "ALL"}'::jsonb->>policy.polcmd::text,
                CASE WHEN policy.polroles = '{0}' THEN 'PUBLIC'
                     ELSE (SELECT string_agg(r::regrole::text, ', ') FROM unnest(policy.polroles) r) END)
         || coalesce(' USING (' || pg_get_expr(policy.polqual, policy.polrelid) || ')', '')
         || coalesce(' WITH CHECK (' || pg_get_expr(policy.polwithcheck, policy.polrelid) || ')', '')
$$;

CREATE OR REPLACE FUNCTION pg_temp.asks_lead(policy pg_policy) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT EXISTS (SELECT FROM pg_depend d
                   JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
                  WHERE d.classid = 'pg_policy'::regclass AND d.objid = policy.oid AND d.refobjid = policy.polrelid
                    AND a.attname = 'lead_id')
$$;

-- A policy for everybody and everything, of this name and condition, with the same condition for new rows. Conditions are
-- compared as the server prints them, without blanks and parentheses.
CREATE OR REPLACE FUNCTION pg_temp.has_policy(wanted_name text, condition text) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT EXISTS (SELECT FROM pg_policy p
                  WHERE p.polrelid = 'lead_interactions'::regclass AND p.polname = wanted_name
                    AND p.polpermissive AND p.polcmd = '*' AND p.polroles = '{0}'
                    AND pg_get_expr(p.polqual, p.polrelid) = pg_get_expr(p.polwithcheck, p.polrelid)
                    AND regexp_replace(pg_get_expr(p.polqual, p.polrelid), '[\s()]|AS "nullif"', '', 'g') = condition)
$$;

CREATE OR REPLACE FUNCTION pg_temp.own_tenant() RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT 'organization_id=SELECTNULLIFcurrent_setting''app.current_organization_id''::text,true,''''::text::uuid'
$$;

-- == Proof ==
-- Tasks are made as the API's role under row security, read back, completed, looked for as another tenant, and all of it
-- is taken back. A real row is the pattern, so that columns this file has never heard of are filled.
-- Locks: on rows of its own making and, for some milliseconds, one contact and one account.

-- A row to copy, a lead's task if there is one, of which lead and row name the same organization.
CREATE OR REPLACE FUNCTION pg_temp.pattern_task() RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
DECLARE
  li      constant regclass := 'lead_interactions';
  leads   constant regclass := pg_temp.lead_table();
  agrees  text := 'true';
  wish    text;
  pattern jsonb;
BEGIN
  IF pg_temp.has_column(li, 'organization_id') AND leads IS NOT NULL AND pg_temp.has_column(leads, 'organization_id') THEN
    agrees := format('(t.lead_id IS NULL OR EXISTS (SELECT FROM %s l
                       WHERE l.id = t.lead_id AND l.organization_id = t.organization_id))', leads);
  END IF;
  FOREACH wish IN ARRAY ARRAY['interaction_type = ''task'' AND lead_id IS NOT NULL', 'lead_id IS NOT NULL', 'true'] LOOP
    EXECUTE format('SELECT to_jsonb(t) FROM %s t WHERE %s AND %s LIMIT 1', li, wish, agrees) INTO pattern;
    EXIT WHEN pattern IS NOT NULL;
  END LOOP;
  RETURN pattern;
END $$;

-- A row like another: what a unique or an exclusion key asks for beside the links is left to its default, or null, or random.
CREATE OR REPLACE FUNCTION pg_temp.fresh(relation regclass, pattern jsonb) RETURNS jsonb LANGUAGE sql VOLATILE AS $$
  SELECT (pattern - coalesce(array_agg(a.attname::text) FILTER (WHERE a.atthasdef OR a.attidentity <> ''), '{}'))
         || coalesce(jsonb_object_agg(a.attname, CASE
              WHEN a.atttypid IN ('timestamptz'::regtype, 'timestamp'::regtype, 'date'::regtype)
              THEN to_jsonb(now() + random() * interval '300 days')
              WHEN NOT a.attnotnull THEN 'null'
              WHEN a.atttypid = 'uuid'::regtype THEN to_jsonb(gen_random_uuid())
              WHEN a.atttypid IN ('text'::regtype, 'varchar'::regtype, 'bpchar'::regtype)
              THEN to_jsonb(left(gen_random_uuid()::text, CASE WHEN a.atttypmod > 4 THEN least(18, a.atttypmod - 4) ELSE 18 END))
              WHEN a.atttypid IN ('int4'::regtype, 'int8'::regtype) THEN to_jsonb((1e9 + 1e9 * random())::integer)
              ELSE pattern->a.attname END) FILTER (WHERE NOT a.atthasdef AND a.attidentity = ''), '{}')
    FROM pg_attribute a
   WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped
     AND a.attname NOT IN ('id', 'organization_id', 'lead_id', 'contact_id', 'account_id', 'interaction_type', 'status')
     AND EXISTS (SELECT FROM pg_index i
                  WHERE i.indrelid = relation AND (i.indisunique OR i.indisexclusion)
                    AND (a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1])
                         OR EXISTS (SELECT FROM pg_depend d               -- in an expression
                                     WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid
                                       AND d.refobjid = relation AND d.refobjsubid = a.attnum))
                    AND (i.indnkeyatts = 1 AND NOT a.attnotnull           -- a key to another table can only be null
                         OR NOT EXISTS (SELECT FROM pg_constraint k
                                         WHERE k.contype = 'f' AND k.conrelid = relation AND a.attnum = ANY (k.conkey))))
$$;

CREATE OR REPLACE FUNCTION pg_temp.insert_statement(relation regclass, filled jsonb) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT format('INSERT INTO %1$s (%2$s) SELECT %2$s FROM jsonb_populate_record(NULL::%1$s, $1)', relation,
                string_agg(quote_ident(attname), ', '))
    FROM pg_attribute
   WHERE attrelid = relation AND attnum > 0 AND NOT attisdropped AND attgenerated = '' AND attidentity <> 'a' AND filled ? attname
$$;

-- A contact and an account of the pattern's organization, and a lead of our own: no real lead is locked or deleted.
CREATE OR REPLACE FUNCTION pg_temp.records_for(pattern jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  leads   constant regclass := pg_temp.lead_table();
  found   jsonb := jsonb_build_object('lead', pattern->>'lead_id');
  kind    text;
  lead    jsonb;
  id      uuid;
BEGIN
  FOREACH kind IN ARRAY ARRAY['contact', 'account'] LOOP
    EXECUTE format('SELECT id FROM %Is%s LIMIT 1', kind,
                   CASE WHEN pg_temp.has_column((kind || 's')::regclass, 'organization_id') AND pattern ? 'organization_id'
                        THEN format(' WHERE organization_id = %L', pattern->>'organization_id') END) INTO id;
    found := found || jsonb_build_object(kind, id);
  END LOOP;
  IF leads IS NULL OR pattern->>'lead_id' IS NULL THEN
    RETURN found;
  END IF;
  EXECUTE format('SELECT to_jsonb(l) FROM %s l WHERE id = $1', leads) INTO lead USING (pattern->>'lead_id')::uuid;
  lead := pg_temp.fresh(leads, lead || jsonb_build_object('id', gen_random_uuid()));
  EXECUTE pg_temp.insert_statement(leads, lead) USING lead;
  RETURN found || jsonb_build_object('lead', lead->'id', 'own_lead', true);
EXCEPTION WHEN lock_not_available OR deadlock_detected THEN RAISE;
          WHEN OTHERS THEN RETURN found;            -- no copy can be made; the real lead serves, and is not deleted
END $$;

-- The columns that a constraint or a unique index is about; NULL if there is no such thing.
CREATE OR REPLACE FUNCTION pg_temp.columns_of(relation regclass, rule text) RETURNS text[] LANGUAGE sql STABLE AS $$
  SELECT array_agg(a.attname::text)
    FROM pg_attribute a
   WHERE a.attrelid = relation AND a.attnum > 0
     AND (EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = relation AND k.conname = rule AND a.attnum = ANY (k.conkey))
          OR EXISTS (SELECT FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid AND c.relname = rule
                      WHERE i.indrelid = relation
                        AND (a.attnum = ANY (i.indkey)
                             OR EXISTS (SELECT FROM pg_depend d
                                         WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
                                           AND d.refobjid = relation AND d.refobjsubid = a.attnum))))
$$;

-- Whether an error is of a rule about columns that this file doesn't know: a copy of a row can't be expected to meet it. A
-- domain's rule is one, for links are no domains. Of a function's own errors it isn't known.
CREATE OR REPLACE FUNCTION pg_temp.is_unknown_rule(error jsonb, links text[]) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT error->>'state' = '23514' AND error->>'domain' <> ''
      OR error->>'state' IN ('23505', '23P01', '23514')
         AND NOT coalesce(pg_temp.columns_of(to_regclass(format('%I.%I', error->>'schema', error->>'table')), error->>'rule')
                          && links, true)
$$;

-- Which columns an error of a domain is about, and what to do; NULL if it is of no domain.
CREATE OR REPLACE FUNCTION pg_temp.domain_in_words(error jsonb) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT format('; it is the type of %s. Next: ALTER DOMAIN %s VALIDATE CONSTRAINT %I; tells of rows that break it, of which one '
                'is copied here. Correct them.',
                coalesce((SELECT string_agg(format('%s.%I', a.attrelid::regclass, a.attname), ', ')
                            FROM pg_attribute a
                           WHERE a.attrelid IN (SELECT pg_temp.tables_near()) AND a.atttypid = d.oid AND NOT a.attisdropped),
                         'no column here, but perhaps used by a trigger'), d.oid::regtype, error->>'rule')
    FROM pg_type d
   WHERE d.typtype = 'd' AND d.typname = error->>'domain' AND d.typnamespace::regnamespace::text = quote_ident(error->>'schema')
$$;

-- What an error in a trial says; it has state, message, schema, table, domain and rule. Without its rights the role proves nothing,
-- and neither does a rule about columns that this file doesn't know: the pattern can't be expected to meet it.
CREATE OR REPLACE FUNCTION pg_temp.verdict(kind text, actor text, error jsonb) RETURNS jsonb LANGUAGE sql STABLE AS $$
  SELECT jsonb_build_object('kind', kind, 'state', error->>'state', 'verdict', CASE
           WHEN is_outside THEN 'unproven'
           WHEN error->>'state' = '42501' AND NOT has_rights THEN 'unproven'
           WHEN pg_temp.is_unknown_rule(error, links) THEN 'unproven'
           ELSE 'failed' END,
           'detail', CASE WHEN is_outside THEN format('%s may not use schema %s; 042 grants it to the API''s role', actor, schema)
                          ELSE format('as %s: %s%s', actor, error->>'message', pg_temp.domain_in_words(error)) END)
    FROM (SELECT c.relnamespace::regnamespace AS schema,
                 error->>'state' IN ('42P01', '3F000', '42501') AND NOT has_schema_privilege(actor, c.relnamespace, 'USAGE')
                 AS is_outside,
                 (SELECT bool_and(has_table_privilege(actor, c.oid, right_))
                    FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE']) right_) AS has_rights,
                 ARRAY['contact_id', 'account_id']  -- one task for each lead is a rule that a copy may break
                 || CASE WHEN kind <> 'lead' OR error->>'state' = '23514' THEN ARRAY['lead_id'] ELSE '{}' END AS links
            FROM pg_class c WHERE c.oid = 'lead_interactions'::regclass) AS v
$$;

-- One task of one kind, by the actor. The statements are ready before the role changes: it may be allowed little.
CREATE OR REPLACE FUNCTION pg_temp.try_task(kind text, task jsonb, actor text) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  li       constant regclass := 'lead_interactions';
  me       constant text := current_setting('role');
  tenant   constant text := coalesce(task->>'organization_id', '');
  insert_  constant text := pg_temp.insert_statement(li, task);
  complete constant text := format('UPDATE %s SET lead_id = lead_id%s%s WHERE id = $1', li,
                                   CASE WHEN pg_temp.has_column(li, 'status') THEN ', status = ''completed''' END,
                                   CASE WHEN pg_temp.has_column(li, 'completed_at') THEN ', completed_at = now()' END);
  id       constant uuid := task->>'id';
  place    text;                                    -- schema, table and name of a rule that was broken
  told     text;
  rule     text;
  domain   text;
  miss     text;
  n        bigint;
BEGIN
  BEGIN
    PERFORM set_config('role', actor, true), set_config('app.current_organization_id', tenant, true),
            set_config('app.current_user_id', coalesce(task->>'user_id', ''), true);
    EXECUTE insert_ USING task;
    EXECUTE 'SELECT count(*) FROM lead_interactions WHERE id = $1' INTO n USING id;
    miss := CASE WHEN n <> 1 THEN 'inserted, but not seen' END;
    EXECUTE complete USING id;
    GET DIAGNOSTICS n = ROW_COUNT;
    miss := coalesce(miss, CASE WHEN n <> 1 THEN 'can''t be completed' END);
    IF row_security_active(li) THEN
      PERFORM set_config('app.current_organization_id', gen_random_uuid()::text, true);
      EXECUTE 'SELECT count(*) FROM lead_interactions WHERE id = $1' INTO n USING id;
      miss := coalesce(miss, CASE WHEN n <> 0 THEN 'another organization sees it' END);
    END IF;
    PERFORM set_config('role', me, true);
  EXCEPTION WHEN lock_not_available OR deadlock_detected THEN RAISE;
            WHEN OTHERS THEN
              GET STACKED DIAGNOSTICS place = SCHEMA_NAME, told = TABLE_NAME, rule = CONSTRAINT_NAME,
                                      domain = PG_DATATYPE_NAME;
              RETURN pg_temp.verdict(kind, actor, jsonb_build_object('state', SQLSTATE, 'message', SQLERRM, 'schema', place,
                                                                     'table', told, 'rule', rule, 'domain', domain));
  END;
  RETURN jsonb_build_object('kind', kind, 'verdict', CASE WHEN miss IS NULL THEN 'proven' ELSE 'failed' END,
                            'detail', CASE WHEN miss IS NULL THEN actor ELSE format('as %s: %s', actor, miss) END);
END $$;

-- A task of a lead and a contact, whose lead is then deleted, by the owner: it and its history must stay.
CREATE OR REPLACE FUNCTION pg_temp.try_deletion(task jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  events  constant regclass := to_regclass('interaction_events');
  id      constant uuid := task->>'id';
  history constant text := CASE WHEN events IS NULL THEN 'SELECT 0::bigint WHERE $1 IS NOT NULL'
                                ELSE format('SELECT count(*) FROM %s WHERE interaction_id = $1', events) END;
  place   text;                                     -- as in try_task
  told    text;
  rule    text;
  domain  text;
  before  bigint;
  after   bigint;
  miss    text;
BEGIN
  BEGIN
    EXECUTE pg_temp.insert_statement('lead_interactions', task) USING task;
    EXECUTE history INTO before USING id;
    EXECUTE format('DELETE FROM %s WHERE id = $1', pg_temp.lead_table()) USING (task->>'lead_id')::uuid;
    EXECUTE 'SELECT count(*) FROM lead_interactions WHERE id = $1 AND lead_id IS NULL' INTO after USING id;
    miss := CASE WHEN after <> 1 THEN 'the task died with its lead' END;
    EXECUTE history INTO after USING id;
    miss := coalesce(miss, CASE WHEN after < before THEN format('its history fell from %s lines to %s', before, after) END);
  EXCEPTION WHEN lock_not_available OR deadlock_detected THEN RAISE;
            WHEN OTHERS THEN
              GET STACKED DIAGNOSTICS place = SCHEMA_NAME, told = TABLE_NAME, rule = CONSTRAINT_NAME,
                                      domain = PG_DATATYPE_NAME;
              RETURN pg_temp.verdict('deletion', current_user, jsonb_build_object('state', SQLSTATE, 'message', SQLERRM, 'schema', place,
                                                                     'table', told, 'rule', rule, 'domain', domain));
  END;
  RETURN jsonb_build_object('kind', 'deletion', 'verdict', CASE WHEN miss IS NULL THEN 'proven' ELSE 'failed' END,
                            'detail', coalesce(miss, current_user));
END $$;

-- Tries each of the kinds lead, contact, account, both, deletion. Answers with objects of kind, verdict (proven, failed,
-- unproven) and detail: who, or why.
CREATE OR REPLACE FUNCTION pg_temp.prove(kinds text[]) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  role_name constant name := pg_temp.api_role();
  pattern   constant jsonb := pg_temp.pattern_task();
  actor     text := current_user;
  answers   jsonb := '[]';
  answer    jsonb;
  records   jsonb;
  task      jsonb;
  kind      text;
  missing   text;
BEGIN
  IF pattern IS NULL THEN
    RETURN jsonb_build_array(jsonb_build_object('kind', 'behaviour', 'verdict', 'unproven',
             'detail', 'lead_interactions has no row that could serve as the pattern of a task'));
  END IF;
  BEGIN                                             -- all of this is taken back
    PERFORM set_config('lock_timeout', '150ms', true), set_config('row_security', 'on', true);
    records := pg_temp.records_for(pattern);
    BEGIN
      IF NOT pg_temp.can_become(role_name) THEN     -- some may grant themselves the role; so they do, for the moment
        EXECUTE format('GRANT %I TO %I', role_name, current_user);
      END IF;
      actor := coalesce(role_name, actor);
    EXCEPTION WHEN insufficient_privilege THEN NULL;
              WHEN unique_violation THEN            -- another database's proof does the same now; once more, later
                RAISE EXCEPTION USING ERRCODE = 'lock_not_available', MESSAGE = SQLERRM;
    END;
    FOREACH kind IN ARRAY kinds LOOP
      task := pattern || jsonb_build_object('id', gen_random_uuid(), 'interaction_type', 'task', 'status', 'pending',
                'scheduled_at', now(), 'completed_at', NULL, 'created_at', now(), 'updated_at', now(),
                'lead_id', CASE WHEN kind IN ('lead', 'deletion') THEN records->>'lead' END,
                'contact_id', CASE WHEN kind IN ('contact', 'both', 'deletion') THEN records->>'contact' END,
                'account_id', CASE WHEN kind IN ('account', 'both') THEN records->>'account' END);
      missing := CASE WHEN kind = 'lead' AND records->>'lead' IS NULL THEN 'no row of this table is linked to a lead'
                      WHEN kind = 'deletion' AND NOT records ? 'own_lead' THEN 'no lead could be copied, to be deleted'
                      WHEN kind IN ('contact', 'both') AND records->>'contact' IS NULL THEN 'its organization has no contact'
                      WHEN kind IN ('account', 'both') AND records->>'account' IS NULL THEN 'its organization has no account'
                 END;
      task := pg_temp.fresh('lead_interactions', task);
      answer := CASE
        WHEN missing IS NOT NULL THEN jsonb_build_object('kind', kind, 'verdict', 'unproven', 'detail', missing)
        WHEN kind = 'deletion' THEN pg_temp.try_deletion(task)
        ELSE pg_temp.try_task(kind, task, actor) END;
      -- a check that a lead's task has passed is about the links, whatever columns it names
      IF answer->>'state' = '23514' AND answers->0->>'state' IS DISTINCT FROM '23514' AND kind <> 'lead' THEN
        answer := answer || '{"verdict": "failed"}';
      END IF;
      answers := answers || answer;
    END LOOP;
    RAISE EXCEPTION USING ERRCODE = 'TL000', MESSAGE = 'the proof is over; take it back';
  EXCEPTION WHEN SQLSTATE 'TL000' THEN NULL;
  END;
  IF actor IS DISTINCT FROM role_name::text THEN
    answers := answers || jsonb_build_object('kind', 'row security', 'verdict', 'unproven', 'detail', CASE
      WHEN role_name IS NULL THEN 'no role bound by row security has rights on the table; name one in taskline.api_role'
      ELSE format('%1$s may not act as %2$s; as an administrator: GRANT %2$I TO %1$I', current_user, role_name) END);
  END IF;
  RETURN answers;
END $$;

-- The same, tried again while somebody holds one of its rows.
CREATE OR REPLACE PROCEDURE pg_temp.prove_patiently(kinds text[], INOUT answers jsonb) LANGUAGE plpgsql AS $$
BEGIN
  FOR attempt IN 1 .. 40 LOOP
    BEGIN
      answers := pg_temp.prove(kinds);
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

-- An answer as a line of the report.
CREATE OR REPLACE FUNCTION pg_temp.line_of(answer jsonb) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE answer->>'verdict'
           WHEN 'proven' THEN CASE answer->>'kind' WHEN 'deletion' THEN '✅ tried: a task and its history outlive their lead'
                              ELSE format('✅ tried: %s inserted, read and completed as %s', what, answer->>'detail') END
           WHEN 'failed' THEN format('❌ tried: %s: %s', what, answer->>'detail')
           ELSE format('⚠️ not proven: %s: %s', what, answer->>'detail') END
    FROM coalesce('{"lead": "task of a lead", "contact": "task of a contact alone", "account": "task of an account alone",
                    "both": "task of a contact and an account", "deletion": "deleted lead"}'::jsonb->>(answer->>'kind'),
                  answer->>'kind') AS what
$$;

-- The API's role: the one that is named, else the one that this file makes.
CREATE OR REPLACE FUNCTION pg_temp.wanted_role() RETURNS text LANGUAGE sql STABLE AS $$
  SELECT coalesce(nullif(current_setting('taskline.api_role', true), ''), 'taskline_api')
$$;

-- What the API may do, which readiness.sql asks for again: what it does itself, and what triggers do with its rights.
CREATE OR REPLACE FUNCTION pg_temp.wanted_rights() RETURNS TABLE (relation regclass, privilege text) LANGUAGE sql STABLE AS $$
  SELECT to_regclass(t.name), p.privilege
    FROM (VALUES ('organizations', NULL), ('users', NULL), ('contacts', NULL), ('accounts', NULL),
                 ('leads', CASE WHEN pg_temp.triggers_write('leads') THEN ARRAY['UPDATE'] END),
                 ('interaction_events', CASE WHEN pg_temp.triggers_write('interaction_events') THEN ARRAY['INSERT'] END),
                 ('lead_interactions', ARRAY['INSERT', 'UPDATE'])) AS t(name, writes)
   CROSS JOIN unnest(ARRAY['SELECT'] || t.writes) AS p(privilege)
   WHERE to_regclass(t.name) IS NOT NULL
$$;

CREATE OR REPLACE FUNCTION pg_temp.has_tenant_policy() RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT pg_temp.has_policy('lead_interactions_tenant', pg_temp.own_tenant())
$$;

-- The policies that the tenant's one replaces: those that ask the lead, and hand-made ones that read the tenant's setting.
-- A policy for certain roles only, or one that shows rows for another reason, is not ours to touch.
CREATE OR REPLACE FUNCTION pg_temp.outdated_policies() RETURNS SETOF pg_policy LANGUAGE sql STABLE AS $$
  SELECT p.* FROM pg_policy p
   WHERE p.polrelid = 'lead_interactions'::regclass AND p.polpermissive
     AND CASE WHEN p.polname = 'lead_interactions_tenant' THEN NOT pg_temp.has_tenant_policy()
              WHEN p.polname LIKE 'lead\_interactions\_disputed\_%' THEN false
              ELSE pg_temp.asks_lead(p)
                   OR p.polroles = '{0}' AND pg_get_expr(p.polqual, p.polrelid) LIKE '%app.current_organization_id%' END
$$;

-- The condition of a policy: whose turn it is.
CREATE OR REPLACE FUNCTION pg_temp.tenant() RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT $text$(SELECT nullif(current_setting('app.current_organization_id', true), '')::uuid)$text$
$$;

-- == Obstacles ==
CREATE OR REPLACE FUNCTION pg_temp.table_obstacles() RETURNS SETOF text LANGUAGE plpgsql STABLE AS $$
DECLARE
  li    constant regclass := 'lead_interactions';
  home  constant text := pg_temp.home();
  c     pg_class;
  rel   regclass;
  other regprocedure;
BEGIN
  SELECT * INTO c FROM pg_class WHERE oid = li;
  FOREACH rel IN ARRAY ARRAY[li, to_regclass('leads')] LOOP
    IF rel IS NOT NULL AND NOT pg_has_role(pg_temp.owner_of(rel)::oid, 'USAGE') THEN
      RETURN NEXT format('%1$s: found owner %2$s, expected that %3$s is or belongs to the owner. Next: run this as %2$s.',
                         rel, pg_temp.owner_of(rel), current_user);
    END IF;
  END LOOP;
  FOR other IN SELECT p.oid FROM pg_proc p
                WHERE p.proname IN ('taskline_042_keep_row', 'taskline_042_keep_lead') AND p.pronargs = 0
                  AND p.pronamespace = c.relnamespace
                  AND pg_get_userbyid(p.proowner) <> current_user AND NOT pg_has_role(p.proowner, c.relowner, 'MEMBER') LOOP
    RETURN NEXT format('%1$s: found a function of another owner under this name, which could act with the rights of %2$s. '
                       'Next: DROP FUNCTION %1$s;', other, current_user);
  END LOOP;
  IF NOT has_schema_privilege(c.relnamespace, 'CREATE') THEN
    RETURN NEXT format('schema %1$s: found no right of %2$s to create objects. Next: GRANT CREATE ON SCHEMA %1$s TO %2$I;',
                       home, current_user);
  END IF;
  IF NOT pg_temp.has_column(li, 'contact_id') OR NOT pg_temp.has_column(li, 'account_id') THEN
    RETURN NEXT format('%s: found no contact_id or no account_id, expected both. '
                       'Next: run 041_extend_interactions_to_contacts_and_accounts.sql first.', li);
  END IF;
  IF NOT EXISTS (SELECT FROM pg_attribute
                  WHERE attrelid = li AND attname = 'organization_id' AND atttypid = 'uuid'::regtype AND NOT attisdropped) THEN
    RETURN NEXT format('%1$s.organization_id: found no such column of type uuid, expected one. Next: ALTER TABLE %1$s '
                       'ADD COLUMN organization_id uuid REFERENCES organizations (id) ON DELETE CASCADE;', li);
  END IF;
  IF NOT c.relrowsecurity THEN
    RETURN NEXT format('%1$s: found row security off, expected on: without it the database keeps no tenants apart. '
                       'Next: ALTER TABLE %1$s ENABLE ROW LEVEL SECURITY; (it then binds every role but the owner)', li);
  END IF;
  IF c.relforcerowsecurity AND NOT (SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user) THEN
    RETURN NEXT format('%1$s: found row security forced on its owner, who then can''t see every row. '
                       'Next: ALTER TABLE %1$s NO FORCE ROW LEVEL SECURITY; or run this as a role with BYPASSRLS.', li);
  END IF;
END $$;

CREATE OR REPLACE FUNCTION pg_temp.role_obstacles() RETURNS SETOF text LANGUAGE plpgsql STABLE AS $$
DECLARE
  role_name constant text := pg_temp.wanted_role();
  r         pg_roles;
  item      record;
BEGIN
  SELECT * INTO r FROM pg_roles WHERE rolname = role_name;
  IF r.oid IS NULL AND role_name <> 'taskline_api' THEN
    RETURN NEXT format('role %1$s, from the setting taskline.api_role: found no such role. Next: CREATE ROLE %1$I NOLOGIN; '
                       'or leave the setting out.', role_name);
  ELSIF r.oid IS NULL AND NOT (SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user) THEN
    RETURN NEXT format('role %1$s: found no such role, and %2$s may not make one. Next, as an administrator: '
                       'CREATE ROLE %1$I NOLOGIN; GRANT %1$I TO %2$I;', role_name, current_user);
  ELSIF r.rolsuper OR r.rolbypassrls THEN
    RETURN NEXT format('role %1$s: found SUPERUSER or BYPASSRLS, expected a role that row security binds. '
                       'Next: ALTER ROLE %1$I NOSUPERUSER NOBYPASSRLS;', role_name);
  ELSIF pg_has_role(r.oid, pg_temp.owner_of('lead_interactions')::oid, 'MEMBER') THEN
    RETURN NEXT format('role %s: found that it is or belongs to the owner of lead_interactions, whom row security does not '
                       'bind. Next: name another role in taskline.api_role.', role_name);
  END IF;
  FOR item IN SELECT w.relation, string_agg(w.privilege, ', ') AS rights FROM pg_temp.wanted_rights() w
               WHERE NOT has_table_privilege(w.relation, w.privilege || ' WITH GRANT OPTION')
                 AND (r.oid IS NULL OR NOT has_table_privilege(r.oid, w.relation, w.privilege))
               GROUP BY w.relation LOOP
    RETURN NEXT format('%1$s: found no right of %2$s to grant access to it. Next, as its owner: GRANT %3$s ON %1$s TO %4$I;',
                       item.relation, current_user, item.rights, role_name);
  END LOOP;
END $$;

DO $$
DECLARE
  found text;
BEGIN
  SELECT string_agg('  - ' || o, E'\n') INTO found FROM pg_temp.planted_tables() o;
  IF found IS NULL THEN
    SELECT string_agg('  - ' || o, E'\n') INTO found FROM pg_temp.table_obstacles() o;
  END IF;
  IF found IS NULL THEN
    SELECT string_agg('  - ' || o, E'\n') INTO found FROM pg_temp.role_obstacles() o;
  END IF;
  IF found IS NOT NULL THEN
    RAISE EXCEPTION E'042 can''t start:\n%', found
      USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'Nothing was changed. Do what the lines say, then run this file again.';
  END IF;
END $$;

-- == API role ==
-- Roles belong to the whole server: what else runs there may make or drop this one at any moment. So it is made, and given
-- its first right, which holds it fast, in one transaction, and that is tried again.
CREATE OR REPLACE FUNCTION pg_temp.make_role(role_name text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  li   constant regclass := 'lead_interactions';
  home constant text := pg_temp.home();
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
    EXECUTE format('CREATE ROLE %I NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE', role_name);
    PERFORM pg_temp.save_ddl(pg_temp.undo(42, 'role', li, role_name, format('DROP ROLE %I', role_name)));
  END IF;
  IF NOT EXISTS (SELECT FROM pg_namespace n, aclexplode(n.nspacl) a JOIN pg_roles r ON r.oid = a.grantee
                  WHERE n.oid = home::regnamespace AND r.rolname = role_name AND a.privilege_type = 'USAGE')
     AND has_schema_privilege(home::regnamespace, 'USAGE WITH GRANT OPTION') THEN
    EXECUTE format('GRANT USAGE ON SCHEMA %s TO %I', home, role_name);
    PERFORM pg_temp.save_ddl(pg_temp.undo(42, 'statement', li, role_name,
                                          format('REVOKE USAGE ON SCHEMA %s FROM %I', home, role_name)));
  END IF;
  RETURN true;
EXCEPTION WHEN duplicate_object OR unique_violation OR undefined_object THEN
  RETURN false;
END $$;

DO $$
DECLARE
  li        constant regclass := 'lead_interactions';
  role_name constant text := pg_temp.wanted_role();
  item      record;
BEGIN
  FOR attempt IN 1 .. 10 LOOP
    EXIT WHEN pg_temp.make_role(role_name);
    COMMIT;
  END LOOP;
  COMMIT;
  FOR item IN SELECT w.relation, string_agg(w.privilege, ', ') AS rights FROM pg_temp.wanted_rights() w
               WHERE NOT has_table_privilege(role_name, w.relation, w.privilege)
               GROUP BY w.relation ORDER BY w.relation::text LOOP
    CALL pg_temp.alter_shortly(format('grant the API''s role its rights on %s', item.relation),
      format('GRANT %s ON %s TO %I', item.rights, item.relation, role_name),
      pg_temp.undo(42, 'statement', item.relation, role_name,
                   format('REVOKE %s ON %s FROM %I', item.rights, pg_temp.full_name(item.relation), role_name)));
  END LOOP;
  IF NOT pg_temp.can_become(role_name) THEN
    BEGIN
      EXECUTE format('GRANT %I TO %I', role_name, current_user)
              || CASE WHEN current_setting('server_version_num')::int >= 160000 THEN ' WITH INHERIT FALSE, SET TRUE' ELSE '' END;
      PERFORM pg_temp.save_ddl(pg_temp.undo(42, 'role', li, role_name, format('REVOKE %I FROM %I', role_name, current_user)));
    EXCEPTION WHEN insufficient_privilege OR unique_violation THEN       -- the report says what that leaves unproven
      NULL;
    END;
    COMMIT;
  END IF;
END $$;

-- == Backfill ==
-- A plain UPDATE would fire the table's triggers: updated_at of the row and of its lead would move, and the lead's next
-- follow-up would be computed anew. Two triggers that sort last undo all that, for this session alone, and go afterwards.

-- FROM and WHERE of the rows that can be filled, and the organization that fills them. Where 046's keys are in place already,
-- a row whose links are of different organizations can't be: it stays without one until a person decides.
CREATE OR REPLACE FUNCTION pg_temp.fillable(OUT rows_ text, OUT organization text) LANGUAGE sql STABLE AS $$
  WITH source AS (
    SELECT v.*, EXISTS (SELECT FROM pg_constraint k JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attname = v.col
                         WHERE k.conrelid = 'lead_interactions'::regclass AND k.contype = 'f' AND cardinality(k.conkey) = 2
                           AND a.attnum = ANY (k.conkey)) AS has_key
      FROM (VALUES (1, 'lead_id', 'leads'), (2, 'contact_id', 'contacts'), (3, 'account_id', 'accounts')) AS v(n, col, name)
     WHERE to_regclass(v.name) IS NOT NULL AND pg_temp.has_column(to_regclass(v.name), 'organization_id')
  ), answer AS (
    SELECT format('coalesce(%s)', string_agg(format('%I.organization_id', name), ', ' ORDER BY n)) AS first_one FROM source
  )
  SELECT format('lead_interactions t%s WHERE t.organization_id IS NULL AND %s IS NOT NULL%s',
                string_agg(format(' LEFT JOIN %1$I ON %1$I.id = t.%2$I', s.name, s.col), '' ORDER BY s.n), a.first_one,
                string_agg(format(' AND (t.%1$I IS NULL OR %2$I.organization_id = %3$s)', s.col, s.name, a.first_one), '')
                FILTER (WHERE s.has_key)), a.first_one
    FROM source s CROSS JOIN answer a GROUP BY a.first_one
$$;

CREATE OR REPLACE PROCEDURE pg_temp.keep_stamps() LANGUAGE plpgsql AS $$
DECLARE
  home constant text := pg_temp.home();
  item record;
BEGIN
  CALL pg_temp.alter_shortly('make the functions that keep rows as they are', format($make$
    CREATE OR REPLACE FUNCTION %1$s.taskline_042_keep_row() RETURNS trigger LANGUAGE plpgsql AS $f$
    DECLARE
      filled constant uuid := NEW.organization_id;
    BEGIN
      NEW := OLD;
      NEW.organization_id := filled;
      RETURN NEW;
    END $f$;
    CREATE OR REPLACE FUNCTION %1$s.taskline_042_keep_lead() RETURNS trigger LANGUAGE plpgsql AS $f$
    BEGIN
      RETURN NULL;
    END $f$
    $make$, home));
  FOR item IN SELECT * FROM (VALUES (to_regclass('lead_interactions'), 'row'), (to_regclass('leads'), 'lead')) AS v(rel, kind)
               WHERE v.rel IS NOT NULL LOOP
    CALL pg_temp.alter_shortly(format('keep the stamps of %s', item.rel), format($make$
      CREATE OR REPLACE TRIGGER "~taskline_042_keep" BEFORE UPDATE ON %s FOR EACH ROW
        WHEN (current_setting('taskline.backfill', true) = 'on') EXECUTE FUNCTION %s.taskline_042_keep_%s()
      $make$, item.rel, home, item.kind));
  END LOOP;
END $$;

CREATE OR REPLACE PROCEDURE pg_temp.keep_stamps_no_longer() LANGUAGE plpgsql AS $$
DECLARE
  item record;
BEGIN
  FOR item IN SELECT t.tgrelid::regclass AS rel FROM pg_trigger t
               WHERE t.tgname = '~taskline_042_keep' AND t.tgrelid IN ('lead_interactions'::regclass, to_regclass('leads')) LOOP
    CALL pg_temp.alter_shortly(format('remove the trigger that kept the stamps of %s', item.rel),
                               format('DROP TRIGGER "~taskline_042_keep" ON %s', item.rel));
  END LOOP;
  FOR item IN SELECT p.oid::regprocedure AS routine FROM pg_proc p
               WHERE p.proname IN ('taskline_042_keep_row', 'taskline_042_keep_lead') AND p.pronargs = 0
                 AND p.pronamespace = pg_temp.home()::regnamespace LOOP
    CALL pg_temp.alter_shortly('remove a function that kept the stamps', format('DROP FUNCTION %s', item.routine));
  END LOOP;
END $$;

DO $$
DECLARE
  budget  constant interval := coalesce(nullif(current_setting('taskline.lock_budget', true), ''), '5 minutes');
  source  record;
  size    integer := 500;
  filled  bigint := 0;
  wrote   bigint := 0;                              -- rows of ours or of tables near by, by the server's own count
  n       bigint;
  w       bigint;
  is_left boolean;
  began   timestamptz;
  moved   timestamptz := clock_timestamp();         -- when a row was last filled
  told    timestamptz := clock_timestamp();
BEGIN
  SELECT * INTO source FROM pg_temp.fillable();
  EXECUTE format('SELECT EXISTS (SELECT FROM %s)', source.rows_) INTO is_left;
  IF is_left THEN
    CALL pg_temp.keep_stamps();
  END IF;
  WHILE is_left LOOP
    w := pg_temp.rows_written();
    began := clock_timestamp();
    BEGIN
      PERFORM set_config('taskline.backfill', 'on', true), set_config('lock_timeout', '150ms', true);
      EXECUTE format('WITH batch AS (SELECT t.id, %s AS organization FROM %s LIMIT %s FOR UPDATE OF t SKIP LOCKED)
                      UPDATE lead_interactions t SET organization_id = b.organization FROM batch b WHERE t.id = b.id',
                     source.organization, source.rows_, size);
      GET DIAGNOSTICS n = ROW_COUNT;
      wrote := wrote + pg_temp.rows_written() - w;
      size := CASE WHEN clock_timestamp() - began > interval '100 ms' THEN greatest(1, size / 2)  -- so long at most somebody waits
                   WHEN clock_timestamp() - began < interval '50 ms' THEN least(500, size * 2)
                   ELSE size END;
    EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
      n := 0;
      size := greatest(1, size / 4);                -- a smaller batch meets fewer locked leads
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
    EXECUTE format('SELECT EXISTS (SELECT FROM %s)', source.rows_) INTO is_left;
    IF is_left AND clock_timestamp() - moved > budget THEN
      RAISE EXCEPTION 'the last rows without organization_id stay locked by others for %', budget
        USING ERRCODE = 'lock_not_available',
              DETAIL = 'In the way:' || coalesce(pg_temp.in_the_way(jsonb_build_object('lead_interactions'::regclass::oid,
                                                                                'ExclusiveLock')), ' nobody any more'),
              HINT = 'What was filled stays filled. End the long transaction; the next run goes on where this one stopped.';
    END IF;
    COMMIT;
    PERFORM pg_sleep(0.1 + 0.2 * random());
  END LOOP;
  PERFORM set_config('taskline.filled', filled::text, false), set_config('taskline.besides', (wrote - filled)::text, false);
  CALL pg_temp.keep_stamps_no_longer();             -- also after an earlier run that was killed
END $$;

-- == Disputed rows ==
-- Rows that name another organization than their lead does. So far the lead's organization saw them. Each such row is
-- written down, and two policies keep it that way: one shows it to whoever saw it, one hides it from whom it names. Table
-- and policies exist only while there are such rows; when a person has decided on all, the next run drops them.
CREATE OR REPLACE PROCEDURE pg_temp.list_disputed() LANGUAGE plpgsql AS $$
DECLARE
  list  constant text := pg_temp.home() || '.taskline_disputed_interactions';
  leads constant regclass := to_regclass('leads');
  n     bigint;
BEGIN
  IF leads IS NULL OR NOT pg_temp.has_column(leads, 'organization_id')
     OR NOT EXISTS (SELECT FROM pg_temp.outdated_policies() p WHERE pg_temp.asks_lead(p)) THEN
    RETURN;                                         -- nobody has seen a row by its lead
  END IF;
  EXECUTE 'SELECT count(*) FROM lead_interactions t JOIN leads l ON l.id = t.lead_id
            WHERE t.organization_id <> l.organization_id' INTO n;
  IF n = 0 THEN
    RETURN;
  END IF;
  IF to_regclass(list) IS NULL THEN
    CALL pg_temp.alter_shortly('make the list of disputed rows', format($make$
      CREATE TABLE %1$s (
        interaction_id uuid PRIMARY KEY,
        seen_by        uuid NOT NULL,
        named          uuid NOT NULL);
      SELECT pg_temp.keep_to_owner('%1$s');
      ALTER TABLE %1$s ENABLE ROW LEVEL SECURITY;
      CREATE POLICY either_side ON %1$s FOR SELECT USING (%2$s IN (seen_by, named));
      GRANT SELECT ON %1$s TO PUBLIC$make$, list, pg_temp.tenant()),
      pg_temp.undo(42, 'statement', 'lead_interactions', 'taskline_disputed_interactions', 'DROP TABLE IF EXISTS ' || list));
  END IF;
  PERFORM pg_temp.refuse_planted_tables();
  EXECUTE format('INSERT INTO %s SELECT t.id, l.organization_id, t.organization_id
                    FROM lead_interactions t JOIN leads l ON l.id = t.lead_id WHERE t.organization_id <> l.organization_id
                      ON CONFLICT (interaction_id) DO UPDATE SET seen_by = excluded.seen_by, named = excluded.named', list);
  COMMIT;
END $$;

DO $$
DECLARE
  li    constant regclass := 'lead_interactions';
  list  constant text := pg_temp.home() || '.taskline_disputed_interactions';
  drop_ constant text := format('DROP POLICY IF EXISTS lead_interactions_disputed_seen ON %1$s; '
                                'DROP POLICY IF EXISTS lead_interactions_disputed_hidden ON %1$s', pg_temp.full_name(li));
  log_  constant text := pg_temp.full_name(to_regclass(pg_temp.home() || '.taskline_events'));          -- null before 045
  undos text;
  n     bigint;
BEGIN
  CALL pg_temp.list_disputed();
  IF to_regclass(list) IS NULL THEN
    RETURN;
  END IF;
  -- decided: the row is gone, or names another organization than it did
  EXECUTE format('DELETE FROM %s d WHERE NOT EXISTS (SELECT FROM lead_interactions t
                   WHERE t.id = d.interaction_id AND t.organization_id = d.named)', list);
  COMMIT;
  EXECUTE format('SELECT count(*) FROM %s', list) INTO n;
  IF n = 0 THEN
    SELECT string_agg('; ' || s.forget, '') INTO undos FROM pg_temp.saved(42) s
     WHERE s.object_name IN ('taskline_disputed_interactions', 'lead_interactions_disputed');
    CALL pg_temp.alter_shortly('drop the list of disputed rows, all of which are decided',
                               concat(drop_, '; DROP POLICY IF EXISTS taskline_events_disputed ON ' || log_, '; DROP TABLE ', list, undos));
  ELSIF NOT EXISTS (SELECT FROM pg_policy WHERE polrelid = li AND polname = 'lead_interactions_disputed_seen') THEN
    CALL pg_temp.alter_shortly('keep disputed rows visible to those who saw them', format($make$
      CREATE POLICY lead_interactions_disputed_seen ON %1$s
        USING (id = ANY (ARRAY(SELECT d.interaction_id FROM %2$s d WHERE d.seen_by = %3$s)));
      CREATE POLICY lead_interactions_disputed_hidden ON %1$s AS RESTRICTIVE
        USING (id <> ALL (ARRAY(SELECT d.interaction_id FROM %2$s d WHERE d.named = %3$s)))$make$, li, list, pg_temp.tenant()),
      pg_temp.undo(42, 'statement', li, 'lead_interactions_disputed', drop_));
  END IF;
END $$;

-- == Row security ==
-- One transaction: no moment without a policy, none with both.
DO $$
DECLARE
  li    constant regclass := 'lead_interactions';
  makes text := '';
  old   text;
  drops text;
BEGIN
  SELECT string_agg(pg_temp.policy_ddl(p), '; ' ORDER BY p.polname),
         string_agg(format('DROP POLICY %I ON %s; ', p.polname, li), '' ORDER BY p.polname)
    INTO old, drops FROM pg_temp.outdated_policies() p;
  IF NOT pg_temp.has_tenant_policy() THEN
    makes := format('CREATE POLICY lead_interactions_tenant ON %1$s USING (organization_id = %2$s)
                       WITH CHECK (organization_id = %2$s)', li, pg_temp.tenant());
  END IF;
  IF concat(drops, makes) <> '' THEN
    CALL pg_temp.alter_shortly('replace the policies that ask the lead', concat(drops, makes),
      pg_temp.undo(42, 'statement', li, 'lead_interactions_tenant',
                   concat_ws('; ', format('DROP POLICY IF EXISTS lead_interactions_tenant ON %s', pg_temp.full_name(li)), old)));
  END IF;
END $$;

-- == Validation ==
-- From the catalogue, then as the API's role; one miss, and the success line does not appear.
CREATE OR REPLACE FUNCTION pg_temp.catalogue_lines() RETURNS SETOF text LANGUAGE plpgsql STABLE AS $$
DECLARE
  role_name constant text := pg_temp.wanted_role();
  n         bigint;
  found     text;
BEGIN
  found := format('organization_id: %s filled', pg_temp.rows_in_words(current_setting('taskline.filled')::bigint));
  RETURN NEXT CASE
    WHEN NOT current_setting('track_counts')::boolean
    THEN format('⚠️ %s; the server doesn''t count what else a session writes (track_counts is off)', found)
    WHEN current_setting('taskline.besides') = '0' THEN format('✅ %s, and by the server''s own count no other row written', found)
    ELSE format('⚠️ %s; triggers of this database wrote %s besides', found,
                pg_temp.rows_in_words(current_setting('taskline.besides')::bigint)) END;
  SELECT count(*), array_to_string((array_agg(id ORDER BY id))[1:3], ', ') INTO n, found
    FROM lead_interactions WHERE organization_id IS NULL;
  IF n > 0 THEN
    RETURN NEXT format('⚠️ %s without an organization, nor is there one in what is linked, or not for all of it, as 046 asks; '
                       'seen by nobody, as before: %s',
                       pg_temp.rows_in_words(n), found);
  END IF;
  RETURN NEXT CASE WHEN EXISTS (SELECT FROM pg_trigger WHERE tgname = '~taskline_042_keep'
                              AND tgrelid IN ('lead_interactions'::regclass, to_regclass('leads')))
                   THEN '❌ triggers: one that kept the stamps is still there' ELSE '✅ triggers: as they were' END;
  RETURN NEXT CASE WHEN pg_temp.has_tenant_policy() AND NOT EXISTS (SELECT FROM pg_temp.outdated_policies())
                   THEN '✅ row security: an interaction belongs to its own organization_id'
                   ELSE '❌ row security: lead_interactions_tenant is not what it should be, or an older policy is left' END;
  SELECT string_agg(p.polname, ', ' ORDER BY p.polname) INTO found FROM pg_policy p
   WHERE p.polrelid = 'lead_interactions'::regclass AND p.polname <> 'lead_interactions_tenant'
     AND p.polname NOT LIKE 'lead\_interactions\_disputed\_%';
  IF found IS NOT NULL THEN
    RETURN NEXT 'ℹ️ other policies of the table, left alone: ' || found;
  END IF;
  SELECT string_agg(w.privilege || ' on ' || w.relation, ', ') INTO found FROM pg_temp.wanted_rights() w
   WHERE NOT has_table_privilege(role_name, w.relation, w.privilege);
  IF NOT has_schema_privilege(role_name, pg_temp.home()::regnamespace, 'USAGE') THEN
    found := concat_ws(', ', 'USAGE on schema ' || pg_temp.home(), found);
  END IF;
  RETURN NEXT CASE WHEN found IS NULL THEN format('✅ API role %s: bound by row security, with the rights it needs', role_name)
                   ELSE format('❌ API role %s: lacks %s', role_name, found) END;
END $$;

CREATE OR REPLACE FUNCTION pg_temp.disputed_lines() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
  list   constant text := pg_temp.home() || '.taskline_disputed_interactions';
  item   record;
  n      bigint;
  is_met boolean;
BEGIN
  IF to_regclass(list) IS NULL THEN
    RETURN NEXT '✅ disputed: no row; each names its lead''s organization, or a person has decided';
    RETURN;
  END IF;
  EXECUTE format('SELECT count(*) OVER () AS n, d.* FROM %s d ORDER BY interaction_id LIMIT 1', list) INTO item;
  RETURN NEXT format('⚠️ disputed: %s not naming the lead''s organization, for example %s: the old application shows '
                     'them to the lead''s organization as before; the API shows them to nobody until you decide',
                     pg_temp.rows_in_words(item.n), item.interaction_id);
  RETURN NEXT 'ℹ️ each is listed in taskline_disputed_interactions; decide on each, as here, then run this file again:';
  RETURN NEXT format('ℹ️   the lead is right: UPDATE lead_interactions t SET organization_id = d.seen_by '
                     'FROM taskline_disputed_interactions d WHERE d.interaction_id = t.id AND t.id = %L;', item.interaction_id);
  IF pg_temp.has_column(to_regclass('interaction_events'), 'interaction_id')
     AND pg_temp.has_column(to_regclass('interaction_events'), 'organization_id') THEN
    RETURN NEXT format('ℹ️     and its history: UPDATE interaction_events e SET organization_id = t.organization_id '
                       'FROM lead_interactions t WHERE t.id = e.interaction_id AND t.id = %L;', item.interaction_id);
  END IF;
  RETURN NEXT format('ℹ️   the row is right: DELETE FROM taskline_disputed_interactions WHERE interaction_id = %L;',
                     item.interaction_id);
  IF NOT pg_temp.can_become(pg_temp.wanted_role()) THEN
    RETURN;
  END IF;
  BEGIN
    PERFORM set_config('row_security', 'on', true), set_config('role', pg_temp.wanted_role(), true),
            set_config('app.current_organization_id', item.seen_by::text, true);
    EXECUTE 'SELECT count(*) FROM lead_interactions WHERE id = $1' INTO n USING item.interaction_id;
    PERFORM set_config('app.current_organization_id', item.named::text, true);
    EXECUTE 'SELECT $2 = 1 AND count(*) = 0 FROM lead_interactions WHERE id = $1' INTO is_met USING item.interaction_id, n;
    RAISE EXCEPTION USING ERRCODE = 'TL000', MESSAGE = 'seen; take the settings back';
  EXCEPTION WHEN SQLSTATE 'TL000' THEN NULL;
  END;
  RETURN NEXT CASE WHEN is_met THEN '✅ tried: a disputed row seen by its lead''s organization and by no other'
                   ELSE '❌ tried: a disputed row is not seen by its lead''s organization alone' END;
END $$;

DO $$
DECLARE
  box     constant text := $box$
╔════════════════════════════════════════════════════════════════╗
║         TENANT OF INTERACTIONS: REPORT                         ║
╚════════════════════════════════════════════════════════════════╝$box$;
  lines   text[];
  misses  integer;
  answers jsonb;
BEGIN
  CALL pg_temp.prove_patiently(ARRAY['lead', 'contact', 'account', 'both'], answers);
  lines := ARRAY(SELECT pg_temp.catalogue_lines())
           || ARRAY(SELECT pg_temp.line_of(a) FROM jsonb_array_elements(answers) a)
           || ARRAY(SELECT pg_temp.disputed_lines());
  SELECT count(*) INTO misses FROM unnest(lines) AS l(line) WHERE line LIKE '❌%';
  PERFORM set_config('taskline.misses', misses::text, false),
          set_config('taskline.report', concat_ws(E'\n', ltrim(box, E'\n'), array_to_string(lines, E'\n'), '',
            CASE WHEN misses = 0 THEN '🎉 MIGRATION COMPLETED SUCCESSFULLY!'
                 ELSE format('❌ MIGRATION NOT COMPLETE: %s lines above are not met', misses) END), false);
END $$;

COPY (SELECT line FROM unnest(string_to_array(current_setting('taskline.report'), E'\n')) WITH ORDINALITY AS r(line, n)
       ORDER BY n) TO STDOUT;

DO $$
BEGIN
  IF current_setting('taskline.misses') <> '0' THEN
    RAISE EXCEPTION 'the migration is not complete: % lines of its report start with ❌', current_setting('taskline.misses')
      USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'What was done is safe to keep. Repair what the lines name; the next run goes on where this one stopped.';
  END IF;
END $$;

-- == End of session ==
DO $$
DECLARE
  kept record;
BEGIN
  PERFORM pg_advisory_unlock(8386112019184217701);
  FOR kept IN SELECT * FROM jsonb_each_text(current_setting('taskline.session')::jsonb)
               WHERE value <> current_setting(key) LOOP
    PERFORM set_config(kept.key, kept.value, false);
  END LOOP;
  PERFORM set_config('taskline.session', '', false), set_config('taskline.report', '', false);
END $$;
