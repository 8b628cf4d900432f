"""What PostgreSQL did for a statement, as the API's role."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from db.engine import Database, Record
from db.sessions import Session
from db.statements import Statement


@dataclass
class Plan:
    """What PostgreSQL did for a statement."""

    tree: Mapping[str, Any]

    def nodes(self) -> Iterator[Mapping[str, Any]]:
        waiting = [self.tree]
        while waiting:
            node = waiting.pop()
            yield node
            waiting += node.get("Plans", [])

    @property
    def scanned(self) -> set[str]:
        """Tables read from end to end."""
        return {node["Relation Name"] for node in self.nodes() if node["Node Type"] == "Seq Scan"}

    @property
    def most_sorted(self) -> int:
        """The most rows that were sorted at once."""
        return max((int(node["Actual Rows"]) for node in self.nodes() if "Sort" in node["Node Type"]), default=0)

    @property
    def blocks(self) -> int:
        return int(self.tree["Shared Hit Blocks"]) + int(self.tree["Shared Read Blocks"])


class Explaining(Session):
    """A session that runs each statement a second time, and keeps what PostgreSQL did for it."""

    def __init__(self, database: Database, organization_id: UUID) -> None:
        super().__init__(database, organization_id, 60_000)
        self.plans: list[Plan] = []

    async def rows(self, statement: Statement, **values: object) -> list[Record]:
        explained = replace(statement, sql=f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement.sql}")
        ((text,),) = await super().rows(explained, **values)
        self.plans.append(Plan(json.loads(text)[0]["Plan"]))
        return await super().rows(statement, **values)
