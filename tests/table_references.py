"""Where a statement reads or writes a table, and which of its arguments each such place is bound to in one column.

A place is bound when a condition that holds for every row of it says so: an equality with the argument, or with a
column that is bound itself. Conditions are those that `AND` joins, in `WHERE`, and in `ON` for the side that it can
leave out.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from pglast import ast, parse_sql
from pglast.enums import A_Expr_Kind, BoolExprType, JoinType, SetOperation

Node: TypeAlias = Any
"""A part of PostgreSQL's parse tree, whose parts depend on its kind and may be absent."""
Numbers: TypeAlias = frozenset[int]
"""Of arguments: 1 for $1."""
NONE: Numbers = frozenset()
Outputs: TypeAlias = list[tuple[str | None, Numbers]]
"""The columns that a query returns, each with the arguments that it equals."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A place where a table is read or written, and the arguments that its column equals there; none if unbound."""

    table: str
    arguments: Numbers


def references(sql: str, columns: Mapping[str, str]) -> list[Reference]:
    """Return the places of these tables in SQL, given the column of each."""
    reading = _Reading(columns)
    for statement in parse_sql(sql):
        reading.query(statement.stmt, None, {})
    return reading.found


@dataclass(slots=True)
class _Level:
    """One query's own tables and subqueries, by the names that they have there, and what is known of their columns."""

    outer: "_Level | None"
    tables: dict[str, str] = field(default_factory=dict)
    columns: dict[tuple[str, str], Numbers] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    conditions: list[tuple[Node, set[str] | None]] = field(default_factory=list)
    """Each with the names of which it says something, whatever else there is; None: of all."""

    def numbers(self, node: Node) -> Numbers:
        """Return the arguments that an expression equals."""
        while _is(node, ast.TypeCast):
            node = node.arg
        if _is(node, ast.ParamRef):
            return frozenset({node.number})
        place = self.place(node)
        if place is None:
            return NONE
        level: _Level | None = self
        while level and place[0] not in level.names:
            level = level.outer
        return level.columns.get(place, NONE) if level else NONE

    def place(self, node: Node) -> tuple[str, str] | None:
        """Return the name and the column that an expression is, if it is one."""
        while _is(node, ast.TypeCast):
            node = node.arg
        if not _is(node, ast.ColumnRef) or not all(_is(part, ast.String) for part in node.fields):
            return None
        *name, column = (part.sval for part in node.fields)
        if not name and len(self.names) == 1:
            name = list(self.names)
        return (name[-1], column) if name else None

    def conclude(self) -> None:
        """Learn from the conditions what columns equal, until there is nothing new."""
        is_new = True
        while is_new:
            learnt = [self._learn(*condition) for condition in self.conditions]
            is_new = any(learnt)

    def _learn(self, node: Node, about: set[str] | None) -> bool:
        if not (_is(node, ast.A_Expr) and node.kind == A_Expr_Kind.AEXPR_OP and node.name[-1].sval == "="):
            return False
        is_new = False
        for own, other in ((node.lexpr, node.rexpr), (node.rexpr, node.lexpr)):
            place = self.place(own)
            if place and place[0] in self.names and (about is None or place[0] in about):
                known = self.columns.get(place, NONE)
                self.columns[place] = known | self.numbers(other)
                is_new |= self.columns[place] != known
        return is_new


