"""Real HTTP servers for tests: an application served by uvicorn on a free loopback port."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from server.wire import Wire
from tests.deadlines import DEADLINE_S


@contextmanager
def serve(app: ASGIApp) -> Iterator[str]:
    """Yield the address at which the application is served until the block ends, its lifespan included."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(
            app,
            http=Wire,
            access_log=False,
            log_config=None,
            lifespan="on",
            timeout_graceful_shutdown=2,
            ws_max_size=64_000,
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        deadline = time.monotonic() + DEADLINE_S
        while not server.started:
            assert thread.is_alive(), "the application's lifespan failed; its log says why"
            assert time.monotonic() < deadline, f"the server did not start within {DEADLINE_S} s"
            thread.join(0.01)
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(DEADLINE_S)
