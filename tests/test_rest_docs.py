"""docs/rest.md says what the code does, and its commands run."""

import json
import os
import re
import subprocess
from typing import Any

import pytest

from server.rest.inputs import LeadTaskList, TaskList
from server.rest.routes import all_operations
from tests.apis import Api
from tests.organizations import Organization
from tests.papers import ROOT, blocks, section, table

REST = (ROOT / "docs" / "rest.md").read_text()
COMMANDS = [block for block in blocks(section(REST, "By curl"), "sh") if block.startswith("curl")]


def test_each_route_is_listed() -> None:
    listed = [[cell.strip("`") for cell in row] for row in table(section(REST, "Routes"))]

    assert sorted(listed) == sorted([op.method, f"/api{op.path}", op.summary] for op in all_operations())


def test_the_refusal_is_the_one_shown(api: Api, organization: Organization) -> None:
    headers = api.headers(viewer=organization.viewer())

    answer = api.client.post("/api/tasks", json={"subject": "Call"}, headers=headers).json()

    assert json.loads(blocks(section(REST, "Refusals"), "json")[0]) == answer


def test_each_status_of_a_refusal_is_listed() -> None:
    listed = {int(row[0]) for row in table(section(REST, "Refusals"))}

    assert {status for operation in all_operations() for status in operation.refusals} | {405} == listed


def test_the_limits_are_right() -> None:
    said = re.findall(r"answer ([\d,]+) tasks \(of one lead: ([\d,]+)\)", REST)[0]
    defaults = [model.model_fields["limit"].default for model in (TaskList, LeadTaskList)]

    assert defaults == [int(number.replace(",", "")) for number in said]


def asked(api: Api, organization: Organization, **more: str) -> list[str]:
    """Run each command of the page as somebody of the organization, and return what they print."""
    known = {
        "TASKLINE": str(api.client.base_url).rstrip("/"),
        "TOKEN": api.token(organization.viewer()),
        "CONTACT": str(organization.contact()),
        **more,
    }
    done = [
        subprocess.run(["bash", "-c", command], env=os.environ | known, capture_output=True, text=True, check=False)
        for command in COMMANDS
    ]
    assert [(0, "")] * len(done) == [(run.returncode, run.stderr) for run in done]
    return [run.stdout for run in done]


@pytest.mark.slow
def test_the_commands_of_the_page_can_be_typed(api: Api, organization: Organization) -> None:
    task = str(organization.task(contact_id=organization.contact(), scheduled_at="2026-02-10T15:30Z"))
    headers = api.headers(viewer=organization.viewer())
    tag = api.client.get(f"/api/tasks/{task}", headers=headers).headers["etag"]

    overdue, created, read, completed, numbers, document = asked(api, organization, TASK=task, ETAG=tag)

    def parsed(text: str) -> Any:
        return json.loads(text)

    assert [task] == [found["id"] for found in parsed(overdue)["tasks"]]
    assert "scheduled" == parsed(created)["task"]["status"]
    assert tag == re.findall(r'etag: (".*")', read)[0]
    assert "completed" == parsed(completed)["task"]["status"]
    assert (2, 1) == (parsed(numbers)["stats"]["total"], parsed(numbers)["stats"]["completed"])
    assert parsed(document)["openapi"].startswith("3.1")
