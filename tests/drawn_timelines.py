"""Random timelines, and a second opinion on them: what they must hold, worked out in Python from the rows alone."""

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID, uuid4

from hypothesis import strategies as st

from tests.organizations import Organization, new_organization
from tests.owners import Owner

KINDS = ("lead", "contact", "account")
COUNTS = {"lead": 4, "contact": 2, "account": 4}
DELETED_ACCOUNT = 3

# In ascending order, as SQL and, where the API can be asked for it, as text of GraphQL. Few, so that many are equal.
INSTANTS: list[tuple[str, str | None]] = [
    ("-infinity", None),
    ("4713-01-01 00:00:00+00 BC", None),
    ("0001-01-01 00:00:00+00", "0001-01-01T00:00:00Z"),
    ("1999-12-31 23:59:59.999999+00", "1999-12-31T23:59:59.999999Z"),
    ("2026-02-10 15:30:00+00", "2026-02-10T15:30:00Z"),
    ("2026-02-10 15:30:00.000001+00", "2026-02-10T15:30:00.000001Z"),
    ("2026-02-11 00:00:00+00", "2026-02-11T01:00:00+01:00"),
    ("9999-12-31 23:59:59.999999+00", "9999-12-31T23:59:59.999999Z"),
    ("10000-01-01 00:00:00+00", None),
    ("infinity", None),
]
ASKED = [place for place, (_, text) in enumerate(INSTANTS) if text]
LAST_PAST = 6
"""The last of them that is over; the next is the end of the calendar."""

Row = Mapping[str, Any]
"""A drawn interaction: places of links and instants in the lists above, words as stored."""


def _place(count: int) -> st.SearchStrategy[int | None]:
    return st.none() | st.integers(0, count - 1)


rows: st.SearchStrategy[Row] = st.fixed_dictionaries(
    {kind: _place(count) for kind, count in COUNTS.items()}
    | {name: _place(len(INSTANTS)) for name in ("completed_at", "scheduled_at", "created_at")}
    | {
        "interaction_type": st.sampled_from(["task", "task", "call", "whatsapp", "fax", ""]),
        "status": st.sampled_from(["pending", "scheduled", "completed", "cancelled", "waiting", None]),
        "priority": st.sampled_from(["low", "medium", "high", "urgent", None]),
        "user": st.integers(0, 1),
        "is_deleted": st.sampled_from([False, False, False, True]),
        "subject": st.sampled_from([None, "", "Alpha beta", "beta-gamma", "100% alpha_beta"]),
        "description": st.sampled_from([None, "delta (Alpha)", "gamma"]),
    }
)


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter as GraphQL takes it, with places in lists for ids, and what it means."""

    given: dict[str, Any]
    holds: Callable[["World", Row], bool]


@dataclass(frozen=True, slots=True)
class World:
    """An organization with a few records, each related to some of the others, and drawn interactions."""

    organization: Organization
    ids: Mapping[str, Sequence[UUID]]
    users: Sequence[UUID]
    rows: Mapping[UUID, Row]

    @classmethod
    def new(cls, owner: Owner, drawn: Sequence[Row]) -> "World":
        own = new_organization(owner)
        contacts = [own.contact() for _ in range(2)]
        leads = [own.lead(linked_contact_id=contact) for contact in (contacts[0], contacts[0], contacts[1], None)]
        holders = (contacts[0], contacts[0], contacts[1], contacts[0])
        accounts = [own.account(holder, account_name=f"Account {place}") for place, holder in enumerate(holders)]
        owner.run(f"UPDATE accounts SET deleted_at = now() WHERE id = '{accounts[DELETED_ACCOUNT]}'")
        ids = {"lead": leads, "contact": contacts, "account": accounts}
        users = [own.user_id, own.user()]
        stored = {uuid4(): row for row in drawn}
        own.tasks([_stored(id_, row, ids, users) for id_, row in stored.items()])
        return cls(own, ids, users, stored)

    def sources(self, kind: str, place: int, *, is_related_included: bool) -> set[tuple[str, int]]:
        """Return the records whose interactions are on a record's timeline."""
        holders = {0: 0, 1: 0, 2: 1}  # account to contact, without the deleted one
        became = {0: 0, 1: 0, 2: 1}  # lead to contact, without the one that became none
        own = {(kind, place)}
        if not is_related_included:
            return own
        if kind == "contact":
            accounts = {("account", account) for account, contact in holders.items() if contact == place}
            return own | accounts | {("lead", lead) for lead, contact in became.items() if contact == place}
        contact = (holders if kind == "account" else became).get(place)
        return own | (set() if contact is None else {("contact", contact)})

    def is_linked(self, row: Row, kind: str) -> bool:
        return row[kind] is not None and (kind, row[kind]) != ("account", DELETED_ACCOUNT)

    def expected(self, sources: set[tuple[str, int]], wanted: Filter) -> list[tuple[str, list[str]]]:
        """Return the ids and links of the entries that must be shown, in order."""
        found = [
            (occurs(row), id_, [kind for kind in KINDS if (kind, row[kind]) in sources])
            for id_, row in self.rows.items()
            if wanted.holds(self, row) and not row["is_deleted"]
        ]
        return [(str(id_), via) for _, id_, via in sorted(found, reverse=True) if via]


