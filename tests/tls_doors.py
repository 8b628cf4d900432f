"""A door with TLS before a server that listens on a socket alone, and a certificate for it."""

import asyncio
import ssl
import threading
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

REQUEST_BYTES = 8  # of PostgreSQL's message that asks for TLS


@dataclass(slots=True)
class Door:
    """Where it is, who vouches for it, and how many connections came through it, all with TLS."""

    socket: Path
    certificate: Path
    context: ssl.SSLContext
    port: int = 0
    carried: int = 0
    is_open: threading.Event = field(default_factory=threading.Event)

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Carry one connection, or turn it away if it doesn't ask for TLS."""
        with suppress(OSError, asyncio.IncompleteReadError):
            await reader.readexactly(REQUEST_BYTES)
            writer.write(b"S")
            await writer.start_tls(self.context)
            self.carried += 1
            there_reader, there_writer = await asyncio.open_unix_connection(self.socket)
            ways = (_carry(reader, there_writer), _carry(there_reader, writer))
            await asyncio.gather(*ways, return_exceptions=True)
            await there_writer.wait_closed()
        writer.close()


@contextmanager
def tls_door(socket: Path, folder: Path) -> Iterator[Door]:
    """Yield a door at localhost to the server's socket; it has a thread of its own."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*_certificate(folder))
    door = Door(socket, folder / "certificate.pem", context)
    stopping: list[Callable[[], object]] = []

    async def keep() -> None:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        stopping.append(lambda: loop.call_soon_threadsafe(stop.set))
        server = await asyncio.start_server(door.serve, "127.0.0.1", 0)
        door.port = server.sockets[0].getsockname()[1]
        door.is_open.set()
        async with server:
            await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(keep()))
    thread.start()
    door.is_open.wait()
    try:
        yield door
    finally:
        stopping[0]()
        thread.join()


async def _carry(source: StreamReader, sink: StreamWriter) -> None:
    try:
        while chunk := await source.read(65_536):
            sink.write(chunk)
            await sink.drain()
    finally:
        sink.close()


def _certificate(folder: Path) -> tuple[Path, Path]:
    """Write a certificate of localhost that vouches for itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    kind = serialization.Encoding.PEM
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(kind))
    (folder / "key.pem").write_bytes(
        key.private_bytes(kind, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "certificate.pem", folder / "key.pem"
