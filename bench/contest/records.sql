-- records.sql: two organizations with their people, leads, contacts and accounts; equal counts give equal rows.
-- Accounts are numbered: busy ones first, then large ones, then the hot one, then the others.
SET session_replication_role = replica;
CREATE FUNCTION pg_temp.key(kind text, n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT md5(kind || n)::uuid $$;
CREATE FUNCTION pg_temp.first_name(n bigint) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT (ARRAY['Amara', 'Ben', 'Chloé', 'Dmitri', 'Elif', 'Farah', 'Grace', 'Hiroshi', 'Inés', 'Jonas', 'Katya'])[1 + n % 11] $$;
CREATE FUNCTION pg_temp.last_name(n bigint) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT (ARRAY['Adeyemi', 'Bauer', 'Costa', 'D''Angelo', 'Eriksen', 'Fernández', 'Gupta', 'Hansen', 'Ito', 'Jensen',
                 'Kowalski', 'Lindqvist', 'Moreau'])[1 + n % 13] $$;
CREATE FUNCTION pg_temp.company(n bigint) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT (ARRAY['Harbour Light Ltd', 'Northwind Tools GmbH', 'Blue Finch Inc.', 'Cedar & Sons', 'Fjord Marine Oy'])[1 + n % 5] $$;

INSERT INTO organizations (id, name, slug)
SELECT pg_temp.key('organization', n), 'Organization ' || n, 'organization-' || n FROM generate_series(0, 1) n;
INSERT INTO users (id, organization_id, email, password_hash, first_name, last_name, role)
SELECT pg_temp.key('user', n), pg_temp.key('organization', n / 20), 'user' || n || '@example.test', '!',
       pg_temp.first_name(n), pg_temp.last_name(n), CASE WHEN n % 20 = 0 THEN 'admin' ELSE 'user' END
  FROM generate_series(0, 39) n;
INSERT INTO contacts (id, organization_id, first_name, last_name, company, email, status)
SELECT pg_temp.key('contact', n), pg_temp.key('organization', 0), pg_temp.first_name(n), pg_temp.last_name(n),
       pg_temp.company(n), 'contact' || n || '@example.test', (ARRAY['prospect', 'customer', 'active'])[1 + n % 3]
  FROM generate_series(0, :contacts - 1) n;
INSERT INTO leads (id, organization_id, first_name, last_name, company, email, status)
SELECT pg_temp.key('lead', n), pg_temp.key('organization', n % 10 / 9), pg_temp.first_name(n), pg_temp.last_name(n),
       pg_temp.company(n), 'lead' || n || '@example.test', (ARRAY['new', 'contacted', 'qualified'])[1 + n % 3]
  FROM generate_series(0, :leads - 1) n;
INSERT INTO accounts (id, organization_id, contact_id, account_name, account_status)
SELECT pg_temp.key('account', n), pg_temp.key('organization', 0), pg_temp.key('contact', n % :contacts),
       pg_temp.first_name(n) || '''s Account ' || n, (ARRAY['active', 'active', 'inactive', 'suspended'])[1 + n % 4]
  FROM generate_series(0, :accounts - 1) n;
