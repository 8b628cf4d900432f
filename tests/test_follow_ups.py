"""A task that goes from one lead to another: each has the next follow-up that its own tasks say."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest

from tests.apis import Api
from tests.apis import api as serve_api
from tests.changed_tasks import UPDATE, next_follow_up, updated
from tests.databases import CrmDatabase
from tests.organizations import Organization, new_organization
from tests.owners import owner_of

SOON, LATER, LATEST = (f"2999-0{month}-01T00:00:00+00:00" for month in (1, 2, 3))
RELINK = """mutation ($input: RelinkTasksInput!) { relinkTasks(input: $input) {
  affected errors { __typename ... on UserError { code message } } } }"""


def relinked(api: Api, organization: Organization, from_: dict[str, str], to: dict[str, str], *, keep: bool) -> int:
    asked = {"from": from_, "to": to, "dryRun": False, "keepFrom": keep}
    payload = api.data(organization.viewer(), RELINK, input=asked)["relinkTasks"]
    assert [] == payload["errors"]
    return int(payload["affected"])


def task(organization: Organization, lead: UUID, due: str | None, **more: object) -> UUID:
    return organization.task(lead_id=lead, status="scheduled", scheduled_at=due, **more)


@pytest.fixture
def leads(organization: Organization) -> tuple[UUID, UUID]:
    return organization.lead(), organization.lead()


def due(organization: Organization, *leads: UUID) -> list[str | None]:
    return [next_follow_up(organization, lead) for lead in leads]


@pytest.mark.parametrize("rest", [LATER, None])
def test_a_task_that_is_given_another_lead_is_the_next_one_there_and_not_here(
    api: Api, organization: Organization, leads: tuple[UUID, UUID], rest: str | None
) -> None:
    here, there = leads
    moved = task(organization, here, SOON)
    if rest:
        task(organization, here, rest)

    updated(api, organization, moved, leadId=str(there))

    assert [rest, SOON] == due(organization, here, there)


def test_closed_and_deleted_tasks_are_nothing_to_follow(
    api: Api, organization: Organization, leads: tuple[UUID, UUID]
) -> None:
    here, there = leads
    moved = task(organization, here, SOON)
    organization.task(lead_id=here, status="completed", scheduled_at=LATER)
    organization.task(lead_id=here, status="cancelled", scheduled_at=LATER, deleted_at=SOON)
    organization.task(lead_id=here, status="scheduled", scheduled_at=LATER, interaction_type="call")
    task(organization, here, LATEST)

    updated(api, organization, moved, leadId=str(there))

    assert [LATEST, SOON] == due(organization, here, there)


def test_a_task_that_leaves_its_lead_for_a_contact_is_not_followed_there(
    api: Api, organization: Organization, leads: tuple[UUID, UUID]
) -> None:
    here, _ = leads
    moved = task(organization, here, SOON)

    updated(api, organization, moved, leadId=None, contactId=str(organization.contact()))

    assert [None] == due(organization, here)


def test_tasks_of_a_lead_that_move_together_leave_it_with_nothing_to_follow(
    api: Api, organization: Organization, leads: tuple[UUID, UUID]
) -> None:
    here, there = leads
    for when in (SOON, LATER):
        task(organization, here, when)

    count = relinked(api, organization, {"leadId": str(here)}, {"leadId": str(there)}, keep=False)

    assert 2 == count
    assert [None, SOON] == due(organization, here, there)


def test_tasks_of_a_contact_leave_each_of_their_leads(
    api: Api, organization: Organization, leads: tuple[UUID, UUID]
) -> None:
    first, second = leads
    there, contact = organization.lead(), organization.contact()
    task(organization, first, SOON, contact_id=contact)
    task(organization, second, LATER, contact_id=contact)
    task(organization, second, LATEST)

    count = relinked(api, organization, {"contactId": str(contact)}, {"leadId": str(there)}, keep=True)

    assert 2 == count
    assert [None, LATEST, SOON] == due(organization, first, second, there)


def test_it_costs_a_statement_where_there_is_a_lead_to_look_at_and_two_where_it_is_wrong(
    api: Api, organization: Organization, leads: tuple[UUID, UUID]
) -> None:
    here, there = leads
    without_date, moved = task(organization, here, None), task(organization, here, SOON)

    def cost(id_: UUID, **fields: object) -> int:
        answer = api.ask(UPDATE, {"input": {"id": str(id_)} | fields}, viewer=organization.viewer()).json()
        return int(answer["extensions"]["cost"]["statements"])

    plain = cost(without_date, subject="Visit")

    assert (1, 3) == (
        cost(without_date, leadId=str(there)) - plain,
        cost(moved, leadId=str(there)) - plain,
    )


@pytest.mark.slow
def test_a_task_that_somebody_writes_meanwhile_is_followed(
    api: Api, organization: Organization, leads: tuple[UUID, UUID]
) -> None:
    here, there = leads
    moved = task(organization, here, SOON)
    written = f"""
      INSERT INTO lead_interactions (organization_id, user_id, lead_id, interaction_type, status, scheduled_at)
      VALUES ('{organization.id}', '{organization.user_id}', '{here}', 'task', 'scheduled', '{LATER}')"""

    with organization.owner.transaction(written), ThreadPoolExecutor() as pool:
        moving = pool.submit(updated, api, organization, moved, leadId=str(there))
        organization.owner.wait_for_waiters()
        organization.owner.run("COMMIT")
        moving.result()

    assert [LATER, SOON] == due(organization, here, there)


@pytest.fixture
def own(database: CrmDatabase) -> Iterator[tuple[Api, Organization]]:
    """An API on a database of this test's own."""
    with owner_of(database) as owner, serve_api(database_url=database.app_url) as running:
        yield running, new_organization(owner)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sql", "kept"),
    [
        ("ALTER TABLE lead_interactions DISABLE TRIGGER sync_lead_next_follow_up", [SOON, None]),
        ("DROP TRIGGER sync_lead_next_follow_up ON lead_interactions", [SOON, None]),
        (
            "ALTER FUNCTION update_lead_next_follow_up() SECURITY DEFINER; REVOKE UPDATE ON leads FROM crm_app",
            [SOON, SOON],
        ),
    ],
    ids=["trigger off", "no trigger", "not ours to write"],
)
def test_where_it_is_not_ours_to_keep_nothing_is_written_and_nothing_fails(
    own: tuple[Api, Organization], sql: str, kept: list[Any]
) -> None:
    api, organization = own
    here, there = organization.lead(), organization.lead()
    moved = task(organization, here, SOON)
    organization.owner.run(sql)

    updated(api, organization, moved, leadId=str(there))

    assert kept == due(organization, here, there)


@pytest.mark.slow
def test_a_trigger_that_only_speaks_of_follow_ups_makes_no_move_fail(own: tuple[Api, Organization]) -> None:
    api, organization = own
    here, there = organization.lead(), organization.lead()
    moved, _ = task(organization, here, SOON), task(organization, here, LATER)
    organization.owner.run(
        "CREATE OR REPLACE FUNCTION update_lead_next_follow_up() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RETURN NULL; /* next_follow_up is no column any more */ END $$;"
        "ALTER TABLE leads DROP next_follow_up CASCADE"
    )

    updated(api, organization, moved, leadId=str(there))
