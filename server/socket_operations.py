"""The operations under way on one socket: each is answered under its own id, until it ends or isn't wanted any more."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from graphql import GraphQLError
from strawberry.types.execution import PreExecutionError

from schema.context import FRESH_S
from server import failures, operations, reruns
from server.socket_messages import TAKEN, TOO_MANY, Closed

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    import strawberry
    from strawberry.types import ExecutionResult

    from db.sessions import Session
    from resolvers.viewers import Viewer
    from schema.context import Context
    from server.accesses import Access, AccessLog
    from server.operations import Operation
    from server.trusted_documents import TrustedDocuments

MOST_OPERATIONS = 100
"""How many operations one socket may have under way."""


class SocketOperations:
    """What one client has asked for by its socket, and is still being told of."""

    def __init__(
        self,
        schema: strawberry.Schema,
        trusted: TrustedDocuments,
        context_of: Callable[[Viewer], Context],
        access: Access,
        log: AccessLog,
        *,
        send: Callable[[dict[str, object]], Awaitable[None]],
        finish: Callable[[Closed], None],
    ) -> None:
        self._schema = schema
        self._trusted = trusted
        self._context_of = context_of
        self._access = access
        self._request_id = access.request_id
        self._log = log
        self._send = send
        self._finish = finish
        self._wanted: dict[str, asyncio.Task[None]] = {}
        self._running: set[asyncio.Task[None]] = set()
        """Those too that aren't wanted any more, until they have given back what they hold."""

    def start(self, id_: str, payload: object, viewer: Viewer) -> None:
        """Begin an operation. Raises Closed for an id that is under way, and for one operation too many."""
        if id_ in self._wanted:
            raise Closed(TAKEN, f"An operation with the id {id_[:40]} is under way.")
        if len(self._wanted) >= MOST_OPERATIONS:
            raise Closed(TOO_MANY, f"{MOST_OPERATIONS} operations are under way, and more can't be.")
        task = self._wanted[id_] = asyncio.create_task(self._answer(id_, payload, viewer))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    def stop(self, id_: str) -> None:
        """End an operation that the client doesn't want any more, if it is under way."""
        if task := self._wanted.pop(id_, None):
            task.cancel()

    async def stop_all(self) -> None:
        """End all of them; return when they have given back what they held."""
        running = list(self._running)
        self._wanted.clear()  # so that none says anything any more
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _answer(self, id_: str, payload: object, viewer: Viewer) -> None:
        """Send all that one operation has to say; a client that doesn't receive it is let go."""
        access, metrics = self._access.of_operation(), self._log.metrics
        if self._log.traces:
            access.trace = self._log.traces.of_operation()
        try:
            with metrics.socket_operation() if metrics else nullcontext():
                await self._tell(id_, payload, viewer, access)
        except Closed as closed:
            self._finish(closed)
        finally:
            if access.trace:
                access.trace.end_operation(access)
            if metrics:
                metrics.count(access, "refused")
            self._log.write(access, "operation ended")

    async def _tell(self, id_: str, payload: object, viewer: Viewer, access: Access) -> None:
        """Send all results of one operation, and its end. What goes wrong with it is told under its id alone."""
        try:
            context, operation = self._context_of(viewer), operations.checked(payload)
            access.is_untrusted = self._trusted.lacks(operation)
            is_whole = await self._run(id_, operation, context, access)
            if is_whole and self._forget(id_):
                await self._send({"id": id_, "type": "complete"})
        except Closed:
            raise
        except GraphQLError as exc:  # from before the first field
            await self._fail(id_, [failures.placed_entry(exc, self._request_id, has_made=False)[1]], access)
        except Exception as exc:  # noqa: BLE001 - the client is told, the log has the rest, and the socket lives
            await self._fail(id_, [failures.entry_of(exc, self._request_id)], access)

    async def _run(self, id_: str, operation: Operation, context: Context, access: Access) -> bool:
        """Run it as `reruns.whole` does; return whether the operation began at all, and is wanted to its end."""
        while (is_whole := await self._results(id_, operation, context, access)) is None:
            context = replace(context, session=reruns.again(context.session), measured=None)
        return is_whole

    async def _results(self, id_: str, operation: Operation, context: Context, access: Access) -> bool | None:
        """Send the results of one run; return as `_run` does, but None when nothing was sent, and it is to run again.

        A subscription's session can't be one to rerun any more when it sends an event: each has a new one.
        """
        if access.trace:
            context.session.observer = access.trace.observer
        results = await self._schema.stream(
            self._trusted.text_of(operation),
            variable_values=operation.variables,
            operation_name=operation.name,
            context_value=context,
        )
        try:
            async with aclosing(results):
                async for result in cast("AsyncGenerator[PreExecutionError | ExecutionResult]", results):
                    if context.session.is_to_rerun:
                        return None if self._is_wanted(id_) else False
                    errors = self._told(result, has_made=context.session.has_made)
                    access.add_codes(errors)
                    if errors or not context.is_shared:
                        await context.session.close()
                    if isinstance(result, PreExecutionError) or (result.data is None and not _have_path(errors)):
                        await self._fail(id_, errors, access)
                        return False
                    if not self._is_wanted(id_):
                        return False
                    body = {"data": result.data} | ({"errors": errors} if errors else {})
                    await self._send_next({"id": id_, "type": "next", "payload": body}, context.session)
        finally:
            access.measured, access.session = context.measured, context.session
            if access.trace:
                access.trace.note(context)
            await context.session.close()
        return True

    def _told(self, result: PreExecutionError | ExecutionResult, *, has_made: bool) -> list[dict[str, object]]:
        found = result.errors or []
        return [failures.placed_entry(error, self._request_id, has_made=has_made)[1] for error in found]

    async def _send_next(self, message: dict[str, object], session: Session) -> None:
        """Send a result. No connection is held while a slow client receives."""
        closing: list[asyncio.Task[None]] = []
        held = asyncio.get_running_loop().call_later(
            FRESH_S, lambda: closing.append(asyncio.create_task(session.close()))
        )
        try:
            await self._send(message)
        finally:
            held.cancel()
            await asyncio.gather(*closing)

    async def _fail(self, id_: str, errors: list[dict[str, Any]], access: Access) -> None:
        access.add_codes(errors)
        if self._forget(id_):
            await self._send({"id": id_, "type": "error", "payload": errors})

    def _forget(self, id_: str) -> bool:
        """End this operation's life; return whether the client still wanted it."""
        if is_wanted := self._is_wanted(id_):
            del self._wanted[id_]
        return is_wanted

    def _is_wanted(self, id_: str) -> bool:
        """Return whether the client still wants this very operation; another one may have its id by now."""
        return self._wanted.get(id_) is asyncio.current_task()


def _have_path(errors: list[dict[str, object]]) -> bool:
    return any("path" in error for error in errors)
