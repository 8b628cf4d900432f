-- legacy_data.sql: invented rows for legacy_crm.sql; equal parameters give equal rows on every server version.
--
--   psql -X -d DATABASE [-v interactions=200000 ...] -f migrations/legacy/legacy_data.sql        (as the owner)
--
-- Parameters: orgs, users_per_org, leads, contacts, accounts, interactions (how many of each); seed (-1 to 1);
-- anchor (the instant the data takes for "now"; tasks are due up to 45 days before and after it); odd_rows (how many
-- interactions of each awkward kind, see the end; 0 for none). The people are made up and example.test is reserved.
\set ON_ERROR_STOP on
\if :{?orgs}
\else
  \set orgs 3
\endif
\if :{?users_per_org}
\else
  \set users_per_org 8
\endif
\if :{?leads}
\else
  \set leads 2000
\endif
\if :{?contacts}
\else
  \set contacts 3000
\endif
\if :{?accounts}
\else
  \set accounts 2500
\endif
\if :{?interactions}
\else
  \set interactions 20000
\endif
\if :{?odd_rows}
\else
  \set odd_rows 12
\endif
\if :{?seed}
\else
  \set seed 0.41
\endif
\if :{?anchor}
\else
  \set anchor '2026-02-10 15:30:00+00'
\endif
SET client_min_messages = warning;
SET timezone = 'UTC';
SET jit = off;
BEGIN;
SELECT setseed(:seed) \g /dev/null
SELECT set_config('legacy.salt', random()::text, true), set_config('legacy.anchor', (:'anchor')::timestamptz::text, true) \g /dev/null

-- A draw is a hash of salt, purpose and row number: neither plan nor version can change it.
CREATE FUNCTION pg_temp.u(purpose text, n bigint) RETURNS float8 LANGUAGE sql STABLE AS
  $$ SELECT ('x' || substr(md5(current_setting('legacy.salt') || purpose || n), 1, 12))::bit(48)::bigint / 281474976710656.0::float8 $$;
CREATE FUNCTION pg_temp.pick(purpose text, n bigint, among text[]) RETURNS text LANGUAGE sql STABLE AS
  $$ SELECT among[1 + floor(pg_temp.u(purpose, n) * cardinality(among))::int] $$;
CREATE FUNCTION pg_temp.key(kind text, n bigint) RETURNS uuid LANGUAGE sql STABLE AS       -- looks like a version 4 uuid
  $$ SELECT overlay(overlay(md5(current_setting('legacy.salt') || kind || n) PLACING '4' FROM 13) PLACING 'a' FROM 17)::uuid $$;
CREATE FUNCTION pg_temp.ago(days float8) RETURNS timestamptz LANGUAGE sql STABLE AS        -- whole seconds
  $$ SELECT date_trunc('second', current_setting('legacy.anchor')::timestamptz - days * interval '1 day') $$;
CREATE FUNCTION pg_temp.org(purpose text, n bigint, orgs int) RETURNS int LANGUAGE sql STABLE AS   -- the first tenant gets most
  $$ SELECT CASE WHEN n <= orgs THEN n::int ELSE 1 + floor(orgs * pg_temp.u(purpose, n) ^ 2.2)::int END $$;

CREATE TEMP TABLE words ON COMMIT DROP AS SELECT
  ARRAY['Amara','Ben','Chloé','Dmitri','Elif','Farah','Grace','Hiroshi','Inés','Jonas','Katya','Liam','Mei','Nadia','Owen',
        'Priya','Quentin','Rosa','Søren','Tariq','Uma','Viktor','Wanjiru','Xavier','Yara','Zoltán','Mary-Jane','Ø'] AS first,
  ARRAY['Adeyemi','Bauer','Costa','D''Angelo','Eriksen','Fernández','Gupta','Hansen','Ito','Jensen','Kowalski','Lindqvist','Moreau',
        'Nguyen','O''Neil','Petrov','Quiroga','Rossi','Smith','Tanaka','Ueda','van den Berg','Wright','Xu','Yilmaz','Zhang'] AS last,
  ARRAY['Harbour Light','Northwind Tools','Blue Finch','Quarry Lane','Cedar & Sons','Fjord Marine','Papaya Labs','Old Mill Bakery',
        'Kestrel Logistics','Union Street Dental','Ünlü Tekstil','Sólheimar','3rd Rail Cycles','Lantern Press'] AS firm,
  ARRAY['Ltd','GmbH','Inc.','SARL','Oy','& Co'] AS form,
  ARRAY['website','referral','social','cold-call','email','advertisement','trade-show','other'] AS source,
  ARRAY['America/New_York','America/Los_Angeles','Europe/London','Europe/Istanbul','Asia/Kolkata','Australia/Sydney','Pacific/Apia'] AS zone;

