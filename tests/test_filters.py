"""Filters of `tasks`, by example: by linked record, by which kinds are linked, by assignee, by status, by words."""

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


@pytest.mark.parametrize(
    ("filter_", "expected"),
    [
        ({"and": []}, ALL),
        ({"or": []}, []),
        ({"not": {}}, []),
        ({"not": None, "and": None, "or": None}, ALL),
        ({"not": {"or": []}}, ALL),
        ({"or": [{}]}, ALL),
        ({"and": [{"links": {"all": ["LEAD"]}}, {"links": {"none": ["CONTACT"]}}]}, ["L", "LA"]),
        ({"or": [{"links": {"only": ["LEAD"]}}, {"links": {"only": []}}]}, ["L", "none"]),
        ({"or": {"links": {"only": ["LEAD"]}}}, ["L"]),
        ({"not": {"links": {"any": ["LEAD", "CONTACT"]}}}, ["A", "none"]),
        ({"not": {"not": {"links": {"only": ["LEAD"]}}}}, ["L"]),
        ({"links": {"all": ["LEAD"]}, "or": [{"links": {"all": ["ACCOUNT"]}}]}, ["LA", "LCA"]),
        ({"not": {"dueAt": {"gt": "2026-01-01T00:00:00Z"}}}, ALL),
    ],
    ids=str,
)
def test_filters_combine(api: Api, filled: Filled, filter_: dict[str, object], expected: list[str]) -> None:
    assert expected == filled.found(api, filter_)


def test_what_a_filter_of_a_record_asks_is_asked_of_one_that_is_there(api: Api, organization: Organization) -> None:
    contact = organization.contact()
    accounts = {
        "living": organization.account(contact, account_name="Acme", account_status="active"),
        "deleted": organization.account(contact, account_name="Acme, old", account_status="active", deleted_at="now"),
    }
    organization.tasks([{"subject": name, "account_id": id_} for name, id_ in accounts.items()])
    organization.tasks([{"subject": "unlinked"}])

    def found(**filter_: object) -> list[str]:
        nodes = api.data(organization.viewer(), TASKS, filter=filter_)["tasks"]["nodes"]
        return sorted(node["subject"] for node in nodes)

    assert ["living"] == found(account={"search": "acme"})
    assert ["living"] == found(account={"status": ["active"]})
    assert ["living"] == found(account={"ownerId": {"isNull": True}})
    assert ["deleted", "unlinked"] == found(links={"none": ["ACCOUNT"]})
    assert ["deleted", "unlinked"] == found(orphan=True)
    assert ["living"] == found(orphan=False)
    # A lost link keeps its identifier.
    assert ["deleted"] == found(account={"id": {"eq": str(accounts["deleted"])}})
    assert ["deleted"] == found(account={"id": {"ne": str(accounts["living"])}})
    assert ["deleted", "living"] == found(accountId={"isNull": False})
    assert [] == found(account={"id": {"isNull": True}})
    assert ["deleted", "living", "unlinked"] == found(account={"search": " ", "id": {}, "ownerId": {}})


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        ("call", ["1", "2"]),
        ("CALL anna", ["1", "2"]),
        ("ann", ["1", "2"]),
        ("nna", []),
        ("lena", ["2"]),
        ("anna-lena", ["2"]),
        ("call offer", ["2"]),
        ("offer.", ["2"]),
        ("100%", ["3"]),
        ("10%", []),
        ("", ["1", "2", "3", "4"]),
        (" \t", ["1", "2", "3", "4"]),
    ],
)
def test_every_word_must_begin_a_word_of_subject_or_description(
    api: Api, organization: Organization, search: str, expected: list[str]
) -> None:
    texts = [("Call Anna", None), ("call ANNA-LENA", "about the\noffer."), ("100% done", ""), (None, None)]
    organization.tasks([{"subject": s, "description": d, "priority": str(n)} for n, (s, d) in enumerate(texts, 1)])
    query = "query ($filter: TaskFilter) { tasks(filter: $filter) { nodes { id } } }"
    sql = f"SELECT id, priority FROM lead_interactions WHERE organization_id = '{organization.id}'"
    numbers = {row["id"]: row["priority"] for row in organization.owner.rows(sql)}

    found = api.data(organization.viewer(), query, filter={"search": search})["tasks"]["nodes"]

    assert expected == sorted(numbers[node["id"]] for node in found)


def test_overdue_is_what_is_open_and_was_due(api: Api, organization: Organization) -> None:
    rows = [
        (status, due)
        for status in ("pending", "scheduled", "completed", "cancelled", None, "done")
        for due in ("2020-01-01Z", "-infinity", "2099-01-01Z", "infinity", None)
    ]
    organization.tasks([{"status": status, "scheduled_at": due} for status, due in rows])
    query = "query ($filter: TaskFilter) { tasks(filter: $filter) { nodes { status isOverdue } } }"

    overdue = api.data(organization.viewer(), query, filter={"overdue": True})["tasks"]["nodes"]
    others = api.data(organization.viewer(), query, filter={"overdue": False})["tasks"]["nodes"]

    assert (4, {True}) == (len(overdue), {node["isOverdue"] for node in overdue})
    assert (len(rows) - 4, {False}) == (len(others), {node["isOverdue"] for node in others})


def test_a_list_of_identifiers_has_at_most_500(api: Api, filled: Filled) -> None:
    others = [str(uuid4()) for _ in range(499)]
    query = "query ($filter: TaskFilter) { tasks(filter: $filter) { totalCount } }"
    viewer = filled.organization.viewer()

    most = {"leadId": {"in": [*others, str(filled.lead)]}}
    assert 4 == api.data(viewer, query, filter=most)["tasks"]["totalCount"]
    assert ["LIMIT_EXCEEDED"] == api.codes(viewer, query, filter={"leadId": {"in": [*others, *others[:2]]}})
