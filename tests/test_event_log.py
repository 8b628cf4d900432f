"""045: whatever happens to an interaction is written down once, by whoever it is done."""

import json
import subprocess
from collections.abc import Iterator
from typing import cast
from uuid import UUID, uuid4

import pytest

from tests.databases import CrmDatabase
from tests.logged_events import LinkedTask, linked_task
from tests.migration_runs import psql_command
from tests.organizations import Organization, new_organization
from tests.owners import Owner, connected, owner_of

VISIBLE_CHANGES = {
    "subject": ("subject = 'Else'", "updated", ["subject"]),
    "description": ("description = 'Long'", "updated", ["description"]),
    "outcome": ("outcome = 'Reached'", "updated", ["outcome"]),
    "priority": ("priority = 'high'", "updated", ["priority"]),
    "due date": ("scheduled_at = '2030-01-01Z'", "updated", ["scheduled_at"]),
    "time of completion alone": ("completed_at = '2026-01-01Z'", "updated", ["completed_at"]),
    "kind": ("interaction_type = 'call'", "updated", ["interaction_type"]),
    "other open status": ("status = 'scheduled'", "updated", ["status"]),
    "status that nobody knows": ("status = 'parked'", "updated", ["status"]),
    "completed": (
        "status = 'completed', completed_at = now(), outcome = 'Done', description = 'So'",
        "completed",
        ["completed_at", "description", "outcome", "status"],
    ),
    "completed, as the old application does it": ("status = 'completed'", "completed", ["status"]),
    "cancelled": ("status = 'cancelled'", "cancelled", ["status"]),
    "deleted": (
        "deleted_at = now(), status_before_deletion = status, status = 'cancelled'",
        "deleted",
        ["deleted_at", "status"],
    ),
}
INVISIBLE_CHANGES = [
    "updated_at = now()",
    "status = status, subject = subject",
    "duration_minutes = 5, participants = '[]', activity_metadata = '{}'",
    "last_modified_by = created_by, organization_id = organization_id",
    "status_before_deletion = 'pending'",
    "occurs_at = '2000-01-01Z'",
]


@pytest.fixture
def task(organization: Organization) -> LinkedTask:
    return linked_task(organization)


@pytest.mark.parametrize("change", VISIBLE_CHANGES)
def test_a_change_leaves_one_event_that_says_what_it_is_about(task: LinkedTask, change: str) -> None:
    assignments, type_, about = VISIBLE_CHANGES[change]

    task.change(assignments)

    (event,) = task.events()
    assert type_ == event["type"]
    assert about == sorted(cast("list[str]", event["changed"]))


@pytest.mark.parametrize("assignments", INVISIBLE_CHANGES)
def test_a_change_that_nobody_sees_leaves_no_event(task: LinkedTask, assignments: str) -> None:
    task.change(assignments)

    assert [] == task.types()


def test_a_creation_leaves_the_whole_row(organization: Organization) -> None:
    id_ = organization.task(contact_id=organization.contact(), subject="Ring")

    (event,) = organization.owner.rows(f"SELECT * FROM taskline_events WHERE interaction_id = '{id_}'")
    assert "created" == event["type"]
    assert event["before"] is None
    assert ("Ring", str(id_)) == (event["after"]["subject"], event["after"]["id"])
    assert str(organization.id) == event["organization_id"]


def test_a_change_leaves_what_changed_as_it_was_and_the_row_as_it_is(task: LinkedTask) -> None:
    task.change("subject = 'Else', status = 'completed', completed_at = '2026-01-01Z', duration_minutes = 5")

    completed, updated = task.events()
    assert ("completed", "updated") == (completed["type"], updated["type"])
    before, row = cast("dict[str, object]", completed["before"]), cast("dict[str, object]", completed["after"])
    assert before == updated["before"]
    assert {"subject": "Call", "status": "pending", "completed_at": None}.items() <= before.items()
    # what a trigger or a move to another organization changes, and no line is about
    assert {"occurs_at", "organization_id"} == before.keys() - {"subject", "status", "completed_at"}
    assert (str(task.organization.id), True) == (before["organization_id"], before["occurs_at"] != row["occurs_at"])
    assert ("Else", "completed", 5) == (row["subject"], row["status"], row["duration_minutes"])


