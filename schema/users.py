"""Colleagues, and the person behind a request."""

from __future__ import annotations

from enum import Enum

import strawberry

from db.users import UserRow
from schema.context import Info
from schema.nodes import Node


@strawberry.type(description="A colleague of yours.")
class User(Node):
    """A colleague."""

    display_name: str = strawberry.field(description="The name to show to people; never empty.")
    email: str = strawberry.field(description="E-mail address.")


def user(row: UserRow | None) -> User | None:
    """Show a colleague, if there is one."""
    if row is None:
        return None
    return User(id=strawberry.ID(str(row.id)), display_name=row.display_name, email=row.email)


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
