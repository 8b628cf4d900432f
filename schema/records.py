"""Leads, contacts and accounts, as clients see them. In one file because they name each other."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from uuid import UUID

import strawberry
from strawberry import UNSET

from db.accounts import AccountRow
from db.contacts import ContactRow
from db.leads import LeadRow
from db.records import RecordKind as Kind
from execution.relations import relation
from resolvers import record_lists
from resolvers.pages import RowPage
from schema.arguments import After, Before, First, Last, page_request
from schema.context import Info
from schema.crm_records import CrmRecord
from schema.nodes import Edge, PageInfo, page_info
from schema.users import User, user


@strawberry.type(description="A person or company that may become a customer.")
class Lead(CrmRecord):
    """A lead."""

    first_name: str | None = strawberry.field(description="Given name.")
    last_name: str | None = strawberry.field(description="Family name.")
    company: str | None = strawberry.field(description="The company they work for.")
    email: str | None = strawberry.field(description="E-mail address.")
    phone: str | None = strawberry.field(description="Telephone number.")
    status: str | None = strawberry.field(description="Where the lead stands, in your organization's own words.")
    stored_owner_id: strawberry.Private[UUID | None]
    stored_contact_id: strawberry.Private[UUID | None]

    owner: User | None = relation(
        lambda of: of.stored_owner_id,
        lambda context: context.loaders.users_by_id,
        user,
        description="The colleague responsible for the lead.",
    )

    contact: Contact | None = relation(
        lambda of: of.stored_contact_id,
        lambda context: context.loaders.contacts_by_id,
        lambda row: contact(row),  # noqa: PLW0108 - defined below
        description="The contact that this lead was converted to.",
    )


@strawberry.type(description="A person you do business with.")
class Contact(CrmRecord):
    """A contact."""

    first_name: str | None = strawberry.field(description="Given name.")
    last_name: str | None = strawberry.field(description="Family name.")
    company: str | None = strawberry.field(description="The company they work for.")
    email: str | None = strawberry.field(description="E-mail address.")
    phone: str | None = strawberry.field(description="Telephone number.")
    status: str | None = strawberry.field(description="Where the contact stands, in your organization's own words.")
    stored_owner_id: strawberry.Private[UUID | None]

    owner: User | None = relation(
        lambda of: of.stored_owner_id,
        lambda context: context.loaders.users_by_id,
        user,
        description="The colleague responsible for the contact.",
    )

    @strawberry.field(description="The accounts this contact holds, by name. Deleted ones are left out.")
    async def accounts(
        self, info: Info, first: First = UNSET, after: After = UNSET, last: Last = UNSET, before: Before = UNSET
    ) -> AccountConnection:
        """List the contact's accounts."""
        loaders, id_ = info.context.loaders, self.stored_id
        page = await record_lists.page_of_accounts(loaders, id_, page_request(first, after, last, before))
        return account_connection(page, partial(record_lists.count_of_accounts, loaders, id_))

    lead: Lead | None = relation(
        lambda of: of.stored_id,
        lambda context: context.loaders.leads_of_contact,
        lambda row: lead(row),  # noqa: PLW0108 - defined below
        description="The lead that was converted to this contact; the latest one, if there were several.",
    )


@strawberry.type(description="A licence or subscription that a contact holds.")
class Account(CrmRecord):
    """An account."""

    name: str = strawberry.field(description="The account's name.")
    status: str | None = strawberry.field(description="Where the account stands, e.g. active or on_hold.")
    stored_contact_id: strawberry.Private[UUID | None]

    contact: Contact | None = relation(
        lambda of: of.stored_contact_id,
        lambda context: context.loaders.contacts_by_id,
        lambda row: contact(row),  # noqa: PLW0108 - defined below
        description="The contact who holds this account.",
    )


@strawberry.type(description="One place in a page of accounts.")
class AccountEdge(Edge):
    """An account and its cursor."""

    node: Account = strawberry.field(description="The item itself.")


@strawberry.type(description="A page of accounts.")
class AccountConnection:
    """A page of accounts."""

    edges: list[AccountEdge] = strawberry.field(description="The items of this page, each with its cursor.")
    page_info: PageInfo = strawberry.field(description="Whether there is more, and from where.")
    count: strawberry.Private[Callable[[], Awaitable[int]]]

    @strawberry.field(description="How many there are on all pages. Counted only when asked for.")
    async def total_count(self) -> int:
        """Count."""
        return await self.count()


def lead(row: LeadRow | None) -> Lead | None:
    """Show a lead, if there is one."""
    if row is None:
        return None
    return Lead(
        id=strawberry.ID(str(row.id)),
        display_name=row.display_name,
        first_name=row.first_name,
        last_name=row.last_name,
        company=row.company,
        email=row.email,
        phone=row.phone,
        status=row.status,
        stored_id=row.id,
        stored_kind=Kind.LEAD,
        stored_owner_id=row.owner_id,
        stored_contact_id=row.contact_id,
    )


def contact(row: ContactRow | None) -> Contact | None:
    """Show a contact, if there is one."""
    if row is None:
        return None
    return Contact(
        id=strawberry.ID(str(row.id)),
        display_name=row.display_name,
        first_name=row.first_name,
        last_name=row.last_name,
        company=row.company,
        email=row.email,
        phone=row.phone,
        status=row.status,
        stored_id=row.id,
        stored_kind=Kind.CONTACT,
        stored_owner_id=row.owner_id,
    )


def account(row: AccountRow | None) -> Account | None:
    """Show an account, if there is one and it was not deleted."""
    if row is None or row.deleted_at:
        return None
    return Account(
        id=strawberry.ID(str(row.id)),
        display_name=row.display_name,
        name=row.name,
        status=row.status,
        stored_id=row.id,
        stored_kind=Kind.ACCOUNT,
        stored_contact_id=row.contact_id,
    )


def account_connection(page: RowPage[AccountRow], count: Callable[[], Awaitable[int]]) -> AccountConnection:
    """Show a page of accounts, none of them deleted; `count` counts those of all pages."""
    shown = [(mark, account(row)) for mark, row in zip(page.marks, page.rows, strict=True)]
    edges = [AccountEdge(mark=mark, node=node) for mark, node in shown if node]
    return AccountConnection(edges=edges, page_info=page_info(page), count=count)


def record(row: LeadRow | ContactRow | AccountRow | None) -> Lead | Contact | Account | None:
    """Show whichever kind of record it is."""
    match row:
        case LeadRow():
            return lead(row)
        case ContactRow():
            return contact(row)
        case _:
            return account(row)
