"""createTasks: up to 100 tasks at once, all or none, or each on its own."""

import threading
from collections.abc import Mapping
from itertools import product
from typing import Any
from uuid import uuid4

import pytest

from resolvers.viewers import Role
from tests.apis import Api
from tests.new_tasks import CREATE_ALL, create, create_all, stored
from tests.organizations import Organization, new_organization

LONG_AGO, FAR_AHEAD = "2001-02-03T04:05:06Z", "2999-02-03T04:05:06Z"


def refusals(result: Mapping[str, Any]) -> list[tuple[str, list[str] | None]]:
    """Return type and path of each refusal of an item, after checking that it has no task."""
    assert result["task"] is None
    assert all(error["message"].endswith(".") for error in result["errors"])
    return [(error["__typename"], error["path"]) for error in result["errors"]]


def subjects(organization: Organization) -> list[str]:
    return sorted(row["subject"] for row in stored(organization))


@pytest.fixture
def mixed(organization: Organization) -> list[dict[str, Any]]:
    """Five tasks, of which the first, the third and the last can be created."""
    contact = str(organization.contact())
    return [
        {"subject": "A", "contactId": contact},
        {"subject": " ", "contactId": contact},
        {"subject": "C", "contactId": contact},
        {"subject": "D", "contactId": str(uuid4())},
        {"subject": "E", "contactId": contact},
    ]


@pytest.mark.parametrize("atomic", [True, False])
def test_tasks_are_created_and_answered_in_the_order_given(api: Api, organization: Organization, atomic: bool) -> None:
    contact = organization.contact()
    links: list[dict[str, str]] = [
        {"leadId": str(organization.lead())},
        {"contactId": str(contact)},
        {"accountId": str(organization.account(contact))},
    ]
    items: list[dict[str, str]] = [
        {"subject": f"Task {n}", "clientMutationId": f"mine {n}"} | links[n % 3] for n in range(9)
    ]

    payload = create_all(api, organization.viewer(), items, atomic=atomic)

    assert (9, 0) == (payload["succeeded"], payload["failed"])
    for item, result in zip(items, payload["results"], strict=True):
        assert ([], False, item["clientMutationId"]) == (
            result["errors"],
            result["replayed"],
            result["clientMutationId"],
        )
        assert item["subject"] == result["task"]["subject"]
        assert links[items.index(item) % 3].items() <= result["task"].items()
    assert subjects(organization) == [item["subject"] for item in items]


def test_each_field_is_kept(api: Api, organization: Organization) -> None:
    colleague, contact = organization.user(), organization.contact()
    items = [
        {"contactId": str(contact), "subject": " a ", "dueAt": FAR_AHEAD, "priority": "HIGH"},
        {"contactId": str(contact), "subject": "b", "dueAt": LONG_AGO, "assigneeId": str(colleague)},
        {"contactId": str(contact), "subject": "c", "description": "long\n"},
    ]

    create_all(api, organization.viewer(), items)

    rows = {row["subject"]: row for row in stored(organization)}
    kept = [(row["status"], row["priority"], row["user_id"], row["description"]) for _, row in sorted(rows.items())]
    me = str(organization.user_id)
    assert [
        ("scheduled", "high", me, None),
        ("pending", "medium", str(colleague), None),
        ("pending", "medium", me, "long\n"),
    ] == kept
    assert {me} == {row["created_by"] for row in rows.values()}


def test_no_tasks_are_created_of_none(api: Api, organization: Organization) -> None:
    assert {"results": [], "succeeded": 0, "failed": 0} == create_all(api, organization.viewer(), [])


def test_a_hundred_and_no_more_are_created_at_once(api: Api, organization: Organization) -> None:
    item = {"subject": "x", "contactId": str(organization.contact())}

    assert ["LIMIT_EXCEEDED"] == api.codes(organization.viewer(), CREATE_ALL, input=[item] * 101)
    assert [] == stored(organization)
    assert 100 == create_all(api, organization.viewer(), [item] * 100)["succeeded"]


@pytest.mark.parametrize("atomic", [True, False])
def test_each_comes_to_the_log_with_the_caller_s_own_text(api: Api, organization: Organization, atomic: bool) -> None:
    item = {"subject": "x", "contactId": str(organization.contact())}
    texts = ["b", None, "a ü '", "b", ""]

    payload = create_all(
        api, organization.viewer(), [item | {"clientMutationId": text} for text in texts], atomic=atomic
    )

    lines = organization.owner.rows(
        f"SELECT interaction_id, client_mutation_id FROM taskline_events WHERE organization_id = '{organization.id}'"
    )
    logged = {line["interaction_id"]: line["client_mutation_id"] for line in lines}
    assert ["b", None, "a ü '", "b", None] == [logged[result["task"]["id"]] for result in payload["results"]]


def test_a_text_that_is_too_long_is_refused(api: Api, organization: Organization) -> None:
    item = {"subject": "x", "contactId": str(organization.contact()), "clientMutationId": "x" * 256}

    assert ["LIMIT_EXCEEDED"] == api.codes(organization.viewer(), CREATE_ALL, input=[item])
    assert [] == stored(organization)


