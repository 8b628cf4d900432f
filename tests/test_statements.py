"""Statements: the text is compiled once for all that differ by values alone, and each has its own values."""

import gc
import itertools
import tracemalloc
from collections.abc import Iterable, Iterator
from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Text, Uuid, bindparam, insert, literal_column, or_, select, update
from sqlalchemy.dialects.postgresql.asyncpg import dialect
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import ClauseElement

from db.filters import IdTest
from db.statements import compiled, of_tenant
from db.tables import interactions
from db.timeline_filters import TimelineFilter, is_wanted

ids = st.none() | st.sampled_from([UUID(int=1), UUID(int=2)])
words = st.lists(st.sampled_from(["pending", "completed", "unknown"]), max_size=2, unique=True)
filters = st.builds(
    TimelineFilter,
    status=st.none() | words.map(tuple),
    is_open=st.none() | st.booleans(),
    is_overdue=st.none() | st.booleans(),
    lead_id=st.builds(IdTest, eq=ids, ne=ids, is_null=st.none() | st.booleans()),
    words=st.lists(st.sampled_from(["an", "Acme", "100%"]), max_size=2).map(tuple),
)


def told(sql: str, names: list[str], known: dict[str, object]) -> tuple[str, list[object]]:
    """Return a statement's text and its values by their places, for an argument its name."""
    return sql, [known.get(name, name) for name in names]


def compiled_here(clause: ClauseElement) -> tuple[str, list[object]]:
    """Compile a statement without anything that was kept."""
    text = clause.compile(dialect=dialect())  # type: ignore[no-untyped-call]  # SQLAlchemy's
    assert isinstance(text, SQLCompiler)
    known = {name: bind.value for bind, name in text.bind_names.items() if not bind.required}
    return told(str(text), list(text.positiontup or ()), known)


def compiled_there(clause: ClauseElement) -> tuple[str, list[object]]:
    statement = compiled(clause)
    return told(statement.sql, list(statement.names), dict(statement.known))


@given(wanted=st.lists(filters, min_size=1, max_size=4), size=st.integers(0, 3))
def test_a_statement_is_what_it_would_be_if_it_were_compiled_anew(wanted: list[TimelineFilter], size: int) -> None:
    for one in wanted:
        clause = select(interactions.c.id).where(of_tenant(interactions), is_wanted(one)).limit(size)

        assert compiled_here(clause) == compiled_there(clause)


def test_changes_are_compiled_with_all_their_columns() -> None:
    for subject in ("Call back", None, "Write"):
        new = insert(interactions).values(id=uuid4(), subject=subject).returning(interactions.c.id)
        change = update(interactions).values(subject=subject).where(interactions.c.id == bindparam("id_", type_=Uuid))

        assert compiled_here(new) == compiled_there(new)
        assert compiled_here(change) == compiled_there(change)


def test_an_argument_without_a_value_is_told_from_one_that_has_it() -> None:
    open_, given_ = bindparam("word", type_=Text), bindparam("word", "abc", type_=Text)

    for word in (open_, given_, open_, given_):
        clause = select(word)
        assert compiled_here(clause) == compiled_there(clause)
    assert {} == compiled(select(open_)).known
    assert {"word": "abc"} == compiled(select(given_)).known


def kept_bytes_of(clauses: Iterable[ClauseElement]) -> int:
    """Compile statements; return the bytes that stay."""
    gc.collect()
    tracemalloc.start()
    try:
        for clause in clauses:
            compiled(clause)
        del clause
        gc.collect()
        return tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


def test_the_memory_of_statements_kept_is_bounded() -> None:
    # As many columns, in another order each time: every one is a text of its own, about as long as can be.
    columns = (
        itertools.islice(itertools.cycle(interactions.c), number % 20, number % 20 + 60 + number // 20)
        for number in range(250)
    )
    words = is_wanted(TimelineFilter(words=("a",) * 3))

    assert kept_bytes_of(select(*some).where(of_tenant(interactions), words) for some in columns) < 2_600_000


def test_no_value_of_a_statement_is_kept() -> None:
    def shapes() -> Iterator[ClauseElement]:
        for number in range(20):
            lists = (TimelineFilter(lead_id=IdTest(any_of=tuple(uuid4() for _ in range(300)))) for _ in range(5))
            yield select(*list(interactions.c)[: number % 25 + 1], literal_column(str(number))).where(
                or_(*map(is_wanted, lists))
            )

    assert kept_bytes_of(shapes()) < 500_000  # the values of one take 130,000
