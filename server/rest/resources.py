"""One address of the REST API: it finds the operation for a method, checks the request, and always answers JSON."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response

from errors import MethodNotAllowed, NotFound
from server import accesses, departures, request_ids, reruns
from server.answers import ALWAYS, JSON, answer
from server.rest import problems
from server.rest.operations import AnyOperation, Call
from server.rest.readings import body_of, expected_version_of, idempotency_key_of, parameters_of
from server.rest.shapes import ChangedTask, OneTask

if TYPE_CHECKING:
    from collections.abc import Sequence

    from _typeshed import DataclassInstance
    from starlette.types import Receive, Scope, Send

    from db.engine import Database
    from db.sessions import Session
    from server.gate import Gate
    from settings import Settings


class Resource:
    """ASGI application for the operations of one path."""

    def __init__(self, operations: Sequence[AnyOperation], database: Database, gate: Gate, settings: Settings) -> None:
        self._operations = {operation.method: operation for operation in operations}
        self._database = database
        self._gate = gate
        self._settings = settings

    @property
    def allow(self) -> str:
        """What the header Allow says. A HEAD is a GET without its body."""
        head = ["HEAD"] if "GET" in self._operations else []
        return ", ".join([*self._operations, *head, "OPTIONS"])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        request = Request(scope, receive)
        try:
            response = await self._answer(request)
        except Exception as exc:  # noqa: BLE001 whatever it is, the client gets JSON and the log the trace
            response = problems.response(exc, request, request_ids.of(request))
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        if request.method == "OPTIONS":
            return _possible(self.allow)
        operation = self._operations.get("GET" if request.method == "HEAD" else request.method)
        if operation is None:
            return _impossible(request, self.allow)
        access = accesses.of(request)
        access.measured = operation.measured
        viewer = await self._gate.viewer(request)
        parameters = parameters_of(request, operation)
        version = expected_version_of(request) if operation.is_conditional else None
        key = idempotency_key_of(request) if operation.is_keyed else None
        limits = self._settings.max_body_bytes, self._settings.read_timeout_ms
        body = await body_of(request, operation, *limits)
        request_id = request_ids.of(request)

        async def run(session: Session) -> DataclassInstance:
            call = Call(
                session, viewer, datetime.now(UTC), parameters, body, version, key, self._settings.idempotency_hours
            )
            access.session = session
            with departures.noticed(request, session.give_up):
                return await operation.run(call)

        session = self._database.session(
            viewer.organization_id, user_id=viewer.user_id, request_id=request_id, reruns=reruns.MOST_RERUNS
        )
        if access.trace:
            session.observer = access.trace.observer
        done = await reruns.whole(session, run)
        return answer(done, status=operation.status, headers=_tag_of(done))


class Document:
    """ASGI application for one JSON text that everybody may read."""

    allow = "GET, HEAD, OPTIONS"

    def __init__(self, text: bytes) -> None:
        self._text = text

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        request = Request(scope, receive)
        if request.method == "OPTIONS":
            response = _possible(self.allow)
        elif request.method in {"GET", "HEAD"}:
            response = Response(self._text, headers=dict(ALWAYS), media_type=JSON)
        else:
            response = _impossible(request, self.allow)
        await response(scope, receive, send)


class Elsewhere:
    """ASGI application for every other address below /api."""

    def __init__(self, operations: Sequence[AnyOperation]) -> None:
        self._endpoints = [f"{operation.method} /api{operation.path}" for operation in operations]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Say what there is."""
        request = Request(scope, receive)
        failure = NotFound(f"There is nothing at {request.url.path[:100]}. See available_endpoints.")
        more = {"available_endpoints": self._endpoints}
        response = problems.response(failure, request, request_ids.of(request), members=more)
        await response(scope, receive, send)


def _possible(allow: str) -> Response:
    return Response(status_code=204, headers={**ALWAYS, "Allow": allow})


def _impossible(request: Request, allow: str) -> Response:
    failure = MethodNotAllowed(f"{request.method} is not possible here. Possible are {allow}.")
    return problems.response(failure, request, request_ids.of(request), headers={"Allow": allow})


def _tag_of(done: DataclassInstance) -> dict[str, str]:
    """Return the ETag of an answer that is one task: what a later If-Match may name."""
    return {"ETag": f'"{done.task.version}"'} if isinstance(done, OneTask | ChangedTask) else {}
