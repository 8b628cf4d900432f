"""What spans say of a request, of the operation that it asks for, and of each statement.

The names are those of OpenTelemetry's semantic conventions; what these don't know begins with `taskline`. Nothing has a
value: no variable, no argument of a statement, no document, no words of a failure, no header, no address of a client,
and no id, be it in a path.
"""

from __future__ import annotations

import re
import time
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING

from opentelemetry.context import Context
from opentelemetry.trace import SpanKind, StatusCode, format_trace_id, set_span_in_context
from starlette.routing import Route

from db.observers import NOBODY
from db.tables import METADATA, idempotency_keys, task_events
from errors import TasklineError
from server import failures

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import TracebackType

    from opentelemetry.trace import Span, Tracer
    from opentelemetry.util.types import AttributeValue
    from starlette.types import Scope

    from db.observers import Observer
    from schema import context
    from server.accesses import Access

METHODS = {"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"}
"""Of HTTP; clients may make others up."""
OPERATION = "GraphQL Operation"
"""What an operation is called whose kind isn't known, for its document can't be read."""
WAIT = "wait for a connection"
SHORTEST_WAIT_NS = 1_000_000
"""A shorter wait for a connection or a turn isn't told: there was none to speak of."""
LONGEST_TEXT = 5_000
"""How many characters are told of a statement; only large filters have more."""
LONGEST_SUMMARY = 255

_TABLES = "|".join(sorted({*METADATA.tables, idempotency_keys.name, task_events.name}))
_TARGET = re.compile(rf"(?:\b(?:FROM|JOIN|INTO|UPDATE)|,)\s+({_TABLES})\b(?!\.)")
_CHANGE = re.compile(r"\b(?:(INSERT) INTO|(DELETE) FROM|(UPDATE) \w+(?:(?: AS)? \w+)? SET)\b")


class Trace:
    """A span that has begun, and whatever hangs on it. It is told what a session does (`db/observers.py`)."""

    def __init__(self, tracer: Tracer, span: Span, namespace: str) -> None:
        self._tracer = tracer
        self._span = span
        self._namespace = namespace
        """The database's name."""
        self._context = set_span_in_context(span, Context())

    @property
    def id(self) -> str:
        """The trace's id, in hexadecimal; also of one that isn't kept."""
        return format_trace_id(self._span.get_span_context().trace_id)

    @property
    def observer(self) -> Observer:
        """Who is to be told of statements."""
        return self if self._span.is_recording() else NOBODY

    @contextmanager
    def operation(self, access: Access) -> Iterator[Trace]:
        """Trace an operation of GraphQL within the block, at whose end the access says what it was."""
        if not self._span.is_recording():
            yield self
            return
        trace = Trace(self._tracer, self._tracer.start_span(OPERATION, self._context, SpanKind.SERVER), self._namespace)
        try:
            yield trace
        except Exception as exc:
            _fail(trace._span, failures.code_of(exc))
            raise
        finally:
            trace.end_operation(access)

    def note(self, done: context.Context) -> None:
        """Note how an operation was run, by its context."""
        self._span.set_attribute("taskline.plan.answered", done.by_plan)
        if done.waited_s >= SHORTEST_WAIT_NS / 1e9:
            self._span.set_attribute("taskline.turn.wait_ms", round(done.waited_s * 1_000, 1))

    def end_operation(self, access: Access) -> None:
        """End the span of an operation."""
        if what := access.measured:
            self._span.update_name(what.kind)
            self._span.set_attribute("graphql.operation.type", what.kind)
            if what.name:
                self._span.set_attribute("graphql.operation.name", what.name)
            if what.points is not None:
                self._span.set_attribute("taskline.points", what.points)
        if access.is_untrusted:
            self._span.set_attribute("taskline.trusted", value=False)
        if access.codes:
            _fail(self._span, gravest(access.codes))
        self._end(access)

    def end_request(self, access: Access, scope: Scope, status: int) -> None:
        """End the span of a request that was answered with this status; 0 for one that wasn't."""
        if route := route_of(scope):
            self._span.update_name(f"{name_of(scope['method'])} {route}")
            self._span.set_attributes({"http.route": route, "url.path": route})
        if status:
            self._span.set_attribute("http.response.status_code", status)
        if not 0 < status < 500:  # by the conventions a client's mistake is none of the server's span
            _fail(self._span, gravest(access.codes) if access.codes else str(status or "cancelled"))
        self._end(access)

    def statement(self, sql: str) -> Part:
        """Trace a statement within the block."""
        told = told_of(sql, self._namespace)
        return Part(self._tracer, self._context, str(told["db.query.summary"]), SpanKind.CLIENT, told)

    def wait(self) -> Part:
        """Trace the wait for a connection, if it is one."""
        return Part(self._tracer, self._context, WAIT, least_ns=SHORTEST_WAIT_NS)

    def _end(self, access: Access) -> None:
        if access.session:
            self._span.set_attribute("taskline.statements", access.session.statements)
        if access.codes:
            self._span.set_attribute("taskline.codes", list(access.codes))
        self._span.end()


