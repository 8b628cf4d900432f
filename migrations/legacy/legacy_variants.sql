-- legacy_variants.sql: eleven ways in which live copies of the legacy CRM differ from legacy_crm.sql.
--
--   psql -X -d DATABASE -v v_half_applied=1 -f migrations/legacy/legacy_variants.sql      (as the owner, after legacy_crm.sql)
--
--   v_completed_by      the "last changed by" column of lead_interactions is still called completed_by: the update trigger fails
--   v_strict_org        lead_interactions.organization_id is NOT NULL (databases installed late)
--   v_half_applied      a contact_id column is there already: right type, no foreign key, no index
--   v_wrong_type        a contact_id column is there already, as text
--   v_shadow_schema     schema "backup" holds a table of the same name that already has both columns
--   v_invalid_index     an earlier concurrent build left an invalid index under the name the migration uses
--   v_stale_fk          key and policy of lead_interactions point at leads_old, a renamed copy of leads
--   v_dead_column       an account trigger reads a column that an earlier clean-up dropped: closing or reopening fails
--   v_actor_setting     the update trigger takes the actor from app.current_user_id instead of the row
--   v_open_assignee     lead_interactions.user_id is nullable (inbound messages have no agent)
--   v_org_policies      somebody already repaired the policy of lead_interactions by hand, under another name
\set ON_ERROR_STOP on
SET client_min_messages = warning;
BEGIN;
\if :{?v_completed_by}
  ALTER TABLE lead_interactions RENAME COLUMN last_modified_by TO completed_by;
  ALTER INDEX idx_lead_interactions_last_modified_by RENAME TO idx_lead_interactions_completed_by;
\endif
\if :{?v_strict_org}
  ALTER TABLE lead_interactions DISABLE TRIGGER USER;
  UPDATE lead_interactions t SET organization_id = l.organization_id FROM leads l WHERE l.id = t.lead_id AND t.organization_id IS NULL;
  ALTER TABLE lead_interactions ENABLE TRIGGER USER;
  ALTER TABLE lead_interactions ALTER COLUMN organization_id SET NOT NULL;
\endif
\if :{?v_half_applied}
  ALTER TABLE lead_interactions ADD COLUMN contact_id uuid;
\endif
\if :{?v_wrong_type}
  ALTER TABLE lead_interactions ADD COLUMN contact_id text;
\endif
\if :{?v_shadow_schema}
  CREATE SCHEMA backup;
  CREATE TABLE backup.lead_interactions (id uuid, lead_id uuid, contact_id uuid, account_id uuid);
\endif
\if :{?v_invalid_index}
  ALTER TABLE lead_interactions ADD COLUMN contact_id uuid REFERENCES contacts ON DELETE SET NULL;
  CREATE INDEX idx_lead_interactions_contact_id ON lead_interactions (contact_id);
  UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'idx_lead_interactions_contact_id'::regclass;   -- superuser only
\endif
\if :{?v_stale_fk}
  ALTER TABLE leads RENAME TO leads_old;
  CREATE TABLE leads (LIKE leads_old INCLUDING ALL);
  INSERT INTO leads SELECT * FROM leads_old;
  ALTER TABLE leads ENABLE ROW LEVEL SECURITY;
  CREATE POLICY lead_isolation ON leads USING (organization_id = current_setting('app.current_organization_id')::uuid);
\endif
\if :{?v_dead_column}
  CREATE FUNCTION log_soft_delete_operation() RETURNS trigger LANGUAGE plpgsql AS $f$
  BEGIN
    RAISE DEBUG 'account % was of type %', OLD.id, OLD.account_type;
    RETURN NULL;
  END $f$;
  CREATE TRIGGER trigger_log_account_soft_delete AFTER UPDATE ON accounts FOR EACH ROW
    WHEN (OLD.deleted_at IS DISTINCT FROM NEW.deleted_at) EXECUTE FUNCTION log_soft_delete_operation();
\endif
\if :{?v_actor_setting}
  DO $d$ BEGIN
    EXECUTE replace(pg_get_functiondef('track_interaction_updates()'::regprocedure),
                    'NEW.last_modified_by', 'current_setting(''app.current_user_id'', true)::uuid');
  END $d$;
\endif
\if :{?v_open_assignee}
  ALTER TABLE lead_interactions ALTER COLUMN user_id DROP NOT NULL;
\endif
\if :{?v_org_policies}
  DROP POLICY lead_interactions_isolation ON lead_interactions;
  CREATE POLICY tenant_rows ON lead_interactions
    USING (organization_id = nullif(current_setting('app.current_organization_id', true), '')::uuid);
\endif
COMMIT;
