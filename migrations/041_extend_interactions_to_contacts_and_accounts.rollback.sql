-- 041_extend_interactions_to_contacts_and_accounts.rollback.sql: takes 041 back and leaves the schema as this database had it,
-- from what 041 wrote down in taskline_saved_ddl. 042's rollback comes first.
--
-- It refuses, and changes nothing, while an interaction is linked to a contact or an account, or has no lead: that is what
-- it would lose. It says how many, and which. With the setting taskline.discard_links = that number (by PGOPTIONS or SET) it
-- sets them aside in tables that end in _rolled_back_041: interactions without a lead whole and with their history, of the
-- others a copy with its links. Nothing is deleted for good, and the next 041 offers to bring it back. Rows that arrive while
-- it runs are kept out by checks before anything goes; if one was quicker, nothing is set aside.
--
-- Locks, each tried for at most 150 ms at a time: ACCESS EXCLUSIVE on lead_interactions and its history table for each
-- catalogue change, SHARE ROW EXCLUSIVE on leads for the keys. Scans (VALIDATE CONSTRAINT) and DROP INDEX CONCURRENTLY run
-- beside readers and writers. Only where rows are set aside do readers and writers wait longer: about 0.6 s for 30,000.
-- Until the lead's key is back, some seconds on a large table, a lead that has interactions can't be deleted.
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

-- The rollback that must run before that of this migration: of the last one in place after it. NULL if there is none.
CREATE OR REPLACE FUNCTION pg_temp.rollback_before(own integer) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT v.name || '.rollback.sql'
    FROM (VALUES (42, '042_tenant_of_interactions'), (43, '043_timeline_order'), (44, '044_changes_of_tasks'),
                 (45, '045_event_log'), (46, '046_tenant_keys'), (47, '047_open_tasks')) AS v(n, name)
   WHERE v.n > own AND EXISTS (SELECT FROM pg_temp.saved(v.n))
   ORDER BY v.n DESC LIMIT 1
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

-- == Proof ==
-- The table whose id the column lead_id holds: the one its key names, else leads, else none that is known.
CREATE OR REPLACE FUNCTION pg_temp.lead_table() RETURNS regclass LANGUAGE sql STABLE AS $$
  SELECT coalesce((SELECT k.confrelid::regclass
                     FROM pg_constraint k JOIN pg_attribute a ON a.attrelid = k.conrelid AND k.conkey = ARRAY[a.attnum]
                    WHERE k.contype = 'f' AND k.conrelid = 'lead_interactions'::regclass AND a.attname = 'lead_id' LIMIT 1),
                  to_regclass('leads'))
$$;

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

