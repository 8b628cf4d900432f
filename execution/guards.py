"""The guard of each operation: parsed within bounds, measured, validated once, and its cost shown when wanted."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol, TypeVar, cast

from graphql import FieldNode, OperationDefinitionNode, OperationType, get_operation_ast
from strawberry.extensions import SchemaExtension

from errors import BadUserInput, LimitExceeded
from execution.cost import measure, sizes_of
from execution.document_rules import QUICK, WHOLE, Effort, Unfinished, mistakes_of
from execution.documents import Documents
from execution.limits import Limits
from execution.misfits import misfits_of_variables
from execution.turns import latest_turn

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Hashable, Mapping

    from graphql import DocumentNode, GraphQLError

    from execution.cost import Measure, Sizes


Done = TypeVar("Done")

LARGE = 2_000
"""Characters of a document from which on it is read and validated beside the loop; of smaller ones, what
takes long is (QUICK in document_rules)."""
LONGEST_NAME = 100
"""How many characters of an operation's name are told."""
MOST_SIZES = 8
"""How many measures are kept of a document: clients ask for a few sizes of page."""
MOST_VARIABLES = 20
"""Of an operation with more of them no measure is kept: each would take much memory."""


class CountingSession(Protocol):
    """What the cost line needs of a database session."""

    statements: int


@dataclass(frozen=True, slots=True)
class Measured:
    """What an operation is, and what it could cost."""

    name: str | None
    kind: str
    """query, mutation or subscription."""
    fields: tuple[str, ...]
    """Its root fields that the schema knows, each once, but for those within fragments."""
    points: int | None
    """None until it has been measured."""


class MeasuredContext(Protocol):
    """What an operation's context must have to be measured."""

    session: CountingSession
    measured: Measured | None
    waited_s: float
    """How long the operation waited for its turn."""

    @property
    def whose(self) -> Hashable | None:
        """Who asks, to tell people apart; None for nobody in particular."""


def guards(
    limits: Limits | None = None,
    *,
    is_cost_shown: bool = False,
    is_introspection_on: bool = True,
    is_suggestions_on: bool = True,
) -> Callable[[], SchemaExtension]:
    """Return the extension for one schema, to be given to it as a factory: its document cache outlives a request."""
    bounds = limits or Limits()
    documents = Documents(bounds)
    return lambda: Guard(
        bounds,
        documents,
        is_schema_hidden=not is_introspection_on,
        are_names_hidden=not (is_introspection_on and is_suggestions_on),
        is_cost_shown=is_cost_shown,
    )


