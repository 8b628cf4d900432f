"""reopenTask and cancelTask: what they change, what they leave, and what repeats do."""

from datetime import datetime

import pytest

from tests.apis import Api
from tests.changed_tasks import change, events, next_follow_up, row
from tests.organizations import Organization

LONG_AGO, FAR_AHEAD = "2001-02-03T04:05:06Z", "2999-02-03T04:05:06Z"


@pytest.mark.parametrize("status", ["completed", "cancelled", None, "no-show"])
@pytest.mark.parametrize(("due_at", "expected"), [(FAR_AHEAD, "SCHEDULED"), (LONG_AGO, "PENDING"), (None, "PENDING")])
def test_a_task_that_isnt_open_is_opened_by_its_due_date(
    api: Api, organization: Organization, status: str | None, due_at: str | None, expected: str
) -> None:
    contact = organization.contact()
    id_ = organization.task(contact_id=contact, status=status, scheduled_at=due_at)

    payload = change(api, organization.viewer(), "reopenTask", id_)

    assert ([], False) == (payload["errors"], payload["replayed"])
    assert (expected, str(contact)) == (payload["task"]["status"], payload["task"]["contactId"])
    assert str(organization.user_id) == row(organization, id_)["last_modified_by"]


def test_reopening_clears_the_completion_and_keeps_the_outcome(api: Api, organization: Organization) -> None:
    id_ = organization.task(
        lead_id=organization.lead(),
        status="completed",
        completed_at=LONG_AGO,
        outcome="No Answer",
        scheduled_at=FAR_AHEAD,
    )

    task = change(api, organization.viewer(), "reopenTask", id_)["task"]

    assert (None, "No Answer", FAR_AHEAD) == (task["completedAt"], task["outcome"], task["occursAt"])


@pytest.mark.parametrize("status", ["pending", "scheduled"])
def test_reopening_an_open_task_changes_nothing_and_says_so(api: Api, organization: Organization, status: str) -> None:
    id_ = organization.task(lead_id=organization.lead(), status=status)
    before = row(organization, id_)

    payload = change(api, organization.viewer(), "reopenTask", id_, expectedVersion="1")

    assert ([], True, status.upper()) == (payload["errors"], payload["replayed"], payload["task"]["status"])
    assert before == row(organization, id_)


@pytest.mark.parametrize("status", ["pending", "scheduled", None, "no-show"])
def test_a_task_that_isnt_over_is_cancelled(api: Api, organization: Organization, status: str | None) -> None:
    account = organization.account(organization.contact())
    id_ = organization.task(account_id=account, status=status, scheduled_at=FAR_AHEAD)

    payload = change(api, organization.viewer(), "cancelTask", id_)

    assert ([], False) == (payload["errors"], payload["replayed"])
    assert ("CANCELLED", FAR_AHEAD, str(account)) == (
        payload["task"]["status"],
        payload["task"]["dueAt"],
        payload["task"]["accountId"],
    )
    assert str(organization.user_id) == row(organization, id_)["last_modified_by"]


def test_cancelling_again_changes_nothing_and_says_so(api: Api, organization: Organization) -> None:
    id_ = organization.task(lead_id=organization.lead(), status="cancelled")
    before = row(organization, id_)

    payload = change(api, organization.viewer(), "cancelTask", id_, expectedVersion="1")

    assert ([], True, "CANCELLED") == (payload["errors"], payload["replayed"], payload["task"]["status"])
    assert before == row(organization, id_)


def test_a_completed_task_is_to_be_reopened_before_it_can_be_cancelled(api: Api, organization: Organization) -> None:
    id_ = organization.task(lead_id=organization.lead(), status="completed", completed_at=LONG_AGO)
    before = row(organization, id_)

    (error,) = change(api, organization.viewer(), "cancelTask", id_)["errors"]

    assert ("ValidationError", "VALIDATION", ["input", "id"]) == (error["__typename"], error["code"], error["path"])
    assert "Reopen it first" in error["message"]
    assert before == row(organization, id_)
    change(api, organization.viewer(), "reopenTask", id_)
    assert [] == change(api, organization.viewer(), "cancelTask", id_)["errors"]


def test_the_old_history_says_who_cancelled_it(api: Api, organization: Organization) -> None:
    id_ = organization.task(lead_id=organization.lead())

    change(api, organization.viewer(), "cancelTask", id_)

    assert [("cancelled", str(organization.user_id))] == events(organization, id_)


def test_a_task_completed_again_after_reopening_has_two_lines_in_the_old_history(
    api: Api, organization: Organization
) -> None:
    id_ = organization.task(contact_id=organization.contact())

    for mutation in ("completeTask", "reopenTask", "completeTask"):
        assert [] == change(api, organization.viewer(), mutation, id_)["errors"]

    assert [("completed", str(organization.user_id))] * 2 == events(organization, id_)


def test_the_leads_next_follow_up_follows_the_state(api: Api, organization: Organization) -> None:
    lead = organization.lead()
    id_ = organization.task(lead_id=lead, status="scheduled", scheduled_at=FAR_AHEAD)

    found: list[str | None] = []
    for mutation in ("cancelTask", "reopenTask", "completeTask", "reopenTask"):
        change(api, organization.viewer(), mutation, id_)
        found.append(next_follow_up(organization, lead))

    assert [None, FAR_AHEAD, None, FAR_AHEAD] == [due and _in_utc(due) for due in found]


@pytest.mark.parametrize("mutation", ["reopenTask", "cancelTask"])
def test_clients_get_their_own_text_back(api: Api, organization: Organization, mutation: str) -> None:
    id_ = organization.task(lead_id=organization.lead())

    texts = ["", "mine 😀", None]

    assert texts == [
        change(api, organization.viewer(), mutation, id_, clientMutationId=text)["clientMutationId"] for text in texts
    ]


@pytest.mark.parametrize("mutation", ["reopenTask", "cancelTask"])
@pytest.mark.parametrize("id_", ["1", "", "x" * 100_000, "nul \0", "{0f9c3d1e-2b1a-4c5d-8e7f-123456789abc}"])
def test_a_malformed_id_is_bad_user_input(api: Api, organization: Organization, mutation: str, id_: str) -> None:
    document = f"mutation ($input: TaskIdInput!) {{ {mutation}(input: $input) {{ replayed }} }}"

    assert ["BAD_USER_INPUT"] == api.codes(organization.viewer(), document, input={"id": id_})


def _in_utc(instant: str) -> str:
    return datetime.fromisoformat(instant).isoformat().replace("+00:00", "Z")
