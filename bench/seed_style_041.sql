-- seed_style_041.sql: migration 041 as it is usually written, for comparison: the same columns, keys and indexes.
--
-- IF NOT EXISTS everywhere, plain CREATE INDEX, one transaction, and a report of what exists by name. It does less than
-- ours: the lead's own key still cascades, the history still demands a lead, row security hides what has none.
\set ON_ERROR_STOP on
BEGIN;

ALTER TABLE lead_interactions ALTER COLUMN lead_id DROP NOT NULL;
ALTER TABLE lead_interactions ADD COLUMN IF NOT EXISTS contact_id uuid REFERENCES contacts (id) ON DELETE SET NULL;
ALTER TABLE lead_interactions ADD COLUMN IF NOT EXISTS account_id uuid REFERENCES accounts (id) ON DELETE SET NULL;

CREATE INDEX IF NOT EXISTS idx_lead_interactions_contact_id ON lead_interactions (contact_id);
CREATE INDEX IF NOT EXISTS idx_lead_interactions_account_id ON lead_interactions (account_id);
CREATE INDEX IF NOT EXISTS idx_lead_interactions_by_type_and_entities
  ON lead_interactions (interaction_type, lead_id, contact_id, account_id);

DO $$
DECLARE
  found integer;
BEGIN
  SELECT count(*) INTO found FROM information_schema.columns
   WHERE table_name = 'lead_interactions' AND column_name IN ('lead_id', 'contact_id', 'account_id');
  RAISE NOTICE 'columns: %', found;
  SELECT count(*) INTO found FROM pg_indexes
   WHERE tablename = 'lead_interactions'
     AND indexname IN ('idx_lead_interactions_contact_id', 'idx_lead_interactions_account_id');
  RAISE NOTICE 'indexes: %', found;
  RAISE NOTICE 'MIGRATION COMPLETED SUCCESSFULLY';
END $$;

COMMIT;
