"""docs/http.md, docs/sign-in.md and docs/errors.md say what the code does."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from graphql import OperationDefinitionNode, parse

import errors
from errors import TasklineError
from execution.cost import measure
from execution.document_rules import MOST_COMPARISONS
from execution.limits import Limits
from execution.turns import AT_ONCE
from resolvers import relinks
from resolvers.idempotency import LONGEST_KEY
from resolvers.pages import DEFAULT_SIZE, LARGEST_SIZE
from resolvers.searches import LONGEST_SEARCH, MOST_WORDS
from resolvers.task_rules import LONGEST_MUTATION_ID, MOST_AT_ONCE
from schema.build import build_schema
from schema.filter_limits import DEEPEST, LONGEST_LIST, MOST_CONDITIONS
from server.refusals import status_of
from settings import Settings
from tests.apis import SECRET, Api
from tests.organizations import Organization
from tests.papers import blocks, section

DOCS = Path(__file__).parent.parent / "docs"
HTTP, SIGN_IN, ERRORS = ((DOCS / name).read_text() for name in ("http.md", "sign-in.md", "errors.md"))


def rows(text: str, heading: str) -> list[list[str]]:
    """Return the cells of the table below a heading, without its head and without backquotes."""
    section = text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    return [[cell.strip().replace("`", "") for cell in line.strip("|").split("|")] for line in lines]


def default_of(variable: str) -> object:
    return Settings.model_fields[variable.removeprefix("TASKLINE_").lower()].default


def test_each_setting_named_exists() -> None:
    for variable in re.findall(r"TASKLINE_[A-Z_]+", HTTP + SIGN_IN):
        assert variable.removeprefix("TASKLINE_").lower() in Settings.model_fields


@pytest.mark.parametrize("row", rows(SIGN_IN, "How it is checked"), ids=lambda row: row[0])
def test_defaults_of_token_settings_are_right(row: list[str]) -> None:
    variable, default, _ = row

    assert (default or None) == default_of(variable)


@pytest.mark.parametrize("row", rows(HTTP, "Limits"), ids=lambda row: row[0])
def test_limits_are_right(row: list[str]) -> None:
    what, limit, variable = row
    fixed = {
        "comparisons of fields that may have one name in the answer": MOST_COMPARISONS,
        "points of one person's operations that are under way together": AT_ONCE,
        "items of a page": LARGEST_SIZE,
        "conditions of a filter: tests, and filters within it": MOST_CONDITIONS,
        "filters within filters, the outermost counted": DEEPEST,
        "values in a list of a filter": LONGEST_LIST,
        "words of a search": MOST_WORDS,
        "characters of a search": LONGEST_SEARCH,
        "tasks of one createTasks or completeTasks": MOST_AT_ONCE,
        "tasks that one relinkTasks moves": relinks.MOST_TASKS,
        "the same from or to a lead, where old triggers make it dear": relinks.MOST_TASKS_OF_LEADS,
        "characters of an idempotency key": LONGEST_KEY,
        "characters of a clientMutationId": LONGEST_MUTATION_ID,
        "levels of brackets, or of fragments": Limits().nesting,
        "directives": Limits().directives,
    }

    assert int(limit.replace(",", "")) == (default_of(variable) if variable else fixed[what])


def test_the_limits_of_the_settings_are_those_of_execution() -> None:
    names = ("tokens", "depth", "aliases", "points")

    assert [getattr(Limits(), name) for name in names] == [default_of(f"max_query_{name}") for name in names]
    assert (Limits().page_default, Limits().page_max) == (DEFAULT_SIZE, LARGEST_SIZE)


@pytest.mark.parametrize("row", rows(ERRORS, "Codes of a request"), ids=lambda row: row[0])
def test_each_code_is_one_of_ours_with_its_statuses(row: list[str]) -> None:
    code, listed, *_ = row
    kinds = [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, TasklineError) and kind.code == code
    ]
    # What has no code of its own is unexpected, as any other exception is.
    failures = [RuntimeError()] if code == TasklineError.code else [kind.__new__(kind) for kind in kinds]

    assert kinds
    assert {int(status) for status in listed.split(", ")} == {status_of(failure) for failure in failures}


def test_a_list_with_a_default_of_its_own_costs_what_it_answers() -> None:
    document = parse('{ searchRecords(search: "x") { id } }')
    (operation,) = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]

    assert 10 == measure(build_schema()._schema, document, operation, {}, Limits()).points


def test_the_example_has_as_many_points_as_is_said() -> None:
    example, points = re.findall(r"`(\{ tasks.*\})` has (\d+):", HTTP)[0]
    document = parse(example)
    (operation,) = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]

    assert int(points) == measure(build_schema()._schema, document, operation, {}, Limits()).points


@pytest.mark.slow
def test_a_token_made_by_hand_is_accepted(api: Api, organization: Organization) -> None:
    script = blocks(section(SIGN_IN, "A token by hand"), "sh")[0]
    script = script.replace("the id", str(organization.user_id)).replace("the organization_id", str(organization.id))
    _, *arguments = shlex.split(script)

    made = subprocess.run(
        [sys.executable, *arguments],
        env=os.environ | {"TASKLINE_JWT_SECRET": SECRET},
        capture_output=True,
        text=True,
        check=True,
    )
    headers = {"Authorization": f"Bearer {made.stdout.strip()}"}
    answer = api.client.post("/graphql", json={"query": "{ viewer { organizationId role } }"}, headers=headers).json()

    assert {"viewer": {"organizationId": str(organization.id), "role": "USER"}} == answer["data"]
