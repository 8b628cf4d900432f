"""Foresight: what the answer of a root field will follow and show, found before its resolver reads anything."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Protocol

from execution.plans import Composite, Shape
from execution.sources import Attribute, Called, Linked
from execution.stored import ROW, Stored

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from execution.planned_executors import PlannedExecutor
    from execution.plans import Plan, PlannedField

RelationPath = tuple[str, ...]
"""The names of relations from an object on: `("account", "contact")`."""

LONGEST_PATH = 2


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What will be asked of the objects that a root field shows: its own, or those in it, such as a page's nodes."""

    relations: frozenset[RelationPath] = frozenset()
    """What will be followed from them."""
    attributes: frozenset[str] | None = None
    """What of the rows behind them will be looked at, keys of relations apart; None for whatever they have."""


UNFORESEEN = Foreseen()
"""Nothing is known of what will be asked."""


class Foreseeing(Protocol):
    """What an operation's context must have to be told."""

    by_plan: int
    """How many root fields plans have answered."""

    def foresee(self, field: str, foreseen: Foreseen) -> None:
        """Note what will be asked of the objects that a root field, by its name in the answer, shows."""


def foreseen(plan: Plan, executor: PlannedExecutor) -> Foreseen:
    """Return what a root field's plan will ask."""
    if plan.foreseen is None:
        plan.foreseen = UNFORESEEN
        with suppress(Exception):  # whatever it is, the answer will meet it again, and say it
            asked = list(_asked(plan.shape, (), plan, executor))
            plan.foreseen = Foreseen(
                frozenset((*path, field.source.name) for path, _, field in asked if isinstance(field.source, Linked)),
                _attributes((class_, field) for path, class_, field in asked if not path),
            )
    return plan.foreseen


def _asked(
    shape: Shape, path: RelationPath, plan: Plan, executor: PlannedExecutor
) -> Iterator[tuple[RelationPath, type, PlannedField]]:
    """Yield each field with its object's class, and the relations that lead to it."""
    match shape.of:
        case Shape() as item:
            yield from _asked(item, path, plan, executor)
        case Composite() as composite if len(path) < LONGEST_PATH:
            for class_ in composite.kinds:
                for field in plan.selection(composite, class_, executor).fields:
                    yield path, class_, field
                    match field.source:
                        case Linked(name):
                            yield from _asked(field.shape, (*path, name), plan, executor)
                        case Attribute() | Stored() if not path:
                            yield from _asked(field.shape, path, plan, executor)


def _attributes(asked: Iterable[tuple[type, PlannedField]]) -> frozenset[str] | None:
    found: set[str] = set()
    for class_, field in asked:
        match field.source:
            case Stored(attributes):
                found.update(attributes)
            case Called() if ROW in {each.name for each in fields(class_)}:
                return None  # a function sees the whole object
    if ROW in found:
        return None
    return frozenset(name.removeprefix(f"{ROW}.") for name in found if name.startswith(f"{ROW}."))
