"""The plans that are kept: of the operations that were run last, for one schema."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from graphql import DirectiveNode, GraphQLIncludeDirective, GraphQLSkipDirective, VariableNode, Visitor, visit

from execution.leaves import NotPlannedError
from execution.plans import Plan

if TYPE_CHECKING:
    from graphql import GraphQLOutputType, Node, OperationDefinitionNode
    from graphql.execution.collect_fields import FieldDetailsList
    from graphql.pyutils import Path

    from execution.planned_executors import PlannedExecutor

MOST_OPERATIONS = 1_000
MOST_BYTES = 10_000_000
"""How much memory all plans may take, with the documents that they are of; those of people take some 80,000 each."""
# Measured by tracemalloc, each where there is most of it: what an operation takes by itself, each node of its document,
# and of what is planned each field and each selection, which has a function of its own.
OPERATION_BYTES = 4_000
NODE_BYTES = 420
FIELD_BYTES = 500
SELECTION_BYTES = 2_000

_CONDITIONS = {GraphQLSkipDirective.name, GraphQLIncludeDirective.name}


@dataclass(slots=True)
class _Planned:
    """What is known of one operation."""

    operation: OperationDefinitionNode
    """Kept, so that no other operation can have its identity."""
    conditions: tuple[str, ...]
    """The variables that decide what is asked: those of `@skip` and `@include`."""
    nodes: int
    """Of the operation and of all fragments, which plans hold, too."""
    plans: dict[tuple[object, ...], Plan | None] = field(default_factory=dict)

    @property
    def size_bytes(self) -> int:
        """How much memory it takes at most."""
        made = [plan for plan in self.plans.values() if plan]
        fields, selections = sum(plan.fields for plan in made), sum(plan.selections for plan in made)
        return OPERATION_BYTES + NODE_BYTES * self.nodes + FIELD_BYTES * fields + SELECTION_BYTES * selections


class PlanStore:
    """Plans by operation, root field and conditions, the least recently used operation leaving first."""

    def __init__(self) -> None:
        self._kept: OrderedDict[int, _Planned] = OrderedDict()
        self.answered = 0
        """How many root fields plans have answered."""
        self.left = 0
        """How many were left to graphql-core, because something failed or plans don't know it."""

    def plan(
        self, executor: PlannedExecutor, type_: GraphQLOutputType, details: FieldDetailsList, path: Path
    ) -> Plan | None:
        """Return the plan for a root field; None where there can't be one."""
        planned = self._planned(executor)
        values = executor.variable_values.coerced
        case = (path.key, *(values.get(name) for name in planned.conditions))
        if case not in planned.plans:
            try:
                planned.plans[case] = Plan(type_, details, executor)
            except NotPlannedError:
                planned.plans[case] = None
        return planned.plans[case]

    def _planned(self, executor: PlannedExecutor) -> _Planned:
        operation = executor.operation
        if (known := self._kept.get(id(operation))) is not None:
            self._kept.move_to_end(id(operation))
            return known
        made = _planned(executor)
        self._make_room(made.size_bytes)
        self._kept[id(operation)] = made
        return made

    def _make_room(self, size_bytes: int) -> None:
        size_bytes += sum(planned.size_bytes for planned in self._kept.values())
        while self._kept and (len(self._kept) >= MOST_OPERATIONS or size_bytes > MOST_BYTES):
            _, gone = self._kept.popitem(last=False)
            size_bytes -= gone.size_bytes


def _planned(executor: PlannedExecutor) -> _Planned:
    """Return what is known of an operation before any plan of it is made."""
    found = _Found()
    for node in (executor.operation, *executor.fragment_definitions.values()):
        visit(node, found)
    return _Planned(executor.operation, tuple(sorted(found.conditions)), found.nodes)


class _Found(Visitor):
    """Counts nodes, and notes the variables in conditions, wherever they stand in the document."""

    def __init__(self) -> None:
        super().__init__()
        self.conditions: set[str] = set()
        self.nodes = 0

    def enter(self, node: Node, *_: object) -> None:
        self.nodes += 1
        if isinstance(node, DirectiveNode) and node.name.value in _CONDITIONS:
            given = [argument.value for argument in node.arguments or ()]
            self.conditions |= {value.name.value for value in given if isinstance(value, VariableNode)}
