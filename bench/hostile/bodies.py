"""`bodies`: hostile JSON, variables, forms and batches."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from bench.hostile.attack import JSON, Attack, batch, body, graphql, mutation

MIB = 2**20
NODES = "query Q($ids: [ID!]!) { nodes(ids: $ids) { id } }"
FILTER = "query Q($f: InstrumentFilter) { instruments(filter: $f) { totalCount } }"
PUSH = "mutation M($i: PushRecordsInput!) { pushRecords(input: $i) { dryRun } }"
FORM = {"content-type": "application/x-www-form-urlencoded"}
ASSERTION = "client_assertion_type=" + quote(
    "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", safe=""
)


def bodies() -> Iterator[Attack]:
    """Yield every hostile body."""
    yield from json_texts()
    yield from variables()
    yield from pushes()
    yield from forms()
    yield from batches()
    yield from registrations()


def nested(levels: int, opening: str, closing: str) -> bytes:
    return (opening * levels + "1" + closing * levels).encode()


def json_texts() -> Iterator[Attack]:
    for who in ("client", "stranger"):

        def json_body(name: str, content: bytes, who: str = who) -> Attack:
            return body("json", f"{name}, {who}", content, who)

        for n in (200, 990, 10_000, 500_000):
            yield json_body(f"{n} lists", b'{"variables": ' + nested(n, "[", "]") + b"}")
            yield json_body(f"{n} objects", nested(min(n, 170_000), '{"a":', "}"))
        names = ",".join(f'"k{i}":1' for i in range(80_000))
        yield json_body("80,000 members and one again", f'{{{names},"k79999":1}}'.encode())
        yield json_body(
            "80,000 members", f'{{"query":"{{__typename}}","variables":{{{names}}}}}'.encode()
        )
        yield json_body("a repeated member", b'{"query":"{__typename}","query":"{__typename}"}')
        yield json_body("the same member often", b"{" + b",".join([b'"a":1'] * 100_000) + b"}")
        yield json_body("a number of a megabyte", b'{"variables":{"a":' + b"9" * 1_000_000 + b"}}")
        yield json_body(
            "a fraction of a megabyte", b'{"variables":{"a":0.' + b"9" * 1_000_000 + b"}}"
        )
        yield json_body("an exponent", b'{"query":"{__typename}","variables":{"a":1e999999999}}')
        yield json_body(
            "numbers of 4,300 digits",
            b'{"variables":{"a":[' + b",".join([b"7" * 4_300] * 230) + b"]}}",
        )
        yield json_body(
            "fractions of 4,300 digits",
            b'{"variables":{"a":[' + b",".join([b"0." + b"7" * 4_300] * 230) + b"]}}",
        )
        yield json_body("not UTF-8", b'{"query":"\xff\xfe"}' * 1000)
        yield json_body("a lone surrogate", b'{"query":"{__typename}","variables":{"a":"\\ud800"}}')
        yield json_body("a list", b"[" + b"{}," * 300_000 + b"{}]")
        yield json_body("blanks", b" " * 1_000_000)
        yield json_body("more than a body may have", b"x" * (2 * MIB))
        yield json_body("escapes", b'{"query":"' + b"\\u4e2d" * 170_000 + b'"}')
        yield json_body("no end", b'{"query":"' + b"x" * 1_000_000)
        yield json_body("NaN", b'{"variables":{"a":NaN}}')
        yield json_body("empty texts", b'{"variables":{"a":[' + b'"",' * 300_000 + b'""]}}')
        yield json_body("wrong kinds", b'{"query":1,"variables":[],"operationName":{}}')


def variables() -> Iterator[Attack]:
    lists: dict[str, Any] = {
        "50,000 numbers": [1.5] * 49_990,
        "50,000 texts": ["x"] * 49_990,
        "200,000 texts": ["x"] * 200_000,
        "300,000 nulls": [None] * 200_000,
        "20,000 lists": [[[]]] * 20_000,
        "100 long ids": ["x" * 9_000] * 100,
        "100 ids": ["SW5zdHJ1bWVudDp4"] * 100,
        "a megabyte": ["x" * 1_000_000],
        "zeros": ["\x00"] * 100,
        "pairs": [["x"]] * 40_000,
    }
    for name, value in lists.items():
        yield graphql("variables", f"ids: {name}", NODES, {"ids": value})
        yield graphql("variables", f"filter: {name}", FILTER, {"f": {"key": {"in": value}}})
        yield graphql("variables", f"undeclared: {name}", "{ __typename }", {"x": value})
    deep: Any = {}
    for _ in range(150):
        deep = {"not": deep}
    yield graphql("variables", "a filter 150 deep", FILTER, {"f": deep})
    wide: Any = {"and": [{"or": [{"key": {"eq": "x"}}] * 90}] * 90}
    yield graphql("variables", "a filter of 8,100", FILTER, {"f": wide})
    yield graphql(
        "variables",
        "a filter with 20,000 members",
        FILTER,
        {"f": {f"k{i}": 1 for i in range(20_000)}},
    )
    yield graphql(
        "variables", "classes", "query Q($c: [ClassInput!]) { __typename }", {"c": [{}] * 15_000}
    )
    orders = "query Q($o: [InstrumentOrder!]) { instruments(orderBy: $o) { totalCount } }"
    yield graphql("variables", "40,000 orders", orders, {"o": ["KEY_ASC"] * 40_000})
    page = "query Q($n: Int) { instruments(first: $n) { totalCount } }"
    for number in (-1, 2**31, 2**63, 10**400, 1.5, True, "1", [1], {}, None):
        yield graphql("variables", f"first: {str(number)[:20]}", page, {"n": number})


def pushes() -> Iterator[Attack]:
    row = {"type": "Instrument", "record": {f"item{i}": "x" * 40 for i in range(20)}}
    for name, rows in {
        "500 wrong rows": [row] * 500,
        "501 rows": [row] * 501,
        "wide rows": [{"type": "Instrument", "record": {f"k{i}": i for i in range(400)}}] * 100,
        "deep rows": [{"type": "Instrument", "record": {"a": [[[[[[]]]]]]}}] * 500,
        "signed rows": [{**row, "jws": "x" * 900}] * 400,
        "rows that are none": ["x"] * 500,
    }.items():
        yield mutation("pushes", name, PUSH, {"i": {"source": "hostile", "rows": rows}})
    changes = " ".join(
        'withdrawRecord(input: {source: "x", type: "y", key: "z", reason: "w"}) { dryRun }'
        for _ in range(2)
    )
    yield mutation(
        "pushes",
        "two changes",
        "mutation { a: " + changes.replace(" withdraw", " b: withdraw") + "}",
    )


def forms() -> Iterator[Attack]:
    def form(name: str, content: str | bytes, headers: dict[str, str] | None = None) -> Attack:
        sent = content if isinstance(content, bytes) else content.encode("latin-1")
        return Attack("forms", name, "POST", "/oauth/token", headers or FORM, sent)

    grant = "grant_type=client_credentials&"
    token = "A" * 4_000
    yield form("nothing", "")
    yield form("4,000 parameters", "&".join(f"a{i}=1" for i in range(2_500)))
    yield form("ampersands", "&" * 16_000)
    yield form("equals", "=" * 16_000)
    yield form("percents", "%" * 16_000)
    yield form("escapes", "a=" + "%41" * 5_000)
    yield form("zeros", "a=" + "%00" * 5_000)
    yield form("plus", "a=" + "+" * 16_000)
    yield form("not ASCII", b"a=" + b"\xff" * 16_000)
    yield form("too long", "a=" + "x" * 20_000)
    yield form("megabytes", b"a=" + b"x" * (4 * MIB))
    yield form("no form", "{}", JSON)
    yield form("scopes", grant + ASSERTION + "&scope=" + "+".join(f"s{i}" for i in range(2_500)))
    yield form("resources", grant + "&".join(["resource=x"] * 15))
    for kind in (
        "eyJhbGciOiJub25lIn0.e30.",
        f"{token}.{token}.{token}",
        "." * 8_000,
        "e30.e30.e30",
        token,
        "a.b.c",
    ):
        yield form(f"assertion {kind[:12]}", f"{grant}{ASSERTION}&client_assertion={kind}")
    deep = __import__("base64").urlsafe_b64encode(b"[" * 5_000).decode().rstrip("=")
    yield form("a deep assertion", f"{grant}{ASSERTION}&client_assertion={deep}.{deep[:900]}.AA")
    yield Attack("forms", "revoke", "POST", "/oauth/revoke", FORM, f"token={token}".encode())


def batches() -> Iterator[Attack]:
    line = json.dumps({"type": "Instrument", "record": {f"item{i}": "x" for i in range(8)}})
    name = {"zh": "电镜", "en": "microscope"}
    owner = "uscc:12100000470095016Q"
    good = json.dumps(
        {
            "type": "Instrument",
            "record": {
                "institutionKey": owner,
                "localNo": "1",
                "name": name,
                "status": "IN_SERVICE",
            },
        },
        ensure_ascii=False,
    )
    lines = {
        "one row": good,
        "10,000 wrong rows": line,
        "10,000 equal rows": good,
        "10,000 rows that are none": "1",
        "10,000 empty objects": "{}",
        "10,000 unknown types": '{"type":"' + "x" * 200 + '","record":{}}',
        "10,000 bad signatures": good[:-1] + ',"jws":"a.b.c"}',
        "10,000 withdrawals": '{"type":"Instrument","withdraw":{"key":"x/1","reason":"y"}}',
    }
    for title, each in lines.items():
        count = 1 if title == "one row" else 10_000
        yield batch(title, "\n".join([each] * count).encode())
    texts = "x" * 1_500
    yield batch(
        "10,000 long rows",
        "\n".join(
            [json.dumps({"type": "Instrument", "record": {"localNo": texts}})] * 10_000
        ).encode(),
    )
    yield batch("10,001 rows", b"{}\n" * 10_001)
    yield batch("16 MiB of line ends", b"\n" * (16 * MIB))
    yield batch("16 MiB of blanks", b" " * (16 * MIB))
    yield batch("16 MiB of blank lines", b" \n" * (8 * MIB))
    yield batch("16 MiB in a text", b'{"type":"' + b"x" * (16 * MIB - 20) + b'"}')
    yield batch("16 MiB in numbers", b'{"type":[' + b"1," * (7 * MIB) + b"1]}")
    yield batch("16 MiB in lists", b'{"type":[' + b"[]," * (5 * MIB) + b"1]}")
    yield batch("16 MiB in objects", b'{"type":[' + b"{}," * (5 * MIB) + b"1]}")
    yield batch("16 MiB in escapes", b'{"type":"' + b"\\u4e2d" * (2 * MIB) + b'"}')
    members = b",".join(b'"k%d":1' % i for i in range(1_000_000))
    yield batch("a million members", b"{" + members + b"}")
    yield batch("a million members and one again", b"{" + members + b',"k999999":1}')
    yield batch("a wide row", b'{"type":"Instrument","record":{' + members + b"}}")
    yield batch("deep", nested(300_000, "[", "]"))
    yield batch("16 MiB not UTF-8", b"\xff" * (16 * MIB))
    yield batch("not UTF-8 at the end", b"{}\n" * 100 + b"\xff")
    yield batch("17 MiB", b"x" * (17 * MIB))
    yield batch("a digit of a megabyte", b'{"type":' + b"9" * MIB + b"}")
    wide_list = json.dumps(
        {"type": "Instrument", "record": {"classes": [{"scheme": "x"}] * 5_000, "localNo": "1"}}
    )
    yield batch("lists of 5,000", "\n".join([wide_list] * 150).encode())
    keys = "\n".join(
        json.dumps(
            {
                "type": "Instrument",
                "record": {
                    "institutionKey": owner,
                    "localNo": "a\u200b\u0430" * 80,
                    "name": {"zh": "\u0430\u0301" * 900},
                },
            }
        )
        for _ in range(1_000)
    )
    yield batch("texts that have to be normalised", keys.encode())
    fresh = "\n".join(good.replace('"localNo": "1"', f'"localNo": "H{i}"') for i in range(10_000))
    yield batch("10,000 good rows", fresh.encode())


def registrations() -> Iterator[Attack]:
    for name, content in {
        "nothing": b"",
        "deep": nested(2_000, "[", "]"),
        "long": b"x" * 9_000,
        "names": b'{"name":"' + b"x" * 4_000 + b'"}',
    }.items():
        yield Attack("registrations", name, "POST", "/sandbox/clients", JSON, content)
