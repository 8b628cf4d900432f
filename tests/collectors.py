"""A collector of traces, for tests: it takes OTLP over HTTP on this machine, and shows what came."""

import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.deadlines import eventually

INTERNAL, SERVER, CLIENT = 1, 2, 3
UNSET, ERROR = 0, 2


@dataclass(frozen=True, slots=True)
class Span:
    """A span as it came."""

    trace_id: str
    id: str
    parent_id: str
    name: str
    kind: int
    status: int
    said: str
    """The words of its status."""
    attributes: dict[str, Any]
    resource: dict[str, Any]
    """What is said of the process that sent it."""
    events: int
    ns: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever asks, in a trace of its own."""

    trace_id: str = field(default_factory=lambda: secrets.token_hex(16))
    span_id: str = field(default_factory=lambda: secrets.token_hex(8))

    def headers(self, *, is_kept: bool = True) -> dict[str, str]:
        return {"traceparent": f"00-{self.trace_id}-{self.span_id}-{is_kept:02x}", "tracestate": "vendor=1"}


@dataclass(slots=True)
class Collector:
    """What came, in its order."""

    port: int
    bodies: list[bytes] = field(default_factory=list)
    status: int = 200
    """What it answers."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1/traces"

    def spans(self) -> list[Span]:
        return [span for body in list(self.bodies) for span in spans_of(body)]

    def of(self, caller: Caller) -> list[Span]:
        """Wait for the span of a caller's request; return it and all below it, the outermost first."""

        def found() -> list[Span]:
            spans = [span for span in self.spans() if span.trace_id == caller.trace_id]
            return spans if any(span.parent_id == caller.span_id for span in spans) else []

        return sorted(eventually(found), key=lambda span: (span.ns[0], -span.ns[1]))

    def has_come(self, batches: int) -> Callable[[], bool]:
        """Return what tells whether so many batches have come."""
        return lambda: len(self.bodies) >= batches

    def named(self, name: str, operation: str) -> list[Span]:
        """Wait for the spans of this name of an operation."""
        return eventually(
            lambda: [
                span
                for span in self.spans()
                if (span.name, span.attributes.get("graphql.operation.name")) == (name, operation)
            ]
        )


def spans_of(body: bytes) -> list[Span]:
    return [
        Span(
            span.trace_id.hex(),
            span.span_id.hex(),
            span.parent_span_id.hex(),
            span.name,
            span.kind,
            span.status.code,
            span.status.message,
            values_of(span.attributes),
            values_of(resource.resource.attributes),
            len(span.events),
            (span.start_time_unix_nano, span.end_time_unix_nano),
        )
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def values_of(attributes: Any) -> dict[str, Any]:
    return {attribute.key: value_of(attribute.value) for attribute in attributes}


def value_of(value: Any) -> Any:
    kind = value.WhichOneof("value")
    found = getattr(value, kind)
    return [value_of(one) for one in found.values] if kind == "array_value" else found


@contextmanager
def collecting() -> Iterator[Collector]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        collector = server.collector = Collector(server.server_port)  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield collector
        finally:
            server.shutdown()
            thread.join()


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        collector: Collector = self.server.collector  # type: ignore[attr-defined]
        collector.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(collector.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""
