-- 045_event_log.sql: whatever happens to an interaction is written down, taskline_events, whoever does it.
--
-- Run it after 044, with psql -f, \i or the runner, on a live database, as often as you like. It
--   1. makes the table taskline_events: a line for each thing that happened, with the row after it and what changed as it
--      was before, as jsonb, and no foreign key, for the log outlives tasks, records and people. The API's role may read the
--      lines of its organization, but for those of rows that 042 lists as disputed, and nobody but the owner may write;
--   2. lets triggers write it in the transaction of whoever changes something: taskline_events on lead_interactions, and
--      ~taskline_lost_link on leads, contacts and accounts, which keeps a record's name before it goes. They fire for the old
--      application, COPY and the apply process of a subscription too (ENABLE ALWAYS), with the rights of the tables' owner,
--      and don't fail for what a session has set or not;
--   3. copies the old history, interaction_events, 1,000 lines at a time with a commit each, every line once; it stays as it
--      is, and goes on for the old application.
-- What it adds it first writes down in taskline_saved_ddl, and 045_event_log.rollback.sql takes away.
-- No row of the CRM is changed.
--
-- A change is announced once per transaction by NOTIFY taskline_events, except where the server lets transactions be prepared
-- (max_prepared_transactions), for such a one can't announce anything; the setting taskline.notify (on, off) overrules that.
--
-- Locks, each tried for at most 150 ms at a time: SHARE ROW EXCLUSIVE on leads, contacts, accounts, and once on
-- lead_interactions and interaction_events together, to create the triggers, beside readers; SHARE ROW EXCLUSIVE or, to drop a
-- trigger that the copy needed, ACCESS EXCLUSIVE on interaction_events. The copy locks no row. A run with nothing to do takes
-- no exclusive lock.
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

-- The tables whose rows an interaction can be linked to.
CREATE OR REPLACE FUNCTION pg_temp.linkable() RETURNS TABLE (kind text, rel regclass) LANGUAGE sql STABLE AS $$
  SELECT v.* FROM (VALUES ('lead', pg_temp.lead_table()), ('contact', to_regclass('contacts')), ('account', to_regclass('accounts')))
                  AS v(kind, rel)
   WHERE v.rel IS NOT NULL
$$;

