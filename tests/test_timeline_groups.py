"""A timeline's groups: counted by the server over all pages, in the days, weeks and months of the caller's zone."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resolvers.timeline_groups import MOST_STRETCHES
from resolvers.zones import Unit, stretch_at
from tests.apis import Api
from tests.drawn_timelines import World, filters, rows
from tests.drawn_timelines import given as filter_of
from tests.organizations import Organization, new_organization
from tests.owners import Owner

GROUPS = """
query ($record: RecordRef!, $by: GroupUnit!, $zone: TimeZone, $related: Boolean, $filter: TimelineFilter, $first: Int,
       $at: DateTime) {
  timeline(record: $record, timeZone: $zone, includeRelated: $related, filter: $filter, first: $first, at: $at) {
    groups(by: $by) { key startsAt endsAt count } } }"""

# Days in which clocks change in these zones, or are about to; 2011-12-30 doesn't exist in Samoa.
ODD = [
    ("UTC", "2026-02-10T00:00"),
    ("Europe/Paris", "2026-03-29T01:00"),
    ("Europe/Paris", "2026-10-25T01:00"),
    ("Asia/Kathmandu", "1985-12-31T18:30"),
    ("Asia/Kathmandu", "2026-02-09T18:15"),
    ("America/St_Johns", "2010-11-07T02:31"),
    ("America/St_Johns", "2026-03-08T05:30"),
    ("America/Havana", "2026-11-01T05:00"),
    ("America/Sao_Paulo", "2018-11-04T03:00"),
    ("Pacific/Apia", "2011-12-30T10:00"),
    ("Pacific/Kiritimati", "1994-12-31T10:00"),
]


def groups(api: Api, organization: Organization, record: dict[str, str], by: str, **asked: object) -> Any:
    return api.data(organization.viewer(), GROUPS, record=record, by=by, **asked)["timeline"]["groups"]


def contact_with(organization: Organization, instants: list[str | None]) -> dict[str, str]:
    contact = organization.contact()
    organization.tasks([{"contact_id": contact, "created_at": instant} for instant in instants])
    return {"contactId": str(contact)}


def short(found: Any) -> list[tuple[str, str, str, int]]:
    return [(group["key"], group["startsAt"], group["endsAt"], group["count"]) for group in found]


def test_days_of_a_change_of_clocks_are_shorter_and_longer(api: Api, organization: Organization) -> None:
    record = contact_with(
        organization,
        [
            "2026-03-28T23:00Z",  # midnight in Paris; clocks go forward that night
            "2026-03-29T21:59:59.999999Z",
            "2026-03-29T22:00Z",
            "2026-10-24T22:00Z",  # midnight in Paris; clocks go back that night
            "2026-10-25T22:59:59.999999Z",
            "2026-10-25T23:00Z",
        ],
    )

    found = groups(api, organization, record, "DAY", zone="Europe/Paris")

    assert [
        ("2026-10-26", "2026-10-25T23:00:00Z", "2026-10-26T23:00:00Z", 1),
        ("2026-10-25", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z", 2),
        ("2026-03-30", "2026-03-29T22:00:00Z", "2026-03-30T22:00:00Z", 1),
        ("2026-03-29", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z", 2),
    ] == short(found)


def test_a_day_that_a_zone_left_out_has_no_group(api: Api, organization: Organization) -> None:
    record = contact_with(organization, ["2011-12-30T09:59:59.999999Z", "2011-12-30T10:00Z"])

    found = groups(api, organization, record, "DAY", zone="Pacific/Apia")

    assert [
        ("2011-12-31", "2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z", 1),
        ("2011-12-29", "2011-12-29T10:00:00Z", "2011-12-30T10:00:00Z", 1),
    ] == short(found)


def test_weeks_and_months_are_those_of_the_zone(api: Api, organization: Organization) -> None:
    # In Kathmandu it is Monday, and February, 5 h 45 min before it is in Greenwich.
    record = contact_with(organization, ["2026-02-01T18:14:59Z", "2026-02-01T18:15Z", "2026-01-31T18:15Z"])

    weeks = groups(api, organization, record, "WEEK", zone="Asia/Kathmandu")
    months = groups(api, organization, record, "MONTH", zone="Asia/Kathmandu")

    assert [
        ("2026-W06", "2026-02-01T18:15:00Z", "2026-02-08T18:15:00Z", 1),
        ("2026-W05", "2026-01-25T18:15:00Z", "2026-02-01T18:15:00Z", 2),
    ] == short(weeks)
    assert [("2026-02", "2026-01-31T18:15:00Z", "2026-02-28T18:15:00Z", 3)] == short(months)


def test_groups_are_months_of_utc_unless_asked_otherwise(api: Api, organization: Organization) -> None:
    record = contact_with(organization, ["2026-02-01T00:00Z", "2026-01-31T23:59:59Z", "2024-01-15T00:00Z"])
    query = "query ($record: RecordRef!) { timeline(record: $record) { groups { key startsAt endsAt count } } }"

    found = api.data(organization.viewer(), query, record=record)["timeline"]["groups"]

    assert [("2026-02", 1), ("2026-01", 1), ("2024-01", 1)] == [(group["key"], group["count"]) for group in found]
    assert ("2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z") == (found[0]["startsAt"], found[0]["endsAt"])


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kathmandu", "America/St_Johns", "Pacific/Kiritimati"])
@pytest.mark.parametrize(
    ("by", "first", "last"), [("DAY", "0001-01-01", "9999-12-31"), ("MONTH", "0001-01", "9999-12")]
)
def test_what_no_calendar_of_ours_holds_is_in_the_first_and_the_last_group(
    api: Api, organization: Organization, zone: str, by: str, first: str, last: str
) -> None:
    early = ["-infinity", "4713-01-01 BC", "0001-12-31 23:59:59 BC", "0001-01-01 00:00:00+00", None]
    late = ["infinity", "294276-12-31 23:59:59.999999Z", "10000-01-01Z", "9999-12-31 23:59:59.999999Z"]
    record = contact_with(organization, [*early, "2026-02-10T06:00Z", *late])

    found = groups(api, organization, record, by, zone=zone)

    assert [(last, 4), ("2026-02-10"[: len(last)], 1), (first, 5)] == [(g["key"], g["count"]) for g in found]
    assert ("9999-12-31T23:59:59.999999Z", "0001-01-01T00:00:00Z") == (found[0]["endsAt"], found[-1]["startsAt"])


near = st.tuples(st.sampled_from(ODD), st.integers(-3, 3), st.integers(-40, 40), st.sampled_from([-1, 0, 1]))


@pytest.mark.slow
@given(zone=st.sampled_from([zone for zone, _ in ODD]), drawn=st.lists(near, min_size=1, max_size=12))
@settings(max_examples=30)
def test_each_entry_is_in_the_group_whose_stretch_holds_it(
    api: Api, owner: Owner, zone: str, drawn: list[tuple[tuple[str, str], int, int, int]]
) -> None:
    instants = [
        datetime.fromisoformat(change).replace(tzinfo=UTC) + timedelta(hours=hours, days=days, microseconds=us)
        for (_, change), hours, days, us in drawn
    ]
    organization = new_organization(owner)
    record = contact_with(organization, [instant.isoformat() for instant in instants])

    for by in ("DAY", "WEEK", "MONTH"):
        found = groups(api, organization, record, by, zone=zone)

        held = [
            sum(instant(group["startsAt"]) <= stored < instant(group["endsAt"]) for stored in instants)
            for group in found
        ]
        assert held == [group["count"] for group in found]
        assert len(instants) == sum(held)
        starts = [group["startsAt"] for group in found]
        assert sorted(starts, reverse=True) == starts
        shown = [instant(group["startsAt"]).astimezone(ZoneInfo(zone)) for group in found]
        form = {"DAY": "%Y-%m-%d", "WEEK": "%G-W%V", "MONTH": "%Y-%m"}[by]
        assert [start.strftime(form) for start in shown] == [group["key"] for group in found]


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.slow
@given(data=st.data())
@settings(max_examples=20)
def test_groups_count_each_entry_that_matches_once_also_what_hangs_on_related_records(
    api: Api, owner: Owner, data: st.DataObject
) -> None:
    world = World.new(owner, data.draw(st.lists(rows, max_size=16)))
    is_related_included, wanted = data.draw(st.booleans()), data.draw(filters)
    record = {"contactId": str(world.ids["contact"][0])}
    sources = world.sources("contact", 0, is_related_included=is_related_included)
    living = [row for row in world.rows.values() if not row["is_deleted"] and wanted.holds(world, row)]
    shown = [row for row in living if any((kind, row[kind]) in sources for kind in world.ids)]

    def counted(by: str) -> dict[str, int]:
        asked = {"related": is_related_included, "filter": filter_of(world, wanted)}
        found = groups(api, world.organization, record, by, **asked)
        return {group["key"]: group["count"] for group in found}

    known = {"pending", "scheduled", "completed", "cancelled"}
    words = [row["status"] if row["interaction_type"] == "task" else "completed" for row in shown]
    assert Counter(word.upper() if word in known else "UNKNOWN" for word in words) == counted("STATUS")
    links = [[kind.upper() for kind in ("lead", "contact", "account") if world.is_linked(row, kind)] for row in shown]
    assert Counter("+".join(kinds) or "NONE" for kinds in links) == counted("LINKS")
    assert len(shown) == sum(counted("BUCKET").values()) == sum(counted("MONTH").values())


def test_piles_are_cut_in_the_callers_zone(api: Api, organization: Organization) -> None:
    now = datetime.now(UTC)
    zone = ZoneInfo("UTC" if now.hour < 23 else "Asia/Kathmandu")  # no midnight while the test runs
    day, week = stretch_at(Unit.DAY, now, zone), stretch_at(Unit.WEEK, now, zone)
    contact = organization.contact()
    due: dict[str, list[object]] = {
        "OVERDUE": [datetime(2020, 1, 1, tzinfo=UTC), now - timedelta(seconds=1)],
        "TODAY": [day.ends_at - timedelta(microseconds=1)],
        "THIS_WEEK": [day.ends_at, week.ends_at - timedelta(microseconds=1)] if day.ends_at < week.ends_at else [],
        "LATER": [week.ends_at, "infinity"],
        "NO_DUE_DATE": [None],
    }
    expected = [(pile, len(instants)) for pile, instants in due.items() if instants]
    organization.tasks([{"contact_id": contact, "scheduled_at": d} for instants in due.values() for d in instants])
    organization.tasks(
        [
            {"contact_id": contact, "interaction_type": type_, "status": status, "scheduled_at": now}
            for type_, status in [("task", "completed"), ("task", "cancelled"), ("task", None), ("call", "pending")]
        ]
    )

    found = groups(api, organization, {"contactId": str(contact)}, "BUCKET", zone=zone.key)

    assert [*expected, ("CLOSED", 4)] == [(group["key"], group["count"]) for group in found]
    assert {None} == {group[end] for group in found for end in ("startsAt", "endsAt")}


def test_groups_follow_the_filter_and_never_the_page(api: Api, organization: Organization) -> None:
    contact = organization.contact()
    record = {"contactId": str(contact)}
    organization.tasks(
        [
            {"contact_id": contact, "interaction_type": kind, "created_at": f"2026-01-0{day}Z"}
            for kind, day in [("call", 1), ("call", 2), ("note", 2), ("task", 3)]
        ]
    )

    found = groups(
        api, organization, record, "DAY", first=1, at="2026-01-01T00:00:00Z", filter={"kinds": ["CALL", "TASK"]}
    )

    assert [("2026-01-03", 1), ("2026-01-02", 1), ("2026-01-01", 1)] == [(g["key"], g["count"]) for g in found]


def test_more_groups_than_can_be_shown_are_refused(api: Api, organization: Organization) -> None:
    contact = organization.contact()
    organization.owner.run(
        f"""INSERT INTO lead_interactions (organization_id, user_id, contact_id, interaction_type, created_at)
            SELECT '{organization.id}', '{organization.user_id}', '{contact}', 'note',
                   timestamptz '2000-01-01Z' + day * interval '1 day'
              FROM generate_series(0, {MOST_STRETCHES}) AS day"""
    )
    record = {"contactId": str(contact)}

    by_day = api.codes(organization.viewer(), GROUPS, record=record, by="DAY", first=0)
    by_month = groups(api, organization, record, "MONTH", first=0)

    assert ["LIMIT_EXCEEDED"] == by_day
    assert MOST_STRETCHES + 1 == sum(group["count"] for group in by_month)


@pytest.mark.parametrize(
    "asked",
    [
        {"zone": "Mars/Olympus"},
        {"zone": "europe/paris"},
        {"zone": "UTC\0"},
        {"zone": "A" * 100_000},
        {"zone": ""},
        {"zone": "\ud800"},
        {"zone": 1},
        {"by": "YEAR"},
        {"by": "day"},
        {"by": None},
        {"by": 5},
    ],
    ids=lambda asked: ascii(asked)[:40],
)
def test_a_zone_or_unit_that_nobody_knows_is_refused(
    api: Api, organization: Organization, asked: dict[str, object]
) -> None:
    variables = {"record": {"contactId": str(organization.contact())}, "by": "DAY"} | asked

    answer = api.client.post(
        "/graphql",
        content=json.dumps({"query": GROUPS, "variables": variables}),
        headers=api.headers({"Content-Type": "application/json"}, viewer=organization.viewer()),
    )

    assert answer.status_code < 500
    assert ["BAD_USER_INPUT"] == [error["extensions"]["code"] for error in answer.json()["errors"]]


def test_no_zone_is_utc(api: Api, organization: Organization) -> None:
    record = contact_with(organization, ["2026-02-10T00:00Z"])

    assert ["2026-02-10T00:00:00Z"] == [g["startsAt"] for g in groups(api, organization, record, "DAY", zone=None)]
