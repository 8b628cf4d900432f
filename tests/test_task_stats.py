"""Counts of tasks, compared with what Python counts over the same rows."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from db.instants import EARLIEST, LATEST
from tests.apis import Api
from tests.organizations import Organization, new_organization
from tests.owners import Owner

ALL = """total open overdue dueToday completed byStatus { status count } byPriority { priority count }
  byLinks { kinds count } next { id }"""
STATS = f"query ($zone: TimeZone, $filter: TaskFilter) {{ taskStats(filter: $filter, timeZone: $zone) {{ {ALL} }} }}"
OF_RECORD = """query ($id: ID!, $zone: TimeZone, $related: Boolean) {{
  {kind}(id: $id) {{ taskStats(includeRelated: $related, timeZone: $zone) {{ {all} }} }} }}"""

STATUSES = ["PENDING", "SCHEDULED", "COMPLETED", "CANCELLED", "UNKNOWN"]
PRIORITIES = ["LOW", "MEDIUM", "HIGH", "UNKNOWN"]
KINDS = ["LEAD", "CONTACT", "ACCOUNT"]
COMBINATIONS = [
    [],
    ["LEAD"],
    ["CONTACT"],
    ["ACCOUNT"],
    ["LEAD", "CONTACT"],
    ["LEAD", "ACCOUNT"],
    ["CONTACT", "ACCOUNT"],
    KINDS,
]
ZONES = ["UTC", "Europe/Paris", "America/Los_Angeles", "Pacific/Kiritimati", "Asia/Kathmandu", "Etc/GMT+12"]


@dataclass(frozen=True, slots=True)
class Family:
    """Records that are related to one another, and random interactions of them."""

    organization: Organization
    leads: list[UUID]
    contacts: list[UUID]
    accounts: list[UUID]
    deleted: UUID
    rows: list[dict[str, Any]]

    def related(self, kind: str, id_: UUID) -> set[UUID]:
        """The records one hop away: the first lead became the first contact, which holds all accounts."""
        close = {self.leads[0], self.contacts[0], *self.accounts}
        if id_ not in close:
            return set()
        return close - {id_} if kind == "contact" else {self.contacts[0]}


def random_row(chance: random.Random, family: Family) -> dict[str, Any]:
    hours = chance.choice([None, "infinity", "-infinity", *range(-60, 60), *range(-60, 60)])
    at = datetime.now(UTC) + timedelta(hours=hours, minutes=17) if isinstance(hours, int) else hours
    return {
        "interaction_type": chance.choice(["task"] * 9 + ["call"]),
        "status": chance.choice(["pending", "scheduled", "completed", "cancelled", "Waiting", "PENDING", None]),
        "priority": chance.choice(["low", "medium", "high", "urgent", None]),
        "scheduled_at": at,
        "deleted_at": chance.choice([None, None, None, "2020-01-01"]),
        "lead_id": chance.choice([None, None, *family.leads]),
        "contact_id": chance.choice([None, None, *family.contacts]),
        "account_id": chance.choice([None, None, family.deleted, *family.accounts]),
    }


@pytest.fixture(scope="module", params=[1, 2])
def family(request: pytest.FixtureRequest, owner: Owner) -> Family:
    organization = new_organization(owner)
    contacts = [organization.contact(), organization.contact()]
    leads = [organization.lead(linked_contact_id=contacts[0]), organization.lead()]
    accounts = [organization.account(contacts[0], account_name=name) for name in ("One", "Two")]
    deleted = organization.account(contacts[0], deleted_at="now")
    family = Family(organization, leads, contacts, accounts, deleted, [])
    chance = random.Random(request.param)  # noqa: S311 - the same rows each time
    rows = [random_row(chance, family) for _ in range(250)]
    ids = organization.tasks(rows)
    family.rows.extend(row | {"id": id_} for id_, row in zip(ids, rows, strict=True))
    return family


def instant(at: object) -> datetime:
    if isinstance(at, datetime):
        return at
    return LATEST if at == "infinity" else EARLIEST


def oracle(family: Family, rows: Sequence[dict[str, Any]], zone: str, now: datetime) -> dict[str, Any]:
    """Count the slow way, by what people see: local dates."""
    tasks = [row for row in rows if row["interaction_type"] == "task" and not row["deleted_at"]]
    open_ = [row for row in tasks if row["status"] in {"pending", "scheduled"}]
    dated = [row for row in open_ if row["scheduled_at"] is not None]
    tomorrow = now.astimezone(ZoneInfo(zone)).date() + timedelta(days=1)
    midnight = datetime.combine(tomorrow, time.min, ZoneInfo(zone)).astimezone(UTC)
    statuses = Counter(str(row["status"]).upper() if row["status"] in STORED else "UNKNOWN" for row in tasks)
    priorities = Counter(str(row["priority"]).upper() if row["priority"] in STORED else "UNKNOWN" for row in tasks)
    links = Counter(str(linked(family, row)) for row in tasks)
    first = min(dated, key=lambda row: (instant(row["scheduled_at"]), row["id"]), default=None)
    return {
        "total": len(tasks),
        "open": len(open_),
        "overdue": sum(instant(row["scheduled_at"]) < now for row in dated),
        "dueToday": sum(instant(row["scheduled_at"]) < midnight for row in dated),
        "completed": statuses["COMPLETED"],
        "byStatus": [{"status": status, "count": statuses[status]} for status in STATUSES],
        "byPriority": [{"priority": priority, "count": priorities[priority]} for priority in PRIORITIES],
        "byLinks": [{"kinds": kinds, "count": links[str(kinds)]} for kinds in COMBINATIONS],
        "next": first and {"id": str(first["id"])},
    }


STORED = {"pending", "scheduled", "completed", "cancelled", "low", "medium", "high"}


def linked(family: Family, row: dict[str, Any]) -> list[str]:
    account = row["account_id"] if row["account_id"] != family.deleted else None
    return [
        kind for kind, id_ in zip(KINDS, (row["lead_id"], row["contact_id"], account), strict=True) if id_ is not None
    ]


@pytest.mark.slow
@pytest.mark.parametrize("zone", ZONES)
def test_the_organizations_tasks_are_counted(api: Api, family: Family, zone: str) -> None:
    before = datetime.now(UTC)
    found = api.data(family.organization.viewer(), STATS, zone=zone)["taskStats"]

    assert found in (oracle(family, family.rows, zone, now) for now in (before, datetime.now(UTC)))


@pytest.mark.slow
def test_only_tasks_that_match_are_counted(api: Api, family: Family) -> None:
    wanted = {"priority": ["HIGH", "UNKNOWN"], "links": {"any": ["LEAD"]}, "not": {"status": ["CANCELLED"]}}

    found = api.data(family.organization.viewer(), STATS, filter=wanted, zone="UTC")["taskStats"]

    rows = [
        row
        for row in family.rows
        if row["priority"] not in {"low", "medium"} and row["lead_id"] and row["status"] != "cancelled"
    ]
    assert oracle(family, rows, "UTC", datetime.now(UTC)) == found


@pytest.mark.slow
@pytest.mark.parametrize("is_with_related", [False, True])
@pytest.mark.parametrize("kind", ["lead", "contact", "account"])
def test_a_records_tasks_are_counted_each_once(api: Api, family: Family, kind: str, is_with_related: bool) -> None:
    query = OF_RECORD.format(kind=kind, all=ALL)

    for id_ in {"lead": family.leads, "contact": family.contacts, "account": family.accounts}[kind]:
        records = {id_} | (family.related(kind, id_) if is_with_related else set())
        rows = [row for row in family.rows if {row["lead_id"], row["contact_id"], row["account_id"]} & records]
        asked = {"id": str(id_), "related": is_with_related, "zone": "Asia/Tokyo"}
        found = api.data(family.organization.viewer(), query, **asked)[kind]["taskStats"]

        assert oracle(family, rows, "Asia/Tokyo", datetime.now(UTC)) == found


@pytest.mark.slow
def test_each_combination_of_links_is_what_the_filter_finds(api: Api, family: Family) -> None:
    viewer = family.organization.viewer()
    query = "query ($only: [RecordKind!]) { tasks(filter: {links: {only: $only}}, first: 0) { totalCount } }"

    counts = api.data(viewer, STATS)["taskStats"]["byLinks"]

    assert counts == [
        {"kinds": kinds, "count": api.data(viewer, query, only=kinds)["tasks"]["totalCount"]} for kinds in COMBINATIONS
    ]


def test_where_there_are_no_tasks_everything_is_counted_as_none(api: Api, organization: Organization) -> None:
    id_ = str(organization.contact())
    nothing = oracle(Family(organization, [], [], [], UUID(int=0), []), [], "UTC", datetime.now(UTC))

    viewer = organization.viewer()

    assert nothing == api.data(viewer, STATS)["taskStats"]
    assert nothing == api.data(viewer, OF_RECORD.format(kind="contact", all=ALL), id=id_)["contact"]["taskStats"]


def test_a_null_zone_is_utc(api: Api, organization: Organization) -> None:
    contact = organization.contact()
    organization.task(contact_id=contact, scheduled_at=datetime.now(UTC) + timedelta(hours=15))

    asked = "taskStats(timeZone: {zone}) {{ dueToday }} tasks {{ nodes {{ bucket(timeZone: {zone}) }} }}"
    utc, null = (api.data(organization.viewer(), "{" + asked.format(zone=zone) + "}") for zone in ('"UTC"', "null"))

    assert utc == null


def test_the_next_task_is_open_and_due(api: Api, organization: Organization) -> None:
    contact, now = organization.contact(), datetime.now(UTC)
    organization.task(contact_id=contact, scheduled_at=None)
    organization.task(contact_id=contact, scheduled_at=now - timedelta(days=9), status="completed")
    query = f'{{ taskStats {{ next {{ id }} }} contact(id: "{contact}") {{ taskStats {{ next {{ id }} }} }} }}'

    def following() -> tuple[Any, Any]:
        data = api.data(organization.viewer(), query)
        return data["taskStats"]["next"], data["contact"]["taskStats"]["next"]

    assert (None, None) == following()
    for due in (now + timedelta(days=1), now - timedelta(days=1)):
        task = {"id": str(organization.task(contact_id=contact, scheduled_at=due))}
        assert (task, task) == following()


@pytest.mark.parametrize(
    ("selection", "statements"),
    [
        ("__typename", 0),
        ("total", 1),
        ("total open overdue dueToday completed byStatus { count } byPriority { count } byLinks { count }", 1),
        ("next { id }", 1),
        ("total next { id }", 2),
    ],
)
def test_counts_take_one_statement_and_the_next_task_another(
    api: Api, organization: Organization, selection: str, statements: int
) -> None:
    contact = organization.contact()

    for query, more in (
        (f"{{ taskStats {{ {selection} }} }}", 0),
        (f"{{ a: taskStats {{ {selection} }} b: taskStats {{ __typename }} }}", 0),
        (f'{{ contact(id: "{contact}") {{ taskStats {{ {selection} }} }} }}', 1),
        (f'{{ contact(id: "{contact}") {{ taskStats(includeRelated: true) {{ {selection} }} }} }}', 1),
    ):
        answer = api.ask(query, viewer=organization.viewer()).json()
        assert statements + more == answer["extensions"]["cost"]["statements"], (query, answer)


@pytest.mark.parametrize(
    "zone", ["Mars/Olympus", "", "europe/paris", "UTC\0", "🙂", "A" * 50_000, 5, True, ["UTC"], {}]
)
def test_an_unknown_zone_is_refused(api: Api, organization: Organization, zone: object) -> None:
    contact = str(organization.contact())
    fields = "taskStats(timeZone: $zone) { total }"

    for query in (f"query ($zone: TimeZone) {{ {fields} }}", f"{{ {fields} }}".replace("$zone", literal(zone))):
        assert ["BAD_USER_INPUT"] == api.codes(organization.viewer(), query, zone=zone)
    query = f'query ($zone: TimeZone) {{ contact(id: "{contact}") {{ {fields} }} }}'
    assert ["BAD_USER_INPUT"] == api.codes(organization.viewer(), query, zone=zone)


def literal(value: object) -> str:
    if isinstance(value, str):
        return '"' + value.replace("\0", "\\u0000") + '"'
    return str(value).replace("'", '"').replace("True", "true")


BUCKETS = """query ($zone: TimeZone) {
  tasks(filter: {includeDeleted: true}, first: 200) { nodes { id bucket(timeZone: $zone) } } }"""


@pytest.mark.slow
@pytest.mark.parametrize("zone", ZONES)
def test_each_task_is_in_the_first_pile_that_fits(api: Api, family: Family, zone: str) -> None:
    before = datetime.now(UTC)
    nodes = api.data(family.organization.viewer(), BUCKETS, zone=zone)["tasks"]["nodes"]
    found = {UUID(node["id"]): node["bucket"] for node in nodes}

    rows = [row for row in family.rows if row["id"] in found]

    assert found in ({row["id"]: pile(row, zone, now) for row in rows} for now in (before, datetime.now(UTC)))
    assert len(rows) == 200


def pile(row: dict[str, Any], zone: str, now: datetime) -> str:
    """Decide by local dates."""
    if row["status"] not in {"pending", "scheduled"}:
        return "CLOSED"
    if row["scheduled_at"] is None:
        return "NO_DUE_DATE"
    at = instant(row["scheduled_at"])
    if at < now:
        return "OVERDUE"
    today = now.astimezone(ZoneInfo(zone)).date()
    due = date.max if at.year == 9999 else at.astimezone(ZoneInfo(zone)).date()
    if due == today:
        return "TODAY"
    return "THIS_WEEK" if due <= today + timedelta(days=6 - today.weekday()) else "LATER"
