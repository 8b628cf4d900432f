"""What the demo keeps between starts: who its people are, and the key of their tokens; for its user's eyes alone."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self
from uuid import UUID  # noqa: TC003 - pydantic reads the annotations

from pydantic import TypeAdapter, ValidationError

from errors import DemoNotMade
from resolvers.viewers import Role, Viewer

if TYPE_CHECKING:
    from pathlib import Path

    from db.embedded_crm import DemoPerson

FILE = "demo.json"


@dataclass(frozen=True, slots=True)
class DemoState:
    """A demo database that was made to the end."""

    jwt_secret: str
    organization_id: UUID
    people: dict[Role, tuple[UUID, str]]
    """Each one's id and name."""

    @classmethod
    def of(cls, people: list[DemoPerson], jwt_secret: str) -> Self:
        """Describe a database that has just been made."""
        return cls(
            jwt_secret=jwt_secret,
            organization_id=people[0].organization_id,
            people={Role(person.role): (person.user_id, person.display_name) for person in people},
        )

    @classmethod
    def read(cls, home: Path) -> Self | None:
        """Return what is kept in this home; None when there is no demo. Raises DemoNotMade when it can't be read."""
        path = home / FILE
        try:
            return TypeAdapter(cls).validate_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except OSError as exc:
            raise DemoNotMade(f"{path} can't be read: {exc.strerror}. Run this as the user who made the demo.") from exc
        except ValidationError as exc:
            raise DemoNotMade(
                f"{path} isn't as the demo wrote it. Make the demo anew: ./taskline demo --fresh."
            ) from exc

    @classmethod
    def secret_for_the_next(cls, home: Path) -> str:
        """Return the key of the demo before, so that one that still runs accepts the new tokens; else a new key."""
        try:
            before = cls.read(home)
        except DemoNotMade:
            before = None
        return before.jwt_secret if before else secrets.token_urlsafe(32)

    def write(self, home: Path) -> None:
        """Keep it, whole or not at all."""
        unfinished = home / f"{FILE}.new"
        unfinished.touch(mode=0o600)
        unfinished.write_bytes(TypeAdapter(DemoState).dump_json(self, indent=2))
        unfinished.replace(home / FILE)

    @staticmethod
    def forget(home: Path) -> None:
        """Keep nothing, while there is no whole database."""
        (home / FILE).unlink(missing_ok=True)

    def viewer(self, role: Role) -> Viewer:
        """Return the demo's person with this role."""
        if role not in self.people:
            raise DemoNotMade(f"Nobody in the demo is {role.value}. Make it anew: ./taskline demo --fresh.")
        return Viewer(self.people[role][0], self.organization_id, role)
