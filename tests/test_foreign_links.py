"""A record that goes to another organization while a task is linked to it: the database refuses what a check let by."""

import threading
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from tests.apis import Api
from tests.changed_tasks import update
from tests.new_tasks import create, create_all, stored
from tests.organizations import Organization, new_organization

RELINK = """mutation ($input: RelinkTasksInput!) { relinkTasks(input: $input) {
  affected errors { __typename ... on UserError { code message path } } } }"""


@dataclass(frozen=True, slots=True)
class Cast:
    """A lead's task, and the link that it is to get: {field: id}."""

    lead: UUID
    task: UUID
    link: dict[str, str]


def by_create(api: Api, organization: Organization, cast: Cast) -> Any:
    return create(api, organization.viewer(), **cast.link)


def by_create_all(api: Api, organization: Organization, cast: Cast) -> Any:
    (result,) = create_all(api, organization.viewer(), [cast.link])["results"]
    return result


def by_update(api: Api, organization: Organization, cast: Cast) -> Any:
    return update(api, organization, cast.task, **cast.link)


def by_relink(api: Api, organization: Organization, cast: Cast) -> Any:
    asked = {"from": {"leadId": str(cast.lead)}, "to": cast.link, "dryRun": False}
    return api.data(organization.viewer(), RELINK, input=asked)["relinkTasks"]


WAYS = {"createTask": by_create, "createTasks": by_create_all, "updateTask": by_update, "relinkTasks": by_relink}


@pytest.mark.parametrize("kind", ["contact", "account"])
@pytest.mark.parametrize("way", WAYS)
def test_a_record_that_goes_to_another_organization_at_that_moment_is_not_found(
    api: Api, organization: Organization, way: str, kind: str
) -> None:
    lead, contact = organization.lead(), organization.contact()
    record = organization.account(contact) if kind == "account" else contact
    cast = Cast(lead, organization.task(lead_id=lead), {f"{kind}Id": str(record)})
    other = new_organization(organization.owner)
    payloads: list[Any] = []
    thread = threading.Thread(target=lambda: payloads.append(WAYS[way](api, organization, cast)))

    with organization.owner.transaction(f"UPDATE {kind}s SET organization_id = '{other.id}' WHERE id = '{record}'"):
        thread.start()
        organization.owner.wait_for_waiters()
        organization.owner.run("COMMIT")
    thread.join()

    (payload,) = payloads
    assert ["RECORD_NOT_FOUND"] == [error["code"] for error in payload["errors"]]
    assert "fkey" not in str(payload)
    assert [None] == [row[f"{kind}_id"] for row in stored(organization)]


@pytest.mark.parametrize("kind", ["contact", "account"])
def test_a_record_that_tasks_hang_on_stays_in_its_organization(organization: Organization, kind: str) -> None:
    contact = organization.contact()
    record = organization.account(contact) if kind == "account" else contact
    organization.task(**{f"{kind}_id": record})
    other = new_organization(organization.owner)

    with pytest.raises(asyncpg.ForeignKeyViolationError, match=f"lead_interactions_{kind}_tenant_fkey"):
        organization.owner.run(f"UPDATE {kind}s SET organization_id = '{other.id}' WHERE id = '{record}'")
