"""What is asked: four documents of the API, with the values they are asked by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.contest.data import Sizes, key

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_VALUES = 500
"""How many different accounts, tasks or contacts are asked for, in turn."""

_OWN = "id subject status priority dueAt completedAt occursAt"
_RECORDS = "lead { id displayName company } contact { id displayName company }"
_PLAIN = f"{_OWN} {_RECORDS} account {{ id displayName }}"
_FULL = f"{_OWN} {_RECORDS} account {{ id displayName contact {{ id displayName }} }} assignee {{ id displayName }}"


def _timeline(name: str, first: int) -> str:
    return f"""query {name}($account: ID!) {{
  timeline(record: {{accountId: $account}}, first: {first}) {{
    edges {{ node {{ ... on Task {{ {_FULL} }} }} }}
    pageInfo {{ hasNextPage endCursor }}
  }}
}}"""


QUERIES = {
    "Q1": _timeline("Q1", 50),
    "Q2": f"query Q2($task: ID!) {{ task(id: $task) {{ {_PLAIN} }} }}",
    "Q3": _timeline("Q3", 200),
    "M1": """mutation M1($contact: ID!, $key: String!) {
  createTask(input: {subject: "Call back", contactId: $contact, dueAt: "2099-01-01T00:00:00Z", idempotencyKey: $key}) {
    task { id subject status priority dueAt contact { id displayName company } assignee { id displayName } }
    errors { ... on UserError { code message } }
  }
}""",
}
TITLES = {
    "Q1": "a timeline page: 50 tasks with lead, contact, account and its contact, and assignee",
    "Q2": "one task with lead, contact and account",
    "Q3": "a timeline page of 200 tasks, as Q1",
    "M1": "create a task of a contact, and return it",
}


@dataclass(frozen=True, slots=True)
class Document:
    """A document by its name, and the values it is asked by in turn; a mutation gets a key of its own each time."""

    name: str
    values: Sequence[dict[str, str]]

    @property
    def is_mutation(self) -> bool:
        """Whether it writes."""
        return self.name.startswith("M")

    def variables(self, number: int) -> dict[str, str]:
        """Return the variables of one request."""
        own = {"key": f"bench-{number}"} if self.is_mutation else {}
        return self.values[number % len(self.values)] | own


def documents(sizes: Sizes) -> list[Document]:
    """Return all documents with values that a database of this size has."""
    tasks = [10 * number + 1 for number in range(sizes.interactions // 10)]  # the second of each ten: a busy account's
    return [
        Document("Q1", [{"account": _id("account", number)} for number in _spread(sizes.busy)]),
        Document("Q2", [{"task": _id("interaction", tasks[number])} for number in _spread(len(tasks))]),
        Document("Q3", [{"account": _id("account", sizes.busy + number)} for number in _spread(sizes.large)]),
        Document("M1", [{"contact": _id("contact", number)} for number in _spread(sizes.contacts)]),
    ]


def _id(kind: str, number: int) -> str:
    return str(key(kind, number))


def _spread(count: int) -> Sequence[int]:
    """Return numbers below a count: all, or as many as are asked for, evenly spread."""
    return range(0, count, max(1, count // MOST_VALUES))[:MOST_VALUES]
