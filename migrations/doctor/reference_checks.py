"""What is looked for in rows: references that lead nowhere, or to another organization, and how to cure them.

A condition names the row `t` and what it refers to by the aliases of JOINS; one that names a table or column that isn't
there is left out. In a remedy `{those}` stands for the rows that meet the condition, `{sample}` for the id of one.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from migrations.doctor.findings import Severity

ERROR, WARNING, NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE

# {table: {alias: (table, what its id is compared with)}}
JOINS = {
    "lead_interactions": {
        "lead": ("leads", "t.lead_id"),
        "contact": ("contacts", "t.contact_id"),
        "account": ("accounts", "t.account_id"),
        "assignee": ("users", "t.user_id"),
        "creator": ("users", "t.created_by"),
        "editor": ("users", "t.last_modified_by"),
        "organization": ("organizations", "t.organization_id"),
        "disputed": ("taskline_disputed_interactions", "t.id"),
    },
    "interaction_events": {
        "interaction": ("lead_interactions", "t.interaction_id"),
        "lead": ("leads", "t.lead_id"),
        "actor": ("users", "t.changed_by"),
        "organization": ("organizations", "t.organization_id"),
        "disputed": ("taskline_disputed_interactions", "t.interaction_id"),
    },
    "leads": {
        "contact": ("contacts", "t.linked_contact_id"),
        "owner": ("users", "t.assigned_to"),
        "creator": ("users", "t.created_by"),
        "organization": ("organizations", "t.organization_id"),
    },
    "contacts": {
        "lead": ("leads", "t.converted_from_lead_id"),
        "owner": ("users", "t.assigned_to"),
        "creator": ("users", "t.created_by"),
        "organization": ("organizations", "t.organization_id"),
    },
    "accounts": {
        "contact": ("contacts", "t.contact_id"),
        "creator": ("users", "t.created_by"),
        "organization": ("organizations", "t.organization_id"),
    },
    "users": {"organization": ("organizations", "t.organization_id")},
}


class Kind(Enum):
    """What a check asks, where that decides whether it can be, or need be, asked at all."""

    REFERENCE = auto()
    """Does the column lead anywhere? A validated foreign key answers that."""
    INSTANT = auto()
    """Can it be shown? Of columns that hold an instant alone."""
    VALUE = auto()
    """Anything else."""


@dataclass(frozen=True, slots=True)
class RowCheck:
    """A condition that a row shouldn't meet; `needs` are the columns, as table.column, that its aliases don't show."""

    table: str
    column: str
    severity: Severity
    condition: str
    words: str
    remedy: str
    needs: tuple[str, ...] = ()
    kind: Kind = Kind.VALUE

    @property
    def place(self) -> str:
        """Where it is, as table.column."""
        return f"{self.table}.{self.column}"


def setting(table: str, change: str) -> str:
    """Return the remedy that changes the rows at fault."""
    return f"UPDATE {table} t SET {change} WHERE {{those}};"


def reference_checks() -> list[RowCheck]:
    """Return a check for each reference that could lead nowhere."""
    serious = {"lead_interactions.lead", "lead_interactions.contact", "lead_interactions.account", "accounts.contact"}
    return [
        RowCheck(
            table,
            value.removeprefix("t."),
            ERROR if f"{table}.{alias}" in serious or alias == "organization" else WARNING,
            f"{value} IS NOT NULL AND {alias}.id IS NULL",
            f"names a row of {target} that is gone",
            f"DELETE FROM {table} t WHERE {{those}};"
            if alias in {"interaction", "organization"}
            else setting(table, f"{value.removeprefix('t.')} = NULL"),
            kind=Kind.REFERENCE,
        )
        for table, joins in JOINS.items()
        for alias, (target, value) in joins.items()
        if alias != "disputed"
    ]


# Rows in dispute are one finding, not five: what follows from it is left out until a person has decided.
_AGREES = "coalesce(t.organization_id = lead.organization_id, true)"
_COLLEAGUE = "(SELECT u.id FROM users u WHERE u.organization_id = t.organization_id ORDER BY u.id LIMIT 1)"


def tenant_checks() -> list[RowCheck]:
    """Return the checks of what a row names: of its own organization, which foreign keys don't ask."""
    return [
        _tenant_check("lead_interactions", "contact", "contact_id = NULL", ERROR),
        _tenant_check("lead_interactions", "account", "account_id = NULL", ERROR),
        _tenant_check("lead_interactions", "assignee", f"user_id = {_COLLEAGUE}", ERROR, f" AND {_AGREES}"),
        _tenant_check("leads", "contact", "linked_contact_id = NULL", ERROR),
        _tenant_check("leads", "owner", "assigned_to = NULL", WARNING),
        _tenant_check("contacts", "lead", "converted_from_lead_id = NULL", WARNING),
        _tenant_check("contacts", "owner", "assigned_to = NULL", WARNING),
        _tenant_check(
            "accounts",
            "contact",
            "organization_id = (SELECT c.organization_id FROM contacts c WHERE c.id = t.contact_id)",
            ERROR,
        ),
        RowCheck(
            "interaction_events",
            "organization_id",
            WARNING,
            f"t.organization_id <> interaction.organization_id AND {_AGREES.replace('t.', 'interaction.')}",
            "is not its interaction's",
            setting(
                "interaction_events",
                "organization_id = (SELECT i.organization_id FROM lead_interactions i WHERE i.id = t.interaction_id)",
            ),
        ),
        RowCheck(
            "lead_interactions",
            "contact_id",
            WARNING,
            "account.contact_id <> t.contact_id",
            "is not the contact of its account",
            setting(
                "lead_interactions", "contact_id = (SELECT a.contact_id FROM accounts a WHERE a.id = t.account_id)"
            ),
        ),
    ]


def _tenant_check(table: str, alias: str, change: str, severity: Severity, more: str = "") -> RowCheck:
    return RowCheck(
        table,
        JOINS[table][alias][1].removeprefix("t."),
        severity,
        f"t.organization_id <> {alias}.organization_id{more}",
        "is of another organization than the row that names it",
        setting(table, change),
    )
