"""users: colleagues by the beginnings of words, in order of name."""

import pytest

from tests.apis import Api
from tests.organizations import Organization, new_organization
from tests.owners import Owner

USERS = "query ($search: String, $first: Int) { users(search: $search, first: $first) { displayName } }"


def found(api: Api, organization: Organization, **asked: object) -> list[str]:
    return [user["displayName"] for user in api.data(organization.viewer(), USERS, **asked)["users"]]


@pytest.fixture(scope="module")
def staff(owner: Owner) -> Organization:
    """Una User, and others of whom one has left."""
    organization = new_organization(owner)
    organization.user(first_name="Zoe", last_name="Adams", email=f"zoe@{organization.id}.test")
    organization.user(first_name="adam", last_name="Zimmer", email=f"az@{organization.id}.test")
    organization.user(first_name="Åsa", last_name="Øst-Berg", email=f"under_score@{organization.id}.test")
    organization.user(first_name=" ", last_name="", email=f"nameless@{organization.id}.test")
    organization.user(first_name="Adam", last_name="Gone", is_active=False)
    organization.user(first_name="Adam", last_name="Unknown", is_active=None)
    return organization


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        ("adam", ["Adam Unknown", "adam Zimmer", "Zoe Adams"]),
        ("ADAM z", ["adam Zimmer", "Zoe Adams"]),
        ("berg", ["Åsa Øst-Berg"]),
        ("ÅSA", ["Åsa Øst-Berg"]),
        ("zoe@", ["Zoe Adams"]),
        ("under_score", ["Åsa Øst-Berg"]),
        ("under%score", []),
        ("immer", []),
        ("nameless", ["nameless"]),
    ],
)
def test_colleagues_are_found_by_words(api: Api, staff: Organization, search: str, expected: list[str]) -> None:
    names = [name.partition("@")[0] for name in found(api, staff, search=search)]

    assert expected == names


def test_without_words_everybody_who_is_active_comes_in_order_of_name(api: Api, staff: Organization) -> None:
    for search in (None, "", "  "):
        names = [name.partition("@")[0] for name in found(api, staff, search=search)]
        assert ["Adam Unknown", "adam Zimmer", "nameless", "Una User", "Zoe Adams", "Åsa Øst-Berg"] == names
    assert 6 == len(api.data(staff.viewer(), "{ users { id } }")["users"])


def test_only_the_first_are_listed(api: Api, staff: Organization) -> None:
    assert ["Adam Unknown", "adam Zimmer"] == found(api, staff, first=2)
    assert [] == found(api, staff, first=0)
    assert 6 == len(found(api, staff, first=200))


def test_twenty_are_listed_when_nothing_is_said(api: Api, organization: Organization) -> None:
    row = {"first_name": "Una", "last_name": "User", "password_hash": "!"}
    organization.insert_all("users", [row | {"email": f"{organization.id}-{n}@example.test"} for n in range(30)])

    assert 20 == len(api.data(organization.viewer(), "{ users { id } }")["users"])
    assert 20 == len(found(api, organization, first=None))


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"first": -1}, "BAD_USER_INPUT"),
        ({"first": 201}, "LIMIT_EXCEEDED"),
        ({"first": 2**31}, "BAD_USER_INPUT"),
        ({"first": "5"}, "BAD_USER_INPUT"),
        ({"search": "a\0b"}, "BAD_USER_INPUT"),
        ({"search": "x" * 1_001}, "BAD_USER_INPUT"),
        ({"search": "x " * 11}, "BAD_USER_INPUT"),
        ({"search": 5}, "BAD_USER_INPUT"),
        ({"search": ["x"]}, "BAD_USER_INPUT"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_what_cannot_be_looked_for_is_refused(
    api: Api, organization: Organization, arguments: dict[str, object], code: str
) -> None:
    assert [code] == api.codes(organization.viewer(), USERS, **arguments)


def test_looking_costs_one_statement(api: Api, staff: Organization) -> None:
    answer = api.ask(USERS, {"search": "a"}, viewer=staff.viewer()).json()

    assert 1 == answer["extensions"]["cost"]["statements"]
