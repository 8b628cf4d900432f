"""Colleagues, and the person behind a request."""

from __future__ import annotations

from enum import Enum

import strawberry

from db.users import UserRow
from execution.stored import stored
from schema.context import Info
from schema.nodes import IDENTIFIER, Node


@strawberry.type(description="A colleague of yours.")
class User(Node):
    """A colleague."""

    row: strawberry.Private[UserRow]

    id: strawberry.ID = stored("row.id", made=str, description=IDENTIFIER)
    display_name: str = stored("row.display_name", description="The name to show to people; never empty.")
    email: str = stored("row.email", description="E-mail address.")


def user(row: UserRow | None) -> User | None:
    """Show a colleague, if there is one."""
    return User(row=row) if row else None


@strawberry.enum(description="What a person may do.")
class Role(Enum):
    """The roles of `resolvers.viewers`, in users' words."""

    ADMIN = strawberry.enum_value("admin", description="Everything, in their own organization.")
    USER = strawberry.enum_value("user", description="See and change tasks.")
    VIEWER = strawberry.enum_value("viewer", description="See, and change nothing.")


@strawberry.type(description="The person behind this request.")
class Viewer:
    """The person behind a request."""

    organization_id: strawberry.ID = strawberry.field(description="The organization that everything here belongs to.")
    role: Role = strawberry.field(description="What they may do.")

    @strawberry.field(description="Who they are. Empty when the token names nobody of this organization.")
    async def user(self, info: Info) -> User | None:
        """Load the token's person."""
        return user(await info.context.loaders.users_by_id.load(info.context.viewer.user_id))