INSERT INTO organizations (id, name, slug, domain, subscription_status, max_users, created_at, updated_at)
SELECT pg_temp.key('org', o), w.firm[1 + o % cardinality(w.firm)] || ' ' || w.form[1 + o % cardinality(w.form)], 'tenant-' || o,
       'tenant-' || o || '.example.test', (ARRAY['active','trial','past_due'])[1 + o % 3], :users_per_org + 5, pg_temp.ago(900 - o), pg_temp.ago(30)
  FROM generate_series(1, :orgs) o, words w;

INSERT INTO users (id, organization_id, email, password_hash, first_name, last_name, role, is_active, timezone, created_at, updated_at)
SELECT pg_temp.key('user', o * 1000 + k), pg_temp.key('org', o), 'user' || k || '@tenant-' || o || '.example.test', '!',
       pg_temp.pick('uf', o * 1000 + k, w.first), pg_temp.pick('ul', o * 1000 + k, w.last),
       CASE WHEN k = 1 THEN 'admin' WHEN k % 7 = 0 THEN 'viewer' ELSE 'user' END,
       NOT (k = :users_per_org AND k > 2),                       -- the last user has left but still has work
       w.zone[1 + (o + k) % cardinality(w.zone)], pg_temp.ago(880 - k), pg_temp.ago(20)
  FROM generate_series(1, :orgs) o, generate_series(1, :users_per_org) k, words w;

INSERT INTO leads (id, organization_id, title, company, first_name, last_name, email, phone, source, status, priority, value,
                   assigned_to, created_by, created_at, updated_at, city, country, custom_fields)
SELECT pg_temp.key('lead', i), pg_temp.key('org', o), CASE WHEN i % 4 = 0 THEN 'Director' END,
       CASE WHEN pg_temp.u('lc', i) < .7 THEN pg_temp.pick('lf', i, w.firm) || ' ' || pg_temp.pick('lg', i, w.form) END,
       pg_temp.pick('l1', i, w.first), pg_temp.pick('l2', i, w.last), CASE WHEN i % 9 > 0 THEN 'lead' || i || '@example.test' END,
       '+1555' || lpad((i * 7919 % 10000000)::text, 7, '0'), pg_temp.pick('ls', i, w.source),
       (ARRAY['new','new','contacted','contacted','qualified','proposal','negotiation','converted','converted','lost'])[1 + floor(pg_temp.u('lt', i) * 10)::int],
       (ARRAY['low','medium','medium','high'])[1 + floor(pg_temp.u('lp', i) * 4)::int], round((pg_temp.u('lv', i) ^ 3 * 50000)::numeric, 2),
       CASE WHEN pg_temp.u('la', i) < .9 THEN pg_temp.key('user', o * 1000 + 1 + floor(pg_temp.u('lb', i) * :users_per_org)::int) END,
       pg_temp.key('user', o * 1000 + 1), pg_temp.ago(20 + 600 * pg_temp.u('ld', i)), pg_temp.ago(15), 'Springfield', 'Utopia',
       CASE WHEN i % 20 = 0 THEN '{"app": "demo"}'::jsonb ELSE '{}' END
  FROM (SELECT i, pg_temp.org('lo', i, :orgs) AS o FROM generate_series(1, :leads) i) s, words w;

INSERT INTO contacts (id, organization_id, company, first_name, last_name, email, phone, status, source, priority, assigned_to,
                      created_by, created_at, updated_at, tags)
SELECT pg_temp.key('contact', i), pg_temp.key('org', o),
       CASE WHEN pg_temp.u('cc', i) < .6 THEN pg_temp.pick('cf', i, w.firm) || ' ' || pg_temp.pick('cg', i, w.form) END,
       pg_temp.pick('c1', i, w.first), pg_temp.pick('c2', i, w.last), CASE WHEN i % 6 > 0 THEN 'contact' || i || '@example.test' END,
       '+1444' || lpad((i * 6101 % 10000000)::text, 7, '0'), (ARRAY['prospect','trial_user','customer','customer','active','inactive'])[1 + floor(pg_temp.u('ct', i) * 6)::int],
       pg_temp.pick('cs', i, w.source), (ARRAY['low','medium','high'])[1 + floor(pg_temp.u('cp', i) * 3)::int],
       CASE WHEN pg_temp.u('ca', i) < .8 THEN pg_temp.key('user', o * 1000 + 1 + floor(pg_temp.u('cb', i) * :users_per_org)::int) END,
       pg_temp.key('user', o * 1000 + 1), pg_temp.ago(10 + 500 * pg_temp.u('cd', i)), pg_temp.ago(9),
       CASE WHEN i % 10 = 0 THEN ARRAY['vip'] ELSE '{}' END
  FROM (SELECT i, pg_temp.org('co', i, :orgs) AS o FROM generate_series(1, :contacts) i) s, words w;

