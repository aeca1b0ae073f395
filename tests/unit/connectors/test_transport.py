import asyncio
import gzip
import ssl

import httpx
import pytest

from connectors.http.transport import OversizeError, Transport
from connectors.limits import Limits

LIMITS = Limits(connect_s=5, read_s=5, total_s=10)


def client(limits: Limits = LIMITS, context: ssl.SSLContext | None = None) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=Transport(limits, context=context), trust_env=False)


async def keep_serving(peer) -> None:
    while True:
        await peer.request()
        await peer.ok()


async def test_a_body_with_a_length_arrives_whole(raw_server):
    async def script(peer):
        await peer.request()
        await peer.ok(b"x" * 300_000, b"X-One: 1\r\nX-One: 2\r\n")

    async with raw_server(script) as server, client() as http:
        answer = await http.get(f"{server.url}/a?b=c")
        assert answer.status_code == 200
        assert answer.reason_phrase == "OK"
        assert answer.http_version == "HTTP/1.1"
        assert answer.headers.get_list("x-one") == ["1", "2"]
        assert answer.content == b"x" * 300_000
        assert server.requests == ["GET /a?b=c HTTP/1.1"]


async def test_a_chunked_compressed_body_arrives_whole(raw_server):
    packed = gzip.compress("电镜".encode() * 1000)

    async def script(peer):
        await peer.request()
        await peer.send(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n\r\n"
        )
        for at in range(0, len(packed), 7):
            part = packed[at : at + 7]
            await peer.send(b"%x\r\n%b\r\n" % (len(part), part))
        await peer.send(b"0\r\n\r\n")
        await peer.request()
        await peer.ok()

    async with raw_server(script) as server, client() as http:
        assert (await http.get(server.url)).text == "电镜" * 1000
        assert (await http.get(server.url)).text == "ok"
        assert server.connections == 1


async def test_a_body_that_ends_with_the_connection_is_complete(raw_server):
    async def script(peer):
        await peer.request()
        await peer.send(b"HTTP/1.0 200 OK\r\n\r\nall of it")
        peer.writer.close()

    async with raw_server(script) as server, client() as http:
        assert (await http.get(server.url)).text == "all of it"


async def test_connections_are_used_again_and_shared_by_origin(raw_server):
    async with raw_server(keep_serving) as server, client() as http:
        for _ in range(5):
            await http.get(server.url)
        assert server.connections == 1
        assert len(server.requests) == 5


async def test_no_more_connections_are_opened_than_allowed(raw_server):
    limits = Limits(connections_max=3)
    async with raw_server(keep_serving) as server, client(limits) as http:
        answers = await asyncio.gather(*(http.get(server.url) for _ in range(30)))
        assert {answer.status_code for answer in answers} == {200}
        assert server.connections <= 3


async def test_waiting_for_a_free_connection_ends_with_a_pool_timeout(raw_server):
    limits = Limits(connections_max=1)
    async with (
        raw_server(keep_serving) as server,
        client(limits) as http,
        http.stream("GET", server.url),
    ):
        with pytest.raises(httpx.PoolTimeout):
            await http.get(server.url, timeout=httpx.Timeout(5, pool=0.02))


async def test_an_unread_body_does_not_poison_the_next_answer(raw_server):
    async def script(peer):
        for body in (b"first" * 100_000, b"second"):
            await peer.request()
            await peer.ok(body)

    async with raw_server(script) as server, client() as http:
        async with http.stream("GET", server.url) as answer:
            assert answer.status_code == 200
        assert (await http.get(server.url)).content in {b"first" * 100_000, b"second"}


async def test_an_idempotent_request_survives_a_stale_connection_once(raw_server):
    async def script(peer):
        await peer.request()
        await peer.ok(b"%d" % peer.number)
        await peer.request()
        peer.hang_up()

    async with raw_server(script) as server, client() as http:
        assert (await http.get(server.url)).text == "1"
        assert (await http.get(server.url)).text == "2"
        assert server.connections == 2
        assert len(server.requests) == 3


async def test_a_post_is_never_sent_twice(raw_server):
    async def script(peer):
        await peer.request()
        await peer.ok()
        await peer.request()
        peer.hang_up()

    async with raw_server(script) as server, client() as http:
        await http.post(server.url, content=b"1")
        with pytest.raises(httpx.TransportError):
            await http.post(server.url, content=b"2")
        assert server.requests.count("POST / HTTP/1.1") == 2
        assert server.connections == 1


async def test_a_stale_connection_is_not_retried_after_a_byte_of_the_answer(raw_server):
    async def script(peer):
        await peer.request()
        await peer.ok()
        await peer.request()
        await peer.send(b"HTTP/1.1 2")
        peer.writer.close()

    async with raw_server(script) as server, client() as http:
        await http.get(server.url)
        with pytest.raises(httpx.RemoteProtocolError, match="in the middle"):
            await http.get(server.url)
        assert server.connections == 1


async def test_a_connection_the_peer_closed_while_idle_is_replaced(raw_server):
    closed = asyncio.Event()

    async def script(peer):
        await peer.request()
        await peer.ok()
        peer.writer.close()
        await peer.writer.wait_closed()
        closed.set()

    async with raw_server(script) as server, client() as http:
        for _ in range(3):
            closed.clear()
            assert (await http.post(server.url, content=b"x")).text == "ok"
            await closed.wait()
            await asyncio.sleep(0.01)
        assert server.connections == 3


async def test_connection_close_is_respected(raw_server):
    async def script(peer):
        await peer.request()
        await peer.ok(b"bye", b"Connection: close\r\n")
        await peer.request()

    async with raw_server(script) as server, client() as http:
        for _ in range(2):
            assert (await http.get(server.url)).text == "bye"
        assert server.connections == 2


