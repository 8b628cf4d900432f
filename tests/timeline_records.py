"""An organization as the timeline shows one: a lead that became a contact, the contact's account, and what was done."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import combinations
from uuid import UUID

from tests.organizations import Organization, new_organization
from tests.owners import Owner

KINDS = ("lead", "contact", "account")
COMBINATIONS = [kinds for size in (1, 2, 3) for kinds in combinations(KINDS, size)]
"""Every way to link a task; there are seven."""

LEAD, CONTACT, ACCOUNT = "Lea Lindqvist", "Cora Berg", "Nordwind Energy"
NAMES = dict(zip(KINDS, (LEAD, CONTACT, ACCOUNT), strict=True))
COLLEAGUE = "Omar Haddad"


@dataclass(frozen=True, slots=True)
class Customer:
    """One lead, contact and account, who belong together, in an organization of their own with two users."""

    organization: Organization
    ids: dict[str, UUID]
    """By kind."""
    colleague: UUID

    @classmethod
    def new(cls, owner: Owner) -> "Customer":
        organization = new_organization(owner)
        owner.run(f"UPDATE users SET first_name = 'Una', last_name = 'Usher' WHERE id = '{organization.user_id}'")
        colleague = organization.user(first_name="Omar", last_name="Haddad")
        contact = organization.contact(first_name="Cora", last_name="Berg", company="Berg & Sons")
        lead = organization.lead(first_name="Lea", last_name="Lindqvist", linked_contact_id=contact)
        account = organization.account(contact, account_name=ACCOUNT)
        return cls(organization, {"lead": lead, "contact": contact, "account": account}, colleague)

    def links(self, kinds: Sequence[str]) -> dict[str, UUID | None]:
        return {f"{kind}_id": self.ids[kind] if kind in kinds else None for kind in KINDS}

    def task(self, subject: str, kinds: Sequence[str] = ("contact",), **values: object) -> UUID:
        """Insert a task for records of these kinds."""
        return self.organization.task(subject=subject, **self.links(kinds), **values)

    def activity(self, kind: str, subject: str, kinds: Sequence[str] = ("contact",), **values: object) -> UUID:
        """Insert a call, note, … which happened a day ago unless told otherwise."""
        happened = {"interaction_type": kind, "status": "completed", "completed_at": days_from_now(-1)}
        return self.organization.task(subject=subject, **self.links(kinds), **(happened | values))

    def activities(self, count: int, kind: str = "contact") -> None:
        """Insert calls, one an hour into the past, "Call 1" the latest."""
        now = datetime.now(UTC)
        self.organization.tasks(
            [
                {
                    "subject": f"Call {number}",
                    "interaction_type": "call",
                    "status": "completed",
                    "completed_at": now - timedelta(hours=number),
                    f"{kind}_id": self.ids[kind],
                }
                for number in range(1, count + 1)
            ]
        )

    def stored(self, subject: str) -> dict[str, object]:
        """Return the one task with this subject as it is stored."""
        rows = self.organization.owner.rows(
            f"SELECT * FROM lead_interactions WHERE organization_id = '{self.organization.id}' "
            f"AND subject = $subject${subject}$subject$"
        )
        assert 1 == len(rows), f"{len(rows)} tasks are called {subject}"
        return rows[0]

    def linked(self, subject: str) -> tuple[str, ...]:
        """Return the kinds of record that a stored task is linked to."""
        row = self.stored(subject)
        for kind in KINDS:
            assert row[f"{kind}_id"] in {None, str(self.ids[kind])}
        return tuple(kind for kind in KINDS if row[f"{kind}_id"])


def days_from_now(days: float) -> datetime:
    return datetime.now(UTC) + timedelta(days=days)