-- Whether a lead's task can be inserted and changed without the columns: NULL, or what says no. All of it is taken back.
CREATE OR REPLACE FUNCTION pg_temp.lead_task_fails(pattern jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  own_id  constant uuid := gen_random_uuid();
  task    jsonb;
  context text;
  place   text;                                     -- schema, table, domain and name of a rule that was broken
  told    text;
  domain  text;
  rule    text;
BEGIN
  IF pattern->>'lead_id' IS NULL THEN
    RETURN NULL;                                    -- there is no lead's task that could serve as the pattern of one
  END IF;
  PERFORM set_config('row_security', 'on', true),
          set_config('app.current_organization_id', coalesce(pattern->>'organization_id', ''), true),
          set_config('app.current_user_id', coalesce(pattern->>'user_id', ''), true);
  task := pg_temp.fresh('lead_interactions', pattern || jsonb_build_object('id', own_id, 'lead_id', pg_temp.records_for(pattern)->>'lead'));
  EXECUTE pg_temp.insert_statement('lead_interactions', task) USING task;
  UPDATE lead_interactions t SET lead_id = t.lead_id, interaction_type = t.interaction_type WHERE t.id = own_id;
  RAISE EXCEPTION USING ERRCODE = 'TL000', MESSAGE = 'the proof is over; take it back';
EXCEPTION WHEN SQLSTATE 'TL000' THEN
            RETURN NULL;
          WHEN lock_not_available OR deadlock_detected THEN
            RAISE;
          WHEN OTHERS THEN
            GET STACKED DIAGNOSTICS context = PG_EXCEPTION_CONTEXT, place = SCHEMA_NAME, told = TABLE_NAME,
                                    domain = PG_DATATYPE_NAME, rule = CONSTRAINT_NAME;
            IF pg_temp.is_unknown_rule(jsonb_build_object('state', SQLSTATE, 'schema', place, 'table', told, 'domain', domain,
                                                          'rule', rule),
                                       ARRAY['contact_id', 'account_id', CASE WHEN SQLSTATE = '23514' THEN 'lead_id' END]) THEN
              RETURN NULL;                          -- nothing can be proven, as 041 said; of the columns it tells nothing
            END IF;
            RETURN concat_ws(', in ', SQLERRM, (regexp_match(context, 'PL/pgSQL function (?!pg_temp|inline_code_block)(\S+)'))[1]);
END $$;

-- == Obstacles ==
-- Columns that 041 added: they alone go, and what they hold with them.
CREATE OR REPLACE FUNCTION pg_temp.columns_to_go() RETURNS SETOF text LANGUAGE sql STABLE AS $$
  SELECT DISTINCT s.object_name FROM pg_temp.saved(41) s
   WHERE s.ddl LIKE '%DROP COLUMN%' AND pg_temp.has_column('lead_interactions', s.object_name)
$$;

-- Whether every row must have a lead again; a table in which that was never so keeps its rows without one.
CREATE OR REPLACE FUNCTION pg_temp.needs_lead() RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT EXISTS (SELECT FROM pg_temp.saved(41) s
                  WHERE s.kind = 'statement' AND s.object_name = 'lead_id' AND s.relation::regclass = 'lead_interactions'::regclass)
$$;

-- The rows that would lose a link, or couldn't stay, as a condition.
CREATE OR REPLACE FUNCTION pg_temp.is_loss() RETURNS text LANGUAGE sql STABLE AS $$
  SELECT coalesce(string_agg(part, ' OR '), 'false')
    FROM (SELECT format('%I IS NOT NULL', c) FROM pg_temp.columns_to_go() c
           UNION ALL SELECT 'lead_id IS NULL' WHERE pg_temp.needs_lead()) AS p(part)
$$;

-- What would be lost, by combination of links: a line, and the number of its rows.
CREATE OR REPLACE FUNCTION pg_temp.losses() RETURNS TABLE (line text, n bigint) LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN QUERY EXECUTE format($q$
    SELECT format('  - %%s linked to %%s, for example %%s', pg_temp.rows_in_words(count(*)),
                  CASE WHEN has_contact AND has_account AND has_lead THEN 'all three'
                       WHEN has_contact AND has_account THEN 'a contact and an account'
                       WHEN has_contact THEN CASE WHEN has_lead THEN 'a lead and a contact' ELSE 'a contact alone' END
                       WHEN has_account THEN CASE WHEN has_lead THEN 'a lead and an account' ELSE 'an account alone' END
                       ELSE 'nothing' END,
                  array_to_string((array_agg(id ORDER BY id))[1:3], ', ')), count(*)
      FROM (SELECT id, lead_id IS NOT NULL AS has_lead, %s AS has_contact, %s AS has_account
              FROM lead_interactions WHERE %s) AS t
     GROUP BY has_lead, has_contact, has_account ORDER BY count(*) DESC$q$,
    CASE WHEN 'contact_id' IN (SELECT pg_temp.columns_to_go()) THEN 'contact_id IS NOT NULL' ELSE 'false' END,
    CASE WHEN 'account_id' IN (SELECT pg_temp.columns_to_go()) THEN 'account_id IS NOT NULL' ELSE 'false' END,
    pg_temp.is_loss());
END $$;

-- A key that comes back must hold: links made since, to what the earlier key doesn't know, would end the run half way.
CREATE OR REPLACE FUNCTION pg_temp.key_obstacles() RETURNS SETOF text LANGUAGE plpgsql STABLE AS $$
DECLARE
  item   record;
  n      bigint;
  sample text;
BEGIN
  FOR item IN SELECT s.relation::regclass AS rel, s.ddl, m[1] AS col, to_regclass(m[2]) AS target, m[3] AS target_col
                FROM pg_temp.saved(41) s
               CROSS JOIN LATERAL regexp_match(s.ddl, '^FOREIGN KEY \((\w+)\) REFERENCES ([^(]+)\((\w+)\)') AS m
               WHERE s.kind = 'foreign key' AND s.ddl !~ ' NOT VALID$' AND m[1] NOT IN (SELECT pg_temp.columns_to_go()) LOOP
    CONTINUE WHEN EXISTS (SELECT FROM pg_constraint k JOIN pg_attribute a ON a.attrelid = k.conrelid AND k.conkey = ARRAY[a.attnum]
                           WHERE k.conrelid = item.rel AND k.contype = 'f' AND k.convalidated AND k.confrelid = item.target
                             AND a.attname = item.col);
    IF item.target IS NULL THEN
      RETURN NEXT format('%s.%s: found no table for its earlier key, %s. Next: restore it.', item.rel, item.col, item.ddl);
      CONTINUE;
    END IF;
    EXECUTE format('SELECT count(*), min(t.id::text) FROM %2$s t
                     WHERE t.%1$I IS NOT NULL AND NOT EXISTS (SELECT FROM %3$s x WHERE x.%4$I = t.%1$I)',
                   item.col, item.rel, item.target, item.target_col) INTO n, sample;
    IF n > 0 THEN
      RETURN NEXT format('%s.%s: found %s, for example %s, that its earlier key can''t hold: %s. Next: clear or change them.',
                         item.rel, item.col, pg_temp.rows_in_words(n), sample, item.ddl);
    END IF;
  END LOOP;
END $$;

-- Whether the text of a trigger function reads a column of lead_interactions. It may mean one of the same name of another
-- table that it names, and asking JSON for the name does no harm; the proof has the last word.
CREATE OR REPLACE FUNCTION pg_temp.reads(code text, col text) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT text ~* format('\m(new|old)\s*\.\s*"?%s\M', col)
         OR text ~* format('\m%s\M', col)
            AND NOT EXISTS (SELECT FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
                             WHERE a.attname = col AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relname !~ '_rolled_back_041$'
                               AND c.oid <> 'lead_interactions'::regclass AND text ~* ('\m' || c.relname || '\M'))
    FROM regexp_replace(code, '--[^\n]*|->>?\s*''[^'']*''', '', 'g') AS t(text)
$$;

-- What others have built on the columns that go: it would go along, or fail without them.
CREATE OR REPLACE FUNCTION pg_temp.reader_obstacles() RETURNS SETOF text LANGUAGE sql STABLE AS $$
  WITH dependent AS (
    SELECT d.classid, d.objid, string_agg(DISTINCT a.attname, ', ') AS cols
      FROM pg_depend d JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
     WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = 'lead_interactions'::regclass
       AND a.attname IN (SELECT pg_temp.columns_to_go())
     GROUP BY d.classid, d.objid
  ), found AS (
    SELECT d.cols, r.ev_class::regclass::text AS object, 'view' AS kind, NULL AS command
      FROM dependent d JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
     UNION
    SELECT d.cols, i.indexrelid::regclass::text, 'index', 'DROP INDEX CONCURRENTLY ' || i.indexrelid::regclass
      FROM dependent d JOIN pg_index i ON d.classid = 'pg_class'::regclass AND i.indexrelid = d.objid JOIN pg_class c ON c.oid = d.objid
     WHERE c.relname !~ '^taskline_041_drop_' AND c.relname NOT IN (SELECT s.object_name FROM pg_temp.saved(41) s)
     UNION
    SELECT d.cols, k.conname, 'constraint', format('ALTER TABLE %s DROP CONSTRAINT %I', k.conrelid::regclass, k.conname)
      FROM dependent d JOIN pg_constraint k ON d.classid = 'pg_constraint'::regclass AND k.oid = d.objid
     WHERE k.conname !~ '^taskline_041_fence_'
       AND NOT (k.contype = 'f' AND k.conrelid = 'lead_interactions'::regclass AND cardinality(k.conkey) = 1
                AND k.confrelid IN (to_regclass('contacts'), to_regclass('accounts')))         -- 041's own
     UNION
    SELECT d.cols, a.attname, 'generated column', format('ALTER TABLE %s DROP COLUMN %I', a.attrelid::regclass, a.attname)
      FROM dependent d JOIN pg_attrdef f ON d.classid = 'pg_attrdef'::regclass AND f.oid = d.objid
      JOIN pg_attribute a ON a.attrelid = f.adrelid AND a.attnum = f.adnum AND a.attgenerated <> ''
     UNION
    SELECT d.cols, p.polname, 'policy', format('DROP POLICY %I ON %s', p.polname, p.polrelid::regclass)
      FROM dependent d JOIN pg_policy p ON d.classid = 'pg_policy'::regclass AND p.oid = d.objid
     UNION
    SELECT d.cols, p.pubname, 'publication', format('ALTER PUBLICATION %I DROP TABLE %s', p.pubname, r.prrelid::regclass)
      FROM dependent d JOIN pg_publication_rel r ON d.classid = 'pg_publication_rel'::regclass AND r.oid = d.objid
      JOIN pg_publication p ON p.oid = r.prpubid
     UNION
    SELECT d.cols, e.stxname, 'statistics object', format('DROP STATISTICS %I.%I', n.nspname, e.stxname)
      FROM dependent d JOIN pg_statistic_ext e ON d.classid = 'pg_statistic_ext'::regclass AND e.oid = d.objid
      JOIN pg_namespace n ON n.oid = e.stxnamespace
     UNION
    SELECT d.cols, t.tgname, 'trigger', format('DROP TRIGGER %I ON %s', t.tgname, t.tgrelid::regclass)
      FROM dependent d JOIN pg_trigger t ON d.classid = 'pg_trigger'::regclass AND t.oid = d.objid
     UNION
    SELECT d.cols, p.oid::regprocedure::text, 'function', NULL
      FROM dependent d JOIN pg_proc p ON d.classid = 'pg_proc'::regclass AND p.oid = d.objid
     UNION
    SELECT string_agg(DISTINCT c, ', '), p.oid::regprocedure::text, 'trigger function', NULL
      FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid CROSS JOIN pg_temp.columns_to_go() c
     WHERE t.tgrelid = 'lead_interactions'::regclass AND NOT t.tgisinternal AND pg_temp.reads(p.prosrc, c)
     GROUP BY p.oid
  )
  SELECT format('%s: found a%s that reads %s. Next: %s', object, CASE kind WHEN 'index' THEN 'n index' ELSE ' ' || kind END, cols,
                coalesce(command || ';', CASE WHEN kind = 'view' THEN 'drop or change it.'
                                              ELSE format('change it with CREATE OR REPLACE FUNCTION, or DROP FUNCTION %s CASCADE;', object) END))
    FROM found
$$;

-- The column of a history table that names the interaction: by its foreign key, or by its name where there is none.
CREATE OR REPLACE FUNCTION pg_temp.parent_of(history regclass) RETURNS name LANGUAGE sql STABLE AS $$
  SELECT coalesce((SELECT a.attname
                     FROM pg_constraint k JOIN pg_attribute a ON a.attrelid = k.conrelid AND k.conkey = ARRAY[a.attnum]
                    WHERE k.contype = 'f' AND k.conrelid = history AND k.confrelid = 'lead_interactions'::regclass LIMIT 1),
                  (SELECT b.parent FROM pg_temp.belongings() b WHERE b.rel = history LIMIT 1))
$$;

-- Lines of the history that must have a lead again, and neither have a task that gives them one nor go with theirs.
CREATE OR REPLACE FUNCTION pg_temp.history_obstacles() RETURNS SETOF text LANGUAGE plpgsql STABLE AS $$
DECLARE
  item   record;
  n      bigint;
  sample text;
BEGIN
  FOR item IN SELECT s.relation::regclass AS rel, pg_temp.parent_of(s.relation::regclass) AS parent,
                     s.relation::regclass IN (SELECT b.rel FROM pg_temp.belongings() b) AS goes_along
                FROM pg_temp.saved(41) s
               WHERE s.object_name = 'lead_id' AND s.kind = 'statement' AND s.relation::regclass <> 'lead_interactions'::regclass LOOP
    EXECUTE format('SELECT count(*), min(h.id::text) FROM %s h WHERE h.lead_id IS NULL', item.rel)
            || coalesce(format(' AND NOT EXISTS (SELECT FROM lead_interactions t WHERE t.id = h.%I', item.parent)
                        || CASE WHEN item.goes_along THEN ')' ELSE ' AND t.lead_id IS NOT NULL)' END, '')
       INTO n, sample;
    IF n > 0 THEN
      RETURN NEXT format('%s: found %s without a lead, for example %s, and no task that has one for them. '
                         'Next: give them a lead or delete them.', item.rel, pg_temp.rows_in_words(n), sample);
    END IF;
  END LOOP;
END $$;

CREATE OR REPLACE FUNCTION pg_temp.obstacles() RETURNS SETOF text LANGUAGE sql STABLE AS $$
  SELECT format('taskline_saved_ddl: found that %s is in place. Next: run %s first.', left(later, 3), later)
    FROM pg_temp.rollback_before(41) AS later WHERE later IS NOT NULL
   UNION ALL
  SELECT 'taskline_saved_ddl: found nothing written down by 041, so what this database looked like is not known. '
         'Next: take the columns back by hand.'
   WHERE NOT EXISTS (SELECT FROM pg_temp.saved(41)) AND pg_temp.has_column('lead_interactions', 'contact_id')
   UNION ALL
  SELECT format('%s: found owner %s, expected that %s is or belongs to the owner.', li, pg_temp.owner_of(li), current_user)
    FROM (SELECT 'lead_interactions'::regclass UNION SELECT s.relation::regclass FROM pg_temp.saved(41) s) AS t(li)
   WHERE NOT pg_has_role(pg_temp.owner_of(li)::oid, 'USAGE')
   UNION ALL
  SELECT pg_temp.reader_obstacles()
   UNION ALL
  SELECT pg_temp.key_obstacles()
   UNION ALL
  SELECT pg_temp.history_obstacles()
   UNION ALL
  SELECT format('taskline.discard_links: found %s, expected a number of rows.', quote_literal(said))
    FROM current_setting('taskline.discard_links', true) AS s(said) WHERE said !~ '^\d{0,18}$'
   UNION ALL
  SELECT format('%s.%s: found %s, which would change or remove rows that can''t be set aside. Next: drop this key for the time being.',
                k.conrelid::regclass, k.conname, pg_get_constraintdef(k.oid))
    FROM pg_constraint k
   WHERE k.contype = 'f' AND k.confdeltype IN ('c', 'n', 'd') AND coalesce(current_setting('taskline.discard_links', true), '') <> ''
     AND (k.confrelid IN (SELECT b.rel FROM pg_temp.belongings() b)
          OR k.confrelid = 'lead_interactions'::regclass AND k.conrelid NOT IN (SELECT b.rel FROM pg_temp.belongings() b))
$$;

-- A line of the report, for a step that is undone by then.
CREATE OR REPLACE FUNCTION pg_temp.put_back(kind text, relation regclass, object_name text, ddl text) RETURNS text
LANGUAGE sql STABLE AS $$
  SELECT CASE WHEN kind = 'foreign key' THEN format('✅ foreign key %s of %s: %s', object_name, relation, ddl)
              WHEN kind = 'drop index' THEN format('✅ index %s: removed', object_name)
              WHEN ddl LIKE '%DROP COLUMN%' THEN format('✅ %s.%s: removed', relation, object_name)
              WHEN ddl LIKE '%NOT NULL%' THEN format('✅ %s.%s: NOT NULL', relation, object_name)
              ELSE format('✅ %s: %s', object_name, ddl) END
$$;

-- Ends the run before anything was taken back. A fence that stands, also of a run that was ended, goes first.
CREATE OR REPLACE PROCEDURE pg_temp.refuse(words text, advice text) LANGUAGE plpgsql AS $$
DECLARE
  li   constant regclass := 'lead_interactions';
  item record;
BEGIN
  FOR item IN SELECT conname FROM pg_constraint WHERE conrelid = li AND conname LIKE 'taskline\_041\_fence\_%' LOOP
    CALL pg_temp.alter_shortly('open the fence again', format('ALTER TABLE %s DROP CONSTRAINT %I', li, item.conname));
  END LOOP;
  RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = words, HINT = 'Nothing was changed. ' || advice;
END $$;

-- Refuses if there is something to lose, unless somebody agreed to exactly that many rows.
CREATE OR REPLACE PROCEDURE pg_temp.refuse_losses() LANGUAGE plpgsql AS $$
DECLARE
  agreed constant bigint := nullif(current_setting('taskline.discard_links', true), '')::bigint;
  n      bigint;
  found  text;
BEGIN
  SELECT sum(l.n), string_agg(l.line, E'\n' ORDER BY l.n DESC, l.line) INTO n, found FROM pg_temp.losses() l;
  IF found IS NULL OR n = agreed THEN
    RETURN;
  END IF;
  CALL pg_temp.refuse(
    CASE WHEN agreed IS NULL THEN E'041 can''t be taken back, it would lose links:\n' || found
         ELSE format(E'041 can''t be taken back: %s may be set aside, but there are %s:\n%s', agreed, n, found) END,
    format('Link these rows to a lead and nothing else; or set them aside, from where the next 041 can bring them back: '
           './taskline migrate rollback 41 --export links.csv --discard-links %1$s '
           '(by psql: PGOPTIONS=''-c taskline.discard_links=%1$s'').', n)
    || CASE WHEN n < 2500 THEN ''                   -- 20 µs a row, as measured
            ELSE format(' Setting %s rows aside keeps readers waiting for about %s s.', n, round(n * 0.00002, 1)) END);
END $$;

DO $$
DECLARE
  found text;
BEGIN
  SELECT string_agg('  - ' || o, E'\n') INTO found FROM pg_temp.planted_tables() o;
  IF found IS NULL THEN
    SELECT string_agg('  - ' || o, E'\n') INTO found FROM pg_temp.obstacles() o;
  END IF;
  IF found IS NOT NULL THEN
    RAISE EXCEPTION E'041 can''t be taken back:\n%', found
      USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Nothing was changed.';
  END IF;
  CALL pg_temp.refuse_losses();
  -- what will be true at the end; a fence alone is what a run leaves that was ended in its last steps
  PERFORM set_config('taskline.report', CASE
    WHEN EXISTS (SELECT FROM pg_temp.saved(41)) OR EXISTS (SELECT FROM pg_temp.fences())
    THEN concat_ws(E'\n', '✅ 041 is taken back: the schema is as this database had it; no row, no link was lost',
                   (SELECT string_agg(pg_temp.put_back(s.kind, s.relation::regclass, s.object_name, s.ddl), E'\n' ORDER BY s.step)
                      FROM pg_temp.saved(41) s))
    ELSE 'ℹ️ there is nothing to take back: 041 is not in place; nothing was changed' END, false);
END $$;

-- == Fence ==
-- From here on no new link to a contact or an account comes in, and no row without a lead. If one slipped in before, the
-- fence goes and so do we. Rows that break it are there only if they are to be set aside; the next step removes them.
DO $$
DECLARE
  li     constant regclass := 'lead_interactions';
  fences text;
BEGIN
  SELECT string_agg(format('ADD CONSTRAINT %I CHECK (%s) NOT VALID', f.name, f.condition), ', ') INTO fences
    FROM (SELECT 'taskline_041_fence_' || c, format('%I IS NULL', c) FROM pg_temp.columns_to_go() c
           UNION ALL SELECT 'taskline_041_fence_lead_id', 'lead_id IS NOT NULL' WHERE pg_temp.needs_lead()) AS f(name, condition)
   WHERE NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = li AND conname = f.name);
  IF fences IS NOT NULL THEN
    CALL pg_temp.alter_shortly('let no new link in', format('ALTER TABLE %s %s', li, fences));
  END IF;
  CALL pg_temp.refuse_losses();