def test_a_deletion_leaves_the_whole_row(task: LinkedTask) -> None:
    (row,) = task.organization.owner.rows(f"SELECT * FROM lead_interactions WHERE id = '{task.id}'")
    task.organization.owner.run(f"DELETE FROM lead_interactions WHERE id = '{task.id}'")

    (event,) = task.events()
    assert ("deleted", None) == (event["type"], event["after"])
    assert row.keys() == cast("dict[str, object]", event["before"]).keys()


@pytest.mark.parametrize("kind", ["call", "note", "of an own kind"])
def test_every_kind_of_interaction_is_logged(organization: Organization, kind: str) -> None:
    id_ = organization.task(contact_id=organization.contact(), interaction_type=kind)

    assert [{"type": "created"}] == organization.owner.rows(
        f"SELECT type FROM taskline_events WHERE interaction_id = '{id_}'"
    )


@pytest.mark.parametrize(
    ("before", "after", "types"),
    [
        ("completed", "pending", ["completed", "reopened"]),
        ("cancelled", "scheduled", ["cancelled", "reopened"]),
        ("cancelled", "completed", ["cancelled", "completed"]),
        ("completed", "cancelled", ["completed", "cancelled"]),
        ("completed", "parked", ["completed", "updated"]),
    ],
)
def test_what_becomes_of_a_closed_task_has_a_type_of_its_own(
    task: LinkedTask, before: str, after: str, types: list[str]
) -> None:
    task.change(f"status = '{before}'")
    task.change(f"status = '{after}'")

    assert types == task.types()


def test_a_task_that_comes_back_is_restored_and_not_reopened(task: LinkedTask) -> None:
    task.change("deleted_at = now(), status_before_deletion = status, status = 'cancelled'")
    task.change("deleted_at = NULL, status = status_before_deletion, status_before_deletion = NULL")

    assert ["deleted", "restored"] == task.types()


def test_handing_a_task_over_leaves_an_assignment(task: LinkedTask) -> None:
    colleague = task.organization.user()

    task.change(f"user_id = '{colleague}'")

    (event,) = task.events()
    assert ("assigned", ["user_id"]) == (event["type"], event["changed"])


def test_several_happenings_in_one_update_leave_an_event_each(task: LinkedTask) -> None:
    colleague, contact = task.organization.user(), task.organization.contact(first_name="Dora")

    task.change(
        f"status = 'completed', completed_at = now(), subject = 'Else', user_id = '{colleague}', "
        f"lead_id = NULL, contact_id = '{contact}'"
    )

    found = [(event["type"], event["record_kind"], event["record_name"], event["changed"]) for event in task.events()]
    assert [
        ("completed", None, None, ["status", "completed_at"]),
        ("assigned", None, None, ["user_id"]),
        ("unlinked", "lead", "Lea Lead", ["lead_id"]),
        ("unlinked", "contact", "Cora Contact", ["contact_id"]),
        ("linked", "contact", "Dora Contact", ["contact_id"]),
        ("updated", None, None, ["subject"]),
    ] == found


def test_events_of_one_update_share_their_instant_and_their_transaction(task: LinkedTask) -> None:
    task.change("status = 'completed', subject = 'Else'")

    first, second = task.events()
    assert (first["at"], first["xid"]) == (second["at"], second["xid"])


def test_a_hard_delete_leaves_the_whole_row(task: LinkedTask) -> None:
    task.organization.owner.run(f"DELETE FROM lead_interactions WHERE id = '{task.id}'")

    (event,) = task.events()
    assert ("deleted", None) == (event["type"], event["after"])
    assert str(task.contact_id) == cast("dict[str, str]", event["before"])["contact_id"]


@pytest.mark.parametrize(("kind", "table", "name"), [("lead", "leads", "Lea Lead"), ("account", "accounts", "Acme")])
def test_a_deleted_record_leaves_its_name_and_no_removal(task: LinkedTask, kind: str, table: str, name: str) -> None:
    id_ = getattr(task, f"{kind}_id")

    task.organization.owner.run(f"DELETE FROM {table} WHERE id = '{id_}'")

    (event,) = task.events()
    assert ("link_lost", kind, str(id_), name) == (
        event["type"],
        event["record_kind"],
        event["record_id"],
        event["record_name"],
    )
    assert str(id_) == cast("dict[str, object]", event["before"])[f"{kind}_id"]
    assert cast("dict[str, object]", event["after"])[f"{kind}_id"] is None


