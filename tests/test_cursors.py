"""Cursors that were changed, forged or taken from elsewhere: refused, or a harmless place in the same list."""

import base64
import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.apis import Api
from tests.organizations import Organization, new_organization
from tests.owners import Owner

TASKS = "query ($after: String) { list: tasks(after: $after) { edges { cursor } } }"


@pytest.fixture(scope="module")
def filled(owner: Owner) -> Organization:
    """An organization with three tasks, of which one has no due date, on one contact."""
    organization = new_organization(owner)
    contact = organization.contact(id=uuid4())
    dates = ["2026-01-01Z", "2026-01-02Z", None]
    organization.tasks([{"contact_id": contact, "scheduled_at": date} for date in dates])
    return organization


@pytest.fixture(scope="module")
def cursors(api: Api, filled: Organization) -> list[str]:
    return [edge["cursor"] for edge in api.data(filled.viewer(), TASKS)["list"]["edges"]]


def opened(cursor: str) -> list[Any]:
    content: list[Any] = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    return content


def closed(content: object) -> str:
    text = content if isinstance(content, str) else json.dumps(content)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def codes(api: Api, organization: Organization, cursors: Sequence[str], argument: str = "after") -> list[str | None]:
    """Ask for the tasks after each cursor, all in one request, and return each one's error code."""
    names = [f"a{number}" for number in range(len(cursors))]
    declared = ", ".join(f"${name}: String" for name in names)
    fields = " ".join(f"{name}: tasks({argument}: ${name}) {{ nodes {{ id }} }}" for name in names)
    variables = dict(zip(names, cursors, strict=True))

    answer = api.ask(f"query ({declared}) {{ {fields} }}", variables, viewer=organization.viewer())

    assert answer.status_code < 500
    body = answer.json()
    failed = {error["path"][0]: error["extensions"]["code"] for error in body.get("errors", [])}
    assert [name in failed for name in names] == [body["data"][name] is None for name in names]
    return [failed.get(name) for name in names]


def test_a_cursor_is_opaque_text_that_fits_in_an_address(cursors: list[str]) -> None:
    assert all(
        set(cursor) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") for cursor in cursors
    )


MALFORMED = [
    "",
    "x",
    "@@",
    "null",
    "∞",
    "A" * 100,
    "A" * 5_000,
    closed(""),
    closed("null"),
    closed("7"),
    closed("{}"),
    closed('{"a": 1, "b": 2, "c": 3}'),
    closed('"abc"'),
    closed("[" * 2_900),
    closed("[1e999, NaN, Infinity]"),
    closed([1, 2]),
    closed(b"\xff\xfe".decode("latin-1")),
]


@pytest.mark.parametrize("argument", ["after", "before"])
def test_what_is_no_cursor_is_bad_user_input(api: Api, filled: Organization, argument: str) -> None:
    assert ["BAD_USER_INPUT"] * len(MALFORMED) == codes(api, filled, MALFORMED, argument)


def test_forged_contents_are_refused_or_harmless(api: Api, filled: Organization, cursors: list[str]) -> None:
    version, scope, (due_at, id_) = opened(cursors[0])
    forged: list[object] = [
        [0, scope, [due_at, id_]],
        [2, scope, [due_at, id_]],
        ["1", scope, [due_at, id_]],
        [None, scope, [due_at, id_]],
        [version, scope, [id_, due_at]],
        [version, scope, [due_at]],
        [version, scope, [due_at, id_, id_]],
        [version, scope, []],
        [version, scope, {}],
        [version, scope, None],
        [version, scope, [due_at, None]],
        [version, scope, [str(due_at), id_]],
        [version, scope, [1.5, id_]],
        [version, scope, [True, id_]],
        [version, scope, [2**63, id_]],
        [version, scope, [-(2**63) - 1, id_]],
        [version, scope, [10**400, id_]],
        [version, scope, [due_at, "x" * 36]],
        [version, scope, [due_at, "' OR true --" + "x" * 24]],
        [version, scope, [due_at, "\0" * 36]],
        [version, scope, [due_at, 7]],
        [version, None, [due_at, id_]],
        [version, "\ud800", [due_at, id_]],
        [version, scope + "0", [due_at, id_]],
        [version, scope, [due_at, id_], 1],
    ]

    assert ["BAD_USER_INPUT"] * len(forged) == codes(api, filled, [closed(content) for content in forged])