-- The functions of the log and their bodies. They name tables with their schema, look at rows as jsonb, so that a column that
-- comes or goes breaks nothing, and cast nothing that a session or a row could hold wrongly: no write may fail for the log.
CREATE OR REPLACE FUNCTION pg_temp.log_functions() RETURNS TABLE (name text, body text) LANGUAGE sql STABLE AS $outer$
  SELECT v.name, replace(replace(replace(replace(replace(v.body,
           '{user}', $user$substring(current_setting('app.current_user_id', true) FROM {uuid})$user$),
           '{uuid}', $uuid$'(?i)^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$'$uuid$),
           '{notify}', $notify$
  -- a condition, because PERFORM is a query
  IF coalesce(nullif(current_setting('taskline.notify', true), ''),
              CASE current_setting('max_prepared_transactions') WHEN '0' THEN 'on' ELSE 'off' END) = 'on'
     AND pg_notify('taskline_events', '') IS NULL THEN
  END IF;$notify$),
           '{home}', pg_temp.home()),
           '{organization}', CASE v.name WHEN 'taskline_log_interaction' THEN $of$whole->>'organization_id'$of$ ELSE 't.organization_id::text' END)
    FROM (
      SELECT 'taskline_log_interaction' AS name, replace(replace(replace($body$
#variable_conflict use_variable
DECLARE
  visible  constant text[] := ARRAY['interaction_type', 'subject', 'description', 'outcome', 'status', 'priority', 'scheduled_at',
                                    'completed_at', 'user_id', 'lead_id', 'contact_id', 'account_id', 'created_at', 'created_by',
                                    'deleted_at'];
  old_row  constant jsonb := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END;
  new_row  constant jsonb := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END;
  whole    constant jsonb := coalesce(new_row, old_row);
  moment   constant timestamptz := clock_timestamp();
  who      uuid;
  was      jsonb;                                   -- what changed, as it was, and where the row stood in time, and whose it was
  what     text;
  about    text[];                                  -- columns that belong to it
  part     text[];                                  -- those of them that changed
  rest     text[];                                  -- others that changed, and that no line is about yet
  types    text[];                                  -- a line each, in the order in which they are told, with ...
  columns  text[];                                  -- ... the columns that it is about, as the text of an array
  kinds    text[];
  ids      text[];
  names    text[];
  col      text;
  kind     text;
  side     record;
  linked   jsonb;
BEGIN
  -- This runs at every write of the old application. Most of the cost is that PostgreSQL makes each expression ready anew in each
  -- transaction: so a creation and a completion come by few, which includes first values, and by no query but one.
  IF whole->>'organization_id' IS NULL THEN
    RETURN NULL;
  ELSIF TG_OP <> 'UPDATE' THEN
    types := ARRAY[CASE TG_OP WHEN 'INSERT' THEN 'created' ELSE 'deleted' END];
    was := old_row;
  ELSE
    was := jsonb_build_object('occurs_at', old_row->'occurs_at', 'organization_id', old_row->'organization_id');
    what := CASE
      WHEN old_row->>'deleted_at' IS NULL AND new_row->>'deleted_at' IS NOT NULL THEN 'deleted'
      WHEN old_row->>'deleted_at' IS NOT NULL AND new_row->>'deleted_at' IS NULL THEN 'restored'
      WHEN old_row->'status' IS NOT DISTINCT FROM new_row->'status' THEN NULL
      WHEN new_row->>'status' IN ('completed', 'cancelled') THEN new_row->>'status'
      WHEN old_row->>'status' IN ('completed', 'cancelled') AND new_row->>'status' IN ('scheduled', 'pending') THEN 'reopened' END;
    about := CASE WHEN what IN ('deleted', 'restored') THEN '{status,deleted_at}'
                  WHEN what = 'completed' THEN '{description,outcome,status,completed_at}'
                  WHEN what IS NOT NULL THEN '{outcome,status,completed_at}' END;
    FOREACH col IN ARRAY visible LOOP
      CONTINUE WHEN old_row->col IS NOT DISTINCT FROM new_row->col;
      was := was || jsonb_build_object(col, old_row->col);
      IF col = ANY (about) THEN
        part := part || col;
      ELSE
        rest := rest || col;
      END IF;
    END LOOP;
    IF what IS NOT NULL THEN
      types := ARRAY[what];
      columns := ARRAY[part::text];
    END IF;
    IF rest <> '{}' THEN
      IF 'user_id' = ANY (rest) AND new_row->>'user_id' IS NOT NULL THEN
        types := types || 'assigned'::text;
        columns := columns || '{user_id}'::text;
        rest := array_remove(rest, 'user_id');
      END IF;
      FOREACH kind IN ARRAY ARRAY['lead', 'contact', 'account'] LOOP
        CONTINUE WHEN kind || '_id' <> ALL (rest);
        rest := array_remove(rest, kind || '_id');
        FOR side IN SELECT s.* FROM (VALUES ('unlinked', old_row->>(kind || '_id')), ('linked', new_row->>(kind || '_id'))) AS s(what, id)
                     WHERE s.id IS NOT NULL LOOP
          linked := coalesce((SELECT to_jsonb(r) FROM {leads} r WHERE kind = 'lead' AND r.id = side.id::uuid),
                             (SELECT to_jsonb(r) FROM {contacts} r WHERE kind = 'contact' AND r.id = side.id::uuid),
                             (SELECT to_jsonb(r) FROM {accounts} r WHERE kind = 'account' AND r.id = side.id::uuid));
          -- a link to what is gone was lost, not removed, and that has been written down by then
          CONTINUE WHEN linked IS NULL AND side.what = 'unlinked';
          types := types || side.what;
          columns := columns || format('{%s_id}', kind);
          kinds[cardinality(types)] := kind;
          ids[cardinality(types)] := side.id;
          names[cardinality(types)] := {name of linked};
        END LOOP;
      END LOOP;
      IF rest <> '{}' THEN
        types := types || 'updated'::text;
        columns := columns || rest::text;
      END IF;
    END IF;
    IF types IS NULL THEN
      RETURN NULL;
    END IF;
  END IF;
  who := coalesce({user}, substring(
    CASE WHEN TG_OP = 'INSERT' THEN coalesce(new_row->>'created_by', new_row->>'last_modified_by')
         WHEN new_row->'last_modified_by' IS DISTINCT FROM old_row->'last_modified_by' THEN new_row->>'last_modified_by' END
    FROM {uuid}));
  FOR line IN 1 .. cardinality(types) LOOP
    INSERT INTO {home}.taskline_events (organization_id, interaction_id, type, at, actor_id, request_id, client_mutation_id,
                                        before, after, changed, record_kind, record_id, record_name)
    VALUES ((whole->>'organization_id')::uuid, (whole->>'id')::uuid, types[line], moment, who,
            nullif(current_setting('taskline.request_id', true), ''),
            nullif(current_setting('taskline.client_mutation_id', true), ''), was, new_row,
            columns[line]::text[], kinds[line], ids[line]::uuid, names[line]);
  END LOOP;{notify}
  RETURN NULL;
END $body$, '{leads}', coalesce(pg_temp.full_name(pg_temp.lead_table()), '(SELECT NULL::uuid AS id)')),
             '{contacts}', pg_temp.full_name(to_regclass('contacts'))), '{accounts}', pg_temp.full_name(to_regclass('accounts'))) AS body
       UNION ALL
      SELECT 'taskline_log_lost_' || l.kind, replace($body$
#variable_conflict use_variable
DECLARE
  linked constant jsonb := to_jsonb(OLD);
  moment constant timestamptz := clock_timestamp();
  who    constant uuid := {user};
BEGIN
  INSERT INTO {home}.taskline_events (organization_id, interaction_id, type, at, actor_id, request_id, client_mutation_id,
                                      before, after, changed, record_kind, record_id, record_name)
  SELECT t.organization_id, t.id, 'link_lost', moment, who,
         nullif(current_setting('taskline.request_id', true), ''), nullif(current_setting('taskline.client_mutation_id', true), ''),
         jsonb_build_object('{kind}_id', OLD.id), to_jsonb(t) || '{"{kind}_id": null}', ARRAY['{kind}_id'], '{kind}', OLD.id,
         {name of linked}
    FROM {home}.lead_interactions t
   WHERE t.{kind}_id = OLD.id AND t.organization_id IS NOT NULL
   ORDER BY t.id;
  IF NOT FOUND THEN
    RETURN OLD;
  END IF;{notify}
  RETURN OLD;
END $body$, '{kind}', l.kind)
        FROM pg_temp.linkable() l) AS u(name, raw)
   CROSS JOIN LATERAL (SELECT u.name, replace(u.raw, '{name of linked}',
     $name$CASE WHEN NOT linked ? 'organization_id' OR linked->>'organization_id' = {organization}
               THEN coalesce(nullif(btrim(linked->>'account_name'), ''),
                             nullif(concat_ws(' ', nullif(btrim(linked->>'first_name'), ''),
                                              nullif(btrim(linked->>'last_name'), '')), ''),
                             nullif(btrim(linked->>'company'), ''), nullif(btrim(linked->>'email'), '')) END$name$)) AS v(name, body)
$outer$;

-- A function of the log: 'missing', 'right' or 'other'.
CREATE OR REPLACE FUNCTION pg_temp.log_function_state(routine text) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT coalesce((SELECT CASE WHEN p.prosrc = f.body AND l.lanname = 'plpgsql' AND p.prosecdef
                                    AND p.proconfig = ARRAY['search_path=pg_catalog, pg_temp'] THEN 'right' ELSE 'other' END
                     FROM pg_temp.log_functions() f
                     JOIN pg_proc p ON p.oid = to_regprocedure(format('%s.%s()', pg_temp.home(), f.name))
                     JOIN pg_language l ON l.oid = p.prolang
                    WHERE f.name = routine), 'missing')
$$;

