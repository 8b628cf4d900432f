-- 043_timeline_order.sql: each interaction keeps its place in time, occurs_at, so that a timeline is read by an index.
--
-- Run it after 042, with psql -f, \i or the runner, on a live database, as often as you like. It
--   1. adds lead_interactions.occurs_at: the first of completed_at, scheduled_at and created_at that is there, else
--      -infinity; and the trigger taskline_occurs_at, which sets it for every writer: the old application, COPY, and the
--      apply process of a subscription too (ENABLE ALWAYS);
--   2. fills it where it is missing or wrong, at most 500 rows at a time with a commit each, and leaves every other column, the
--      leads and the history as they were, stamps included. A row that is filled has a new xmin, as after any UPDATE: who
--      keeps xmin as a row's version sees one change;
--   3. lets it be null no longer, by a check that is validated beside readers and writers;
--   4. builds five indexes: the timelines of leads, contacts and accounts, and tasks by due date and by creation.
-- What it adds or replaces it first writes down in taskline_saved_ddl, and 043_timeline_order.rollback.sql puts back.
--
-- Locks, each tried for at most 150 ms at a time: ACCESS EXCLUSIVE on lead_interactions, to add the column with its trigger,
-- to add and drop the check, and to remove the trigger that keeps rows as they are (on leads, too); SHARE ROW EXCLUSIVE on
-- both to create that trigger, only if there is a row to fill. The backfill locks the rows of one batch. VALIDATE CONSTRAINT
-- and CREATE INDEX CONCURRENTLY take SHARE UPDATE EXCLUSIVE, beside readers and writers. A run with nothing to do takes no
-- exclusive lock.
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

