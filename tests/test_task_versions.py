"""expectedVersion: any writer makes it stale, and of several with the same one exactly one wins."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.apis import Api
from tests.changed_tasks import DOCUMENTS, change, row, update
from tests.organizations import Organization, new_organization

FAR_AHEAD = "2999-02-03T04:05:06Z"


@pytest.fixture
def task(organization: Organization) -> UUID:
    return organization.task(lead_id=organization.lead(), contact_id=organization.contact())


def version(organization: Organization, id_: UUID) -> str:
    """Return what a client reads as `version`."""
    found: str = row(organization, id_)["xmin"]
    return found


def as_the_old_application(organization: Organization, sql: str) -> None:
    """Run SQL by psql as the role of the old application, which names its organization."""
    database = organization.owner.database
    database.psql(f"SET app.current_organization_id = '{organization.id}'; {sql}", url=database.app_url)


def updates_it(organization: Organization, id_: UUID) -> None:
    as_the_old_application(organization, f"UPDATE lead_interactions SET subject = 'Moved' WHERE id = '{id_}'")


def updates_it_to_what_it_is(organization: Organization, id_: UUID) -> None:
    as_the_old_application(organization, f"UPDATE lead_interactions SET subject = subject WHERE id = '{id_}'")


def completes_it(organization: Organization, id_: UUID) -> None:
    sql = "UPDATE lead_interactions SET status = 'completed', completed_at = now(), outcome = 'Sent'"
    as_the_old_application(organization, f"{sql} WHERE id = '{id_}'")


def deletes_its_contact(organization: Organization, id_: UUID) -> None:
    contact = row(organization, id_)["contact_id"]
    as_the_old_application(organization, f"DELETE FROM contacts WHERE id = '{contact}'")


def writes_it_by_a_trigger(organization: Organization, id_: UUID) -> None:
    lead, name = row(organization, id_)["lead_id"], f"touch_{uuid4().hex}"
    with organization.owner.transaction(
        f"""CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
              UPDATE lead_interactions SET priority = 'high' WHERE lead_id = NEW.id; RETURN NULL; END $$;
            CREATE TRIGGER {name} AFTER UPDATE OF notes ON leads FOR EACH ROW EXECUTE FUNCTION {name}();
            UPDATE leads SET notes = 'Call them.' WHERE id = '{lead}';
            DROP TRIGGER {name} ON leads; DROP FUNCTION {name}()"""
    ):
        organization.owner.run("COMMIT")


WRITERS = [updates_it, updates_it_to_what_it_is, completes_it, deletes_its_contact, writes_it_by_a_trigger]


@pytest.mark.parametrize("writes", WRITERS, ids=lambda writes: writes.__name__)
def test_any_other_writer_makes_a_version_stale(
    api: Api, organization: Organization, task: UUID, writes: Callable[[Organization, UUID], None]
) -> None:
    read = version(organization, task)
    writes(organization, task)
    before = row(organization, task)

    payload = update(api, organization, task, expectedVersion=read, subject="Mine", dueAt=FAR_AHEAD)

    (error,) = payload["errors"]
    assert payload["task"] is None
    assert ("StaleVersionError", "STALE_VERSION", ["input", "expectedVersion"]) == (
        error["__typename"],
        error["code"],
        error["path"],
    )
    assert {
        "id": str(task),
        "version": before["xmin"],
        "subject": before["subject"],
        "status": before["status"].upper(),
    } == error["current"]
    assert before == row(organization, task)


@pytest.mark.parametrize(
    ("mutation", "status"),
    [("updateTask", "pending"), ("completeTask", "pending"), ("cancelTask", "pending"), ("reopenTask", "completed")],
)
def test_the_version_that_was_read_is_changed_and_no_other(
    api: Api, organization: Organization, mutation: str, status: str
) -> None:
    id_ = organization.task(lead_id=organization.lead(), status=status)
    more = {"subject": "Mine"} if mutation == "updateTask" else {}
    read = version(organization, id_)
    updates_it(organization, id_)

    refused = change(api, organization.viewer(), mutation, id_, expectedVersion=read, **more)
    made = change(
        api, organization.viewer(), mutation, id_, expectedVersion=refused["errors"][0]["current"]["version"], **more
    )

    assert [["STALE_VERSION"], []] == [[error["code"] for error in payload["errors"]] for payload in (refused, made)]
    assert made["task"]["version"] == version(organization, id_)


@pytest.mark.parametrize("mutation", list(DOCUMENTS))
@pytest.mark.parametrize("expected", ["", "0", "😀", "' OR true --", "x" * 100_000], ids=lambda text: text[:10])
def test_any_text_that_is_no_version_is_stale(
    api: Api, organization: Organization, mutation: str, expected: str
) -> None:
    status = "cancelled" if mutation == "reopenTask" else "pending"
    id_ = organization.task(lead_id=organization.lead(), status=status)
    before = row(organization, id_)

    payload = change(api, organization.viewer(), mutation, id_, expectedVersion=expected)

    assert ["STALE_VERSION"] == [error["code"] for error in payload["errors"]]
    assert before == row(organization, id_)


@pytest.mark.parametrize("mutation", list(DOCUMENTS))
def test_null_expects_no_version(api: Api, organization: Organization, mutation: str) -> None:
    status = "cancelled" if mutation == "reopenTask" else "pending"
    id_ = organization.task(lead_id=organization.lead(), status=status)

    assert [] == change(api, organization.viewer(), mutation, id_, expectedVersion=None)["errors"]


def test_a_version_of_another_organizations_task_tells_nothing(api: Api, organization: Organization) -> None:
    other = new_organization(organization.owner)
    theirs = other.task(lead_id=other.lead())

    payload = update(api, organization, theirs, expectedVersion=version(other, theirs), subject="Mine")

    assert ["RECORD_NOT_FOUND"] == [error["code"] for error in payload["errors"]]


@pytest.mark.slow
@pytest.mark.parametrize("mutation", ["updateTask", "cancelTask"])
def test_of_many_at_once_with_the_same_version_one_wins(
    api: Api, organization: Organization, task: UUID, mutation: str
) -> None:
    read = version(organization, task)

    def send(number: int) -> Any:
        more = {"subject": f"Number {number}"} if mutation == "updateTask" else {}
        return change(api, organization.viewer(), mutation, task, expectedVersion=read, **more)

    with ThreadPoolExecutor(8) as threads:
        payloads = list(threads.map(send, range(8)))

    came_to = Counter(
        error["code"] if (error := next(iter(payload["errors"]), None)) else payload["replayed"] for payload in payloads
    )
    # Whoever cancels what is cancelled already is told so, whatever version it was.
    assert {False: 1, ("STALE_VERSION" if mutation == "updateTask" else True): 7} == came_to


@pytest.mark.parametrize(("ends", "expected"), [("COMMIT", ["STALE_VERSION"]), ("ROLLBACK", [])])
def test_who_waits_for_another_writer_loses_if_that_one_commits(
    api: Api, organization: Organization, task: UUID, ends: str, expected: list[str]
) -> None:
    read, owner = version(organization, task), organization.owner
    theirs = f"UPDATE lead_interactions SET priority = 'low' WHERE id = '{task}'"

    with owner.transaction(theirs), ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(update, api, organization, task, expectedVersion=read, subject="Mine")
        owner.wait_for_waiters()
        owner.run(ends)
        payload = waiting.result()

    assert expected == [error["code"] for error in payload["errors"]]
    assert ("Mine" if not expected else "Call") == row(organization, task)["subject"]


def test_who_expects_no_version_keeps_what_another_one_wrote_meanwhile(
    api: Api, organization: Organization, task: UUID
) -> None:
    owner = organization.owner
    theirs = f"UPDATE lead_interactions SET priority = 'low', description = 'Theirs.' WHERE id = '{task}'"

    with owner.transaction(theirs), ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(update, api, organization, task, subject="Mine")
        owner.wait_for_waiters()
        owner.run("COMMIT")
        changed = waiting.result()["task"]

    assert ("Mine", "LOW", "Theirs.") == (changed["subject"], changed["priority"], changed["description"])


def test_the_last_link_isnt_lost_to_two_who_each_remove_another(
    api: Api, organization: Organization, task: UUID
) -> None:
    owner = organization.owner

    with (
        owner.transaction(f"UPDATE lead_interactions SET lead_id = NULL WHERE id = '{task}'"),
        ThreadPoolExecutor(1) as threads,
    ):
        waiting = threads.submit(update, api, organization, task, contactId=None)
        owner.wait_for_waiters()
        owner.run("COMMIT")
        payload = waiting.result()

    assert ["LINK_REQUIRED"] == [error["code"] for error in payload["errors"]]
    assert row(organization, task)["contact_id"]