-- The triggers of the log: what calls which function when; `type` as in pg_trigger.
CREATE OR REPLACE FUNCTION pg_temp.log_triggers() RETURNS TABLE (rel regclass, name text, type integer, fires text, routine text)
LANGUAGE sql STABLE AS $$
  SELECT l.rel, '~taskline_lost_link', 11, 'BEFORE DELETE', 'taskline_log_lost_' || l.kind FROM pg_temp.linkable() l
   UNION ALL
  SELECT 'lead_interactions', 'taskline_events', 29, 'AFTER INSERT OR UPDATE OR DELETE', 'taskline_log_interaction'
$$;

-- One of them: 'missing', 'right', 'weak' (it calls our function, but not for every writer), or 'other'.
CREATE OR REPLACE FUNCTION pg_temp.log_trigger_state(relation regclass) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT coalesce((SELECT CASE WHEN t.tgfoid IS DISTINCT FROM to_regprocedure(format('%s.%s()', pg_temp.home(), w.routine)) THEN 'other'
                               WHEN t.tgtype = w.type AND t.tgenabled = 'A' AND t.tgqual IS NULL AND t.tgattr = '' THEN 'right'
                               ELSE 'weak' END
                     FROM pg_temp.log_triggers() w JOIN pg_trigger t ON t.tgrelid = w.rel AND t.tgname = w.name
                    WHERE w.rel = relation), 'missing')
$$;

CREATE OR REPLACE FUNCTION pg_temp.log_columns() RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT 'seq bigint NOT NULL, xid xid8, organization_id uuid NOT NULL, interaction_id uuid NOT NULL, type text NOT NULL, '
         'at timestamp with time zone NOT NULL, actor_id uuid, request_id text, client_mutation_id text, before jsonb, after jsonb, '
         'changed text[], record_kind text, record_id uuid, record_name text'
$$;

-- The table under our name: 'missing', 'right' or 'other'.
CREATE OR REPLACE FUNCTION pg_temp.log_table_state() RETURNS text LANGUAGE sql STABLE AS $$
  SELECT coalesce((SELECT CASE WHEN string_agg(format('%s %s%s', a.attname, format_type(a.atttypid, a.atttypmod),
                                                      CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END), ', ' ORDER BY a.attnum)
                                    = pg_temp.log_columns()
                                    AND bool_or(a.attname = 'seq' AND a.attidentity = 'a')
                                    AND bool_or(a.attname = 'xid' AND pg_get_expr(d.adbin, d.adrelid) = 'pg_current_xact_id()')
                               THEN 'right' ELSE 'other' END
                     FROM pg_class c
                     JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                     LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
                    WHERE c.oid = to_regclass(pg_temp.home() || '.taskline_events')
                   HAVING count(*) > 0), 'missing')
$$;

CREATE OR REPLACE FUNCTION pg_temp.log_indexes() RETURNS TABLE (name text, what text) LANGUAGE sql IMMUTABLE AS $$
  VALUES ('taskline_events_by_transaction', '(organization_id, xid, seq)'),
         ('taskline_events_of_interaction', '(organization_id, interaction_id, at DESC, seq DESC)'),
         ('taskline_events_of_record', '(record_id) WHERE (record_id IS NOT NULL)')
$$;

-- An index of the log: 'missing', 'right', 'invalid' or 'other'; as in timeline_index_state.
CREATE OR REPLACE FUNCTION pg_temp.log_index_state(index_name text, what text) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT coalesce(
    (SELECT CASE WHEN i.indrelid IS DISTINCT FROM to_regclass(pg_temp.home() || '.taskline_events') THEN 'other'
                 WHEN NOT (i.indisvalid AND i.indisready AND i.indislive) THEN 'invalid'
                 WHEN NOT i.indisunique
                      AND regexp_replace(split_part(pg_get_indexdef(c.oid), ' USING btree ', 2), ' WITH \([^)]*\)|[\s()]', '', 'g')
                          = regexp_replace(what, '[\s()]', '', 'g')
                 THEN 'right'
                 ELSE 'other' END
       FROM pg_class c LEFT JOIN pg_index i ON i.indexrelid = c.oid
      WHERE c.relnamespace = pg_temp.home()::regnamespace AND c.relname = index_name), 'missing')
$$;

-- Whether row security shows each organization its own lines, and nothing else.
CREATE OR REPLACE FUNCTION pg_temp.log_is_walled() RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT c.relrowsecurity AND count(p.oid) = 1
         AND coalesce(bool_and(p.polname = 'taskline_events_tenant' AND p.polpermissive AND p.polcmd = 'r' AND p.polroles = '{0}'
                      AND regexp_replace(pg_get_expr(p.polqual, p.polrelid), '[\s()]|AS "nullif"', '', 'g')
                          = $q$organization_id=SELECTNULLIFcurrent_setting'app.current_organization_id'::text,true,''::text::uuid$q$), false)
    FROM pg_class c LEFT JOIN pg_policy p ON p.polrelid = c.oid AND (p.polname <> 'taskline_events_disputed' OR p.polpermissive)
   WHERE c.oid = to_regclass(pg_temp.home() || '.taskline_events')
   GROUP BY c.relrowsecurity
$$;

-- The statements that put up this wall.
CREATE OR REPLACE FUNCTION pg_temp.log_wall() RETURNS text LANGUAGE sql STABLE AS $$
  SELECT format($w$ALTER TABLE %1$s.taskline_events ENABLE ROW LEVEL SECURITY;
    %2$sCREATE POLICY taskline_events_tenant ON %1$s.taskline_events FOR SELECT
      USING (organization_id = (SELECT nullif(current_setting('app.current_organization_id', true), '')::uuid))$w$, pg_temp.home(),
    (SELECT format('DROP POLICY taskline_events_tenant ON %s; ', polrelid::regclass) FROM pg_policy
      WHERE polrelid = to_regclass(pg_temp.home() || '.taskline_events') AND polname = 'taskline_events_tenant'))
$$;

