"""What a GraphQL operation may cost at most, counted before it runs.

One walk over the document with its fragments expanded. Each fragment is measured once and its measure reused, so
that fragments which multiply one another cost nothing to count, however many fields they stand for.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NoReturn, cast

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    IntValueNode,
    ListValueNode,
    OperationDefinitionNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    is_list_type,
    is_non_null_type,
)

from errors import LimitExceeded

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphql import (
        DocumentNode,
        GraphQLArgument,
        GraphQLField,
        GraphQLInputType,
        GraphQLNamedType,
        GraphQLSchema,
        InlineFragmentNode,
        SelectionNode,
        SelectionSetNode,
    )

    from execution.limits import Limits

# Everything beyond is "too many": a bound keeps what fragments multiply from growing into huge integers.
MANY = 10**9
COUNT_POINTS = 20
"""Of a `totalCount`, for which all that matches is read, be the page ever so small."""

Sizes = tuple[object, ...]
"""What a measure depends on besides the document."""


@dataclass(frozen=True, slots=True)
class Measure:
    """The size of an operation, a field or a fragment, with all fragments expanded."""

    points: int = 0
    """Objects that the answer can hold, and what counting takes."""
    points_per_item: int = 0
    """In a connection: the points of each item of its page. Elsewhere 0."""
    aliases: int = 0
    depth: int = 0
    """Fields within fields."""
    nesting: int = 0
    """Fields and fragments within fields and fragments."""

    def beside(self, other: Measure) -> Measure:
        """Return the measure of both, selected side by side."""
        return Measure(
            points=min(self.points + other.points, MANY),
            points_per_item=min(self.points_per_item + other.points_per_item, MANY),
            aliases=min(self.aliases + other.aliases, MANY),
            depth=max(self.depth, other.depth),
            nesting=max(self.nesting, other.nesting),
        )


def measure(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation: OperationDefinitionNode,
    variables: Mapping[str, object],
    limits: Limits,
) -> Measure:
    """Return the measure of one operation. Raises LimitExceeded when it breaks a limit.

    The document needn't be valid: what the schema doesn't know counts nothing, and fragments in a circle end.
    Every fragment is checked for its nesting, used or not, because validation walks them all.
    """
    walk = _Walk(schema, document, _values(operation, variables), limits)
    for name in walk.fragments:
        walk.fragment(name, 0)
    found = walk.selections(operation.selection_set, schema.get_root_type(operation.operation), 0)
    for what, count, limit in (
        ("is nested deeper", found.depth, limits.depth),
        ("has more aliases", found.aliases, limits.aliases),
        ("can answer with more objects", found.points, limits.points),
    ):
        if count > limit:
            raise LimitExceeded(
                f"The operation {what} than the limit allows: {count:,} of at most {limit:,}."
                " Ask for smaller pages, fewer levels, or several times."
            )
    return found


def sizes_of(operation: OperationDefinitionNode, variables: Mapping[str, object]) -> Sizes:
    """Return what of an operation's variables its measure depends on: how many things each asks for, be it a number."""
    declared = [node.variable.name.value for node in operation.variable_definitions or ()]
    given = [(name, variables[name]) for name in declared if name in variables]
    name = operation.name.value if operation.name else None
    return name, *((name, _number(value), _length(value)) for name, value in given)


