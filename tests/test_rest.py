"""REST over HTTP: methods, headers, preconditions, refusals, and what is found in which order."""

from itertools import product
from uuid import UUID

import pytest

from resolvers.viewers import Role
from tests import apis
from tests.apis import Api
from tests.organizations import Organization
from tests.rest_cases import ask

NOBODY = UUID(int=7)
PATHS = {
    "/api/tasks": "GET, POST, HEAD, OPTIONS",
    "/api/tasks/stats": "GET, HEAD, OPTIONS",
    "/api/openapi.json": "GET, HEAD, OPTIONS",
    f"/api/leads/{NOBODY}/tasks": "GET, POST, HEAD, OPTIONS",
    f"/api/tasks/{NOBODY}/complete": "PATCH, OPTIONS",
}


# Methods.


@pytest.mark.parametrize("path", PATHS)
def test_options_says_what_is_possible_and_needs_no_token(api: Api, path: str) -> None:
    response = api.client.options(path)

    assert (204, PATHS[path], "") == (response.status_code, response.headers["allow"], response.text)


@pytest.mark.parametrize(("path", "method"), list(product(PATHS, ["PUT", "TRACE"])))
def test_other_methods_are_not_allowed(api: Api, path: str, method: str) -> None:
    response = api.client.request(method, path, headers=api.headers())

    assert (405, PATHS[path]) == (response.status_code, response.headers["allow"])
    assert (405, "BAD_USER_INPUT", "Method Not Allowed") == tuple(
        response.json()[name] for name in ("status", "code", "error")
    )


def test_head_is_a_get_without_its_body(api: Api, organization: Organization) -> None:
    task = organization.task(lead_id=organization.lead())

    for path in (f"/tasks/{task}", "/tasks", "/tasks/nobody"):
        get, head = (ask(api, organization, method, path) for method in ("GET", "HEAD"))

        assert (get.status_code, "") == (head.status_code, head.text)
        for name in ("content-type", "content-length", "etag", "cache-control"):
            assert get.headers.get(name) == head.headers.get(name)


# Preconditions.


def test_an_answer_that_is_one_task_has_its_version_as_a_tag(api: Api, organization: Organization) -> None:
    created = ask(api, organization, "POST", "/tasks", {"subject": "Call", "contact_id": str(organization.contact())})
    read = ask(api, organization, "GET", f"/tasks/{created.json()['task']['id']}")

    assert f'"{created.json()["task"]["version"]}"' == created.headers["etag"] == read.headers["etag"]


def test_a_task_is_completed_while_it_has_the_tag(api: Api, organization: Organization) -> None:
    id_ = organization.task(lead_id=organization.lead())
    tag = ask(api, organization, "GET", f"/tasks/{id_}").headers["etag"]

    response = ask(api, organization, "PATCH", f"/tasks/{id_}/complete", {}, headers={"If-Match": tag})

    assert 200 == response.status_code
    assert tag != response.headers["etag"]


def test_a_task_that_somebody_changed_is_left_as_it_is(api: Api, organization: Organization) -> None:
    lead = organization.lead()
    id_ = organization.task(lead_id=lead)
    tag = ask(api, organization, "GET", f"/tasks/{id_}").headers["etag"]
    organization.owner.run(f"UPDATE lead_interactions SET subject = 'Moved' WHERE id = '{id_}'")

    for path in (f"/tasks/{id_}/complete", f"/leads/{lead}/tasks/{id_}/complete"):
        response = ask(api, organization, "PATCH", path, {}, headers={"If-Match": tag})

        assert (412, "STALE_VERSION") == (response.status_code, response.json()["code"])
        now = ask(api, organization, "GET", f"/tasks/{id_}")
        assert (now.headers["etag"], "pending") == (response.headers["etag"], now.json()["task"]["status"])


@pytest.mark.parametrize(("tag", "status"), [("*", 200), ("12", 400), ('W/"12"', 400), ('"1", "2"', 400), ('"0"', 412)])
def test_a_tag_is_read_strictly(api: Api, organization: Organization, tag: str, status: int) -> None:
    id_ = organization.task(lead_id=organization.lead())

    response = ask(api, organization, "PATCH", f"/tasks/{id_}/complete", {}, headers={"If-Match": tag})

    assert status == response.status_code


# Bodies and parameters.


