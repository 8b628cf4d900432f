"""Leads, contacts and accounts, as clients see them. In one file because they name each other."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from operator import attrgetter

import strawberry
from strawberry import UNSET

from db.accounts import AccountRow
from db.contacts import ContactRow
from db.leads import LeadRow
from db.records import RecordKind as Kind
from execution.relations import relation
from execution.stored import stored
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

    stored_kind = Kind.LEAD

    first_name: str | None = stored("row.first_name", description="Given name.")
    last_name: str | None = stored("row.last_name", description="Family name.")
    company: str | None = stored("row.company", description="The company they work for.")
    email: str | None = stored("row.email", description="E-mail address.")
    phone: str | None = stored("row.phone", description="Telephone number.")
    status: str | None = stored("row.status", description="Where the lead stands, in your organization's own words.")

    owner: User | None = relation(
        attrgetter("row.owner_id"),
        lambda context: context.loaders.users_by_id,
        user,
        description="The colleague responsible for the lead.",
    )

    contact: Contact | None = relation(
        attrgetter("row.contact_id"),
        lambda context: context.loaders.contacts_by_id,
        lambda row: contact(row),  # noqa: PLW0108 - defined below
        description="The contact that this lead was converted to.",
    )


@strawberry.type(description="A person you do business with.")
class Contact(CrmRecord):
    """A contact."""

    stored_kind = Kind.CONTACT

    first_name: str | None = stored("row.first_name", description="Given name.")
    last_name: str | None = stored("row.last_name", description="Family name.")
    company: str | None = stored("row.company", description="The company they work for.")
    email: str | None = stored("row.email", description="E-mail address.")
    phone: str | None = stored("row.phone", description="Telephone number.")
    status: str | None = stored("row.status", description="Where the contact stands, in your organization's own words.")

    owner: User | None = relation(
        attrgetter("row.owner_id"),
        lambda context: context.loaders.users_by_id,
        user,
        description="The colleague responsible for the contact.",
    )

    @strawberry.field(description="The accounts this contact holds, by name. Deleted ones are left out.")
    async def accounts(
        self, info: Info, first: First = UNSET, after: After = UNSET, last: Last = UNSET, before: Before = UNSET
    ) -> AccountConnection:
        """List the contact's accounts."""
        loaders, id_ = info.context.loaders, self.row.id
        page = await record_lists.page_of_accounts(loaders, id_, page_request(first, after, last, before))
        return account_connection(page, partial(record_lists.count_of_accounts, loaders, id_))

    lead: Lead | None = relation(
        attrgetter("row.id"),
        lambda context: context.loaders.leads_of_contact,
        lambda row: lead(row),  # noqa: PLW0108 - defined below
        description="The lead that was converted to this contact; the latest one, if there were several.",
    )


@strawberry.type(description="A licence or subscription that a contact holds.")
class Account(CrmRecord):
    """An account."""

    stored_kind = Kind.ACCOUNT

    name: str = stored("row.name", description="The account's name.")
    status: str | None = stored("row.status", description="Where the account stands, e.g. active or on_hold.")

    contact: Contact | None = relation(
        attrgetter("row.contact_id"),
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
    return Lead(row=row) if row else None


def contact(row: ContactRow | None) -> Contact | None:
    """Show a contact, if there is one."""
    return Contact(row=row) if row else None


def account(row: AccountRow | None) -> Account | None:
    """Show an account, if there is one and it was not deleted."""
    return None if row is None or row.deleted_at else Account(row=row)


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