class Part:
    """A span without any below it, of what is done within the block. It is made at the end, unless it was too short."""

    __slots__ = ("_attributes", "_began_ns", "_context", "_kind", "_least_ns", "_name", "_tracer")

    def __init__(
        self,
        tracer: Tracer,
        context: Context,
        name: str,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Mapping[str, AttributeValue] | None = None,
        *,
        least_ns: int = 0,
    ) -> None:
        self._tracer = tracer
        self._context = context
        self._name = name
        self._kind = kind
        self._attributes = attributes
        self._least_ns = least_ns
        self._began_ns = 0

    def __enter__(self) -> None:
        """Begin."""
        self._began_ns = time.time_ns()

    def __exit__(self, _: type[BaseException] | None, exc: BaseException | None, __: TracebackType | None) -> None:
        """End, and say by which kind of failure, if by one: never its words, which hold values."""
        ended_ns = time.time_ns()
        if exc is None and ended_ns - self._began_ns < self._least_ns:
            return
        span = self._tracer.start_span(
            self._name, self._context, self._kind, self._attributes, start_time=self._began_ns
        )
        if exc is not None:
            sqlstate = getattr(exc, "sqlstate", None)
            if sqlstate:
                span.set_attribute("db.response.status_code", sqlstate)
            _fail(span, exc.code if isinstance(exc, TasklineError) else sqlstate or type(exc).__name__)
        span.end(ended_ns)


def name_of(method: str) -> str:
    """Return the method as a span's name has it."""
    return method if method in METHODS else "HTTP"


def route_of(scope: Scope) -> str | None:
    """Return the path of the route that a request took, with the names of parameters; None for one that is nowhere."""
    route = scope.get("route")
    return f"{scope.get('root_path', '')}{route.path}" if isinstance(route, Route) else None


def gravest(codes: Sequence[str]) -> str:
    """Return one of several codes: ours, if one is."""
    return TasklineError.code if TasklineError.code in codes else codes[0]


@lru_cache(maxsize=200)
def told_of(sql: str, namespace: str) -> Mapping[str, AttributeValue]:
    """Return what is told of a statement: its text has places for values, and none of them."""
    verb = verb_of(sql)
    tables = dict.fromkeys(_TARGET.findall(sql))
    return {
        "db.system.name": "postgresql",
        "db.operation.name": verb,
        "db.query.summary": " ".join([verb, *tables])[:LONGEST_SUMMARY],
        "db.query.text": sql[:LONGEST_TEXT],
    } | ({"db.namespace": namespace} if namespace else {})


def verb_of(sql: str) -> str:
    """Return what a statement does: what it changes, if it changes something."""
    if found := _CHANGE.search(sql):
        return next(verb for verb in found.groups() if verb)
    first = sql.split(maxsplit=1)[0]
    return first if first in {"BEGIN", "COMMIT", "ROLLBACK", "SET"} else "SELECT"


def _fail(span: Span, kind: str) -> None:
    span.set_status(StatusCode.ERROR)
    span.set_attribute("error.type", kind)
