"""The schema before other people's tools: a linter, Relay's compiler, and a maker of typed documents."""

import json
import re
from pathlib import Path

import pytest

from tests.apis import api
from tests.messages import code_of
from tests.node_projects import copied, ran

pytestmark = [pytest.mark.slow, pytest.mark.node]

LINT = ["eslint", "--format", "json", "schema.graphql"]


@pytest.fixture
def project(clients: Path, tmp_path: Path) -> Path:
    return copied(clients, tmp_path)


def findings(project: Path) -> list[str]:
    done = ran(LINT, project)
    assert done.returncode in {0, 1}, done.stderr
    (file,) = json.loads(done.stdout)
    return [f"{found['line']}: {found['message']}" for found in file["messages"]]


def test_the_linter_finds_nothing(project: Path) -> None:
    assert [] == findings(project)


def test_the_linter_finds_what_is_wrong(project: Path) -> None:
    with (project / "schema.graphql").open("a") as file:
        file.write('type Undescribed { id: ID! }\n"""A page."""\ntype EmptyConnection { edges: [String] }\n')

    found = " ".join(findings(project))

    assert "Description is required for type" in found
    assert "EmptyConnection" in found


def test_relay_compiles_fragments_that_page(project: Path) -> None:
    done = ran(["relay-compiler"], project)

    assert 0 == done.returncode, done.stdout + done.stderr
    made = {path.name.partition(".")[0] for path in (project / "relay" / "__generated__").iterdir()}
    assert {"contactTasksPage", "contactTimelinePage", "contactCreateTaskMutation"} <= made


def test_what_relay_writes_is_a_list_of_trusted_documents(project: Path) -> None:
    config = json.loads((project / "relay.config.json").read_text())
    config["persistConfig"] = {"file": "./persisted.json", "algorithm": "SHA256"}
    (project / "relay.config.json").write_text(json.dumps(config))
    (project / "persisted.json").write_text("{}")

    done = ran(["relay-compiler"], project)
    assert 0 == done.returncode, done.stdout + done.stderr
    made = project / "relay" / "__generated__" / "contactCreateTaskMutation.graphql.ts"
    (id_,) = re.findall(r'"id": "(\w{64})"', made.read_text())
    with api(trusted_documents_file=project / "persisted.json", is_trusted_only=True) as running:
        body = {"documentId": id_, "variables": {"input": None}}
        answer = running.client.post("/graphql", json=body, headers=running.headers()).json()

    assert "BAD_USER_INPUT" == code_of(answer)  # the document is known, and misses its input
    assert "input" in answer["errors"][0]["message"]


def test_relay_refuses_a_field_that_is_not_there(project: Path) -> None:
    contact = project / "relay" / "contact.ts"
    contact.write_text(contact.read_text().replace("displayName", "nickname"))

    done = ran(["relay-compiler"], project)

    assert 0 != done.returncode
    assert "nickname" in done.stdout + done.stderr


def test_typed_documents_compile_strictly(project: Path) -> None:
    done = ran(["npm", "run", "build"], project)

    assert 0 == done.returncode, done.stdout + done.stderr
    assert (project / "built" / "trials" / "urql.js").exists()


def test_a_client_that_misspells_a_field_does_not_compile(project: Path) -> None:
    trial = project / "trials" / "urql.ts"
    trial.write_text(trial.read_text().replace("subject: ", "headline: ").replace("task?.status", "task?.state"))

    done = ran(["npm", "run", "build"], project)

    assert 0 != done.returncode
    assert "Property 'subject' is missing" in done.stdout
    assert "Property 'state' does not exist" in done.stdout
