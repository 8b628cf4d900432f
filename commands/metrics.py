"""Telling Prometheus what the server's processes count."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from errors import AddressUnusable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from settings import Settings


@contextmanager
def told(settings: Settings) -> Iterator[Callable[[int], None]]:
    """Answer Prometheus within the block; yield what forgets the state of a process that has ended, by its id.

    Each process that serves writes what it counts into a folder, and here the sums are told: those of counters outlive
    a worker. Raises AddressUnusable.
    """
    host, port = settings.metrics_host, settings.metrics_port or 0
    with TemporaryDirectory(prefix="taskline-metrics-") as folder:
        settings.export(PROMETHEUS_MULTIPROC_DIR=folder)
        # Whether it writes into a folder, it decides by the environment when it is imported.
        from prometheus_client import CollectorRegistry, start_http_server  # noqa: PLC0415
        from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead  # noqa: PLC0415

        registry = CollectorRegistry()
        MultiProcessCollector(registry, path=folder)  # type: ignore[no-untyped-call]  # the library's
        try:
            server, thread = start_http_server(port, host, registry)
        except (OSError, UnicodeError) as exc:  # the latter: no name of a machine looks like that
            words = exc.strerror if isinstance(exc, OSError) else "no such host"
            raise AddressUnusable(
                f"Can't tell metrics on {host}:{port}: {words}. Choose another TASKLINE_METRICS_PORT, or an "
                "address of this machine as TASKLINE_METRICS_HOST."
            ) from exc
        try:
            yield partial(mark_process_dead, path=folder)
        finally:
            server.shutdown()
            server.server_close()
            thread.join()