class Guard(SchemaExtension):
    """Keeps one operation within the limits; lives as long as the operation."""

    def __init__(
        self,
        limits: Limits,
        documents: Documents,
        *,
        is_schema_hidden: bool,
        are_names_hidden: bool,
        is_cost_shown: bool,
    ) -> None:
        super().__init__()
        self._is_schema_hidden = is_schema_hidden
        self._are_names_hidden = are_names_hidden
        self._limits = limits
        self._documents = documents
        self._is_cost_shown = is_cost_shown
        self._is_known = False
        self._operation: OperationDefinitionNode | None = None
        self._points: int | None = None
        self._started = time.perf_counter()
        self._until = 0.0
        """When no more is waited for a turn, by the clock of the event loop."""

    async def on_parse(self) -> AsyncIterator[None]:
        """Parse, or take the document that was kept."""
        context, text = self.execution_context, self.execution_context.query or ""
        self._until = latest_turn()
        document = self._documents.known(text)
        self._is_known = document is not None
        if document is None:
            document = await self._done("read", partial(self._documents.read, text))
        operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
        if len(operations) > 1 and context._provided_operation_name is None:
            # Strawberry would run the first one.
            raise BadUserInput(f"The document has {len(operations)} operations. Name one in `operationName`.")
        context.graphql_document = document
        self._operation = get_operation_ast(document, context.operation_name)
        if self._operation:
            self._tell(self._operation)
        yield

    async def on_validate(self) -> AsyncIterator[None]:
        """Measure before validation, whose rules take long on large documents; keep what is valid; check variables."""
        context = self.execution_context
        document, variables = cast("DocumentNode", context.graphql_document), context.variables or {}
        operation = self._operation
        if operation:
            self._points = (await self._measure(document, operation, variables)).points
        find = partial(self._mistakes, document)
        try:
            mistakes = await self._done(QUICK, partial(find, QUICK))
        except Unfinished:
            mistakes = await self._beside(WHOLE, partial(find, WHOLE))
        if operation:
            self._tell(operation)
        if not mistakes:
            self._documents.keep(context.query or "", document)
        if operation and not mistakes:
            schema = context.schema._schema
            mistakes = misfits_of_variables(schema, operation, variables, is_hidden=self._are_names_hidden)
        context.pre_execution_errors = list(mistakes)  # that list may be others' too
        yield

    async def on_execute(self) -> AsyncIterator[None]:
        """Run it in its turn; a subscription, which lasts, waits for none."""
        is_lasting = self._operation is None or self._operation.operation is OperationType.SUBSCRIPTION
        whose = None if is_lasting else self._whose()
        ready_at = time.perf_counter()
        async with self._documents.turns.take(whose, self._points or 0, until=self._until):
            if whose is not None:
                self.execution_context.context.waited_s = time.perf_counter() - ready_at
            yield

    async def _measure(
        self, document: DocumentNode, operation: OperationDefinitionNode, variables: Mapping[str, object]
    ) -> Measure:
        """Return the operation's measure, within the limits. Of a large unknown document one at a time is taken.

        Once it is within the limits for one caller, it takes little to measure it for those who ask for other sizes.
        """
        sizes, measured = sizes_of(operation, variables), partial(self._measured, document, operation, variables)

        def attempt() -> tuple[Sizes, Measure | LimitExceeded]:
            try:
                return sizes, measured()
            except LimitExceeded as exc:
                return sizes, exc

        while True:
            asked, found = await self._done("measure", attempt)
            if not isinstance(found, LimitExceeded):
                return found if asked == sizes else measured()
            if asked == sizes:
                try:
                    raise found
                finally:
                    del found  # it would hold itself, by its traceback

    async def _done(self, what: Hashable, work: Callable[[], Done]) -> Done:
        """Do what a document that isn't known needs; of a large one beside the loop, so that nobody else waits."""
        is_large = len(self.execution_context.query or "") >= LARGE and not self._is_known
        return await self._beside(what, work) if is_large else work()

    async def _beside(self, what: Hashable, work: Callable[[], Done]) -> Done:
        question = what, self.execution_context.query
        return await self._documents.once(self._whose(), question, work, until=self._until)

    def _whose(self) -> Hashable | None:
        context = cast("MeasuredContext | None", self.execution_context.context)
        return context.whose if context else None

    def _mistakes(self, document: DocumentNode, effort: Effort) -> list[GraphQLError]:
        """Return what is wrong with a document."""
        if self._is_known:
            return []
        schema = self.execution_context.schema._schema
        return mistakes_of(
            schema,
            document,
            is_schema_hidden=self._is_schema_hidden,
            are_names_hidden=self._are_names_hidden,
            effort=effort,
        )

    def _tell(self, operation: OperationDefinitionNode) -> None:
        """Leave in the operation's context what it is."""
        context = cast("MeasuredContext | None", self.execution_context.context)
        if context is not None:
            name = operation.name.value[:LONGEST_NAME] if operation.name else None
            root = self.execution_context.schema._schema.get_root_type(operation.operation)
            nodes = [node for node in operation.selection_set.selections if isinstance(node, FieldNode)]
            fields = tuple({node.name.value: None for node in nodes if root and node.name.value in root.fields})
            context.measured = Measured(name, operation.operation.value, fields, self._points)

    def _measured(
        self, document: DocumentNode, operation: OperationDefinitionNode, variables: Mapping[str, object]
    ) -> Measure:
        """Return the operation's measure, within the limits; taken once for all requests that ask for as much."""
        known = self._documents.measures(self.execution_context.query or "")
        sizes = sizes_of(operation, variables)
        if (found := known.get(sizes)) is not None:
            return found
        found = measure(self.execution_context.schema._schema, document, operation, variables, self._limits)
        if len(sizes) <= MOST_VARIABLES:
            if len(known) >= MOST_SIZES:
                known.clear()
            known[sizes] = found
        return found

    def get_results(self) -> dict[str, object]:
        """Return `extensions.cost`: points, statements, milliseconds."""
        if not self._is_cost_shown or self._points is None:
            return {}
        context = cast("MeasuredContext", self.execution_context.context)
        duration_ms = round((time.perf_counter() - self._started) * 1_000, 1)
        return {"cost": {"points": self._points, "statements": context.session.statements, "ms": duration_ms}}
