-- 040_legacy_baseline.sql: the seven CRM tables as they are before tasks may hang on contacts and accounts.
--
-- For an empty database only: a database that has lead_interactions already is recorded as being at 040, and this file
-- is not run there. Its columns, keys, triggers and row security are those of a live CRM, faults included: later
-- migrations have to cope with exactly these.
--
-- Locks: none that matter; every object is new. One transaction: all of it or nothing.
\set ON_ERROR_STOP on
BEGIN;

DO $$
DECLARE
  strangers text;
BEGIN
  IF to_regclass('lead_interactions') IS NOT NULL THEN
    RAISE EXCEPTION 'lead_interactions exists already: 040 is for an empty database'
      USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'This database is past 040. Go on with 041_extend_interactions_to_contacts_and_accounts.sql.';
  END IF;
  -- a wrong database name must not fill somebody else's database with tables
  SELECT string_agg(c.oid::regclass::text, ', ' ORDER BY c.oid) INTO strangers
    FROM pg_class c
   WHERE c.relkind IN ('r', 'p', 'v', 'm') AND c.relnamespace::regnamespace::text !~ '^(pg_|information_schema$)'
     AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e');
  IF strangers IS NOT NULL THEN
    RAISE EXCEPTION 'database % is not empty, and has no lead_interactions on the search path', current_database()
      USING ERRCODE = 'object_not_in_prerequisite_state',
            DETAIL = 'Found ' || left(strangers, 200) || '. Nothing was changed.',
            HINT = 'Check the database''s name; set search_path if the CRM''s tables are in another schema.';
  END IF;
END $$;

-- == Tables ==
-- The tenants. A live CRM keeps some twenty billing columns more here; nothing of ours reads them.
CREATE TABLE organizations (
  id                  uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  name                varchar(255) NOT NULL,
  slug                varchar(100) NOT NULL UNIQUE,
  domain              varchar(255),
  settings            jsonb DEFAULT '{}',
  subscription_plan   varchar(50) DEFAULT 'starter',
  max_users           integer DEFAULT 10,
  created_at          timestamptz DEFAULT now(),
  updated_at          timestamptz DEFAULT now(),
  is_active           boolean DEFAULT true,
  contact_email       varchar(255),
  contact_phone       varchar(50),
  subscription_status varchar(50) DEFAULT 'trial',
  trial_ends_at       timestamptz,
  notes               text,
  CONSTRAINT check_subscription_status
    CHECK (subscription_status IN ('trial', 'active', 'past_due', 'cancelled', 'suspended'))
);

-- An address belongs to one person across every tenant.
CREATE TABLE users (
  id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
  email           varchar(255) NOT NULL UNIQUE,
  password_hash   varchar(255) NOT NULL,
  first_name      varchar(100) NOT NULL,
  last_name       varchar(100) NOT NULL,
  role            varchar(50) DEFAULT 'user',     -- in use: admin, user, viewer (no check)
  permissions     jsonb DEFAULT '[]',
  last_login      timestamptz,
  email_verified  boolean DEFAULT false,
  is_active       boolean DEFAULT true,
  created_at      timestamptz DEFAULT now(),
  updated_at      timestamptz DEFAULT now(),
  created_by      uuid REFERENCES users,
  timezone        varchar(50) DEFAULT 'America/New_York'
);

-- The key of linked_contact_id follows below, after its target.
CREATE TABLE leads (
  id                uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  organization_id   uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
  title             varchar(100),
  company           varchar(255),
  first_name        varchar(100) NOT NULL,
  last_name         varchar(100) NOT NULL,
  email             varchar(255),
  phone             varchar(50),
  source            varchar(100),
  status            varchar(50) DEFAULT 'new',    -- in use: new, contacted, qualified, proposal, negotiation, converted, lost
  priority          varchar(20) DEFAULT 'medium',
  value             numeric(12,2) DEFAULT 0,
  notes             text,
  assigned_to       uuid REFERENCES users,        -- whose lead it is
  created_by        uuid REFERENCES users,
  created_at        timestamptz DEFAULT now(),
  updated_at        timestamptz DEFAULT now(),
  last_contact_date timestamptz,
  next_follow_up    timestamptz,                  -- due date of the earliest open task, by trigger
  linked_contact_id uuid,                         -- the contact this lead became
  relationship_type varchar(50),
  interest_type     varchar(50),
  converted_date    timestamptz,
  address           varchar(255), city varchar(100), state varchar(100), postal_code varchar(20), country varchar(100),
  custom_fields     jsonb DEFAULT '{}',
  UNIQUE (organization_id, email)
);

