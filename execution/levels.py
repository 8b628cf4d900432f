"""Running a plan breadth first: all objects of one level together, field by field, each relation asked once."""

from __future__ import annotations

from collections import defaultdict
from functools import partial
from itertools import chain, islice, repeat
from operator import attrgetter
from types import NoneType
from typing import TYPE_CHECKING, Any

from graphql import Undefined
from graphql.pyutils import gather_with_cancel

from execution.plans import Composite, Leaf, NotPlannedError, Shape
from execution.sources import Attribute, Called, Constant, Linked, Stored

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping

    from graphql.pyutils import Path

    from execution.planned_executors import PlannedExecutor
    from execution.plans import Plan, PlannedField, Selection
    from execution.relations import Loader, Relation

Column = list[Any]
"""One field's values, for all objects of a level of which the same is asked."""

Answer = dict[str, Any]
"""An object's part of the answer."""


class Run:
    """One run of a plan: from a root field's value to its part of the answer."""

    def __init__(self, plan: Plan, executor: PlannedExecutor, path: Path) -> None:
        self._plan = plan
        self._executor = executor
        self._path = path
        self._next: dict[Selection, tuple[Column, list[Answer]]] = {}
        """The next level: objects by what is asked of them, each with what is to become its part of the answer."""
        self._shown: defaultdict[Composite, dict[int, tuple[object, Answer]]] = defaultdict(dict)
        """Objects and their parts of the answer by identity: what is met again is not asked again."""
        self._linked: defaultdict[Relation, dict[Hashable, Any]] = defaultdict(dict)
        """Objects by relation and key: a record that many are linked to is one object."""

    async def answer(self, value: object) -> Any:
        """Return what the root field shows. Raises NotPlannedError, or what a resolver raises."""
        (shown,) = self._completed(self._plan.shape, [value])
        while self._next:
            level, self._next = self._next, {}
            await self._fill(level)
        return shown

    async def _fill(self, level: dict[Selection, tuple[Column, list[Answer]]]) -> None:
        """Fill in one level of the answer, and collect the next."""
        waits = _Waits()
        asked = {
            selection: [self._column(field, objects, waits) for field in selection.fields]
            for selection, (objects, _) in level.items()
        }
        await waits.settle()
        for selection, columns in asked.items():
            shown = [
                self._completed(field.shape, column()) for field, column in zip(selection.fields, columns, strict=True)
            ]
            for answer, row in zip(level[selection][1], zip(*shown, strict=True), strict=True):
                answer.update(zip(selection.keys, row, strict=True))

    def _column(self, field: PlannedField, objects: Column, waits: _Waits) -> Callable[[], Column]:
        """Ask for a field's values; return what returns them once all has come that the level waits for."""
        match field.source:
            case Constant(value):
                return partial(list, repeat(value, len(objects)))
            case Attribute(name):
                return partial(list, map(attrgetter(name), objects))
            case Stored(shown):
                return partial(list, map(shown, objects))
            case Linked(_, relation):
                return self._linked_column(relation, objects, waits)
            case Called() as called:
                call = called.of_one(self._executor, self._path)
                return waits.results_of(call, objects) if called.is_async else self._values(call, objects)

    def _values(self, call: Callable[[object], Any], objects: Column) -> Callable[[], Column]:
        values = list(map(call, objects))
        if any(map(self._executor.is_awaitable, values)):
            raise NotPlannedError("a function that isn't async returned something to await")
        return lambda: values

    def _linked_column(self, relation: Relation, objects: Column, waits: _Waits) -> Callable[[], Column]:
        keys = list(map(relation.key_of, objects))
        known = self._linked[relation]
        new = dict.fromkeys(key for key in keys if key not in known)
        rows = waits.rows_of(relation.loader_of(self._executor.context_value), new)

        def linked() -> Column:
            found = rows()
            for key in new:
                known[key] = relation.shown(found.get(key))
            return [known[key] for key in keys]

        return linked

    def _completed(self, shape: Shape, values: Column) -> Column:
        """Return what the answer shows of values; objects are filled in on the next level. Raises NotPlannedError."""
        if not shape.is_nullable and None in values:
            raise NotPlannedError("null where null can't be")
        match shape.of:
            case Leaf() as leaf:
                return _printed(leaf, values)
            case Composite() as composite:
                return self._parts(composite, values)
            case Shape() as item:
                return self._lists(item, values)

    def _lists(self, item: Shape, values: Column) -> Column:
        lists = [value for value in values if value is not None]
        if not all(isinstance(value, list | tuple) for value in lists):
            raise NotPlannedError("a list is something else")
        items = iter(self._completed(item, list(chain.from_iterable(lists))))
        return [None if value is None else list(islice(items, len(value))) for value in values]

    def _parts(self, composite: Composite, values: Column) -> list[Answer | None]:
        """Return the objects' parts of the answer, to be filled in on the next level where they aren't yet."""
        shown = self._shown[composite]
        asked = {class_: self._asked(composite, class_) for class_ in set(map(type, values)) - {NoneType}}
        parts: list[Answer | None] = []
        for value in values:
            known = (None, None) if value is None else shown.get(id(value))
            if known is None:
                known = shown[id(value)] = value, {}
                objects, answers = asked[type(value)]
                objects.append(value)
                answers.append(known[1])
            parts.append(known[1])
        return parts

    def _asked(self, composite: Composite, class_: type) -> tuple[Column, list[Answer]]:
        """Return where the next level has objects of a class, and what is to become their parts of the answer."""
        selection = self._plan.selection(composite, class_, self._executor)
        nowhere: tuple[Column, list[Answer]] = ([], [])
        return self._next.setdefault(selection, nowhere) if selection.keys else nowhere  # without keys all is skipped