def occurs(row: Row) -> int:
    """Return where a drawn row stands, as a place in INSTANTS."""
    names = ("completed_at", "scheduled_at", "created_at")
    return next((row[name] for name in names if row[name] is not None), 0)


def _stored(id_: UUID, row: Row, ids: Mapping[str, Sequence[UUID]], users: Sequence[UUID]) -> dict[str, object]:
    links = {f"{kind}_id": None if row[kind] is None else ids[kind][row[kind]] for kind in KINDS}
    names = ("completed_at", "scheduled_at", "created_at")
    instants = {name: None if row[name] is None else INSTANTS[row[name]][0] for name in names}
    words = {name: row[name] for name in ("interaction_type", "status", "priority", "subject", "description")}
    deleted_at = "2020-01-01" if row["is_deleted"] else None
    return {"id": id_, "user_id": users[row["user"]], "deleted_at": deleted_at, **links, **instants, **words}


def _has_words(row: Row, words: Sequence[str]) -> bool:
    text = " ".join(part for part in (row["subject"], row["description"]) if part).lower()
    begun = [*text.split(), *re.split(r"[^a-z0-9]+", text)]
    return all(any(word.startswith(wanted.lower()) for word in begun) for wanted in words)


ID_FIELDS = {"user": "assigneeId", "lead": "leadId", "contact": "contactId", "account": "accountId"}
KNOWN_KINDS = {"task": "TASK", "call": "CALL", "whatsapp": "WHATSAPP"}
KNOWN_STATES = {
    "status": {"pending", "scheduled", "completed", "cancelled"},
    "priority": {"low", "medium", "high"},
}


def _kinds(chosen: Sequence[str]) -> Filter:
    return Filter({"kinds": chosen}, lambda _, row: KNOWN_KINDS.get(row["interaction_type"], "OTHER") in chosen)


def _states(name: str, chosen: Sequence[str]) -> Filter:
    """Test the status or the priority, which only tasks have."""

    def holds(_: World, row: Row) -> bool:
        word = row[name] if row[name] in KNOWN_STATES[name] else "unknown"
        return bool(row["interaction_type"] == "task" and word.upper() in chosen)

    return Filter({name: chosen}, holds)


def _is_open(row: Row) -> bool:
    return bool(row["interaction_type"] == "task" and row["status"] in ("pending", "scheduled"))


def _is_overdue(row: Row) -> bool:
    return _is_open(row) and row["scheduled_at"] is not None and row["scheduled_at"] <= LAST_PAST


def _open(is_wanted: bool) -> Filter:
    return Filter({"open": is_wanted}, lambda _, row: _is_open(row) is is_wanted)


def _overdue(is_wanted: bool) -> Filter:
    return Filter({"overdue": is_wanted}, lambda _, row: _is_overdue(row) is is_wanted)


def _links(test: str, chosen: Sequence[str]) -> Filter:
    def holds(world: World, row: Row) -> bool:
        linked = {kind.upper() for kind in KINDS if world.is_linked(row, kind)}
        match test:
            case "all":
                return set(chosen) <= linked
            case "any":
                return bool(set(chosen) & linked)
            case "none":
                return not set(chosen) & linked
        return set(chosen) == linked

    return Filter({"links": {test: chosen}}, holds)


