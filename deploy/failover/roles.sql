-- The database and its two roles: the owner runs migrations, and the API's role is bound by row security. As often as you
-- like: psql -f roles.sql, as postgres, with both passwords in the environment.
\set ON_ERROR_STOP on
\getenv owner_password CRM_OWNER_PASSWORD
\getenv api_password TASKLINE_API_PASSWORD
SELECT format('CREATE ROLE %I LOGIN', name) FROM unnest(ARRAY['crm_owner', 'taskline_api']) AS r (name)
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name)
\gexec
ALTER ROLE crm_owner PASSWORD :'owner_password';
-- Of max_connections (patroni.yml): the rest is for Patroni, for migrations, and for you.
ALTER ROLE taskline_api PASSWORD :'api_password' CONNECTION LIMIT 80;
GRANT taskline_api TO crm_owner;
SELECT 'CREATE DATABASE crm OWNER crm_owner' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'crm')
\gexec