class _Walk:
    """The walk over one operation; lives as long as it takes."""

    def __init__(
        self, schema: GraphQLSchema, document: DocumentNode, values: Mapping[str, object], limits: Limits
    ) -> None:
        self.fragments = {
            node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
        }
        self._schema = schema
        self._values = values
        self._limits = limits
        self._measured: dict[str, Measure] = {}

    def selections(self, node: SelectionSetNode, parent: GraphQLNamedType | None, level: int) -> Measure:
        """Return the measure of a selection set on this type, `level` fields and fragments below the root."""
        found = Measure()
        for selection in node.selections:
            found = found.beside(self._selection(selection, parent, level + 1))
        return found

    def fragment(self, name: str, level: int) -> Measure:
        """Return the measure of a fragment, taken when first met."""
        if name not in self.fragments:
            return Measure()
        if name not in self._measured:
            # Holds while the fragment is being measured, so that a circle comes back here and ends.
            self._measured[name] = Measure()
            node = self.fragments[name]
            on = self._schema.get_type(node.type_condition.name.value)
            self._measured[name] = self._nested(node.selection_set, on, level)
        return self._measured[name]

    def _selection(self, node: SelectionNode, parent: GraphQLNamedType | None, level: int) -> Measure:
        if isinstance(node, FieldNode):
            return self._field(node, parent, level)
        if isinstance(node, FragmentSpreadNode):
            return self.fragment(node.name.value, level)
        inline = cast("InlineFragmentNode", node)
        condition = inline.type_condition
        return self._nested(
            inline.selection_set, self._schema.get_type(condition.name.value) if condition else parent, level
        )

    def _nested(self, node: SelectionSetNode, on: GraphQLNamedType | None, level: int) -> Measure:
        if level > self._limits.nesting:
            self._refuse_nesting()
        found = self.selections(node, on, level)
        # `level` ends this walk's own recursion; the sum from below counts what was measured elsewhere.
        if found.nesting >= self._limits.nesting:
            self._refuse_nesting()
        return replace(found, nesting=found.nesting + 1)

    def _refuse_nesting(self) -> NoReturn:
        raise LimitExceeded(f"The document nests fragments and fields deeper than {self._limits.nesting}. Flatten it.")

    def _field(self, node: FieldNode, parent: GraphQLNamedType | None, level: int) -> Measure:
        name, aliases = node.name.value, int(node.alias is not None)
        if aliases and (name == "__schema" or (parent is not None and parent.name.startswith("__"))):
            # Nothing else bounds how often a schema can be listed in one answer, and no tool needs it.
            raise LimitExceeded(f"Aliases are not possible in introspection. Ask for `{name}` without one.")
        if node.selection_set is None:
            points = COUNT_POINTS if name == "totalCount" and _is_connection(parent) else 0
            return Measure(points=points, aliases=aliases, depth=1, nesting=1)
        definition = self._schema.get_field(parent, name) if is_composite_type(parent) else None
        inner = self._nested(node.selection_set, get_named_type(definition.type) if definition else None, level)
        found = replace(inner, aliases=inner.aliases + aliases, depth=inner.depth + 1, points=0, points_per_item=0)
        if name in {"__schema", "__type"}:
            return self._introspection(found)
        if definition is None:
            return found
        if is_list_type(get_nullable_type(definition.type)) and _is_connection(parent):
            # An edge only wraps its node.
            return replace(found, points_per_item=inner.points + (name != "edges"))
        return replace(found, points=self._points(node, definition, inner))

    def _introspection(self, found: Measure) -> Measure:
        """Count no points, because the answer is bounded by the schema, and a depth of its own."""
        if found.depth > self._limits.introspection_depth:
            raise LimitExceeded(f"Introspection is nested deeper than {self._limits.introspection_depth} fields.")
        return replace(found, depth=1)

    def _points(self, node: FieldNode, definition: GraphQLField, inner: Measure) -> int:
        size = self._size(node, definition)
        if _is_connection(get_named_type(definition.type)):
            items = self._limits.page_default if size is None else size
            return min(1 + inner.points + items * inner.points_per_item, MANY)
        return min((1 if size is None else size) * (1 + inner.points), MANY)

    def _size(self, node: FieldNode, definition: GraphQLField) -> int | None:
        """Return how many items the field's arguments ask for; None when it has no argument that could say so."""
        values = {name: _default_of(argument) for name, argument in definition.args.items()} | self._given(node)
        pages = [name for name in ("first", "last") if name in definition.args]
        if pages:
            asked = [size for name in pages if (size := _number(values[name])) is not None]
            return min(max(0, *asked), self._limits.page_max) if asked else self._limits.page_default
        lists = [name for name, argument in definition.args.items() if _is_required_list(argument.type)]
        return max((_length(values[name]) for name in lists), default=None)

    def _given(self, node: FieldNode) -> dict[str, object]:
        """Return the arguments that have a value: one whose variable was left out has its own default."""
        given: dict[str, object] = {}
        for argument in node.arguments or ():
            value = argument.value
            if not isinstance(value, VariableNode):
                given[argument.name.value] = value
            elif value.name.value in self._values:
                given[argument.name.value] = self._values[value.name.value]
        return given


def _values(operation: OperationDefinitionNode, variables: Mapping[str, object]) -> dict[str, object]:
    """Return the variables' values as the client sent them, and the literal defaults of those left out."""
    declared = [node for node in operation.variable_definitions or () if node.default_value]
    return {node.variable.name.value: node.default_value for node in declared} | dict(variables)


def _default_of(argument: GraphQLArgument) -> object:
    """Return the argument's default, as a literal or as a value; Undefined when it has none."""
    default = argument.default
    if default is None:
        return argument.default_value
    return default.value if default.literal is None else default.literal


def _number(value: object) -> int | None:
    if isinstance(value, IntValueNode):
        return int(value.value)
    return int(value) if isinstance(value, int | float) else None


def _length(value: object) -> int:
    if isinstance(value, ListValueNode):
        return len(value.values)
    return len(value) if isinstance(value, list) else 1


def _is_connection(type_: GraphQLNamedType | None) -> bool:
    # The Relay cursor connections specification, section 2, reserves the ending for this.
    return type_ is not None and type_.name.endswith("Connection")


def _is_required_list(type_: GraphQLInputType) -> bool:
    return is_non_null_type(type_) and is_list_type(type_.of_type)
