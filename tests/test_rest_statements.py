"""What the REST lists cost: a hundred tasks take as many statements as one."""

import asyncio
from datetime import UTC, datetime
from uuid import UUID

import pytest

from server.databases import database_of
from server.rest.inputs import Nothing
from server.rest.operations import Call
from server.rest.routes import all_operations
from tests.apis import Api
from tests.organizations import Organization

LISTS = {
    "listTasks": 7,  # a page, 4 relations, the total, the numbers
    "listTasksOfLead": 8,  # the lead, a page, 4 relations, the numbers, the older columns
    "listTasksOfLeads": 6,
    "listOverdueTasksOfLeads": 6,
    "listUpcomingTasksOfLeads": 1,  # nothing is ahead
}


async def statements(api: Api, organization: Organization, name: str, lead: UUID) -> int:
    (operation,) = [each for each in all_operations() if each.name == name]
    parameters = operation.parameters.model_validate({"lead_id": str(lead)} if operation.path_names else {})
    database = database_of(api.settings)
    await database.open()
    try:
        async with database.session(organization.id) as session:
            await operation.run(Call(session, organization.viewer(), datetime.now(UTC), parameters, Nothing()))
            return session.statements
    finally:
        await database.close()


def fill(organization: Organization, count: int) -> UUID:
    """Make as many tasks as asked, each with a lead, contact, account and assignee of its own; return one lead."""
    own = organization
    contacts = own.insert_all("contacts", [{"first_name": "C", "last_name": str(n)} for n in range(count)])
    accounts = own.insert_all("accounts", [{"contact_id": id_, "account_name": "A"} for id_ in contacts])
    leads = own.insert_all("leads", [{"first_name": "L", "last_name": "L", "assigned_to": own.user_id}] * count)
    links = zip(leads, contacts, accounts, strict=True)
    rows = [
        {"lead_id": lead, "contact_id": contact, "account_id": account, "scheduled_at": "2026-01-01"}
        for lead, contact, account in links
    ]
    own.tasks(rows)
    return leads[0]


@pytest.mark.parametrize("count", [1, 100])
@pytest.mark.parametrize("name", LISTS)
def test_a_list_costs_the_same_however_long_it_is(api: Api, organization: Organization, name: str, count: int) -> None:
    lead = fill(organization, count)

    assert LISTS[name] == asyncio.run(statements(api, organization, name, lead))
