"""The list of trusted documents: what is read at the start, and why one is refused then."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from graphql import OperationDefinitionNode, parse

from errors import SettingsInvalid
from execution.limits import Limits
from schema.build import build_schema
from server import trusted_documents
from settings import Settings
from tests.apis import SOMEBODY, api
from tests.messages import ANSWER, JSON, VIEWER
from tests.papers import blocks
from tests.trusted_lists import id_of, list_of

WEB = Path(__file__).parent.parent / "web"
PAGES = json.loads(trusted_documents.PAGES.read_text())


def refusal(file: Path, *, is_introspection_on: bool = True) -> str:
    """Return why an API with this list doesn't start."""
    chosen: dict[str, Any] = {"trusted_documents_file": file, "is_introspection_on": is_introspection_on}
    with pytest.raises(SettingsInvalid) as refused, api(**chosen):
        pass
    return str(refused.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    message = refusal(tmp_path / "nowhere.json")

    assert f"TASKLINE_TRUSTED_DOCUMENTS_FILE={tmp_path}/nowhere.json can't be used" in message
    assert "No such file" in message


def test_a_folder_is_no_list(tmp_path: Path) -> None:
    assert "Is a directory" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not valid JSON"),
        (b"{", "not valid JSON in UTF-8: look at line 1"),
        (b'{"a": "\xff"}', "not valid JSON"),
        (b'{"a": "\\ud800"}', "not valid JSON"),
        (b"[]", "write one object"),
        (b"null", "write one object"),
        (b'{"a": 1}', "write one object"),
        (b'{"a": {"query": "{ a }"}}', "write one object"),
    ],
)
def test_what_is_no_list_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    file = tmp_path / "documents.json"
    file.write_bytes(content)

    assert reason in refusal(file)


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha512"])
def test_a_key_must_be_its_documents_hash(tmp_path: Path, algorithm: str) -> None:
    key = hashlib.new(algorithm, VIEWER.encode()).hexdigest()
    file = tmp_path / "documents.json"
    file.write_text(json.dumps({key: VIEWER, id_of(VIEWER): VIEWER}))

    message = refusal(file)

    assert f"{key[:80]}" in message
    assert f"which is {id_of(VIEWER).removeprefix('sha256:')}" in message


def test_a_key_is_compared_to_the_letter(tmp_path: Path) -> None:
    file = tmp_path / "documents.json"
    file.write_text(json.dumps({id_of(VIEWER): VIEWER + "\n"}))

    assert f"{id_of(VIEWER)}: this isn't the SHA-256" in refusal(file)


BAD_DOCUMENTS = {
    "syntax": ("{ viewer {", "Line 1"),
    "unknown field": ("{ viewer { age } }", "age"),
    "missing argument": ("{ task { id } }", "id"),
    "only fragments": ("fragment A on Viewer { role }", "A"),
    "tokens": ("{" + "a " * 2_500 + "}", "tokens"),
    "depth": (
        "{ task(id: 1) " + "{ account { contact " * 6 + "{ id }" + "}}" * 6 + "}",
        "is nested deeper than the limit allows",
    ),
    "aliases": ("{" + " ".join(f"a{i}: viewer {{ role }}" for i in range(31)) + "}", "more aliases"),
}


@pytest.mark.parametrize(("text", "reason"), BAD_DOCUMENTS.values(), ids=BAD_DOCUMENTS)
def test_a_document_that_could_never_run_is_named(tmp_path: Path, text: str, reason: str) -> None:
    message = refusal(list_of(VIEWER, text, into=tmp_path))

    assert f"{id_of(text)}: " in message
    assert reason in message
    assert id_of(VIEWER) not in message


def test_each_of_its_operations_must_be_one_that_could_run(tmp_path: Path) -> None:
    deep, _ = BAD_DOCUMENTS["depth"]

    assert "nested deeper" in refusal(list_of(f"query A {VIEWER} query B {deep}", into=tmp_path))


def test_how_many_objects_may_be_asked_for_is_left_to_the_request(tmp_path: Path) -> None:
    wide = "query ($n: Int) { tasks(first: $n) { nodes { account { tasks(first: 200) { nodes { lead { id } } } } } } }"

    with api(trusted_documents_file=list_of(wide, into=tmp_path)):
        pass


def test_introspection_may_be_trusted_where_it_is_on(tmp_path: Path) -> None:
    text = "{ __schema { queryType { name } } }"
    file = list_of(text, into=tmp_path)

    with api(trusted_documents_file=file, is_trusted_only=True) as on:
        data = on.data(SOMEBODY, text)

    assert {"__schema": {"queryType": {"name": "Query"}}} == data
    assert f"{id_of(text)}: " in refusal(file, is_introspection_on=False)


def test_of_many_that_cant_be_used_only_so_many_are_told(tmp_path: Path) -> None:
    message = refusal(list_of(*(f"{{ nobody{number} }}" for number in range(50)), into=tmp_path))

    assert 20 == message.count("sha256:")
    assert message.endswith(" And 30 more.")


def test_a_key_may_lack_its_prefix(tmp_path: Path) -> None:
    file = tmp_path / "documents.json"
    file.write_text(json.dumps({id_of(VIEWER).removeprefix("sha256:"): VIEWER}))

    with api(trusted_documents_file=file, is_trusted_only=True) as running:
        body = {"documentId": id_of(VIEWER)}
        assert ANSWER == running.client.post("/graphql", json=body, headers=running.headers()).json()


def test_without_a_list_any_document_runs() -> None:
    with api() as running:
        assert ANSWER == running.ask(VIEWER).json()


@pytest.mark.parametrize("is_given", [True, False])
@pytest.mark.parametrize("is_trusted_only", [True, False])
def test_the_timelines_documents_are_always_in_the_list(tmp_path: Path, is_given: bool, is_trusted_only: bool) -> None:
    viewer = (WEB / "api" / "viewer.graphql").read_text()
    file = list_of(VIEWER, into=tmp_path) if is_given else None

    with api(trusted_documents_file=file, is_trusted_only=is_trusted_only) as running:
        body = {"documentId": id_of(viewer)}
        answer = running.client.post("/graphql", json=body, headers=running.headers()).json()

    assert "organizationId" in answer["data"]["viewer"]


def test_the_papers_examples_work(tmp_path: Path) -> None:
    text = (WEB.parent / "docs" / "trusted-documents.md").read_text()
    held, *bodies = blocks(text, "json")
    file = tmp_path / "documents.json"
    file.write_text(held)

    with api(trusted_documents_file=file, is_trusted_only=True) as running:
        headers = running.headers({"content-type": JSON})
        answers = [running.client.post("/graphql", content=body, headers=headers).json() for body in bodies]

    assert [ANSWER] * 2 == answers


# The list that comes with the pages; `./taskline check pages` compares it with what they are built of.


def test_the_pages_list_could_be_anybodys() -> None:
    settings = Settings(trusted_documents_file=trusted_documents.PAGES)

    trusted_documents.trusted_documents(settings, build_schema()._schema, Limits())


def test_the_pages_list_has_every_operation_of_the_timeline() -> None:
    files = [*(WEB / "timeline" / "documents").glob("*.graphql"), WEB / "api" / "viewer.graphql"]

    assert names(*(file.read_text() for file in files)) == names(*PAGES.values())


def names(*texts: str) -> list[str]:
    """Return the names of all operations in these documents."""
    nodes = [node for text in texts for node in parse(text).definitions if isinstance(node, OperationDefinitionNode)]
    return sorted(node.name.value for node in nodes if node.name)
