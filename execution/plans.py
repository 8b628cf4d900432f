"""Plans: what a document asks of each kind of object, found out once and kept for the next time.

A plan holds no data of a request. It grows while it is used: what is asked of a kind of object is found out when the
first such object is met, so that a deep document over interfaces costs no more than what it really shows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from graphql import (
    GraphQLEnumType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLString,
)
from graphql.execution.collect_fields import collect_subfields
from strawberry.schema.schema_converter import GraphQLCoreConverter

from execution.fillers import filler
from execution.leaves import Leaf, NotPlannedError
from execution.sources import Constant, Source, source_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from graphql import GraphQLNamedType, GraphQLOutputType
    from graphql.execution.collect_fields import FieldDetailsList
    from strawberry.types.base import StrawberryObjectDefinition
    from strawberry.types.field import StrawberryField

    from execution.foresight import Foreseen
    from execution.planned_executors import PlannedExecutor

TYPENAME = "__typename"

MOST_FIELDS = 20_000
"""How many fields a plan may come to, in all kinds of object. A document within the limits has a few thousand."""


@dataclass(slots=True, eq=False)
class Composite:
    """An object type or an abstract one, and what is asked of each class of object that it can be."""

    details: FieldDetailsList
    kinds: dict[type, GraphQLObjectType]
    selections: dict[type, Selection] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Shape:
    """What a field returns: a leaf, an object, or a list of such; and whether it can be null."""

    is_nullable: bool
    of: Leaf | Composite | Shape
    """A shape stands for a list of it."""


@dataclass(slots=True, eq=False)
class PlannedField:
    """A field of an answer: where its values come from, and what becomes of them."""

    key: str
    source: Source
    shape: Shape


@dataclass(slots=True, eq=False)
class Selection:
    """What is asked of objects of one class."""

    fields: tuple[PlannedField, ...]
    fill: Callable[..., None]
    """Puts the fields' values, in their order, into an object's part of the answer."""


class Plan:
    """What a document asks of one root field."""

    def __init__(self, type_: GraphQLOutputType, details: FieldDetailsList, executor: PlannedExecutor) -> None:
        self.fields = self.selections = 0
        """How many of them it has come to."""
        self.foreseen: Foreseen | None = None
        """What `execution.foresight` has found in it; None until it has looked."""
        self.shape = self._shape(type_, details, executor)

    def selection(self, composite: Composite, class_: type, executor: PlannedExecutor) -> Selection:
        """Return what is asked of objects of a class. Raises NotPlannedError."""
        known = composite.selections.get(class_)
        if known is None:
            kind = composite.kinds.get(class_)
            if kind is None:
                raise NotPlannedError(f"{class_.__name__} is not what the field returns")
            known = composite.selections[class_] = self._selected(kind, composite.details, executor)
        return known

    def _selected(self, kind: GraphQLObjectType, details: FieldDetailsList, executor: PlannedExecutor) -> Selection:
        found = collect_subfields(
            executor.schema, executor.fragments, executor.variable_values, executor.operation, kind, details
        )
        self.selections += 1
        self.fields += len(found.grouped_field_set)
        if found.new_defer_usages or self.fields > MOST_FIELDS:
            raise NotPlannedError("parts that come later, or too many fields")
        fields = tuple(self._field(key, kind, own, executor) for key, own in found.grouped_field_set.items())
        return Selection(fields, filler([field.key for field in fields]))

    def _field(
        self, key: str, kind: GraphQLObjectType, details: FieldDetailsList, executor: PlannedExecutor
    ) -> PlannedField:
        name = details[0].node.name.value
        if name == TYPENAME:
            return PlannedField(key, Constant(kind.name), Shape(is_nullable=False, of=Leaf(GraphQLString)))
        definition = kind.fields.get(name)
        own = definition and definition.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
        source = own and source_of(cast("StrawberryField", own), kind, definition, details)
        if not source or (executor.middleware_manager and executor.middleware_manager.middlewares):
            raise NotPlannedError(f"{kind.name}.{name} has something that plans don't know")
        return PlannedField(key, source, self._shape(definition.type, details, executor))

    def _shape(self, type_: GraphQLOutputType, details: FieldDetailsList, executor: PlannedExecutor) -> Shape:
        if isinstance(type_, GraphQLNonNull):
            return Shape(is_nullable=False, of=self._shape(type_.of_type, details, executor).of)
        if isinstance(type_, GraphQLList):
            return Shape(is_nullable=True, of=self._shape(type_.of_type, details, executor))
        if isinstance(type_, GraphQLScalarType | GraphQLEnumType):
            return Shape(is_nullable=True, of=Leaf(type_))
        kinds = [type_] if isinstance(type_, GraphQLObjectType) else executor.schema.get_possible_types(type_)
        return Shape(is_nullable=True, of=Composite(details, {_class_of(kind): kind for kind in kinds}))


def _class_of(kind: GraphQLNamedType) -> type:
    """Return the class of objects that a type shows."""
    definition = kind.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    if definition is None:
        raise NotPlannedError(f"{kind.name} is not Strawberry's")
    return cast("StrawberryObjectDefinition", definition).origin
