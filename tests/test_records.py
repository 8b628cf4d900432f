"""What is looked up by identifier: leads, contacts, accounts, tasks, and anything as a node."""

from collections.abc import Callable
from uuid import UUID, uuid4

import pytest

from resolvers.viewers import Role, Viewer
from tests.apis import Api
from tests.organizations import Organization, new_organization

NODE = "query ($id: ID!) { node(id: $id) { __typename id } }"
FIELDS = ("node", "task", "lead", "contact", "account")

Maker = Callable[[Organization], UUID]


def by_id(field: str, selection: str = "id") -> str:
    return f"query ($id: ID!) {{ {field}(id: $id) {{ {selection} }} }}"


def lead(organization: Organization) -> UUID:
    return organization.lead()


def contact(organization: Organization) -> UUID:
    return organization.contact()


def account(organization: Organization) -> UUID:
    return organization.account(organization.contact())


def task(organization: Organization) -> UUID:
    return organization.task(contact_id=organization.contact())


def call(organization: Organization) -> UUID:
    return organization.task(interaction_type="call", contact_id=organization.contact())


def user(organization: Organization) -> UUID:
    return organization.user()


def deleted_account(organization: Organization) -> UUID:
    return organization.account(organization.contact(), deleted_at="now")


def name_of(maker: Maker) -> str:
    return maker.__name__


@pytest.mark.parametrize(
    ("maker", "typename"),
    [
        (task, "Task"),
        (call, "Activity"),
        (lead, "Lead"),
        (contact, "Contact"),
        (account, "Account"),
        (user, "User"),
    ],
)
def test_a_node_is_of_its_own_type(api: Api, organization: Organization, maker: Maker, typename: str) -> None:
    id_ = str(maker(organization))

    assert {"__typename": typename, "id": id_} == api.data(organization.viewer(), NODE, id=id_)["node"]


@pytest.mark.parametrize("maker", [task, lead, contact, account], ids=name_of)
def test_each_thing_is_found_by_its_own_field(api: Api, organization: Organization, maker: Maker) -> None:
    id_ = str(maker(organization))

    assert {"id": id_} == api.data(organization.viewer(), by_id(maker.__name__), id=id_)[maker.__name__]


def test_an_identifier_may_be_written_in_capitals(api: Api, organization: Organization) -> None:
    id_ = str(organization.lead())

    assert {"id": id_} == api.data(organization.viewer(), by_id("lead"), id=id_.upper())["lead"]


@pytest.mark.parametrize("field", FIELDS)
def test_an_unknown_identifier_is_null(api: Api, organization: Organization, field: str) -> None:
    assert {field: None} == api.data(organization.viewer(), by_id(field), id=str(uuid4()))


@pytest.mark.parametrize("maker", [task, call, lead, contact, account, user], ids=name_of)
@pytest.mark.parametrize("field", FIELDS)
def test_another_organizations_identifier_is_null(
    api: Api, organization: Organization, field: str, maker: Maker
) -> None:
    foreign = maker(new_organization(organization.owner))

    assert {field: None} == api.data(organization.viewer(), by_id(field), id=str(foreign))


@pytest.mark.parametrize("field", ["node", "account"])
def test_a_deleted_account_is_null(api: Api, organization: Organization, field: str) -> None:
    assert {field: None} == api.data(organization.viewer(), by_id(field), id=str(deleted_account(organization)))


@pytest.mark.parametrize("maker", [call, lead, contact, account, user], ids=name_of)
def test_a_task_is_nothing_else(api: Api, organization: Organization, maker: Maker) -> None:
    assert {"task": None} == api.data(organization.viewer(), by_id("task"), id=str(maker(organization)))


@pytest.mark.parametrize("id_", ["", "1", "no-uuid", "{" + str(UUID(int=1)) + "}", UUID(int=1).hex, "%", "\u0661" * 36])
@pytest.mark.parametrize("field", FIELDS)
def test_a_malformed_identifier_is_bad_user_input(api: Api, organization: Organization, field: str, id_: str) -> None:
    answer = api.ask(by_id(field), {"id": id_}, viewer=organization.viewer())

    assert answer.status_code < 500
    assert ["BAD_USER_INPUT"] == [error["extensions"]["code"] for error in answer.json()["errors"]]


def test_a_lead_shows_what_is_stored(api: Api, organization: Organization) -> None:
    own, colleague = organization.contact(), organization.user(first_name="Olga", last_name="Owner")
    stored = {"first_name": "Ada", "last_name": "Love", "company": "Firm", "email": "a@b.test", "phone": "+1"}
    id_ = organization.lead(**stored, status="weird", assigned_to=colleague, linked_contact_id=own)

    selection = "displayName firstName lastName company email phone status owner { displayName } contact { id }"
    found = api.data(organization.viewer(), by_id("lead", selection), id=str(id_))["lead"]

    assert {
        "displayName": "Ada Love",
        "firstName": "Ada",
        "lastName": "Love",
        "company": "Firm",
        "email": "a@b.test",
        "phone": "+1",
        "status": "weird",
        "owner": {"displayName": "Olga Owner"},
        "contact": {"id": str(own)},
    } == found