END $$;

-- == Links ==
-- What would be lost is set aside as it is, and in the same transaction the columns go: all of it happens, or nothing. No
-- trigger fires, so no stamp moves, no lead's next follow-up is computed, and no history is written.

-- Copies rows to where they are set aside, if there are any; answers with their number. The table is made with the columns
-- that there are, without rules, and later ones are added to it. Only the owner may read it.
CREATE OR REPLACE FUNCTION pg_temp.copy_aside(relation regclass, id_column name, condition text) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
  aside constant text := pg_temp.aside_of(relation);
  item  record;
  n     bigint;
BEGIN
  EXECUTE format('SELECT count(*) FROM %s WHERE %s', relation, condition) INTO n;
  IF n = 0 THEN
    RETURN 0;
  ELSIF to_regclass(aside) IS NULL THEN
    EXECUTE format('CREATE TABLE %1$s AS SELECT now() AS rolled_back_at, NULL::text AS stays_because, t.* FROM %2$s t WITH NO DATA;
                    CREATE INDEX ON %1$s (%3$I);
                    ALTER TABLE %1$s OWNER TO %4$s;
                    ALTER TABLE %1$s ENABLE ROW LEVEL SECURITY',         -- without a policy: for the owner alone
                   aside, relation, id_column, pg_temp.owner_of('lead_interactions'));
    PERFORM pg_temp.keep_to_owner(aside);
  END IF;
  PERFORM pg_temp.refuse_planted_tables();          -- it may have come since the obstacles were looked for
  FOR item IN SELECT attname, format_type(atttypid, atttypmod) AS type FROM pg_attribute
               WHERE attrelid = relation AND attnum > 0 AND NOT attisdropped AND NOT pg_temp.has_column(to_regclass(aside), attname) LOOP
    EXECUTE format('ALTER TABLE %s ADD COLUMN %I %s', aside, item.attname, item.type);
  END LOOP;
  EXECUTE (SELECT format('INSERT INTO %1$s (rolled_back_at, %2$s) SELECT now(), %2$s FROM %3$s WHERE %4$s FOR UPDATE', aside,
                         string_agg(quote_ident(attname), ', '), relation, condition)
             FROM pg_attribute WHERE attrelid = relation AND attnum > 0 AND NOT attisdropped);
  GET DIAGNOSTICS n = ROW_COUNT;
  RETURN n;
