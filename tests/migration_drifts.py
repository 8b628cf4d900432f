"""Ways in which a live CRM can differ, as SQL that makes a legacy database differ so."""

# 041 carries these through, and its rollback brings them back.
REPAIRED = {
    "index of the name on another column": """
        CREATE INDEX idx_lead_interactions_contact_id ON lead_interactions (user_id)""",
    "index of the name on another table": """
        CREATE INDEX idx_lead_interactions_account_id ON accounts (price)""",
    "index of the name, partial": """
        ALTER TABLE lead_interactions ADD account_id uuid;
        CREATE INDEX idx_lead_interactions_account_id ON lead_interactions (account_id) WHERE account_id IS NOT NULL""",
    "columns of the third index in another order": """
        ALTER TABLE lead_interactions ADD contact_id uuid, ADD account_id uuid;
        CREATE INDEX idx_lead_interactions_by_type_and_entities
                  ON lead_interactions (interaction_type, account_id, contact_id, lead_id)""",
    "key to another table": """
        CREATE TABLE contacts_backup (id uuid PRIMARY KEY);
        ALTER TABLE lead_interactions ADD contact_id uuid REFERENCES contacts_backup ON DELETE SET NULL""",
    "key that cascades": """
        ALTER TABLE lead_interactions ADD account_id uuid REFERENCES accounts ON DELETE CASCADE""",
    "key without a rule": """
        ALTER TABLE lead_interactions ADD account_id uuid REFERENCES accounts""",
    "key that was never validated": """
        ALTER TABLE lead_interactions ADD contact_id uuid;
        ALTER TABLE lead_interactions ADD CONSTRAINT c
          FOREIGN KEY (contact_id) REFERENCES contacts ON DELETE SET NULL NOT VALID""",
    "two keys, one of them cascading": """
        ALTER TABLE lead_interactions
          ADD contact_id uuid REFERENCES contacts ON DELETE SET NULL,
          ADD CONSTRAINT again FOREIGN KEY (contact_id) REFERENCES contacts ON DELETE CASCADE""",
    "lead's key restricts": """
        ALTER TABLE lead_interactions
         DROP CONSTRAINT lead_interactions_lead_id_fkey,
          ADD CONSTRAINT lead_key FOREIGN KEY (lead_id) REFERENCES leads ON DELETE RESTRICT""",
    "lead's key is missing": """
        ALTER TABLE lead_interactions DROP CONSTRAINT lead_interactions_lead_id_fkey""",
    "lead_id was made nullable by hand": """
        ALTER TABLE lead_interactions ALTER lead_id DROP NOT NULL""",
    "history was made nullable by hand": """
        ALTER TABLE interaction_events ALTER lead_id DROP NOT NULL""",
    "policy of the name, wrong": """
        CREATE POLICY lead_interactions_without_lead ON lead_interactions USING (lead_id IS NULL)""",
    "row security is off": """
        ALTER TABLE lead_interactions DISABLE ROW LEVEL SECURITY""",
    "a further column without a default": """
        ALTER TABLE lead_interactions ADD region text;
        UPDATE lead_interactions SET region = 'EU';
        ALTER TABLE lead_interactions ALTER region SET NOT NULL""",
    "a second history table": """
        CREATE TABLE audit_trail (
          id             uuid DEFAULT gen_random_uuid(),
          lead_id        uuid NOT NULL,
          interaction_id uuid REFERENCES lead_interactions ON DELETE CASCADE);
        GRANT ALL ON audit_trail TO crm_app;
        CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          INSERT INTO audit_trail (lead_id, interaction_id) VALUES (NEW.lead_id, NEW.id);
          RETURN NULL;
        END $$;
        CREATE TRIGGER audit AFTER INSERT ON lead_interactions FOR EACH ROW EXECUTE FUNCTION audit()""",
    "a view": """
        CREATE VIEW open_tasks AS SELECT * FROM lead_interactions WHERE status = 'pending'""",
    "other names": """
        ALTER TABLE lead_interactions RENAME CONSTRAINT lead_interactions_lead_id_fkey TO "Odd name; --\"""",
    "index of the name, descending": """
        ALTER TABLE lead_interactions ADD contact_id uuid;
        CREATE INDEX idx_lead_interactions_contact_id ON lead_interactions (contact_id DESC NULLS LAST)""",
    "index of the name, with a further column": """
        ALTER TABLE lead_interactions ADD contact_id uuid;
        CREATE INDEX idx_lead_interactions_contact_id ON lead_interactions (contact_id) INCLUDE (status)""",
    "index of the name, on an expression": """
        ALTER TABLE lead_interactions ADD account_id uuid;
        CREATE INDEX idx_lead_interactions_account_id ON lead_interactions ((account_id::text))""",
    "index of the name, hashed": """
        ALTER TABLE lead_interactions ADD account_id uuid;
        CREATE INDEX idx_lead_interactions_account_id ON lead_interactions USING hash (account_id)""",
    "third index of another collation": """
        ALTER TABLE lead_interactions ADD contact_id uuid, ADD account_id uuid;
        CREATE INDEX idx_lead_interactions_by_type_and_entities
                  ON lead_interactions (interaction_type COLLATE "POSIX", lead_id, contact_id, account_id)""",
    "third index of another operator class": """
        ALTER TABLE lead_interactions ADD contact_id uuid, ADD account_id uuid;
        CREATE INDEX idx_lead_interactions_by_type_and_entities
                  ON lead_interactions (interaction_type text_pattern_ops, lead_id, contact_id, account_id)""",
    "index of the name in another schema": """
        CREATE SCHEMA backup;
        CREATE TABLE backup.t (a uuid);
        CREATE INDEX idx_lead_interactions_contact_id ON backup.t (a)""",
    "lead's key is deferred and follows updates": """
        ALTER TABLE lead_interactions
         DROP CONSTRAINT lead_interactions_lead_id_fkey,
          ADD CONSTRAINT lead_key FOREIGN KEY (lead_id) REFERENCES leads
              ON UPDATE CASCADE ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED""",
    "unlogged tables": """
        ALTER TABLE interaction_events SET UNLOGGED;
        ALTER TABLE lead_interactions SET UNLOGGED""",
    "dropped columns": """
        ALTER TABLE lead_interactions ADD contact_id text, ADD x int, ADD account_id bigint;
        ALTER TABLE lead_interactions DROP contact_id, DROP x, DROP account_id""",
    "published with some of its columns": """
        CREATE PUBLICATION changes FOR TABLE lead_interactions (id, lead_id, status)""",
    "published whole, and identified by the whole row": """
        CREATE PUBLICATION changes FOR TABLE lead_interactions;
        ALTER TABLE lead_interactions REPLICA IDENTITY FULL""",
    "a generated column made of lead_id": """
        ALTER TABLE lead_interactions ADD has_lead boolean GENERATED ALWAYS AS (lead_id IS NOT NULL) STORED""",
    "extended statistics": """
        CREATE STATISTICS of_leads (dependencies) ON lead_id, user_id FROM lead_interactions""",
    "a rule": """
        CREATE RULE tell AS ON UPDATE TO lead_interactions DO ALSO NOTIFY changes""",
    "functions with the names of our tools": """
        CREATE FUNCTION home() RETURNS text LANGUAGE sql AS 'SELECT NULL::text';
        CREATE FUNCTION full_name(regclass) RETURNS text LANGUAGE sql AS 'SELECT NULL::text';
        CREATE FUNCTION has_column(regclass, text) RETURNS boolean LANGUAGE sql AS 'SELECT true';
        CREATE FUNCTION save_ddl(jsonb) RETURNS void LANGUAGE sql AS ''""",
    "names with capitals, blanks and quotes": """
        ALTER TRIGGER trigger_create_interaction_event ON lead_interactions RENAME TO "It's a Trigger";
        ALTER POLICY lead_interactions_isolation ON lead_interactions RENAME TO "Only; ours";
        ALTER TABLE interaction_events RENAME CONSTRAINT interaction_events_lead_id_fkey TO "Lead's Key";
        CREATE VIEW "Open Tasks" AS SELECT * FROM lead_interactions""",
    "a schema with a blank in its name": """
        ALTER SCHEMA public RENAME TO "My CRM";
        DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = "My CRM"', current_database()); END $$""",
    "a trigger that fires always, and one that is off": """
        ALTER TABLE lead_interactions ENABLE ALWAYS TRIGGER sync_lead_next_follow_up,
                                      DISABLE TRIGGER update_lead_interactions_updated_at""",
    "no history table": """
        DROP TABLE interaction_events;
        DROP TRIGGER trigger_create_interaction_event ON lead_interactions;
        DROP TRIGGER trigger_track_interaction_updates ON lead_interactions""",
}

