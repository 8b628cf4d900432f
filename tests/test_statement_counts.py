"""How many statements a list costs: the same for 1 row and for 100, whatever is selected of them."""

from itertools import count
from uuid import UUID

import pytest

from tests.apis import Api
from tests.organizations import Organization, new_organization
from tests.owners import Owner

PERSON = "id displayName owner { displayName }"
INTERACTION = f"""
  id kind subject occursAt assignee {{ displayName }} createdBy {{ displayName }}
  lead {{ {PERSON} contact {{ {PERSON} lead {{ id }} }} }}
  contact {{ {PERSON} lead {{ {PERSON} }} }}
  account {{ id displayName contact {{ {PERSON} lead {{ id }} }} }}
  links(includeLost: true) {{ kind state label record {{ id displayName
    ... on Lead {{ owner {{ id }} }} ... on Contact {{ lead {{ id }} }} ... on Account {{ contact {{ id }} }} }} }}
  ... on Task {{ isOrphan isOverdue version }}"""
TASKS = f"query ($first: Int) {{ list: tasks(first: $first) {{ totalCount nodes {{ {INTERACTION} }} }} }}"
NESTED = """query ($first: Int) { list: tasks(first: $first) { nodes { lead { ...Lists }
    account { ...Lists contact { accounts(first: 1) { totalCount edges { node { id } } } } } } } }
  fragment Lists on CrmRecord { tasks(first: 1) { totalCount nodes { subject } }
    own: taskStats { total next { id } } taskStats(includeRelated: true) { open next { id } } }"""
TIMELINE = f"""query ($first: Int, $id: ID!) {{ list: timeline(record: {{contactId: $id}}, first: $first) {{
  totalCount edges {{ node {{ {INTERACTION} }} }} }} }}"""
SEARCH = f"""query ($search: String!) {{ list: searchRecords(search: $search, first: 50) {{ id displayName
  ... on Lead {{ {PERSON} contact {{ {PERSON} lead {{ id }} }} }} ... on Contact {{ {PERSON} lead {{ {PERSON} }} }}
  ... on Account {{ contact {{ {PERSON} lead {{ id }} }} }} }} }}"""

MANY = 100


class Cast:
    """Makes people who are nobody else's, so that no row finds what another one has loaded."""

    def __init__(self, organization: Organization) -> None:
        self.organization = organization
        self.contact = organization.contact(first_name="Shared", assigned_to=organization.user())
        self._numbers = count()
        organization.lead(linked_contact_id=self.contact, assigned_to=organization.user())

    def users(self, size: int) -> list[UUID]:
        row = {"first_name": "Una", "last_name": "User", "password_hash": "!"}
        emails = [f"{self.organization.id}-{next(self._numbers)}@example.test" for _ in range(size)]
        return self.organization.insert_all("users", [row | {"email": email} for email in emails])

    def contacts(self, size: int, name: str = "Other") -> list[UUID]:
        """Contacts with an owner each, and each with a lead that became it."""
        owners = self.users(size)
        rows = [{"first_name": name, "last_name": number, "assigned_to": owners[number]} for number in range(size)]
        contacts = self.organization.insert_all("contacts", rows)
        self.leads(size, contacts=contacts)
        return contacts

    def leads(self, size: int, name: str = "Other", *, contacts: list[UUID] | None = None) -> list[UUID]:
        """Leads with an owner each, and each with a contact that it became."""
        owners, converted = self.users(size), contacts or self.contacts(size)
        return self.organization.insert_all(
            "leads",
            [
                {"first_name": name, "last_name": n, "assigned_to": owners[n], "linked_contact_id": converted[n]}
                for n in range(size)
            ],
        )

    def accounts(self, size: int, name: str = "Other") -> list[UUID]:
        holders = self.contacts(size)
        rows = [{"account_name": f"{name} {n}", "contact_id": holders[n]} for n in range(size)]
        return self.organization.insert_all("accounts", rows)

    def tasks(self, size: int) -> None:
        """Tasks of the shared contact, each with a lead, an account, an assignee and an author of its own."""
        leads, accounts, users, authors = self.leads(size), self.accounts(size), self.users(size), self.users(size)
        self.organization.tasks(
            [
                {
                    "contact_id": self.contact,
                    "lead_id": leads[n],
                    "account_id": accounts[n],
                    "user_id": users[n],
                    "created_by": authors[n],
                }
                for n in range(size)
            ]
        )


@pytest.fixture(scope="module")
def cast(owner: Owner) -> Cast:
    cast = Cast(new_organization(owner))
    cast.tasks(MANY)
    for size, name in ((1, "few"), (16, "many")):
        cast.leads(size, name)
        cast.contacts(size, name)
        cast.accounts(size, name)
    return cast


def cost(api: Api, organization: Organization, query: str, **variables: object) -> tuple[int, int]:
    """Return how many rows the list of an answer has, and how many statements it took."""
    answer = api.ask(query, variables, viewer=organization.viewer()).json()
    assert "errors" not in answer, answer["errors"]
    found = answer["data"]["list"]
    rows = found if isinstance(found, list) else found.get("nodes", found.get("edges"))
    return len(rows), answer["extensions"]["cost"]["statements"]


