-- legacy_crm.sql: a legacy CRM without rows, for the demo and the tests: 040_legacy_baseline.sql and a role that uses it.
--
--   psql -X -d DATABASE -f migrations/legacy/legacy_crm.sql
--
-- Runs on an empty database as its owner, who needs CREATEROLE only if the role is still missing. The role (crm_app, or
-- -v app_role=NAME) may read and write every table and is bound by row security, unlike the owner.
\set ON_ERROR_STOP on
\if :{?app_role}
\else
  \set app_role crm_app
\endif
SET client_min_messages = warning;

SELECT NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'app_role') AS make_role \gset
\if :make_role
  CREATE ROLE :"app_role" LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE;
\endif

\ir ../040_legacy_baseline.sql

GRANT USAGE ON SCHEMA public TO :"app_role";
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO :"app_role";
