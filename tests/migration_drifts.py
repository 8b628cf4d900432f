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
