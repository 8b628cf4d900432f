"""Foresight: which relations the answer of a root field will follow, found before its resolver reads anything."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from execution.plans import Composite, Shape
from execution.sources import Attribute, Linked, Stored

if TYPE_CHECKING:
    from collections.abc import Iterator

    from execution.planned_executors import PlannedExecutor
    from execution.plans import Plan

RelationPath = tuple[str, ...]
"""The names of relations from an object on: `("account", "contact")`."""

LONGEST_PATH = 2


class Foreseeing(Protocol):
    """What an operation's context must have to be told."""

    def foresee(self, field: str, relations: frozenset[RelationPath]) -> None:
        """Note what will be followed from the objects that a root field, by its name in the answer, shows."""


def foreseen(plan: Plan, executor: PlannedExecutor) -> frozenset[RelationPath]:
    """Return the relations of the objects that a root field shows: its own, or those in it, such as a page's nodes."""
    if plan.foreseen is None:
        plan.foreseen = frozenset()
        with suppress(Exception):  # whatever it is, the answer will meet it again, and say it
            plan.foreseen = frozenset(_under(plan.shape, (), plan, executor))
    return plan.foreseen


def _under(shape: Shape, path: RelationPath, plan: Plan, executor: PlannedExecutor) -> Iterator[RelationPath]:
    match shape.of:
        case Shape() as item:
            yield from _under(item, path, plan, executor)
        case Composite() as composite:
            for class_ in composite.kinds:
                for field in plan.selection(composite, class_, executor).fields:
                    match field.source:
                        case Linked(name) if len(path) < LONGEST_PATH:
                            yield (*path, name)
                            yield from _under(field.shape, (*path, name), plan, executor)
                        case Attribute() | Stored() if not path:
                            yield from _under(field.shape, path, plan, executor)
