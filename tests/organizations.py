"""Organizations of a test's own, made by SQL as the owner, so that tests don't see each other's rows."""

from dataclasses import dataclass
from uuid import UUID, uuid4

from resolvers.viewers import Role, Viewer
from tests.databases import CrmDatabase


@dataclass(frozen=True, slots=True)
class Organization:
    """An organization with one user."""

    database: CrmDatabase
    id: UUID
    user_id: UUID

    def viewer(self, role: Role = Role.USER) -> Viewer:
        return Viewer(self.user_id, self.id, role)

    def insert(self, table: str, **values: object) -> UUID:
        """Insert a row of this organization and return its id."""
        row = {"id": uuid4(), "organization_id": self.id} | values
        columns, literals = ", ".join(row), ", ".join(_literal(value) for value in row.values())
        self.database.psql(f"INSERT INTO {table} ({columns}) VALUES ({literals})", url=self.database.owner_url)
        return UUID(str(row["id"]))

    def lead(self, **values: object) -> UUID:
        return self.insert("leads", **{"first_name": "Lea", "last_name": "Lead"} | values)

    def contact(self, **values: object) -> UUID:
        return self.insert("contacts", **{"first_name": "Cora", "last_name": "Contact"} | values)

    def account(self, contact_id: UUID, **values: object) -> UUID:
        return self.insert("accounts", **{"contact_id": contact_id, "account_name": "Acme"} | values)

    def user(self, **values: object) -> UUID:
        names = {"first_name": "Una", "last_name": "User", "email": f"{uuid4()}@example.test", "password_hash": "!"}
        return self.insert("users", **names | values)

    def task(self, **values: object) -> UUID:
        row = {"interaction_type": "task", "status": "pending", "subject": "Call", "user_id": self.user_id} | values
        return self.insert("lead_interactions", **row)


def new_organization(database: CrmDatabase) -> Organization:
    organization = Organization(database, uuid4(), uuid4())
    name = f"org-{organization.id}"
    sql = f"INSERT INTO organizations (id, name, slug) VALUES ('{organization.id}', '{name}', '{name}')"
    database.psql(sql, url=database.owner_url)
    organization.user(id=organization.user_id)
    return organization


def _literal(value: object) -> str:
    if value is None:
        return "NULL"
    return "'" + str(value).replace("'", "''") + "'"
