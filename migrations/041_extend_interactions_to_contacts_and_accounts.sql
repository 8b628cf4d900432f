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
-- trying for a lock, '5 minutes'; taskline.redact = on hides the queries of those who are in the way;
-- taskline.checksum = on compares every row before and after, column by column that was there before;
-- taskline.bring_back = on brings back what a rollback of this file set aside.
--
-- Locks, each tried for at most 150 ms at a time, so that no statement of the application waits longer than that:
--   ACCESS EXCLUSIVE on lead_interactions and on its history table, for a catalogue change of some milliseconds each;
--   SHARE ROW EXCLUSIVE on contacts, accounts and leads while a foreign key that points there is added;
--   ACCESS EXCLUSIVE on leads for the moment in which the old foreign key of lead_id goes.
-- The scans run beside readers and writers: VALIDATE CONSTRAINT and CREATE INDEX CONCURRENTLY take SHARE UPDATE EXCLUSIVE,
-- and wait for old transactions without holding anybody up; so does a second try, where an autovacuum has to give way. A run
-- with nothing left to do takes no exclusive lock.
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

-- Tables that a trigger on lead_interactions fills with a copy of its lead_id, the history above all.
CREATE OR REPLACE FUNCTION pg_temp.history_tables() RETURNS SETOF regclass LANGUAGE sql STABLE AS $$
  SELECT c.oid::regclass
    FROM pg_class c JOIN pg_class li ON li.oid = 'lead_interactions'::regclass
   WHERE c.relkind = 'r' AND c.oid <> li.oid AND pg_temp.has_column(c.oid, 'lead_id')
     AND (c.relname = 'interaction_events' AND c.relnamespace = li.relnamespace
          OR EXISTS (SELECT FROM pg_constraint k
                      WHERE k.contype = 'f' AND k.conrelid = c.oid AND k.confrelid = li.oid)
             AND EXISTS (SELECT FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
                          WHERE t.tgrelid = li.oid AND NOT t.tgisinternal
                            AND position(lower(c.relname) IN lower(p.prosrc)) > 0))
$$;

-- The fences that a rollback of 041 put up and that stand. Others' constraints may have such names too.
CREATE OR REPLACE FUNCTION pg_temp.fences() RETURNS TABLE (rel regclass, name name) LANGUAGE sql STABLE AS $$
  SELECT conrelid::regclass, conname FROM pg_constraint
   WHERE conname LIKE 'taskline\_041\_fence\_%'
     AND (conrelid = 'lead_interactions'::regclass OR conrelid IN (SELECT pg_temp.history_tables()))
$$;

-- Every single-column foreign key of a column, and whether it is what this migration wants.
CREATE OR REPLACE FUNCTION pg_temp.keys_of(relation regclass, col text, target regclass)
RETURNS TABLE (name name, definition text, is_right boolean, is_validated boolean) LANGUAGE sql STABLE AS $$
  SELECT k.conname, pg_get_constraintdef(k.oid),
         k.confrelid = target AND k.confdeltype = 'n' AND target_col.attname = 'id'
         AND coalesce(to_jsonb(k)->>'conenforced', 'true') = 'true',     -- a question since version 18
         k.convalidated
    FROM pg_constraint k
    JOIN pg_attribute a ON a.attrelid = k.conrelid AND k.conkey = ARRAY[a.attnum]
    JOIN pg_attribute target_col ON target_col.attrelid = k.confrelid AND target_col.attnum = k.confkey[1]
   WHERE k.contype = 'f' AND k.conrelid = relation AND a.attname = col
   ORDER BY k.conname
$$;

-- The foreign keys that there are to be, each to the id of its target, with ON DELETE SET NULL.
CREATE OR REPLACE FUNCTION pg_temp.wanted_keys() RETURNS TABLE (rel regclass, col text, target regclass)
LANGUAGE sql STABLE AS $$
  SELECT 'lead_interactions'::regclass, 'contact_id', to_regclass('contacts')
   UNION ALL SELECT 'lead_interactions', 'account_id', to_regclass('accounts')
   UNION ALL SELECT 'lead_interactions', 'lead_id', pg_temp.lead_table()
   UNION ALL SELECT history, 'lead_id', pg_temp.lead_table() FROM pg_temp.history_tables() history
$$;

CREATE OR REPLACE FUNCTION pg_temp.wanted_indexes() RETURNS TABLE (label text, name text, cols text[])
LANGUAGE sql IMMUTABLE AS $$
  VALUES ('contact_id index', 'idx_lead_interactions_contact_id', ARRAY['contact_id']),
         ('account_id index', 'idx_lead_interactions_account_id', ARRAY['account_id']),
         ('type and entities index', 'idx_lead_interactions_by_type_and_entities',
          ARRAY['interaction_type', 'lead_id', 'contact_id', 'account_id'])
$$;

-- What the catalogue has under an index's name: 'missing', 'right', 'invalid', or 'other': something else.
CREATE OR REPLACE FUNCTION pg_temp.index_state(index_name text, cols text[]) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT coalesce(
    (SELECT CASE WHEN i.indrelid IS DISTINCT FROM li.oid THEN 'other'
                 WHEN NOT (i.indisvalid AND i.indisready AND i.indislive) THEN 'invalid'
                 WHEN i.indpred IS NULL AND i.indexprs IS NULL AND NOT i.indisunique AND am.amname = 'btree'
                      AND cols = ARRAY(SELECT a.attname::text
                                         FROM unnest(i.indkey::int2[], i.indoption::int2[], i.indclass::oid[], i.indcollation::oid[])
                                              WITH ORDINALITY u(attnum, option, class, collation_, n)
                                         JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = u.attnum
                                         JOIN pg_opclass o ON o.oid = u.class AND o.opcdefault
                                        WHERE u.option = 0 AND u.collation_ = a.attcollation
                                        ORDER BY u.n)
                      AND i.indnatts = cardinality(cols) THEN 'right'
                 ELSE 'other' END
       FROM pg_class li
       JOIN pg_class c ON c.relnamespace = li.relnamespace AND c.relname = index_name
       LEFT JOIN pg_index i ON i.indexrelid = c.oid
       LEFT JOIN pg_am am ON am.oid = c.relam
      WHERE li.oid = 'lead_interactions'::regclass), 'missing')
$$;

-- The policy that a task without a lead needs: 'missing', 'right', 'other', or 'unneeded' because row security is off or an
-- earlier policy places rows without asking the lead.
CREATE OR REPLACE FUNCTION pg_temp.policy_state() RETURNS text LANGUAGE sql STABLE AS $$
  SELECT CASE
    WHEN NOT c.relrowsecurity OR NOT pg_temp.has_column(c.oid, 'organization_id') THEN 'unneeded'
    WHEN pg_temp.has_policy('lead_interactions_without_lead', 'lead_idISNULLAND' || pg_temp.own_tenant()) THEN 'right'
    WHEN EXISTS (SELECT FROM pg_policy WHERE polrelid = c.oid AND polname = 'lead_interactions_without_lead') THEN 'other'
    WHEN EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polpermissive AND p.polcmd = '*'
                    AND p.polroles = '{0}' AND NOT pg_temp.asks_lead(p)
                    AND pg_get_expr(p.polqual, p.polrelid) LIKE '%organization_id%') THEN 'unneeded'
    ELSE 'missing' END
    FROM pg_class c WHERE c.oid = 'lead_interactions'::regclass
$$;

