"""The plans that are kept: of the operations that were run last, for one schema."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from graphql import DirectiveNode, GraphQLIncludeDirective, GraphQLSkipDirective, VariableNode, Visitor, visit

from execution.leaves import NotPlannedError
from execution.plans import Plan

if TYPE_CHECKING:
    from graphql import GraphQLOutputType, OperationDefinitionNode
    from graphql.execution.collect_fields import FieldDetailsList
    from graphql.pyutils import Path

    from execution.planned_executors import PlannedExecutor

MOST_OPERATIONS = 1_000
MOST_FIELDS = 200_000
"""How many fields all plans together may have: about half a kilobyte each."""

_CONDITIONS = {GraphQLSkipDirective.name, GraphQLIncludeDirective.name}


@dataclass(slots=True)
class _Planned:
    """What is known of one operation."""

    operation: OperationDefinitionNode
    """Kept, so that no other operation can have its identity."""
    conditions: tuple[str, ...]
    """The variables that decide what is asked: those of `@skip` and `@include`."""
    plans: dict[tuple[object, ...], Plan | None] = field(default_factory=dict)

    @property
    def size(self) -> int:
        return sum(plan.size for plan in self.plans.values() if plan)


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
        self._make_room()
        made = self._kept[id(operation)] = _Planned(operation, _conditions(executor))
        return made

    def _make_room(self) -> None:
        size = sum(planned.size for planned in self._kept.values())
        while self._kept and (len(self._kept) >= MOST_OPERATIONS or size > MOST_FIELDS):
            _, gone = self._kept.popitem(last=False)
            size -= gone.size


def _conditions(executor: PlannedExecutor) -> tuple[str, ...]:
    """Return the names of the variables in conditions, wherever they stand in the document."""
    found = _Conditions()
    for node in (executor.operation, *executor.fragment_definitions.values()):
        visit(node, found)
    return tuple(sorted(found.names))


class _Conditions(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def enter_directive(self, node: DirectiveNode, *_: object) -> None:
        if node.name.value in _CONDITIONS:
            given = [argument.value for argument in node.arguments or ()]
            self.names |= {value.name.value for value in given if isinstance(value, VariableNode)}