-- Why the old history can't be copied; NULL if it can.
CREATE OR REPLACE FUNCTION pg_temp.no_old_history() RETURNS text LANGUAGE sql STABLE AS $$
  SELECT CASE
    WHEN to_regclass('interaction_events') IS NULL THEN 'there is no table interaction_events'
    WHEN c.relkind <> 'r' OR NOT pg_has_role(c.relowner, 'USAGE')
    THEN format('interaction_events is no ordinary table of %s', current_user)
    WHEN c.relrowsecurity AND c.relforcerowsecurity AND NOT (SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user)
    THEN 'row security of interaction_events is forced on its owner'
    WHEN 3 > (SELECT count(*) FROM pg_attribute a
               WHERE a.attrelid = c.oid AND NOT a.attisdropped
                 AND (a.attname = 'interaction_id' AND a.atttypid = 'uuid'::regtype OR a.attname = 'event_type'
                      OR a.attname = 'created_at' AND a.atttypid = 'timestamptz'::regtype))
    THEN 'interaction_events has no interaction_id, event_type or created_at of the usual type'
    WHEN NOT EXISTS (SELECT FROM pg_index i JOIN pg_attribute a ON a.attrelid = c.oid AND i.indkey::text = a.attnum::text
                      WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND a.attname = 'id')
    THEN 'interaction_events has no unique key on id' END
    FROM (VALUES (to_regclass('interaction_events'))) AS v(rel) LEFT JOIN pg_class c ON c.oid = v.rel
$$;

-- Whether the copy of the old history has begun, and not ended.
CREATE OR REPLACE FUNCTION pg_temp.is_copying() RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT to_regclass(pg_temp.home() || '.taskline_045_copy') IS NOT NULL
$$;

-- Whether this file has put up the log's triggers before, and so has seen to the old history.
CREATE OR REPLACE FUNCTION pg_temp.is_logging() RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT EXISTS (SELECT FROM pg_temp.saved(45) s WHERE s.object_name = 'the triggers of the log')
$$;

-- A line of the old history in the words of the log.
CREATE OR REPLACE FUNCTION pg_temp.in_our_words(e jsonb, OUT type text, OUT before jsonb, OUT after jsonb, OUT changed text[])
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  old constant text := lower(e->>'event_type');
  m   constant jsonb := CASE jsonb_typeof(e->'event_metadata') WHEN 'object' THEN e->'event_metadata' ELSE '{}' END;
  col text := e->>'field_changed';
BEGIN
  type := CASE WHEN old IN ('created', 'completed', 'cancelled', 'reopened', 'assigned', 'deleted') THEN old
               WHEN old = 'reassigned' THEN 'assigned' ELSE 'updated' END;
  IF type = 'created' THEN
    after := jsonb_strip_nulls(jsonb_build_object('interaction_type', m->'interaction_type', 'subject', m->'subject',
               'priority', m->'priority', 'scheduled_at', m->'scheduled_at', 'user_id', m->'assigned_to'));
    RETURN;
  ELSIF type = 'completed' THEN
    after := jsonb_strip_nulls(jsonb_build_object('completed_at', m->'completed_at', 'outcome', m->'outcome'));
    changed := ARRAY['completed_at', 'outcome'];
    RETURN;
  ELSIF type = 'cancelled' THEN
    after := '{"status": "cancelled"}';
    changed := ARRAY['status'];
    RETURN;
  END IF;
  col := CASE WHEN type = 'assigned' THEN 'assignee'            -- known by name alone
              WHEN old = 'priority_changed' THEN 'priority'
              WHEN old = 'date_changed' THEN 'scheduled_at'
              WHEN col IN ('subject', 'description', 'outcome', 'status', 'priority', 'scheduled_at', 'completed_at') THEN col END;
  changed := CASE WHEN col IS NULL THEN '{}'::text[] ELSE ARRAY[col] END;
  IF col IS NOT NULL THEN
    before := jsonb_build_object(col, e->'old_value');
    after := jsonb_build_object(col, e->'new_value');
  END IF;
END $$;

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

-- Whether what happens to a task is written down as it should be. The task hangs on no real lead.
CREATE OR REPLACE FUNCTION pg_temp.try_log() RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  li        constant regclass := 'lead_interactions';
  pattern   constant jsonb := pg_temp.pattern_task();
  role_name constant name := pg_temp.api_role();
  me        constant text := current_setting('role');
  what      constant text := 'a log of what happens to a task';
  actor     text := current_user;
  ours      text := 'created, completed, link_lost, deleted';
  records   jsonb;
  task      jsonb;
  found     text;
  miss      text;
  n         bigint;
BEGIN
  IF pattern IS NULL THEN
    RETURN '{}';                                    -- which the proof of the tasks has said already
  END IF;
  BEGIN                                             -- all of this is taken back
    PERFORM set_config('lock_timeout', '150ms', true), set_config('row_security', 'on', true);
    records := pg_temp.records_for(pattern);
    task := pg_temp.fresh(li, pattern || jsonb_build_object('id', gen_random_uuid(), 'interaction_type', 'task', 'status', 'pending',
              'completed_at', NULL, 'deleted_at', NULL, 'contact_id', records->'contact', 'account_id', records->'account',
              'lead_id', CASE WHEN records ? 'own_lead' OR coalesce(records->>'contact', records->>'account') IS NULL
                              THEN records->>'lead' END));
    IF pg_temp.can_become(role_name) THEN
      actor := role_name;
      PERFORM set_config('role', actor, true), set_config('app.current_organization_id', task->>'organization_id', true),
              set_config('app.current_user_id', 'nobody', true);          -- no uuid, as another application may leave it
    END IF;
    EXECUTE pg_temp.insert_statement(li, task) USING task;
    EXECUTE format('UPDATE %s SET status = ''completed'', completed_at = now() WHERE id = $1', li) USING (task->>'id')::uuid;
    EXECUTE format('UPDATE %s SET updated_at = now() WHERE id = $1', li) USING (task->>'id')::uuid;
    IF actor = role_name::text THEN
      EXECUTE 'SELECT count(*) FROM taskline_events WHERE interaction_id = $1' INTO n USING (task->>'id')::uuid;
      miss := CASE WHEN n <> 2 THEN format('%s sees %s of 2 lines', actor, n) END;
      PERFORM set_config('app.current_organization_id', gen_random_uuid()::text, true);
      EXECUTE 'SELECT count(*) FROM taskline_events' INTO n;
      miss := coalesce(miss, CASE WHEN n > 0 THEN 'another organization sees it' END);
      PERFORM set_config('role', me, true), set_config('app.current_user_id', '', true);
    END IF;
    IF records ? 'own_lead' THEN
      EXECUTE format('DELETE FROM %s WHERE id = $1', pg_temp.lead_table()) USING (records->>'lead')::uuid;
    ELSE
      ours := replace(ours, 'link_lost, ', '');
    END IF;
    EXECUTE format('DELETE FROM %s WHERE id = $1', li) USING (task->>'id')::uuid;
    EXECUTE 'SELECT string_agg(type, '', '' ORDER BY seq) FROM taskline_events WHERE interaction_id = $1' INTO found
      USING (task->>'id')::uuid;
    miss := coalesce(miss, CASE WHEN found IS DISTINCT FROM ours THEN format('found %s, expected %s', found, ours) END);
    RAISE EXCEPTION USING ERRCODE = 'TL000', MESSAGE = 'tried; take it back';
  EXCEPTION WHEN SQLSTATE 'TL000' THEN NULL;
            WHEN lock_not_available OR deadlock_detected THEN RAISE;
            WHEN OTHERS THEN                        -- a rule of the CRM's own that a copy doesn't meet
              RETURN jsonb_build_object('kind', what, 'verdict', 'unproven', 'detail', SQLERRM);
  END;
  RETURN jsonb_build_object('kind', what, 'verdict', CASE WHEN miss IS NULL THEN 'proven' ELSE 'failed' END,
                            'detail', coalesce(miss, actor));