-- What occurs_at is, of a row that goes by this name.
CREATE OR REPLACE FUNCTION pg_temp.place_in_time(alias text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT format('coalesce(%1$s.completed_at, %1$s.scheduled_at, %1$s.created_at, ''-infinity'')', alias)
$$;

-- FROM and WHERE of the rows that have no place in time, or a wrong one.
CREATE OR REPLACE FUNCTION pg_temp.misplaced() RETURNS text LANGUAGE sql STABLE AS $$
  SELECT format('lead_interactions t WHERE t.occurs_at IS DISTINCT FROM %s', pg_temp.place_in_time('t'))
$$;

-- The body of the trigger's function. It names nothing but the row's own columns, and the server's functions are meant.
CREATE OR REPLACE FUNCTION pg_temp.trigger_body() RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT format(E'\nBEGIN\n  NEW.occurs_at := %s;\n  RETURN NEW;\nEND ', pg_temp.place_in_time('NEW'))
$$;

-- The function under our name: 'missing', 'right' or 'other'.
CREATE OR REPLACE FUNCTION pg_temp.function_state() RETURNS text LANGUAGE sql STABLE AS $$
  SELECT coalesce((SELECT CASE WHEN p.prosrc = pg_temp.trigger_body() AND l.lanname = 'plpgsql' AND NOT p.prosecdef
                                    AND p.proconfig = ARRAY['search_path=pg_catalog'] THEN 'right' ELSE 'other' END
                     FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
                    WHERE p.oid = to_regprocedure(pg_temp.home() || '.taskline_occurs_at()')), 'missing')
$$;

-- The trigger under our name: 'missing', 'right', 'weak' (it calls our function, but not for every writer), or 'other'.
CREATE OR REPLACE FUNCTION pg_temp.trigger_state() RETURNS text LANGUAGE sql STABLE AS $$
  SELECT coalesce((SELECT CASE WHEN t.tgfoid IS DISTINCT FROM to_regprocedure(pg_temp.home() || '.taskline_occurs_at()') THEN 'other'
                               WHEN t.tgtype = 23   -- BEFORE INSERT OR UPDATE … FOR EACH ROW
                                    AND t.tgenabled = 'A' AND t.tgqual IS NULL AND t.tgattr = '' THEN 'right'
                               ELSE 'weak' END
                     FROM pg_trigger t
                    WHERE t.tgrelid = 'lead_interactions'::regclass AND t.tgname = 'taskline_occurs_at'), 'missing')
$$;

CREATE OR REPLACE FUNCTION pg_temp.timeline_indexes() RETURNS TABLE (name text, what text) LANGUAGE sql IMMUTABLE AS $$
  SELECT format('idx_lead_interactions_%s_timeline', k.kind),
         format('(organization_id, %1$s_id, occurs_at DESC, id DESC) WHERE (%1$s_id IS NOT NULL)', k.kind)
    FROM unnest(ARRAY['lead', 'contact', 'account']) AS k(kind)
   UNION ALL
  SELECT format('idx_lead_interactions_tasks_by_%s', d.word),
         format('(organization_id, %s, id) WHERE (interaction_type = ''task'')', d.col)
    FROM (VALUES ('due', 'scheduled_at'), ('creation', 'created_at')) AS d(word, col)
$$;

-- What the catalogue has under an index's name: 'missing', 'right', 'invalid', or 'other': something else. Definitions are
-- compared as the server prints them, without blanks, parentheses, casts and storage parameters.
CREATE OR REPLACE FUNCTION pg_temp.timeline_index_state(index_name text, what text) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT coalesce(
    (SELECT CASE WHEN i.indrelid IS DISTINCT FROM li.oid THEN 'other'
                 WHEN NOT (i.indisvalid AND i.indisready AND i.indislive) THEN 'invalid'
                 WHEN NOT i.indisunique
                      AND regexp_replace(split_part(pg_get_indexdef(c.oid), ' USING btree ', 2),
                                         ' WITH \([^)]*\)|[\s()]|::(text|character varying)', '', 'g')
                          = regexp_replace(what, '[\s()]', '', 'g')
                 THEN 'right'
                 ELSE 'other' END
       FROM pg_class li
       JOIN pg_class c ON c.relnamespace = li.relnamespace AND c.relname = index_name
       LEFT JOIN pg_index i ON i.indexrelid = c.oid
      WHERE li.oid = 'lead_interactions'::regclass), 'missing')
$$;

-- Whether this file made the column, or keeps one that was there: it has written down how to go back.
CREATE OR REPLACE FUNCTION pg_temp.is_kept() RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT EXISTS (SELECT FROM pg_temp.saved(43) s WHERE s.object_name = 'occurs_at')
$$;

-- The tables on which a trigger keeps rows as they are while they are filled.
CREATE OR REPLACE FUNCTION pg_temp.kept_tables() RETURNS TABLE (rel regclass, kind text) LANGUAGE sql STABLE AS $$
  SELECT v.* FROM (VALUES (to_regclass('lead_interactions'), 'row'), (to_regclass('leads'), 'lead')) AS v(rel, kind)
   WHERE v.rel IS NOT NULL
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

-- Whether a row's place in time follows what is written, even where a writer names another. The row hangs on no real lead.
CREATE OR REPLACE FUNCTION pg_temp.try_order() RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  li      constant regclass := 'lead_interactions';
  pattern constant jsonb := pg_temp.pattern_task();
  is_wrong constant text := format('SELECT count(*) FROM %s AND t.id = $1', pg_temp.misplaced());
  what    constant text := 'a place in time that follows what is written';
  records jsonb;
  task    jsonb;
  change  text;
  n       bigint;
  miss    text;
BEGIN
  IF pattern IS NULL THEN
    RETURN '{}';                                    -- which the proof of the tasks has said already
  END IF;
  BEGIN                                             -- all of this is taken back
    PERFORM set_config('lock_timeout', '150ms', true);
    records := pg_temp.records_for(pattern);
    task := pg_temp.fresh(li, pattern || jsonb_build_object('id', gen_random_uuid(), 'interaction_type', 'task', 'status', 'pending',
              'contact_id', records->'contact', 'account_id', records->'account', 'occurs_at', '2000-01-01',
              'lead_id', CASE WHEN coalesce(records->>'contact', records->>'account') IS NULL THEN records->>'lead' END));
    EXECUTE pg_temp.insert_statement(li, task) USING task;
    FOREACH change IN ARRAY ARRAY['status = status', 'status = ''completed''', 'completed_at = now()', 'occurs_at = NULL',
                                  'completed_at = NULL, scheduled_at = now() + interval ''1 day''', 'scheduled_at = NULL'] LOOP
      EXECUTE is_wrong INTO n USING (task->>'id')::uuid;
      miss := coalesce(miss, CASE WHEN n > 0 THEN format('wrong before SET %s', change) END);
      EXECUTE format('UPDATE %s SET %s WHERE id = $1', li, change) USING (task->>'id')::uuid;
    END LOOP;
    EXECUTE is_wrong INTO n USING (task->>'id')::uuid;
    miss := coalesce(miss, CASE WHEN n > 0 THEN 'wrong after the last change' END);
    RAISE EXCEPTION USING ERRCODE = 'TL000', MESSAGE = 'tried; take it back';
  EXCEPTION WHEN SQLSTATE 'TL000' THEN NULL;
            WHEN lock_not_available OR deadlock_detected THEN RAISE;
            WHEN OTHERS THEN                        -- a rule of the CRM's own that a copy doesn't meet
              RETURN jsonb_build_object('kind', what, 'verdict', 'unproven', 'detail', SQLERRM);
  END;
  RETURN jsonb_build_object('kind', what, 'verdict', CASE WHEN miss IS NULL THEN 'proven' ELSE 'failed' END,
                            'detail', coalesce(miss, current_user));
END $$;

-- The same, tried again while somebody holds one of its rows.
CREATE OR REPLACE PROCEDURE pg_temp.try_order_patiently(INOUT answer jsonb) LANGUAGE plpgsql AS $$
BEGIN
  FOR attempt IN 1 .. 40 LOOP
    BEGIN
      answer := pg_temp.try_order();
    EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
      answer := NULL;
    END;
    COMMIT;
    EXIT WHEN answer IS NOT NULL;
    PERFORM pg_sleep(0.1 + 0.2 * random());
  END LOOP;
  IF answer IS NULL THEN
    RAISE EXCEPTION 'the proof found its rows locked 40 times' USING ERRCODE = 'lock_not_available',
      HINT = 'Run this file again in a quieter moment: it goes on where it stopped.';
  END IF;
END $$;

-- == Obstacles ==
-- What this file can't or mustn't repair by itself is named here, all of it at once, before anything changes.
CREATE OR REPLACE FUNCTION pg_temp.table_obstacles() RETURNS SETOF text LANGUAGE plpgsql STABLE AS $$
DECLARE
  li   constant regclass := 'lead_interactions';
  home constant text := pg_temp.home();
  c    pg_class;
  rel  regclass;
  item record;
BEGIN
  SELECT * INTO c FROM pg_class WHERE oid = li;
  IF c.relkind <> 'r' THEN
    RETURN NEXT format('%s: found no ordinary table. Next: check search_path.', li);
  END IF;
  FOR rel IN SELECT k.rel FROM pg_temp.kept_tables() k LOOP
    IF NOT pg_has_role(pg_temp.owner_of(rel)::oid, 'USAGE') THEN
      RETURN NEXT format('%1$s: found owner %2$s, expected that %3$s is or belongs to the owner. Next: run this as %2$s.',
                         rel, pg_temp.owner_of(rel), current_user);
    END IF;
  END LOOP;
  FOR item IN SELECT p.oid::regprocedure AS routine FROM pg_proc p
               WHERE p.proname IN ('taskline_043_keep_row', 'taskline_043_keep_lead', 'taskline_occurs_at') AND p.pronargs = 0
                 AND p.pronamespace = c.relnamespace
                 AND pg_get_userbyid(p.proowner) <> current_user AND NOT pg_has_role(p.proowner, c.relowner, 'MEMBER') LOOP
    RETURN NEXT format('%1$s: found a function of another owner under this name, which could act with the rights of %2$s. '
                       'Next: DROP FUNCTION %1$s;', item.routine, current_user);
  END LOOP;
  IF NOT has_schema_privilege(c.relnamespace, 'CREATE') THEN
    RETURN NEXT format('schema %1$s: found no right of %2$s to create objects. Next: GRANT CREATE ON SCHEMA %1$s TO %2$I;',
                       home, current_user);
  END IF;
  IF c.relforcerowsecurity AND NOT (SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user) THEN
    RETURN NEXT format('%1$s: found row security forced on its owner, who then can''t see every row. '
                       'Next: ALTER TABLE %1$s NO FORCE ROW LEVEL SECURITY; or run this as a role with BYPASSRLS.', li);
  END IF;
  IF NOT pg_temp.has_column(li, 'contact_id') OR NOT pg_temp.has_column(li, 'account_id') THEN
    RETURN NEXT format('%s: found no contact_id or no account_id, expected both. '
                       'Next: run 041_extend_interactions_to_contacts_and_accounts.sql first.', li);
  END IF;
  FOR item IN SELECT w.*, format_type(a.atttypid, a.atttypmod) AS found
                FROM (VALUES ('organization_id', 'uuid'), ('completed_at', 'timestamptz'), ('scheduled_at', 'timestamptz'),
                             ('created_at', 'timestamptz')) AS w(col, type)
                LEFT JOIN pg_attribute a ON a.attrelid = li AND a.attname = w.col AND NOT a.attisdropped
               WHERE a.atttypid IS DISTINCT FROM w.type::regtype LOOP
    RETURN NEXT CASE WHEN item.found IS NULL
      THEN format('%1$s.%2$s: found no such column, expected type %3$s. Next: ALTER TABLE %1$s ADD COLUMN %2$I %3$s;',
                  li, item.col, item.type)
      ELSE format('%1$s.%2$s: found type %3$s, expected %4$s. Next: ALTER TABLE %1$s ALTER COLUMN %2$I TYPE %4$s; '
                  '(it rewrites the table; choose a quiet hour)', li, item.col, item.found, item.type) END;
  END LOOP;
END $$;

-- Names that are taken: a column, function or trigger of another meaning, and triggers that come after ours.
CREATE OR REPLACE FUNCTION pg_temp.order_obstacles() RETURNS SETOF text LANGUAGE plpgsql STABLE AS $$
DECLARE
  li      constant regclass := 'lead_interactions';
  routine constant text := pg_temp.home() || '.taskline_occurs_at()';
  item    record;
  n       bigint;
  sample  text;
BEGIN
  SELECT a.*, format_type(a.atttypid, a.atttypmod) AS type INTO item
    FROM pg_attribute a WHERE a.attrelid = li AND a.attname = 'occurs_at' AND NOT a.attisdropped;
  IF item.type <> 'timestamp with time zone' THEN
    RETURN NEXT format('%1$s.occurs_at: found type %2$s, expected timestamp with time zone. '
                       'Next: ALTER TABLE %1$s RENAME COLUMN occurs_at TO occurs_at_old;', li, item.type);
  ELSIF item.attgenerated = 's' THEN
    RETURN NEXT format('%1$s.occurs_at: found a generated column, which no trigger can set. '
                       'Next: ALTER TABLE %1$s ALTER COLUMN occurs_at DROP EXPRESSION; (its values stay)', li);
  ELSIF item.attgenerated <> '' THEN
    RETURN NEXT format('%1$s.occurs_at: found a generated column, which no trigger can set. '
                       'Next: ALTER TABLE %1$s RENAME COLUMN occurs_at TO occurs_at_old;', li);
  ELSIF item.type IS NOT NULL AND NOT pg_temp.is_kept() THEN
    EXECUTE format('SELECT count(*), min(t.id::text) FROM %s AND t.occurs_at IS NOT NULL', pg_temp.misplaced()) INTO n, sample;
    IF n > 0 THEN
      RETURN NEXT format('%1$s.occurs_at: found a column of another meaning: in %2$s, for example %3$s, it isn''t the first of '
                         'completed_at, scheduled_at and created_at. '
                         'Next: ALTER TABLE %1$s RENAME COLUMN occurs_at TO occurs_at_old;', li, pg_temp.rows_in_words(n), sample);
    END IF;
  END IF;
  IF pg_temp.function_state() = 'other' AND NOT pg_temp.is_kept() THEN
    RETURN NEXT format('%1$s: found another function under this name. Next: ALTER FUNCTION %1$s RENAME TO occurs_at_old;',
                       routine);
  END IF;
  IF pg_temp.trigger_state() = 'other' THEN
    RETURN NEXT format('%1$s: found another trigger under the name taskline_occurs_at. '
                       'Next: ALTER TRIGGER taskline_occurs_at ON %1$s RENAME TO occurs_at_old;', li);
  END IF;
  -- triggers fire in the order of their names, and what ours has read must stay
  FOR item IN SELECT t.tgname, (regexp_match(p.prosrc, '\mnew\.(completed_at|scheduled_at|created_at)\s*:?=', 'i'))[1] AS col
                FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
               WHERE t.tgrelid = li AND NOT t.tgisinternal AND t.tgenabled <> 'D' AND t.tgtype & 3 = 3 AND t.tgtype & 20 > 0
                 AND t.tgname > 'taskline_occurs_at' AND t.tgname <> '~taskline_043_keep'
                 AND p.prosrc ~* '(^|;|\mbegin|\mthen|\melse|\mloop)\s*new\.(completed_at|scheduled_at|created_at)\s*:?=' LOOP
    RETURN NEXT format('%1$s: found that trigger %2$I sets %3$s after taskline_occurs_at has read it, for triggers fire in the '
                       'order of their names. Next: ALTER TRIGGER %2$I ON %1$s RENAME TO %4$I;',
                       li, item.tgname, item.col, left('a_' || item.tgname, 63));
  END LOOP;
  FOR item IN SELECT w.name FROM pg_temp.timeline_indexes() w
                JOIN pg_class c ON c.relname = w.name AND c.relkind <> 'i'
               WHERE c.relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = li) LOOP
    RETURN NEXT format('%s: found something that is no index under this name. Next: rename it.', item.name);
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
    SELECT string_agg('  - ' || o, E'\n') INTO found FROM pg_temp.order_obstacles() o;
  END IF;
  IF found IS NOT NULL THEN
    RAISE EXCEPTION E'043 can''t start:\n%', found
      USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'Nothing was changed. Do what the lines say, then run this file again.';
  END IF;