def test_a_contact_that_takes_its_accounts_along_leaves_the_names_of_both(task: LinkedTask) -> None:
    task.organization.owner.run(f"DELETE FROM contacts WHERE id = '{task.contact_id}'")

    found = [(event["type"], event["record_kind"], event["record_name"]) for event in task.events()]
    assert [("link_lost", "account", "Acme"), ("link_lost", "contact", "Cora Contact")] == sorted(
        cast("list[tuple[str, str, str]]", found)
    )


def test_no_line_tells_the_name_of_another_organization_s_record(
    crm: CrmDatabase, task: LinkedTask, owner: Owner
) -> None:
    """No key is asked here: old rows are there that no key has seen."""
    foreign = new_organization(owner).contact(first_name="Not", last_name="Yours")
    contact = f"UPDATE lead_interactions SET contact_id = {{}} WHERE id = '{task.id}'"
    for value in (f"'{foreign}'", "NULL", f"'{foreign}'"):
        crm.psql(f"SET session_replication_role = replica; {contact.format(value)}")

    owner.run(f"DELETE FROM contacts WHERE id = '{foreign}'")

    found = [(event["type"], event["record_name"]) for event in task.events() if event["record_id"] == str(foreign)]
    assert [("linked", None), ("unlinked", None), ("linked", None), ("link_lost", None)] == found


def test_a_record_without_a_name_leaves_its_company_or_nothing(organization: Organization) -> None:
    firm = organization.contact(first_name=" ", last_name="", company="Firm")
    nobody = organization.contact(first_name="", last_name=" ")
    for contact in (firm, nobody):
        organization.task(contact_id=contact)

    organization.owner.run(f"DELETE FROM contacts WHERE id IN ('{firm}', '{nobody}')")

    lost = f"SELECT record_name FROM taskline_events WHERE organization_id = '{organization.id}' AND type = 'link_lost'"
    assert [{"record_name": None}, {"record_name": "Firm"}] == sorted(
        organization.owner.rows(lost), key=lambda row: row["record_name"] or ""
    )


def test_a_deletion_that_another_trigger_prevents_leaves_nothing(database: CrmDatabase) -> None:
    with owner_of(database) as owner:
        task = linked_task(new_organization(owner))
        owner.run(
            "CREATE FUNCTION stay() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'; "
            "CREATE TRIGGER zz_stay BEFORE DELETE ON leads FOR EACH ROW EXECUTE FUNCTION stay()"
        )

        owner.run(f"DELETE FROM leads WHERE id = '{task.lead_id}'")

        assert [] == task.types()


def test_what_is_taken_back_leaves_nothing(task: LinkedTask) -> None:
    with task.organization.owner.transaction(f"UPDATE lead_interactions SET subject = 'x' WHERE id = '{task.id}'"):
        task.organization.owner.run(f"DELETE FROM leads WHERE id = '{task.lead_id}'")

    assert [] == task.types()


# Who did it.

ACTOR = "11111111-1111-4111-8111-111111111111"


@pytest.mark.parametrize(
    ("settings", "assignments", "actor"),
    [
        (f"SET LOCAL app.current_user_id = '{ACTOR}'", "subject = 'x'", ACTOR),
        (f"SET LOCAL app.current_user_id = '{ACTOR}'", "subject = 'x', last_modified_by = '{user}'", ACTOR),
        ("SELECT 1", "subject = 'x', last_modified_by = '{user}'", "{user}"),
        ("SET LOCAL app.current_user_id = ''", "subject = 'x', last_modified_by = '{user}'", "{user}"),
        ("SET LOCAL app.current_user_id = 'system'", "subject = 'x', last_modified_by = '{user}'", "{user}"),
        ("SET LOCAL app.current_user_id = 'system'", "subject = 'x'", None),
        ("SELECT 1", "subject = 'x'", None),
    ],
)
def test_the_actor_is_the_session_s_else_the_one_whom_the_statement_names(
    task: LinkedTask, settings: str, assignments: str, actor: str | None
) -> None:
    user = str(task.organization.user_id)

    task.organization.owner.run(
        f"BEGIN; {settings}; "
        f"UPDATE lead_interactions SET {assignments.format(user=user)} WHERE id = '{task.id}'; COMMIT"
    )

    (event,) = task.events()
    assert (actor.format(user=user) if actor else None) == event["actor_id"]