CREATE TABLE contacts (
  id                  uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  organization_id     uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
  title               varchar(100),
  company             varchar(255),
  first_name          varchar(100) NOT NULL,
  last_name           varchar(100) NOT NULL,
  email               varchar(255),
  phone               varchar(50),
  website             varchar(255),
  address_line1       varchar(255), address_line2 varchar(255), city varchar(100), state varchar(100),
  postal_code         varchar(20), country varchar(100) DEFAULT 'United States',
  status              varchar(50) DEFAULT 'prospect',   -- in use: prospect, trial_user, customer, active, inactive
  source              varchar(100),
  priority            varchar(20) DEFAULT 'medium',
  lifetime_value      numeric(12,2) DEFAULT 0,
  total_purchases     numeric(12,2) DEFAULT 0,
  purchase_count      integer DEFAULT 0,
  email_opt_in        boolean DEFAULT true, sms_opt_in boolean DEFAULT false, marketing_opt_in boolean DEFAULT true,
  assigned_to         uuid REFERENCES users,
  created_by          uuid REFERENCES users,
  created_at          timestamptz DEFAULT now(),
  updated_at          timestamptz DEFAULT now(),
  last_contact_date   timestamptz,
  next_follow_up      timestamptz,
  first_purchase_date timestamptz,
  last_purchase_date  timestamptz,
  lead_score          integer DEFAULT 0,
  notes               text,
  internal_notes      text,
  name                varchar(255) GENERATED ALWAYS AS (btrim(coalesce(first_name, '') || ' ' || coalesce(last_name, ''))) STORED,
  tenant_id           uuid GENERATED ALWAYS AS (organization_id) STORED,
  tags                text[] DEFAULT '{}',
  type                varchar(50) DEFAULT 'customer',
  converted_from_lead_id uuid,                          -- has no foreign key, so it may dangle
  custom_fields       jsonb DEFAULT '{}',
  department          varchar(255),
  linkedin            varchar(500),
  customer_value      numeric(15,2),
  UNIQUE (organization_id, email)
);
ALTER TABLE leads ADD CONSTRAINT leads_linked_contact_id_fkey
  FOREIGN KEY (linked_contact_id) REFERENCES contacts ON DELETE SET NULL;

-- What a contact has bought: one licence or device each.
CREATE TABLE accounts (
  id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
  contact_id      uuid NOT NULL REFERENCES contacts ON DELETE CASCADE,
  account_name    varchar(255) NOT NULL,
  username        varchar(100), password_hash varchar(255), api_key varchar(255),
  status          varchar(50) DEFAULT 'active',
  created_at      timestamptz DEFAULT now(),
  updated_at      timestamptz DEFAULT now(),
  activated_at    timestamptz, suspended_at timestamptz, cancelled_at timestamptz,
  created_by      uuid REFERENCES users,          -- serves as the account's owner
  product_id      uuid,                           -- products are outside these seven tables
  edition         varchar(50),
  device_name     varchar(255), mac_address varchar(17), device_registered_at timestamptz,
  license_key     varchar(255),
  billing_cycle   varchar(50), price numeric(12,2) DEFAULT 0, currency varchar(10) DEFAULT 'USD',
  trial_start_date timestamptz, trial_end_date timestamptz,
  subscription_start_date timestamptz, subscription_end_date timestamptz,
  next_renewal_date timestamptz,
  notes           text,
  custom_fields   jsonb DEFAULT '{}',
  billing_term_months integer DEFAULT 1,
  deleted_at      timestamptz,                    -- soft delete: users no longer see such a row
  deleted_by      uuid REFERENCES users,
  deletion_reason text,
  account_status  varchar(50) DEFAULT 'active',   -- in use: active, inactive, suspended, cancelled, on_hold
  source          varchar(100),
  UNIQUE (organization_id, contact_id, account_name)
);

