"""Two walls keep organizations apart, and each is enough alone: the statements' predicate, and row security."""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

import pytest

from db.tables import METADATA
from tests import apis
from tests.apis import Api
from tests.databases import CrmDatabase
from tests.organizations import Organization, new_organization
from tests.owners import Owner

pytestmark = pytest.mark.slow

TABLES = [name for name, table in METADATA.tables.items() if "organization_id" in table.c]

LOOK = """query ($lead: ID!, $contact: ID!, $account: ID!, $task: ID!, $user: ID!) {
  lead(id: $lead) { id } contact(id: $contact) { id } account(id: $account) { id } task(id: $task) { id }
  user: node(id: $user) { id } interaction: node(id: $task) { id } record: node(id: $account) { id }
  searchRecords(search: "foreign", first: 50) { id }
  all: tasks(first: 200) { totalCount nodes { id } }
  ofLead: tasks(filter: {leadId: {eq: $lead}}) { totalCount nodes { id } }
  ofContact: tasks(filter: {contactId: {eq: $contact}}) { totalCount nodes { id } }
  ofAccount: tasks(filter: {accountId: {eq: $account}}) { totalCount nodes { id } }
  ofUser: tasks(filter: {assigneeId: {eq: $user}}) { totalCount nodes { id } }
}"""
NO_TASKS = {"totalCount": 0, "nodes": []}
NOTHING: dict[str, object] = {
    **dict.fromkeys(("lead", "contact", "account", "task", "user", "interaction", "record")),
    "searchRecords": [],
    **dict.fromkeys(("all", "ofLead", "ofContact", "ofAccount", "ofUser"), NO_TASKS),
}


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Another organization, with one of each kind."""

    organization: Organization
    ids: dict[str, UUID]

    @property
    def variables(self) -> dict[str, str]:
        return {name: str(id_) for name, id_ in self.ids.items()}


@pytest.fixture
def neighbour(owner: Owner) -> Neighbour:
    theirs = new_organization(owner)
    lead, contact = theirs.lead(last_name="Foreign"), theirs.contact(last_name="Foreign")
    account = theirs.account(contact, account_name="Foreign")
    task = theirs.task(lead_id=lead, contact_id=contact, account_id=account)
    return Neighbour(
        theirs, {"lead": lead, "contact": contact, "account": account, "task": task, "user": theirs.user_id}
    )


@pytest.fixture(scope="module")
def unbound_api(crm: CrmDatabase) -> Iterator[Api]:
    """An API whose role row security doesn't bind: the predicate is the only wall."""
    with apis.api(database_url=crm.superuser_url, allow_unbound_role=True) as api:
        yield api


def test_what_is_looked_for_can_be_found(unbound_api: Api, neighbour: Neighbour) -> None:
    found = unbound_api.data(neighbour.organization.viewer(), LOOK, **neighbour.variables)

    assert [] == [name for name, empty in NOTHING.items() if found[name] == empty]


def test_the_predicate_alone_hides_everything(
    unbound_api: Api, organization: Organization, neighbour: Neighbour
) -> None:
    assert NOTHING == unbound_api.data(organization.viewer(), LOOK, **neighbour.variables)


def test_the_predicate_alone_hides_timelines(
    unbound_api: Api, organization: Organization, neighbour: Neighbour
) -> None:
    for kind in ("lead", "contact", "account"):
        query = f"query ($id: ID!) {{ timeline(record: {{{kind}Id: $id}}) {{ totalCount }} }}"

        assert ["NOT_FOUND"] == unbound_api.codes(organization.viewer(), query, id=str(neighbour.ids[kind]))


def test_the_predicate_alone_hides_what_a_row_of_ours_is_linked_to(
    unbound_api: Api, organization: Organization, neighbour: Neighbour
) -> None:
    links = {f"{kind}_id": neighbour.ids[kind] for kind in ("lead", "contact", "account", "user")}
    task = organization.task(**links)
    query = """query ($id: ID!) { task(id: $id) {
      lead { id } contact { id } account { id } assignee { id } links(includeLost: true) { label } } }"""

    found = unbound_api.data(organization.viewer(), query, id=str(task))["task"]

    assert {"lead": None, "contact": None, "account": None, "assignee": None, "links": []} == found


@pytest.mark.parametrize("kind", ["lead", "contact", "account", "assignee"])
def test_the_predicate_alone_refuses_a_link_to_them(
    unbound_api: Api, organization: Organization, neighbour: Neighbour, kind: str
) -> None:
    mutation = """mutation ($input: CreateTaskInput!) {
      createTask(input: $input) { task { id } errors { ... on UserError { code path } } } }"""
    target = {"subject": "Call", "leadId": str(organization.lead())}
    target[f"{kind}Id"] = str(neighbour.ids["user" if kind == "assignee" else kind])

    payload = unbound_api.data(organization.viewer(), mutation, input=target)["createTask"]

    assert {"task": None, "errors": [{"code": "RECORD_NOT_FOUND", "path": ["input", f"{kind}Id"]}]} == payload


@pytest.mark.parametrize("table", TABLES)
def test_row_security_alone_hides_every_table(
    crm: CrmDatabase, organization: Organization, neighbour: Neighbour, table: str
) -> None:
    theirs = f"SELECT count(*) FROM {table} WHERE organization_id = '{neighbour.organization.id}'"
    as_us = f"SET app.current_organization_id = '{organization.id}'; "

    assert int(crm.psql(theirs)) > 0
    assert "0" == crm.psql(as_us + theirs, url=crm.app_url)


def test_row_security_alone_refuses_a_task_of_theirs(
    crm: CrmDatabase, organization: Organization, neighbour: Neighbour
) -> None:
    theirs = f"'{neighbour.organization.id}', 'task', 'Call', '{neighbour.ids['contact']}'"
    insert = f"INSERT INTO lead_interactions (organization_id, interaction_type, subject, contact_id) VALUES ({theirs})"

    with pytest.raises(AssertionError, match="row-level security"):
        crm.psql(f"SET app.current_organization_id = '{organization.id}'; {insert}", url=crm.app_url)
