"""The person behind a request, as the token tells."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from uuid import UUID


class Role(StrEnum):
    """What a person may do: everything, change tasks, or only see them."""

    ADMIN = "admin"
    USER = "user"
    VIEWER = "viewer"


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who asks, for which organization, with which rights."""

    user_id: UUID
    organization_id: UUID
    role: Role

    @property
    def may_write(self) -> bool:
        """Whether this person may change tasks."""
        return self.role is not Role.VIEWER
