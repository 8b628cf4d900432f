"""Traces for OpenTelemetry: which requests are traced, and how their spans are sent.

Each server process sends its own, by a thread beside the loop. A collector that is slow or away costs spans, and
nothing else. What is in them, `server/spans.py` says.
"""

from __future__ import annotations

import logging
import math
import time
from contextlib import suppress
from threading import Thread
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit
from uuid import uuid4

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.datastructures import Headers

from server.spans import METHODS, OPERATION, Trace, name_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.sdk.trace import ReadableSpan
    from starlette.types import Scope

    from settings import Settings

log = logging.getLogger(__name__)

MOST_WAITING = 4_096
"""How many spans wait to be sent; the oldest of more are dropped. They take 10 MB at most."""
BATCH = 256
"""How many are sent at once. To print them takes the interpreter from the loop, by and by, for some milliseconds."""
PAUSE_MS = 2_000
"""How long spans wait for others, to be sent with them."""
SEND_S = 5.0
"""How long it is tried to send a batch."""
FLUSH_S = 2.0
"""How long a process that ends sends what is left."""
SAID_AGAIN_S = 600.0
"""How long nobody is told again that spans can't be sent."""


class Traces:
    """The traces of one process."""

    def __init__(self, endpoint: str, settings: Settings) -> None:
        # Of each span that it drops it would write a line; `_Sender` writes one for all.
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
        self._provider = TracerProvider(
            sampler=ParentBased(TraceIdRatioBased(settings.traces_ratio)),
            resource=Resource.create({"service.name": settings.traces_service, "service.instance.id": str(uuid4())}),
            shutdown_on_exit=False,
        )
        sender = _Sender(OTLPSpanExporter(endpoint, timeout=SEND_S))
        self._provider.add_span_processor(
            BatchSpanProcessor(
                sender, max_queue_size=MOST_WAITING, schedule_delay_millis=PAUSE_MS, max_export_batch_size=BATCH
            )
        )
        self._tracer = self._provider.get_tracer("taskline")
        self._callers = TraceContextTextMapPropagator()
        self._namespace = _name_in(settings.database_url.get_secret_value() if settings.database_url else "")

    def of_request(self, scope: Scope) -> Trace | None:
        """Begin the span of a request, in its caller's trace if it has one (W3C's `traceparent`).

        None for what isn't asked of the API: pages, probes, and what browsers ask before a page's request.
        """
        method, path = scope["method"], scope["path"]
        if method == "OPTIONS" or not (path == "/graphql" or path.startswith("/api/")):
            return None
        headers = Headers(scope=scope)
        carrier = {name: headers.getlist(name) for name in self._callers.fields}
        told = {
            "http.request.method": method if method in METHODS else "_OTHER",
            "url.scheme": scope["scheme"],
            "network.protocol.version": scope["http_version"],
        }
        return self._begun(name_of(method), self._callers.extract(carrier, Context()), told)

    def of_operation(self) -> Trace:
        """Begin the span of an operation on a WebSocket, which is a trace of its own."""
        return self._begun(OPERATION, Context(), {"network.protocol.name": "websocket"})

    def close(self) -> None:
        """Send what is left, as far as it can be sent in FLUSH_S."""
        flushing = Thread(target=self._provider.shutdown, daemon=True)
        flushing.start()
        flushing.join(FLUSH_S)

    def _begun(self, name: str, context: Context, told: dict[str, str]) -> Trace:
        span = self._tracer.start_span(name, context, SpanKind.SERVER, told)
        return Trace(self._tracer, span, self._namespace)


class _Sender(SpanExporter):
    """Sends spans. That they can't be sent is said once, and then that they can again."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._is_said = False
        self._said_at = -math.inf

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send a batch; it is dropped when it can't be."""
        done = self._exporter.export(spans)
        if done is SpanExportResult.SUCCESS:
            if self._is_said:
                self._is_said = False
                log.info("traces are sent again")
        elif not self._is_said and time.monotonic() >= self._said_at + SAID_AGAIN_S:
            self._is_said, self._said_at = True, time.monotonic()
            log.warning("traces can't be sent to TASKLINE_TRACES_ENDPOINT, and are dropped until they can")
        return done

    def shutdown(self) -> None:
        """Send nothing any more."""
        self._exporter.shutdown()


def _name_in(database_url: str) -> str:
    """Return the database's name in an address; empty when it names none."""
    with suppress(ValueError):
        return unquote(urlsplit(database_url).path).strip("/")
    return ""