END $$;

-- Removes rows of which a copy was set aside, not one more or less.
CREATE OR REPLACE FUNCTION pg_temp.remove(relation regclass, condition text, expected bigint) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  n bigint;
BEGIN
  EXECUTE format('DELETE FROM %s WHERE %s', relation, condition);
  GET DIAGNOSTICS n = ROW_COUNT;
  IF n <> expected THEN
    RAISE EXCEPTION '%: % set aside, but % removed', relation, pg_temp.rows_in_words(expected), n;
  END IF;
END $$;

CREATE OR REPLACE FUNCTION pg_temp.set_aside() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  li     constant regclass := 'lead_interactions';
  aside  constant text := pg_temp.aside_of(li);
  leaves constant text := format('SELECT id FROM %s WHERE rolled_back_at = now() AND lead_id IS NULL', aside);
  loud   text[];                                    -- the statements that switch triggers on again
  sample jsonb;
  misses text;
  counts jsonb := '{}';
  n      bigint;
  item   record;
BEGIN
  SET CONSTRAINTS ALL IMMEDIATE;                    -- or keys that wait for the end would forbid what follows
  IF pg_temp.copy_aside(li, 'id', pg_temp.is_loss()) > 0 THEN
    FOR item IN SELECT b.rel, pg_temp.copy_aside(b.rel, b.parent, format('%I IN (%s)', b.parent, leaves)) AS n
                  FROM pg_temp.belongings() b LOOP
      counts := counts || jsonb_build_object(item.rel::text, item.n);
    END LOOP;
    loud := ARRAY[pg_temp.silence(li)];             -- first, as in the application: an interaction, then its history
    FOR item IN SELECT b.* FROM pg_temp.belongings() b LOOP
      loud := loud || pg_temp.silence(item.rel);
      PERFORM pg_temp.remove(item.rel, format('%I IN (%s)', item.parent, leaves), (counts->>item.rel::text)::bigint);
    END LOOP;
    EXECUTE format('SELECT count(*) FROM (%s) l', leaves) INTO n;
    PERFORM pg_temp.remove(li, format('id IN (%s)', leaves), n);
    EXECUTE array_to_string(array_remove(loud, ''), '; ');
  END IF;
  sample := pg_temp.pattern_task();                 -- by an index that goes with the columns
  FOR item IN SELECT s.* FROM pg_temp.saved(41) s WHERE s.ddl LIKE '%DROP COLUMN%' LOOP
    EXECUTE CASE WHEN pg_temp.has_column(li, item.object_name) THEN item.ddl || '; ' ELSE '' END || item.forget;
    EXECUTE format('DELETE FROM %s.taskline_saved_ddl WHERE migration = 41 AND relation = %L AND ddl LIKE %L', pg_temp.home(),
                   item.relation, format('FOREIGN KEY (%I)%%', item.object_name));       -- a key that went with its column
  END LOOP;
  misses := pg_temp.lead_task_fails(sample);
  IF misses IS NOT NULL THEN
    RAISE EXCEPTION 'without the columns a lead''s task can''t be inserted and changed: %', misses;
  END IF;