END $$;

-- == Columns ==
-- Column and trigger come in one transaction: from then on no writer leaves a row without its place, and only the rows that
-- were there before are left to fill.
DO $$
DECLARE
  li       constant regclass := 'lead_interactions';
  table_   constant text := pg_temp.full_name(li);
  routine  constant text := pg_temp.home() || '.taskline_occurs_at()';
  owner    constant name := pg_get_userbyid(pg_temp.owner_of(li));
  is_there constant boolean := pg_temp.has_column(li, 'occurs_at');
  ddl      text[] := '{}';
  back     text;
BEGIN
  IF pg_temp.function_state() <> 'right' THEN
    ddl := ddl || format('CREATE OR REPLACE FUNCTION %s RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS %L',
                         routine, pg_temp.trigger_body())
               || format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', routine);      -- a trigger fires without this right
    IF owner <> current_user AND pg_temp.can_become(owner) AND has_schema_privilege(owner, pg_temp.home()::regnamespace, 'CREATE') THEN
      ddl := ddl || format('ALTER FUNCTION %s OWNER TO %I', routine, owner);
    END IF;
  END IF;
  IF NOT is_there THEN
    ddl := ddl || format('ALTER TABLE %s ADD COLUMN occurs_at timestamptz', li);
  END IF;
  IF pg_temp.trigger_state() <> 'right' THEN
    ddl := ddl || format('CREATE OR REPLACE TRIGGER taskline_occurs_at BEFORE INSERT OR UPDATE ON %s '
                         'FOR EACH ROW EXECUTE FUNCTION %s', li, routine)
               || format('ALTER TABLE %s ENABLE ALWAYS TRIGGER taskline_occurs_at', li);
  END IF;
  back := concat_ws('; ', format('DROP TRIGGER IF EXISTS taskline_occurs_at ON %s', table_),
    CASE WHEN NOT is_there THEN format('ALTER TABLE %s DROP COLUMN IF EXISTS occurs_at', table_)
         WHEN NOT (SELECT attnotnull FROM pg_attribute WHERE attrelid = li AND attname = 'occurs_at')
         THEN format('ALTER TABLE %s ALTER COLUMN occurs_at DROP NOT NULL', table_) END,
    format('DROP FUNCTION IF EXISTS %s', routine));
  IF NOT pg_temp.is_kept() THEN
    CALL pg_temp.alter_shortly('add lead_interactions.occurs_at, and the trigger that keeps it',
                               coalesce(nullif(array_to_string(ddl, '; '), ''), 'SELECT'),
                               pg_temp.undo(43, 'statement', li, 'occurs_at', back));
  ELSIF ddl <> '{}' THEN
    CALL pg_temp.alter_shortly('repair the trigger that keeps lead_interactions.occurs_at', array_to_string(ddl, '; '));
  END IF;
