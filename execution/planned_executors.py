"""The executor of operations: root fields as graphql-core runs them, and all that is below them by plans.

A plan only reads. What it can't answer, or where anything fails, graphql-core answers from the root field's value on,
as if there were no plan: so paths, messages and nulls of errors are the reference's, and a mutation never runs twice.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from execution.executors import Executor
from execution.foresight import UNFORESEEN, foreseen
from execution.levels import Run

if TYPE_CHECKING:
    from collections.abc import Callable

    from graphql import GraphQLObjectType, GraphQLOutputType, GraphQLResolveInfo
    from graphql.execution.collect_fields import FieldDetailsList
    from graphql.pyutils import AwaitableOrValue, Path, UndefinedType

    from execution.foresight import Foreseeing
    from execution.plan_store import PlanStore
    from execution.plans import Plan


class PlannedExecutor(Executor):
    """The executor, with plans."""

    plans: ClassVar[PlanStore]
    context_value: Foreseeing

    def execute_field(
        self,
        parent_type: GraphQLObjectType,
        source: Any,
        field_details_list: FieldDetailsList,
        path: Path,
        position_context: Any,
    ) -> AwaitableOrValue[Any] | UndefinedType:
        """Run a field; of a root field tell the context first what will be asked below it."""
        name = field_details_list[0].node.name.value
        if path.prev is None and (definition := self.schema.get_field(parent_type, name)):
            plan = self.plans.plan(self, definition.type, field_details_list, path)
            self.context_value.foresee(str(path.key), foreseen(plan, self) if plan else UNFORESEEN)
        return super().execute_field(parent_type, source, field_details_list, path, position_context)

    def complete_value(
        self,
        return_type: GraphQLOutputType,
        field_details_list: FieldDetailsList,
        info: GraphQLResolveInfo[Any],
        path: Path,
        result: Any,
        position_context: Any,
    ) -> AwaitableOrValue[Any]:
        """Complete a root field's value by its plan, and any other as graphql-core does."""
        as_the_reference = partial(
            super().complete_value, return_type, field_details_list, info, path, result, position_context
        )
        # Where graphql-core completes a root field, the same path comes again, for the type within NonNull.
        if path.prev is not None or return_type is not info.return_type or result is None:
            return as_the_reference()
        plan = self.plans.plan(self, return_type, field_details_list, path)
        return as_the_reference() if plan is None else self._planned(plan, path, result, as_the_reference)

    async def _planned(
        self, plan: Plan, path: Path, value: object, as_the_reference: Callable[[], AwaitableOrValue[Any]]
    ) -> Any:
        with suppress(Exception):  # the reference finds it again, and says it in its own place
            answer = await Run(plan, self, path).answer(value)
            self.plans.answered += 1
            self.context_value.by_plan += 1
            return answer
        self.plans.left += 1
        completed = as_the_reference()
        return await completed if self.is_awaitable(completed) else completed


def executing(plans: PlanStore) -> type[PlannedExecutor]:
    """Return the executor for one schema, whose plans these are."""
    return type("PlannedExecutor", (PlannedExecutor,), {"plans": plans})
