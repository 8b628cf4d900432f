"""What the log says of a task, and a task with a record of each kind to try it on."""

from dataclasses import dataclass
from uuid import UUID

from tests.organizations import Organization


@dataclass(frozen=True, slots=True)
class LinkedTask:
    """A task of an organization with its lead, contact and account, and the log as its owner reads it."""

    organization: Organization
    id: UUID
    lead_id: UUID
    contact_id: UUID
    account_id: UUID

    def change(self, assignments: str) -> None:
        """Change the task, as the owner."""
        self.organization.owner.run(f"UPDATE lead_interactions SET {assignments} WHERE id = '{self.id}'")

    def events(self) -> list[dict[str, object]]:
        """Return the lines of the log after the task's creation, in the order in which they were written."""
        query = f"SELECT * FROM taskline_events WHERE interaction_id = '{self.id}' ORDER BY seq"
        return self.organization.owner.rows(query)[1:]

    def types(self) -> list[object]:
        return [event["type"] for event in self.events()]


def linked_task(organization: Organization, **values: object) -> LinkedTask:
    lead_id, contact_id = organization.lead(), organization.contact()
    account_id = organization.account(contact_id)
    links = {"lead_id": lead_id, "contact_id": contact_id, "account_id": account_id}
    return LinkedTask(organization, organization.task(**links, **values), lead_id, contact_id, account_id)
