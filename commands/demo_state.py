"""What the demo keeps between starts: who its people are, and the key of their tokens; for its user's eyes alone."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Self
from uuid import UUID

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
    organization_id: str
    people: dict[str, tuple[str, str]]
    """Role: (user id, name)."""

    @classmethod
    def of(cls, people: list[DemoPerson], jwt_secret: str) -> Self:
        """Describe a database that has just been made."""
        return cls(
            jwt_secret=jwt_secret,
            organization_id=str(people[0].organization_id),
            people={person.role: (str(person.user_id), person.display_name) for person in people},
        )

    @classmethod
    def read(cls, home: Path) -> Self | None:
        """Return what is kept in this home; None when there is no demo. Raises DemoNotMade when it can't be read."""
        path = home / FILE
        try:
            return cls(**json.loads(path.read_text()))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError) as exc:
            raise DemoNotMade(f"{path} can't be read ({exc}). Make the demo anew: ./taskline demo --fresh.") from exc

    def write(self, home: Path) -> None:
        """Keep it, whole or not at all."""
        unfinished = home / f"{FILE}.new"
        unfinished.touch(mode=0o600)
        unfinished.write_text(json.dumps(asdict(self), indent=2))
        unfinished.replace(home / FILE)

    def viewer(self, role: Role) -> Viewer:
        """Return the demo's person with this role."""
        if role.value not in self.people:
            raise DemoNotMade(f"Nobody in the demo is {role.value}. Make it anew: ./taskline demo --fresh.")
        return Viewer(UUID(self.people[role.value][0]), UUID(self.organization_id), role)