END $$;

-- == Backfill ==
-- A plain UPDATE would fire the table's triggers: updated_at of the row and of its lead would move, and the lead's next
-- follow-up would be computed anew. Two triggers that sort last undo all that, for this session alone, and go afterwards.
CREATE OR REPLACE PROCEDURE pg_temp.keep_rows() LANGUAGE plpgsql AS $$
DECLARE
  home constant text := pg_temp.home();
  item record;
BEGIN
  CALL pg_temp.alter_shortly('make the functions that keep rows as they are', format($make$
    CREATE OR REPLACE FUNCTION %1$s.taskline_043_keep_row() RETURNS trigger LANGUAGE plpgsql AS $f$
    BEGIN
      NEW := OLD;
      NEW.occurs_at := %2$s;
      RETURN NEW;
    END $f$;
    CREATE OR REPLACE FUNCTION %1$s.taskline_043_keep_lead() RETURNS trigger LANGUAGE plpgsql AS $f$
    BEGIN
      RETURN NULL;
    END $f$
    $make$, home, pg_temp.place_in_time('NEW')));
  FOR item IN SELECT * FROM pg_temp.kept_tables() LOOP
    CALL pg_temp.alter_shortly(format('keep the rows of %s as they are', item.rel), format($make$
      CREATE OR REPLACE TRIGGER "~taskline_043_keep" BEFORE UPDATE ON %s FOR EACH ROW
        WHEN (current_setting('taskline.backfill', true) = 'on') EXECUTE FUNCTION %s.taskline_043_keep_%s()
      $make$, item.rel, home, item.kind));
  END LOOP;