# PostgreSQL ends at 4713 BC and at 294276 AD; beyond lie only the two infinities.
FIRST_US, LAST_US = -211_813_488_000_000_000, 9_223_371_331_199_999_999


@pytest.mark.parametrize(
    ("us", "code"),
    [
        (-(2**63), None),
        (-(2**63) + 1, "BAD_USER_INPUT"),
        (FIRST_US - 1, "BAD_USER_INPUT"),
        (FIRST_US, None),
        (LAST_US, None),
        (LAST_US + 1, "BAD_USER_INPUT"),
        (2**63 - 2, "BAD_USER_INPUT"),
        (2**63 - 1, None),
    ],
)
def test_an_instant_that_no_row_can_hold_is_refused(
    api: Api, filled: Organization, cursors: list[str], us: int, code: str | None
) -> None:
    version, scope, (_, id_) = opened(cursors[0])

    assert [code] == codes(api, filled, [closed([version, scope, [us, id_]])])


BY_TEXT_AND_RANK = "tasks(orderBy: [{field: SUBJECT}, {field: PRIORITY}]"


def test_forged_subjects_and_priorities_are_refused_or_harmless(api: Api, filled: Organization) -> None:
    version, scope, (subject, rank, id_) = opened(first_cursor(api, filled, f"{BY_TEXT_AND_RANK})"))
    values: dict[str | None, list[list[object]]] = {
        None: [
            [subject, rank, id_],
            [None, None, id_],
            ["", 3, id_],
            ["x" * 255, 9, id_],
            ["😀" * 200, 1, id_],
            ["'; --\\", 2, id_],
            ["\x01", 2, id_],
        ],
        "BAD_USER_INPUT": [
            [subject, rank, None],
            ["x" * 256, 1, id_],
            ["nul \0", 1, id_],
            ["\ud800", 1, id_],
            [7, 1, id_],
            [[subject], 1, id_],
            [subject, 0, id_],
            [subject, 10, id_],
            [subject, -1, id_],
            [subject, 1.5, id_],
            [subject, "1", id_],
            [subject, 2**70, id_],
            [subject, rank],
            [subject, rank, rank, id_],
        ],
    }

    for code, forged in values.items():
        for value in forged:
            query = f'{{ {BY_TEXT_AND_RANK}, after: "{closed([version, scope, value])}") {{ nodes {{ id }} }} }}'
            assert ([] if code is None else [code]) == api.codes(filled.viewer(), query), value


def test_one_bad_cursor_leaves_its_neighbours_alone(api: Api, filled: Organization, cursors: list[str]) -> None:
    asked = [cursors[0], "x", cursors[2]]

    assert [None, "BAD_USER_INPUT", None] == codes(api, filled, asked)


@pytest.mark.slow
@given(data=st.data())
@settings(max_examples=25)
def test_tampered_bytes_are_refused_or_harmless(
    api: Api, filled: Organization, cursors: list[str], data: st.DataObject
) -> None:
    def tampered() -> str:
        raw = bytearray(data.draw(st.sampled_from(cursors)).encode())
        if data.draw(st.booleans()):  # within the JSON, else within the base64
            raw = bytearray(base64.urlsafe_b64decode(raw + b"=" * (-len(raw) % 4)))
        for _ in range(data.draw(st.integers(1, 3))):
            place = data.draw(st.integers(0, len(raw) - 1))
            edit = data.draw(st.sampled_from(["replace", "insert", "remove", "cut"]))
            byte = data.draw(st.one_of(st.sampled_from(b'0123456789-"[],abcdefANe. '), st.integers(1, 255)))
            match edit:
                case "replace":
                    raw[place] = byte
                case "insert":
                    raw.insert(place, byte)
                case "remove" if len(raw) > 1:
                    del raw[place]
                case _:
                    del raw[place + 1 :]
        try:
            return raw.decode() if b"[" not in raw else base64.urlsafe_b64encode(raw).decode()
        except UnicodeDecodeError:
            return base64.urlsafe_b64encode(raw).decode()

    assert set(codes(api, filled, [tampered() for _ in range(20)])) <= {None, "BAD_USER_INPUT"}


