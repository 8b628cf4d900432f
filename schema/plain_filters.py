"""From filters as clients write them to the plain data that use cases take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from db.filters import IdTest, InstantTest
from db.link_filters import LinksTest
from db.record_filters import RecordTest
from db.records import RecordKind as Kind
from db.task_filters import TaskFilter as PlainFilter
from errors import BadUserInput
from resolvers.searches import words_of
from schema.arguments import given_or_none
from schema.links import RecordKind
from schema.scalars import to_uuid, to_uuid_or_none
from schema.tasks import TaskPriority, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schema.filters import DateTimeFilter, IDFilter, LinksFilter, RecordFilter, TaskFilter


def plain_filter(given: TaskFilter, name: str) -> PlainFilter:
    """Return the filter as plain data; what is null or absent asks nothing there either. Raises BadUserInput."""
    return PlainFilter(
        all_of=_filters(given.and_, f"{name}.and") or (),
        any_of=_filters(given.or_, f"{name}.or"),
        negated=plain_filter(given.not_, f"{name}.not") if given.not_ else None,
        id=id_test(given.id, f"{name}.id"),
        lead_id=id_test(given.lead_id, f"{name}.leadId"),
        contact_id=id_test(given.contact_id, f"{name}.contactId"),
        account_id=id_test(given.account_id, f"{name}.accountId"),
        assignee_id=id_test(given.assignee_id, f"{name}.assigneeId"),
        created_by_id=id_test(given.created_by_id, f"{name}.createdById"),
        lead=_record_test(given.lead, f"{name}.lead"),
        contact=_record_test(given.contact, f"{name}.contact"),
        account=_record_test(given.account, f"{name}.account"),
        links=links_test(given.links),
        is_orphan=given_or_none(given.orphan),
        words=search_words(given.search, f"{name}.search"),
        status=status_words(given.status),
        priority=priority_words(given.priority),
        is_overdue=given_or_none(given.overdue),
        due_at=instant_test(given.due_at),
        completed_at=instant_test(given.completed_at),
        created_at=instant_test(given.created_at),
        is_deleted_included=bool(given.include_deleted),
    )


def id_test(given: IDFilter | None, name: str) -> IdTest:
    """Return the test as plain data. Raises BadUserInput when an identifier is none."""
    if not given:
        return IdTest()
    ids = given_or_none(given.in_)
    return IdTest(
        eq=to_uuid_or_none(given.eq, f"{name}.eq"),
        any_of=None if ids is None else tuple(to_uuid(id_, f"{name}.in") for id_ in ids),
        ne=to_uuid_or_none(given.ne, f"{name}.ne"),
        is_null=given_or_none(given.is_null),
    )


def instant_test(given: DateTimeFilter | None) -> InstantTest:
    """Return the test as plain data."""
    if not given:
        return InstantTest()
    return InstantTest(
        eq=given_or_none(given.eq),
        gt=given_or_none(given.gt),
        gte=given_or_none(given.gte),
        lt=given_or_none(given.lt),
        lte=given_or_none(given.lte),
        is_null=given_or_none(given.is_null),
    )


def links_test(given: LinksFilter | None) -> LinksTest:
    """Return the test as plain data."""
    if not given:
        return LinksTest()
    return LinksTest(all=_kinds(given.all), any=_kinds(given.any), none=_kinds(given.none), only=_kinds(given.only))


def status_words(given: Sequence[TaskStatus] | None) -> tuple[str, ...] | None:
    """Return the words for statuses, each once and in a fixed order, so that the same choice is the same filter."""
    return tuple(str(status.value) for status in TaskStatus if status in given) if isinstance(given, list) else None


def priority_words(given: Sequence[TaskPriority] | None) -> tuple[str, ...] | None:
    """Return the words for priorities, each once and in a fixed order."""
    return tuple(str(word.value) for word in TaskPriority if word in given) if isinstance(given, list) else None


def search_words(given: str | None, name: str) -> tuple[str, ...]:
    """Return the words of a search; none where nothing is asked. Raises BadUserInput."""
    return words_of(given, name) if isinstance(given, str) else ()


def _filters(given: Sequence[TaskFilter] | None, name: str) -> tuple[PlainFilter, ...] | None:
    if not isinstance(given, list):
        return None
    return tuple(plain_filter(part, f"{name}[{number}]") for number, part in enumerate(given))


def _record_test(given: RecordFilter | None, name: str) -> RecordTest:
    if not given:
        return RecordTest()
    statuses = given_or_none(given.status)
    if statuses and "\0" in "".join(statuses):
        raise BadUserInput(f"{name}.status holds the character U+0000, which no status has. Remove it.")
    return RecordTest(
        id=id_test(given.id, f"{name}.id"),
        words=search_words(given.search, f"{name}.search"),
        status=None if statuses is None else tuple(sorted(set(statuses))),
        owner_id=id_test(given.owner_id, f"{name}.ownerId"),
    )


def _kinds(given: Sequence[RecordKind] | None) -> tuple[Kind, ...] | None:
    return tuple(kind for kind in Kind if RecordKind(kind) in given) if isinstance(given, list) else None
