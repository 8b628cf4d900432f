"""A name server for tests, which knows no name until it is told whose they are."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

HEADER_BYTES = 12
ANSWERED, NO_SUCH_NAME = 0x8180, 0x8183
IPV4 = 1
"""The type of an address (RFC 1035, 3.2.2)."""


@dataclass(slots=True)
class NameServer:
    """A UDP port of the loopback that answers every name alike."""

    port: int
    address: str | None = None
    """What each name has; None while there is none."""
    asked: int = 0

    def answer(self, question: bytes) -> bytes:
        """Return the answer to a datagram with one question, in the form of RFC 1035."""
        self.asked += 1
        end = question.index(0, HEADER_BYTES) + 5  # the name, its type and class
        (kind,) = struct.unpack_from("!H", question, end - 4)
        records = b""
        if self.address and kind == IPV4:
            records = struct.pack("!HHHLH", 0xC000 + HEADER_BYTES, IPV4, 1, 1, 4) + socket.inet_aton(self.address)
        flags = ANSWERED if self.address else NO_SUCH_NAME
        header = question[:2] + struct.pack("!HHHHH", flags, 1, bool(records), 0, 0)
        return header + question[HEADER_BYTES:end] + records


@contextmanager
def name_server() -> Iterator[NameServer]:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as door:
        door.bind(("127.0.0.1", 0))
        server = NameServer(door.getsockname()[1])
        is_over = threading.Event()

        def serve() -> None:
            while True:
                question, client = door.recvfrom(512)
                if is_over.is_set():
                    return
                door.sendto(server.answer(question), client)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server
        finally:
            is_over.set()
            with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as last:
                last.sendto(b"over", ("127.0.0.1", server.port))
            thread.join()
