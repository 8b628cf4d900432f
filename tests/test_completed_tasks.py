"""completeTask: once, by whom, with what outcome."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import pytest

from resolvers.viewers import Role
from tests.apis import Api
from tests.organizations import Organization, new_organization

COMPLETE = """mutation ($input: CompleteTaskInput!) { completeTask(input: $input) {
  task { id status completedAt outcome description version leadId contactId accountId lead { displayName } }
  errors { __typename ... on UserError { code message path } ... on RecordNotFoundError { kind id }
           ... on StaleVersionError { current { id version status } } }
  replayed clientMutationId } }"""
TASK = "query ($id: ID!) { task(id: $id) { version status completedAt outcome description } }"


def complete(api: Api, organization: Organization, id_: UUID, **more: object) -> Any:
    return api.data(organization.viewer(), COMPLETE, input={"id": str(id_)} | more)["completeTask"]


def stored(api: Api, organization: Organization, id_: UUID) -> Any:
    return api.data(organization.viewer(), TASK, id=str(id_))["task"]


@pytest.mark.parametrize("kind", ["lead", "contact", "account"])
def test_a_task_is_completed_whatever_it_hangs_on(api: Api, organization: Organization, kind: str) -> None:
    contact = organization.contact()
    records = {"lead": organization.lead(), "contact": contact, "account": organization.account(contact)}
    id_ = organization.task(**{f"{kind}_id": records[kind]})

    payload = complete(api, organization, id_)

    assert ([], False) == (payload["errors"], payload["replayed"])
    assert "COMPLETED" == payload["task"]["status"]
    assert payload["task"]["completedAt"]
    assert payload["task"][f"{kind}Id"]


def test_the_outcome_is_kept_and_notes_are_added(api: Api, organization: Organization) -> None:
    id_ = organization.task(lead_id=organization.lead(), description="Call at noon.")

    task = complete(api, organization, id_, outcome=" Successful ", notes="They want two.")["task"]

    assert ("Successful", "Call at noon.\n\nThey want two.") == (task["outcome"], task["description"])


def test_what_is_left_out_keeps_what_was_there(api: Api, organization: Organization) -> None:
    id_ = organization.task(lead_id=organization.lead(), description="Call.", outcome="No Answer")

    task = complete(api, organization, id_, outcome=None, notes="")["task"]

    assert ("No Answer", "Call.") == (task["outcome"], task["description"])


def test_the_old_history_says_who_completed_it(api: Api, organization: Organization) -> None:
    id_ = organization.task(contact_id=organization.contact())

    complete(api, organization, id_)

    sql = f"""SELECT event_type, changed_by FROM interaction_events
               WHERE interaction_id = '{id_}' AND event_type <> 'created'"""
    assert f"completed|{organization.user_id}" == organization.owner.database.psql(sql)


def test_completing_again_changes_nothing_and_says_so(api: Api, organization: Organization) -> None:
    id_ = organization.task(lead_id=organization.lead())
    first = complete(api, organization, id_, outcome="Successful")

    again = complete(api, organization, id_, outcome="No Answer", notes="More.", expectedVersion="1")

    assert ([], True) == (again["errors"], again["replayed"])
    assert first["task"] == again["task"]


def test_of_many_at_once_one_completes_it(api: Api, organization: Organization) -> None:
    id_ = organization.task(lead_id=organization.lead())

    with ThreadPoolExecutor(8) as threads:
        payloads = list(threads.map(lambda n: complete(api, organization, id_, notes=f"n{n}"), range(8)))

    assert [False] + [True] * 7 == sorted(payload["replayed"] for payload in payloads)
    assert 1 == len({payload["task"]["version"] for payload in payloads})


def test_the_version_that_was_read_is_completed(api: Api, organization: Organization) -> None:
    id_ = organization.task(lead_id=organization.lead())
    version = stored(api, organization, id_)["version"]

    assert [] == complete(api, organization, id_, expectedVersion=version)["errors"]


def test_a_version_that_somebody_changed_is_stale_and_comes_back_as_it_is(api: Api, organization: Organization) -> None:
    id_ = organization.task(lead_id=organization.lead())
    version = stored(api, organization, id_)["version"]
    organization.owner.database.psql(f"UPDATE lead_interactions SET subject = 'Moved' WHERE id = '{id_}'")

    payload = complete(api, organization, id_, expectedVersion=version)

    (error,) = payload["errors"]
    assert payload["task"] is None
    assert ("StaleVersionError", "STALE_VERSION", ["input", "expectedVersion"]) == (
        error["__typename"],
        error["code"],
        error["path"],
    )
    now = stored(api, organization, id_)
    assert {"id": str(id_), "version": now["version"], "status": "PENDING"} == error["current"]


def test_a_task_of_another_organization_is_not_found_and_unchanged(api: Api, organization: Organization) -> None:
    other = new_organization(organization.owner)
    id_ = other.task(lead_id=other.lead())

    (error,) = complete(api, organization, id_)["errors"]

    assert ("RecordNotFoundError", ["input", "id"], None, str(id_)) == (
        error["__typename"],
        error["path"],
        error["kind"],
        error["id"],
    )
    assert "PENDING" == stored(api, other, id_)["status"]


def test_what_is_no_task_is_not_found(api: Api, organization: Organization) -> None:
    call = organization.task(interaction_type="call", lead_id=organization.lead())

    assert ["RecordNotFoundError", "RecordNotFoundError"] == [
        complete(api, organization, id_)["errors"][0]["__typename"] for id_ in (call, uuid4())
    ]


@pytest.mark.parametrize(
    ("given", "path"),
    [({"outcome": "x" * 101}, ["input", "outcome"]), ({"notes": "x" * 100_001}, ["input", "notes"])],
    ids=["outcome", "notes"],
)
def test_texts_that_are_too_long_are_refused(
    api: Api, organization: Organization, given: dict[str, str], path: list[str]
) -> None:
    id_ = organization.task(lead_id=organization.lead())

    (error,) = complete(api, organization, id_, **given)["errors"]

    assert ("ValidationError", path) == (error["__typename"], error["path"])
    assert "PENDING" == stored(api, organization, id_)["status"]


def test_a_viewer_completes_nothing(api: Api, organization: Organization) -> None:
    id_ = organization.task(lead_id=organization.lead())

    payload = api.data(organization.viewer(Role.VIEWER), COMPLETE, input={"id": str(id_)})["completeTask"]

    assert ["ForbiddenError"] == [error["__typename"] for error in payload["errors"]]
    assert "PENDING" == stored(api, organization, id_)["status"]


def test_a_malformed_id_is_bad_user_input(api: Api, organization: Organization) -> None:
    assert ["BAD_USER_INPUT"] == api.codes(organization.viewer(), COMPLETE, input={"id": "1"})


def test_clients_get_their_own_text_back(api: Api, organization: Organization) -> None:
    id_ = organization.task(lead_id=organization.lead())

    assert "mine" == complete(api, organization, id_, clientMutationId="mine")["clientMutationId"]


def test_notes_that_the_description_has_no_room_for_are_refused_and_nothing_is_done(
    api: Api, organization: Organization
) -> None:
    description = "x" * 99_990
    id_ = organization.task(contact_id=organization.contact(), description=description)

    refused = complete(api, organization, id_, notes="Too much of it")["errors"]
    fitting = complete(api, organization, id_, notes="It fits!")["task"]

    message = "The description has room for 8 characters more; the notes have 14."
    assert [(message, ["input", "notes"])] == [(error["message"], error["path"]) for error in refused]
    assert 100_000 == len(fitting["description"])