class _Waits:
    """What one level waits for, all at the same time: each loader once, and the calls of functions that await."""

    def __init__(self) -> None:
        self._keys: dict[Loader, dict[Hashable, None]] = {}
        self._calls: list[tuple[Callable[[object], Awaitable[Any]], Column]] = []
        self._rows: dict[Loader, Mapping[Hashable, Any]] = {}
        self._results: list[Any] = []
        self._count = 0

    def rows_of(self, loader: Loader, keys: Iterable[Hashable]) -> Callable[[], Mapping[Hashable, Any]]:
        """Ask a loader for keys; return what returns the rows."""
        wanted = self._keys.setdefault(loader, {})
        wanted.update((key, None) for key in keys if key is not None)
        return lambda: self._rows.get(loader, {})

    def results_of(self, call: Callable[[object], Awaitable[Any]], objects: Column) -> Callable[[], Column]:
        """Call a function for each object; return what returns the results."""
        begin, self._count = self._count, self._count + len(objects)
        self._calls.append((call, objects))
        return lambda: self._results[begin : begin + len(objects)]

    async def settle(self) -> None:
        """Return when all has come. When something fails, the rest is stopped."""
        asked = [(loader, keys) for loader, keys in self._keys.items() if keys]
        waits = [loader.load_many(keys) for loader, keys in asked]
        waits += [call(one) for call, objects in self._calls for one in objects]
        if not waits:
            return
        found = await gather_with_cancel(*waits) if len(waits) > 1 else [await waits[0]]
        self._rows = {loader: rows for (loader, _), rows in zip(asked, found, strict=False)}
        self._results = found[len(asked) :]


def _printed(leaf: Leaf, values: Column) -> Column:
    """Return what JSON has for the values of a scalar or an enum. Raises NotPlannedError, or what the type raises."""
    if leaf.plain.issuperset(map(type, values)):
        return values
    if leaf.known is None:
        return [None if value is None else _printed_one(leaf, value) for value in values]
    for value in set(values) - leaf.known.keys():
        leaf.known[value] = None if value is None else _printed_one(leaf, value)
    return list(map(leaf.known.__getitem__, values))


def _printed_one(leaf: Leaf, value: object) -> Any:
    printed = None if isinstance(value, Exception) else leaf.kind.coerce_output_value(value)
    if printed is None or printed is Undefined:
        raise NotPlannedError(f"{leaf.kind.name} prints nothing")
    return printed
