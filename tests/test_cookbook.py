"""Each query of the cookbook answers without errors, and stands below one sentence that says what it is for."""

import re
from datetime import UTC, datetime

import pytest

from tests.apis import Api
from tests.organizations import Organization
from tests.papers import ROOT, blocks

TEXT = (ROOT / "docs" / "cookbook.md").read_text()
RECIPES = dict(re.findall(r"^### ([^\n]+)\n(.*?)(?=^##|\Z)", TEXT, re.DOTALL | re.MULTILINE))
# An input that is only checked makes no task.
EMPTY = {"Only to try"}


@pytest.fixture
def filled(organization: Organization) -> dict[str, str]:
    """An organization that has something for each recipe, and the variables that recipes use."""
    contact = organization.contact(first_name="Zoe", last_name="Moreau")
    lead, account = organization.lead(linked_contact_id=contact), organization.account(contact)
    links = {"lead_id": lead, "contact_id": contact, "account_id": account}
    task, other = organization.tasks([links | {"priority": "high", "scheduled_at": "2026-01-01T09:00Z"}] * 2)
    organization.tasks([{"contact_id": contact, "scheduled_at": "2030-01-01T09:00Z"}])
    organization.tasks([{"account_id": account, "status": "completed", "completed_at": "2026-02-01T09:00Z"}])
    (orphan,) = organization.tasks([{"account_id": account}])
    organization.owner.run(f"UPDATE lead_interactions SET account_id = NULL WHERE id = '{orphan}'")
    return {
        "leadId": str(lead),
        "contactId": str(contact),
        "accountId": str(account),
        "taskId": str(task),
        "otherTaskId": str(other),
        "assigneeId": str(organization.user_id),
        "now": datetime.now(UTC).isoformat(),
    }


@pytest.mark.parametrize("heading", RECIPES)
def test_a_recipe_is_one_sentence_and_one_query(heading: str) -> None:
    words = RECIPES[heading].partition("```")[0].strip()

    assert re.fullmatch(r"[A-Z][^.]+\.", words)
    assert 1 == len(blocks(RECIPES[heading], "graphql"))


@pytest.mark.slow
@pytest.mark.parametrize("heading", RECIPES)
def test_a_recipe_answers(api: Api, organization: Organization, filled: dict[str, str], heading: str) -> None:
    (query,) = blocks(RECIPES[heading], "graphql")
    viewer = organization.viewer()
    version = api.data(viewer, f'{{ task(id: "{filled["taskId"]}") {{ version }} }}')["task"]["version"]
    given = filled | {"version": version}

    data = api.data(viewer, query, **{name: value for name, value in given.items() if f"${name}:" in query})

    assert [] == [answer["errors"] for answer in data.values() if isinstance(answer, dict) and answer.get("errors")]
    assert not any(answer.get("failed") for answer in data.values() if isinstance(answer, dict))
    assert heading in EMPTY or all(found(answer) for answer in data.values())


def found(answer: object) -> bool:
    """Tell whether an answer shows anything."""
    if not isinstance(answer, dict):
        return bool(answer)
    lists = [answer[name] for name in ("nodes", "edges") if name in answer]
    return all(lists) and answer.get("task", True) is not None
