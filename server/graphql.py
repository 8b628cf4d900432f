"""The GraphQL endpoint: one operation per request, in by JSON, out by JSON.

Written on Starlette rather than on Strawberry's ASGI view: that view builds the context before it looks at the
request, reads any body whole, answers plain text, and fails with a 500 on JSON null, nested or huge values; each
step would have to be overridden, until only `Schema.execute` was left of it. So only that is used.
"""

from __future__ import annotations

from contextlib import nullcontext
from functools import lru_cache
from typing import TYPE_CHECKING

from graphql import GraphQLError
from starlette.requests import Request
from starlette.routing import Route
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types import ExecutionResult
from strawberry.types.graphql import OperationType

from errors import (
    BadUserInput,
    ChangeUnknown,
    DocumentNotTrusted,
    DocumentUnknown,
    MethodNotAllowed,
    TasklineError,
    Unavailable,
)
from schema.context import Context
from server import accesses, departures, failures, operations, refusals, request_ids, reruns
from server.answers import JSON, answer

if TYPE_CHECKING:
    import strawberry
    from starlette.responses import Response
    from starlette.types import Receive, Scope, Send

    from db.engine import Database
    from db.sessions import Session
    from resolvers.viewers import Viewer
    from server.gate import Gate
    from server.operations import Operation
    from server.spans import Trace
    from server.trusted_documents import TrustedDocuments
    from settings import Settings

GRAPHQL_JSON = "application/graphql-response+json"

# GET never mutates: links and images send it from any page.
_ALLOWED = {"GET": {OperationType.QUERY}, "POST": {OperationType.QUERY, OperationType.MUTATION}}


def endpoint(
    schema: strawberry.Schema, trusted: TrustedDocuments, database: Database, gate: Gate, settings: Settings
) -> Route:
    """Return the route of /graphql."""
    return Route("/graphql", Endpoint(schema, trusted, database, gate, settings))


class Endpoint:
    """ASGI application for one GraphQL schema."""

    def __init__(
        self, schema: strawberry.Schema, trusted: TrustedDocuments, database: Database, gate: Gate, settings: Settings
    ) -> None:
        self._schema = schema
        self._trusted = trusted
        self._database = database
        self._gate = gate
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        request = Request(scope, receive)
        media_type = preferred_media_type(request.headers.get("accept", ""))
        try:
            response = await self._answer(request, media_type)
        except TasklineError as exc:
            accesses.of(request).codes = [failures.code_of(exc)]
            response = refusals.response(exc, request_ids.of(request), media_type)
        await response(scope, receive, send)

    async def _answer(self, request: Request, media_type: str) -> Response:
        viewer = await self._gate.viewer(request)
        operation = await operations.read(request, self._settings.max_body_bytes, self._settings.read_timeout_ms)
        access = accesses.of(request)
        access.is_untrusted = self._trusted.lacks(operation)
        with access.trace.operation(access) if access.trace else nullcontext() as trace:
            return await self._answered(request, media_type, viewer, operation, trace)

    async def _answered(
        self, request: Request, media_type: str, viewer: Viewer, operation: Operation, trace: Trace | None
    ) -> Response:
        request_id, access = request_ids.of(request), accesses.of(request)

        async def run(session: Session) -> ExecutionResult:
            context = Context(viewer, session, self._settings.idempotency_hours)
            access.session = session
            try:
                with departures.noticed(request, session.give_up):
                    return await self._execute(operation, context, request.method)
            finally:
                access.measured = context.measured
                if trace:
                    trace.note(context)

        session = self._database.session(
            viewer.organization_id, user_id=viewer.user_id, request_id=request_id, reruns=reruns.MOST_RERUNS
        )
        if trace:
            session.observer = trace.observer
        result = await reruns.whole(session, run)
        has_made = access.session is not None and access.session.has_made
        told = [failures.placed_entry(error, request_id, has_made=has_made) for error in result.errors or []]
        access.codes = sorted({failures.code_of(failure) for failure, _ in told})
        return _response(result, told, media_type, has_made=has_made)

    async def _execute(self, operation: Operation, context: Context, method: str) -> ExecutionResult:
        try:
            return await self._schema.execute(
                self._trusted.text_of(operation),
                variable_values=operation.variables,
                operation_name=operation.name,
                context_value=context,
                allowed_operation_types=_ALLOWED[method],
            )
        except (DocumentUnknown, DocumentNotTrusted) as exc:
            return _not_run(exc)
        except CannotGetOperationTypeError:
            return _not_run(failures.no_such_operation(operation.name))
        except InvalidOperationTypeError as exc:
            if exc.operation_type is OperationType.SUBSCRIPTION:
                return _not_run(BadUserInput("Subscriptions go over a WebSocket, by graphql-transport-ws: not here."))
            raise MethodNotAllowed("A mutation can't be sent by GET. Send it by POST.") from exc


def _not_run(reason: TasklineError) -> ExecutionResult:
    """Return what Strawberry returns for any other document that can't be run."""
    return ExecutionResult(data=None, errors=[GraphQLError(str(reason), original_error=reason)])


@lru_cache(maxsize=100)  # clients send one of a few
def preferred_media_type(accept: str) -> str:
    """Return the media type of the answer: the newer one when the client names it and doesn't prefer plain JSON."""
    weights = {name: weight for name, weight in map(_weighed, accept.split(",")) if weight > 0}
    newer = weights.get(GRAPHQL_JSON, 0.0)
    return GRAPHQL_JSON if newer and newer >= weights.get(JSON, 0.0) else JSON


def _weighed(part: str) -> tuple[str, float]:
    name, *parameters = [piece.strip().lower() for piece in part.split(";")]
    weight = next((piece[2:] for piece in parameters if piece.startswith("q=")), "1")
    try:
        return name, float(weight)
    except ValueError:
        return name, 0.0


def _response(
    result: ExecutionResult,
    told: list[tuple[BaseException, dict[str, object]]],
    media_type: str,
    *,
    has_made: bool,
) -> Response:
    # Errors without a path come from before the first field ran; such an answer has no `data` at all.
    ran = result.data is not None or any(error.path is not None for error in result.errors or [])
    body: dict[str, object] = {"data": result.data} if ran else {}
    if told:
        body["errors"] = [entry for _, entry in told]
    if result.extensions:
        body["extensions"] = result.extensions
    found = [failure for failure, _ in told]
    status = _status(found, has_run=ran, media_type=media_type, has_made=has_made)
    is_unknown = any(isinstance(failure, ChangeUnknown) for failure in found)
    headers = {} if is_unknown else refusals.headers_for(status)
    return answer(body, status=status, media_type=media_type, headers=headers)


def _status(found: list[BaseException], *, has_run: bool, media_type: str, has_made: bool) -> int:
    """Return the status as GraphQL over HTTP has it; plain JSON keeps 200 for a document that can't be run.

    503 asks for all of it again: never after a change that would be made twice.
    """
    if not has_made and any(isinstance(failure, Unavailable) for failure in found):
        return 503
    if has_run or not found:
        return 200
    worst = max(refusals.status_of(failure) for failure in found)
    return 200 if worst < 500 and media_type == JSON else worst
