"""What can be asked of a timeline: what it costs, which cursors fit, and what is refused."""

import json
from typing import Any

import pytest

from tests.apis import Api
from tests.organizations import Organization

NOBODY = "5f0c3f1e-0000-4000-8000-000000000000"
ARGUMENTS = """record: $record, includeRelated: $related, filter: $filter, at: $at, timeZone: $zone,
           first: $first, after: $after, last: $last, before: $before"""
VARIABLES = """$record: RecordRef!, $related: Boolean, $filter: TimelineFilter, $at: DateTime, $zone: TimeZone,
       $first: Int, $after: String, $last: Int, $before: String"""
TIMELINE = f"""query ({VARIABLES}) {{ timeline({ARGUMENTS}) {{
  totalCount edges {{ cursor node {{ id subject }} via {{ kind isDirect record {{ id displayName }} }} }}
  pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} }} }}"""


def read(api: Api, organization: Organization, **asked: object) -> Any:
    return api.data(organization.viewer(), TIMELINE, **asked)["timeline"]


def subjects(timeline: Any) -> list[str]:
    return [edge["node"]["subject"] for edge in timeline["edges"]]


def related(organization: Organization, size: int) -> dict[str, str]:
    """A contact with this many accounts and leads, and three interactions on each of them and on itself."""
    contact = organization.contact()
    accounts = [organization.account(contact, account_name=f"Account {number}") for number in range(size)]
    leads = [organization.lead(linked_contact_id=contact) for _ in range(size)]
    nothing: dict[str, object] = {"contact_id": None, "account_id": None, "lead_id": None}
    links = [
        {"contact_id": contact},
        *({"account_id": account} for account in accounts),
        *({"lead_id": lead} for lead in leads),
    ]
    organization.tasks([nothing | link for link in links for _ in range(3)])
    return {"contactId": str(contact)}


@pytest.mark.parametrize(
    ("selected", "expected"),
    [
        ("edges { node { id } via { kind isDirect } } pageInfo { hasNextPage }", 2),
        ("totalCount edges { node { id } }", 3),
        ("edges { node { id } via { record { displayName } } }", 4),
        ("groups(by: STATUS) { count }", 3),
        ("groups(by: MONTH) { count } totalCount", 5),
    ],
)
@pytest.mark.parametrize("size", [1, 8])
def test_a_timeline_costs_the_same_however_much_hangs_on_related_records(
    api: Api, organization: Organization, size: int, selected: str, expected: int
) -> None:
    query = f"""query ($record: RecordRef!) {{
      timeline(record: $record, includeRelated: true, first: 200) {{ {selected} }} }}"""
    variables = {"record": related(organization, size)}

    answer = api.ask(query, variables, viewer=organization.viewer()).json()

    assert "errors" not in answer
    assert len(answer["data"]["timeline"].get("edges") or [0]) in (1, 3 + 6 * size)
    assert expected == answer["extensions"]["cost"]["statements"]


@pytest.mark.parametrize("size", [1, 12])
def test_timelines_of_many_records_cost_one_statement_each_level(
    api: Api, organization: Organization, size: int
) -> None:
    timeline = """timeline(first: 2, includeRelated: true) {
      totalCount groups(by: DAY) { count } edges { node { id } via { isDirect } } }"""
    contacts = [organization.contact(first_name="Many") for _ in range(size)]
    for contact in contacts:
        account = organization.account(contact)
        organization.tasks([{"contact_id": contact}, {"contact_id": contact}, {"contact_id": contact}])
        organization.task(account_id=account, created_at="infinity")
    query = f'{{ searchRecords(search: "many", first: 50) {{ id ... on Contact {{ {timeline} }} }} }}'

    answer = api.ask(query, viewer=organization.viewer()).json()

    found = {record["id"]: record["timeline"] for record in answer["data"]["searchRecords"]}
    assert {str(contact) for contact in contacts} == set(found)
    for shown in found.values():
        assert (4, [False, True]) == (shown["totalCount"], [edge["via"][0]["isDirect"] for edge in shown["edges"]])
        assert [1, 3] == [group["count"] for group in shown["groups"]]
    # The search and its records: 2. Pages and counts: 2. Groups by days, the last of which is far away: 3.
    assert 7 == answer["extensions"]["cost"]["statements"]


def test_a_records_timeline_is_paged_as_the_one_of_the_query(api: Api, organization: Organization) -> None:
    contact = organization.contact()
    organization.tasks([{"contact_id": contact, "subject": s, "created_at": f"2026-01-0{9 - int(s)}Z"} for s in "1234"])
    query = """query ($id: ID!, $after: String) { contact(id: $id) { timeline(first: 2, after: $after) {
      edges { node { subject } } pageInfo { endCursor } } } }"""

    first = api.data(organization.viewer(), query, id=str(contact))["contact"]["timeline"]
    cursor = first["pageInfo"]["endCursor"]
    second = api.data(organization.viewer(), query, id=str(contact), after=cursor)["contact"]["timeline"]
    other = read(api, organization, record={"contactId": str(contact)}, after=cursor)

    assert (["1", "2"], ["3", "4"], ["3", "4"]) == (subjects(first), subjects(second), subjects(other))


