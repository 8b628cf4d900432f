"""searchRecords: leads, contacts and accounts by the beginnings of words, best match first."""

from typing import Any
from uuid import uuid4

import pytest

from tests.apis import Api
from tests.organizations import Organization, new_organization
from tests.owners import Owner

SEARCH = """query ($search: String!, $kinds: [RecordKind!], $first: Int) {
  searchRecords(search: $search, kinds: $kinds, first: $first) { __typename id displayName } }"""


def found(api: Api, organization: Organization, search: str, **more: Any) -> list[str]:
    asked = {"search": search, "first": 50} | more
    records = api.data(organization.viewer(), SEARCH, **asked)["searchRecords"]
    return [record["displayName"] for record in records]


@pytest.fixture(scope="module")
def filled(owner: Owner) -> Organization:
    organization = new_organization(owner)
    organization.lead(first_name="Anna", last_name="Berg", company="Fjord Marine", email="anna@fjord.test")
    organization.lead(first_name="Berta", last_name="Anders", company="100% Fruit", email="b_a@fruit.test")
    organization.contact(first_name="Mariana", last_name="Costa", company="Under_score", email="m.costa@x.test")
    organization.contact(first_name="Chloé", last_name="D'Angelo", company="Back\\slash", email="chloe@x.test")
    organization.contact(first_name="Øystein", last_name="Ünlü", company="İstanbul Tekstil")
    organization.contact(first_name="Ζωή", last_name="Παπαδοπούλου", company="田中商店")
    holder = organization.contact(first_name="Mary-Jane", last_name="van den Berg", email=None)
    organization.account(holder, account_name="Berg's Account")
    organization.account(holder, account_name="Anna's Account #2")
    organization.account(holder, account_name="Bergwerk, deleted", deleted_at="now")
    return organization


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        ("anna", ["Anna Berg", "Anna's Account #2"]),
        ("ann", ["Anna Berg", "Anna's Account #2"]),
        ("ANNA", ["Anna Berg", "Anna's Account #2"]),
        ("  anna\t\n", ["Anna Berg", "Anna's Account #2"]),
        ("nna", []),
        ("riana", []),
        ("anna berg", ["Anna Berg"]),
        ("berg anna", ["Anna Berg"]),
        ("be an", ["Anna Berg", "Berta Anders"]),
        ("anna anna", ["Anna Berg", "Anna's Account #2"]),
        ("anna zzz", []),
        ("fjord", ["Anna Berg"]),
        ("marine", ["Anna Berg"]),
        ("anna@fjord.test", ["Anna Berg"]),
        ("fjord.test", []),
        ("account", ["Anna's Account #2", "Berg's Account"]),
        ("#2", ["Anna's Account #2"]),
        ("den", ["Mary-Jane van den Berg"]),
        ("d'angelo", ["Chloé D'Angelo"]),
        ("angelo", ["Chloé D'Angelo"]),
        ("jane", ["Mary-Jane van den Berg"]),
        ("fruit.te", []),
        ("CHLOÉ", ["Chloé D'Angelo"]),
        ("øYSTEIN ünlü", ["Øystein Ünlü"]),
        ("ÜNLÜ", ["Øystein Ünlü"]),
        ("İstanbul", ["Øystein Ünlü"]),
        ("ΠΑΠΑΔΟΠΟΎΛΟΥ", ["Ζωή Παπαδοπούλου"]),
        ("田中", ["Ζωή Παπαδοπούλου"]),
        ("100%", ["Berta Anders"]),
        ("1%", []),
        ("%", []),
        ("_", []),
        ("\\", []),
        ("\\%", []),
        ("under_", ["Mariana Costa"]),
        ("under-", []),
        ("underxs", []),
        ("b_a@", ["Berta Anders"]),
        ("back\\", ["Chloé D'Angelo"]),
        ("back\\\\", []),
        ("' OR true --", []),
        ("$1 :x {} ?", []),
    ],
)
def test_every_word_must_begin_a_word(api: Api, filled: Organization, search: str, expected: list[str]) -> None:
    assert expected == sorted(found(api, filled, search))