-- Triggers, policies and views that were there before and must be there afterwards: a digest of each.
CREATE OR REPLACE FUNCTION pg_temp.surroundings() RETURNS jsonb LANGUAGE sql STABLE AS $$
  SELECT coalesce(jsonb_object_agg(name, md5(definition)), '{}') FROM (
    SELECT 'trigger ' || t.tgname, concat_ws(' ', pg_get_triggerdef(t.oid), t.tgenabled, p.prosrc)
      FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
     WHERE t.tgrelid = 'lead_interactions'::regclass AND NOT t.tgisinternal
     UNION ALL
    SELECT 'policy ' || p.polname, pg_temp.policy_ddl(p)
      FROM pg_policy p
     WHERE p.polrelid = 'lead_interactions'::regclass AND p.polname <> 'lead_interactions_without_lead'
     UNION ALL
    SELECT 'rule ' || r.rulename, pg_get_ruledef(r.oid) FROM pg_rewrite r WHERE r.ev_class = 'lead_interactions'::regclass
     UNION ALL
    SELECT 'view ' || pg_temp.full_name(v.oid), pg_get_viewdef(v.oid)
      FROM pg_class v
     WHERE v.relkind IN ('v', 'm')
       AND EXISTS (SELECT FROM pg_rewrite r JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
                    WHERE r.ev_class = v.oid AND d.refobjid = 'lead_interactions'::regclass)) AS t(name, definition)
$$;

-- What of it is gone, new or changed; NULL if nothing is.
CREATE OR REPLACE FUNCTION pg_temp.changes_since(before jsonb) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT string_agg(format('%s is %s', name, CASE WHEN a.value IS NULL THEN 'gone' WHEN b.value IS NULL THEN 'new'
                                                  ELSE 'changed' END), ', ' ORDER BY name)
    FROM jsonb_each_text(before) AS b(name, value)
    FULL JOIN jsonb_each_text(pg_temp.surroundings()) AS a(name, value) USING (name)
   WHERE a.value IS DISTINCT FROM b.value
$$;

-- Whether nothing is left to do.
CREATE OR REPLACE FUNCTION pg_temp.is_in_place() RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT pg_temp.policy_state() NOT IN ('missing', 'other')
     AND 2 = (SELECT count(*) FROM pg_attribute WHERE attrelid = 'lead_interactions'::regclass AND NOT attisdropped
                                                  AND NOT attnotnull AND attname IN ('contact_id', 'account_id'))
     AND NOT EXISTS (SELECT FROM pg_attribute a
                      WHERE a.attname = 'lead_id' AND a.attnotnull
                        AND (a.attrelid = 'lead_interactions'::regclass OR a.attrelid IN (SELECT pg_temp.history_tables())))
     AND NOT EXISTS (SELECT FROM pg_temp.wanted_keys() w
                      WHERE w.target IS NOT NULL
                        AND NOT (SELECT count(*) = 1 AND bool_and(k.is_right AND k.is_validated)
                                   FROM pg_temp.keys_of(w.rel, w.col, w.target) k))
     AND NOT EXISTS (SELECT FROM pg_temp.wanted_indexes() w WHERE pg_temp.index_state(w.name, w.cols) <> 'right')
     AND NOT EXISTS (SELECT FROM pg_temp.fences())
$$;

-- How many rows interactions and history have, in words.
CREATE OR REPLACE FUNCTION pg_temp.row_counts() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  rel    regclass;
  n      bigint;
  counts text[] := '{}';
BEGIN
  FOR rel IN SELECT 'lead_interactions'::regclass UNION ALL SELECT pg_temp.history_tables() LOOP
    EXECUTE format('SELECT count(*) FROM %s', rel) INTO n;
    counts := counts || format('%s of %s', n, rel);
  END LOOP;
  RETURN array_to_string(counts, ', ');
END $$;

-- A query for each row's id and a digest of the columns that were there before this migration.
CREATE OR REPLACE FUNCTION pg_temp.digests() RETURNS text LANGUAGE sql STABLE AS $$
  SELECT format('SELECT id, hashtextextended(ROW(%s)::text, 0)::numeric AS digest FROM lead_interactions',
                string_agg(quote_ident(attname), ', ' ORDER BY attnum))
    FROM pg_attribute
   WHERE attrelid = 'lead_interactions'::regclass AND attnum > 0 AND NOT attisdropped
     AND attname NOT IN ('contact_id', 'account_id')
$$;

-- == Obstacles ==
-- What this file can't or mustn't repair by itself is named here, all of it at once, before anything changes.

-- Tables: the right ones, and ours to change.
CREATE OR REPLACE FUNCTION pg_temp.table_obstacles() RETURNS SETOF text LANGUAGE plpgsql STABLE AS $$
DECLARE
  li   constant regclass := 'lead_interactions';
  home constant text := pg_temp.home();
  c    pg_class;
  rel  regclass;
BEGIN
  SELECT * INTO c FROM pg_class WHERE oid = li;
  IF c.relkind <> 'r' OR c.relpersistence = 't' OR c.relhassubclass THEN
    RETURN NEXT format('%s: found a %s, expected an ordinary table without children. Next: check search_path.', li,
                       CASE WHEN c.relpersistence = 't' THEN 'temporary table' WHEN c.relkind = 'p' THEN 'partitioned table'
                            WHEN c.relkind = 'v' THEN 'view' WHEN c.relhassubclass THEN 'table with children'
                            ELSE 'table of another kind' END);
  END IF;
  FOR rel IN SELECT inhparent FROM pg_inherits WHERE inhrelid = li LOOP
    RETURN NEXT format('%1$s: found a child of %2$s, expected an ordinary table, whose columns are its own. Next: detach it, '
                       'or see which table is the right one.', li, rel);
  END LOOP;
  FOR rel IN SELECT li UNION ALL SELECT pg_temp.history_tables() LOOP
    IF NOT pg_has_role(pg_temp.owner_of(rel)::oid, 'USAGE') THEN
      RETURN NEXT format('%1$s: found owner %2$s, expected that %3$s is or belongs to the owner. Next: run this as %2$s.',
                         rel, pg_temp.owner_of(rel), current_user);
    END IF;
  END LOOP;
  IF NOT has_schema_privilege(c.relnamespace, 'CREATE') THEN
    RETURN NEXT format('schema %1$s: found no right of %2$s to create objects. Next: GRANT CREATE ON SCHEMA %1$s TO %2$I;',
                       home, current_user);
  END IF;
  IF c.relforcerowsecurity AND NOT (SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user) THEN
    RETURN NEXT format('%1$s: found row security forced on its owner, who then can''t see every row. '
                       'Next: ALTER TABLE %1$s NO FORCE ROW LEVEL SECURITY; or run this as a role with BYPASSRLS.', li);
  END IF;
  IF NOT EXISTS (SELECT FROM pg_attribute
                  WHERE attrelid = li AND attname = 'lead_id' AND atttypid = 'uuid'::regtype AND NOT attisdropped)
     OR NOT pg_temp.has_column(li, 'interaction_type') OR NOT pg_temp.has_column(li, 'id') THEN
    RETURN NEXT format('%s: found no id, no interaction_type, or no lead_id of type uuid. Next: check search_path.', li);
  END IF;
  IF to_regclass('contacts') IS NULL OR to_regclass('accounts') IS NULL THEN
    RETURN NEXT format('contacts, accounts: found %s, expected both beside %s. Next: check search_path.',
                       coalesce('only ' || to_regclass('contacts'), 'only ' || to_regclass('accounts'), 'neither'), li);
  END IF;
  FOREACH rel IN ARRAY ARRAY[to_regclass('contacts'), to_regclass('accounts')] LOOP
    CONTINUE WHEN rel IS NULL;
    IF (SELECT relkind <> 'r' OR relnamespace <> c.relnamespace FROM pg_class WHERE oid = rel) THEN
      RETURN NEXT format('%s: found a view or a table of another schema, expected a table beside %s. Next: check search_path.',
                         pg_temp.full_name(rel), pg_temp.full_name(li));
    ELSIF NOT EXISTS (SELECT FROM pg_attribute a JOIN pg_index i ON i.indrelid = a.attrelid
                       WHERE a.attrelid = rel AND a.attname = 'id' AND a.atttypid = 'uuid'::regtype AND i.indisunique
                         AND i.indisvalid AND i.indpred IS NULL AND i.indkey::text = a.attnum::text) THEN
      RETURN NEXT format('%s.id: found %s, expected uuid with a unique key of its own. Next: see which table is the right one.',
                         rel, coalesce((SELECT format_type(atttypid, atttypmod) FROM pg_attribute
                                         WHERE attrelid = rel AND attname = 'id' AND NOT attisdropped), 'no such column'));
    END IF;
  END LOOP;
  FOR rel IN SELECT DISTINCT w.target FROM pg_temp.wanted_keys() w WHERE w.target IS NOT NULL LOOP
    IF pg_temp.has_column(rel, 'id') AND NOT has_column_privilege(rel, 'id', 'REFERENCES') THEN
      RETURN NEXT format('%1$s.id: found no right of %2$s to point a key at it. Next: GRANT REFERENCES ON %1$s TO %2$I;',
                         rel, current_user);
    END IF;
  END LOOP;