@dataclass(slots=True)
class _Reading:
    tables: Mapping[str, str]
    found: list[Reference] = field(default_factory=list)

    def query(self, node: Node, outer: _Level | None, known: Mapping[str, Outputs]) -> Outputs:
        """Read a query and all within it; `known` are the common tables that it may name."""
        known = self._common(node, outer, known)
        match node:
            case ast.SelectStmt(op=SetOperation.SETOP_NONE):
                return self._level(node, node.fromClause or (), outer, known)
            case ast.SelectStmt():
                left, right = (self.query(part, outer, known) for part in (node.larg, node.rarg))
                pairs = zip(left, right, strict=False)
                return [(name, mine & theirs) for (name, mine), (_, theirs) in pairs]
            case ast.InsertStmt():
                return self._insert(node, outer, known)
            case ast.UpdateStmt():
                return self._level(node, (node.relation, *(node.fromClause or ())), outer, known)
            case ast.DeleteStmt():
                return self._level(node, (node.relation, *(node.usingClause or ())), outer, known)
        return []

    def _common(self, node: Node, outer: _Level | None, known: Mapping[str, Outputs]) -> Mapping[str, Outputs]:
        made = dict(known)
        for table in node.withClause.ctes if getattr(node, "withClause", None) else ():
            made[table.ctename] = []  # of one that names itself, nothing is known within it
            made[table.ctename] = self.query(table.ctequery, outer, made)
        return made

    def _level(
        self, node: Node, sources: Sequence[Node], outer: _Level | None, known: Mapping[str, Outputs]
    ) -> Outputs:
        level = _Level(outer)
        level.conditions += [(part, None) for part in _conjuncts(getattr(node, "whereClause", None))]
        for source in sources:
            self._source(source, level, known)
        level.conclude()
        for name, table in level.tables.items():
            self.found.append(Reference(table, level.columns.get((name, self.tables[table]), NONE)))
        for part in _parts_of(node, besides=("fromClause", "usingClause", "relation", "withClause", "selectStmt")):
            self._within(part, level, known)
        targets = (node.targetList if _is(node, ast.SelectStmt) else node.returningClause) or ()
        return _outputs(getattr(targets, "exprs", targets), level)

    def _source(self, node: Node, level: _Level, known: Mapping[str, Outputs]) -> set[str]:
        """Read what stands in FROM; return the names that it brings."""
        if _is(node, ast.JoinExpr):
            return self._join(node, level, known)
        name = node.alias.aliasname if node.alias else getattr(node, "relname", "")
        if _is(node, ast.RangeVar) and node.relname in known and not node.schemaname:
            _add(level, name, known[node.relname])
        elif _is(node, ast.RangeVar):
            level.tables |= {name: node.relname} if node.relname in self.tables else {}
        elif _is(node, ast.RangeSubselect):
            level.conclude()
            _add(level, name, self.query(node.subquery, level if node.lateral else level.outer, known))
        else:
            assert _is(node, ast.RangeFunction)
            self._within(node.functions, level, known)
        level.names.add(name)
        return {name}

    def _join(self, node: Node, level: _Level, known: Mapping[str, Outputs]) -> set[str]:
        left = self._source(node.larg, level, known)
        right = self._source(node.rarg, level, known)
        of_sides = {JoinType.JOIN_INNER: left | right, JoinType.JOIN_LEFT: right, JoinType.JOIN_RIGHT: left}
        about = of_sides.get(node.jointype, set())
        level.conditions += [(part, about) for part in _conjuncts(node.quals)]
        level.conclude()
        self._within(node.quals, level, known)
        return left | right

    def _insert(self, node: Node, outer: _Level | None, known: Mapping[str, Outputs]) -> Outputs:
        table = node.relation.relname
        level = _Level(outer, names={table})
        values = self.query(node.selectStmt, outer, known)
        for column, (_, numbers) in zip(node.cols, values, strict=True):
            level.columns[table, column.name] = numbers
        if table in self.tables:
            self.found.append(Reference(table, level.columns.get((table, self.tables[table]), NONE)))
        for part in (node.onConflictClause, node.returningClause):
            self._within(part, level, known)
        return _outputs(node.returningClause.exprs if node.returningClause else (), level)

    def _within(self, node: Node, level: _Level, known: Mapping[str, Outputs]) -> None:
        """Read the queries that stand in an expression."""
        if _is(node, ast.SelectStmt):
            self.query(node, level, known)
        elif _is(node, ast.Node):
            for part in _parts_of(node):
                self._within(part, level, known)
        elif _is(node, tuple):
            for part in node:
                self._within(part, level, known)


def _is(node: Node, kind: type) -> bool:
    """Tell what a part is; the types of pglast say that whatever is in it may be absent."""
    return isinstance(node, kind)


def _add(level: _Level, name: str, outputs: Outputs) -> None:
    level.columns |= {(name, column): numbers for column, numbers in outputs if column}


def _conjuncts(node: Node) -> Iterator[Node]:
    if _is(node, ast.BoolExpr) and node.boolop == BoolExprType.AND_EXPR:
        for part in node.args:
            yield from _conjuncts(part)
    elif _is(node, ast.Node):
        yield node


def _parts_of(node: Node, *, besides: Iterable[str] = ()) -> Iterator[object]:
    yield from (getattr(node, name) for name in node if name not in besides)


def _outputs(targets: Iterable[Node], level: _Level) -> Outputs:
    return [(target.name or _name_of(target.val), level.numbers(target.val)) for target in targets]


def _name_of(node: Node) -> str | None:
    while _is(node, ast.TypeCast):
        node = node.arg
    if not _is(node, ast.ColumnRef) or not _is(node.fields[-1], ast.String):
        return None
    name: str = node.fields[-1].sval
    return name