@pytest.mark.parametrize(
    ("content", "content_type", "status"),
    [
        (b"[]", "application/json", 400),
        (b"null", "application/json", 400),
        (b"{", "application/json", 400),
        (b"\xff", "application/json", 400),
        (b"{}", "text/plain", 415),
        (b"subject=Call", "application/x-www-form-urlencoded", 415),
        (b'{"subject": "' + b"x" * 300_000 + b'"}', "application/json", 413),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_body_that_cannot_be_used_is_refused(
    api: Api, organization: Organization, content: bytes, content_type: str, status: int
) -> None:
    headers = api.headers({"content-type": content_type}, viewer=organization.viewer())

    response = api.client.post("/api/tasks", content=content, headers=headers)

    assert status == response.status_code
    assert status == response.json()["status"]


ODD = ["x", "-1", "1.5", "9" * 30, "9" * 5_000, "null", "[]", "' OR 1=1 --", "%00", "%ff", "é", str(NOBODY), "NaN"]
PARAMETERS = {
    "/tasks": "assigned_to lead_owner lead_id contact_id account_id entity_type status priority type sort_by "
    "sort_order limit offset",
    "/tasks/stats": "time_zone",
    "/leads/tasks": "limit offset status priority",
    "/leads/tasks/upcoming": "days limit",
    f"/leads/{NOBODY}/tasks": "overdue date_range time_zone limit status",
}


@pytest.mark.parametrize(
    ("path", "name"), [(path, name) for path, names in PARAMETERS.items() for name in names.split()]
)
def test_no_parameter_makes_the_server_fail(api: Api, organization: Organization, path: str, name: str) -> None:
    statuses = {ask(api, organization, "GET", f"{path}?{name}={value}").status_code for value in ODD}

    assert statuses <= {200, 400, 404}
    assert statuses & {400, 404}


@pytest.mark.parametrize("name", ["subject", "description", "priority", "scheduled_at", "assigned_to", "lead_id"])
def test_no_body_makes_the_server_fail(api: Api, organization: Organization, name: str) -> None:
    fit = {"subject": "Call", "contact_id": str(organization.contact())}
    values = [
        1,
        1.5,
        True,
        [],
        {},
        "x\0",
        "\u202e",
        "9999-12-31T23:59:59-23:59",
        "0001-01-01T00:00:00+23:59",
        "x" * 999,
    ]

    statuses = {ask(api, organization, "POST", "/tasks", fit | {name: value}).status_code for value in values}

    assert statuses <= {201, 400}
    assert 400 in statuses


def test_a_parameter_is_given_once(api: Api, organization: Organization) -> None:
    response = ask(api, organization, "GET", "/tasks?status=pending&status=completed")

    assert (400, "status is given more than once. Give it once.") == (
        response.status_code,
        response.json()["message"],
    )


def test_everything_that_is_wrong_is_said_at_once(api: Api, organization: Organization) -> None:
    response = ask(api, organization, "GET", "/tasks?limit=1001&sort_by=name&lead_id=1")

    errors = {error["field"]: (error["code"], error["message"]) for error in response.json()["errors"]}
    assert {
        "lead_id": ("BAD_USER_INPUT", "lead_id is “1”. Give a UUID, e.g. 5f0c3f1e-…."),
        "sort_by": ("BAD_USER_INPUT", "sort_by is “name”. Give 'scheduled_at', 'priority' or 'created_at'."),
        "limit": ("LIMIT_EXCEEDED", "limit is “1001”. Give at most 1,000."),
    } == errors


def test_problem_json_is_answered_to_those_who_name_it(api: Api, organization: Organization) -> None:
    for accept, media_type in (
        ("application/problem+json, */*", "application/problem+json"),
        ("*/*", "application/json"),
    ):
        response = ask(api, organization, "GET", "/tasks?limit=0", headers={"Accept": accept})

        assert media_type == response.headers["content-type"]


def test_without_its_database_the_service_is_unavailable() -> None:
    with apis.api() as running:
        response = running.client.get("/api/tasks", headers=running.headers())

    assert (503, "UNAVAILABLE", "2") == (response.status_code, response.json()["code"], response.headers["retry-after"])


@pytest.mark.parametrize("path", ["/tasks", "/leads/{lead}/tasks"])
def test_a_viewer_looks_and_changes_nothing(api: Api, organization: Organization, path: str) -> None:
    lead = organization.lead()
    headers = api.headers(viewer=organization.viewer(Role.VIEWER))
    address = f"/api{path.format(lead=lead)}"

    refused = api.client.post(address, json={"subject": "Call", "lead_id": str(lead)}, headers=headers)
    listed = api.client.get(address, headers=headers)

    assert (403, "FORBIDDEN") == (refused.status_code, refused.json()["code"])
    assert (200, []) == (listed.status_code, listed.json()["tasks"])
