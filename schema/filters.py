"""Filters, as clients write them."""

from __future__ import annotations

import strawberry
from strawberry import UNSET, field

from db import filters
from db.records import RecordKind as Kind
from errors import LimitExceeded
from schema.links import RecordKind
from schema.scalars import to_uuid, to_uuid_or_none
from schema.tasks import TaskStatus

LONGEST_LIST = 500


@strawberry.input(description="Compare an identifier. All given tests must hold.")
class IDFilter:
    """Compare an identifier."""

    eq: strawberry.ID | None = field(default=UNSET, description="Is this one.")
    in_: list[strawberry.ID] | None = field(name="in", default=UNSET, description="Is one of these.")
    ne: strawberry.ID | None = field(
        default=UNSET, description="Is another one. Nothing at all also counts as another one."
    )
    is_null: bool | None = field(default=UNSET, description="True: there is none. False: there is one.")


@strawberry.input(description="Choose by what is linked. All given tests must hold.")
class LinksFilter:
    """Choose by what is linked."""

    all: list[RecordKind] | None = field(
        default=UNSET, description="Linked to all of these kinds, perhaps to others too."
    )
    any: list[RecordKind] | None = field(default=UNSET, description="Linked to at least one of these kinds.")
    none: list[RecordKind] | None = field(default=UNSET, description="Linked to none of these kinds.")
    only: list[RecordKind] | None = field(
        default=UNSET, description="Linked to exactly these kinds: `only: [CONTACT]` finds contact-only tasks."
    )


@strawberry.input(description="Choose tasks. All given fields must hold; a field that is null or absent asks nothing.")
class TaskFilter:
    """Choose tasks."""

    lead_id: IDFilter | None = field(default=UNSET, description="The linked lead's identifier.")
    contact_id: IDFilter | None = field(default=UNSET, description="The linked contact's identifier.")
    account_id: IDFilter | None = field(default=UNSET, description="The linked account's identifier.")
    assignee_id: IDFilter | None = field(default=UNSET, description="Who is to do it.")
    links: LinksFilter | None = field(default=UNSET, description="Which kinds of record are linked.")
    status: list[TaskStatus] | None = field(default=UNSET, description="Its status is one of these.")

    def plain(self) -> filters.TaskFilter:
        """Return the filter as plain data. Raises BadUserInput or LimitExceeded."""
        return filters.TaskFilter(
            lead_id=_id_test(self.lead_id, "leadId"),
            contact_id=_id_test(self.contact_id, "contactId"),
            account_id=_id_test(self.account_id, "accountId"),
            assignee_id=_id_test(self.assignee_id, "assigneeId"),
            links=_links_test(self.links),
            status=_words(self.status),
        )


def _id_test(given: IDFilter | None, name: str) -> filters.IdTest:
    if not given:
        return filters.IdTest()
    ids = given.in_ if isinstance(given.in_, list) else None
    if ids and len(ids) > LONGEST_LIST:
        raise LimitExceeded(f"{name}.in lists {len(ids)} identifiers. List at most {LONGEST_LIST}.")
    return filters.IdTest(
        eq=to_uuid_or_none(given.eq, f"{name}.eq"),
        any_of=None if ids is None else tuple(to_uuid(id_, f"{name}.in") for id_ in ids),
        ne=to_uuid_or_none(given.ne, f"{name}.ne"),
        is_null=given.is_null if isinstance(given.is_null, bool) else None,
    )


def _links_test(given: LinksFilter | None) -> filters.LinksTest:
    if not given:
        return filters.LinksTest()
    return filters.LinksTest(
        all=_kinds(given.all), any=_kinds(given.any), none=_kinds(given.none), only=_kinds(given.only)
    )


def _kinds(given: list[RecordKind] | None) -> tuple[Kind, ...] | None:
    return tuple(kind for kind in Kind if RecordKind(kind) in given) if isinstance(given, list) else None


def _words(given: list[TaskStatus] | None) -> tuple[str, ...] | None:
    return tuple(str(status.value) for status in TaskStatus if status in given) if isinstance(given, list) else None