END $$;

-- The same, tried again while somebody holds one of its rows.
CREATE OR REPLACE PROCEDURE pg_temp.try_log_patiently(INOUT answer jsonb) LANGUAGE plpgsql AS $$
BEGIN
  FOR attempt IN 1 .. 40 LOOP
    BEGIN
      answer := pg_temp.try_log();
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
  li    constant regclass := 'lead_interactions';
  home  constant text := pg_temp.home();
  c     pg_class;
  rel   regclass;
  item  record;
BEGIN
  SELECT * INTO c FROM pg_class WHERE oid = li;
  IF c.relkind <> 'r' THEN
    RETURN NEXT format('%s: found no ordinary table. Next: check search_path.', li);
  END IF;
  FOR rel IN SELECT t.rel FROM pg_temp.log_triggers() t LOOP
    IF NOT pg_has_role(pg_temp.owner_of(rel)::oid, 'USAGE') THEN
      RETURN NEXT format('%1$s: found owner %2$s, expected that %3$s is or belongs to the owner. Next: run this as %2$s.',
                         rel, pg_temp.owner_of(rel), current_user);
    END IF;
    IF (SELECT relforcerowsecurity FROM pg_class WHERE oid = rel)
       AND NOT (SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user) THEN
      RETURN NEXT format('%1$s: found row security forced on its owner, who then can''t see every row. '
                         'Next: ALTER TABLE %1$s NO FORCE ROW LEVEL SECURITY; or run this as a role with BYPASSRLS.', rel);
    END IF;
  END LOOP;
  FOR item IN SELECT p.oid::regprocedure AS routine FROM pg_proc p
               WHERE (p.proname IN (SELECT f.name FROM pg_temp.log_functions() f) OR p.proname = 'taskline_045_is_new')
                 AND p.pronargs = 0 AND p.pronamespace = c.relnamespace
                 AND pg_get_userbyid(p.proowner) <> current_user AND NOT pg_has_role(p.proowner, c.relowner, 'MEMBER') LOOP
    RETURN NEXT format('%1$s: found a function of another owner under this name, which could act with the rights of %2$s. '
                       'Next: DROP FUNCTION %1$s;', item.routine, current_user);
  END LOOP;
  IF NOT has_schema_privilege(c.relnamespace, 'CREATE') THEN
    RETURN NEXT format('schema %1$s: found no right of %2$s to create objects. Next: GRANT CREATE ON SCHEMA %1$s TO %2$I;',
                       home, current_user);
  END IF;
  IF NOT pg_temp.has_column(li, 'contact_id') OR NOT pg_temp.has_column(li, 'account_id') THEN
    RETURN NEXT format('%s: found no contact_id or no account_id, expected both. '
                       'Next: run 041_extend_interactions_to_contacts_and_accounts.sql first.', li);
  ELSIF NOT pg_temp.has_column(li, 'deleted_at') THEN
    RETURN NEXT format('%s: found no deleted_at, so the log could not tell who deletes what. '
                       'Next: run 044_changes_of_tasks.sql first.', li);
  END IF;
  FOR item IN SELECT w.col, format_type(a.atttypid, a.atttypmod) AS found
                FROM unnest(ARRAY['id', 'organization_id', 'lead_id', 'contact_id', 'account_id']) AS w(col)
                LEFT JOIN pg_attribute a ON a.attrelid = li AND a.attname = w.col AND NOT a.attisdropped
               WHERE a.atttypid IS DISTINCT FROM 'uuid'::regtype LOOP
    RETURN NEXT CASE WHEN item.found IS NULL
      THEN format('%1$s.%2$s: found no such column, expected type uuid. Next: ALTER TABLE %1$s ADD COLUMN %2$I uuid;', li, item.col)
      ELSE format('%1$s.%2$s: found type %3$s, expected uuid. Next: ALTER TABLE %1$s ALTER COLUMN %2$I TYPE uuid '
                  'USING %2$I::uuid; (it rewrites the table; choose a quiet hour)', li, item.col, item.found) END;
  END LOOP;
END $$;

-- Names that are taken by something of another meaning.
CREATE OR REPLACE FUNCTION pg_temp.log_obstacles() RETURNS SETOF text LANGUAGE plpgsql STABLE AS $$
DECLARE
  home constant text := pg_temp.home();
  item record;
