"""A plain question is the same whichever way it goes: through httpx's client, or straight."""

import asyncio
import gzip
import json
import zlib
from dataclasses import replace

import pytest

from connectors.errors import ConnectorError, PayloadError
from connectors.http.credentials import ClientCredentials, QueryKey, StaticToken
from connectors.http.session import HttpQuestion, HttpSession, open_session
from connectors.http.transport import open_client
from connectors.limits import Limits

LIMITS = Limits(attempts_max=1, read_s=2, response_bytes_max=10_000)
QUESTIONS = {
    "plain": HttpQuestion(path="list"),
    "query": HttpQuestion(path="list", query={"name": "电 镜", "at": "2026-01-01T00:00:00+08:00"}),
    "own query": HttpQuestion(path="list?page=2&x=%2F"),
    "replaced query": HttpQuestion(path="list?page=2", query={"page": "3"}),
    "base": HttpQuestion(path=""),
    "letters": HttpQuestion(path="仪器/1"),
    "headers": HttpQuestion(path="list", headers={"Accept": "text/xml", "If-None-Match": '"a"'}),
    "posted": HttpQuestion(
        path="rpc", method="POST", content=b'{"a": 1}', headers={"Content-Type": "application/json"}
    ),
    "posted nothing": HttpQuestion(path="rpc", method="POST"),
    "posted empty": HttpQuestion(path="rpc", method="POST", content=b""),
}
CREDENTIALS = {
    "none": None,
    "token": StaticToken("Bearer t"),
    "own header": StaticToken("t", header="Accept"),
    "key": QueryKey("key", "k3y+of the/source"),
}
ANSWERS = {
    "plain": b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nETag: "a"\r\nContent-Type: a/X\r\n\r\nok',
    "twice a header": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nETag: a\r\nETag: b\r\n\r\nok",
    "chunks": b"HTTP/1.1 200 O\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n1\r\nc\r\n0\r\n\r\n",
    "to its end": b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabc",
    "empty": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "redirect": b"HTTP/1.1 302 Found\r\nLocation: /login\r\nContent-Length: 0\r\n\r\n",
    "refused": b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n",
    "missing": b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n",
    "later": b"HTTP/1.1 503 No\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n",
    "too long": b"HTTP/1.1 200 OK\r\nContent-Length: 10001\r\n\r\n",
    "no HTTP": b"SMTP ready\r\n\r\n",
    "broken off": b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok",
    "nothing": b"",
}