-- Conversion: such a lead names a contact of its tenant. Most of those contacts name it back; a few name a lead that is gone.
WITH l AS (SELECT id, organization_id, created_at, row_number() OVER (PARTITION BY organization_id ORDER BY id) AS k FROM leads WHERE status = 'converted'),
     c AS (SELECT id, organization_id, row_number() OVER (PARTITION BY organization_id ORDER BY id) AS k FROM contacts)
UPDATE leads SET linked_contact_id = c.id, converted_date = l.created_at + interval '15 days', relationship_type = 'new_customer'
  FROM l JOIN c USING (organization_id, k) WHERE leads.id = l.id;
UPDATE contacts c SET converted_from_lead_id = l.id FROM leads l WHERE l.linked_contact_id = c.id AND right(c.id::text, 1) <> 'e';
UPDATE contacts SET converted_from_lead_id = pg_temp.key('gone', 1) WHERE converted_from_lead_id IS NULL AND right(id::text, 2) = '0f';

WITH c AS (SELECT id, organization_id, first_name, last_name, row_number() OVER (PARTITION BY organization_id ORDER BY id) AS k,
                  count(*) OVER (PARTITION BY organization_id) AS n FROM contacts),
     s AS (SELECT i, o, 1 + floor(pg_temp.u('ak', i) ^ 1.5 * n.n)::int AS k
             FROM (SELECT i, pg_temp.org('ao', i, :orgs) AS o FROM generate_series(1, :accounts) i) g
             JOIN (SELECT organization_id, count(*) AS n FROM contacts GROUP BY 1) n ON n.organization_id = pg_temp.key('org', g.o))
INSERT INTO accounts (id, organization_id, contact_id, account_name, created_by, edition, device_name, mac_address, billing_cycle,
                      billing_term_months, price, account_status, next_renewal_date, created_at, updated_at, deleted_at, deleted_by, deletion_reason)
SELECT pg_temp.key('account', i), c.organization_id, c.id,
       CASE WHEN i % 50 = 0 THEN '''s Account ' || i                  -- what a lead without a name leaves behind
            ELSE c.first_name || ' ' || c.last_name || '''s Account' || CASE WHEN row_number() OVER (PARTITION BY c.id ORDER BY i) > 1
                 THEN ' #' || row_number() OVER (PARTITION BY c.id ORDER BY i) ELSE '' END END,
       pg_temp.key('user', o * 1000 + 1 + floor(pg_temp.u('ab', i) * :users_per_org)::int),
       (ARRAY['Standard','Premium','Smart'])[1 + i % 3], 'device ' || i, '02:00:' || concat_ws(':', lpad(to_hex(i >> 24 & 255), 2, '0'),
       lpad(to_hex(i >> 16 & 255), 2, '0'), lpad(to_hex(i >> 8 & 255), 2, '0'), lpad(to_hex(i & 255), 2, '0')),
       (ARRAY['monthly','quarterly','semi-annual','annual'])[1 + i % 4], (ARRAY[1,3,6,12])[1 + i % 4], 10 * (1 + i % 9),
       CASE WHEN gone THEN 'cancelled' ELSE (ARRAY['active','active','active','inactive','suspended','on_hold'])[1 + floor(pg_temp.u('at', i) * 6)::int] END,
       pg_temp.ago(60 - 240 * pg_temp.u('ar', i)), pg_temp.ago(30 + 400 * pg_temp.u('ad', i)), pg_temp.ago(8),
       CASE WHEN gone THEN pg_temp.ago(25 * pg_temp.u('ax', i)) END, CASE WHEN gone THEN pg_temp.key('user', o * 1000 + 1) END,
       CASE WHEN gone THEN 'Duplicate record' END
  FROM (SELECT s.*, pg_temp.u('ag', i) < .04 AS gone FROM s) s JOIN c ON c.organization_id = pg_temp.key('org', s.o) AND c.k = s.k;