BEGIN
  IF pg_temp.log_table_state() = 'other' THEN
    RETURN NEXT format('%1$s.taskline_events: found another table under this name, expected the columns %2$s. '
                       'Next: ALTER TABLE %1$s.taskline_events RENAME TO taskline_events_old;', home, pg_temp.log_columns());
  END IF;
  IF NOT pg_temp.is_logging() THEN
    FOR item IN SELECT f.name FROM pg_temp.log_functions() f
                 WHERE pg_temp.log_function_state(f.name) = 'other'
                   AND NOT EXISTS (SELECT FROM pg_temp.saved(45) s WHERE s.object_name = f.name) LOOP
      RETURN NEXT format('%1$s.%2$s(): found another function under this name. Next: ALTER FUNCTION %1$s.%2$s() RENAME TO %2$s_old;',
                         home, item.name);
    END LOOP;
  END IF;
  FOR item IN SELECT t.* FROM pg_temp.log_triggers() t WHERE pg_temp.log_trigger_state(t.rel) = 'other' LOOP
    RETURN NEXT format('%1$s: found another trigger under the name %2$I. Next: ALTER TRIGGER %2$I ON %1$s RENAME TO %3$I;',
                       item.rel, item.name, 'old_' || item.name);
  END LOOP;
  FOR item IN SELECT w.name FROM pg_temp.log_indexes() w JOIN pg_class c ON c.relname = w.name
               WHERE c.relnamespace = home::regnamespace AND pg_temp.log_index_state(w.name, w.what) = 'other' LOOP
    RETURN NEXT format('%1$s: found something else under this name, expected an index of taskline_events. '
                       'Next: rename or drop it.', item.name);
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
    SELECT string_agg('  - ' || o, E'\n') INTO found FROM pg_temp.log_obstacles() o;
  END IF;
  IF found IS NOT NULL THEN
    RAISE EXCEPTION E'045 can''t start:\n%', found
      USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'Nothing was changed. Do what the lines say, then run this file again.';
  END IF;
END $$;

-- == Table ==
DO $$
DECLARE
  li    constant regclass := 'lead_interactions';
  home  constant text := pg_temp.home();
  owner constant name := pg_get_userbyid(pg_temp.owner_of(li));
  ddl   text[];
  want  record;
BEGIN
  IF pg_temp.log_table_state() = 'missing' THEN
    -- A line of some 2 kB stays as it is: to pack it took a third of what a completion takes.
    ddl := ARRAY[
      format('CREATE TABLE %s.taskline_events (
                seq                bigint GENERATED ALWAYS AS IDENTITY,
                xid                xid8 DEFAULT pg_current_xact_id(),    -- null: copied from the old history, never delivered live
                organization_id    uuid NOT NULL,
                interaction_id     uuid NOT NULL,
                type               text NOT NULL,
                at                 timestamptz NOT NULL,
                actor_id           uuid,
                request_id         text,
                client_mutation_id text,
                before             jsonb,                                -- what changed, as it was, and occurs_at; of what is gone, all
                after              jsonb,
                changed            text[],                               -- columns that this is about; null: all of the row
                record_kind        text,
                record_id          uuid,
                record_name        text,
                PRIMARY KEY (organization_id, seq)
              ) WITH (toast_tuple_target = 8160)', home),
      format('SELECT pg_temp.keep_to_owner(%L)', home || '.taskline_events'), pg_temp.log_wall()];
    FOR want IN SELECT * FROM pg_temp.log_indexes() LOOP
      ddl := ddl || format('CREATE INDEX %I ON %s.taskline_events %s', want.name, home, want.what);
    END LOOP;
    IF owner <> current_user AND pg_temp.can_become(owner) AND has_schema_privilege(owner, home::regnamespace, 'CREATE') THEN
      ddl := ddl || format('ALTER TABLE %s.taskline_events OWNER TO %I', home, owner);
    END IF;
    CALL pg_temp.alter_shortly('make the table taskline_events', array_to_string(ddl, '; '),
      pg_temp.undo(45, 'statement', li, 'taskline_events', format('DROP TABLE IF EXISTS %s.taskline_events', home)));
  END IF;
  IF NOT pg_temp.log_is_walled() THEN
    CALL pg_temp.alter_shortly('let each organization see its own lines of taskline_events', pg_temp.log_wall());
  END IF;
  -- 042's list of disputed rows, which the API shows to nobody; with the last of them 042 takes the list and this policy away
  IF to_regclass(home || '.taskline_disputed_interactions') IS NOT NULL
     AND NOT EXISTS (SELECT FROM pg_policy WHERE polrelid = to_regclass(home || '.taskline_events')
                                             AND polname = 'taskline_events_disputed') THEN
    CALL pg_temp.alter_shortly('hide the log of disputed rows', format($make$
      CREATE POLICY taskline_events_disputed ON %1$s.taskline_events AS RESTRICTIVE FOR SELECT
        USING (interaction_id <> ALL (ARRAY(SELECT d.interaction_id FROM %1$s.taskline_disputed_interactions d)))$make$, home));
  END IF;
  IF NOT has_table_privilege(pg_temp.api_role(), home || '.taskline_events', 'SELECT') THEN
    CALL pg_temp.alter_shortly('let the API''s role read taskline_events',
                               format('GRANT SELECT ON %s.taskline_events TO %I', home, pg_temp.api_role()));
  END IF;
  FOR want IN SELECT w.name FROM pg_temp.log_indexes() w WHERE pg_temp.log_index_state(w.name, w.what) = 'invalid' LOOP
    CALL pg_temp.alter_shortly(format('drop the unfinished index %s', want.name), format('DROP INDEX %s.%I', home, want.name));
  END LOOP;
END $$;

-- Only if somebody has dropped one; a build that waits for old transactions holds nobody up.
SET client_min_messages = warning;
SET lock_timeout = '10min';
CREATE INDEX CONCURRENTLY IF NOT EXISTS taskline_events_by_transaction ON taskline_events (organization_id, xid, seq);
CREATE INDEX CONCURRENTLY IF NOT EXISTS taskline_events_of_interaction
  ON taskline_events (organization_id, interaction_id, at DESC, seq DESC);
CREATE INDEX CONCURRENTLY IF NOT EXISTS taskline_events_of_record ON taskline_events (record_id) WHERE record_id IS NOT NULL;
SET lock_timeout = 0;
SET client_min_messages = notice;

-- == Triggers ==
DO $$
DECLARE
  li    constant regclass := 'lead_interactions';
  home  constant text := pg_temp.home();
  owner constant name := pg_get_userbyid(pg_temp.owner_of(li));
  item  record;
  ddl   text;
