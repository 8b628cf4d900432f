"""nodes: several things by their identifiers, in the order given."""

from uuid import UUID, uuid4

import pytest

from tests.apis import Api
from tests.organizations import Organization, new_organization

NOBODY = str(UUID(int=1))
NODES = "query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }"


def one_of_each(organization: Organization) -> dict[str, UUID]:
    contact = organization.contact()
    return {
        "Task": organization.task(contact_id=contact),
        "Activity": organization.task(interaction_type="call", contact_id=contact),
        "Lead": organization.lead(),
        "Contact": contact,
        "Account": organization.account(contact),
        "User": organization.user(),
    }


def test_things_of_all_kinds_come_in_the_order_given(api: Api, organization: Organization) -> None:
    things = {str(id_): kind for kind, id_ in one_of_each(organization).items()}
    ids = [*things, *reversed(things), *things]

    answer = api.ask(NODES, {"ids": ids}, viewer=organization.viewer()).json()

    assert [{"__typename": things[id_], "id": id_} for id_ in ids] == answer["data"]["nodes"]
    # What they are, and one for each table.
    assert 6 == answer["extensions"]["cost"]["statements"]


def test_null_stands_in_the_place_of_what_is_not_there(api: Api, organization: Organization) -> None:
    contact, theirs = organization.contact(), new_organization(organization.owner)
    deleted = organization.account(contact, deleted_at="now")
    foreign = one_of_each(theirs).values()
    ids = [str(id_) for id_ in (uuid4(), contact, deleted, *foreign, contact, UUID(int=0))]

    nodes = api.data(organization.viewer(), NODES, ids=ids)["nodes"]

    assert [None, str(contact), *[None] * 7, str(contact), None] == [node and node["id"] for node in nodes]


def test_identifiers_may_be_written_in_capitals(api: Api, organization: Organization) -> None:
    id_ = str(organization.lead())

    assert [id_, id_] == [
        node["id"] for node in api.data(organization.viewer(), NODES, ids=[id_.upper(), id_])["nodes"]
    ]


@pytest.mark.slow
def test_one_thing_of_a_kind_and_five_hundred_take_the_same_statements(api: Api, organization: Organization) -> None:
    contact = organization.contact()
    tasks = organization.tasks([{"contact_id": contact}] * 500)

    for size in (1, 500):
        ids = [str(id_) for id_ in tasks[:size]]
        answer = api.ask(NODES, {"ids": ids}, viewer=organization.viewer()).json()
        assert ids == [node["id"] for node in answer["data"]["nodes"]]
        assert 2 == answer["extensions"]["cost"]["statements"]


def test_no_identifiers_find_nothing_without_a_statement(api: Api, organization: Organization) -> None:
    answer = api.ask(NODES, {"ids": []}, viewer=organization.viewer()).json()

    assert [] == answer["data"]["nodes"]
    assert 0 == answer["extensions"]["cost"]["statements"]


@pytest.mark.parametrize(
    ("ids", "code"),
    [
        ([NOBODY] * 501, "LIMIT_EXCEEDED"),
        ([NOBODY] * 5_000, "LIMIT_EXCEEDED"),
        ([NOBODY] * 10_000, "LIMIT_EXCEEDED"),  # more than a body may hold
        (["1"] * 10_000, "BAD_USER_INPUT"),
        ([NOBODY, "x"], "BAD_USER_INPUT"),
        ([""], "BAD_USER_INPUT"),
        (["\0"], "BAD_USER_INPUT"),
        (["🙂" * 36], "BAD_USER_INPUT"),
        ([None], "BAD_USER_INPUT"),
        (None, "BAD_USER_INPUT"),
        ([True], "BAD_USER_INPUT"),
        ([[NOBODY]], "BAD_USER_INPUT"),
        ({}, "BAD_USER_INPUT"),
        (5, "BAD_USER_INPUT"),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_bad_identifiers_are_refused(api: Api, organization: Organization, ids: object, code: str) -> None:
    answer = api.ask(NODES, {"ids": ids}, viewer=organization.viewer())

    assert answer.status_code in {200, 400, 413}
    assert {code} == {error["extensions"]["code"] for error in answer.json()["errors"]}
    assert len(answer.content) < 1_000