-- Interactions: unevenly spread over the leads, of every kind, with the history that the triggers write. The follow-up
-- trigger alone is off (it takes minutes); the end of this file sets what it would have set.
ALTER TABLE lead_interactions DISABLE TRIGGER sync_lead_next_follow_up;
WITH l AS (SELECT id, organization_id, assigned_to, created_at, first_name, last_name,
                  row_number() OVER (PARTITION BY organization_id ORDER BY id) AS k FROM leads),
     g AS (SELECT i, pg_temp.org('io', i, :orgs) AS o FROM generate_series(1, :interactions) i),
     s AS (SELECT g.i, g.o, l.*, (ARRAY['task','task','task','task','task','task','task','task','task','call','call','call','call','email','email','email',
                  'note','meeting','sms','whatsapp'])[1 + floor(pg_temp.u('ik', i) * 20)::int] AS kind
             FROM g JOIN (SELECT organization_id, count(*) AS n FROM leads GROUP BY 1) n ON n.organization_id = pg_temp.key('org', g.o)
             JOIN l ON l.organization_id = n.organization_id AND l.k = 1 + floor(pg_temp.u('il', i) ^ 2 * n.n)::int)
INSERT INTO lead_interactions (id, lead_id, user_id, organization_id, interaction_type, subject, description, outcome, scheduled_at,
                               completed_at, duration_minutes, duration, status, priority, created_by, created_at, updated_at)
SELECT pg_temp.key('act', i), id, coalesce(CASE WHEN pg_temp.u('iu', i) < .6 THEN assigned_to END,
                                           pg_temp.key('user', o * 1000 + 1 + floor(pg_temp.u('iv', i) * :users_per_org)::int)),
       organization_id, kind,
       CASE kind WHEN 'task' THEN pg_temp.pick('is', i, ARRAY['Follow up with ' || first_name || ' ' || last_name, 'Send the offer', 'Prepare the demo',
                      'Check the invoice', 'Ask about renewal', 'Book a site visit', 'Collect signed papers', 'Réunion: préparer l''ordre du jour'])
            WHEN 'note' THEN NULL WHEN 'sms' THEN NULL WHEN 'whatsapp' THEN NULL ELSE initcap(kind) || ' with ' || first_name END,
       CASE WHEN kind <> 'task' OR pg_temp.u('ie', i) < .6 THEN repeat('Noted on the phone; nothing else to add. ', 1 + floor(6 * pg_temp.u('if', i) ^ 3)::int) END,
       CASE kind WHEN 'call' THEN pg_temp.pick('ic', i, ARRAY['Successful','No Answer','Voicemail Left','Callback Requested','Not Interested','voicemail','answered'])
            WHEN 'email' THEN 'Sent' WHEN 'meeting' THEN pg_temp.pick('ic', i, ARRAY['Successful','Rescheduled','No Show'])
            WHEN 'sms' THEN pg_temp.pick('ic', i, ARRAY['sent','received']) WHEN 'whatsapp' THEN pg_temp.pick('ic', i, ARRAY['sent','received']) END,
       CASE WHEN kind = 'task' AND pg_temp.u('iw', i) < .95 THEN greatest(made, pg_temp.ago(45 * (2 * pg_temp.u('ix', i) - 1)))
            WHEN kind = 'meeting' THEN made + interval '2 days' END,
       CASE WHEN kind <> 'task' THEN made END, len, len,
       CASE WHEN kind <> 'task' THEN 'completed' WHEN greatest(made, pg_temp.ago(45 * (2 * pg_temp.u('ix', i) - 1))) > pg_temp.ago(0) THEN 'scheduled' ELSE 'pending' END,
       (ARRAY['low','medium','medium','medium','high'])[1 + floor(pg_temp.u('ip', i) * 5)::int],
       pg_temp.key('user', o * 1000 + 1 + floor(pg_temp.u('iq', i) * :users_per_org)::int), made, made
  FROM (SELECT s.*, created_at + (pg_temp.ago(.1) - created_at) * pg_temp.u('id', i) AS made,
               CASE WHEN kind IN ('call', 'meeting') THEN 5 * (1 + floor(12 * pg_temp.u('ig', i))::int) END AS len FROM s) s
 ORDER BY i;

-- What became of the tasks: half are done, one in twenty is cancelled, others are moved, handed over and made urgent.
UPDATE lead_interactions t SET status = 'completed', completed_at = least(pg_temp.ago(0), t.created_at + interval '1 day' * 20 * pg_temp.u('tc', n)),
       outcome = CASE WHEN n % 3 = 0 THEN 'Successful' END
  FROM (SELECT pg_temp.key('act', i) AS id, i AS n FROM generate_series(1, :interactions) i) x
 WHERE t.id = x.id AND interaction_type = 'task' AND pg_temp.u('tx', n) < .5;
UPDATE lead_interactions t SET status = 'cancelled'
  FROM (SELECT pg_temp.key('act', i) AS id, i AS n FROM generate_series(1, :interactions) i) x
 WHERE t.id = x.id AND interaction_type = 'task' AND pg_temp.u('tx', n) BETWEEN .5 AND .55;