def test_what_hangs_on_a_deleted_account_comes_by_its_other_links_alone(api: Api, organization: Organization) -> None:
    contact = organization.contact()
    account = organization.account(contact)
    organization.tasks(
        [
            {"account_id": account, "contact_id": None, "subject": "of the account"},
            {"account_id": account, "contact_id": contact, "subject": "of both"},
        ]
    )
    record = {"contactId": str(contact)}
    before = read(api, organization, record=record, related=True)

    organization.owner.run(f"UPDATE accounts SET deleted_at = now() WHERE id = '{account}'")
    after = read(api, organization, record=record, related=True)

    assert {"of the account": ["ACCOUNT"], "of both": ["CONTACT", "ACCOUNT"]} == reasons(before)
    assert {"of both": ["CONTACT"]} == reasons(after)
    assert 1 == after["totalCount"]


def reasons(timeline: Any) -> dict[str, list[str]]:
    return {edge["node"]["subject"]: [match["kind"] for match in edge["via"]] for edge in timeline["edges"]}


def test_records_related_to_related_ones_are_too_far_away(api: Api, organization: Organization) -> None:
    contact = organization.contact()
    account, other = organization.account(contact), organization.account(contact, account_name="Other")
    lead = organization.lead(linked_contact_id=contact)
    nothing: dict[str, object] = {"contact_id": None, "account_id": None, "lead_id": None}
    links: list[dict[str, object]] = [
        {"contact_id": contact, "subject": "contact"},
        {"account_id": account, "subject": "account"},
        {"account_id": other, "subject": "other account"},
        {"lead_id": lead, "subject": "lead"},
    ]
    organization.tasks([nothing | link for link in links])

    of_account = read(api, organization, record={"accountId": str(account)}, related=True)
    of_lead = read(api, organization, record={"leadId": str(lead)}, related=True)

    assert ["account", "contact"] == sorted(subjects(of_account))
    assert ["contact", "lead"] == sorted(subjects(of_lead))


def test_each_entry_is_asked_for_its_own_links(api: Api, organization: Organization) -> None:
    contact = organization.contact()
    account = organization.account(contact)
    organization.tasks(
        [
            {"contact_id": contact, "account_id": None, "subject": "contact"},
            {"contact_id": contact, "account_id": account, "subject": "both"},
        ]
    )

    for related in (False, True):
        found = read(
            api,
            organization,
            record={"contactId": str(contact)},
            related=related,
            filter={"links": {"all": ["ACCOUNT"]}},
        )
        assert (["both"], 1) == (subjects(found), found["totalCount"])


def test_an_empty_list_in_a_filter_finds_nothing(api: Api, organization: Organization) -> None:
    contact = organization.contact()
    organization.task(contact_id=contact)
    record = {"contactId": str(contact)}

    nothings: list[dict[str, object]] = [
        {"kinds": []},
        {"status": []},
        {"links": {"any": []}},
        {"assigneeId": {"in": []}},
    ]
    anythings: list[dict[str, object] | None] = [
        {},
        None,
        {"kinds": None},
        {"search": " "},
        {"assigneeId": {}},
        {"links": {"none": []}},
    ]

    for nothing in nothings:
        assert [] == subjects(read(api, organization, record=record, filter=nothing))
    for anything in anythings:
        assert ["Call"] == subjects(read(api, organization, record=record, filter=anything))


@pytest.mark.parametrize(
    "other",
    [
        {"related": True},
        {"filter": {"kinds": ["CALL"]}},
        {"filter": {"search": "x"}},
        {"filter": {"occursAt": {"gte": "2026-01-01T00:00:00Z"}}},
        {"record": "another"},
        {"record": "account"},
    ],
    ids=str,
)
def test_a_cursor_fits_the_timeline_that_gave_it_alone(
    api: Api, organization: Organization, other: dict[str, object]
) -> None:
    contact = organization.contact()
    account = organization.account(contact)
    organization.tasks([{"contact_id": contact, "account_id": account}] * 2)
    record = {"contactId": str(contact)}
    cursor = read(api, organization, record=record, first=1)["pageInfo"]["endCursor"]
    records = {"another": {"contactId": str(organization.contact())}, "account": {"accountId": str(account)}}
    asked = {"record": record} | other
    if isinstance(asked["record"], str):
        asked["record"] = records[asked["record"]]

    assert ["BAD_USER_INPUT"] == api.codes(organization.viewer(), TIMELINE, **asked, after=cursor)
    assert ["BAD_USER_INPUT"] == api.codes(organization.viewer(), TIMELINE, **asked, before=cursor, last=1)