END $$;

CREATE OR REPLACE PROCEDURE pg_temp.keep_rows_no_longer() LANGUAGE plpgsql AS $$
DECLARE
  item record;
BEGIN
  FOR item IN SELECT k.rel FROM pg_temp.kept_tables() k
                JOIN pg_trigger t ON t.tgrelid = k.rel AND t.tgname = '~taskline_043_keep' LOOP
    CALL pg_temp.alter_shortly(format('remove the trigger that kept the rows of %s', item.rel),
                               format('DROP TRIGGER "~taskline_043_keep" ON %s', item.rel));
  END LOOP;
  FOR item IN SELECT p.oid::regprocedure AS routine FROM pg_proc p
               WHERE p.proname IN ('taskline_043_keep_row', 'taskline_043_keep_lead') AND p.pronargs = 0
                 AND p.pronamespace = pg_temp.home()::regnamespace LOOP
    CALL pg_temp.alter_shortly('remove a function that kept rows as they are', format('DROP FUNCTION %s', item.routine));
  END LOOP;
END $$;

-- Through the table once, page by page: whatever others write meanwhile, their rows come out right by the trigger. Rows that
-- somebody holds are passed over, and looked for afterwards.
DO $$
DECLARE
  budget  constant interval := coalesce(nullif(current_setting('taskline.lock_budget', true), ''), '5 minutes');
  stride  constant integer := 16;                   -- pages at a time: some 500 rows as wide as a CRM's
  pages   bigint;
  page    bigint := 0;
  size    integer := 500;
  filled  bigint := 0;
  wrote   bigint := 0;                              -- rows of ours or of tables near by, by the server's own count
  n       bigint;
  w       bigint;
  is_left boolean;
  failed  boolean;
  began   timestamptz;
  took    interval;
  moved   timestamptz := clock_timestamp();         -- when a row was last filled
  told    timestamptz := clock_timestamp();