def packed(body: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"
    return head % len(body) + body


PACKED = {
    "gzip": packed(gzip.compress(b"unpacked")),
    "bomb": packed(gzip.compress(b"0" * 20_000)),
    "no gzip": packed(b"unpacked"),
    "half a gzip": packed(gzip.compress(b"unpacked" * 99)[:20]),
    "two of them": packed(gzip.compress(b"one") + gzip.compress(b"two")),
    "in other words": packed(zlib.compress(b"unpacked")).replace(b": gzip", b": deflate"),
    "packed twice": packed(gzip.compress(gzip.compress(b"x"))).replace(b": gzip", b": gzip, gzip"),
    "a large one": packed(gzip.compress(b"0123456789" * 900)),
}


async def heard(talk: HttpSession, question: HttpQuestion) -> object:
    """Return an answer, or everything that is told of why there is none."""
    try:
        return await talk.ask(question)
    except ConnectorError as error:
        told = {name: value for name, value in vars(error).items() if not name.startswith("__")}
        return type(error), str(error), told


async def both(server, question, auth=None):
    base = f"{server.url}/api/"
    async with open_client(base, limits=LIMITS, auth=auth) as client:
        through = await heard(HttpSession("source", client, LIMITS), question)
    async with open_session("source", base, LIMITS, auth=auth) as talk:
        return through, await heard(talk, question)


@pytest.mark.parametrize("credentials", CREDENTIALS)
@pytest.mark.parametrize("name", QUESTIONS)
async def test_the_same_bytes_leave(raw_server, name, credentials):
    left = []

    async def script(peer):
        head, body = await peer.request()
        first, *lines = head.decode().strip().split("\r\n")
        fields = dict(line.split(": ", 1) for line in lines)
        left.append((first, {key.lower(): value for key, value in fields.items()}, body))
        await peer.ok()

    async with raw_server(script) as server:
        answers = await both(server, QUESTIONS[name], CREDENTIALS[credentials])
    assert answers[0] == answers[1]
    assert len(left) == 2
    assert left[0] == left[1]


@pytest.mark.parametrize("name", [*ANSWERS, *PACKED])
async def test_the_same_is_made_of_an_answer(raw_server, name):
    async def script(peer):
        await peer.request()
        await peer.send((ANSWERS | PACKED)[name])
        peer.writer.write_eof()

    async with raw_server(script) as server:
        through, straight = await both(server, QUESTIONS["query"])
    assert straight == through


async def test_a_source_nobody_reaches_was_never_sent_anything(raw_server):
    async def script(_):
        return

    async with raw_server(script) as server:
        pass
    through, straight = await both(server, QUESTIONS["plain"])
    assert straight == through


async def test_a_cookie_is_sent_back_until_it_is_forgotten(raw_server):
    said = []

    async def script(peer):
        while True:
            head, _ = await peer.request()
            said.append(b"cookie: a=1" in head.lower())
            await peer.ok(extra=b"Set-Cookie: a=1\r\n")

    async with raw_server(script) as server, open_session("s", server.url, LIMITS) as talk:
        await talk.get("x")
        await talk.get("x")
        talk.forget()
        await talk.get("x")
    assert said == [False, True, False]


async def test_a_refused_token_is_renewed_once_and_then_goes_straight(raw_server):
    tokens, asked = iter(["old", "new"]), []

    async def script(peer):
        while True:
            head, _ = await peer.request()
            if head.startswith(b"POST"):
                body = {"access_token": next(tokens), "expires_in": 600}
                await peer.ok(json.dumps(body).encode())
                continue
            asked.append("old" if b"Bearer old" in head else "new")
            if asked[-1] == "old" and asked.count("old") > 1:
                await peer.send(b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n")
            else:
                await peer.ok()

    auth = ClientCredentials("source", "/token", "client", "secret")
    async with (
        raw_server(script) as server,
        open_session("source", server.url, LIMITS, auth=auth) as talk,
    ):
        for _ in range(3):
            await talk.get("x")
    assert asked == ["old", "old", "old", "new", "new"]
    assert next(tokens, None) is None


@pytest.mark.parametrize("is_safe", [True, False])
async def test_only_what_changes_nothing_is_sent_again_where_a_connection_was_closed(
    raw_server, is_safe
):
    async def script(peer):
        await peer.request()
        await peer.ok()
        await peer.request()
        peer.hang_up()

    posted = replace(QUESTIONS["posted"], is_safe=is_safe)
    async with raw_server(script) as server, open_session("source", server.url, LIMITS) as talk:
        await talk.get("x")
        if is_safe:
            assert (await talk.ask(posted)).raw == b"ok"
        else:
            with pytest.raises(ConnectorError) as caught:
                await talk.ask(posted)
            assert caught.value.was_sent
    assert len(server.requests) == (3 if is_safe else 2)


async def test_who_gives_up_leaves_no_connection_in_use(raw_server):
    async def script(peer):
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")
        await asyncio.Event().wait()

    async with (
        raw_server(script) as server,
        open_session("source", server.url, Limits(connections_max=1)) as talk,
    ):
        for _ in range(2):  # the second finds the only place free again
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await talk.get("x")
    assert server.connections == 2


@pytest.mark.parametrize(
    "question",
    [
        HttpQuestion(path="x", headers={"A": "b\r\nC: d"}),
        HttpQuestion(path="x", query={"a": "b" * 70_000}),
        HttpQuestion(path="ftp://elsewhere.test/x"),
    ],
)
async def test_what_may_not_leave_is_refused_the_same_way(raw_server, question):
    async def script(peer):
        await peer.request()
        await peer.ok()

    async with raw_server(script) as server:
        through, straight = await both(server, question)
    assert straight == through
    assert through[0] is PayloadError
    assert not server.requests