BEGIN
  FOR item IN SELECT f.*, pg_temp.log_function_state(f.name) AS state FROM pg_temp.log_functions() f LOOP
    CONTINUE WHEN item.state = 'right';
    ddl := format('CREATE OR REPLACE FUNCTION %1$s.%2$s() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER '
                  'SET search_path = pg_catalog, pg_temp AS %3$L; REVOKE ALL ON FUNCTION %1$s.%2$s() FROM PUBLIC',
                  home, item.name, item.body);      -- a trigger fires without this right
    IF owner <> current_user AND pg_temp.can_become(owner) AND has_schema_privilege(owner, home::regnamespace, 'CREATE') THEN
      ddl := ddl || format('; ALTER FUNCTION %s.%s() OWNER TO %I', home, item.name, owner);
    END IF;
    IF EXISTS (SELECT FROM pg_temp.saved(45) s WHERE s.object_name = item.name) THEN
      CALL pg_temp.alter_shortly(format('repair the function %s', item.name), ddl);
    ELSE
      CALL pg_temp.alter_shortly(format('make the function %s', item.name), ddl,
        pg_temp.undo(45, 'statement', li, item.name, format('DROP FUNCTION IF EXISTS %s.%s()', home, item.name)));
    END IF;
  END LOOP;
  -- A link that is lost is written down from here on; a link that is removed, from the next step on. The other way round one
  -- that is lost in between would leave no line.
  FOR item IN SELECT t.* FROM pg_temp.log_triggers() t WHERE t.rel <> li AND pg_temp.log_trigger_state(t.rel) <> 'right' LOOP
    ddl := format('CREATE OR REPLACE TRIGGER %2$I %3$s ON %1$s FOR EACH ROW EXECUTE FUNCTION %4$s.%5$s(); '
                  'ALTER TABLE %1$s ENABLE ALWAYS TRIGGER %2$I', item.rel, item.name, item.fires, home, item.routine);
    IF EXISTS (SELECT FROM pg_temp.saved(45) s WHERE s.relation = pg_temp.full_name(item.rel) AND s.object_name = item.name) THEN
      CALL pg_temp.alter_shortly(format('repair the trigger %s on %s', item.name, item.rel), ddl);
    ELSE
      CALL pg_temp.alter_shortly(format('let a deleted row of %s leave its name', item.rel), ddl,
        pg_temp.undo(45, 'statement', item.rel, item.name,
                     format('DROP TRIGGER IF EXISTS %I ON %s', item.name, pg_temp.full_name(item.rel))));
    END IF;
  END LOOP;
END $$;

-- The old history goes on beside the log. Which of its lines the log has not seen itself is told apart without a gap and
-- without a double: in the transaction that begins the log, while nobody can write to either table, a trigger begins to note
-- the lines that are new from there on. All others are copied.
DO $$
DECLARE
  li     constant regclass := 'lead_interactions';
  events constant regclass := to_regclass('interaction_events');
  home   constant text := pg_temp.home();
  ddl    text := format('CREATE OR REPLACE TRIGGER taskline_events AFTER INSERT OR UPDATE OR DELETE ON %1$s FOR EACH ROW '
                        'EXECUTE FUNCTION %2$s.taskline_log_interaction(); ALTER TABLE %1$s ENABLE ALWAYS TRIGGER taskline_events',
                        li, home);
BEGIN
  IF pg_temp.is_logging() THEN
    IF pg_temp.log_trigger_state(li) <> 'right' THEN
      CALL pg_temp.alter_shortly('repair the trigger of the log', ddl);
    END IF;
    RETURN;
  END IF;
  IF pg_temp.no_old_history() IS NULL THEN
    ddl := format($make$
      CREATE TABLE %1$s.taskline_045_copy (id %2$s PRIMARY KEY, is_last boolean NOT NULL DEFAULT false);
      SELECT pg_temp.keep_to_owner('%1$s.taskline_045_copy');
      CREATE OR REPLACE FUNCTION %1$s.taskline_045_is_new() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
        SET search_path = pg_catalog, pg_temp AS $f$
      BEGIN
        INSERT INTO %1$s.taskline_045_copy (id) VALUES (NEW.id) ON CONFLICT DO NOTHING;
        RETURN NULL;
      END $f$;
      REVOKE ALL ON FUNCTION %1$s.taskline_045_is_new() FROM PUBLIC;
      CREATE OR REPLACE TRIGGER "~taskline_045_is_new" AFTER INSERT ON %3$s
        FOR EACH ROW EXECUTE FUNCTION %1$s.taskline_045_is_new();
      ALTER TABLE %3$s ENABLE ALWAYS TRIGGER "~taskline_045_is_new";
      $make$, home, (SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = events AND attname = 'id'), events)
      || ddl;
  END IF;
  CALL pg_temp.alter_shortly('begin the log', ddl, pg_temp.undo(45, 'statement', li, 'the triggers of the log',
    format('DROP TRIGGER IF EXISTS taskline_events ON %s', pg_temp.full_name(li))));
END $$;

-- == History ==
-- By id, 1,000 lines at a time; the last id that was looked at is kept in the same transaction as the copies, so that each line
-- is copied once, however often a run is broken off.
DO $$
DECLARE
  home   constant text := pg_temp.home();
  copied bigint := 0;
  last   text;
  n      bigint;
  w      bigint;
  told   timestamptz := clock_timestamp();
