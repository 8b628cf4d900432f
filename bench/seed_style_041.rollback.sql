-- seed_style_041.rollback.sql: the way back as it is usually written, for comparison.
--
-- One statement after the other, each as soon as it gets its lock. Links are dropped without a look at them, and only then
-- SET NOT NULL finds the tasks that had nothing else.
\set ON_ERROR_STOP on

DROP INDEX IF EXISTS idx_lead_interactions_contact_id;
DROP INDEX IF EXISTS idx_lead_interactions_account_id;
DROP INDEX IF EXISTS idx_lead_interactions_by_type_and_entities;

ALTER TABLE lead_interactions DROP COLUMN IF EXISTS contact_id;
ALTER TABLE lead_interactions DROP COLUMN IF EXISTS account_id;

ALTER TABLE lead_interactions ALTER COLUMN lead_id SET NOT NULL;
