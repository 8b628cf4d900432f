"""The tables that Taskline reads or writes: the legacy CRM's, and its own. `migrations/` owns their definition."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, LargeBinary, MetaData, String, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP

METADATA = MetaData()
"""The legacy CRM's tables."""


def _table(
    name: str, *, uuids: str, strings: str = "", texts: str = "", instants: str = "", booleans: str = ""
) -> Table:
    columns = [
        *(Column(column, Uuid) for column in uuids.split()),
        *(Column(column, String) for column in strings.split()),
        *(Column(column, Text) for column in texts.split()),
        *(Column(column, Boolean) for column in booleans.split()),
        *(Column(column, TIMESTAMP(timezone=True)) for column in instants.split()),
    ]
    return Table(name, METADATA, *columns)


users = _table("users", uuids="id organization_id", strings="email first_name last_name role", booleans="is_active")
leads = _table(
    "leads",
    uuids="id organization_id assigned_to linked_contact_id",
    strings="first_name last_name company email phone status",
    instants="converted_date",
)
contacts = _table(
    "contacts",
    uuids="id organization_id assigned_to",
    strings="first_name last_name company email phone status",
)
accounts = _table(
    "accounts",
    uuids="id organization_id contact_id created_by",
    strings="account_name account_status",
    instants="deleted_at",
)
interactions = _table(
    "lead_interactions",
    uuids="id organization_id lead_id contact_id account_id user_id created_by last_modified_by deleted_by",
    strings="interaction_type subject outcome status priority status_before_deletion",
    texts="description",
    instants="scheduled_at completed_at created_at updated_at occurs_at deleted_at",
)

# Of Taskline alone, beside the CRM's.
idempotency_keys = Table(
    "taskline_idempotency_keys",
    MetaData(),
    Column("organization_id", Uuid),
    Column("user_id", Uuid),
    Column("operation", Text),
    Column("key", Text),
    Column("input_digest", LargeBinary),
    Column("answer", JSONB),
    Column("created_at", TIMESTAMP(timezone=True)),
)

# The log that triggers write: a line for each thing that happened to an interaction. Beside these columns it holds the
# row before and after as jsonb, and the names of the columns that the line is about.
task_events = Table(
    "taskline_events",
    MetaData(),
    Column("seq", BigInteger),
    Column("xid", Text),  # an xid8, of which only is asked whether there is one
    Column("organization_id", Uuid),
    Column("interaction_id", Uuid),
    Column("type", Text),
    Column("at", TIMESTAMP(timezone=True)),
    Column("actor_id", Uuid),
    Column("client_mutation_id", Text),
    Column("record_kind", Text),
    Column("record_id", Uuid),
    Column("record_name", Text),
)