def first_cursor(api: Api, organization: Organization, field: str) -> Any:
    query = f"{{ list: {field} {{ edges {{ cursor }} }} }}"
    return api.data(organization.viewer(), query)["list"]["edges"][0]["cursor"]


def contact_of(organization: Organization) -> UUID:
    (row,) = organization.owner.rows(f"SELECT id FROM contacts WHERE organization_id = '{organization.id}'")
    return UUID(row["id"])


@pytest.mark.slow
def test_a_cursor_belongs_to_its_field_filter_order_and_record(api: Api, filled: Organization) -> None:
    contact, account = contact_of(filled), filled.account(contact_of(filled))
    filled.task(account_id=account)
    fields = [
        "tasks",
        f'tasks(filter: {{contactId: {{eq: "{contact}"}}}})',
        "tasks(filter: {contactId: {isNull: false}})",
        "tasks(filter: {status: [PENDING]})",
        "tasks(filter: {status: [PENDING, UNKNOWN]})",
        "tasks(filter: {links: {all: [CONTACT]}})",
        "tasks(filter: {links: {any: [CONTACT]}})",
        "tasks(filter: {not: {not: {links: {any: [CONTACT]}}}})",
        'tasks(filter: {dueAt: {gt: "2025-01-01T00:00:00Z"}})',
        "tasks(orderBy: {field: DUE_AT, direction: DESC})",
        "tasks(orderBy: {field: DUE_AT, nulls: FIRST})",
        "tasks(orderBy: {field: CREATED_AT})",
        "tasks(orderBy: [{field: DUE_AT}, {field: CREATED_AT}])",
        "tasks(orderBy: [{field: CREATED_AT}, {field: DUE_AT}])",
        f'timeline(record: {{contactId: "{contact}"}})',
        f'timeline(record: {{accountId: "{account}"}})',
    ]
    places = [first_cursor(api, filled, field) for field in fields]

    for home, place in enumerate(places):
        for field in fields:
            separator = ", " if "(" in field else "("
            query = f'{{ {field.removesuffix(")")}{separator}after: "{place}") {{ totalCount }} }}'
            expected = [] if field == fields[home] else ["BAD_USER_INPUT"]
            assert expected == api.codes(filled.viewer(), query), (fields[home], field)


def test_filters_that_mean_the_same_share_their_cursors(api: Api, filled: Organization) -> None:
    place = first_cursor(api, filled, "tasks(filter: {status: [PENDING, SCHEDULED]})")
    query = """query ($after: String, $filter: TaskFilter) { tasks(after: $after, filter: $filter) { nodes { id } } }"""

    same: dict[str, object] = {"status": ["SCHEDULED", "PENDING", "PENDING"], "leadId": None, "links": {}}
    assert api.data(filled.viewer(), query, after=place, filter=same)["tasks"]["nodes"]


def test_another_organizations_cursor_shows_nothing_of_it(api: Api, filled: Organization) -> None:
    other = new_organization(filled.owner)
    other.task(scheduled_at="1990-01-01Z", contact_id=other.contact())
    place = first_cursor(api, other, "tasks")

    answer = api.ask(TASKS, {"after": place}, viewer=filled.viewer()).json()

    # The place is no secret and no key: after it come one's own rows, never the other's.
    mine = {edge["cursor"] for edge in api.data(filled.viewer(), TASKS)["list"]["edges"]}
    assert {edge["cursor"] for edge in answer["data"]["list"]["edges"]} <= mine