UPDATE lead_interactions t SET scheduled_at = scheduled_at + interval '2 days', priority = 'high', user_id = t.created_by
  FROM (SELECT pg_temp.key('act', i) AS id, i AS n FROM generate_series(1, :interactions) i) x
 WHERE t.id = x.id AND interaction_type = 'task' AND pg_temp.u('tx', n) > .9;

-- Awkward rows, as years of hand-made fixes leave them. Triggers are off, as they were for those scripts.
ALTER TABLE lead_interactions DISABLE TRIGGER USER;
ALTER TABLE leads DISABLE TRIGGER USER;
ALTER TABLE contacts DISABLE TRIGGER USER;
CREATE TEMP TABLE odd ON COMMIT DROP AS SELECT id, row_number() OVER (ORDER BY id) AS k FROM lead_interactions WHERE interaction_type = 'task';
SELECT attnotnull AS org_required FROM pg_attribute WHERE attrelid = 'lead_interactions'::regclass AND attname = 'organization_id' \gset
\if :org_required
\else
  UPDATE lead_interactions t SET organization_id = NULL FROM odd WHERE odd.id = t.id AND k <= :odd_rows;        -- older than the column
\endif
UPDATE lead_interactions t SET organization_id = (SELECT o.id FROM organizations o WHERE o.id <> t.organization_id ORDER BY o.id LIMIT 1)
  FROM odd WHERE odd.id = t.id AND k BETWEEN :odd_rows + 1 AND 2 * :odd_rows AND :orgs > 1;                       -- another tenant than its lead
UPDATE lead_interactions t SET status = 'completed', completed_at = NULL FROM odd WHERE odd.id = t.id AND k BETWEEN 2 * :odd_rows + 1 AND 3 * :odd_rows;
UPDATE lead_interactions t SET status = NULL, completed_at = NULL FROM odd WHERE odd.id = t.id AND k BETWEEN 3 * :odd_rows + 1 AND 4 * :odd_rows;
UPDATE lead_interactions t SET priority = NULL FROM odd WHERE odd.id = t.id AND k BETWEEN 4 * :odd_rows + 1 AND 5 * :odd_rows;
UPDATE lead_interactions t SET subject = '' FROM odd WHERE odd.id = t.id AND k BETWEEN 5 * :odd_rows + 1 AND 6 * :odd_rows;
UPDATE lead_interactions t SET status = 'pending', completed_at = created_at FROM odd WHERE odd.id = t.id AND k BETWEEN 6 * :odd_rows + 1 AND 7 * :odd_rows;
DELETE FROM interaction_events e USING odd WHERE odd.id = e.interaction_id AND k BETWEEN 7 * :odd_rows + 1 AND 8 * :odd_rows;  -- lost their history

-- No trace of the wall clock stays: stamps and history keys follow from the data.
ANALYZE leads, lead_interactions;                 -- else the next statement takes minutes at a million rows
UPDATE leads l SET updated_at = pg_temp.ago(1), next_follow_up = f.due
  FROM leads k LEFT JOIN (SELECT lead_id, min(scheduled_at) AS due FROM lead_interactions
                           WHERE interaction_type = 'task' AND status IN ('scheduled', 'pending') GROUP BY lead_id) f ON f.lead_id = k.id
 WHERE k.id = l.id;
UPDATE contacts SET updated_at = pg_temp.ago(1);
UPDATE lead_interactions SET updated_at = coalesce(completed_at, created_at);
UPDATE interaction_events e SET created_at = t.created_at + interval '3 hours'
  FROM lead_interactions t WHERE t.id = e.interaction_id AND e.event_type NOT IN ('created', 'completed');
UPDATE interaction_events SET id = overlay(overlay(md5(interaction_id::text || event_type) PLACING '4' FROM 13) PLACING 'b' FROM 17)::uuid;
ALTER TABLE lead_interactions ENABLE TRIGGER USER;
ALTER TABLE leads ENABLE TRIGGER USER;
ALTER TABLE contacts ENABLE TRIGGER USER;
COMMIT;
ANALYZE organizations, users, leads, contacts, accounts, lead_interactions, interaction_events;
SELECT (SELECT count(*) FROM organizations) AS orgs, (SELECT count(*) FROM users) AS users, (SELECT count(*) FROM leads) AS leads,
       (SELECT count(*) FROM contacts) AS contacts, (SELECT count(*) FROM accounts) AS accounts,
       (SELECT count(*) FROM lead_interactions) AS interactions, (SELECT count(*) FROM interaction_events) AS events;