-- Every call, mail, note, meeting, message and task.
CREATE TABLE lead_interactions (
  id                uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  lead_id           uuid NOT NULL REFERENCES leads ON DELETE CASCADE,
  user_id           uuid NOT NULL REFERENCES users,   -- the assignee, for a task
  interaction_type  varchar(50) NOT NULL,         -- in use: call, email, meeting, note, task, sms, whatsapp (no check)
  subject           varchar(255),
  description       text,
  outcome           varchar(100),
  scheduled_at      timestamptz,                  -- due date, for a task
  completed_at      timestamptz,
  duration_minutes  integer,
  status            varchar(50) DEFAULT 'completed',  -- in use: scheduled, pending, completed, cancelled, null
  created_at        timestamptz DEFAULT now(),
  updated_at        timestamptz DEFAULT now(),
  organization_id   uuid CONSTRAINT lead_interactions_organization_id_fkey REFERENCES organizations ON DELETE CASCADE,
  participants      jsonb,
  activity_metadata jsonb,
  duration          integer,                      -- the same as duration_minutes, a second time
  priority          varchar(20) DEFAULT 'medium', -- in use: low, medium, high, null
  created_by        uuid REFERENCES users,
  last_modified_by  uuid CONSTRAINT lead_interactions_completed_by_fkey REFERENCES users ON DELETE SET NULL
);

-- History: a line for each thing that happened to an interaction.
CREATE TABLE interaction_events (
  id                uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  interaction_id    uuid NOT NULL REFERENCES lead_interactions ON DELETE CASCADE,
  lead_id           uuid NOT NULL REFERENCES leads ON DELETE CASCADE,
  organization_id   uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
  event_type        varchar(50) NOT NULL,         -- in use: created, completed, reassigned, priority_changed, date_changed, cancelled
  event_description text,
  field_changed     varchar(100),
  old_value         text,
  new_value         text,
  changed_by        uuid REFERENCES users ON DELETE SET NULL,
  event_metadata    jsonb DEFAULT '{}',
  created_at        timestamptz DEFAULT now()
);

-- == Indexes ==
CREATE INDEX idx_users_organization_id ON users (organization_id);
CREATE INDEX idx_users_email_lookup ON users (email) WHERE is_active = true;
CREATE INDEX idx_leads_organization_id ON leads (organization_id);
CREATE INDEX idx_leads_status ON leads (status);
CREATE INDEX idx_leads_assigned_to ON leads (assigned_to);
CREATE INDEX idx_leads_created_at ON leads (created_at);
CREATE INDEX idx_contacts_organization_id ON contacts (organization_id);
CREATE INDEX idx_contacts_name ON contacts (name);
CREATE INDEX idx_contacts_assigned_to ON contacts (assigned_to);
CREATE INDEX idx_contacts_converted_from_lead ON contacts (converted_from_lead_id);
CREATE INDEX idx_accounts_organization_id ON accounts (organization_id);
CREATE INDEX idx_accounts_contact_id ON accounts (contact_id);
CREATE INDEX idx_accounts_next_renewal_date ON accounts (next_renewal_date);
CREATE INDEX idx_accounts_org_not_deleted ON accounts (organization_id, deleted_at) WHERE deleted_at IS NULL;
CREATE INDEX idx_lead_interactions_lead_id ON lead_interactions (lead_id);
CREATE INDEX idx_lead_interactions_lead_date ON lead_interactions (lead_id, created_at DESC);
CREATE INDEX idx_lead_interactions_user_id ON lead_interactions (user_id);
CREATE INDEX idx_lead_interactions_scheduled_at ON lead_interactions (scheduled_at);
CREATE INDEX idx_lead_interactions_organization ON lead_interactions (organization_id);
CREATE INDEX idx_lead_interactions_type ON lead_interactions (interaction_type);
CREATE INDEX idx_lead_interactions_created_by ON lead_interactions (created_by);
CREATE INDEX idx_lead_interactions_last_modified_by ON lead_interactions (last_modified_by);
CREATE INDEX idx_interaction_events_interaction ON interaction_events (interaction_id);
CREATE INDEX idx_interaction_events_lead_date ON interaction_events (lead_id, created_at DESC);
CREATE INDEX idx_interaction_events_org_lead_date ON interaction_events (organization_id, lead_id, created_at DESC);
CREATE INDEX idx_interaction_events_type ON interaction_events (event_type);