END $$;

-- The same, with an error in words instead of raised: after it the fence has to go.
CREATE OR REPLACE FUNCTION pg_temp.try_to_set_aside() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  detail text;
BEGIN
  PERFORM set_config('taskline.failure', '', false);
  PERFORM pg_temp.set_aside();
EXCEPTION WHEN lock_not_available OR deadlock_detected THEN RAISE;
          WHEN OTHERS THEN
            GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
            PERFORM set_config('taskline.failure', concat_ws(E'\n', SQLERRM, nullif(detail, '')), false);
END $$;

DO $$
DECLARE
  drops constant text := (SELECT string_agg(s.ddl, '; ') FROM pg_temp.saved(41) s WHERE s.ddl LIKE '%DROP COLUMN%');
BEGIN
  IF drops IS NOT NULL OR pg_temp.is_loss() <> 'false' THEN
    CALL pg_temp.alter_shortly('set links aside, and remove the columns',
                               format('SELECT pg_temp.try_to_set_aside() /* %s */', drops));   -- tells of the locks it takes
    IF current_setting('taskline.failure') <> '' THEN
      CALL pg_temp.refuse('041 can''t be taken back: ' || current_setting('taskline.failure'),
                          'Remove what stands in the way, then run this file again.');
    END IF;
  END IF;
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
    IF item.ddl !~ ' NOT (VALID|ENFORCED)$' THEN
      CALL pg_temp.alter_shortly(format('check the earlier foreign key %s', item.object_name),
                                 format('ALTER TABLE %s VALIDATE CONSTRAINT %I', item.rel, interim));
    END IF;
    CALL pg_temp.alter_shortly(format('exchange the foreign key %s', item.object_name),
      format('ALTER TABLE %1$s DROP CONSTRAINT IF EXISTS %2$I; ALTER TABLE %1$s RENAME CONSTRAINT %3$I TO %2$I; %4$s',
             item.rel, item.object_name, interim, item.forget));
  END LOOP;
