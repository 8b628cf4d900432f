"""The audit trail: who changed or tried what, from where, with which token."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from errors import SettingsInvalid
from resolvers.viewers import Role
from server.accesses import AccessLog
from tests.apis import SECRET, SOMEBODY, Api, api
from tests.databases import CrmDatabase
from tests.deadlines import eventually
from tests.organizations import Organization
from tests.sockets import greeted
from tests.tokens import CLAIMS, signed

CREATE = """mutation Make($contact: ID!) {
  createTask(input: {subject: "Secret plans", contactId: $contact}) { task { id } errors { ... on UserError { code } } }
}"""
Trail = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "audit.jsonl"


@pytest.fixture
def audited(crm: CrmDatabase, file: Path) -> Iterator[Api]:
    with api(database_url=crm.app_url, audit_file=file) as running:
        yield running


def lines_of(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_a_change_says_who_made_it_and_from_where(audited: Api, organization: Organization, file: Path) -> None:
    viewer = organization.viewer()
    claims = CLAIMS | {"sub": str(viewer.user_id), "organization_id": str(viewer.organization_id), "jti": "token-7"}
    headers = {"Authorization": f"Bearer {signed(claims, key=SECRET)}", "X-Request-Id": "r-1"}
    body = {"query": CREATE, "variables": {"contact": str(organization.contact())}}

    audited.client.post("/graphql", json=body, headers=headers | {"X-Forwarded-For": "203.0.113.7"})

    (line,) = eventually(lambda: lines_of(file))
    assert ("Make", "mutation", ["createTask"], 1, 200) == tuple(
        line[name] for name in ("operation", "kind", "fields", "changes", "status")
    )
    assert (str(viewer.user_id), str(viewer.organization_id)) == (line["user_id"], line["organization_id"])
    assert ("203.0.113.7", "token-7", "r-1") == (line["address"], line["token_id"], line["request_id"])
    logged = f"SELECT 1 FROM taskline_events WHERE request_id = 'r-1' AND actor_id = '{viewer.user_id}'"
    assert organization.owner.rows(logged)
    assert "Secret plans" not in file.read_text()


def test_a_change_that_was_refused_is_told_with_nothing_changed(
    audited: Api, organization: Organization, file: Path
) -> None:
    contact = str(organization.contact())
    audited.ask(CREATE, {"contact": contact}, viewer=organization.viewer(Role.VIEWER))

    (line,) = eventually(lambda: lines_of(file))
    assert ("viewer", 0) == (line["role"], line["changes"])


def test_rest_and_sockets_are_told_too(audited: Api, organization: Organization, file: Path) -> None:
    viewer, contact = organization.viewer(), str(organization.contact())
    audited.client.post(
        "/api/tasks", json={"subject": "Call", "contact_id": contact}, headers=audited.headers(viewer=viewer)
    )
    with greeted(audited, viewer) as socket:
        socket.subscribe(CREATE, {"contact": contact})
        socket.data()
        assert "complete" == socket.receive()["type"]

    assert eventually(lambda: len(lines_of(file)) == 2)
    rest, socket_line = lines_of(file)
    assert (["createTask"], 1, 201) == (rest["fields"], rest["changes"], rest["status"])
    assert (["createTask"], 1) == (socket_line["fields"], socket_line["changes"])
    assert str(viewer.user_id) == rest["user_id"] == socket_line["user_id"]


def test_a_refused_token_is_told_without_it(audited: Api, file: Path) -> None:
    audited.client.get("/graphql", headers={"Authorization": "Bearer a-token-of-somebody"})

    (line,) = eventually(lambda: lines_of(file))
    assert ("UNAUTHENTICATED", 401, None) == (line["codes"], line["status"], line["user_id"])
    assert "a-token-of-somebody" not in file.read_text()


def test_a_document_that_isnt_trusted_is_told_without_it(file: Path) -> None:
    with api(audit_file=file, is_trusted_only=True) as closed:
        closed.ask(CREATE, {"contact": "secret"})
        with greeted(closed) as socket:
            socket.subscribe(CREATE, {"contact": "secret"})
            assert "error" == socket.receive()["type"]
        assert eventually(lambda: len(lines_of(file)) == 2)

    assert [("DOCUMENT_NOT_TRUSTED", str(SOMEBODY.user_id), [])] * 2 == [
        (line["codes"], line["user_id"], line["fields"]) for line in lines_of(file)
    ]
    assert "ecret" not in file.read_text()


def test_who_only_reads_leaves_no_trail(audited: Api, organization: Organization, file: Path) -> None:
    audited.ask("{ tasks { totalCount } }", viewer=organization.viewer())

    assert [] == lines_of(file)


def test_a_trail_that_was_moved_away_goes_on_in_a_new_file(
    audited: Api, organization: Organization, file: Path
) -> None:
    variables = {"contact": str(organization.contact())}
    audited.ask(CREATE, variables, viewer=organization.viewer())
    eventually(lambda: lines_of(file))
    file.rename(file.with_suffix(".1"))

    audited.ask(CREATE, variables, viewer=replace(organization.viewer(), role=Role.ADMIN))

    assert ["admin"] == [line["role"] for line in eventually(lambda: lines_of(file) if file.exists() else [])]


def test_a_trail_that_cant_be_written_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="TASKLINE_AUDIT_FILE"):
        AccessLog(tmp_path / "nowhere" / "audit.jsonl")


@pytest.mark.parametrize(
    ("method", "path", "body", "code"),
    [
        ("POST", "/api/tasks", b'{"subject": 5}', "BAD_USER_INPUT"),
        ("POST", "/api/tasks", b"{", "BAD_USER_INPUT"),
        ("DELETE", "/api/tasks/5", b"", "BAD_USER_INPUT"),
        (
            "POST",
            "/api/tasks",
            b'{"subject": "Call", "contact_id": "5f0c3f1e-0000-4000-8000-000000000000"}',
            "RECORD_NOT_FOUND",
        ),
        (
            "GET",
            "/graphql?query=mutation+Kept+%7BcompleteTask(input:%7Bid:%221%22%7D)%7BclientMutationId%7D%7D",
            b"",
            "BAD_USER_INPUT",
        ),
    ],
)
def test_what_was_meant_to_change_something_is_told_whatever_came_of_it(
    audited: Api, organization: Organization, file: Path, method: str, path: str, body: bytes, code: str
) -> None:
    headers = audited.headers({"Content-Type": "application/json"}, viewer=organization.viewer())

    audited.client.request(method, path, content=body, headers=headers)

    assert eventually(lambda: lines_of(file))
    (line,) = lines_of(file)
    assert (code, "mutation", 0) == (line["codes"], line["kind"], line["changes"])


def test_a_change_over_a_limit_is_told(audited: Api, organization: Organization, file: Path) -> None:
    aliases = " ".join(f'a{n}: completeTask(input: {{id: "1"}}) {{ clientMutationId }}' for n in range(31))
    audited.ask(f"mutation {'B' * 500} {{ nothing {aliases} }}", viewer=organization.viewer())

    assert eventually(lambda: lines_of(file))
    (line,) = lines_of(file)
    assert ("LIMIT_EXCEEDED", ["completeTask"], "B" * 100) == (line["codes"], line["fields"], line["operation"])


def test_a_tokens_id_that_no_text_can_hold_loses_no_line(audited: Api, organization: Organization, file: Path) -> None:
    viewer = organization.viewer()
    claims = CLAIMS | {"sub": str(viewer.user_id), "organization_id": str(viewer.organization_id), "jti": "\ud800x"}
    body = {"query": CREATE, "variables": {"contact": str(organization.contact())}}

    audited.client.post("/graphql", json=body, headers={"Authorization": f"Bearer {signed(claims, key=SECRET)}"})

    assert eventually(lambda: lines_of(file))
    assert "?x" == lines_of(file)[0]["token_id"]