# 041 must not repair these by itself: what they are, and what the refusal says.
REFUSED = {
    "accounts is missing": (
        """DROP TABLE accounts CASCADE""",
        "contacts, accounts: found only contacts, expected both",
    ),
    "contacts have another kind of id": (
        """ALTER TABLE contacts RENAME TO c; CREATE TABLE contacts (id bigint PRIMARY KEY)""",
        "contacts.id: found bigint, expected uuid",
    ),
    "contacts is a view": (
        """ALTER TABLE contacts RENAME TO c; CREATE VIEW contacts AS SELECT * FROM c""",
        "contacts: found a view",
    ),
    "contact_id has a default": (
        """ALTER TABLE lead_interactions ADD contact_id uuid DEFAULT gen_random_uuid()""",
        "lead_interactions.contact_id: found a default",
    ),
    "contact_id names contacts that are gone": (
        """ALTER TABLE lead_interactions ADD contact_id uuid;
           ALTER TABLE lead_interactions DISABLE TRIGGER USER;
           UPDATE lead_interactions SET contact_id = gen_random_uuid()
            WHERE id IN (SELECT id FROM lead_interactions LIMIT 3)""",
        "lead_interactions.contact_id: found 3 rows without a counterpart in contacts",
    ),
    "lead_id names leads that are gone": (
        """ALTER TABLE lead_interactions DROP CONSTRAINT lead_interactions_lead_id_fkey;
           ALTER TABLE lead_interactions DISABLE TRIGGER USER;
           UPDATE lead_interactions SET lead_id = gen_random_uuid()
            WHERE id IN (SELECT id FROM lead_interactions LIMIT 2)""",
        "lead_interactions.lead_id: found 2 rows without a counterpart in leads",
    ),
    "another table has an index's name": (
        """CREATE TABLE idx_lead_interactions_contact_id (id int)""",
        "idx_lead_interactions_contact_id: found something that is no index",
    ),
    "row security is forced": (
        """ALTER TABLE lead_interactions FORCE ROW LEVEL SECURITY""",
        "found row security forced on its owner",
    ),
    "the table is partitioned": (
        """ALTER TABLE lead_interactions RENAME TO li;
           CREATE TABLE lead_interactions (LIKE li) PARTITION BY LIST (status)""",
        "found a partitioned table",
    ),
    "contact_id is generated": (
        """ALTER TABLE lead_interactions ADD contact_id uuid GENERATED ALWAYS AS (NULL::uuid) STORED""",
        "lead_interactions.contact_id: found a default or generated value",
    ),
    "contact_id is a number": (
        """ALTER TABLE lead_interactions ADD contact_id bigint""",
        "lead_interactions.contact_id: found type bigint, expected uuid",
    ),
    "account_id is of a domain": (
        """CREATE DOMAIN entity AS uuid;
           ALTER TABLE lead_interactions ADD account_id entity REFERENCES accounts ON DELETE SET NULL""",
        "lead_interactions.account_id: found type entity, expected uuid",
    ),
    "another schema's table comes first": (
        """CREATE SCHEMA backup;
           CREATE TABLE backup.lead_interactions (LIKE lead_interactions);
           DO $$ BEGIN
             EXECUTE format('ALTER DATABASE %I SET search_path = backup, public', current_database());
           END $$""",
        "public.contacts: found a view or a table of another schema, expected a table beside backup.lead_interactions",
    ),
    "the table is a view": (
        """ALTER TABLE lead_interactions RENAME TO li; CREATE VIEW lead_interactions AS SELECT * FROM li""",
        "lead_interactions: found a view, expected an ordinary table",
    ),
    "the table has a child": (
        """CREATE TABLE old_interactions () INHERITS (lead_interactions)""",
        "lead_interactions: found a table with children, expected an ordinary table",
    ),
    "the table is a child": (
        """CREATE TABLE activities (lead_id uuid NOT NULL);
           ALTER TABLE lead_interactions INHERIT activities""",
        "lead_interactions: found a child of activities, expected an ordinary table",
    ),
    "the table is a partition": (
        """ALTER TABLE lead_interactions RENAME TO li;
           CREATE TABLE all_interactions (LIKE li) PARTITION BY LIST (interaction_type);
           CREATE TABLE lead_interactions PARTITION OF all_interactions DEFAULT""",
        "lead_interactions: found a child of all_interactions, expected an ordinary table",
    ),
    "lead_id is text": (
        """ALTER TABLE lead_interactions DROP CONSTRAINT lead_interactions_lead_id_fkey;
           DROP POLICY lead_interactions_isolation ON lead_interactions;
           ALTER TABLE lead_interactions ALTER lead_id TYPE text""",
        "or no lead_id of type uuid",
    ),
    "there is no type of interaction": (
        """ALTER TABLE lead_interactions DROP interaction_type CASCADE""",
        "found no id, no interaction_type",
    ),
    "a rule swallows new rows": (
        """CREATE RULE none AS ON INSERT TO lead_interactions DO INSTEAD NOTHING""",
        "this database already refuses ordinary work on lead_interactions",
    ),
    "a composite key cascades": (
        """CREATE UNIQUE INDEX u ON leads (organization_id, id);
           ALTER TABLE lead_interactions ADD CONSTRAINT of_tenant
             FOREIGN KEY (organization_id, lead_id) REFERENCES leads (organization_id, id)
             ON DELETE CASCADE NOT VALID""",
        "lead_interactions.of_tenant: found FOREIGN KEY",
    ),
}

