"""The load of `./taskline bench` against servers of a few lines: what it counts, and what it takes for an answer."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import pytest

from bench.contest.load import BadAnswer, Load, ask, load

REQUEST = b"POST /graphql HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}"
GOOD = (200, b'{"data":{"createTask":{"task":null,"errors":[]}}}')
BUSY = (503, b'{"data":{"timeline":null},"errors":[{"message":"Busy."}]}')
PARTLY = (200, b'{"data":{"timeline":null},"errors":[{"message":"Late."}]}')


@asynccontextmanager
async def serving(answers: Iterable[tuple[int, bytes]], *, is_chunked: bool = False) -> AsyncIterator[int]:
    """Serve these answers in turn, to whoever asks; yield the port. Status 0 hangs up."""
    coming, handlers = itertools.cycle(answers), list[asyncio.Task[None] | None]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handlers.append(asyncio.current_task())
        while await reader.read(1_000):
            status, body = next(coming)
            if not status:
                break
            if is_chunked:
                framed = b"Transfer-Encoding: chunked\r\n\r\n" + b"".join(
                    b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:9], body[9:], b"")
                )
            else:
                framed = b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
            writer.write(b"HTTP/1.1 %d X\r\n" % status + framed)
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]
        await asyncio.gather(*filter(None, handlers))


def loaded(answers: Iterable[tuple[int, bytes]], *, is_chunked: bool = False) -> Load:
    async def run() -> Load:
        async with serving(answers, is_chunked=is_chunked) as port:
            return await load(port, itertools.repeat(REQUEST), connections=4, seconds=0.05)

    return asyncio.run(run())


def asked(answer: tuple[int, bytes]) -> bytes:
    async def run() -> bytes:
        async with serving([answer]) as port:
            return await ask(port, REQUEST)

    return asyncio.run(run())


@pytest.mark.parametrize("is_chunked", [False, True])
def test_answers_with_data_are_counted_with_their_waits(is_chunked: bool) -> None:
    found = loaded([GOOD], is_chunked=is_chunked)

    assert len(found.latencies_ms) >= 4
    assert found.answered_bytes == len(GOOD[1]) * len(found.latencies_ms)
    assert found.duration_s >= 0.05
    assert found.refused_ms == []


@pytest.mark.parametrize("refusal", [BUSY, PARTLY])
def test_refusals_are_counted_apart(refusal: tuple[int, bytes]) -> None:
    found = loaded([GOOD, refusal])

    assert abs(len(found.latencies_ms) - len(found.refused_ms)) <= 1
    assert refusal[1].decode() in found.complaint


def test_one_answer_is_given_whole() -> None:
    assert GOOD[1] == asked(GOOD)


@pytest.mark.parametrize("refusal", [BUSY, PARTLY])
def test_one_refusal_is_raised_with_its_words(refusal: tuple[int, bytes]) -> None:
    with pytest.raises(BadAnswer, match=r"\d{3}: .*message"):
        asked(refusal)


def test_a_server_that_hangs_up_is_no_answer() -> None:
    with pytest.raises(BadAnswer, match="closed the connection"):
        asked((0, b""))