BEGIN
  EXECUTE format('SELECT EXISTS (SELECT FROM %s)', pg_temp.misplaced()) INTO is_left;
  IF is_left THEN
    CALL pg_temp.keep_rows();
  END IF;
  pages := pg_relation_size('lead_interactions') / current_setting('block_size')::integer;
  WHILE is_left LOOP
    w := pg_temp.rows_written();
    failed := false;
    began := clock_timestamp();
    BEGIN
      PERFORM set_config('taskline.backfill', 'on', true), set_config('lock_timeout', '150ms', true);
      EXECUTE format('UPDATE lead_interactions u SET occurs_at = %s
                        FROM (SELECT t.id FROM %s%s LIMIT %s FOR NO KEY UPDATE SKIP LOCKED) AS batch WHERE u.id = batch.id',
                     pg_temp.place_in_time('u'), pg_temp.misplaced(),
                     CASE WHEN page < pages
                          THEN format(' AND t.ctid >= ''(%s,0)'' AND t.ctid < ''(%s,0)''', page, page + stride) END, size);
      GET DIAGNOSTICS n = ROW_COUNT;
      wrote := wrote + pg_temp.rows_written() - w;
    EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
      n := 0;
      failed := true;
    END;
    COMMIT;
    took := clock_timestamp() - began;
    filled := filled + n;
    IF n > 0 THEN
      moved := clock_timestamp();
    END IF;
    IF moved - told > interval '2 seconds' THEN
      RAISE NOTICE 'occurs_at: % rows filled so far, in % of % pages', filled, least(page, pages), pages;
      told := moved;
    END IF;
    IF page < pages AND (failed AND size = 1 OR NOT failed AND n < size) THEN
      page := page + stride;
    ELSIF page >= pages AND n = 0 THEN
      EXECUTE format('SELECT EXISTS (SELECT FROM %s)', pg_temp.misplaced()) INTO is_left;
      IF is_left AND clock_timestamp() - moved > budget THEN
        RAISE EXCEPTION 'the last rows without occurs_at stay locked by others for %', budget
          USING ERRCODE = 'lock_not_available',
                DETAIL = 'In the way:' || coalesce(pg_temp.in_the_way(jsonb_build_object('lead_interactions'::regclass::oid,
                                                                                  'ExclusiveLock')), ' nobody any more'),
                HINT = 'What was filled stays filled. End the long transaction; the next run goes on where this one stopped.';
      END IF;
      COMMIT;
      PERFORM pg_sleep(CASE WHEN is_left THEN 0.1 + 0.2 * random() ELSE 0 END);
    END IF;
    size := CASE WHEN failed THEN greatest(1, size / 4)        -- a smaller batch meets fewer locked leads
                 WHEN took > interval '100 ms' THEN greatest(1, size / 2)       -- so long at most somebody waits for a row of it
                 WHEN took < interval '50 ms' THEN least(500, size * 2)
                 ELSE size END;
  END LOOP;
  PERFORM set_config('taskline.filled', filled::text, false), set_config('taskline.besides', (wrote - filled)::text, false);
  CALL pg_temp.keep_rows_no_longer();               -- also after an earlier run that was killed
