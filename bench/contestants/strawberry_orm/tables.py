"""The tables as mapped classes."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import TIMESTAMP, FetchedValue
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """What all tables have."""

    type_annotation_map: ClassVar = {datetime: TIMESTAMP(timezone=True)}

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=FetchedValue())
    organization_id: Mapped[UUID]


class UserRow(Base):
    """A colleague."""

    __tablename__ = "users"
    first_name: Mapped[str]
    last_name: Mapped[str]
    email: Mapped[str]


class LeadRow(Base):
    """A lead."""

    __tablename__ = "leads"
    first_name: Mapped[str]
    last_name: Mapped[str]
    company: Mapped[str | None]
    email: Mapped[str | None]
    status: Mapped[str | None]


class ContactRow(Base):
    """A contact."""

    __tablename__ = "contacts"
    first_name: Mapped[str]
    last_name: Mapped[str]
    company: Mapped[str | None]
    email: Mapped[str | None]
    status: Mapped[str | None]


class AccountRow(Base):
    """An account."""

    __tablename__ = "accounts"
    contact_id: Mapped[UUID]
    account_name: Mapped[str]
    account_status: Mapped[str | None]
    deleted_at: Mapped[datetime | None]


class InteractionRow(Base):
    """An interaction; a trigger sets `occurs_at`."""

    __tablename__ = "lead_interactions"
    interaction_type: Mapped[str]
    subject: Mapped[str | None]
    description: Mapped[str | None]
    status: Mapped[str]
    priority: Mapped[str]
    scheduled_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=FetchedValue())
    occurs_at: Mapped[datetime] = mapped_column(server_default=FetchedValue())
    deleted_at: Mapped[datetime | None]
    lead_id: Mapped[UUID | None]
    contact_id: Mapped[UUID | None]
    account_id: Mapped[UUID | None]
    user_id: Mapped[UUID]
    created_by: Mapped[UUID | None]