def test_who_created_a_task_is_the_actor_of_its_creation(organization: Organization) -> None:
    id_ = organization.task(contact_id=organization.contact(), created_by=organization.user_id)

    (event,) = organization.owner.rows(f"SELECT actor_id FROM taskline_events WHERE interaction_id = '{id_}'")
    assert str(organization.user_id) == event["actor_id"]


def test_the_request_and_the_caller_s_text_are_kept(task: LinkedTask) -> None:
    task.organization.owner.run(
        "BEGIN; SET LOCAL taskline.request_id = 'r-1'; SET LOCAL taskline.client_mutation_id = 'c-1'; "
        f"UPDATE lead_interactions SET subject = 'x' WHERE id = '{task.id}'; COMMIT; "
        f"UPDATE lead_interactions SET subject = 'y' WHERE id = '{task.id}'"
    )

    found = [(event["request_id"], event["client_mutation_id"]) for event in task.events()]
    assert [("r-1", "c-1"), (None, None)] == found


# Every writer, and none of them hindered.


@pytest.fixture
def writer(crm: CrmDatabase) -> Iterator[Owner]:
    """Someone who writes as the API's role, bound by row security, as the old application may."""
    with connected(crm, crm.app_url) as writer:
        yield writer


@pytest.mark.parametrize(
    "state",
    [
        "SET search_path = public",
        "SET app.current_user_id = ''",
        "SET app.current_user_id = 'not a user'; SET taskline.request_id = ''",
        "SET taskline.notify = 'nonsense'",
        "SET DateStyle = 'SQL, DMY'; SET TimeZone = 'Asia/Kolkata'; SET IntervalStyle = 'sql_standard'",
        "SET plpgsql.extra_errors = 'all'",
        "SET default_transaction_isolation = 'serializable'",
        "SET standard_conforming_strings = off; SET escape_string_warning = off",
        "CREATE TEMPORARY TABLE taskline_events (a int)",
    ],
)
def test_whatever_state_a_session_is_in_its_writes_succeed_and_are_logged(
    task: LinkedTask, writer: Owner, state: str
) -> None:
    table = "public.lead_interactions"
    tenant = f"SET app.current_organization_id = '{task.organization.id}'"

    writer.run(
        f"{tenant}; {state}; UPDATE {table} SET subject = 'Else' WHERE id = '{task.id}'; "
        f"DELETE FROM public.leads WHERE id = '{task.lead_id}'"
    )

    assert ["updated", "link_lost"] == task.types()


@pytest.mark.parametrize("role", ["origin", "replica", "local"])
def test_the_apply_process_of_a_subscription_is_logged(database: CrmDatabase, role: str) -> None:
    with owner_of(database, is_superuser=True) as owner:
        task = linked_task(new_organization(owner))
        owner.run(f"SET session_replication_role = {role}")

        task.change("subject = 'Else'")
        owner.run(f"DELETE FROM leads WHERE id = '{task.lead_id}'")

        assert ["updated", "link_lost"] == task.types()


def test_copy_is_logged(database: CrmDatabase) -> None:
    with owner_of(database) as owner:
        organization = new_organization(owner)
        id_ = uuid4()
        lines = (
            "COPY lead_interactions (id, organization_id, user_id, interaction_type, contact_id) FROM STDIN;\n"
            f"{id_}\t{organization.id}\t{organization.user_id}\ttask\t{organization.contact()}\n\\.\n"
        )

        done = subprocess.run(psql_command(database), input=lines, capture_output=True, text=True, check=False)

        assert "" == done.stderr
        assert [{"type": "created"}] == owner.rows(f"SELECT type FROM taskline_events WHERE interaction_id = '{id_}'")


