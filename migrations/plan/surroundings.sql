-- surroundings.sql: what a migration will meet in this database, besides its own steps. Read-only, over the catalogue and the
-- server's activity, for any role; each statement stands for itself, and psql -f shows them all.

-- == Tables ==
-- Rows are the planner's estimate; null before the first ANALYZE.
SELECT c.relname AS name, nullif(c.reltuples, -1)::bigint AS estimated_rows, pg_table_size(c.oid) AS table_bytes,
       pg_indexes_size(c.oid) AS index_bytes
  FROM unnest(ARRAY['lead_interactions', 'interaction_events', 'leads', 'contacts', 'accounts']) WITH ORDINALITY AS t(name, n)
  JOIN pg_class c ON c.oid = to_regclass(t.name)
 WHERE c.relkind IN ('r', 'p')
 ORDER BY t.n;

-- == Transactions ==
-- Open for longer than a second. Concurrent index builds wait for every one of this database, whatever it does. Of other
-- people's sessions only members of pg_read_all_stats see the times; a session without them is shown if it holds a lock on
-- one of our tables, and counted otherwise.
WITH ours AS (
  SELECT to_regclass(name)::oid AS oid
    FROM unnest(ARRAY['lead_interactions', 'interaction_events', 'leads', 'contacts', 'accounts']) AS t(name)
), locked AS (
  SELECT l.pid, string_agg(DISTINCT format('%s on %s', l.mode, l.relation::regclass), ', ') AS locks
    FROM pg_locks l JOIN ours ON ours.oid = l.relation
   WHERE l.locktype = 'relation' AND l.granted AND l.pid IS NOT NULL
   GROUP BY l.pid
)
SELECT a.pid, a.usename AS "user", nullif(a.application_name, '') AS application,
       extract(epoch FROM clock_timestamp() - a.xact_start)::float8 AS age_seconds, a.state, locked.locks,
       CASE WHEN a.query <> '<insufficient privilege>' THEN left(regexp_replace(a.query, '\s+', ' ', 'g'), 200) END AS query
  FROM pg_stat_activity a LEFT JOIN locked USING (pid)
 WHERE a.datname = current_database() AND a.pid <> pg_backend_pid()
   AND (a.xact_start < clock_timestamp() - interval '1 second'
        OR a.xact_start IS NULL AND a.query = '<insufficient privilege>' AND locked.pid IS NOT NULL)
   AND (a.backend_type IS DISTINCT FROM 'autovacuum worker' OR a.query LIKE '%to prevent wraparound%')
 ORDER BY a.xact_start NULLS LAST, a.pid;

-- == Hidden sessions ==
SELECT count(*) AS n
  FROM pg_stat_activity
 WHERE datname = current_database() AND pid <> pg_backend_pid() AND query = '<insufficient privilege>';

-- == Prepared transactions ==
-- They hold their locks until somebody commits or rolls them back, over a restart too.
SELECT gid AS name, owner AS "user", extract(epoch FROM clock_timestamp() - prepared)::float8 AS age_seconds
  FROM pg_prepared_xacts WHERE database = current_database() ORDER BY prepared;

-- == Objections ==
-- What on the table asks for the lead, and could so refuse a task without one. What is written here is what the catalogue
-- says; whether it does refuse one, the trial tells.
WITH li AS (
  SELECT c.oid, c.relrowsecurity FROM pg_class c WHERE c.oid = to_regclass('lead_interactions')
), lead AS (
  SELECT a.attnum FROM li JOIN pg_attribute a ON a.attrelid = li.oid AND a.attname = 'lead_id' AND NOT a.attisdropped
)
SELECT 'policy' AS kind, p.polname::text AS name,
       CASE WHEN p.polpermissive THEN 'asks the lead: it can''t place a task without one'
            ELSE 'restrictive, and asks the lead: no migration changes it' END AS words
  FROM li JOIN pg_policy p ON p.polrelid = li.oid
 WHERE li.relrowsecurity
   AND EXISTS (SELECT FROM pg_depend d JOIN lead ON lead.attnum = d.refobjsubid
                WHERE d.classid = 'pg_policy'::regclass AND d.objid = p.oid AND d.refobjid = li.oid)
   AND p.polname <> 'lead_interactions_without_lead'
 UNION ALL
SELECT 'check', k.conname, 'asks the lead: ' || pg_get_constraintdef(k.oid)
  FROM li JOIN pg_constraint k ON k.conrelid = li.oid AND k.contype = 'c' JOIN lead ON lead.attnum = ANY (k.conkey)
 UNION ALL
SELECT 'trigger', t.tgname, format('its function %s reads NEW.lead_id%s', t.tgfoid::regproc,
         coalesce(' and writes to ' || (SELECT string_agg(DISTINCT h.relname, ', ') FROM pg_class h
                                          JOIN pg_attribute a ON a.attrelid = h.oid AND a.attname = 'lead_id' AND a.attnotnull
                                         WHERE h.relkind = 'r' AND h.oid <> li.oid AND h.relname <> 'leads'
                                           AND p.prosrc ~* ('insert\s+into\s+(\w+\.)?' || h.relname || '\M'))
                  || ', whose lead_id may not be null'))
  FROM li JOIN pg_trigger t ON t.tgrelid = li.oid AND NOT t.tgisinternal AND t.tgenabled <> 'D'
  JOIN pg_proc p ON p.oid = t.tgfoid AND p.prosrc ~* '\mnew\.lead_id\M'
 ORDER BY kind, name;