END $$;

-- == Not null ==
-- SET NOT NULL would read the whole table behind an exclusive lock. It takes a validated check's word instead.
DO $$
DECLARE
  li constant regclass := 'lead_interactions';
BEGIN
  IF (SELECT attnotnull FROM pg_attribute WHERE attrelid = li AND attname = 'occurs_at' AND NOT attisdropped) THEN
    RETURN;
  END IF;
  IF NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = li AND conname = 'taskline_043_filled') THEN
    CALL pg_temp.alter_shortly('let occurs_at be there in every new row',
      format('ALTER TABLE %s ADD CONSTRAINT taskline_043_filled CHECK (occurs_at IS NOT NULL) NOT VALID', li));
  END IF;
  CALL pg_temp.alter_shortly('check that occurs_at is there in every row',
                             format('ALTER TABLE %s VALIDATE CONSTRAINT taskline_043_filled', li));
  CALL pg_temp.alter_shortly('let occurs_at be null no longer',
    format('ALTER TABLE %1$s ALTER COLUMN occurs_at SET NOT NULL; ALTER TABLE %1$s DROP CONSTRAINT taskline_043_filled', li));
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
  back  text;
  undos jsonb[];                                    -- of what was there before 043, not of what somebody put in our place
BEGIN
  FOR want IN SELECT w.*, pg_temp.timeline_index_state(w.name, w.what) AS state FROM pg_temp.timeline_indexes() w LOOP
    aside := left(want.name, 46) || '_before_043';
    back := format('DROP INDEX IF EXISTS %s.%I', home, want.name);
    undos := CASE WHEN EXISTS (SELECT FROM pg_temp.saved(43) s WHERE s.ddl = back) THEN '{}' ELSE ARRAY[
               pg_temp.undo(43, 'statement', li, want.name, format('ALTER INDEX IF EXISTS %s.%I RENAME TO %I', home, aside, want.name))] END;
    IF want.state = 'invalid' THEN
      CALL pg_temp.alter_shortly(format('drop the unfinished index %s', want.name), format('DROP INDEX %s.%I', home, want.name));
    ELSIF want.state = 'other' THEN
      CALL pg_temp.alter_shortly(format('rename the index that has the name %s', want.name),
        format('ALTER INDEX %s.%I RENAME TO %I', home, want.name, aside), VARIADIC undos);
    END IF;
    IF want.state <> 'right' AND undos <> '{}' THEN
      PERFORM pg_temp.save_ddl(pg_temp.undo(43, 'statement', li, want.name, back));
    END IF;
    COMMIT;
  END LOOP;
END $$;

-- A concurrent build ends only when all transactions have ended that were open before it. While it waits it can't speak.
DO $$
DECLARE
  slow text;
BEGIN
  IF EXISTS (SELECT FROM pg_temp.timeline_indexes() w WHERE pg_temp.timeline_index_state(w.name, w.what) <> 'right') THEN
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
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_lead_interactions_lead_timeline
  ON lead_interactions (organization_id, lead_id, occurs_at DESC, id DESC) WHERE lead_id IS NOT NULL;
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_lead_interactions_contact_timeline
  ON lead_interactions (organization_id, contact_id, occurs_at DESC, id DESC) WHERE contact_id IS NOT NULL;
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_lead_interactions_account_timeline
  ON lead_interactions (organization_id, account_id, occurs_at DESC, id DESC) WHERE account_id IS NOT NULL;
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_lead_interactions_tasks_by_due
  ON lead_interactions (organization_id, scheduled_at, id) WHERE interaction_type = 'task';
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_lead_interactions_tasks_by_creation
  ON lead_interactions (organization_id, created_at, id) WHERE interaction_type = 'task';
