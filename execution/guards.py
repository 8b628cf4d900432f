"""The guard of each operation: parsed within bounds, measured, validated once, and its cost shown when wanted."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol, cast

from graphql import NoSchemaIntrospectionCustomRule, OperationDefinitionNode, get_operation_ast
from strawberry.extensions import SchemaExtension
from strawberry.schema.schema import validate_document

from errors import BadUserInput
from execution.cost import measure
from execution.documents import Documents
from execution.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from graphql import ASTValidationRule, DocumentNode


class CountingSession(Protocol):
    """What the cost line needs of a database session."""

    statements: int


class CountingContext(Protocol):
    """What the cost line needs of an operation's context."""

    session: CountingSession


def guards(
    limits: Limits | None = None, *, is_cost_shown: bool = False, is_introspection_on: bool = True
) -> Callable[[], SchemaExtension]:
    """Return the extension for one schema, to be given to it as a factory: its document cache outlives a request."""
    bounds = limits or Limits()
    documents = Documents(bounds)
    rules = () if is_introspection_on else (NoSchemaIntrospectionCustomRule,)
    return lambda: Guard(bounds, documents, rules, is_cost_shown=is_cost_shown)


class Guard(SchemaExtension):
    """Keeps one operation within the limits; lives as long as the operation."""

    def __init__(
        self,
        limits: Limits,
        documents: Documents,
        rules: Collection[type[ASTValidationRule]],
        *,
        is_cost_shown: bool,
    ) -> None:
        super().__init__()
        self._rules = rules
        self._limits = limits
        self._documents = documents
        self._is_cost_shown = is_cost_shown
        self._is_known = False
        self._points: int | None = None
        self._started = time.perf_counter()

    def on_parse(self) -> Iterator[None]:
        """Parse, or take the document that was kept."""
        context = self.execution_context
        document, self._is_known = self._documents.parsed(context.query or "")
        operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
        if len(operations) > 1 and context._provided_operation_name is None:
            # Strawberry would run the first one.
            raise BadUserInput(f"The document has {len(operations)} operations. Name one in `operationName`.")
        context.graphql_document = document
        yield

    def on_validate(self) -> Iterator[None]:
        """Measure before validation, whose rules take long on large documents; keep what is valid."""
        context = self.execution_context
        document = cast("DocumentNode", context.graphql_document)
        schema = context.schema._schema
        if operation := get_operation_ast(document, context.operation_name):
            self._points = measure(schema, document, operation, context.variables or {}, self._limits).points
        context.pre_execution_errors = []
        if not self._is_known:
            rules = (*context.validation_rules, *self._rules)
            context.pre_execution_errors = validate_document(schema, document, rules)
        if not context.pre_execution_errors:
            self._documents.keep(context.query or "", document)
        yield

    def get_results(self) -> dict[str, object]:
        """Return `extensions.cost`: points, statements, milliseconds."""
        if not self._is_cost_shown or self._points is None:
            return {}
        context = cast("CountingContext", self.execution_context.context)
        duration_ms = round((time.perf_counter() - self._started) * 1_000, 1)
        return {"cost": {"points": self._points, "statements": context.session.statements, "ms": duration_ms}}
