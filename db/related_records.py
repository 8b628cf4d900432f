"""Closely related records: a contact's accounts and the leads that became it, and the contact of an account or lead."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import exists, func, not_, or_, select
from sqlalchemy.dialects.postgresql import array

from db.records import RecordKind
from db.statements import of_tenant, uuid_argument, uuids_argument
from db.tables import accounts, contacts, interactions, leads

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from uuid import UUID

    from sqlalchemy import CTE, ColumnElement, FromClause, Select


def asked_records(*, is_one: bool = False) -> CTE:
    """Select the ids in the argument `ids`, or the only one in `asked_id`, as `id`.

    Of a list in an argument the planner doesn't know how long it is: it would rather plan for each list anew than for
    all. Which record it is, it is not to know: a plan for one with few interactions reads all that another one has.
    """
    ids = array([uuid_argument("asked_id")]) if is_one else uuids_argument("ids")
    return select(func.unnest(ids).label("id")).cte("asked")


def related_records(kind: RecordKind, asked: FromClause) -> Mapping[RecordKind, Select[tuple[UUID, UUID]]]:
    """Select for each kind of related record the asked one's id as `record_id`, and its own as `id`.

    A deleted account is related to nothing. `converted_from_lead_id` is not followed: it can lead nowhere.
    """
    living = accounts.c.deleted_at.is_(None)
    match kind:
        case RecordKind.CONTACT:
            held = select(asked.c.id.label("record_id"), accounts.c.id).join(
                accounts, accounts.c.contact_id == asked.c.id
            )
            converted = select(asked.c.id.label("record_id"), leads.c.id).join(
                leads, leads.c.linked_contact_id == asked.c.id
            )
            return {
                RecordKind.LEAD: converted.where(of_tenant(leads)),
                RecordKind.ACCOUNT: held.where(of_tenant(accounts), living),
            }
        case RecordKind.ACCOUNT:
            holder = (
                select(accounts.c.id.label("record_id"), contacts.c.id)
                .select_from(asked)
                .join(accounts, accounts.c.id == asked.c.id)
                .join(contacts, contacts.c.id == accounts.c.contact_id)
            )
            return {RecordKind.CONTACT: holder.where(of_tenant(accounts), living, of_tenant(contacts))}
        case RecordKind.LEAD:
            became = (
                select(leads.c.id.label("record_id"), contacts.c.id)
                .select_from(asked)
                .join(leads, leads.c.id == asked.c.id)
                .join(contacts, contacts.c.id == leads.c.linked_contact_id)
            )
            return {RecordKind.CONTACT: became.where(of_tenant(leads), of_tenant(contacts))}


def found_first(kind: RecordKind, linked: RecordKind, record_id: ColumnElement[UUID]) -> Iterator[ColumnElement[bool]]:
    """Yield the conditions that an interaction found by a link isn't found by one before it as well, for one record.

    The record's own link comes first, then those to related records in their order. So each is found once, without a
    look at all that were found before: that would be a sort of all of them.
    """
    if linked is kind:
        return
    yield interactions.c[kind.column].is_distinct_from(record_id)
    if (kind, linked) == (RecordKind.CONTACT, RecordKind.ACCOUNT):
        became = exists().where(
            of_tenant(leads), leads.c.id == interactions.c.lead_id, leads.c.linked_contact_id == record_id
        )
        yield or_(interactions.c.lead_id.is_(None), not_(became.correlate_except(leads)))
