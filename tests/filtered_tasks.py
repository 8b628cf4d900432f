"""What a TaskFilter means, said a second time in Python: which of some rows it finds."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

Filter = Mapping[str, Any]
Row = Mapping[str, Any]

STATUSES = {word: word.upper() for word in ("pending", "scheduled", "completed", "cancelled")}
PRIORITIES = {word: word.upper() for word in ("low", "medium", "high")}
COLUMNS = {
    "id": "id",
    "leadId": "lead_id",
    "contactId": "contact_id",
    "accountId": "account_id",
    "assigneeId": "user_id",
    "createdById": "created_by",
    "dueAt": "scheduled_at",
    "completedAt": "completed_at",
    "createdAt": "created_at",
}
ID_TESTS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda value, wanted: value == wanted,
    "in": lambda value, wanted: value in wanted,
    "ne": lambda value, wanted: value != wanted,
    "isNull": lambda value, wanted: (value is None) is wanted,
}
INSTANT_TESTS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda value, wanted: value is not None and value == wanted,
    "gt": lambda value, wanted: value is not None and value > wanted,
    "gte": lambda value, wanted: value is not None and value >= wanted,
    "lt": lambda value, wanted: value is not None and value < wanted,
    "lte": lambda value, wanted: value is not None and value <= wanted,
    "isNull": lambda value, wanted: (value is None) is wanted,
}


@dataclass(frozen=True, slots=True)
class Oracle:
    """Rows of lead_interactions, and the records that they are linked to by kind and id, as stored."""

    records: Mapping[str, Mapping[str, Row]]

    def holds(self, filter_: Filter, row: Row) -> bool:
        return all(self._field(name, test, row) for name, test in filter_.items() if test is not None)

    def _field(self, name: str, test: Any, row: Row) -> bool:
        tests: dict[str, Callable[[], bool]] = {
            "and": lambda: all(self.holds(part, row) for part in test),
            "or": lambda: any(self.holds(part, row) for part in test),
            "not": lambda: not self.holds(test, row),
            "links": lambda: self._links(test, row),
            "orphan": lambda: test is not bool(self._kinds(row)),
            "overdue": lambda: test is is_overdue(row),
            "search": lambda: finds(test, row["subject"], row["description"]),
            "includeDeleted": lambda: True,  # what a list shows, and no test of a row
            "status": lambda: STATUSES.get(row["status"], "UNKNOWN") in test,
            "priority": lambda: PRIORITIES.get(row["priority"], "UNKNOWN") in test,
        }
        if name in tests:
            return tests[name]()
        if name in self.records:
            return self._record(name, test, row)
        value = row[COLUMNS[name]]
        if name.endswith("At"):
            return passes(INSTANT_TESTS, seconds(value), {key: seconds(wanted) for key, wanted in test.items()})
        return passes(ID_TESTS, value, test)

    def _kinds(self, row: Row) -> set[str]:
        """Return the kinds of those linked records that are still there."""
        return {kind.upper() for kind in self.records if self._living(kind, row)}

    def _living(self, kind: str, row: Row) -> Row | None:
        record = self.records[kind].get(row[f"{kind}_id"])
        return None if record is None or record["deleted_at"] else record

    def _links(self, test: Mapping[str, Any], row: Row) -> bool:
        linked = self._kinds(row)
        tests: dict[str, Callable[[set[str]], bool]] = {
            "all": lambda wanted: wanted <= linked,
            "any": lambda wanted: bool(wanted & linked),
            "none": lambda wanted: not wanted & linked,
            "only": lambda wanted: wanted == linked,
        }
        return all(tests[name](set(wanted)) for name, wanted in test.items() if wanted is not None)

    def _record(self, kind: str, test: Mapping[str, Any], row: Row) -> bool:
        asked = {name: value for name, value in test.items() if value not in (None, {}) and not is_blank(value)}
        of_id = {name: value for name, value in (asked.pop("id", None) or {}).items() if value is not None}
        # By its id a deleted account is found as well: the link keeps it.
        if of_id and not (row[f"{kind}_id"] and passes(ID_TESTS, row[f"{kind}_id"], of_id)):
            return False
        asked = {name: value for name, value in asked.items() if name != "ownerId" or any_given(value)}
        record = self._living(kind, row)
        return not asked or (record is not None and all(of_record(record, *item) for item in asked.items()))


def is_overdue(row: Row) -> bool:
    due: Any = seconds(row["scheduled_at"])
    return row["status"] in ("pending", "scheduled") and due is not None and due < datetime.now(UTC).timestamp()


def of_record(record: Row, name: str, test: Any) -> bool:
    match name:
        case "search":
            return finds(test, *record["texts"])
        case "status":
            return record["status"] in test
        case _:
            return passes(ID_TESTS, record["owner_id"], test)


def passes(tests: Mapping[str, Callable[[Any, Any], bool]], value: Any, asked: Mapping[str, Any]) -> bool:
    return all(tests[name](value, wanted) for name, wanted in asked.items() if wanted is not None)


def any_given(test: Mapping[str, Any]) -> bool:
    return any(value is not None for value in test.values())


def is_blank(value: object) -> bool:
    return isinstance(value, str) and not value.strip()


def finds(search: str, *texts: str | None) -> bool:
    """Tell whether every word of the search begins some word, and so does it where punctuation is taken for spaces."""
    text = " ".join(" ".join(text for text in texts if text is not None).split())
    spread = " ".join(["", text, re.sub(r"[\W_]+", " ", text)]).lower()
    return all(f" {word}" in spread for word in search.lower().split())


def seconds(instant: object) -> object:
    """Return an instant as a number that compares; what is no instant comes back as it is."""
    if instant in ("infinity", "-infinity"):
        return float(str(instant))
    if isinstance(instant, str):
        return datetime.fromisoformat(instant).timestamp()
    return instant


def shown_rows(filter_: Filter, rows: Sequence[Row]) -> list[Row]:
    """Return the rows of which a list under this filter is made: deleted ones only where it includes them."""
    return [row for row in rows if filter_.get("includeDeleted") or not row["deleted_at"]]


def expected_ids(oracle: Oracle, filter_: Filter, rows: Sequence[Row]) -> set[str]:
    return {str(row["id"]) for row in shown_rows(filter_, rows) if oracle.holds(filter_, row)}
