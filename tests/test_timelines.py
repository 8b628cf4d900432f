"""Timelines: everything that happened or is planned with one lead, contact or account, the latest first."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.apis import Api
from tests.organizations import Organization, new_organization

TIMELINE = """
query ($record: RecordRef!, $first: Int, $after: String, $last: Int, $before: String) {
  timeline(record: $record, first: $first, after: $after, last: $last, before: $before) {
    totalCount
    edges { cursor node { __typename id kind subject occursAt leadId contactId accountId
                          ... on Task { status dueAt } ... on Activity { outcome } } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""

KINDS = ["lead", "contact", "account"]

# Fixed, because it is part of a test's name, which must be the same in each worker.
NOBODY = "5f0c3f1e-0000-4000-8000-000000000000"


def read(api: Api, organization: Organization, kind: str, id_: UUID, **page: object) -> Any:
    return api.data(organization.viewer(), TIMELINE, record={f"{kind}Id": str(id_)}, **page)["timeline"]


def ids(timeline: Any) -> list[str]:
    return [edge["node"]["id"] for edge in timeline["edges"]]


def subjects(timeline: Any) -> list[str]:
    return [edge["node"]["subject"] for edge in timeline["edges"]]


def record_of(organization: Organization, kind: str) -> UUID:
    match kind:
        case "lead":
            return organization.lead()
        case "contact":
            return organization.contact()
        case _:
            return organization.account(organization.contact())


@pytest.mark.parametrize("kind", KINDS)
def test_a_timeline_holds_what_is_linked_to_its_record_and_nothing_else(
    api: Api, organization: Organization, kind: str
) -> None:
    mine, other = record_of(organization, kind), record_of(organization, kind)
    column = f"{kind}_id"
    contact = organization.contact()
    organization.tasks(
        [
            {"subject": "task", column: mine, "interaction_type": "task"},
            {"subject": "call", column: mine, "interaction_type": "call"},
            {"subject": "of another", column: other, "interaction_type": "task"},
            {"subject": "of nobody", column: None, "interaction_type": "task"},
        ]
    )
    both: dict[str, object] = {column: mine}
    if kind != "account":
        both["account_id"] = organization.account(contact)
    organization.tasks([{"subject": "of both"} | both])

    timeline = read(api, organization, kind, mine)

    assert ["call", "of both", "task"] == sorted(subjects(timeline))
    assert 3 == timeline["totalCount"]
    assert {"task": "Task", "call": "Activity", "of both": "Task"} == {
        edge["node"]["subject"]: edge["node"]["__typename"] for edge in timeline["edges"]
    }


def test_the_latest_comes_first_and_the_id_breaks_ties(api: Api, organization: Organization) -> None:
    contact = organization.contact()
    same = "2026-01-05T00:00:00Z"
    times: list[tuple[str | None, str | None, str | None]] = [
        (None, None, "2026-01-01Z"),  # due, completed, recorded
        ("2026-01-09Z", None, "2026-01-01Z"),
        ("2026-01-09Z", "2026-01-02Z", "2026-01-01Z"),
        (None, "2026-01-07Z", "2026-01-08Z"),
        (same, None, None),
        (None, same, None),
        (None, None, same),
        (None, None, None),
        (None, None, None),
        ("infinity", None, None),
        ("20000-01-01", None, None),
        ("4000-01-01 BC", None, None),
        ("-infinity", None, None),
    ]
    organization.tasks(
        [{"contact_id": contact, "scheduled_at": t[0], "completed_at": t[1], "created_at": t[2]} for t in times]
    )

    timeline = read(api, organization, "contact", contact)

    sql = f"""SELECT id FROM lead_interactions WHERE contact_id = '{contact}'
               ORDER BY coalesce(completed_at, scheduled_at, created_at, '-infinity') DESC, id DESC"""
    assert [row["id"] for row in organization.owner.rows(sql)] == ids(timeline)
    instants = [edge["node"]["occursAt"] for edge in timeline["edges"]]
    assert sorted(instants, reverse=True) == instants
    # The first year holds what has no time at all, and what is older than any calendar that Python knows.
    assert 4 == instants.count("0001-01-01T00:00:00Z")


def test_sorts_of_interaction_that_nobody_knows_are_other(api: Api, organization: Organization) -> None:
    contact = organization.contact()
    stored = [
        "task",
        "call",
        "email",
        "meeting",
        "note",
        "sms",
        "whatsapp",
        "fax",
        "CALL",
        "other",
        "",
        "support ticket",
    ]
    organization.tasks([{"contact_id": contact, "interaction_type": kind, "subject": kind} for kind in stored])

    timeline = read(api, organization, "contact", contact)

    kinds = {edge["node"]["subject"]: edge["node"]["kind"] for edge in timeline["edges"]}
    assert {kind: kind.upper() if kind in stored[:7] else "OTHER" for kind in stored} == kinds
    assert {"Activity"} == {e["node"]["__typename"] for e in timeline["edges"] if e["node"]["kind"] != "TASK"}


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_timeline_has_no_cursors(api: Api, organization: Organization, kind: str) -> None:
    assert {
        "totalCount": 0,
        "edges": [],
        "pageInfo": {"hasNextPage": False, "hasPreviousPage": False, "startCursor": None, "endCursor": None},
    } == read(api, organization, kind, record_of(organization, kind))


def not_found(api: Api, organization: Organization, kind: str, id_: UUID) -> bool:
    """Return whether the timeline is NOT_FOUND, its own field null and the rest of the answer there."""
    query = TIMELINE.removesuffix("}") + " viewer { role } }"
    answer = api.ask(query, {"record": {f"{kind}Id": str(id_)}}, viewer=organization.viewer()).json()
    assert {"timeline": None, "viewer": {"role": "USER"}} == answer["data"]
    (error,) = answer["errors"]
    assert str(id_) in error["message"]
    return bool(["timeline"] == error["path"] and "NOT_FOUND" == error["extensions"]["code"])


@pytest.mark.parametrize("kind", KINDS)
def test_the_timeline_of_an_unknown_record_is_not_found(api: Api, organization: Organization, kind: str) -> None:
    assert not_found(api, organization, kind, uuid4())


@pytest.mark.parametrize("kind", KINDS)
def test_the_timeline_of_another_organizations_record_is_not_found(
    api: Api, organization: Organization, kind: str
) -> None:
    other = new_organization(organization.owner)
    record = record_of(other, kind)
    other.task(**{f"{kind}_id": record})

    assert not_found(api, organization, kind, record)


def test_the_timeline_of_a_deleted_account_is_not_found(api: Api, organization: Organization) -> None:
    account = organization.account(organization.contact(), deleted_at="now")
    organization.task(account_id=account)

    assert not_found(api, organization, "account", account)


@pytest.mark.parametrize(("kind", "other"), [("lead", "contact"), ("contact", "account"), ("account", "lead")])
def test_a_record_has_a_timeline_as_its_own_kind_only(
    api: Api, organization: Organization, kind: str, other: str
) -> None:
    assert not_found(api, organization, kind, record_of(organization, other))


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"leadId": None},
        {"leadId": NOBODY, "contactId": NOBODY},
        {"leadId": NOBODY, "contactId": None},
        {"leadId": ""},
        {"accountId": "no-uuid"},
        {"userId": NOBODY},
        None,
    ],
    ids=str,
)
def test_a_timeline_needs_exactly_one_record(
    api: Api, organization: Organization, record: dict[str, object] | None
) -> None:
    answer = api.ask(TIMELINE, {"record": record}, viewer=organization.viewer())

    assert answer.status_code < 500
    assert ["BAD_USER_INPUT"] == [error["extensions"]["code"] for error in answer.json()["errors"]]