END $$;

-- Columns that are there already, keys that can't be exchanged, names that are taken.
CREATE OR REPLACE FUNCTION pg_temp.column_obstacles() RETURNS SETOF text LANGUAGE plpgsql STABLE AS $$
DECLARE
  li       constant regclass := 'lead_interactions';
  leads    constant regclass := pg_temp.lead_table();
  item     record;
  dangling bigint;
  sample   text;
BEGIN
  FOR item IN SELECT a.*, format_type(a.atttypid, a.atttypmod) AS type FROM pg_attribute a
               WHERE a.attrelid = li AND a.attname IN ('contact_id', 'account_id') AND NOT a.attisdropped LOOP
    IF item.atttypid <> 'uuid'::regtype THEN
      RETURN NEXT format('%1$s.%2$s: found type %3$s, expected uuid. Next: ALTER TABLE %1$s RENAME COLUMN %2$I TO %2$s_old;',
                         li, item.attname, item.type);
    ELSIF item.attgenerated <> '' OR item.atthasdef OR item.attidentity <> '' THEN
      RETURN NEXT format('%1$s.%2$s: found a default or generated value, which would link every new task. '
                         'Next: ALTER TABLE %1$s ALTER COLUMN %2$I DROP DEFAULT; (or DROP EXPRESSION)', li, item.attname);
    END IF;
  END LOOP;

  FOR item IN SELECT w.* FROM pg_temp.wanted_keys() w
                JOIN pg_attribute a ON a.attrelid = w.rel AND a.attname = w.col AND a.atttypid = 'uuid'::regtype
               WHERE NOT EXISTS (SELECT FROM pg_temp.keys_of(w.rel, w.col, w.target) k
                                  WHERE k.is_validated AND (k.is_right OR w.col = 'lead_id')) LOOP
    EXECUTE format('SELECT count(*), min(t.%1$I::text) FROM %2$s t
                     WHERE t.%1$I IS NOT NULL AND NOT EXISTS (SELECT FROM %3$s x WHERE x.id = t.%1$I)',
                   item.col, item.rel, item.target) INTO dangling, sample;
    IF dangling > 0 THEN
      RETURN NEXT format('%s.%s: found %s without a counterpart in %s, for example %s; no key can be made. '
                         'Next: restore what they name, link them to something else, or clear them.',
                         item.rel, item.col, pg_temp.rows_in_words(dangling), item.target, sample);
    END IF;
  END LOOP;

  IF leads <> to_regclass('leads') THEN
    RETURN NEXT format('%1$s.lead_id: found a foreign key to %2$s, expected leads: a table was renamed, and its keys and '
                       'policies went with it. Next: decide which one lives on; if it is leads, make the policies of %1$s '
                       'read it and ALTER TABLE %1$s DROP CONSTRAINT %3$I;',
                       li, pg_temp.full_name(leads), (SELECT name FROM pg_temp.keys_of(li, 'lead_id', leads) LIMIT 1));
  END IF;
  FOR item IN SELECT k.conname, pg_get_constraintdef(k.oid) AS definition FROM pg_constraint k
               WHERE k.conrelid = li AND k.contype = 'f' AND cardinality(k.conkey) > 1 AND k.confdeltype = 'c'
                 AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = li AND a.attnum = ANY (k.conkey)
                                AND a.attname IN ('lead_id', 'contact_id', 'account_id')) LOOP
    RETURN NEXT format('%s.%s: found %s, expected no cascading delete. Next: replace it by a key with '
                       'ON DELETE SET NULL (column).', li, item.conname, item.definition);
  END LOOP;
  FOR item IN SELECT w.name FROM pg_temp.wanted_indexes() w
                JOIN pg_class c ON c.relname = w.name AND c.relkind <> 'i'
               WHERE c.relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = li) LOOP
    RETURN NEXT format('%s: found something that is no index under this name. Next: rename it.', item.name);
  END LOOP;
END $$;

-- What to do where not even a lead's task works.
CREATE OR REPLACE FUNCTION pg_temp.remedy_of_refused_work() RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
  li     constant regclass := 'lead_interactions';
  saved  constant regclass := to_regclass(pg_temp.home() || '.taskline_saved_ddl');
  is_042 boolean := false;
