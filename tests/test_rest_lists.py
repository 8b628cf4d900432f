"""What REST lists and counts, in which order, and whose."""

from datetime import datetime, time, timedelta
from itertools import product
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from tests.apis import Api
from tests.organizations import Organization, new_organization
from tests.rest_cases import ask


def found(api: Api, organization: Organization, query: str) -> list[str]:
    response = ask(api, organization, "GET", f"/tasks?{query}")
    assert 200 == response.status_code, response.text
    return [task["id"] for task in response.json()["tasks"]]


def test_links_are_found_by_record_and_by_kind(api: Api, organization: Organization) -> None:
    lead, contact = organization.lead(), organization.contact()
    account, gone = organization.account(contact), organization.account(contact, account_name="Gone", deleted_at="now")
    ids = {
        name: str(organization.task(**{f"{name}_id": id_}))
        for name, id_ in {"lead": lead, "contact": contact, "account": account}.items()
    }
    lost = str(organization.task(account_id=gone))

    for name, id_ in {"lead": lead, "contact": contact, "account": account}.items():
        assert (
            [ids[name]]
            == found(api, organization, f"{name}_id={id_}")
            == found(api, organization, f"entity_type={name}")
        )
    assert {ids["account"], lost} == set(found(api, organization, "type=renewal"))
    assert [ids["lead"]] == found(api, organization, "type=lead")
    assert [] == found(api, organization, f"lead_id={uuid4()}")
    assert [lost] == found(api, organization, f"account_id={gone}")


ORDERS = [(by, way) for by in ("scheduled_at", "priority", "created_at") for way in ("asc", "desc")]
RANKS = {"low": 1, "medium": 2, "high": 3}


def expected_order(tasks: list[dict[str, Any]], by: str, way: str) -> list[str]:
    """Sort in Python, least important key first: each sort keeps what the one before has done."""

    def value(task: dict[str, Any]) -> Any:
        return RANKS.get(task["priority"]) if by == "priority" else task[by]

    ordered = sorted(tasks, key=lambda task: str(task["id"]))
    ordered.sort(key=lambda task: str(task["created_at"]), reverse=True)
    some = sorted([task for task in ordered if value(task)], key=value, reverse=way == "desc")
    ordered = some + [task for task in ordered if not value(task)]
    return [task["id"] for task in sorted(ordered, key=lambda task: task["status"] not in {"pending", "scheduled"})]


@pytest.mark.parametrize(("by", "way"), ORDERS)
def test_open_tasks_come_first_and_each_half_in_order(api: Api, organization: Organization, by: str, way: str) -> None:
    lead = organization.lead()
    drawn = product(
        ("pending", "scheduled", "completed", "cancelled", "odd"),
        ("2026-01-01", "2026-01-02", None),
        ("low", "medium", "high", None),
        ("2025-01-01", "2025-01-02"),
    )
    names = ("status", "scheduled_at", "priority", "created_at")
    organization.tasks([dict(zip(names, values, strict=True)) | {"lead_id": lead} for values in drawn])
    everything = ask(api, organization, "GET", "/tasks?limit=1000").json()["tasks"]
    assert 120 == len(everything)

    pages = [found(api, organization, f"sort_by={by}&sort_order={way}&limit=50&offset={n}") for n in (0, 50, 100, 150)]

    assert [50, 50, 20, 0] == [len(page) for page in pages]
    assert expected_order(everything, by, way) == [id_ for page in pages for id_ in page]


def test_the_numbers_are_those_of_graphql(api: Api, organization: Organization) -> None:
    lead = organization.lead()
    drawn = product(("pending", "scheduled", "completed", "cancelled"), ("2026-01-01", "2999-01-01"), ("low", "high"))
    names = ("status", "scheduled_at", "priority")
    organization.tasks([dict(zip(names, values, strict=True)) | {"lead_id": lead} for values in drawn])
    query = "{ taskStats { total open overdue byStatus { status count } byPriority { priority count } } }"

    theirs = api.data(organization.viewer(), query)["taskStats"]
    ours = ask(api, organization, "GET", "/tasks/stats").json()["stats"]

    by_status = {row["status"]: row["count"] for row in theirs["byStatus"]}
    by_priority = {row["priority"]: row["count"] for row in theirs["byPriority"]}
    assert (16, 8, 4) == (ours["total"], ours["pending"], ours["overdue"])
    assert (theirs["total"], theirs["open"], theirs["overdue"]) == (ours["total"], ours["pending"], ours["overdue"])
    assert (by_status["COMPLETED"], by_status["CANCELLED"]) == (ours["completed"], ours["cancelled"])
    assert (by_priority["LOW"], by_priority["HIGH"]) == (ours["low_priority"], ours["high_priority"])


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago", "UTC"])
def test_today_and_this_week_are_the_readers(api: Api, organization: Organization, zone: str) -> None:
    lead = organization.lead()
    here = ZoneInfo(zone)
    today = datetime.now(here).date()
    dues = [datetime.combine(today + timedelta(days=n), time(12), here) for n in range(-8, 9)]
    organization.tasks(
        [
            {"lead_id": lead, "status": status, "scheduled_at": due}
            for due in dues
            for status in ("pending", "completed")
        ]
    )

    numbers = ask(api, organization, "GET", f"/tasks/stats?time_zone={zone}").json()["stats"]
    listed = ask(api, organization, "GET", f"/leads/{lead}/tasks?date_range=today&time_zone={zone}").json()["tasks"]

    assert (1, 7) == (numbers["due_today"], numbers["due_this_week"])
    assert ["pending", "completed"] == [task["status"] for task in listed]
    assert {datetime.combine(today, time(12), here)} == {
        datetime.fromisoformat(task["scheduled_at"]) for task in listed
    }


