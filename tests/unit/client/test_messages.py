"""What a producer is told: its own line, its own address, and what to do; no word of a library."""

from __future__ import annotations

import io
import json
from typing import Any

import httpx
import pytest

from hub.client.batch_file import BadLine, batches_of, no_rows_error
from hub.client.network import unreachable
from hub.intake import limits
from tests.shared import SHARED

GOOD = '{"type": "Instrument", "record": {"localNo": "1"}}'


def read(data: bytes) -> tuple[list[dict[str, Any]], list[BadLine]]:
    batches = list(batches_of(io.BytesIO(data)))
    return [row for each in batches for row in each.rows], [b for each in batches for b in each.bad]


def told(data: bytes) -> list[str]:
    _, bad = read(data)
    for each in bad:
        for word in ("Expecting", "codec", "Traceback", "split it"):
            assert word not in str(each)
    return [str(each) for each in bad]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('{"a": 1,}', "第 3 行"),
        ('{"a": NaN}', "NaN"),
        ('{"a": 1, "a": 2}', "重复"),
        ("[1]", "JSON 对象"),
        ("{" * 100_000, "line 3"),
        ('{"a": "' + "x" * 300_000 + '"}', "256 KiB"),
        ('{"a": [' + "1," * 30_000 + "1]}", "20000"),
    ],
    ids=str.__len__,
)
def test_a_bad_line_is_named_by_its_number_and_costs_only_itself(line: str, says: str) -> None:
    data = f"{GOOD}\n{GOOD}\n{line}\n{GOOD}\n".encode()
    (only,) = told(data)
    assert says in only
    assert "line 3" in only
    assert len(read(data)[0]) == 3


def test_every_bad_line_is_told() -> None:
    first, second = told(b"x\n" + GOOD.encode() + b"\ny\n")
    assert "line 1:" in first
    assert "line 3:" in second


def test_a_mark_is_passed_over_and_another_encoding_is_named() -> None:
    assert len(read(b"\xef\xbb\xbf" + GOOD.encode())[0]) == 1
    (only,) = told(f'{GOOD}\n{{"name": "电镜"}}'.encode("gbk"))
    assert "第 2 行" in only
    assert "UTF-8" in only


@pytest.mark.parametrize("data", [b"", b"\n \n", b"\xef\xbb\xbf"])
def test_an_empty_file_has_no_batch_and_is_called_empty(data: bytes) -> None:
    assert read(data) == ([], [])
    assert no_rows_error("x", []).code == "BATCH_EMPTY"
    assert no_rows_error("x", [BadLine(1, "坏", "bad")]).code == "NOT_JSON"


@pytest.mark.parametrize("mark", ["\u2028", "\u2029", "\u0085"])
def test_a_line_ends_with_a_line_feed_only(mark: str) -> None:
    ((row,), _) = read(f'{{"text": "a{mark}b"}}\r\n'.encode())
    assert row == {"text": f"a{mark}b"}


def test_the_pushed_file_of_the_case_is_refused_as_the_hub_refuses_it() -> None:
    path = SHARED / "cases" / "13-json-nan-and-repeated-members" / "push.ndjson"
    if not path.exists():
        pytest.skip("the shared cases are not here")
    assert told(path.read_bytes())


def test_batches_keep_to_what_a_hub_takes_and_rows_keep_the_numbers_of_their_lines() -> None:
    lines = [GOOD if n % 7 else "x" for n in range(1, 51)]
    batches = list(batches_of(io.BytesIO("\n\n".join(lines).encode()), rows_max=8))
    assert all(len(each.rows) + len(each.bad) <= 8 for each in batches)
    assert [n for each in batches for n in each.lines] == [2 * n - 1 for n in range(1, 51) if n % 7]
    many = json.dumps({"type": "T", "record": {"a": [[]] * 9_000}})
    sizes = [len(each.rows) for each in batches_of(io.BytesIO("\n".join([many] * 50).encode()))]
    assert sum(sizes) == 50
    assert max(sizes) * many.count("[") <= limits.BATCH_PARTS_MAX


REQUEST = httpx.Request("GET", "http://hub.test/")


@pytest.mark.parametrize(
    "error",
    [
        httpx.UnsupportedProtocol("x"),
        httpx.InvalidURL("x"),
        httpx.ConnectTimeout("x"),
        httpx.ReadTimeout("x"),
        httpx.ConnectError("x"),
        httpx.RemoteProtocolError("x"),
        httpx.ReadError("x"),
        httpx.HTTPStatusError("x", request=REQUEST, response=httpx.Response(404)),
        ValueError("x"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_address_that_does_not_answer_is_named_and_no_class_is(error: Exception) -> None:
    message = str(unreachable("http://hub.test", error))
    assert "http://hub.test" in message
    assert type(error).__name__ not in message
    assert any("\u4e00" <= each <= "\u9fff" for each in message)