END $$;

-- == Columns ==
-- A history line without a lead, of a task that has one by now, gets its task's lead: it may not be null again.
CREATE OR REPLACE PROCEDURE pg_temp.give_history_its_lead(history regclass) LANGUAGE plpgsql AS $$
DECLARE
  parent constant name := pg_temp.parent_of(history);
  n      bigint;
BEGIN
  IF parent IS NULL THEN
    RETURN;
  END IF;
  EXECUTE format('UPDATE %s h SET lead_id = t.lead_id FROM lead_interactions t
                   WHERE h.lead_id IS NULL AND t.id = h.%I AND t.lead_id IS NOT NULL', history, parent);
  GET DIAGNOSTICS n = ROW_COUNT;
  COMMIT;
  IF n > 0 THEN
    RAISE NOTICE '%: % lines got the lead of their task', history, n;
  END IF;
END $$;

DO $$
DECLARE
  fence constant text := 'taskline_041_fence_lead_id';
  item  record;
  n     bigint;
  found text;
BEGIN
  FOR item IN SELECT s.relation::regclass AS rel FROM pg_temp.saved(41) s
               WHERE s.object_name = 'lead_id' AND s.kind = 'statement' LOOP
    IF NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = item.rel AND conname = fence) THEN
      CALL pg_temp.alter_shortly(format('let no row without a lead into %s', item.rel),
        format('ALTER TABLE %s ADD CONSTRAINT %I CHECK (lead_id IS NOT NULL) NOT VALID', item.rel, fence));
    END IF;
    IF item.rel <> 'lead_interactions'::regclass THEN
      CALL pg_temp.give_history_its_lead(item.rel);
    END IF;
    EXECUTE format('SELECT count(*), array_to_string((array_agg(id::text ORDER BY id))[1:3], '', '')
                      FROM %s WHERE lead_id IS NULL', item.rel) INTO n, found;
    IF n > 0 THEN
      RAISE EXCEPTION '041 is taken back in part: found % of % without a lead, for example %', pg_temp.rows_in_words(n), item.rel, found
        USING ERRCODE = 'object_not_in_prerequisite_state',
              HINT = 'No row was lost. Give them a lead or delete them, and run this file again; or run 041 to go forward.';
    END IF;
    CALL pg_temp.alter_shortly(format('check that every row of %s has a lead', item.rel),
                               format('ALTER TABLE %s VALIDATE CONSTRAINT %I', item.rel, fence));
  END LOOP;
END $$;

-- == Indexes ==
-- Renamed first, out of the way of the names that come back; then dropped, without holding anybody up.
DO $$
DECLARE
  home constant text := pg_temp.home();
  item record;
BEGIN
  FOR item IN SELECT s.*, row_number() OVER () AS n FROM pg_temp.saved(41) s WHERE s.kind = 'drop index' LOOP
    CALL pg_temp.alter_shortly(format('rename the index %s', item.object_name),
      CASE WHEN to_regclass(format('%s.%I', home, item.object_name)) IS NULL THEN ''     -- it went with a column
           ELSE format('ALTER INDEX %s.%I RENAME TO taskline_041_drop_%s; ', home, item.object_name, item.n) END || item.forget);
  END LOOP;
END $$;

SET client_min_messages = warning;
SET lock_timeout = '10min';                         -- a concurrent drop waits for old transactions, but holds nobody up
DROP INDEX CONCURRENTLY IF EXISTS taskline_041_drop_1;
DROP INDEX CONCURRENTLY IF EXISTS taskline_041_drop_2;
DROP INDEX CONCURRENTLY IF EXISTS taskline_041_drop_3;
SET lock_timeout = 0;
SET client_min_messages = notice;

-- == The rest ==
-- Once more, with every rule back in place: whatever came meanwhile, no success is told of a table that can't be written.
CREATE OR REPLACE PROCEDURE pg_temp.prove_lead_task() LANGUAGE plpgsql AS $$
DECLARE
  misses text;
BEGIN
  FOR attempt IN 1 .. 40 LOOP
    BEGIN
      PERFORM set_config('lock_timeout', '150ms', true);
      misses := pg_temp.lead_task_fails(pg_temp.pattern_task());
    EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
      misses := 'the rows of the proof are locked';
    END;
    COMMIT;
    EXIT WHEN misses IS DISTINCT FROM 'the rows of the proof are locked';
    PERFORM pg_sleep(0.1 + 0.2 * random());
  END LOOP;
  IF misses IS NOT NULL THEN
    RAISE EXCEPTION '041 is taken back, but a lead''s task can''t be inserted and changed: %', misses
      USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'No row was lost. Repair what it names, and run this file again: it proves it once more, and opens the fence.';
  END IF;
END $$;

DO $$
DECLARE
  list  constant text := pg_temp.home() || '.taskline_saved_ddl';
  item  record;
  n     bigint;
  aside text;
BEGIN
  FOR item IN SELECT s.* FROM pg_temp.saved(41) s LOOP
    CALL pg_temp.alter_shortly(format('restore %s of %s', item.object_name, item.relation), item.ddl || '; ' || item.forget);
  END LOOP;
  CALL pg_temp.prove_lead_task();
  FOR item IN SELECT * FROM pg_temp.fences() LOOP
    CALL pg_temp.alter_shortly('remove the fence', format('ALTER TABLE %s DROP CONSTRAINT %I', item.rel, item.name));
  END LOOP;
  IF to_regclass(list) IS NOT NULL THEN
    EXECUTE format('SELECT count(*) FROM %s', list) INTO n;
    IF n = 0 THEN
      CALL pg_temp.alter_shortly('drop the list of saved statements', 'DROP TABLE ' || list);
    END IF;
  END IF;
  SELECT string_agg(E'\nℹ️ set aside in ' || l, '') INTO aside FROM pg_temp.set_aside_lines() l;
  PERFORM set_config('taskline.report', current_setting('taskline.report') || coalesce(aside || E'\n'
    || 'ℹ️ no other row was touched, no trigger fired; to bring them back with 041: ./taskline migrate up --bring-back '
       '(by psql: PGOPTIONS=''-c taskline.bring_back=on'')', ''), false);
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