def cost(api: Api, organization: Organization, items: list[dict[str, Any]], *, atomic: bool) -> int:
    answer = api.ask(CREATE_ALL, {"input": items, "atomic": atomic}, viewer=organization.viewer()).json()
    assert "errors" not in answer, answer["errors"]
    statements: int = answer["extensions"]["cost"]["statements"]
    return statements


@pytest.mark.parametrize("atomic", [True, False])
def test_many_cost_as_many_statements_as_one(api: Api, organization: Organization, atomic: bool) -> None:
    contact = str(organization.contact())
    good = {"subject": "x", "contactId": contact}
    bad = {"subject": "x", "contactId": contact, "leadId": str(uuid4())}

    assert [1, 1] == [cost(api, organization, [good] * size, atomic=atomic) for size in (1, 100)]
    assert [2, 2] == [cost(api, organization, [good, bad] * size, atomic=atomic) for size in (1, 50)]


def test_one_that_cant_be_created_keeps_all_others_from_it(
    api: Api, organization: Organization, mixed: list[dict[str, Any]]
) -> None:
    payload = create_all(api, organization.viewer(), mixed)

    assert (0, 5) == (payload["succeeded"], payload["failed"])
    assert [
        [("ValidationError", ["input", "0"])],
        [("ValidationError", ["input", "1", "subject"])],
        [("ValidationError", ["input", "2"])],
        [("RecordNotFoundError", ["input", "3", "contactId"])],
        [("ValidationError", ["input", "4"])],
    ] == [refusals(result) for result in payload["results"]]
    assert "items 1, 3 were refused" in payload["results"][0]["errors"][0]["message"]
    assert [] == stored(organization)


def test_a_record_that_isnt_there_takes_back_what_was_created_with_it(
    api: Api, organization: Organization, mixed: list[dict[str, Any]]
) -> None:
    payload = create_all(api, organization.viewer(), [mixed[0], mixed[3]])

    assert [[("ValidationError", ["input", "0"])], [("RecordNotFoundError", ["input", "1", "contactId"])]] == [
        refusals(result) for result in payload["results"]
    ]
    assert "item 1 was refused" in payload["results"][0]["errors"][0]["message"]
    assert [] == stored(organization)


def test_without_atomic_each_is_created_or_refused_by_itself(
    api: Api, organization: Organization, mixed: list[dict[str, Any]]
) -> None:
    payload = create_all(api, organization.viewer(), mixed, atomic=False)

    assert (3, 2) == (payload["succeeded"], payload["failed"])
    assert ["A", None, "C", None, "E"] == [
        result["task"] and result["task"]["subject"] for result in payload["results"]
    ]
    assert [("ValidationError", ["input", "1", "subject"])] == refusals(payload["results"][1])
    assert [("RecordNotFoundError", ["input", "3", "contactId"])] == refusals(payload["results"][3])
    assert ["A", "C", "E"] == subjects(organization)


def test_atomic_is_the_default_and_what_null_means(
    api: Api, organization: Organization, mixed: list[dict[str, Any]]
) -> None:
    query = CREATE_ALL.replace(", $atomic: Boolean", "").replace(", atomic: $atomic", "")

    assert 0 == api.data(organization.viewer(), query, input=mixed)["createTasks"]["succeeded"]
    assert 0 == api.data(organization.viewer(), CREATE_ALL, input=mixed, atomic=None)["createTasks"]["succeeded"]
    assert [] == stored(organization)


def test_every_reference_is_verified_in_the_organization(api: Api, organization: Organization) -> None:
    theirs = new_organization(organization.owner)
    contact = theirs.contact()
    deleted = organization.account(organization.contact(), deleted_at="now")
    foreign = {
        "leadId": theirs.lead(),
        "contactId": contact,
        "accountId": theirs.account(contact),
        "assigneeId": theirs.user(),
    }
    own = str(organization.contact())
    items = [{"contactId": own} | {name: str(id_)} for name, id_ in foreign.items()]
    items.append({"contactId": own, "accountId": str(deleted)})

    payload = create_all(api, organization.viewer(), items, atomic=False)

    assert [*foreign, "accountId"] == [result["errors"][0]["path"][-1] for result in payload["results"]]
    assert ["LEAD", "CONTACT", "ACCOUNT", None, "ACCOUNT"] == [
        result["errors"][0]["kind"] for result in payload["results"]
    ]
    assert [] == stored(organization)


@pytest.mark.parametrize("atomic", [True, False])
def test_all_reasons_of_an_item_are_named_at_once(api: Api, organization: Organization, atomic: bool) -> None:
    items: list[dict[str, Any]] = [{"subject": ""}, {"leadId": str(uuid4()), "contactId": str(uuid4())}]

    payload = create_all(api, organization.viewer(), items, atomic=atomic)

    assert [
        [("ValidationError", ["input", "0", "subject"]), ("LinkRequiredError", ["input", "0"])],
        [("RecordNotFoundError", ["input", "1", "leadId"]), ("RecordNotFoundError", ["input", "1", "contactId"])],
    ] == [refusals(result) for result in payload["results"]]