BEGIN
  IF NOT (SELECT relrowsecurity FROM pg_class WHERE oid = li)
     OR EXISTS (SELECT FROM pg_policy WHERE polrelid = li AND polpermissive AND polcmd IN ('*', 'a')
                                           AND polname <> 'lead_interactions_disputed_seen') THEN        -- 042's, of few rows
    RETURN 'Usually a trigger function reads a column that is gone or has another name: repair it, then run this file again.';
  END IF;
  IF saved IS NOT NULL THEN
    EXECUTE format('SELECT EXISTS (SELECT FROM %s WHERE migration = 42)', saved) INTO is_042;
  END IF;
  RETURN format('Row security of %s is on, and no policy lets anybody insert: ', li) || CASE
    WHEN is_042 THEN 'the one of 042 is gone. Next: run 042_tenant_of_interactions.sql, which makes it anew, then this file again.'
    ELSE format('an earlier one is gone. Next: restore it, or CREATE POLICY own_tenant ON %s USING (organization_id = '
                'nullif(current_setting(''app.current_organization_id'', true), '''')::uuid); then run this file again.', li) END;
END $$;

DO $$
DECLARE
  found   text;
  answers jsonb;
BEGIN
  SELECT string_agg('  - ' || o, E'\n') INTO found FROM pg_temp.planted_tables() o;
  IF found IS NULL THEN
    SELECT string_agg('  - ' || o, E'\n') INTO found FROM pg_temp.table_obstacles() o;
  END IF;
  IF found IS NULL THEN
    SELECT string_agg('  - ' || o, E'\n') INTO found FROM pg_temp.column_obstacles() o;
  END IF;
  IF found IS NOT NULL THEN
    RAISE EXCEPTION E'041 can''t start:\n%', found
      USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'Nothing was changed. Do what the lines say, then run this file again.';
  END IF;
  -- a database in which not even a lead's task works is not made better by this file, and nothing could be proven there
  CALL pg_temp.prove_patiently(ARRAY['lead'], answers);
  SELECT string_agg('  - ' || pg_temp.line_of(a), E'\n') INTO found
    FROM jsonb_array_elements(answers) a WHERE a->>'verdict' = 'failed';
  IF found IS NOT NULL THEN
    RAISE EXCEPTION E'041 can''t start, this database already refuses ordinary work on lead_interactions:\n%', found
      USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'Nothing was changed. ' || pg_temp.remedy_of_refused_work();
  END IF;
  -- what the report compares with; rows are counted only if something is to be done
  PERFORM set_config('taskline.started', clock_timestamp()::text, false),
          set_config('taskline.rows_written', '0', false),
          set_config('taskline.surroundings', pg_temp.surroundings()::text, false),
          set_config('taskline.rows_before', CASE WHEN pg_temp.is_in_place() THEN '' ELSE pg_temp.row_counts() END, false);
  IF to_regclass('pg_temp.rows_before') IS NOT NULL THEN                 -- of an earlier run in this session
    DROP TABLE pg_temp.rows_before;
  END IF;
  IF pg_temp.is_on('taskline.checksum') THEN
    PERFORM set_config('taskline.digests', pg_temp.digests(), false);
    EXECUTE 'CREATE TEMPORARY TABLE rows_before AS ' || pg_temp.digests();
  END IF;
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
  FOR item IN SELECT * FROM pg_temp.fences() LOOP
    CALL pg_temp.alter_shortly('remove the fence of an unfinished rollback',
                               format('ALTER TABLE %s DROP CONSTRAINT %I', item.rel, item.name));
  END LOOP;

  -- the history first: it copies lead_id, and a task without a lead must not fail there
  FOR rel IN SELECT pg_temp.history_tables() UNION ALL SELECT li LOOP
    CONTINUE WHEN NOT (SELECT attnotnull FROM pg_attribute WHERE attrelid = rel AND attname = 'lead_id');
    back := format('ALTER TABLE %s ALTER COLUMN lead_id SET NOT NULL', pg_temp.full_name(rel));
    IF current_setting('server_version_num')::int >= 180000 THEN         -- from there on it is a constraint with a name
      SELECT format('ALTER TABLE %s ADD CONSTRAINT %I NOT NULL lead_id', pg_temp.full_name(rel), k.conname) INTO back
        FROM pg_constraint k JOIN pg_attribute a ON a.attrelid = k.conrelid AND k.conkey = ARRAY[a.attnum]
       WHERE k.conrelid = rel AND k.contype = 'n' AND a.attname = 'lead_id';
    END IF;
    CALL pg_temp.alter_shortly(format('let %s.lead_id be null', rel),
                               format('ALTER TABLE %s ALTER COLUMN lead_id DROP NOT NULL', rel),
                               pg_temp.undo(41, 'statement', rel, 'lead_id', back));
  END LOOP;

  -- With the reference in the same statement the key counts as validated at once: every value is null. All of them in one
  -- statement: a driver that keeps SELECT * prepared prepares it anew when a column came, but only once per statement.
  SELECT string_agg(format('ADD COLUMN %I uuid REFERENCES %s (id) ON DELETE SET NULL', w.col, w.target), ', ') AS adds,
         string_agg('lead_interactions.' || w.col, ' and ') AS names,
         array_agg(pg_temp.undo(41, 'statement', li, w.col, format('ALTER TABLE %s DROP COLUMN %I', pg_temp.full_name(li), w.col)))
           AS undos INTO item
    FROM pg_temp.wanted_keys() w WHERE w.col <> 'lead_id' AND NOT pg_temp.has_column(li, w.col);
  IF item.adds IS NOT NULL THEN
    CALL pg_temp.alter_shortly('add ' || item.names, format('ALTER TABLE %s %s', li, item.adds), VARIADIC item.undos);
  END IF;
  FOR item IN SELECT attname AS col FROM pg_attribute
               WHERE attrelid = li AND attname IN ('contact_id', 'account_id') AND attnotnull LOOP
    back := format('ALTER TABLE %s ALTER COLUMN %I SET NOT NULL', pg_temp.full_name(li), item.col);
    CALL pg_temp.alter_shortly(format('let lead_interactions.%s be null', item.col),
      format('ALTER TABLE %s ALTER COLUMN %I DROP NOT NULL', li, item.col),
      pg_temp.undo(41, 'statement', li, item.col, back));
  END LOOP;
END $$;

-- == Row security ==
-- The old policy asks the lead for the tenant, so it can't place a task without one. It stays; a second one takes those.
DO $$
DECLARE
  li    constant regclass := 'lead_interactions';
  state constant text := pg_temp.policy_state();
  drop_ constant text := format('DROP POLICY lead_interactions_without_lead ON %s', pg_temp.full_name(li));
  old   text;
BEGIN
  IF state NOT IN ('missing', 'other') THEN
    RETURN;
  END IF;
  SELECT pg_temp.policy_ddl(p) INTO old FROM pg_policy p
   WHERE p.polrelid = li AND p.polname = 'lead_interactions_without_lead';
  CALL pg_temp.alter_shortly('add the policy for tasks without a lead',
    CASE WHEN old IS NULL THEN '' ELSE drop_ || '; ' END ||
    format($make$CREATE POLICY lead_interactions_without_lead ON %1$s USING (%2$s) WITH CHECK (%2$s)$make$, li,
           $mine$lead_id IS NULL
             AND organization_id = (SELECT nullif(current_setting('app.current_organization_id', true), '')::uuid)$mine$),
    pg_temp.undo(41, 'statement', li, 'lead_interactions_without_lead', concat_ws('; ', drop_, old)));
END $$;

-- == Foreign keys ==
-- A wrong key is exchanged beside the running application: the right one comes in unchecked, is checked by a scan that
-- blocks nobody, and only then takes the old one's place and name.
DO $$
DECLARE
  want    record;
  k       record;
  interim text;                                     -- the new key's name until the old one is gone
  final   text;
  options text;
  moves   text;
BEGIN
  FOR want IN SELECT w.*, c.relname FROM pg_temp.wanted_keys() w JOIN pg_class c ON c.oid = w.rel WHERE w.target IS NOT NULL LOOP
    CONTINUE WHEN (SELECT count(*) = 1 AND bool_and(is_right AND is_validated)
                     FROM pg_temp.keys_of(want.rel, want.col, want.target));
    interim := left(want.relname, 40) || '_' || want.col || '_set_null';
    final := NULL;
    IF NOT EXISTS (SELECT FROM pg_temp.keys_of(want.rel, want.col, want.target) o
                    WHERE o.is_right AND (o.is_validated OR o.name = interim)) THEN
      SELECT coalesce((regexp_match(o.definition, ' ON UPDATE (?:CASCADE|SET NULL|SET DEFAULT|RESTRICT)'))[1], '') || ' ON DELETE SET NULL'
             || coalesce((regexp_match(o.definition, '(?<!NOT) DEFERRABLE(?: INITIALLY DEFERRED)?'))[1], '')
        INTO options FROM pg_temp.keys_of(want.rel, want.col, want.target) o LIMIT 1;
      CALL pg_temp.alter_shortly(format('add the new foreign key of %s.%s', want.rel, want.col),
        format('ALTER TABLE %s ADD CONSTRAINT %I FOREIGN KEY (%I) REFERENCES %s (id)%s NOT VALID',
               want.rel, interim, want.col, want.target, coalesce(options, ' ON DELETE SET NULL')));
    END IF;
    FOR k IN SELECT * FROM pg_temp.keys_of(want.rel, want.col, want.target) o
              WHERE o.is_right AND NOT o.is_validated AND o.name = interim LOOP
      CALL pg_temp.alter_shortly(format('check the new foreign key of %s.%s', want.rel, want.col),
                                 format('ALTER TABLE %s VALIDATE CONSTRAINT %I', want.rel, k.name));
    END LOOP;

    -- every other key of the column goes, written down first; the first of them leaves its name to the new one
    FOR k IN SELECT * FROM pg_temp.keys_of(want.rel, want.col, want.target) o
              WHERE o.name <> interim AND NOT (o.is_right AND o.is_validated) LOOP
      moves := '';
      IF final IS NULL AND EXISTS (SELECT FROM pg_constraint WHERE conrelid = want.rel AND conname = interim) THEN
        moves := format('; ALTER TABLE %s RENAME CONSTRAINT %I TO %I', want.rel, interim, k.name);
      END IF;
      CALL pg_temp.alter_shortly(format('drop the old foreign key %s of %s', k.name, want.rel),
                                 format('ALTER TABLE %s DROP CONSTRAINT %I', want.rel, k.name) || moves,
                                 pg_temp.undo(41, 'foreign key', want.rel, k.name, k.definition));
      final := coalesce(final, k.name);
    END LOOP;
    IF EXISTS (SELECT FROM pg_constraint WHERE conrelid = want.rel AND conname = interim) THEN
      final := left(want.relname, 40) || '_' || want.col || '_fkey';
      CALL pg_temp.alter_shortly(format('name the new foreign key of %s.%s', want.rel, want.col),
        format('ALTER TABLE %s RENAME CONSTRAINT %I TO %I', want.rel, interim, final),
        pg_temp.undo(41, 'statement', want.rel, final,
                     format('ALTER TABLE %s DROP CONSTRAINT IF EXISTS %I', pg_temp.full_name(want.rel), final)));
    END IF;
  END LOOP;
END $$;

-- == Indexes ==
-- IF NOT EXISTS passes over an index that an interrupted build left invalid, so such leftovers go first. A valid index
-- that is different from ours keeps its work under another name.
DO $$
DECLARE
  li    constant regclass := 'lead_interactions';
  home  constant text := pg_temp.home();
  want  record;
  aside text;
BEGIN
  FOR want IN SELECT w.*, pg_temp.index_state(w.name, w.cols) AS state FROM pg_temp.wanted_indexes() w LOOP
    aside := left(want.name, 46) || '_before_041';
    IF want.state = 'invalid' THEN
      CALL pg_temp.alter_shortly(format('drop the unfinished index %s', want.name), format('DROP INDEX %s.%I', home, want.name));
    ELSIF want.state = 'other' THEN
      CALL pg_temp.alter_shortly(format('rename the index that has the name %s', want.name),
        format('ALTER INDEX %s.%I RENAME TO %I', home, want.name, aside),
        pg_temp.undo(41, 'statement', li, want.name, format('ALTER INDEX IF EXISTS %s.%I RENAME TO %I', home, aside, want.name)));
    END IF;
    IF want.state <> 'right' THEN
      PERFORM pg_temp.save_ddl(pg_temp.undo(41, 'drop index', li, want.name,
                                            format('DROP INDEX CONCURRENTLY %s.%I', home, want.name)));
    END IF;
    COMMIT;
  END LOOP;
END $$;

-- A concurrent build ends only when all transactions have ended that were open before it. While it waits it can't speak.
DO $$
DECLARE
  slow text;
BEGIN
  IF EXISTS (SELECT FROM pg_temp.wanted_indexes() w WHERE pg_temp.index_state(w.name, w.cols) <> 'right') THEN
    SELECT string_agg(E'\n  - ' || pg_temp.session_in_words(a), '' ORDER BY a.xact_start, a.pid) INTO slow
      FROM pg_stat_activity a
     WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() AND a.leader_pid IS NULL
       AND (a.backend_xmin IS NOT NULL              -- it may still look at rows as they were
            OR EXISTS (SELECT FROM pg_locks l WHERE l.pid = a.pid AND l.relation = 'lead_interactions'::regclass
                          AND l.mode <> 'AccessShareLock'))
       AND clock_timestamp() - a.xact_start > interval '2 seconds';          -- null where it is hidden from us
    IF slow IS NOT NULL THEN
      RAISE NOTICE 'the indexes are built beside these transactions, and are done after they have ended:%', slow;
    END IF;
  END IF;
END $$;

SET client_min_messages = warning;
SET lock_timeout = '10min';                         -- a concurrent build waits for old transactions, but holds nobody up
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_lead_interactions_contact_id ON lead_interactions (contact_id);
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_lead_interactions_account_id ON lead_interactions (account_id);
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_lead_interactions_by_type_and_entities
  ON lead_interactions (interaction_type, lead_id, contact_id, account_id);
SET lock_timeout = 0;
SET client_min_messages = notice;

-- == Validation ==
-- From the catalogue, by definition and not by name; then by behaviour. One miss, and the success line does not appear.
CREATE OR REPLACE FUNCTION pg_temp.line(is_met boolean, met text, missed text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN is_met THEN '✅ ' || met ELSE '❌ ' || missed END
$$;

-- The five lines of which every user of this migration was told.
CREATE OR REPLACE FUNCTION pg_temp.promised_lines() RETURNS SETOF text LANGUAGE plpgsql STABLE AS $$
DECLARE
  item record;
BEGIN
  FOR item IN
    SELECT v.col, coalesce(a.atttypid = 'uuid'::regtype AND NOT a.attnotnull, false) AS is_met
      FROM unnest(ARRAY['lead_id', 'contact_id', 'account_id']) WITH ORDINALITY AS v(col, n)
      LEFT JOIN pg_attribute a ON a.attrelid = 'lead_interactions'::regclass AND a.attname = v.col AND NOT a.attisdropped
     ORDER BY v.n
  LOOP
    IF item.col = 'lead_id' THEN
      RETURN NEXT pg_temp.line(item.is_met, 'lead_id column: NULLABLE (allows tasks without leads)', 'lead_id column: NOT NULL');
    ELSE
      RETURN NEXT pg_temp.line(item.is_met, item.col || ' column: CREATED', item.col || ' column: not there as a nullable uuid');
    END IF;
  END LOOP;
  FOR item IN SELECT w.label, w.name, pg_temp.index_state(w.name, w.cols) AS state FROM pg_temp.wanted_indexes() w LIMIT 2 LOOP
    RETURN NEXT pg_temp.line(item.state = 'right', item.label || ': CREATED', format('%s: %s', item.label, upper(item.state)));
  END LOOP;
END $$;

-- What else must hold for those five to mean what they say.
CREATE OR REPLACE FUNCTION pg_temp.further_lines() RETURNS SETOF text LANGUAGE plpgsql STABLE AS $$
DECLARE
  li     constant regclass := 'lead_interactions';
  policy constant text := pg_temp.policy_state();
  item   record;
  is_met boolean;
  found  text;
BEGIN
  FOR item IN SELECT w.label, w.name, pg_temp.index_state(w.name, w.cols) AS state FROM pg_temp.wanted_indexes() w OFFSET 2 LOOP
    RETURN NEXT pg_temp.line(item.state = 'right', item.label || ': CREATED', format('%s: %s', item.label, upper(item.state)));
  END LOOP;
  FOR item IN SELECT * FROM pg_temp.wanted_keys() LOOP
    IF item.target IS NULL THEN
      RETURN NEXT format('⚠️ %s.%s has no foreign key, and there is no table leads: nothing to check', item.rel, item.col);
      CONTINUE;
    END IF;
    SELECT count(*) = 1 AND bool_and(k.is_right AND k.is_validated), string_agg(k.definition, '; ') INTO is_met, found
      FROM pg_temp.keys_of(item.rel, item.col, item.target) k;
    RETURN NEXT pg_temp.line(is_met,
      format('%s.%s foreign key: %s (id) ON DELETE SET NULL, validated', item.rel, item.col, item.target),
      format('%s.%s foreign key: found %s, expected one to %s ON DELETE SET NULL, validated', item.rel, item.col,
             coalesce(found, 'none'), item.target));
  END LOOP;
  FOR item IN SELECT h AS rel, NOT a.attnotnull AS is_met
                FROM pg_temp.history_tables() h JOIN pg_attribute a ON a.attrelid = h AND a.attname = 'lead_id' LOOP
    RETURN NEXT pg_temp.line(item.is_met, format('%s.lead_id column: NULLABLE (history of tasks without leads)', item.rel),
                             format('%s.lead_id column: NOT NULL', item.rel));
  END LOOP;
  RETURN NEXT CASE
    WHEN policy = 'right' THEN '✅ row security: a task without a lead belongs to its own organization_id'
    WHEN policy <> 'unneeded' THEN '❌ row security: the policy for tasks without a lead is ' || policy
    WHEN NOT (SELECT relrowsecurity FROM pg_class WHERE oid = li)
      THEN '⚠️ row security is off on lead_interactions: the database keeps no tenants apart'
    WHEN NOT pg_temp.has_column(li, 'organization_id')
      THEN '⚠️ lead_interactions has no organization_id: row security can''t place a task without a lead'
    ELSE '✅ row security: an existing policy covers tasks without a lead' END;
  found := pg_temp.changes_since(current_setting('taskline.surroundings')::jsonb);
  SELECT format('triggers (%s), earlier policies (%s) and views (%s) of lead_interactions: ',
                count(*) FILTER (WHERE k LIKE 'trigger %'), count(*) FILTER (WHERE k LIKE 'policy %'),
                count(*) FILTER (WHERE k LIKE 'view %'))
         || coalesce('changed while this file ran, ' || found, 'unchanged') INTO found
    FROM jsonb_object_keys(current_setting('taskline.surroundings')::jsonb) k;
  RETURN NEXT pg_temp.line(found LIKE '% unchanged', found, found);
END $$;

-- What happened to the delete rule of each key of lead_id, and when, from what was written down.
CREATE OR REPLACE FUNCTION pg_temp.delete_rule_lines() RETURNS SETOF text LANGUAGE plpgsql STABLE AS $$
DECLARE
  list constant text := pg_temp.home() || '.taskline_saved_ddl';
  rel  regclass;
  old  record;
BEGIN
  FOR rel IN SELECT w.rel FROM pg_temp.wanted_keys() w WHERE w.col = 'lead_id' AND w.target IS NOT NULL LOOP
    old := NULL;
    IF to_regclass(list) IS NOT NULL THEN
      EXECUTE format($q$SELECT coalesce((regexp_match(ddl, 'ON DELETE (CASCADE|RESTRICT|SET NULL|SET DEFAULT)'))[1], 'NO ACTION') AS rule,
                               saved_at FROM %s
                         WHERE migration = 41 AND kind = 'foreign key' AND relation = $1 AND ddl LIKE '%%(lead_id)%%'
                         ORDER BY step LIMIT 1$q$, list) INTO old USING pg_temp.full_name(rel);
    END IF;
    RETURN NEXT CASE
      WHEN old.rule IS NULL OR old.rule = 'SET NULL' THEN format('ℹ️ %s.lead_id delete rule: SET NULL, as before', rel)
      ELSE format('ℹ️ %s.lead_id delete rule: was %s, is SET NULL, %s', rel, old.rule,
                  CASE WHEN old.saved_at >= current_setting('taskline.started')::timestamptz THEN 'changed by this run'
                       ELSE 'changed on ' || date_trunc('second', old.saved_at) END) END;
  END LOOP;
END $$;

-- What happened to the rows. Others are at work meanwhile, so equal numbers are not to be expected and would prove nothing;
-- but the server counts what this session's own statements write.
CREATE OR REPLACE FUNCTION pg_temp.row_lines() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
  before  constant text := current_setting('taskline.rows_before');
  wrote   constant bigint := current_setting('taskline.rows_written')::bigint;
  after   text;
  r       record;
BEGIN
  IF before = '' THEN
    RETURN NEXT 'ℹ️ rows: nothing was left to do, so none was written and none counted';
  ELSIF NOT current_setting('track_counts')::boolean THEN
    RETURN NEXT '⚠️ rows: the server doesn''t count what a session writes (track_counts is off)';
  ELSE
    after := pg_temp.row_counts();
    RETURN NEXT pg_temp.line(wrote = 0,
      format('rows: none inserted, updated or deleted by the changes above, by the server''s own count; before: %s; after: %s%s',
             before, after, CASE WHEN before <> after THEN '; the difference is the work of others meanwhile' END),
      format('rows: %s inserted, updated or deleted by the changes above, expected none', wrote));
  END IF;
  IF to_regclass('pg_temp.rows_before') IS NULL THEN
    RETURN;
  END IF;
  EXECUTE format('SELECT count(b.id) AS n, count(*) FILTER (WHERE a.digest <> b.digest) AS changed,
                         count(*) FILTER (WHERE a.id IS NULL) AS deleted, count(*) FILTER (WHERE b.id IS NULL) AS added,
                         left(md5(sum(b.digest)::text), 12) AS sum_before, left(md5(sum(a.digest)::text), 12) AS sum_after
                    FROM pg_temp.rows_before b FULL JOIN (%s) a USING (id)', current_setting('taskline.digests')) INTO r;
  RETURN NEXT CASE
    WHEN r.changed + r.deleted + r.added = 0
    THEN format('✅ checksum of the earlier columns: %s before and after, %s', r.sum_before, pg_temp.rows_in_words(r.n))
    ELSE format('ℹ️ checksum of the earlier columns: %s before, %s after; of %s others changed %s and deleted %s meanwhile, and '
                'added %s; the rest are equal one by one', r.sum_before, r.sum_after, pg_temp.rows_in_words(r.n), r.changed,
                r.deleted, r.added) END;
  DROP TABLE pg_temp.rows_before;
END $$;

DO $$
DECLARE
  box     constant text := $box$
╔════════════════════════════════════════════════════════════════╗
║         MIGRATION VALIDATION REPORT                            ║
╚════════════════════════════════════════════════════════════════╝$box$;
  success constant text := $success$

🎉 MIGRATION COMPLETED SUCCESSFULLY!

Tasks can now link to:
  • Lead (lead_id) - for lead-specific tasks
  • Contact (contact_id) - for contact-specific tasks
  • Account (account_id) - for account-specific tasks
  • Any combination of the above$success$;
  promised constant text[] := ARRAY(SELECT pg_temp.promised_lines());
  ours     text[] := ARRAY(SELECT pg_temp.further_lines());
  misses   integer;
  answers  jsonb;
BEGIN
  CALL pg_temp.prove_patiently(ARRAY['lead', 'contact', 'account', 'both', 'deletion'], answers);
  ours := ours || ARRAY(SELECT pg_temp.line_of(a) FROM jsonb_array_elements(answers) a)
               || 'ℹ️ what was tried was taken back'::text
               || ARRAY(SELECT pg_temp.row_lines())
               || ARRAY(SELECT pg_temp.delete_rule_lines())
               || 'ℹ️ deleting a lead keeps its tasks and their history; to erase a person, delete those too'::text;
  SELECT count(*) INTO misses FROM unnest(promised || ours) AS l(line) WHERE line LIKE '❌%';
  PERFORM set_config('taskline.misses', misses::text, false),
          set_config('taskline.report', concat_ws(E'\n', ltrim(box, E'\n'), array_to_string(promised, E'\n'))
            || CASE WHEN misses = 0 THEN success ELSE '' END || E'\n\n' || array_to_string(ours, E'\n')
            || CASE WHEN misses = 0 THEN '' ELSE format(E'\n\n❌ MIGRATION NOT COMPLETE: %s lines above are not met', misses) END,
            false);
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

-- == Set aside ==
-- What the rollback of this file set aside is offered, and with taskline.bring_back = on it comes back as it was: ids, stamps
-- and history. It comes in small transactions, so a run that is ended goes on in the next. What the database no longer takes
-- stays where it is, with the reason in stays_because. Of a task whose links several rollbacks set aside the latest come back.
-- Locks: SHARE ROW EXCLUSIVE on lead_interactions and its history table, for some 60 ms per transaction.
-- Where rows of a table are set aside by the rollback of 041.
CREATE OR REPLACE FUNCTION pg_temp.aside_of(relation regclass) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT format('%s.%I', pg_temp.home(), left(relname, 47) || '_rolled_back_041') FROM pg_class WHERE oid = relation
$$;

-- Tables whose rows die with their interaction, its history above all, and the column that names it: they go where it goes.
CREATE OR REPLACE FUNCTION pg_temp.belongings() RETURNS TABLE (rel regclass, parent name) LANGUAGE sql STABLE AS $$
  SELECT k.conrelid::regclass, a.attname
    FROM pg_constraint k JOIN pg_attribute a ON a.attrelid = k.conrelid AND k.conkey = ARRAY[a.attnum]
   WHERE k.contype = 'f' AND k.confdeltype = 'c' AND k.confrelid = 'lead_interactions'::regclass AND k.conrelid <> k.confrelid
   UNION
  SELECT a.attrelid::regclass, a.attname
    FROM pg_attribute a WHERE a.attrelid = to_regclass('interaction_events') AND a.attname = 'interaction_id'
$$;

-- Keeps a table's own triggers quiet until the statements that it answers with, which put each back as it was: a row that is
-- moved is neither new nor deleted. Nobody else notices, for writers wait until this transaction ends. Foreign keys go on.
CREATE OR REPLACE FUNCTION pg_temp.silence(relation regclass) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  loud constant text := (
    SELECT string_agg(format('ALTER TABLE %s ENABLE%s TRIGGER %I', relation, kind, t.tgname), '; ')
      FROM pg_trigger t
     CROSS JOIN LATERAL (SELECT CASE t.tgenabled WHEN 'A' THEN ' ALWAYS' WHEN 'R' THEN ' REPLICA' ELSE '' END) AS k(kind)
     WHERE t.tgrelid = relation AND NOT t.tgisinternal AND t.tgenabled <> 'D');
BEGIN
  EXECUTE format('ALTER TABLE %s DISABLE TRIGGER USER', relation);
  IF EXISTS (SELECT FROM pg_trigger WHERE tgrelid = relation AND tgname = 'taskline_occurs_at') THEN
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER taskline_occurs_at', relation);  -- no row can do without what it sets
  END IF;
  RETURN coalesce(loud, '');
END $$;

-- What is set aside in this database, a line for each table.
CREATE OR REPLACE FUNCTION pg_temp.set_aside_lines() RETURNS SETOF text LANGUAGE plpgsql STABLE AS $$
DECLARE
  place regclass;
  line  text;
BEGIN
  FOR place IN SELECT c.oid FROM pg_class c JOIN pg_class li ON li.relnamespace = c.relnamespace
                WHERE li.oid = 'lead_interactions'::regclass AND c.relkind = 'r' AND c.relname LIKE '%\_rolled\_back\_041'
                ORDER BY c.relname <> 'lead_interactions_rolled_back_041', c.relname LOOP
    EXECUTE format(CASE WHEN place = to_regclass(pg_temp.aside_of('lead_interactions'))
      THEN 'SELECT format(''%%s without a lead, and links of %%s that have one'',
                          pg_temp.rows_in_words(count(*) FILTER (WHERE lead_id IS NULL)), count(lead_id)) FROM %s'
      ELSE 'SELECT pg_temp.rows_in_words(count(*)) || '' of what belongs to them'' FROM %s' END, place) INTO line;
    RETURN NEXT format('%s: %s', place, line);
  END LOOP;
END $$;

-- Moves rows back to their table, by the columns that both have. An error says why not.
CREATE OR REPLACE FUNCTION pg_temp.move_back(relation regclass, condition text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  aside constant regclass := pg_temp.aside_of(relation);
  gone  text;
BEGIN
  EXECUTE format('SELECT string_agg(DISTINCT e.key, '', '') FROM %s t, jsonb_each_text(to_jsonb(t) - ARRAY[''rolled_back_at'', ''stays_because'']) e
                   WHERE %s AND e.value IS NOT NULL AND NOT EXISTS (
                     SELECT FROM pg_attribute a WHERE a.attrelid = $1 AND a.attname = e.key AND a.attnum > 0)', aside, condition)
    INTO gone USING relation;
  IF gone IS NOT NULL THEN
    RAISE EXCEPTION '% has no column % any more', relation, gone;
  END IF;
  EXECUTE (SELECT format('INSERT INTO %1$s (%2$s) OVERRIDING SYSTEM VALUE SELECT %2$s FROM %3$s WHERE %4$s', relation,
                         string_agg(quote_ident(t.attname), ', '), aside, condition)
             FROM pg_attribute t JOIN pg_attribute a USING (attname)       -- a function call per column would take longest
            WHERE t.attrelid = relation AND t.attnum > 0 AND NOT t.attisdropped AND t.attgenerated = ''
              AND a.attrelid = aside AND a.attnum > 0 AND NOT a.attisdropped);
  EXECUTE format('DELETE FROM %s WHERE %s', aside, condition);
END $$;

-- One interaction that was moved whole, with what belongs to it.
CREATE OR REPLACE FUNCTION pg_temp.bring_row_back(id uuid, place tid) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  item record;
BEGIN
  PERFORM pg_temp.move_back('lead_interactions', format('ctid = %L', place));
  FOR item IN SELECT b.* FROM pg_temp.belongings() b                  -- one that others made just now is none of ours
                JOIN pg_class c ON c.oid = to_regclass(pg_temp.aside_of(b.rel))
                JOIN pg_class li ON li.oid = 'lead_interactions'::regclass
               WHERE pg_get_userbyid(c.relowner) = current_user OR pg_has_role(c.relowner, li.relowner, 'MEMBER') LOOP
    PERFORM pg_temp.move_back(item.rel, format('%I = %L', item.parent, id));
  END LOOP;
END $$;

-- The links of one that stayed. Links that it has got since are not overwritten.
CREATE OR REPLACE FUNCTION pg_temp.bring_links_back(id uuid, contact uuid, account uuid, place tid) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  UPDATE lead_interactions t SET contact_id = coalesce(contact, t.contact_id), account_id = coalesce(account, t.account_id)
   WHERE t.id = bring_links_back.id AND coalesce(t.contact_id = contact, true) AND coalesce(t.account_id = account, true);
  IF NOT FOUND THEN
    RAISE EXCEPTION '%', CASE WHEN EXISTS (SELECT FROM lead_interactions t WHERE t.id = bring_links_back.id)
                              THEN 'it has another contact or account by now' ELSE 'it is gone, perhaps with its lead' END;
  END IF;
  EXECUTE format('DELETE FROM %s WHERE ctid = $1', pg_temp.aside_of('lead_interactions')) USING place;
END $$;

-- Why the database doesn't take a row, from its error.
CREATE OR REPLACE FUNCTION pg_temp.obstacle(state text, message text, relation text, key text) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT CASE WHEN state = '23505' THEN format('another row of %s has its %s', relation,
                     coalesce((SELECT string_agg(a.attname, ', ') FROM pg_attribute a WHERE a.attrelid = to_regclass(key)), key))
              WHEN state = '23503' THEN coalesce((
                SELECT format('%s.%s names a row of %s that is gone', k.conrelid::regclass, a.attname, k.confrelid::regclass)
                  FROM pg_constraint k JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
                 WHERE k.conrelid = to_regclass(relation) AND k.conname = key), message)
              ELSE message END
$$;

-- As many as 60 ms allow, and no more than asked for: writers wait meanwhile. It goes on behind the last one that was tried,
-- so that what has come back, or stays, isn't looked at again.
CREATE OR REPLACE FUNCTION pg_temp.bring_back(how_many integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  aside  constant text := pg_temp.aside_of('lead_interactions');
  place  constant text[] := string_to_array(current_setting('taskline.place'), '|');
  loud   text[] := ARRAY[pg_temp.silence('lead_interactions')];
  rel    regclass;
  item   record;
  told   text;
  key    text;
  ends   timestamptz;
BEGIN
  SET CONSTRAINTS ALL IMMEDIATE;                    -- a key that waits for the end would speak for all rows at once
  FOR rel IN SELECT b.rel FROM pg_temp.belongings() b LOOP
    loud := loud || pg_temp.silence(rel);
  END LOOP;
  ends := clock_timestamp() + interval '60 ms';
  FOR item IN EXECUTE format('SELECT ctid AS place, rolled_back_at, id, lead_id, contact_id, account_id FROM %s
                               WHERE (rolled_back_at, id) > ($1, $2) AND stays_because IS NULL
                               ORDER BY rolled_back_at, id LIMIT %s', aside, how_many)
               USING place[1]::timestamptz, place[2]::uuid LOOP
    BEGIN
      IF item.lead_id IS NULL THEN
        PERFORM pg_temp.bring_row_back(item.id, item.place);
      ELSE
        PERFORM pg_temp.bring_links_back(item.id, item.contact_id, item.account_id, item.place);
      END IF;
    EXCEPTION WHEN lock_not_available OR deadlock_detected THEN RAISE;
              WHEN OTHERS THEN
                GET STACKED DIAGNOSTICS told = TABLE_NAME, key = CONSTRAINT_NAME;
                EXECUTE format('UPDATE %s SET stays_because = $1 WHERE ctid = $2', aside)
                  USING pg_temp.obstacle(SQLSTATE, SQLERRM, told, key), item.place;
    END;
    PERFORM set_config('taskline.place', concat_ws('|', item.rolled_back_at, item.id), false);
    EXIT WHEN clock_timestamp() > ends;
  END LOOP;
  EXECUTE coalesce(nullif(array_to_string(array_remove(loud, ''), '; '), ''), 'SELECT');
END $$;

DO $$
DECLARE
  aside  constant text := pg_temp.aside_of('lead_interactions');
  is_on  constant boolean := pg_temp.is_on('taskline.bring_back');
  locks  constant text := (                         -- what tells alter_shortly of the locks that bring_back takes
    SELECT string_agg(format('ALTER TABLE %s DISABLE TRIGGER USER', rel), '; ')
      FROM (SELECT 'lead_interactions'::regclass UNION SELECT b.rel FROM pg_temp.belongings() b) AS t(rel));
  superseded constant text := 'superseded by a later rollback';
  lines  text[] := '{}';
  before bigint;
  n      bigint;
  place  regclass;
  item   record;
BEGIN
  IF is_on AND to_regclass(aside) IS NOT NULL THEN
    PERFORM pg_temp.refuse_planted_tables();        -- it may have come since the obstacles were looked for
    EXECUTE format('UPDATE %s SET stays_because = NULL WHERE stays_because <> $1', aside) USING superseded;
    EXECUTE format('UPDATE %1$s o SET stays_because = $1
                     WHERE o.lead_id IS NOT NULL AND EXISTS (
                       SELECT FROM %1$s n WHERE n.id = o.id AND n.rolled_back_at > o.rolled_back_at
                          AND (n.contact_id, n.account_id) IS DISTINCT FROM (o.contact_id, o.account_id))', aside) USING superseded;
    EXECUTE format('CREATE INDEX IF NOT EXISTS taskline_041_order ON %s (rolled_back_at, id)', aside);
    EXECUTE format('SELECT count(*) FROM %s', aside) INTO before;
    PERFORM set_config('taskline.place', '-infinity|00000000-0000-0000-0000-000000000000', false);
    COMMIT;
    LOOP
      EXECUTE format('SELECT count(*) FROM (SELECT FROM %s WHERE (rolled_back_at, id) > ($1, $2) AND stays_because IS NULL
                       ORDER BY rolled_back_at, id LIMIT 1) AS t', aside)
        INTO n USING split_part(current_setting('taskline.place'), '|', 1)::timestamptz,
                     split_part(current_setting('taskline.place'), '|', 2)::uuid;
      EXIT WHEN n = 0;
      CALL pg_temp.alter_shortly('bring back what was set aside', format('SELECT pg_temp.bring_back(1000) /* %s */', locks));
    END LOOP;
    EXECUTE format('SELECT %s - count(*) FROM %s', before, aside) INTO n;
    lines := ARRAY[format('✅ brought back from %s: %s, as they were; no other row was touched, no trigger fired', aside,
                          pg_temp.rows_in_words(n))];
    FOR place IN SELECT to_regclass(split_part(l, ': ', 1)) FROM pg_temp.set_aside_lines() l LOOP
      EXECUTE format('SELECT count(*) FROM %s', place) INTO n;
      IF n = 0 THEN
        CALL pg_temp.alter_shortly(format('drop the empty table %s', place), format('DROP TABLE %s', place));
      END IF;
    END LOOP;
  END IF;
  lines := lines || ARRAY(SELECT '⚠️ set aside by a rollback in ' || l FROM pg_temp.set_aside_lines() l);
  IF to_regclass(aside) IS NOT NULL THEN
    FOR item IN EXECUTE format('SELECT stays_because, count(*) AS n, min(id::text) AS sample FROM %s
                                 WHERE stays_because IS NOT NULL GROUP BY 1 ORDER BY 2 DESC', aside) LOOP
      lines := lines || format('⚠️   %s can''t come back, for example %s: %s', pg_temp.rows_in_words(item.n), item.sample,
                               item.stays_because);
    END LOOP;
    lines := lines || 'ℹ️   to bring them back: ./taskline migrate up --bring-back (by psql: PGOPTIONS=''-c taskline.bring_back=on'')'::text;
  END IF;
  PERFORM set_config('taskline.report', array_to_string(lines, E'\n'), false);
END $$;

COPY (SELECT line FROM unnest(string_to_array(current_setting('taskline.report'), E'\n')) WITH ORDINALITY AS r(line, n)
       ORDER BY n) TO STDOUT;

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