def test_names_that_begin_with_the_first_word_come_first_then_names_in_order(api: Api, filled: Organization) -> None:
    assert ["Berg's Account", "Anna Berg", "Mary-Jane van den Berg"] == found(api, filled, "berg")
    assert ["Berta Anders", "Anna Berg"] == found(api, filled, "be an")


@pytest.mark.parametrize("search", ["", "   ", "\t\n", "\u00a0"])
def test_a_search_for_nothing_finds_nothing(api: Api, filled: Organization, search: str) -> None:
    assert [] == found(api, filled, search)


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        (["LEAD"], ["Lead"]),
        (["CONTACT"], ["Contact"]),
        (["ACCOUNT"], ["Account"]),
        (["LEAD", "ACCOUNT", "LEAD"], ["Account", "Lead"]),
        ([], []),
        (None, ["Account", "Contact", "Lead"]),
    ],
    ids=str,
)
def test_only_the_kinds_asked_for_are_found(
    api: Api, filled: Organization, kinds: list[str] | None, expected: list[str]
) -> None:
    records = api.data(filled.viewer(), SEARCH, search="berg", kinds=kinds)["searchRecords"]

    assert expected == sorted(record["__typename"] for record in records)


def test_other_organizations_records_are_not_found(api: Api, filled: Organization) -> None:
    other = new_organization(filled.owner)
    other.lead(first_name="Anna", last_name="Foreign")

    assert ["Anna Berg", "Anna's Account #2"] == sorted(found(api, filled, "anna"))
    assert ["Anna Foreign"] == found(api, other, "anna")


def test_deleted_accounts_leave_room_for_those_that_are_there(api: Api, organization: Organization) -> None:
    contact = organization.contact()
    names = [f"Licence {number:02}" for number in range(60)]
    organization.insert_all(
        "accounts", [{"contact_id": contact, "account_name": n, "deleted_at": "now"} for n in names]
    )
    organization.account(contact, account_name="Licence, renewed")

    assert ["Licence, renewed"] == found(api, organization, "licence")


def test_at_most_as_many_as_asked_for_are_found_ten_by_default(api: Api, organization: Organization) -> None:
    names = [f"Name {number:02}" for number in range(60)]
    organization.insert_all("leads", [{"first_name": name, "last_name": ""} for name in names])

    assert names[:10] == found(api, organization, "name", first=None)
    assert names[:50] == found(api, organization, "name", first=50)
    assert names[:1] == found(api, organization, "name", first=1)
    assert [] == found(api, organization, "name", first=0)
    default = api.data(organization.viewer(), '{ searchRecords(search: "name") { displayName } }')["searchRecords"]
    assert names[:10] == [record["displayName"] for record in default]


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"first": 51}, "LIMIT_EXCEEDED"),
        ({"first": 2147483647}, "LIMIT_EXCEEDED"),
        ({"first": -1}, "BAD_USER_INPUT"),
        ({"first": 51, "search": ""}, "LIMIT_EXCEEDED"),
        ({"search": "a b c d e f g h i j k"}, "BAD_USER_INPUT"),
        ({"search": "x" * 10_000}, "BAD_USER_INPUT"),
        ({"search": "nul \0 character"}, "BAD_USER_INPUT"),
        ({"search": None}, "BAD_USER_INPUT"),
        ({"kinds": ["USER"]}, "BAD_USER_INPUT"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_search_that_cant_be_is_refused(
    api: Api, organization: Organization, asked: dict[str, object], code: str
) -> None:
    answer = api.ask(SEARCH, {"search": "x"} | asked, viewer=organization.viewer())

    assert answer.status_code < 500
    assert [code] == [error["extensions"]["code"] for error in answer.json()["errors"]]


def test_a_found_record_can_be_asked_for_more(api: Api, organization: Organization) -> None:
    contact = organization.contact(first_name="Zacharias", email=f"{uuid4()}@x.test")
    organization.account(contact, account_name="Zach")
    query = """{ searchRecords(search: "zach") { displayName
      ... on Contact { lastName } ... on Account { name contact { firstName } } } }"""

    assert [
        {"displayName": "Zach", "name": "Zach", "contact": {"firstName": "Zacharias"}},
        {"displayName": "Zacharias Contact", "lastName": "Contact"},
    ] == api.data(organization.viewer(), query)["searchRecords"]
