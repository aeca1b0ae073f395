"""What a producer is told: its own line, its own address, and what to do; no word of a library."""

from __future__ import annotations

import httpx
import pytest

from hub.client import ClientError
from hub.client.batch_file import read_batch
from hub.client.network import unreachable
from tests.shared import SHARED

GOOD = '{"type": "Instrument", "record": {"localNo": "1"}}'


def told(data: bytes) -> ClientError:
    with pytest.raises(ClientError) as caught:
        read_batch("rows.ndjson", data)
    text = str(caught.value)
    for word in ("Expecting", "codec", "Traceback", "split it"):
        assert word not in text
    return caught.value


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('{"a": 1,}', "第 3 行"),
        ('{"a": NaN}', "NaN"),
        ('{"a": 1, "a": 2}', "重复"),
        ("[1]", "JSON 对象"),
        ("{" * 100_000, "line 3"),
    ],
)
def test_a_bad_line_is_named_by_its_number(line: str, says: str) -> None:
    error = told(f"{GOOD}\n{GOOD}\n{line}\n{GOOD}\n".encode())
    assert error.code == "NOT_JSON"
    assert says in error.message
    assert "line 3" in error.message


def test_every_bad_line_is_told() -> None:
    error = told(b"x\n" + GOOD.encode() + b"\ny\n")
    assert "line 1" in error.message
    assert "line 3" in error.message


def test_a_mark_is_passed_over_and_another_encoding_is_named() -> None:
    assert len(read_batch("x", b"\xef\xbb\xbf" + GOOD.encode())) == 1
    error = told(f'{GOOD}\n{{"name": "电镜"}}'.encode("gbk"))
    assert error.code == "NOT_UTF8"
    assert "第 2 行" in error.message


@pytest.mark.parametrize("data", [b"", b"\n \n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_called_empty(data: bytes) -> None:
    assert told(data).code == "BATCH_EMPTY"


@pytest.mark.parametrize("mark", ["\u2028", "\u2029", "\u0085"])
def test_a_line_ends_with_a_line_feed_only(mark: str) -> None:
    (row,) = read_batch("x", f'{{"text": "a{mark}b"}}\r\n'.encode())
    assert row == {"text": f"a{mark}b"}


def test_the_pushed_file_of_the_case_is_refused_as_the_hub_refuses_it() -> None:
    path = SHARED / "cases" / "13-json-nan-and-repeated-members" / "push.ndjson"
    if not path.exists():
        pytest.skip("the shared cases are not here")
    assert told(path.read_bytes()).code == "NOT_JSON"


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
