"""Where a field's values come from: what the type declares in Strawberry, read once for a plan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from graphql.execution.values import get_argument_values
from strawberry.schema.schema_converter import get_arguments

from execution.relations import RELATION
from execution.stored import STORED, Stored

if TYPE_CHECKING:
    from collections.abc import Callable

    import strawberry
    from graphql import GraphQLField, GraphQLObjectType
    from graphql.execution.collect_fields import FieldDetailsList
    from graphql.pyutils import Path
    from strawberry.types.field import StrawberryField

    from execution.planned_executors import PlannedExecutor
    from execution.relations import Relation


@dataclass(frozen=True, slots=True)
class Constant:
    """The same for all objects of a type: `__typename`."""

    value: str


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute of the object."""

    name: str


@dataclass(frozen=True, slots=True)
class Linked:
    """What the object is linked to."""

    name: str
    relation: Relation


@dataclass(frozen=True, slots=True)
class Called:
    """What a function returns for the object."""

    function: Callable[..., Any]
    parent_name: str | None
    """The name of the parameter that takes the object; None for the first one."""
    is_async: bool
    field: StrawberryField
    definition: GraphQLField
    parent_type: GraphQLObjectType
    details: FieldDetailsList

    def of_one(self, executor: PlannedExecutor, path: Path) -> Callable[[object], Any]:
        """Return the function for one object. Its arguments are the same for all, and read here. Raises GraphQLError.

        The path that the function is told of is that of the root field.
        """
        schema = cast("strawberry.Schema", executor.schema._strawberry_schema)  # type: ignore[attr-defined]  # set by Strawberry
        config, registry = schema.config, schema.schema_converter.scalar_registry
        nodes = [detail.node for detail in self.details]
        raw = executor.build_resolve_info(self.definition, nodes, self.parent_type, path)
        _, named = get_arguments(
            field=self.field,
            source=None,
            info=config.info_class(_raw_info=raw, _field=self.field),
            kwargs=self._given(executor),
            config=config,
            scalar_registry=registry,
        )
        function, name = self.function, self.parent_name
        if name is None:
            return lambda source: function(source, **named)
        return lambda source: function(**(named | {name: source}))

    def _given(self, executor: PlannedExecutor) -> dict[str, Any]:
        node = self.details[0]
        if not (self.definition.args or node.node.arguments):
            return {}
        values, own_values = executor.variable_values, node.fragment_variable_values
        return get_argument_values(self.definition, node.node, values, own_values, executor.hide_suggestions)


Source = Constant | Attribute | Stored | Linked | Called


def source_of(
    field: StrawberryField, parent_type: GraphQLObjectType, definition: GraphQLField, details: FieldDetailsList
) -> Source | None:
    """Return where a field's values come from; None for what plans don't know, such as extensions of fields."""
    if field.extensions:
        return None
    if relation := field.metadata.get(RELATION):
        return Linked(field.python_name, relation)
    stored: Stored | None = field.metadata.get(STORED)
    if stored:
        return stored
    resolver = field.base_resolver
    if resolver is None:
        return Attribute(field.python_name)
    function = resolver.wrapped_func
    parameter = resolver.parent_parameter or resolver.root_parameter
    if not callable(function) or not (parameter or resolver.self_parameter):
        return None
    name = parameter.name if parameter else None
    return Called(function, name, field.is_async, field, definition, parent_type, details)