@pytest.mark.parametrize("kind", KINDS)
def test_pages_join_without_gap_both_ways(api: Api, organization: Organization, kind: str) -> None:
    record = record_of(organization, kind)
    organization.tasks([{f"{kind}_id": record, "created_at": f"2026-01-0{1 + n % 3}Z"} for n in range(7)])
    whole = ids(read(api, organization, kind, record))

    first = read(api, organization, kind, record, first=3)
    second = read(api, organization, kind, record, first=3, after=first["pageInfo"]["endCursor"])
    third = read(api, organization, kind, record, first=3, after=second["pageInfo"]["endCursor"])
    back = read(api, organization, kind, record, last=3, before=third["pageInfo"]["startCursor"])
    end = read(api, organization, kind, record, last=2)

    assert whole == [*ids(first), *ids(second), *ids(third)]
    assert ids(second) == ids(back)
    assert whole[-2:] == ids(end)
    assert [(True, False), (True, True), (False, True), (True, True), (False, True)] == [
        (page["pageInfo"]["hasNextPage"], page["pageInfo"]["hasPreviousPage"])
        for page in (first, second, third, back, end)
    ]
    assert {7} == {page["totalCount"] for page in (first, second, third, back, end)}


def test_a_lost_account_is_shown_on_its_contacts_timeline(api: Api, organization: Organization) -> None:
    contact = organization.contact()
    account = organization.account(contact, deleted_at="now")
    organization.task(contact_id=contact, account_id=account)
    query = """query ($id: ID!) { timeline(record: {contactId: $id}) { edges { node {
      account { id } accountId links { kind } lost: links(includeLost: true) { kind state label } } } } }"""

    ((edge,)) = api.data(organization.viewer(), query, id=str(contact))["timeline"]["edges"]

    assert {
        "account": None,
        "accountId": str(account),
        "links": [{"kind": "CONTACT"}],
        "lost": [
            {"kind": "CONTACT", "state": "LINKED", "label": "Cora Contact"},
            {"kind": "ACCOUNT", "state": "LOST", "label": "Acme"},
        ],
    } == edge["node"]