@pytest.mark.parametrize("atomic", [True, False])
def test_a_viewer_may_create_nothing(api: Api, organization: Organization, atomic: bool) -> None:
    items = [{"contactId": str(organization.contact())}] * 2

    payload = create_all(api, organization.viewer(Role.VIEWER), items, atomic=atomic)

    assert [("ForbiddenError", ["input", "1"])] == refusals(payload["results"][1])
    assert (2, []) == (payload["failed"], stored(organization))


def test_what_cant_be_read_says_of_which_item(api: Api, organization: Organization) -> None:
    items = [{"subject": "x", "contactId": str(organization.contact())}, {"subject": "x", "contactId": "7"}]

    (error,) = api.ask(CREATE_ALL, {"input": items}, viewer=organization.viewer()).json()["errors"]

    assert ("BAD_USER_INPUT", True) == (error["extensions"]["code"], "Item 1 of input" in error["message"])
    assert [] == stored(organization)


@pytest.mark.parametrize("atomic", [True, False])
def test_an_item_can_be_checked_alone(api: Api, organization: Organization, atomic: bool) -> None:
    contact = str(organization.contact())
    items: list[dict[str, object]] = [
        {"contactId": contact, "subject": "written"},
        {"contactId": contact, "subject": "checked", "validateOnly": True},
    ]

    payload = create_all(api, organization.viewer(), items, atomic=atomic)

    assert ["written", None] == [result["task"] and result["task"]["subject"] for result in payload["results"]]
    assert (2, ["written"]) == (payload["succeeded"], subjects(organization))


@pytest.mark.slow
def test_each_item_is_answered_as_if_it_came_alone(api: Api, organization: Organization) -> None:
    """Every combination of good and bad values, in one list and one by one."""
    contact = organization.contact()
    ids: dict[str, list[str | None]] = {
        "leadId": [None, str(organization.lead()), str(uuid4())],
        "contactId": [None, str(contact), str(new_organization(organization.owner).contact())],
        "accountId": [None, str(organization.account(contact, deleted_at="now"))],
        "assigneeId": [None, str(organization.user()), str(uuid4())],
    }
    values = product(["", " x ", "y" * 256], *ids.values())
    items = [dict(zip(("subject", *ids), one, strict=True)) for one in values]
    together = []

    alone = [reasons(create(api, organization.viewer(), **item), []) for item in items]
    for start in range(0, len(items), 100):
        results = create_all(api, organization.viewer(), items[start : start + 100], atomic=False)["results"]
        together += [reasons(result, [str(number)]) for number, result in enumerate(results)]

    assert 162 == len(items)
    assert alone == together
    assert ["x"] * 2 * alone.count([]) == subjects(organization)


def reasons(payload: Mapping[str, Any], at: list[str]) -> list[tuple[str, str, list[str]]]:
    """Return type, message and path within the item of each refusal."""
    inside = ["input", *at]
    assert all((error["path"] or inside)[: len(inside)] == inside for error in payload["errors"])
    return [
        (error["__typename"], error["message"], (error["path"] or inside)[len(inside) :]) for error in payload["errors"]
    ]


class Deletion:
    """A contact that somebody is deleting while tasks are created for it and for another one."""

    def __init__(self, organization: Organization) -> None:
        self.going, self.staying = organization.contact(), organization.contact()
        self.organization = organization
        self.payload: Any = None

    def during(self, api: Api, *, atomic: bool) -> Any:
        """Create tasks for both, which waits for the deletion, and let it be committed then."""
        items = [{"contactId": str(id_)} for id_ in (self.staying, self.going, self.staying)]

        def create() -> None:
            self.payload = create_all(api, self.organization.viewer(), items, atomic=atomic)

        owner = self.organization.owner
        thread = threading.Thread(target=create)
        with owner.transaction(f"DELETE FROM contacts WHERE id = '{self.going}'"):
            thread.start()
            owner.wait_for_waiters()
            owner.run("COMMIT")
        thread.join()
        return self.payload


@pytest.fixture
def deletion(organization: Organization) -> Deletion:
    return Deletion(organization)


def test_a_record_deleted_at_that_moment_is_missing_from_its_own_task_alone(api: Api, deletion: Deletion) -> None:
    payload = deletion.during(api, atomic=False)

    assert (2, 1) == (payload["succeeded"], payload["failed"])
    assert [("RecordNotFoundError", ["input", "1", "contactId"])] == refusals(payload["results"][1])
    assert 2 == len(stored(deletion.organization))


def test_a_record_deleted_at_that_moment_keeps_all_from_being_created(api: Api, deletion: Deletion) -> None:
    payload = deletion.during(api, atomic=True)

    assert (0, 3) == (payload["succeeded"], payload["failed"])
    assert [("RecordNotFoundError", ["input", "1", "contactId"])] == refusals(payload["results"][1])
    assert "item 1 was refused" in payload["results"][0]["errors"][0]["message"]
    assert [] == stored(deletion.organization)
