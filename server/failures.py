"""What a failure tells a client: a stable code, and a message without a word of Python, driver or SQL."""

from __future__ import annotations

import logging

from graphql import GraphQLError, VariableNode
from strawberry.schema.exceptions import CannotGetOperationTypeError

from errors import (
    AnswerLost,
    BadUserInput,
    ConstraintViolated,
    DatabaseRefused,
    SettingsInvalid,
    TasklineError,
    TimedOut,
    Unavailable,
    UnboundRole,
)
from execution.mistakes import shortened

log = logging.getLogger(__name__)

# Expected by us, but told to operators only: these name settings, roles and constraints.
PRIVATE = (ConstraintViolated, SettingsInvalid, UnboundRole)
MADE_BEFORE = "What the same request had changed before is saved: don't send that again."


def is_public(failure: BaseException) -> bool:
    """Return whether the failure's own code and message are meant for clients."""
    return isinstance(failure, TasklineError) and not isinstance(failure, PRIVATE)


def code_of(failure: BaseException) -> str:
    """Return the stable code: INTERNAL for everything that is not for clients."""
    return failure.code if isinstance(failure, TasklineError) and is_public(failure) else TasklineError.code


def message_of(failure: BaseException, request_id: str, *, has_made: bool = False) -> str:
    """Return a public failure's own message; log any other whole, and return the one masked message.

    What made the service unavailable is logged in one line. After a change that must not be sent again (`has_made`),
    the masked message asks nobody to try again.
    """
    if isinstance(failure, Unavailable | AnswerLost) and failure.__cause__:
        log.warning("unavailable, request_id=%s: %s", request_id, failure.__cause__)
    if isinstance(failure, DatabaseRefused):  # its own words are for operators: they name a setting
        return "The service can't reach its database right now. Try again in a few minutes."
    if is_public(failure):
        return str(failure)
    log.error("unexpected failure, request_id=%s", request_id, exc_info=failure)
    next_step = f"{MADE_BEFORE} If it stays," if has_made else "Try again; if it stays,"
    return f"Something went wrong on our side. {next_step} tell us the request id {request_id}."


def entry_of(failure: BaseException, request_id: str, *, has_made: bool = False) -> dict[str, object]:
    """Return the failure as an entry of `errors`."""
    return {"message": message_of(failure, request_id, has_made=has_made), "extensions": {"code": code_of(failure)}}


def placed_entry(error: GraphQLError, request_id: str, *, has_made: bool) -> tuple[BaseException, dict[str, object]]:
    """Return the failure behind a GraphQL error, and its entry with its places in the document and the answer.

    After a change that must not be sent again (`has_made`), nobody is asked to try all of it again.
    """
    failure = failure_of(error)
    entry = entry_of(failure, request_id, has_made=has_made)
    if has_made and isinstance(failure, Unavailable | TimedOut):
        entry["message"] = f"{entry['message']} {MADE_BEFORE}"
    if error.locations:
        entry["locations"] = [location.formatted for location in error.locations]
    if error.path is not None:
        entry["path"] = error.path
    _forget_frames(error)
    return failure, entry


def _forget_frames(error: GraphQLError) -> None:
    """Let go of where a failure came by, which holds all that was being run, and is held by it."""
    left: list[BaseException] = [error]
    seen = set[int]()
    while left:
        failure = left.pop()
        failure.__traceback__ = None
        seen.add(id(failure))
        behind = failure.__cause__, failure.__context__, getattr(failure, "original_error", None)
        left += [one for one in behind if one is not None and id(one) not in seen]  # one may be behind itself


def failure_of(error: GraphQLError) -> BaseException:
    """Return the failure behind a GraphQL error; what the client got wrong comes back as BadUserInput.

    graphql-core reports our faults with the same class. The client's are those with a place in the document (`nodes`,
    or `positions` for syntax), or without any cause at all. While fields run, every error is given the place of its
    field, so there only a cause that came with its own place is the client's.
    """
    root: BaseException = error
    while isinstance(root, GraphQLError) and root.original_error is not None:
        root = root.original_error
    if isinstance(root, TasklineError):
        return root
    if isinstance(root, CannotGetOperationTypeError):
        return no_such_operation(root.operation_name)
    told = error if error.path is None else error.original_error
    if not isinstance(told, GraphQLError):
        return root
    is_without_cause = error.path is None and root is error
    if not (told.nodes or told.positions or is_without_cause):
        return root
    return _while_running(told)


def _while_running(told: GraphQLError) -> BadUserInput:
    """Return what a client got wrong that no look at document and variables shows.

    That is null in a variable whose default made it possible where null isn't: `query ($id: ID! = "…")`.
    """
    node = next(iter(told.nodes or ()), None)
    if isinstance(node, VariableNode):
        return BadUserInput(f"${node.name.value} is null or missing, where a value is needed. Give one.")
    log.warning("a mistake that has no words of ours: %s", shortened(told.message))
    return BadUserInput("This can't be run as it is written. Compare it with the schema.")


def no_such_operation(name: str | None) -> BadUserInput:
    """Return the failure of a document of which it isn't clear what to run."""
    wanted = f"no operation named {shortened(name)}" if name else "not exactly one operation"
    return BadUserInput(f"The document has {wanted}. Name one of its operations in `operationName`.")
