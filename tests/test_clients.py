"""Clients that people write with other people's libraries, run against the served API."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from resolvers.viewers import Viewer
from tests.apis import SOMEBODY, Api
from tests.apis import api as api_with
from tests.node_projects import copied, ran
from tests.organizations import Organization
from tests.trusted_lists import list_of

pytestmark = [pytest.mark.slow, pytest.mark.node]

SUBJECTS = [f"Task {number}" for number in range(5)]
LINKS = ["leadId", "contactId", "accountId", "lead", "contact", "account", "links"]
LIBRARIES = {"urql": "Made by urql", "apollo": "Made by Apollo"}


@dataclass(frozen=True, slots=True)
class Records:
    """Who a trial's tasks hang on: the account's are linked to all three."""

    lead: str
    contact: str
    account: str


@pytest.fixture(scope="session")
def trials(clients: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project of the trials, built."""
    project = copied(clients, tmp_path_factory.mktemp("trials"))
    done = ran(["npm", "run", "build"], project)
    assert 0 == done.returncode, done.stdout
    return project


@pytest.fixture
def records(organization: Organization) -> Records:
    contact = organization.contact(first_name="Cora", last_name="Contact")
    lead, account = organization.lead(linked_contact_id=contact), organization.account(contact, account_name="Acme")
    links = {"lead_id": lead, "contact_id": contact, "account_id": account}
    organization.tasks([links | {"subject": subject} for subject in SUBJECTS])
    organization.tasks([{"lead_id": lead, "interaction_type": "call", "status": "completed", "subject": "Hello"}])
    return Records(str(lead), str(contact), str(account))


def tried(name: str, trials: Path, api: Api, organization: Organization, records: Records) -> Any:
    """Run a trial, and return what it reports."""
    return reported(name, trials, api, organization.viewer(), account=records.account, contact=records.contact)


def reported(name: str, trials: Path, api: Api, viewer: Viewer, *, account: str = "none", contact: str = "none") -> Any:
    done = ran(
        ["node", f"built/trials/{name}.js"],
        trials,
        TASKLINE_URL=str(api.client.base_url.join("/graphql")),
        TASKLINE_TOKEN=api.token(viewer),
        ACCOUNT_ID=account,
        CONTACT_ID=contact,
    )
    assert 0 == done.returncode, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_cache_shows_every_task_once_and_loses_no_link(
    library: str, trials: Path, api: Api, organization: Organization, records: Records
) -> None:
    outcome = tried(library, trials, api, organization, records)

    created, completed = outcome["createdInCache"], outcome["completedInCache"]
    links = {name: outcome["original"][name] for name in LINKS}

    # The pages become one list, and a new task joins it.
    assert SUBJECTS == outcome["before"]
    assert [LIBRARIES[library], *SUBJECTS] == outcome["after"]

    # A change reaches who is watching, and every link stays.
    assert [records.lead, records.contact, records.account] == [links["leadId"], links["contactId"], links["accountId"]]
    assert ["LEAD", "CONTACT", "ACCOUNT"] == [link["kind"] for link in links["links"]]
    assert ["PENDING", "COMPLETED"] == outcome["seen"]
    assert "Successful" == completed["outcome"]
    assert links == {name: completed[name] for name in LINKS}

    # A new task is in the cache with its only link.
    assert outcome["created"] == created
    assert (None, None, records.account) == (created["leadId"], created["contactId"], created["accountId"])
    assert (None, None, "Acme") == (created["lead"], created["contact"], created["account"]["displayName"])
    assert ["ACCOUNT"] == [link["kind"] for link in created["links"]]
    assert 0 == outcome["requestsForTheCache"]

    # A timeline holds what only its interfaces name.
    assert {"TASK", "CALL"} == {entry["node"]["kind"] for entry in outcome["timeline"]}
    assert all(via["record"]["displayName"] for entry in outcome["timeline"] for via in entry["via"])
    assert [] == outcome["warnings"]


def test_the_protocols_own_client_gets_what_happened_and_what_happens(
    trials: Path, api: Api, organization: Organization, records: Records
) -> None:
    outcome = tried("socket", trials, api, organization, records)

    created, completed = outcome["created"], outcome["completed"]
    assert [("CREATED", outcome["taskId"]), ("COMPLETED", outcome["taskId"])] == [
        (event["type"], event["taskId"]) for event in (created, completed)
    ]
    assert records.account == created["task"]["accountId"] == completed["task"]["links"][0]["recordId"]
    assert ["status", "completedAt"] == [change["field"] for change in completed["changes"]]


def test_apollos_persisted_queries_find_a_trusted_document_and_else_send_its_text(trials: Path, tmp_path: Path) -> None:
    with api_with() as unknowing:
        first = reported("persisted", trials, unknowing, SOMEBODY)
    by_hash, with_text = first["sent"]
    file = list_of(with_text["query"], into=tmp_path)
    with api_with(trusted_documents_file=file, is_trusted_only=True) as knowing:
        second = reported("persisted", trials, knowing, SOMEBODY)

    assert ["ADMIN", "ADMIN"] == [first["role"], second["role"]]
    assert "query" not in by_hash
    assert [by_hash] == second["sent"]
