"""Filters of `tasks`: by linked record, by which kinds are linked, by assignee, by status."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID, uuid4

import pytest

from tests.apis import Api
from tests.organizations import Organization, new_organization
from tests.owners import Owner

TASKS = "query ($filter: TaskFilter) { tasks(filter: $filter, first: 200) { totalCount nodes { id subject status } } }"


@dataclass(frozen=True, slots=True)
class Filled:
    """An organization with a task for each combination of links, named L, C, A, LC, LA, CA, LCA and nothing."""

    organization: Organization
    lead: UUID
    contact: UUID
    account: UUID
    colleague: UUID

    def found(self, api: Api, filter_: Mapping[str, object] | None) -> list[str]:
        """Return the subjects of the tasks found, in alphabetical order."""
        tasks = api.data(self.organization.viewer(), TASKS, filter=filter_)["tasks"]
        assert len(tasks["nodes"]) == tasks["totalCount"]
        return sorted(task["subject"] for task in tasks["nodes"])


ALL = ["A", "C", "CA", "L", "LA", "LC", "LCA", "none"]


@pytest.fixture(scope="module")
def filled(owner: Owner) -> Filled:
    organization = new_organization(owner)
    contact = organization.contact()
    found = Filled(organization, organization.lead(), contact, organization.account(contact), organization.user())
    ids = {"L": found.lead, "C": found.contact, "A": found.account}
    organization.tasks(
        [
            {
                "subject": name,
                "lead_id": ids["L"] if "L" in name else None,
                "contact_id": ids["C"] if "C" in name else None,
                "account_id": ids["A"] if "A" in name else None,
                "user_id": found.colleague if name == "L" else organization.user_id,
            }
            for name in ALL
        ]
    )
    organization.tasks([{"subject": "no task", "interaction_type": "call", "contact_id": found.contact}])
    return found


@pytest.mark.parametrize("kind", ["lead", "contact", "account"])
def test_tasks_of_one_record(api: Api, filled: Filled, kind: str) -> None:
    id_, other, mark = str(getattr(filled, kind)), str(uuid4()), kind[0].upper()
    linked = [name for name in ALL if mark in name]
    unlinked = [name for name in ALL if mark not in name]

    for test, expected in [
        ({"eq": id_}, linked),
        ({"eq": id_.upper()}, linked),
        ({"eq": other}, []),
        ({"in": [id_, other, id_]}, linked),
        ({"in": [other]}, []),
        ({"in": []}, []),
        ({"ne": id_}, unlinked),
        ({"ne": other}, ALL),
        ({"isNull": True}, unlinked),
        ({"isNull": False}, linked),
        ({"eq": id_, "isNull": True}, []),
        ({"eq": id_, "in": [other]}, []),
        ({"ne": other, "isNull": False}, linked),
    ]:
        assert expected == filled.found(api, {f"{kind}Id": test}), test


def test_tasks_of_one_assignee(api: Api, filled: Filled) -> None:
    me, colleague = str(filled.organization.user_id), str(filled.colleague)

    assert ["L"] == filled.found(api, {"assigneeId": {"eq": colleague}})
    assert ["L"] == filled.found(api, {"assigneeId": {"ne": me}})
    assert ALL == filled.found(api, {"assigneeId": {"in": [me, colleague]}})
    assert [] == filled.found(api, {"assigneeId": {"isNull": True}})


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ({"all": ["CONTACT", "ACCOUNT"]}, ["CA", "LCA"]),
        ({"all": []}, ALL),
        ({"any": ["LEAD", "ACCOUNT"]}, ["A", "CA", "L", "LA", "LC", "LCA"]),
        ({"any": []}, []),
        ({"none": ["LEAD"]}, ["A", "C", "CA", "none"]),
        ({"none": ["LEAD", "CONTACT", "ACCOUNT"]}, ["none"]),
        ({"none": []}, ALL),
        ({"only": ["CONTACT"]}, ["C"]),
        ({"only": ["ACCOUNT", "CONTACT", "ACCOUNT"]}, ["CA"]),
        ({"only": ["LEAD", "CONTACT", "ACCOUNT"]}, ["LCA"]),
        ({"only": []}, ["none"]),
        ({"all": ["LEAD"], "none": ["ACCOUNT"]}, ["L", "LC"]),
        ({"any": ["LEAD"], "only": ["ACCOUNT"]}, []),
        ({"all": None, "any": None, "none": None, "only": None}, ALL),
    ],
    ids=str,
)
def test_tasks_by_what_is_linked(api: Api, filled: Filled, test: dict[str, object], expected: list[str]) -> None:
    assert expected == filled.found(api, {"links": test})


def test_all_given_fields_must_hold(api: Api, filled: Filled) -> None:
    filter_ = {"contactId": {"eq": str(filled.contact)}, "leadId": {"isNull": True}, "links": {"any": ["ACCOUNT"]}}

    assert ["CA"] == filled.found(api, filter_)


@pytest.mark.parametrize(
    "filter_",
    [
        None,
        {},
        {"leadId": None, "contactId": None, "accountId": None, "assigneeId": None, "links": None, "status": None},
        {"leadId": {}, "links": {}},
        {"leadId": {"eq": None, "in": None, "ne": None, "isNull": None}},
    ],
    ids=str,
)
def test_a_null_or_empty_filter_asks_nothing(api: Api, filled: Filled, filter_: dict[str, object] | None) -> None:
    assert ALL == filled.found(api, filter_)


def test_a_filter_needs_no_variable(api: Api, filled: Filled) -> None:
    query = "{ tasks(filter: {links: {only: [LEAD, CONTACT]}, status: PENDING}) { nodes { subject } } }"

    assert [{"subject": "LC"}] == api.data(filled.organization.viewer(), query)["tasks"]["nodes"]


def test_a_deleted_accounts_tasks_are_still_found_by_its_id(api: Api, organization: Organization) -> None:
    account = organization.account(organization.contact(), deleted_at="now")
    task = organization.task(account_id=account)

    found = api.data(organization.viewer(), TASKS, filter={"accountId": {"eq": str(account)}})["tasks"]["nodes"]

    assert [str(task)] == [node["id"] for node in found]


STORED = ["pending", "scheduled", "completed", "cancelled", None, "", "PENDING", "unknown", "in_progress", "Erledigt"]
READ = ["PENDING", "SCHEDULED", "COMPLETED", "CANCELLED", *["UNKNOWN"] * 6]


@pytest.mark.parametrize(
    "wanted",
    [
        ["PENDING"],
        ["SCHEDULED", "PENDING", "PENDING"],
        ["COMPLETED", "CANCELLED"],
        ["UNKNOWN"],
        ["UNKNOWN", "COMPLETED"],
        ["PENDING", "SCHEDULED", "COMPLETED", "CANCELLED", "UNKNOWN"],
        [],
    ],
    ids="+".join,
)
def test_tasks_by_status_where_unknown_is_whatever_is_stored(
    api: Api, organization: Organization, wanted: list[str]
) -> None:
    organization.tasks([{"status": status} for status in STORED])

    found = api.data(organization.viewer(), TASKS, filter={"status": wanted})["tasks"]

    expected = sorted(status for status in READ if status in wanted)
    assert expected == sorted(node["status"] for node in found["nodes"])
    assert len(expected) == found["totalCount"]


@pytest.mark.parametrize(
    "filter_",
    [
        {"leadId": {"eq": "no-uuid"}},
        {"contactId": {"in": [str(UUID(int=7)), "no-uuid"]}},
        {"accountId": {"ne": ""}},
        {"assigneeId": {"eq": "%"}},
        {"leadId": {"in": [None]}},
        {"leadId": {"isNull": "yes"}},
        {"leadId": str(UUID(int=7))},
        {"status": ["DONE"]},
        {"status": [None]},
        {"links": {"only": ["USER"]}},
        {"unheardOf": True},
    ],
    ids=str,
)
def test_a_filter_that_cant_be_read_is_bad_user_input(
    api: Api, organization: Organization, filter_: dict[str, object]
) -> None:
    answer = api.ask(TASKS, {"filter": filter_}, viewer=organization.viewer())

    assert answer.status_code < 500
    assert ["BAD_USER_INPUT"] == [error["extensions"]["code"] for error in answer.json()["errors"]]


def test_a_list_of_identifiers_has_at_most_500(api: Api, filled: Filled) -> None:
    others = [str(uuid4()) for _ in range(499)]
    query = "query ($filter: TaskFilter) { tasks(filter: $filter) { totalCount } }"
    viewer = filled.organization.viewer()

    most = {"leadId": {"in": [*others, str(filled.lead)]}}
    assert 4 == api.data(viewer, query, filter=most)["tasks"]["totalCount"]
    assert ["LIMIT_EXCEEDED"] == api.codes(viewer, query, filter={"leadId": {"in": [*others, *others[:2]]}})
