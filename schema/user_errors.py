"""Refusals that a caller can do something about, as part of a mutation's payload."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import strawberry

import errors
from db.interactions import InteractionRow
from schema.links import RecordKind
from schema.tasks import Task, task


@strawberry.interface(description="A refusal that the caller can do something about.")
class UserError:
    """A refusal."""

    code: str = strawberry.field(description="What went wrong, for programs. Codes are added, never renamed.")
    message: str = strawberry.field(description="What went wrong and what to do next, for people.")
    path: list[str] | None = strawberry.field(description="The input field at fault, from the outermost name inward.")


@strawberry.type(description="A value that can't be accepted.")
class ValidationError(UserError):
    """A value that can't be accepted."""


@strawberry.type(description="A record, task or colleague that isn't there, or isn't yours to see.")
class RecordNotFoundError(UserError):
    """A missing record."""

    kind: RecordKind | None = strawberry.field(
        description="What kind of record was meant. Empty for a task or a colleague."
    )
    id: strawberry.ID = strawberry.field(description="The identifier that was given.")


@strawberry.type(description="Somebody changed the task in the meantime; nothing was changed now.")
class StaleVersionError(UserError):
    """A task that isn't what the caller thinks."""

    current: Task = strawberry.field(description="The task as it is now.")


@strawberry.type(description="The key was used before, with another input.")
class IdempotencyConflictError(UserError):
    """A key that stands for something else."""


@strawberry.type(description="A task must be linked to a lead, a contact or an account.")
class LinkRequiredError(UserError):
    """A task without a link."""


@strawberry.type(description="Your role doesn't allow this.")
class ForbiddenError(UserError):
    """A role that doesn't suffice."""


AnyError: TypeAlias = (
    ValidationError
    | RecordNotFoundError
    | StaleVersionError
    | IdempotencyConflictError
    | LinkRequiredError
    | ForbiddenError
)
TaskError = Annotated[AnyError, strawberry.union(name="TaskError", description="Why a change of tasks was refused.")]

KINDS = {"lead_id": RecordKind.LEAD, "contact_id": RecordKind.CONTACT, "account_id": RecordKind.ACCOUNT}


def user_error(refusal: errors.Refusal, *at: str) -> AnyError:
    """Show a refusal. `at` names the argument, and in a list the item's place, counted from 0."""
    inner = refusal.field.split(".") if refusal.field else []
    names = [*at, *map(_camel, inner)]
    path = names if len(names) > 1 else None  # the argument as a whole says nothing
    if isinstance(refusal, errors.RecordNotFound):
        return RecordNotFoundError(
            code=refusal.code,
            message=str(refusal),
            path=path,
            kind=KINDS.get(inner[-1]) if inner else None,
            id=strawberry.ID(refusal.missing_id),
        )
    words = {"code": refusal.code, "message": str(refusal)}
    match refusal:
        case errors.StaleVersion(current=InteractionRow() as row):
            return StaleVersionError(path=path, current=task(row), **words)
        case errors.Forbidden():
            return ForbiddenError(path=path, **words)
        case errors.IdempotencyConflict():
            return IdempotencyConflictError(path=path, **words)
        case errors.LinkRequired():
            return LinkRequiredError(path=path, **words)
        case _:
            return ValidationError(path=path, **words)


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(other.title() for other in others)