def _words(text: str) -> Filter:
    return Filter({"search": text}, lambda _, row: _has_words(row, text.split()))


COMPARE: Mapping[str, Callable[[int, int], bool]] = {
    "eq": operator.eq,
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}


def _instants(test: str, place: int) -> Filter:
    return Filter({"occursAt": {test: INSTANTS[place][1]}}, lambda _, row: COMPARE[test](occurs(row), place))


def _due(test: str, place: int) -> Filter:
    """Test when a task is due, which nothing else is."""

    def holds(_: World, row: Row) -> bool:
        due = row["scheduled_at"]
        return bool(row["interaction_type"] == "task" and due is not None and COMPARE[test](due, place))

    return Filter({"dueAt": {test: INSTANTS[place][1]}}, holds)


def _is_dated(is_wanted: bool) -> Filter:
    def holds(_: World, row: Row) -> bool:
        return bool(row["interaction_type"] == "task" and (row["scheduled_at"] is not None) is is_wanted)

    return Filter({"dueAt": {"isNull": not is_wanted}}, holds)


def _id(name: str, test: str, wanted: Any) -> Filter:
    """Test the id of a user, or of a linked record; that of a deleted account is still there."""
    compare: dict[str, Callable[[int | None], bool]] = {
        "eq": lambda place: place == wanted,
        "in": lambda place: place in wanted,
        "ne": lambda place: place != wanted,
        "isNull": lambda place: (place is None) is wanted,
    }
    return Filter({ID_FIELDS[name]: {test: wanted}}, lambda _, row: compare[test](row[name]))


def _ids(name: str) -> st.SearchStrategy[Filter]:
    place = st.integers(0, COUNTS.get(name, 2) - 1)
    tests = {"eq": place, "in": st.lists(place, max_size=2), "ne": place, "isNull": st.booleans()}
    return st.one_of(*(st.builds(_id, st.just(name), st.just(test), wanted) for test, wanted in tests.items()))


def _both(filters: Sequence[Filter]) -> Filter:
    given: dict[str, Any] = {}
    for part in filters:
        given |= part.given
    last = {next(iter(part.given)): part for part in filters}  # a field given twice counts as given last
    return Filter(given, lambda world, row: all(part.holds(world, row) for part in last.values()))


def _chosen(words: Sequence[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(words), unique=True)


nothing = st.just(Filter({}, lambda *_: True))
filters = nothing | st.lists(
    st.one_of(
        _chosen(["TASK", "CALL", "WHATSAPP", "OTHER", "NOTE"]).map(_kinds),
        _chosen(["PENDING", "SCHEDULED", "COMPLETED", "CANCELLED", "UNKNOWN"]).map(partial(_states, "status")),
        _chosen(["LOW", "MEDIUM", "HIGH", "UNKNOWN"]).map(partial(_states, "priority")),
        st.builds(_due, st.sampled_from(sorted(COMPARE)), st.sampled_from(ASKED)),
        st.booleans().map(_is_dated),
        st.booleans().map(_open),
        st.booleans().map(_overdue),
        st.builds(_links, st.sampled_from(["all", "any", "none", "only"]), _chosen(["LEAD", "CONTACT", "ACCOUNT"])),
        st.sampled_from(["", "alpha", "ALPHA  gam", "beta", "%", "eta", "alpha_"]).map(_words),
        st.builds(_instants, st.sampled_from(["eq", "gt", "gte", "lt", "lte"]), st.sampled_from(ASKED)),
        *map(_ids, ID_FIELDS),
    ),
    min_size=1,
    max_size=2,
).map(_both)


def given(world: World, wanted: Filter) -> dict[str, Any]:
    """Return the filter with ids in place of places."""
    lists = {"assigneeId": world.users} | {f"{kind}Id": world.ids[kind] for kind in KINDS}
    named = {name: _with_ids(wanted.given[name], ids) for name, ids in lists.items() if name in wanted.given}
    return wanted.given | named


def _with_ids(tests: Mapping[str, Any], ids: Sequence[UUID]) -> dict[str, Any]:
    def named(wanted: Any) -> Any:
        if isinstance(wanted, list):
            return [str(ids[place]) for place in wanted]
        return wanted if isinstance(wanted, bool) else str(ids[wanted])

    return {test: named(wanted) for test, wanted in tests.items()}