SET lock_timeout = 0;
SET client_min_messages = notice;

-- == Validation ==
-- From the catalogue and the rows, then by behaviour; one miss, and the success line does not appear.
CREATE OR REPLACE FUNCTION pg_temp.line(is_met boolean, met text, missed text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN is_met THEN '✅ ' || met ELSE '❌ ' || missed END
$$;

CREATE OR REPLACE FUNCTION pg_temp.order_lines() RETURNS SETOF text LANGUAGE plpgsql STABLE AS $$
DECLARE
  li    constant regclass := 'lead_interactions';
  item  record;
  n     bigint;
  dateless bigint;
  found text;
BEGIN
  RETURN NEXT pg_temp.line(
    EXISTS (SELECT FROM pg_attribute WHERE attrelid = li AND attname = 'occurs_at' AND attnotnull AND NOT attisdropped
                                       AND atttypid = 'timestamptz'::regtype),
    'occurs_at column: CREATED, NOT NULL', 'occurs_at column: not there as timestamptz NOT NULL');
  RETURN NEXT pg_temp.line(pg_temp.trigger_state() = 'right' AND pg_temp.function_state() = 'right',
    'occurs_at trigger: taskline_occurs_at, for every writer, subscriptions included',
    format('occurs_at trigger: %s, its function: %s', pg_temp.trigger_state(), pg_temp.function_state()));
  found := format('occurs_at: %s filled', pg_temp.rows_in_words(current_setting('taskline.filled')::bigint));
  RETURN NEXT CASE
    WHEN NOT current_setting('track_counts')::boolean
    THEN format('⚠️ %s; the server doesn''t count what else a session writes (track_counts is off)', found)
    WHEN current_setting('taskline.besides') = '0' THEN format('✅ %s, and by the server''s own count no other row written', found)
    ELSE format('⚠️ %s; triggers of this database wrote %s besides', found,
                pg_temp.rows_in_words(current_setting('taskline.besides')::bigint)) END;
  EXECUTE format('SELECT count(*) FILTER (WHERE t.occurs_at IS DISTINCT FROM %s),
                         count(*) FILTER (WHERE t.occurs_at = ''-infinity'') FROM lead_interactions t',
                 pg_temp.place_in_time('t')) INTO n, dateless;
  RETURN NEXT pg_temp.line(n = 0, 'occurs_at of every row: the first of completed_at, scheduled_at and created_at',
                           format('occurs_at: wrong in %s', pg_temp.rows_in_words(n)));
  IF dateless > 0 THEN
    RETURN NEXT format('ℹ️ %s without any date: before all others in their timelines, at -infinity',
                       pg_temp.rows_in_words(dateless));
  END IF;
  RETURN NEXT pg_temp.line(
    NOT EXISTS (SELECT FROM pg_trigger t JOIN pg_temp.kept_tables() k ON t.tgrelid = k.rel AND t.tgname = '~taskline_043_keep'),
    'triggers: as they were, and taskline_occurs_at', 'triggers: one that kept rows as they are is still there');
  FOR item IN SELECT w.name, pg_temp.timeline_index_state(w.name, w.what) AS state FROM pg_temp.timeline_indexes() w LOOP
    RETURN NEXT pg_temp.line(item.state = 'right', item.name || ': CREATED', format('%s: %s', item.name, upper(item.state)));
  END LOOP;
END $$;

DO $$
DECLARE
  box     constant text := $box$
╔════════════════════════════════════════════════════════════════╗
║         TIMELINE ORDER: REPORT                                 ║
╚════════════════════════════════════════════════════════════════╝$box$;
  lines   text[];
  misses  integer;
  answers jsonb;
  order_  jsonb;
BEGIN
  CALL pg_temp.prove_patiently(ARRAY['lead', 'contact', 'account', 'both'], answers);
  CALL pg_temp.try_order_patiently(order_);
  lines := ARRAY(SELECT pg_temp.order_lines())
           || ARRAY(SELECT pg_temp.line_of(a) FROM jsonb_array_elements(answers) a)
           || CASE order_->>'verdict' WHEN 'proven' THEN ARRAY[format('✅ tried: %s', order_->>'kind')]
                                      ELSE CASE WHEN order_ = '{}' THEN '{}' ELSE ARRAY[pg_temp.line_of(order_)] END END;
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
