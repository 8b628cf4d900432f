"""What is asked: documents of the API, with the values they are asked by."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from bench.contest.data import Sizes, key

if TYPE_CHECKING:
    from collections.abc import Sequence

START = datetime(2023, 1, 1, tzinfo=UTC)  # as in interactions.sql, whose interactions reach over three years
MOST_VALUES = 500
"""How many different accounts, tasks or contacts are asked for, in turn."""

_OWN = "id subject status priority dueAt completedAt occursAt"
_RECORDS = "lead { id displayName company } contact { id displayName company }"
_PLAIN = f"{_OWN} {_RECORDS} account {{ id displayName }}"
_FULL = f"{_OWN} {_RECORDS} account {{ id displayName contact {{ id displayName }} }} assignee {{ id displayName }}"


def _timeline(name: str, first: int, *, more: str = "") -> str:
    declared = f", ${more}: String!" if more else ""
    argument = f", {more}: ${more}" if more else ""
    return f"""query {name}($account: ID!{declared}) {{
  timeline(record: {{accountId: $account}}, first: {first}{argument}) {{
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
    "H1": _timeline("H1", 50),
}
"""What every contestant answers."""
OPENER = "D0"
"""What gives the cursor that D1 reads on from; it isn't measured."""
MORE_QUERIES = QUERIES | {
    OPENER: """query D0($account: ID!, $at: DateTime!) {
  timeline(record: {accountId: $account}, first: 1, at: $at) { pageInfo { endCursor } }
}""",
    "D1": _timeline("D1", 50, more="after"),
    "R1": f"""query R1($contact: ID!) {{
  timeline(record: {{contactId: $contact}}, first: 50, includeRelated: true) {{
    edges {{ via {{ kind }} node {{
      id kind subject occursAt {_RECORDS} account {{ id displayName contact {{ id displayName }} }}
      assignee {{ id displayName }}
    }} }}
    pageInfo {{ hasNextPage endCursor }}
  }}
}}""",
}
"""What those answer that page through a timeline from anywhere, and show with a record what hangs on related ones."""
TITLES = {
    "Q1": "a timeline page: 50 tasks with lead, contact, account and its contact, and assignee",
    "Q2": "one task with lead, contact and account",
    "Q3": "a timeline page of 200 tasks, as Q1",
    "M1": "create a task of a contact, and return it",
    "H1": "as Q1, of an account that has a tenth of all interactions",
    "D1": "as H1, anywhere down to its end",
    "R1": "50 interactions of the contact who holds that account, with what hangs on its accounts",
}


@dataclass(frozen=True, slots=True)
class Document:
    """A document by its name, and the values it is asked by in turn; a mutation gets a key of its own each time."""

    name: str
    values: Sequence[dict[str, str]]
    is_opened_first: bool = False
    """Its values are those of OPENER, whose answers give the cursors to ask by."""

    @property
    def is_mutation(self) -> bool:
        """Whether it writes."""
        return self.name.startswith("M")

    def variables(self, number: int) -> dict[str, str]:
        """Return the variables of one request."""
        own = {"key": f"bench-{number}"} if self.is_mutation else {}
        return self.values[number % len(self.values)] | own

    def opened(self, cursors: Sequence[str]) -> Document:
        """Return the document with the cursors that were given for its values."""
        values = [
            {"account": value["account"], "after": cursor} for value, cursor in zip(self.values, cursors, strict=True)
        ]
        return Document(self.name, values)


def documents(sizes: Sizes) -> list[Document]:
    """Return all documents with values that a database of this size has."""
    tasks = [10 * number + 1 for number in range(sizes.interactions // 10)]  # the second of each ten: a busy account's
    hot = sizes.busy + sizes.large
    days = (START + timedelta(days=number) for number in range(50, 1_000, 19))
    instants = [{"account": _id("account", hot), "at": f"{day:%Y-%m-%d}T00:00:00Z"} for day in days]
    return [
        Document("Q1", [{"account": _id("account", number)} for number in _spread(sizes.busy)]),
        Document("Q2", [{"task": _id("interaction", tasks[number])} for number in _spread(len(tasks))]),
        Document("Q3", [{"account": _id("account", sizes.busy + number)} for number in _spread(sizes.large)]),
        Document("H1", [{"account": _id("account", hot)}]),
        Document("D1", instants, is_opened_first=True),
        Document("R1", [{"contact": _id("contact", hot % sizes.contacts)}]),
        Document("M1", [{"contact": _id("contact", number)} for number in _spread(sizes.contacts)]),
    ]


def _id(kind: str, number: int) -> str:
    return str(key(kind, number))


def _spread(count: int) -> Sequence[int]:
    """Return numbers below a count: all, or as many as are asked for, evenly spread."""
    return range(0, count, max(1, count // MOST_VALUES))[:MOST_VALUES]