async def test_bytes_nobody_asked_for_are_never_taken_for_an_answer(raw_server):
    async def script(peer):
        await peer.request()
        await peer.send(
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
            b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
        )
        await peer.request()

    async with raw_server(script) as server, client() as http:
        for _ in range(3):
            assert (await http.get(server.url)).text == "ok"
        assert server.connections == 3


async def test_interim_answers_are_passed_over(raw_server):
    async def script(peer):
        await peer.request()
        await peer.send(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n")
        await peer.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        await peer.ok(b"final")

    async with raw_server(script) as server, client() as http:
        answer = await http.get(server.url)
        assert (answer.status_code, answer.text) == (200, "final")
        assert "link" not in answer.headers


async def test_head_has_no_body_whatever_length_it_names(raw_server):
    async def script(peer):
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n")
        await peer.request()

    async with raw_server(script) as server, client() as http:
        answer = await http.head(server.url)
        assert answer.headers["content-length"] == "999"
        assert answer.content == b""


async def test_an_empty_204_leaves_the_connection_usable(raw_server):
    async def script(peer):
        while True:
            await peer.request()
            await peer.send(b"HTTP/1.1 204 No Content\r\n\r\n")

    async with raw_server(script) as server, client() as http:
        assert (await http.delete(server.url)).status_code == 204
        assert (await http.delete(server.url)).status_code == 204
        assert server.connections == 1


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        (b"", httpx.RemoteProtocolError),
        (b"\x00\x01\x02 garbage\r\n\r\n", httpx.RemoteProtocolError),
        (b"SSH-2.0-OpenSSH_9\r\n", httpx.RemoteProtocolError),
        (b"HTTP/1.1 abc OK\r\n\r\n", httpx.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", httpx.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", httpx.RemoteProtocolError),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
            httpx.RemoteProtocolError,
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\nab",
            httpx.RemoteProtocolError,
        ),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", httpx.RemoteProtocolError),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
            httpx.RemoteProtocolError,
        ),
        (
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nraw",
            httpx.RemoteProtocolError,
        ),
        (b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000, OversizeError),
        (b"HTTP/1.1 200 OK\r\n" + b"X: a\r\n" * 200 + b"\r\n", OversizeError),
        (b"HTTP/1.1 103 Hint\r\nX: a\r\n\r\n" * 20_000, OversizeError),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n", OversizeError),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 2_000_000, OversizeError),
    ],
    ids=[
        "nothing",
        "bytes",
        "ssh",
        "status",
        "length",
        "cut",
        "two lengths",
        "smuggling",
        "chunk size",
        "cut chunk",
        "upgrade",
        "long header",
        "many headers",
        "endless hints",
        "announced size",
        "endless body",
    ],
)
async def test_a_misbehaving_server_becomes_a_transport_error(raw_server, sent, error):
    async def script(peer):
        await peer.request()
        await peer.send(sent)
        peer.writer.close()

    limits = Limits(response_bytes_max=1_000_000)
    async with raw_server(script) as server, client(limits) as http:
        with pytest.raises(error):
            await http.get(server.url)


async def test_silence_before_and_inside_an_answer_is_a_read_timeout(raw_server):
    async def script(peer):
        await peer.request()
        if peer.number == 1:
            await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort")
        await peer.reader.read()

    async with raw_server(script) as server, client() as http:
        for _ in range(2):
            with pytest.raises(httpx.ReadTimeout):
                await http.get(server.url, timeout=httpx.Timeout(5, read=0.05))


async def test_a_trickle_of_bytes_cannot_outlast_the_whole_time(raw_server):
    async def script(peer):
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while True:
            await peer.send(b"x")
            await asyncio.sleep(0.005)

    async with raw_server(script) as server, client(Limits(total_s=0.1)) as http:
        with pytest.raises(httpx.ReadTimeout):
            await http.get(server.url)


async def test_nobody_listening_is_a_connect_error(raw_server):
    async with raw_server(keep_serving) as server:
        pass
    async with client() as http:
        with pytest.raises(httpx.ConnectError):
            await http.get(server.url)
        with pytest.raises(httpx.UnsupportedProtocol):
            await http.get("ftp://127.0.0.1/x")


async def test_a_streamed_request_body_is_sent_in_chunks(raw_server):
    got = []

    async def script(peer):
        got.append((await peer.request())[1])
        await peer.ok()

    async def parts():
        for number in range(50):
            yield b"%05d" % number * 2000

    async with raw_server(script) as server, client() as http:
        assert (await http.post(server.url, content=parts())).text == "ok"
    assert got == [b"".join([b"%05d" % number * 2000 for number in range(50)])]


async def test_a_cancelled_request_gives_its_place_back(raw_server):
    async def script(peer):
        await peer.request()
        if peer.number == 1:
            await peer.reader.read()
        await peer.ok()

    async with raw_server(script) as server, client(Limits(connections_max=1)) as http:
        task = asyncio.create_task(http.get(server.url))
        while not server.requests:
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await http.get(server.url)).text == "ok"


async def test_a_slow_reader_holds_the_server_back(raw_server):
    size = 8_000_000

    async def script(peer):
        await peer.request()
        await peer.ok(b"z" * size)

    async with raw_server(script) as server, client() as http:
        async with http.stream("GET", server.url) as answer:
            total = 0
            async for part in answer.aiter_raw():
                total += len(part)
                await asyncio.sleep(0)
        assert total == size


async def test_a_line_break_in_a_request_is_refused_before_anything_is_sent(raw_server):
    async with raw_server(keep_serving) as server, client() as http:
        with pytest.raises(httpx.LocalProtocolError):
            await http.get(server.url, headers=[(b"x", b"a\r\ny: b")])
        assert server.connections == 0
