import random

import httpx
import pytest

from connectors.http.wire import Reply
from connectors.limits import Limits

LIMITS = Limits(response_bytes_max=10_000)
CHUNKED = (
    b"HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n"
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-A: 1\r\n\r\n"
    b"5;ext=1\r\nhello\r\n6\r\n world\r\n0\r\nTrailer: t\r\n\r\n"
)
SIZED = b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\nX-A: 1\r\n\r\nhello world"
OPEN = b"HTTP/1.1 200 OK\r\nX-A: 1\r\n\r\nhello world"


def body(reply):
    parts = []
    while (part := reply.take()) is not None:
        parts.append(part)
    return b"".join(parts)


@pytest.mark.parametrize("wire", [CHUNKED, SIZED, OPEN], ids=["chunked", "sized", "open"])
def test_an_answer_reads_the_same_however_it_is_cut(wire):
    for size in (1, 2, 3, 7, len(wire)):
        reply = Reply("GET", LIMITS)
        for at in range(0, len(wire), size):
            reply.feed(wire[at : at + size])
        framed = reply.complete
        reply.end()
        assert reply.error is None
        assert reply.complete
        assert (reply.status, reply.reason, body(reply)) == (200, b"OK", b"hello world")
        assert (b"X-A", b"1") in reply.headers
        assert b"Link" not in dict(reply.headers)
        assert framed is (wire is not OPEN)


@pytest.mark.parametrize("wire", [CHUNKED, SIZED], ids=["chunked", "sized"])
def test_an_answer_cut_short_anywhere_is_an_error(wire):
    for length in range(len(wire)):
        reply = Reply("GET", LIMITS)
        reply.feed(wire[:length])
        reply.end()
        assert isinstance(reply.error, httpx.RemoteProtocolError), length
        assert not reply.reusable


def test_no_bytes_whatever_make_it_raise_or_grow():
    chance = random.Random(11)
    for _ in range(3000):
        data = bytearray(chance.choice([CHUNKED, SIZED, OPEN]))
        for _ in range(chance.randint(1, 6)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        reply = Reply(chance.choice(["GET", "HEAD"]), LIMITS)
        for at in range(0, len(data), 16):
            reply.feed(bytes(data[at : at + 16]))
        reply.end()
        assert reply.complete or isinstance(reply.error, httpx.TransportError)
        assert len(body(reply)) <= LIMITS.response_bytes_max
        assert not reply.reusable


def test_a_connection_is_reusable_only_after_a_framed_answer_and_nothing_more():
    reply = Reply("GET", LIMITS)
    reply.feed(SIZED)
    assert reply.reusable
    reply.feed(b"x")
    assert not reply.reusable
    old = Reply("GET", LIMITS)
    old.feed(SIZED.replace(b"1.1", b"1.0"))
    assert old.complete
    assert not old.reusable


def test_a_broken_connection_names_its_cause():
    reply = Reply("GET", LIMITS)
    reply.end(ConnectionResetError("reset"))
    assert isinstance(reply.error, httpx.ReadError)
    open_ended = Reply("GET", LIMITS)
    open_ended.feed(OPEN)
    open_ended.end(ConnectionResetError("reset"))
    assert isinstance(open_ended.error, httpx.ReadError)
