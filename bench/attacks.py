"""What somebody sends who wants the server to be busy, to fail or to grow; each within what one request may bring."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

import orjson

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

TASK = "id subject status priority dueAt lead { id displayName } contact { id displayName } account { id displayName }"


@dataclass(frozen=True, slots=True)
class Attack:
    """One kind of request; `body` makes the n-th."""

    name: str
    body: Callable[[int], bytes]
    path: str = "/graphql"
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})


def query(text: str, variables: object = None) -> bytes:
    """Return the body that asks a document."""
    return orjson.dumps({"query": text, "variables": variables})


def laugh(order: int) -> str:
    """Return a document of fragments of which each has the next one twice: 2^order fields."""
    parts = [f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(order)]
    return "\n".join(["{ ...F0 }", *parts, f"fragment F{order} on Query {{ viewer {{ role }} }}"])


def nested(first: int, depth: int) -> str:
    """Return a document with a page of a page of a page of tasks."""
    inner = "id"
    for level in range(depth):
        inner = f"nodes {{ id contact {{ tasks(first: {first}) {{ {inner} }} }} }}" if level else "nodes { id subject }"
    return f"{{ tasks(first: {first}) {{ {inner} }} }}"


def filters(count: int, number: int) -> dict[str, object]:
    """Return a filter of so many tests, no two requests' alike."""
    tests = [{"dueAt": {"gte": f"2024-01-{1 + n % 28:02}T{number % 24:02}:{n % 60:02}:00Z"}} for n in range(count)]
    return {"or": tests}


def _named(text: str) -> Callable[[int], bytes]:
    """Make documents that are new each time, so that nothing that was kept of one helps with the next."""
    return lambda number: query(text.replace("{", f"query Q{number} {{", 1) if text.startswith("{") else text)


LIST = "query L($f: TaskFilter) { tasks(filter: $f, first: 50) { totalCount nodes { " + TASK + " } } }"
IDS = [str(UUID(int=n)) for n in range(500)]

ATTACKS = (
    Attack("2^16 fields by fragments", _named(laugh(16))),
    Attack("pages of 200 in pages of 200", _named(nested(200, 4))),
    Attack("as dear as is allowed: 139 tasks of each of 139", _named(nested(139, 2))),
    Attack("200 tasks with all that they link to", _named(f"{{ tasks(first: 200) {{ nodes {{ {TASK} }} }} }}")),
    Attack("2,400 words of unknown fields", _named("{ " + " ".join(f"x{n}" for n in range(2_400)) + " }")),
    Attack("2,400 times the same field", _named("{ viewer { " + "role " * 2_400 + "} }")),
    Attack("490 times the same field with a field", _named("{" + "a{b}" * 490 + "}")),
    Attack("115 times the same list", _named("{" + "tasks{nodes{id}}" * 115 + "}")),
    Attack("fields within fields, 150 times", _named("{" + "a{a{a{a{b}}}}" * 150 + "}")),
    Attack("30 aliases of a count", _named("{ " + " ".join(f"a{n}: tasks {{ totalCount }}" for n in range(30)) + " }")),
    Attack("80,000 words", _named("{ " + "x " * 80_000 + "}")),
    Attack("50,000 brackets", _named("{" * 50_000)),
    Attack(
        "introspection at its deepest",
        _named("{ __schema { types " + "{ fields { type " * 5 + "{ name }" + " } }" * 5 + " } }"),
    ),
    Attack("a filter of 100 tests", lambda n: query(LIST, {"f": filters(49, n)})),
    Attack("500 ids of nothing", lambda _: query(LIST, {"f": {"contactId": {"in": IDS}}})),
    Attack("a search that finds nothing", lambda n: query(LIST, {"f": {"search": f"zz{n} " * 10}})),
    Attack(
        "300 brackets in a variable",
        lambda _: b'{"query": "{ viewer { role } }", "variables": {"a": ' + b"[" * 300 + b"]" * 300 + b"}}",
    ),
    Attack("100,000 brackets in JSON", lambda _: b"[" * 100_000),
    Attack("5,000 digits", lambda _: b'{"query": "{ tasks(first: ' + b"9" * 5_000 + b') { totalCount } }"}'),
    Attack("null", lambda _: b"null"),
    Attack("no UTF-8", lambda _: b'{"query": "{ viewer { role } } #\xff\xfe"}'),
    Attack("a body beyond the limit", lambda _: b" " * 300_000),
    Attack("REST: a body of nothing but brackets", lambda _: b"[" * 200_000, "/api/tasks"),
    Attack("REST: a subject of 200,000 letters", lambda _: orjson.dumps({"subject": "x" * 200_000}), "/api/tasks"),
    Attack(
        "no token",
        lambda _: query("{ viewer { role } }"),
        headers={"Content-Type": "application/json", "Authorization": "Bearer " + "x" * 8_000},
    ),
)