# The schema can be changed and is safe to keep, but doesn't do what the report would promise; what the report says.
INCOMPLETE = {
    "a check wants a lead": (
        """ALTER TABLE lead_interactions ADD CONSTRAINT has_lead CHECK (lead_id IS NOT NULL)""",
        'violates check constraint "has_lead"',
    ),
    "a restrictive policy wants a lead": (
        """CREATE POLICY strict ON lead_interactions AS RESTRICTIVE USING (lead_id IS NOT NULL)""",
        "violates row-level security policy",
    ),
    "a check of the history wants a lead": (
        """ALTER TABLE interaction_events ADD CONSTRAINT of_lead CHECK (lead_id IS NOT NULL)""",
        'violates check constraint "of_lead"',
    ),
    "the history is partitioned": (
        """ALTER TABLE interaction_events RENAME TO e;
           CREATE TABLE interaction_events (LIKE e INCLUDING DEFAULTS) PARTITION BY LIST (event_type);
           CREATE TABLE events_1 PARTITION OF interaction_events DEFAULT;
           GRANT ALL ON interaction_events TO crm_app""",
        'null value in column "lead_id"',
    ),
    "a trigger wants a lead": (
        """CREATE FUNCTION want() RETURNS trigger LANGUAGE plpgsql AS $$
           BEGIN
             IF NEW.lead_id IS NULL THEN
               RAISE EXCEPTION 'no lead';
             END IF;
             RETURN NEW;
           END $$;
           CREATE TRIGGER want BEFORE INSERT ON lead_interactions FOR EACH ROW EXECUTE FUNCTION want()""",
        "no lead",
    ),
    "a contact may have one task": (
        """ALTER TABLE lead_interactions ADD contact_id uuid;
           CREATE UNIQUE INDEX idx_lead_interactions_contact_id ON lead_interactions (contact_id)""",
        "duplicate key value violates unique constraint",
    ),
    "a policy shows tasks without a lead to all": (
        """CREATE POLICY open ON lead_interactions USING (lead_id IS NULL)""",
        "another organization sees it",
    ),
}
