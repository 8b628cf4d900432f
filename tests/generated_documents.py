"""GraphQL documents made from a schema, for property tests: whatever a client could ask, within a size."""

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from zlib import crc32

from graphql import (
    GraphQLArgument,
    GraphQLField,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_abstract_type,
    is_composite_type,
    is_required_argument,
)
from hypothesis import strategies as st

TYPENAME = "__typename"
SORTS = ["field"] * 6 + ["inline", "inline", "spread", TYPENAME]
CONDITIONS = [""] * 8 + ["@include(if: $yes)", "@skip(if: $no)", "@skip(if: true)"]

Arguments = Callable[[str, GraphQLArgument], Sequence[str]]
"""Takes an argument and its name; returns what can be written for it. Nothing: it is left out."""


@dataclass(frozen=True, slots=True)
class Document:
    """A text, and values for its variables."""

    text: str
    variables: dict[str, bool]


@contextmanager
def collecting_apart() -> Iterator[Callable[[], object]]:
    """Collect garbage only when what is yielded is called.

    Where an error ends an object, graphql-core lets go of fields that it has begun and not awaited. Python warns of
    each when it is collected; within a named tuple's own function, which has no `__import__`, it fails in that.
    """
    gc.disable()
    try:
        yield lambda: gc.collect(0)
    finally:
        gc.enable()


def documents(
    schema: GraphQLSchema, arguments: Arguments, *, operation: str = "query", without: frozenset[str] = frozenset()
) -> st.SearchStrategy[Document]:
    """Draw documents with fields, aliases, fragments of both sorts, and conditions by literals and variables.

    `without` are names of fields that are left out. Drawn by their size and a seed: choice by choice, a thousand of
    them would take minutes.
    """

    def made(seed: int, fields: int, depth: int) -> Document:
        choices = Random(seed)  # noqa: S311 - no secret
        return _Making(schema, arguments, without, choices, fields).document(operation, depth)

    return st.builds(made, st.integers(0, 2**32), st.integers(1, 60), st.integers(1, 6))


@dataclass(slots=True)
class _Making:
    """What is being made of one document."""

    schema: GraphQLSchema
    arguments: Arguments
    without: frozenset[str]
    random: Random
    room: int
    """How many more parts it may have."""
    fragments: list[str] = field(default_factory=list)

    def document(self, operation: str, depth: int) -> Document:
        root = self.schema.mutation_type if operation == "mutation" else self.schema.query_type
        assert root
        selected = self._selection(root, depth)
        # each variable has to be used somewhere
        text = f"""{operation} ($yes: Boolean!, $no: Boolean = false) {{
          all: __typename @skip(if: $no) @include(if: $yes) {selected.removeprefix("{")} {" ".join(self.fragments)}"""
        values: list[dict[str, bool]] = [{}, {"no": True}, {"no": False}]
        return Document(text, {"yes": self.random.random() < 0.8} | self.random.choice(values))

    def _selection(self, type_: GraphQLNamedType, depth: int) -> str:
        parts = [self._part(type_, depth)]
        while self.room > 0 and self.random.random() < 0.7:
            parts.append(self._part(type_, depth))
        return f"{{ {' '.join(parts)} }}"

    def _part(self, type_: GraphQLNamedType, depth: int) -> str:
        self.room -= 1
        sort, condition = self.random.choice(SORTS), self.random.choice(CONDITIONS)
        if sort == TYPENAME or self.room < 0:
            return f"{TYPENAME} {condition}"
        if sort == "field":
            return self._field(type_, depth, condition)
        kinds = self.schema.get_possible_types(type_) if is_abstract_type(type_) else []
        kind = self.random.choice([*kinds, type_])
        inner = self._selection(kind, depth)
        if sort == "inline":
            return f"... on {kind.name} {condition} {inner}"
        self.fragments.append(f"fragment F{len(self.fragments)} on {kind.name} {inner}")
        return f"...F{len(self.fragments) - 1} {condition}"

    def _field(self, type_: GraphQLNamedType, depth: int, condition: str) -> str:
        fields: dict[str, GraphQLField] = getattr(type_, "fields", {})
        possible = [
            name
            for name, of in fields.items()
            if name not in self.without and (depth > 1 or not is_composite_type(get_named_type(of.type)))
        ]
        if not possible:
            return f"{TYPENAME} {condition}"
        name = self.random.choice(possible)
        given = [text for argument, of in fields[name].args.items() if (text := self._argument(argument, of))]
        arguments = f"({', '.join(given)})" if given else ""
        inner = get_named_type(fields[name].type)
        selected = self._selection(inner, depth - 1) if is_composite_type(inner) else ""
        # One name in the answer has to be one field with one set of arguments.
        is_renamed = given or isinstance(type_, GraphQLObjectType) or self.random.random() < 0.5
        alias = f"{type_.name}_{name}_{crc32(arguments.encode()):x}: " if is_renamed else ""
        return f"{alias}{name}{arguments} {condition} {selected}"

    def _argument(self, name: str, argument: GraphQLArgument) -> str:
        values = self.arguments(name, argument)
        if not values or (not is_required_argument(argument) and self.random.random() < 0.5):
            return ""
        return f"{name}: {self.random.choice(values)}"