# The page and its count: 2. What hangs on its rows, one each for users, leads, contacts, accounts: 4. Their owners, and
# contacts, and the leads of those: 3. Owners and leads of these contacts: 2. The links that the rows have lost: 1.
COST_OF_A_PAGE = 12
# The record, its page and the count: 3. With these two comes what hangs on them, with owners and contacts of that: what
# is left are the leads of contacts, and the owners of those: 3. The links that the rows have lost: 1.
COST_OF_A_TIMELINE = 7


@pytest.mark.slow
@pytest.mark.parametrize(
    ("query", "expected"), [(TASKS, COST_OF_A_PAGE), (TIMELINE, COST_OF_A_TIMELINE)], ids=["tasks", "timeline"]
)
def test_a_page_costs_the_same_for_one_row_and_for_a_hundred(api: Api, cast: Cast, query: str, expected: int) -> None:
    asked = {} if query == TASKS else {"id": str(cast.contact)}

    for rows in (1, 2, MANY):
        assert (rows, expected) == cost(api, cast.organization, query, first=rows, **asked)


LINKED = """lead { id contact { id } owner { id } } contact { id owner { id } } assignee { id } createdBy { id }
  account { id contact { id displayName } }"""


@pytest.mark.slow
@pytest.mark.parametrize("is_related_included", [False, True], ids=["own", "related"])
def test_a_record_a_page_of_its_timeline_and_all_that_this_links_to_take_two_statements(
    api: Api, cast: Cast, *, is_related_included: bool
) -> None:
    query = f"""query ($first: Int, $id: ID!, $related: Boolean) {{ list: timeline(
      record: {{contactId: $id}}, first: $first, includeRelated: $related) {{ edges {{ node {{ {LINKED} }} }} }} }}"""
    asked = {"id": str(cast.contact), "related": is_related_included}

    assert {2} == {cost(api, cast.organization, query, first=rows, **asked)[1] for rows in (1, 2, MANY)}


# The page, its leads and its accounts: 3. The lists of a record: 6, that is tasks, their number, counts and the next
# task, both alone and with related records; of leads and of accounts: 12. Who holds these accounts, and what else, as a
# page and a number: 3.
COST_OF_LISTS = 18


@pytest.mark.slow
def test_lists_within_a_list_cost_the_same_for_one_row_and_for_a_hundred(api: Api, cast: Cast) -> None:
    costs = {cost(api, cast.organization, NESTED, first=rows) for rows in (1, 2, MANY)}

    assert {(rows, COST_OF_LISTS) for rows in (1, 2, MANY)} == costs


@pytest.mark.slow
def test_a_search_costs_the_same_for_one_record_of_each_kind_and_for_many(api: Api, cast: Cast) -> None:
    assert (3, 9) == cost(api, cast.organization, SEARCH, search="few")
    assert (48, 9) == cost(api, cast.organization, SEARCH, search="many")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("{ __typename }", 0),
        ("{ viewer { role organizationId } }", 0),
        ("{ viewer { user { id } } }", 1),
        ("{ task(id: $id) { id subject } }", 1),
        (f"{{ task(id: $task) {{ id {LINKED} }} }}", 1),
        ("{ lead(id: $id) { displayName } }", 1),
        ("{ node(id: $id) { id } }", 2),
        ("{ tasks { nodes { subject leadId } pageInfo { hasNextPage endCursor } } }", 1),
        ("{ tasks { totalCount nodes { contact { displayName } links { label } isOrphan } } }", 5),
        ("{ tasks(orderBy: [{field: PRIORITY}, {field: SUBJECT, direction: DESC}]) { nodes { subject } } }", 1),
        ('{ tasks(filter: {orphan: false, contact: {search: "c"}, account: {search: "a"}}) { nodes { id } } }', 1),
        ("{ tasks { nodes { assignee { id } createdBy { id } } } }", 2),
        ("{ timeline(record: {contactId: $id}) { edges { node { subject } } } }", 2),
        ("{ taskStats { total byLinks { count } } }", 1),
        ("{ taskStats { total next { subject } } }", 2),
        ("{ contact(id: $id) { tasks { nodes { id bucket } } taskStats { open } accounts { totalCount } } }", 5),
        ("{ users { displayName } }", 1),
        ("{ nodes(ids: [$id, $id]) { id } }", 2),
        ('{ searchRecords(search: "") { id } }', 0),
        ('{ searchRecords(search: "nobody has this name") { id } }', 1),
        ('mutation { createTask(input: {subject: "x", contactId: $id}) { task { id subject } } }', 1),
        ('mutation { createTask(input: {subject: "x", contactId: $id}) { task { contact { id } } } }', 2),
        ('mutation { createTask(input: {subject: "", contactId: $id}) { task { id } } }', 0),
        ('mutation { createTask(input: {subject: "x", leadId: $id}) { task { id } } }', 2),
    ],
)
def test_an_answer_takes_no_more_statements_than_it_needs(
    api: Api, organization: Organization, query: str, expected: int
) -> None:
    contact = organization.contact()
    task = organization.task(
        contact_id=contact,
        lead_id=organization.lead(),
        account_id=organization.account(contact),
        created_by=organization.user_id,
    )

    document = query.replace("$id", f'"{contact}"').replace("$task", f'"{task}"')
    answer = api.ask(document, viewer=organization.viewer()).json()

    assert expected == answer["extensions"]["cost"]["statements"]