def test_a_cursor_fits_whatever_the_zone_and_however_the_same_filter_is_written(
    api: Api, organization: Organization
) -> None:
    contact = organization.contact()
    organization.tasks([{"contact_id": contact, "interaction_type": "call"}] * 3)
    record = {"contactId": str(contact)}
    given = {"kinds": ["CALL", "TASK"], "search": None}
    same = {"kinds": ["TASK", "CALL", "CALL"], "status": None, "assigneeId": None}
    cursor = read(api, organization, record=record, filter=given, first=1)["pageInfo"]["endCursor"]

    found = read(api, organization, record=record, filter=same, after=cursor, zone="Asia/Kathmandu", related=False)

    assert 2 == len(found["edges"])


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"at": "2026-01-01T00:00:00Z", "after": "cursor"}, "BAD_USER_INPUT"),
        ({"at": "2026-01-01T00:00:00Z", "before": "cursor"}, "BAD_USER_INPUT"),
        ({"at": "2026-01-01T00:00:00"}, "BAD_USER_INPUT"),
        ({"at": "2026-01-01"}, "BAD_USER_INPUT"),
        ({"at": "0000-01-01T00:00:00Z"}, "BAD_USER_INPUT"),
        ({"at": "10000-01-01T00:00:00Z"}, "BAD_USER_INPUT"),
        ({"at": "2026-12-31T23:59:60Z"}, "BAD_USER_INPUT"),
        ({"at": "infinity"}, "BAD_USER_INPUT"),
        ({"at": "2026-01-01T00:00:00Z\0"}, "BAD_USER_INPUT"),
        ({"at": 5}, "BAD_USER_INPUT"),
        ({"related": "yes"}, "BAD_USER_INPUT"),
        ({"related": 1}, "BAD_USER_INPUT"),
        ({"zone": "Nowhere/Here"}, "BAD_USER_INPUT"),
        ({"filter": {"kinds": ["FAX"]}}, "BAD_USER_INPUT"),
        ({"filter": {"kinds": ["call"]}}, "BAD_USER_INPUT"),
        ({"filter": {"kinds": [None]}}, "BAD_USER_INPUT"),
        ({"filter": {"status": ["DONE"]}}, "BAD_USER_INPUT"),
        ({"filter": {"assigneeId": {"eq": "me"}}}, "BAD_USER_INPUT"),
        ({"filter": {"assigneeId": {"in": ["me"]}}}, "BAD_USER_INPUT"),
        ({"filter": {"assigneeId": {"in": [NOBODY] * 501}}}, "LIMIT_EXCEEDED"),
        ({"filter": {"search": "a\0b"}}, "BAD_USER_INPUT"),
        ({"filter": {"search": "a " * 11}}, "BAD_USER_INPUT"),
        ({"filter": {"search": "a" * 10_000}}, "BAD_USER_INPUT"),
        ({"filter": {"search": 5}}, "BAD_USER_INPUT"),
        ({"filter": {"occursAt": {"gte": "yesterday"}}}, "BAD_USER_INPUT"),
        ({"filter": {"kinds": ["CALL"] * 501}}, "LIMIT_EXCEEDED"),
        ({"filter": {"colour": "red"}}, "BAD_USER_INPUT"),
        ({"filter": []}, "BAD_USER_INPUT"),
        ({"first": 201}, "LIMIT_EXCEEDED"),
        ({"first": -1, "at": "2026-01-01T00:00:00Z"}, "BAD_USER_INPUT"),
        ({"first": 1, "last": 1, "at": "2026-01-01T00:00:00Z"}, "BAD_USER_INPUT"),
        ({"after": "A" * 5_000}, "BAD_USER_INPUT"),
        ({"after": "\ud800"}, "BAD_USER_INPUT"),
    ],
    ids=lambda value: ascii(value)[:50],
)
def test_what_cant_be_asked_of_a_timeline_is_refused(
    api: Api, organization: Organization, asked: dict[str, object], code: str
) -> None:
    contact = organization.contact()
    organization.task(contact_id=contact)
    record = {"contactId": str(contact)}
    cursor = read(api, organization, record=record)["pageInfo"]["endCursor"]
    given = {name: cursor if value == "cursor" else value for name, value in asked.items()}

    answer = api.client.post(
        "/graphql",
        content=json.dumps({"query": TIMELINE, "variables": {"record": record, **given}}),
        headers=api.headers({"Content-Type": "application/json"}, viewer=organization.viewer()),
    )

    assert answer.status_code < 500
    assert [code] == [error["extensions"]["code"] for error in answer.json()["errors"]]
    assert not (answer.json().get("data") or {}).get("timeline")


def test_words_of_any_script_can_be_searched(api: Api, organization: Organization) -> None:
    contact = organization.contact()
    rows = ["🙂 smile", "İstanbul", "Ünal ruft", "100%", "a_b"]
    organization.tasks([{"contact_id": contact, "subject": subject} for subject in rows])

    def found(search: str) -> list[str]:
        return subjects(read(api, organization, record={"contactId": str(contact)}, filter={"search": search}))

    assert [["🙂 smile"], ["İstanbul"], ["Ünal ruft"], ["100%"], ["a_b"], []] == [
        found(search) for search in ("🙂", "İst", "ruft ünal", "100%", "a_", "a%")
    ]