-- == Triggers ==
CREATE FUNCTION update_updated_at_column() RETURNS trigger LANGUAGE plpgsql AS $f$
BEGIN
  NEW.updated_at := now();
  RETURN NEW;
END $f$;

-- Opens an interaction's history; copies its lead and tenant unchecked, which is why migration 041 must touch the events too.
CREATE FUNCTION create_interaction_event() RETURNS trigger LANGUAGE plpgsql AS $f$
DECLARE
  who text := (SELECT concat_ws(' ', u.first_name, u.last_name) FROM users u WHERE u.id = NEW.user_id);
BEGIN
  INSERT INTO interaction_events
         (interaction_id, lead_id, organization_id, event_type, changed_by, created_at, event_description, event_metadata)
  SELECT NEW.id, NEW.lead_id, NEW.organization_id, 'created', NEW.created_by, NEW.created_at,
         initcap(NEW.interaction_type) || ' recorded' || coalesce(' for ' || nullif(who, ''), ''),
         jsonb_build_object('interaction_type', NEW.interaction_type, 'subject', NEW.subject, 'priority', NEW.priority,
                            'scheduled_at', NEW.scheduled_at, 'assigned_to', NEW.user_id);
  RETURN NULL;
END $f$;

-- Continues the history. Changes of subject, outcome or links, and reopening, leave no line.
CREATE FUNCTION track_interaction_updates() RETURNS trigger LANGUAGE plpgsql AS $f$
DECLARE
  actor uuid := NEW.last_modified_by;
BEGIN
  INSERT INTO interaction_events (interaction_id, lead_id, organization_id, changed_by,
                                  event_type, event_description, field_changed, old_value, new_value, event_metadata, created_at)
  SELECT NEW.id, NEW.lead_id, NEW.organization_id, actor, e.*
    FROM (VALUES
      (OLD.completed_at IS NULL AND NEW.completed_at IS NOT NULL,
       'completed', 'Marked done', NULL, NULL, NULL,
       jsonb_build_object('outcome', NEW.outcome, 'completed_at', NEW.completed_at), NEW.completed_at),
      (OLD.user_id IS DISTINCT FROM NEW.user_id AND NEW.user_id IS NOT NULL,
       'reassigned', 'Handed over', 'assignee',
       (SELECT concat_ws(' ', u.first_name, u.last_name) FROM users u WHERE u.id = OLD.user_id),
       (SELECT concat_ws(' ', u.first_name, u.last_name) FROM users u WHERE u.id = NEW.user_id), '{}', now()),
      (OLD.priority IS DISTINCT FROM NEW.priority,
       'priority_changed', 'Priority set', 'priority', OLD.priority::text, NEW.priority::text, '{}', now()),
      (OLD.scheduled_at IS DISTINCT FROM NEW.scheduled_at,
       'date_changed', 'Due date moved', 'scheduled_at', OLD.scheduled_at::text, NEW.scheduled_at::text, '{}', now()),
      (OLD.status <> 'cancelled' AND NEW.status = 'cancelled',        -- null status: no line is written
       'cancelled', 'Called off', NULL, NULL, NULL, '{}', now())
    ) AS v (hit, event_type, event_description, field_changed, old_value, new_value, event_metadata, created_at)
    CROSS JOIN LATERAL (SELECT v.event_type, v.event_description, v.field_changed, v.old_value, v.new_value,
                               v.event_metadata::jsonb, v.created_at) AS e
   WHERE v.hit;
  RETURN NULL;
END $f$;

-- Keeps leads.next_follow_up. A task that moves to another lead leaves the first one stale.
CREATE FUNCTION update_lead_next_follow_up() RETURNS trigger LANGUAGE plpgsql AS $f$
DECLARE
  target uuid := coalesce(NEW.lead_id, OLD.lead_id);
  kind   text := CASE TG_OP WHEN 'DELETE' THEN OLD.interaction_type ELSE NEW.interaction_type END;
