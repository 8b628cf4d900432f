"""Organizations of a test's own, made by SQL as the owner, so that tests don't see each other's rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

from resolvers.viewers import Role, Viewer
from tests.owners import Owner


@dataclass(frozen=True, slots=True)
class Organization:
    """An organization with one user."""

    owner: Owner
    id: UUID
    user_id: UUID

    def viewer(self, role: Role = Role.USER) -> Viewer:
        return Viewer(self.user_id, self.id, role)

    def insert(self, table: str, **values: object) -> UUID:
        """Insert a row of this organization and return its id."""
        return self.insert_all(table, [values])[0]

    def insert_all(self, table: str, rows: Sequence[Mapping[str, object]]) -> list[UUID]:
        """Insert rows of this organization, which all name the same columns, in one go; return their ids."""
        whole = self._whole(rows)
        if whole:
            self.owner.run(_insertion(table, whole))
        return _ids(whole)

    def lead(self, **values: object) -> UUID:
        return self.insert("leads", **{"first_name": "Lea", "last_name": "Lead"} | values)

    def contact(self, **values: object) -> UUID:
        return self.insert("contacts", **{"first_name": "Cora", "last_name": "Contact"} | values)

    def account(self, contact_id: UUID, **values: object) -> UUID:
        return self.insert("accounts", **{"contact_id": contact_id, "account_name": "Acme"} | values)

    def user(self, **values: object) -> UUID:
        names: dict[str, object] = {
            "first_name": "Una",
            "last_name": "User",
            "email": f"{uuid4()}@example.test",
            "password_hash": "!",
        }
        return self.insert("users", **names | values)

    def task(self, **values: object) -> UUID:
        return self.tasks([values])[0]

    def tasks(self, rows: Sequence[Mapping[str, object]]) -> list[UUID]:
        """Insert tasks, or other interactions; the rows name the same columns."""
        return self.insert_all("lead_interactions", [self._task() | dict(row) for row in rows])

    def old_task(self, **values: object) -> UUID:
        """Insert a task as hand-made fixes left them before 046: it may name records of another organization."""
        whole = self._whole([self._task() | values])
        self.owner.database.psql(f"SET session_replication_role = replica; {_insertion('lead_interactions', whole)}")
        return _ids(whole)[0]

    def _task(self) -> dict[str, object]:
        return {"interaction_type": "task", "status": "pending", "subject": "Call", "user_id": self.user_id}

    def _whole(self, rows: Sequence[Mapping[str, object]]) -> list[dict[str, object]]:
        return [{"id": uuid4(), "organization_id": self.id} | dict(row) for row in rows]


def new_organization(owner: Owner) -> Organization:
    organization = Organization(owner, uuid4(), uuid4())
    name = f"org-{organization.id}"
    owner.run(f"INSERT INTO organizations (id, name, slug) VALUES ('{organization.id}', '{name}', '{name}')")
    organization.user(id=organization.user_id)
    return organization


def _insertion(table: str, rows: Sequence[Mapping[str, object]]) -> str:
    values = ", ".join(f"({', '.join(_literal(value) for value in row.values())})" for row in rows)
    return f"INSERT INTO {table} ({', '.join(rows[0])}) VALUES {values}"


def _ids(rows: Sequence[Mapping[str, object]]) -> list[UUID]:
    return [UUID(str(row["id"])) for row in rows]


def _literal(value: object) -> str:
    if value is None:
        return "NULL"
    return "'" + str(value).replace("'", "''") + "'"
