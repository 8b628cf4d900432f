"""Values for every argument and input field of a schema: such as fit, and such as nobody should send."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_required_argument,
    is_required_input_field,
)

UUID = "5f0c3f1e-0000-4000-8000-000000000000"
SCALARS = {"DateTime": "2026-02-10T15:30:00Z", "TimeZone": "Europe/Paris", "ID": UUID, "Int": 1, "Boolean": True}


class Word(str):
    """A word without quotes: a value of an enum, and of nothing else."""

    __slots__ = ()


CANDIDATES = [
    None,
    True,
    5,
    -1,
    1.5,
    2**40,
    -(10**30),
    "",
    "nobody",
    "\ud83d\ude00" * 200,
    "2026-02-30T00:00:00Z",
    [],
    [5],
    [[None]],
    ["a", {}],
    {},
    {"nobody": 1},
    {"eq": {"eq": 1}},
    Word("NOBODY"),
]


@dataclass(frozen=True, slots=True)
class Way:
    """A type with fields, and how to get there."""

    operation: str
    outer: tuple[str, ...]
    """The fields around it, with their arguments."""
    on: GraphQLObjectType | GraphQLInterfaceType

    def document(self, inner: str, declared: str = "", more: str = "") -> str:
        """Return an operation that selects this there."""
        for outer in reversed(self.outer):
            inner = f"{outer} {{ {inner} }}"
        return f"{self.operation} Asked{declared} {{ {inner} }} {more}"


@dataclass(frozen=True, slots=True)
class Place:
    """An argument of a field, and how to get there."""

    way: Way
    field: str
    argument: str
    type: GraphQLInputType
    others: dict[str, object]
    """What else the field has to be given."""
    has_fields: bool

    def document(self, written: str, declared: str = "") -> str:
        """Return an operation that gives the argument this value."""
        given = {name: literal(value) for name, value in self.others.items()} | {self.argument: written}
        arguments = ", ".join(f"{name}: {value}" for name, value in given.items())
        inner = f"{self.field}({arguments}) {'{ __typename }' if self.has_fields else ''}"
        return self.way.document(inner, declared)


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a value is given: an argument, or a field within it."""

    place: Place
    inside: tuple[tuple[str, dict[str, object]], ...]
    """The fields of inputs down to it, each with the others that have to be there."""
    type: GraphQLInputType

    def values(self) -> Iterator[object]:
        """Return what the argument is given, right and wrong."""
        items = (
            [[fitting(self.type), value] for value in CANDIDATES] if is_list_type(get_nullable_type(self.type)) else []
        )
        for value in [fitting(self.type), *CANDIDATES, *items]:
            given: object = value
            for name, others in reversed(self.inside):
                given = {**others, name: given}
            yield given


def ways(schema: GraphQLSchema) -> Iterator[Way]:
    """Return every type that can be reached by fields, each once."""
    roots = {"query": schema.query_type, "mutation": schema.mutation_type, "subscription": schema.subscription_type}
    reached: set[str] = set()
    waiting = [Way(name, (), root) for name, root in roots.items() if root]
    while waiting:
        way = waiting.pop(0)
        if way.on.name in reached:
            continue
        reached.add(way.on.name)
        yield way
        for name, field in way.on.fields.items():
            inner = get_named_type(field.type)
            if isinstance(inner, GraphQLObjectType | GraphQLInterfaceType):
                waiting.append(Way(way.operation, (*way.outer, called(name, field)), inner))


def places(schema: GraphQLSchema) -> Iterator[Place]:
    """Return every argument of every field, each once."""
    for way in ways(schema):
        for name, field in way.on.fields.items():
            yield from _places_of(way, name, field)


def _places_of(way: Way, name: str, field: GraphQLField) -> Iterator[Place]:
    for argument, definition in field.args.items():
        others = {key: value for key, value in _required(field.args).items() if key != argument}
        has_fields = not is_leaf_type(get_named_type(field.type))
        yield Place(way, name, argument, definition.type, others, has_fields=has_fields)


def called(name: str, field: GraphQLField) -> str:
    """Return the field with the arguments that it has to be given."""
    required = ", ".join(f"{key}: {literal(value)}" for key, value in _required(field.args).items())
    return f"{name}({required})" if required else name


def _required(args: dict[str, GraphQLArgument]) -> dict[str, object]:
    return {name: fitting(argument.type) for name, argument in args.items() if is_required_argument(argument)}


def fitting(type_: GraphQLInputType) -> object:
    """Return the smallest value that fits."""
    if is_non_null_type(type_):
        return fitting(type_.of_type)
    if is_list_type(type_):
        return [fitting(type_.of_type)]
    if isinstance(type_, GraphQLEnumType):
        return Word(next(iter(type_.values)))
    if isinstance(type_, GraphQLInputObjectType):
        wanted = {name: field for name, field in type_.fields.items() if is_required_input_field(field)}
        if type_.is_one_of:
            wanted = dict([next(iter(type_.fields.items()))])
        return {name: fitting(field.type) for name, field in wanted.items()}
    return SCALARS.get(get_named_type(type_).name, "text")


def spots(known: Sequence[Place]) -> Iterator[Spot]:
    """Return every argument as a whole, and every field of every input once, where it is first met."""
    met: set[str] = set()
    waiting = [Spot(place, (), place.type) for place in known]
    while waiting:
        spot = waiting.pop(0)
        yield spot
        named = get_named_type(spot.type)
        if isinstance(named, GraphQLInputObjectType) and named.name not in met:
            met.add(named.name)
            whole = fitting(named)
            assert isinstance(whole, dict)
            for name, field in named.fields.items():
                others = {} if named.is_one_of else {key: value for key, value in whole.items() if key != name}
                waiting.append(Spot(spot.place, (*spot.inside, (name, others)), field.type))


def literal(value: object) -> str:
    """Return the value as a document has it."""
    if isinstance(value, Word):
        return str(value)
    if isinstance(value, dict):
        return f"{{{', '.join(f'{name}: {literal(inner)}' for name, inner in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(literal, value))}]"
    return json.dumps(value)


def in_json(value: object) -> object:
    """Return the value as variables have it: a word is a text there."""
    if isinstance(value, dict):
        return {name: in_json(inner) for name, inner in value.items()}
    return (
        [in_json(inner) for inner in value]
        if isinstance(value, list)
        else str(value)
        if isinstance(value, Word)
        else value
    )