BEGIN
  WHILE pg_temp.is_copying() LOOP
    EXECUTE format('SELECT max(c.id::text) FROM %s.taskline_045_copy c WHERE c.is_last', home) INTO last;
    EXECUTE format($copy$
      WITH batch AS MATERIALIZED (
        SELECT e.id, e.interaction_id, e.created_at, to_jsonb(e) AS line
          FROM interaction_events e%2$s
         ORDER BY e.id LIMIT 1000
      ), put AS (
        INSERT INTO %1$s.taskline_events (xid, organization_id, interaction_id, type, at, actor_id, before, after, changed)
        SELECT NULL, t.organization_id, b.interaction_id, ours.type, coalesce(b.created_at, t.created_at, '-infinity'),
               substring(b.line->>'changed_by' FROM '(?i)^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$')::uuid,
               ours.before, ours.after, ours.changed
          FROM batch b
          JOIN lead_interactions t ON t.id = b.interaction_id AND t.organization_id IS NOT NULL
         CROSS JOIN LATERAL pg_temp.in_our_words(b.line) AS ours
         WHERE NOT EXISTS (SELECT FROM %1$s.taskline_045_copy c WHERE c.id = b.id)
         ORDER BY b.created_at, b.id
        RETURNING 1
      ), forget AS (
        DELETE FROM %1$s.taskline_045_copy c WHERE c.is_last AND EXISTS (SELECT FROM batch)
      ), remember AS (
        INSERT INTO %1$s.taskline_045_copy (id, is_last) SELECT b.id, true FROM batch b ORDER BY b.id DESC LIMIT 1
            ON CONFLICT (id) DO UPDATE SET is_last = true
      )
      SELECT (SELECT count(*) FROM batch), (SELECT count(*) FROM put)
      $copy$, home, ' WHERE e.id > ' || quote_literal(last)) INTO n, w;
    COMMIT;
    copied := copied + w;
    IF clock_timestamp() - told > interval '2 seconds' THEN
      RAISE NOTICE 'the old history: % lines copied so far', copied;
      told := clock_timestamp();
    END IF;
    EXIT WHEN n = 0;
  END LOOP;
  PERFORM set_config('taskline.copied', copied::text, false);
  IF to_regclass('interaction_events') IS NOT NULL
     AND EXISTS (SELECT FROM pg_trigger WHERE tgrelid = to_regclass('interaction_events') AND tgname = '~taskline_045_is_new') THEN
    CALL pg_temp.alter_shortly('remove the trigger that told new lines of the old history apart', format(
      'DROP TRIGGER "~taskline_045_is_new" ON %s', to_regclass('interaction_events')));
  END IF;
  IF pg_temp.is_copying() THEN
    CALL pg_temp.alter_shortly('remove what the copy needed', format('DROP TABLE %s.taskline_045_copy', home));
  END IF;
  IF to_regprocedure(home || '.taskline_045_is_new()') IS NOT NULL THEN
    CALL pg_temp.alter_shortly('remove the function that the copy needed', format('DROP FUNCTION %s.taskline_045_is_new()', home));
  END IF;
END $$;

-- == Validation ==
-- From the catalogue and the rows, then by behaviour; one miss, and the success line does not appear.
CREATE OR REPLACE FUNCTION pg_temp.line(is_met boolean, met text, missed text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN is_met THEN '✅ ' || met ELSE '❌ ' || missed END
$$;

CREATE OR REPLACE FUNCTION pg_temp.log_lines() RETURNS SETOF text LANGUAGE plpgsql STABLE AS $$
DECLARE
  home constant text := pg_temp.home();
  item record;
  old  bigint;
  ours bigint;
BEGIN
  RETURN NEXT pg_temp.line(pg_temp.log_table_state() = 'right', 'taskline_events: CREATED', 'taskline_events: not there as it should be');
  RETURN NEXT pg_temp.line(pg_temp.log_is_walled(), 'row security: each organization reads its own lines',
                           'row security of taskline_events: off, or with another policy');
  RETURN NEXT CASE WHEN pg_temp.api_role() IS NULL THEN '⚠️ no role of an API is known; name it in taskline.api_role'
                   ELSE pg_temp.line(has_table_privilege(pg_temp.api_role(), home || '.taskline_events', 'SELECT')
                                     AND NOT has_table_privilege(pg_temp.api_role(), home || '.taskline_events', 'INSERT, UPDATE, DELETE'),
                                     format('%s: reads taskline_events, and may not write it', pg_temp.api_role()),
                                     format('%s: can''t read taskline_events, or may write it', pg_temp.api_role())) END;
  FOR item IN SELECT t.*, pg_temp.log_trigger_state(t.rel) AS state, pg_temp.log_function_state(t.routine) AS does
                FROM pg_temp.log_triggers() t LOOP
    RETURN NEXT pg_temp.line(item.state = 'right' AND item.does = 'right',
      format('%s: trigger %s, for every writer, subscriptions included', item.rel, item.name),
      format('%s: trigger %s: %s, its function: %s', item.rel, item.name, item.state, item.does));
  END LOOP;
  FOR item IN SELECT w.name, pg_temp.log_index_state(w.name, w.what) AS state FROM pg_temp.log_indexes() w LOOP
    RETURN NEXT pg_temp.line(item.state = 'right', item.name || ': CREATED', format('%s: %s', item.name, upper(item.state)));
  END LOOP;
  EXECUTE format('SELECT count(*) FROM %s.taskline_events WHERE xid IS NULL', home) INTO ours;
  RETURN NEXT CASE WHEN pg_temp.no_old_history() IS NOT NULL
    THEN format('ℹ️ no old history was copied: %s', pg_temp.no_old_history())
    ELSE pg_temp.line(NOT pg_temp.is_copying(), format('the old history: %s copied now, %s in all',
                                                       pg_temp.rows_in_words(current_setting('taskline.copied')::bigint), ours),
                      'the old history: its copy has not ended') END;
END $$;

DO $$
DECLARE
  box     constant text := $box$
╔════════════════════════════════════════════════════════════════╗
║         EVENT LOG: REPORT                                      ║
╚════════════════════════════════════════════════════════════════╝$box$;
  lines   text[];
  misses  integer;
  answers jsonb;
  log_    jsonb;
BEGIN
  CALL pg_temp.prove_patiently(ARRAY['lead', 'contact', 'account', 'both', 'deletion'], answers);
  CALL pg_temp.try_log_patiently(log_);
  lines := ARRAY(SELECT pg_temp.log_lines())
           || ARRAY(SELECT pg_temp.line_of(a) FROM jsonb_array_elements(answers) a)
           || CASE log_->>'verdict' WHEN 'proven' THEN ARRAY[format('✅ tried: %s', log_->>'kind')]
                                    ELSE CASE WHEN log_ = '{}' THEN '{}' ELSE ARRAY[pg_temp.line_of(log_)] END END;
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
