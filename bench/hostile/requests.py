"""`requests`: hostile paths, query strings, headers, tokens, and what is no HTTP at all."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from urllib.parse import quote

from bench.hostile.attack import JSON, Attack, body

HOST = ("host", "127.0.0.1:0")
ASKED = b'{"query":"{ __typename }"}'


def requests() -> Iterator[Attack]:
    """Yield every hostile request."""
    yield from paths()
    yield from addresses()
    yield from headers()
    yield from tokens()
    yield from signatures()
    yield from malformed()


def paths() -> Iterator[Attack]:
    long = "x" * 60_000
    for prefix in (
        "/receipts/",
        "/records/",
        "/standard/",
        "/explore/",
        "/log/tile/",
        "/log/tile/0/",
        "/.well-known/",
        "/",
        "/sandbox/",
        "/oauth/",
    ):
        for name, rest in {
            "digits": "9" * 5_000,
            "long": long,
            "escapes": "%e4%b8%ad" * 3_000,
            "slashes": "/" * 9_000,
            "dots": "../" * 3_000,
            "zeros": "%00" * 3_000,
        }.items():
            yield Attack(
                "paths",
                f"{prefix} {name}",
                "GET",
                prefix + rest,
                identity="client" if prefix == "/receipts/" else "stranger",
            )
    for path in (
        "/log/tile/0/x999/x999/x999/999.p/255",
        "/log/tile/63/000",
        "/log/tile/data/000",
        "/log/checkpoint?x=" + long,
    ):
        yield Attack("paths", path[:30], "GET", path)


def addresses() -> Iterator[Attack]:
    def ask(name: str, query: str) -> Attack:
        return Attack("addresses", name, "GET", f"/graphql?{query}", identity="client")

    yield ask("17 parameters", "&".join(f"a{i}=1" for i in range(17)))
    yield ask("20,000 parameters", "&".join("a=1" for _ in range(15_000)))
    yield ask("ampersands", "&" * 60_000)
    yield ask("escapes", "query=" + "%7B" * 20_000)
    yield ask("a long document", "query=" + quote("{ __typename " + "," * 40_000 + "}", safe=","))
    yield ask("a mutation", "query=" + quote("mutation { __typename }"))
    yield ask("deep variables", "query=%7B__typename%7D&variables=" + "%5B" * 15_000)
    yield ask(
        "wide variables",
        "query=%7B__typename%7D&variables=" + quote(json.dumps({f"k{i}": i for i in range(3_000)})),
    )
    yield ask("not UTF-8", "query=%FF%FE")
    yield ask("a fragment of a batch", "source=" + "x" * 40_000)
    yield Attack(
        "addresses",
        "a batch with 9 parameters",
        "POST",
        "/batches?" + "&".join(f"a{i}=1" for i in range(9)),
        {},
        b"{}",
        "signer",
    )


def headers() -> Iterator[Attack]:
    def ask(name: str, lines: list[tuple[str, str]]) -> Attack:
        return Attack("headers", name, "POST", "/graphql", [*JSON.items(), *lines], ASKED, "client")

    for n in (90, 500, 900):
        yield ask(f"{n} of them", [(f"x-{i}", "y") for i in range(n)])
        yield ask(f"one {n} times", [("x-a", "y")] * n)
    for name in (
        "accept",
        "accept-language",
        "cookie",
        "x-forwarded-for",
        "range",
        "content-digest",
        "idempotency-key",
        "traceparent",
        "hub-schema",
        "if-none-match",
    ):
        for n in (9_000, 60_000):
            yield ask(f"{name} of {n}", [(name, ("a;q=0.1," * n)[:n])])
        yield ask(f"{name} twice", [(name, "x"), (name, "y")])
    for accept in (
        "*/*;q=0," * 1_000,
        "," * 9_000,
        ";" * 9_000,
        "application/json;" + "q=0;" * 2_000,
        "\xff" * 100,
    ):
        yield ask(f"accept {accept[:8]!r}", [("accept", accept)])
    for host in ("evil.example", "x" * 9_000, "127.0.0.1:" + "9" * 500, ""):
        yield Attack(
            "headers",
            f"host {host[:12]}",
            "POST",
            "/graphql",
            [("host", host), *JSON.items()],
            ASKED,
        )
    for kind in (
        "application/json;" + " charset=utf-8;" * 500,
        "x" * 9_000,
        "text/plain",
        "multipart/form-data; boundary=" + "x" * 5_000,
    ):
        yield Attack(
            "headers",
            f"content-type {kind[:16]}",
            "POST",
            "/graphql",
            {"content-type": kind},
            ASKED,
            "client",
        )


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def shapes() -> Iterator[tuple[str, str]]:
    """Yield tokens and proofs of many shapes."""
    for n in (1, 1_000, 8_192, 9_000, 60_000):
        yield f"A of {n}", "A" * n
        yield f"dots of {n}", "." * n
        yield f"three parts of {n}", ".".join(["A" * (n // 3)] * 3)
    yield "no algorithm", _b64(b'{"alg":"none"}') + ".e30."
    for header in (
        b"[" * 4_000,
        b'{"a":' * 1_000,
        b'{"alg":"ES256","jwk":{"kty":"EC","crv":"P-256","x":"' + b"A" * 4_000 + b'"}}',
        b'{"alg":"ES256","kid":"' + b"k" * 4_000 + b'"}',
        b'{"alg":"ES256","crit":[' + b'"a",' * 900 + b'"a"]}',
        b"{" + b",".join(b'"k%d":1' % i for i in range(500)) + b"}",
        b'{"alg":' + b"9" * 4_000 + b"}",
        b"\xff" * 3_000,
    ):
        yield f"header {header[:14]!r}", f"{_b64(header)}.{_b64(b'{}')}.AAAA"
        yield f"payload {header[:14]!r}", f"{_b64(b'{}')}.{_b64(header)}.AAAA"


def tokens() -> Iterator[Attack]:
    for name, text in shapes():
        yield Attack(
            "tokens", name, "POST", "/graphql", {**JSON, "authorization": f"DPoP {text}"}, ASKED
        )
        yield Attack(
            "tokens",
            f"bearer {name}",
            "GET",
            "/receipts/1",
            {"authorization": f"Bearer {text}", "dpop": text},
        )
        yield Attack("proofs", name, "POST", "/sandbox/clients", {**JSON, "dpop": text}, ASKED)


def signatures() -> Iterator[Attack]:
    for name, text in {
        "labels": "a=1," * 2_000,
        "components": "hub=(" + '"@method" ' * 190 + ")",
        "parameters": "hub=();" + "a=1;" * 500,
        "open parameters": "hub=(" + '"a";a' * 300,
        "nested": "hub=(" * 1_500,
        "quotes": 'hub=("' + 'a;b="' * 400,
        "semicolons": "hub=()" + ";" * 2_000,
        "spaces": "hub=(" + " " * 2_000 + ")",
        "blanks in components": "hub=(" + '"a";b;b;b;b ' * 160 + "x)",
    }.items():
        sent = {**JSON, "signature-input": text, "signature": "hub=:" + "A" * 86 + "==:"}
        yield Attack("signatures", name, "POST", "/graphql", sent, ASKED, "client")
        yield Attack(
            "signatures",
            f"{name}, GET",
            "GET",
            "/receipts/1",
            {"signature-input": text, "signature": text},
            identity="client",
        )
    for digest in (
        "sha-256=:" + "A" * 8_000 + ":",
        "sha-256=:" * 900,
        "x=1," * 2_000,
        "sha-512=" + "?" * 3_000,
    ):
        yield Attack(
            "signatures",
            f"digest {digest[:14]}",
            "POST",
            "/graphql",
            {**JSON, "content-digest": digest},
            ASKED,
            "client",
        )


def malformed() -> Iterator[Attack]:
    start = b"GET /healthz HTTP/1.1\r\nhost: x\r\n"
    post = b"POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
    texts = {
        "zeros": b"\x00" * 5_000,
        "TLS": b"\x16\x03\x01\x02\x00\x01" + b"x" * 500,
        "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "HTTP/0.9": b"GET /\r\n\r\n",
        "HTTP/9.9": b"GET / HTTP/9.9\r\n\r\n",
        "a long method": b"X" * 100_000 + b" / HTTP/1.1\r\n\r\n",
        "a long target": b"GET /" + b"x" * 1_000_000 + b" HTTP/1.1\r\n\r\n",
        "an absolute target": b"GET http://evil.example/ HTTP/1.1\r\nhost: x\r\n\r\n",
        "an asterisk": b"OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n",
        "a tunnel": b"CONNECT evil.example:443 HTTP/1.1\r\nhost: x\r\n\r\n",
        "no colon": start + b"nonsense\r\n\r\n",
        "a folded header": start + b"a: b\r\n c\r\n\r\n",
        "a megabyte of header": start + b"a: " + b"x" * 1_000_000 + b"\r\n\r\n",
        "8 MiB of header": start + b"a: " + b"x" * (8 * 2**20) + b"\r\n\r\n",
        "a megabyte of name": start + b"x" * 1_000_000 + b": a\r\n\r\n",
        "20,000 headers": start + b"a: b\r\n" * 20_000 + b"\r\n",
        "both lengths": post + b"content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "two lengths": post + b"content-length: 3\r\ncontent-length: 4\r\n\r\nabc",
        "a negative length": post + b"content-length: -1\r\n\r\n",
        "a huge length": post + b"content-length: 99999999999999999999\r\n\r\n",
        "a long length": post + b"content-length: " + b"9" * 5_000 + b"\r\n\r\n",
        "a wrong chunk": post + b"transfer-encoding: chunked\r\n\r\nzz\r\n",
        "a huge chunk": post + b"transfer-encoding: chunked\r\n\r\nffffffffffffffff\r\n",
        "a long extension": post
        + b"transfer-encoding: chunked\r\n\r\n1;"
        + b"x" * 1_000_000
        + b"\r\na\r\n0\r\n\r\n",
        "20,000 chunks": post
        + b"transfer-encoding: chunked\r\n\r\n"
        + b"1\r\na\r\n" * 20_000
        + b"0\r\n\r\n",
        "trailers": post
        + b"transfer-encoding: chunked\r\n\r\n0\r\n"
        + b"a: b\r\n" * 20_000
        + b"\r\n",
        "200 requests at once": start + b"\r\n" + (start + b"\r\n") * 199,
        "an upgrade": start
        + b"connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-key: x\r\n\r\n",
        "expectations": post + b"expect: 100-continue\r\ncontent-length: 5\r\n\r\nhello",
    }
    for name, text in texts.items():
        yield Attack("malformed", name, raw=text)


__all__ = ["HOST", "body", "requests"]