def test_what_is_ahead_is_open_and_not_too_far(api: Api, organization: Organization) -> None:
    lead = organization.lead()
    drawn = product(("pending", "scheduled", "completed"), ("-1 day", "1 day", "10 days"))
    for status, away in drawn:
        (row,) = organization.owner.rows(f"SELECT now() + interval '{away}' AS at")
        organization.task(lead_id=lead, status=status, scheduled_at=row["at"], subject=away)

    def subjects(path: str) -> list[str]:
        return [task["subject"] for task in ask(api, organization, "GET", f"/leads/tasks/{path}").json()["tasks"]]

    assert ["1 day"] * 2 == subjects("upcoming")
    assert ["1 day"] * 2 + ["10 days"] * 2 == subjects("upcoming?days=11")
    assert ["-1 day"] * 2 == subjects("overdue")


def test_lists_of_leads_leave_out_what_hangs_on_none(api: Api, organization: Organization) -> None:
    organization.task(contact_id=organization.contact())
    own = str(organization.task(lead_id=organization.lead()))

    answer = ask(api, organization, "GET", "/leads/tasks").json()

    assert ([own], 1) == ([task["id"] for task in answer["tasks"]], answer["count"])


def test_a_leads_new_task_is_for_its_owner_or_else_for_me(api: Api, organization: Organization) -> None:
    colleague = organization.user()
    owned, nobodys = organization.lead(assigned_to=colleague), organization.lead()
    strangers = organization.lead(assigned_to=new_organization(organization.owner).user_id)

    def assignee(lead: object, **fields: object) -> str:
        response = ask(api, organization, "POST", f"/leads/{lead}/tasks", {"subject": "Call"} | fields)
        assert 201 == response.status_code, response.text
        return str(response.json()["task"]["user_id"])

    me = str(organization.user_id)
    assert [str(colleague), me, me] == [assignee(lead) for lead in (owned, nobodys, strangers)]
    assert me == assignee(owned, assigned_to=me)


def test_names_are_what_is_there(api: Api, organization: Organization) -> None:
    contact = organization.contact(first_name="", last_name="Moreau")
    account = organization.account(contact, account_name="Old", deleted_at="now")
    organization.task(contact_id=contact, account_id=account)

    (task,) = ask(api, organization, "GET", "/tasks").json()["tasks"]

    assert ("Moreau", "Old", None, None) == tuple(
        task[name] for name in ("contact_name", "account_name", "lead_name", "lead_owner_name")
    )


def test_another_organizations_tasks_are_not_there(api: Api, organization: Organization) -> None:
    other = new_organization(organization.owner)
    lead = other.lead()
    id_ = other.task(lead_id=lead)

    requests = [
        ("GET", f"/tasks/{id_}"),
        ("PATCH", f"/tasks/{id_}/complete"),
        ("GET", f"/leads/{lead}/tasks"),
        ("PATCH", f"/leads/{lead}/tasks/{id_}/complete"),
    ]

    assert [404] * 4 == [ask(api, organization, *request).status_code for request in requests]
    assert [404, []] == [
        ask(api, organization, "POST", f"/leads/{lead}/tasks", {"subject": "x"}).status_code,
        found(api, organization, f"lead_id={lead}"),
    ]


def test_a_slash_at_the_end_of_a_path_makes_no_difference(api: Api, organization: Organization) -> None:
    id_ = organization.task(lead_id=organization.lead())

    answers = [ask(api, organization, "GET", path) for path in ("/tasks/?limit=5", f"/tasks/{id_}/", "/tasks/stats/")]

    assert [200, 200, 200] == [answer.status_code for answer in answers]
    assert [str(id_)] == [task["id"] for task in answers[0].json()["tasks"]]


def test_a_path_that_leads_nowhere_is_refused_with_and_without_a_slash(api: Api, organization: Organization) -> None:
    answers = [ask(api, organization, "GET", path) for path in ("/nothing", "/nothing/")]

    assert [(404, "NOT_FOUND")] * 2 == [(answer.status_code, answer.json()["code"]) for answer in answers]