def test_a_column_that_comes_or_goes_hinders_nobody(database: CrmDatabase) -> None:
    with owner_of(database) as owner:
        task = linked_task(new_organization(owner))
        owner.run(
            "ALTER TABLE lead_interactions ADD kind text, ADD before text; "
            "ALTER TABLE leads ADD kind text, ADD side text; "
            "ALTER TABLE lead_interactions DROP duration, DROP activity_metadata; "
            "ALTER TABLE contacts DROP company CASCADE; ALTER TABLE leads ALTER company TYPE text"
        )

        task.change("subject = 'Else', kind = 'x', lead_id = NULL")

        assert ["unlinked", "updated"] == task.types()


def test_a_transaction_can_be_prepared(database: CrmDatabase) -> None:
    with owner_of(database, is_superuser=True) as owner:
        task = linked_task(new_organization(owner))
        name = f"p{uuid4().hex}"

        owner.run(
            f"BEGIN; UPDATE lead_interactions SET subject = 'Else' WHERE id = '{task.id}'; PREPARE TRANSACTION '{name}'"
        )
        owner.run(f"COMMIT PREPARED '{name}'")

        assert ["updated"] == task.types()


def heard(database: CrmDatabase, task: LinkedTask, setting: str) -> int:
    """Return how many announcements a listener gets of a transaction that changes two tasks."""
    done = subprocess.run(
        psql_command(database),
        input=(
            f"LISTEN taskline_events; BEGIN; SET LOCAL taskline.notify = {setting};\n"
            f"UPDATE lead_interactions SET subject = subject || 'x' WHERE organization_id = '{task.organization.id}';\n"
            "COMMIT;\n"
        ),
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.count('Asynchronous notification "taskline_events"')


def test_a_transaction_is_announced_once_and_without_content(crm: CrmDatabase, organization: Organization) -> None:
    task = linked_task(organization)
    linked_task(organization)

    assert [1, 0] == [heard(crm, task, setting) for setting in ("on", "off")]


# Who may read it, and that nobody else writes it.


def test_an_organization_reads_its_own_log_alone(crm: CrmDatabase, task: LinkedTask) -> None:
    count = "SELECT count(*) FROM taskline_events"

    def seen(organization_id: UUID | str) -> int:
        return int(crm.psql(f"SET app.current_organization_id = '{organization_id}'; {count}", url=crm.app_url))

    assert [1, 0, 0] == [seen(task.organization.id), seen(uuid4()), seen("")]


@pytest.mark.parametrize(
    "deed",
    [
        "INSERT INTO taskline_events (organization_id, interaction_id, type, at) VALUES ('{0}', '{0}', 'x', now())",
        "UPDATE taskline_events SET record_name = 'x'",
        "DELETE FROM taskline_events",
        "TRUNCATE taskline_events",
        "SELECT nextval('taskline_events_seq_seq')",
        "SELECT taskline_log_interaction()",
        (
            "CREATE TEMPORARY TABLE t (id uuid); CREATE TRIGGER t AFTER INSERT ON t FOR EACH ROW "
            "EXECUTE FUNCTION taskline_log_interaction()"
        ),
    ],
)
def test_the_api_s_role_can_not_write_it(crm: CrmDatabase, organization: Organization, deed: str) -> None:
    sql = f"SET app.current_organization_id = '{organization.id}'; {deed.format(organization.id)}"

    done = subprocess.run(psql_command(crm, "-c", sql, url=crm.app_url), capture_output=True, text=True, check=False)

    assert "permission denied" in done.stderr or "trigger functions can only be called as triggers" in done.stderr


def test_before_and_after_read_as_rows_again(task: LinkedTask) -> None:
    task.change("subject = 'Else', participants = '[1]', description = E'a\\\\b\"'")

    query = (
        "SELECT (jsonb_populate_record(NULL::lead_interactions, after)).* FROM taskline_events "
        f"WHERE interaction_id = '{task.id}' AND type = 'updated'"
    )
    (again,) = task.organization.owner.rows(query)
    (row,) = task.organization.owner.rows(f"SELECT * FROM lead_interactions WHERE id = '{task.id}'")
    assert json.dumps(row) == json.dumps(again)
