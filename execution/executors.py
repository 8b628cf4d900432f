"""Running an operation to its end, even one that nobody waits for any more."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol, cast

from graphql.type.definition import GraphQLResolveInfoHelpers
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from graphql import ExecutionResult


class Relinquishable(Protocol):
    """What ending an operation early needs of its context."""

    def give_up(self) -> None:
        """Let all fields that wait, and all that will, fail at once."""


class Executor(StrawberryGraphQLCoreExecutionContext):
    """graphql-core's executor, whose fields are never cancelled.

    It makes the coroutines of a whole level, and begins them by tasks. A task that is cancelled before it begins drops
    the coroutine of the resolver that it was given, and Python says "never awaited". So whoever cancels an operation
    makes its fields fail instead, at once, and waits until all of them have.
    """

    @property
    def async_helpers(self) -> GraphQLResolveInfoHelpers:
        """What resolvers are given to work in parallel, made anew each time.

        graphql-core keeps it, and it holds the executor: so whatever an operation has read would stay until Python's
        garbage collector comes across it.
        """
        return GraphQLResolveInfoHelpers(gather=self.gather_async_work, track=self.track_async_work)

    @async_helpers.setter
    def async_helpers(self, _: GraphQLResolveInfoHelpers) -> None:
        """Keep none."""

    def execute_operation(self, serially: bool | None = None) -> ExecutionResult | Awaitable[ExecutionResult]:  # noqa: FBT001
        """Run the operation, or what it selects of one event."""
        result = super().execute_operation(serially)
        if self.is_awaitable(result):
            return _to_its_end(cast("Awaitable[ExecutionResult]", result), self.context_value)
        return cast("ExecutionResult", result)


async def _to_its_end(answer: Awaitable[ExecutionResult], context: Relinquishable) -> ExecutionResult:
    running = asyncio.ensure_future(answer)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        while not running.done():
            context.give_up()
            try:
                await asyncio.wait([running])
            except asyncio.CancelledError:  # it is ending already
                continue
        if not running.cancelled():
            running.exception()  # or asyncio logs it
        raise
