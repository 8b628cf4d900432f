"""Running a plan breadth first: all objects of one level together, field by field, each relation asked once."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from functools import partial
from itertools import chain, compress, islice, repeat, starmap
from operator import attrgetter
from types import NoneType
from typing import TYPE_CHECKING, Any

from graphql.pyutils import gather_with_cancel

from execution.leaves import Column, Leaf, NotPlannedError
from execution.plans import Composite, Shape
from execution.sources import Attribute, Called, Constant, Linked
from execution.stored import Stored

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable, Iterable

    from graphql.pyutils import Path

    from execution.planned_executors import PlannedExecutor
    from execution.plans import Plan, PlannedField, Selection
    from execution.relations import Loader, Relation

Answer = dict[str, Any]
"""An object's part of the answer."""

Asked = tuple["Selection", Column, list[Answer]]
"""Objects of which the same is asked, each with what is to become its part of the answer."""


class Run:
    """One run of a plan: from a root field's value to its part of the answer."""

    def __init__(self, plan: Plan, executor: PlannedExecutor, path: Path) -> None:
        self._plan = plan
        self._executor = executor
        self._path = path
        self._next: list[Asked] = []
        """The next level."""

    async def answer(self, value: object) -> Any:
        """Return what the root field shows. Raises NotPlannedError, or what a resolver raises."""
        (shown,) = self._shown(self._plan.shape, [value])
        while self._next:
            level, self._next = self._next, []
            await self._fill(level)
        return shown

    async def _fill(self, level: list[Asked]) -> None:
        """Fill in one level of the answer, and collect the next."""
        waits = _Waits()
        coming = [
            [self._column(field, objects, waits) for field in selection.fields] for selection, objects, _ in level
        ]
        await waits.settle()
        for (selection, _, answers), columns in zip(level, coming, strict=True):
            of_each = zip(answers, *[column() for column in columns], strict=True)
            deque(starmap(selection.fill, of_each), maxlen=0)  # only to run it

    def _column(self, field: PlannedField, objects: Column, waits: _Waits) -> Callable[[], Column]:
        """Ask for a field's values; return what shows them once all has come that the level waits for."""
        values: Callable[[], Column]
        match field.source:
            case Stored() as stored:
                values = partial(stored.of_all, objects)
            case Linked(_, relation):
                return self._linked_column(field.shape, relation, objects, waits)
            case Attribute(name):
                values = partial(list, map(attrgetter(name), objects))
            case Constant(value):
                values = partial(list, repeat(value, len(objects)))
            case Called() as called:
                call = called.of_one(self._executor, self._path)
                values = waits.results_of(call, objects) if called.is_async else self._results(call, objects)
        return lambda: self._shown(field.shape, values())

    def _results(self, call: Callable[[object], Any], objects: Column) -> Callable[[], Column]:
        results = list(map(call, objects))
        if any(map(self._executor.is_awaitable, results)):
            raise NotPlannedError("a function that isn't async returned something to await")
        return lambda: results

    def _linked_column(self, shape: Shape, relation: Relation, objects: Column, waits: _Waits) -> Callable[[], Column]:
        """Ask for what objects are linked to; a record that many are linked to is shown once, for all of them."""
        keys = list(map(relation.key_of, objects))
        once = dict.fromkeys(keys)
        rows = waits.rows_of(relation.loader_of(self._executor.context_value), once)

        def linked() -> Column:
            shown = self._shown(shape, list(map(relation.shown, map(rows().get, once))))
            return list(map(dict(zip(once, shown, strict=True)).__getitem__, keys))

        return linked

    def _shown(self, shape: Shape, values: Column) -> Column:
        """Return what the answer shows of values; objects are filled in on the next level. Raises NotPlannedError."""
        classes = set(map(type, values))
        if not shape.is_nullable and NoneType in classes:
            raise NotPlannedError("null where null can't be")
        match shape.of:
            case Leaf() as leaf:
                return leaf.printed(values, classes)
            case Composite() as composite:
                return self._parts(composite, classes, values)
            case Shape() as item:
                return self._lists(item, values)

    def _lists(self, item: Shape, values: Column) -> Column:
        lists = [value for value in values if value is not None]
        if not all(isinstance(value, list | tuple) for value in lists):
            raise NotPlannedError("a list is something else")
        items = iter(self._shown(item, list(chain.from_iterable(lists))))
        return [None if value is None else list(islice(items, len(value))) for value in values]

    def _parts(self, composite: Composite, classes: set[type], values: Column) -> Column:
        """Return the objects' parts of the answer, to be filled in on the next level."""
        parts: Column = [None if value is None else {} for value in values]
        for class_ in classes - {NoneType}:
            selection = self._plan.selection(composite, class_, self._executor)
            if selection.fields:  # without any all is skipped
                is_of_it = [type(value) is class_ for value in values] if len(classes) > 1 else repeat(object=True)
                self._next.append((selection, list(compress(values, is_of_it)), list(compress(parts, is_of_it))))
        return parts


class _Waits:
    """What one level waits for, all at the same time: each loader once, and the calls of functions that await."""

    def __init__(self) -> None:
        self._keys: dict[Loader, dict[Hashable, None]] = {}
        self._calls: list[tuple[Callable[[object], Awaitable[Any]], Column]] = []
        self._rows: dict[Loader, Any] = {}
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
        self._rows = {loader: loader.load_many(keys) for loader, keys in self._keys.items() if keys}
        late = [loader for loader, rows in self._rows.items() if not isinstance(rows, Mapping)]
        waits = [self._rows[loader] for loader in late]
        waits += [call(one) for call, objects in self._calls for one in objects]
        if not waits:
            return
        found = await gather_with_cancel(*waits) if len(waits) > 1 else [await waits[0]]
        self._rows.update(zip(late, found, strict=False))
        self._results = found[len(late) :]