def test_a_contact_shows_the_lead_that_became_it_last(api: Api, organization: Organization) -> None:
    id_ = organization.contact(company="Firm", email="c@d.test", status=None)
    organization.lead(linked_contact_id=id_, converted_date="2024-01-01")
    latest = organization.lead(linked_contact_id=id_, converted_date="2025-01-01")
    organization.lead(linked_contact_id=id_)  # nobody knows when

    selection = "displayName company email phone status owner { id } lead { id contact { id } }"
    found = api.data(organization.viewer(), by_id("contact", selection), id=str(id_))["contact"]

    assert {
        "displayName": "Cora Contact",
        "company": "Firm",
        "email": "c@d.test",
        "phone": None,
        "status": None,
        "owner": None,
        "lead": {"id": str(latest), "contact": {"id": str(id_)}},
    } == found


def test_an_account_shows_its_contact(api: Api, organization: Organization) -> None:
    holder = organization.contact()
    id_ = organization.account(holder, account_name="  Acme ", account_status="on_hold")

    found = api.data(
        organization.viewer(), by_id("account", "displayName name status contact { displayName }"), id=str(id_)
    )

    assert {
        "displayName": "Acme",
        "name": "  Acme ",
        "status": "on_hold",
        "contact": {"displayName": "Cora Contact"},
    } == found["account"]


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        ({"first_name": " Ada ", "last_name": ""}, "Ada"),
        ({"first_name": "", "last_name": "Love"}, "Love"),
        ({"first_name": " ", "last_name": "", "company": " Firm "}, "Firm"),
        ({"first_name": "", "last_name": "", "company": " ", "email": "a@b.test"}, "a@b.test"),
        ({"first_name": "", "last_name": "\u00a0"}, "Unnamed {kind}"),
        ({"first_name": "", "last_name": "", "company": "", "email": ""}, "Unnamed {kind}"),
    ],
)
@pytest.mark.parametrize("kind", ["lead", "contact"])
def test_a_persons_name_is_never_empty(
    api: Api, organization: Organization, kind: str, names: dict[str, object], shown: str
) -> None:
    id_ = organization.lead(**names) if kind == "lead" else organization.contact(**names)

    found = api.data(organization.viewer(), by_id(kind, "displayName"), id=str(id_))[kind]

    assert {"displayName": shown.format(kind=kind)} == found


@pytest.mark.parametrize("name", ["", "  ", "\u00a0"])
def test_an_accounts_name_is_never_empty(api: Api, organization: Organization, name: str) -> None:
    id_ = organization.account(organization.contact(), account_name=name)

    found = api.data(organization.viewer(), by_id("account", "displayName"), id=str(id_))["account"]

    assert {"displayName": "Unnamed account"} == found


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        ({"first_name": "", "last_name": " ", "email": "x@y.test"}, "x@y.test"),
        ({"first_name": "Una", "last_name": ""}, "Una"),
        ({"first_name": "", "last_name": "", "email": " "}, "Unnamed colleague"),
    ],
)
def test_a_colleagues_name_is_never_empty(
    api: Api, organization: Organization, names: dict[str, object], shown: str
) -> None:
    organization.owner.run("DELETE FROM users WHERE email IN ('x@y.test', ' ')")  # unique in the whole database
    id_ = organization.user(**names)

    found = api.data(
        organization.viewer(), "query ($id: ID!) { node(id: $id) { ... on User { displayName } } }", id=str(id_)
    )

    assert {"displayName": shown} == found["node"]


def test_the_viewer_is_who_the_token_says(api: Api, organization: Organization) -> None:
    query = "{ viewer { organizationId role user { id displayName } } }"

    assert {
        "organizationId": str(organization.id),
        "role": "VIEWER",
        "user": {"id": str(organization.user_id), "displayName": "Una User"},
    } == api.data(organization.viewer(Role.VIEWER), query)["viewer"]


def test_a_viewer_who_is_nobody_here_has_no_user(api: Api, organization: Organization) -> None:
    elsewhere = new_organization(organization.owner).user_id
    query = "{ viewer { role user { id } } }"

    for user_id in (uuid4(), elsewhere):
        stranger = Viewer(user_id, organization.id, Role.ADMIN)
        assert {"role": "ADMIN", "user": None} == api.data(stranger, query)["viewer"]


def test_a_viewer_may_read_everything(api: Api, organization: Organization) -> None:
    id_ = str(task(organization))

    assert {"task": {"id": id_}} == api.data(organization.viewer(Role.VIEWER), by_id("task"), id=id_)