BEGIN
  IF kind = 'task' THEN
    UPDATE leads l
       SET next_follow_up = (SELECT min(t.scheduled_at) FROM lead_interactions t
                              WHERE t.lead_id = target AND t.interaction_type = 'task' AND t.status IN ('scheduled', 'pending')),
           updated_at = now()
     WHERE l.id = target;
  END IF;
  RETURN NULL;
END $f$;

CREATE TRIGGER update_organizations_updated_at BEFORE UPDATE ON organizations FOR EACH ROW EXECUTE FUNCTION update_updated_at_column();
CREATE TRIGGER update_users_updated_at         BEFORE UPDATE ON users         FOR EACH ROW EXECUTE FUNCTION update_updated_at_column();
CREATE TRIGGER update_leads_updated_at         BEFORE UPDATE ON leads         FOR EACH ROW EXECUTE FUNCTION update_updated_at_column();
CREATE TRIGGER update_contacts_updated_at      BEFORE UPDATE ON contacts      FOR EACH ROW EXECUTE FUNCTION update_updated_at_column();
CREATE TRIGGER update_accounts_updated_at      BEFORE UPDATE ON accounts      FOR EACH ROW EXECUTE FUNCTION update_updated_at_column();
CREATE TRIGGER update_lead_interactions_updated_at BEFORE UPDATE ON lead_interactions FOR EACH ROW EXECUTE FUNCTION update_updated_at_column();
CREATE TRIGGER trigger_create_interaction_event  AFTER INSERT ON lead_interactions FOR EACH ROW EXECUTE FUNCTION create_interaction_event();
CREATE TRIGGER trigger_track_interaction_updates AFTER UPDATE ON lead_interactions FOR EACH ROW EXECUTE FUNCTION track_interaction_updates();
CREATE TRIGGER sync_lead_next_follow_up AFTER INSERT OR UPDATE OR DELETE ON lead_interactions FOR EACH ROW EXECUTE FUNCTION update_lead_next_follow_up();

-- == Row security ==
-- Enabled but not forced: it never binds the owner. Without app.current_organization_id some policies raise and the others
-- show nothing; an empty setting, left behind in a pooled session by a transaction-local one, makes every policy raise.
ALTER TABLE organizations      ENABLE ROW LEVEL SECURITY;
ALTER TABLE users              ENABLE ROW LEVEL SECURITY;
ALTER TABLE leads              ENABLE ROW LEVEL SECURITY;
ALTER TABLE contacts           ENABLE ROW LEVEL SECURITY;
ALTER TABLE accounts           ENABLE ROW LEVEL SECURITY;
ALTER TABLE lead_interactions  ENABLE ROW LEVEL SECURITY;
ALTER TABLE interaction_events ENABLE ROW LEVEL SECURITY;
CREATE POLICY org_isolation      ON organizations USING (id = current_setting('app.current_organization_id')::uuid);
CREATE POLICY user_isolation     ON users    USING (organization_id = current_setting('app.current_organization_id')::uuid);
CREATE POLICY lead_isolation     ON leads    USING (organization_id = current_setting('app.current_organization_id')::uuid);
CREATE POLICY contacts_isolation ON contacts USING (organization_id = current_setting('app.current_organization_id')::uuid);
CREATE POLICY contact_isolation  ON contacts USING (organization_id = current_setting('app.current_organization_id', true)::uuid);
CREATE POLICY accounts_isolation ON accounts USING (organization_id = current_setting('app.current_organization_id')::uuid);
CREATE POLICY account_isolation  ON accounts USING (organization_id = current_setting('app.current_organization_id', true)::uuid);
-- An interaction belongs to its lead's tenant; its own organization_id is not asked.
CREATE POLICY lead_interactions_isolation ON lead_interactions USING (EXISTS (
  SELECT FROM leads l WHERE l.id = lead_interactions.lead_id
     AND l.organization_id = current_setting('app.current_organization_id')::uuid));
CREATE POLICY interaction_events_org_isolation ON interaction_events
  USING (organization_id = current_setting('app.current_organization_id', true)::uuid);

COMMIT;
