from __future__ import annotations

from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from schema.canonical import CanonicalError, canonical, digest, parse_canonical

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20).map(
    lambda text: __import__("unicodedata").normalize("NFC", text)
)
KEY = st.text(st.characters(min_codepoint=1, max_codepoint=126), max_size=8)
LEAF = TEXT | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1)
OBJECT = st.dictionaries(
    KEY, st.recursive(LEAF, lambda part: st.lists(part, max_size=4) | st.dictionaries(KEY, part))
)


@given(OBJECT)
def test_equals_the_rfc_8785_package_on_the_subset(data: dict[str, Any]) -> None:
    assert canonical(data) == rfc8785.dumps(data)


@given(OBJECT)
def test_is_idempotent(data: dict[str, Any]) -> None:
    once = canonical(data)
    assert canonical(parse_canonical(once)) == once


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"a": 1.5}, "float"),
        ({"a": None}, "null"),
        ({"a": 2**53}, "2\\^53"),
        ({"名": "x"}, "ASCII"),
        ({"a": "e\u0301"}, "NFC"),
        ({"a": "\ud800"}, "surrogate"),
        ({"a": "x" * 33000}, "bytes"),
    ],
)
def test_refuses_what_lies_outside_the_subset(data: dict[str, Any], said: str) -> None:
    with pytest.raises(CanonicalError, match=said):
        canonical(data)


def test_refuses_nesting_beyond_the_bound() -> None:
    deep: Any = "x"
    for _ in range(17):
        deep = [deep]
    with pytest.raises(CanonicalError, match="deeper"):
        canonical({"a": deep})


@pytest.mark.parametrize(
    "spelling",
    [b'{"b":1,"a":2}', b'{"a": 2}', b'{"a":2,"a":3}', b"[1]", b"{", b'{"a":"\xff"}', b'{"a":1e0}'],
)
def test_reads_canonical_bytes_only(spelling: bytes) -> None:
    with pytest.raises(CanonicalError):
        parse_canonical(spelling)


OUTSIDE = [
    *(b'{"a":null}', b'{"a":[{"b":null}]}', b'{"a":1.5}', b'{"a":9007199254740992}'),
    *(b'{"a":"\\u00e9"}', b'{"\\u540d":1}', b'{"a":"e\\u0301"}', b'{"a":"\\ud800"}'),
    b'{"a":' + b"[" * 16 + b"]" * 16 + b"}",
]


@pytest.mark.parametrize("spelling", OUTSIDE)
def test_reads_nothing_outside_the_subset_though_all_of_it_is_ascii(spelling: bytes) -> None:
    with pytest.raises(CanonicalError):
        parse_canonical(spelling)


def test_reads_everything_of_the_subset() -> None:
    spelling = b'{"a":[true,false,-1,[]],"b":{"c":9007199254740991},"d":"null"}'
    assert canonical(parse_canonical(spelling)) == spelling
    deepest = b'{"a":' + b"[" * 15 + b"]" * 15 + b"}"
    assert canonical(parse_canonical(deepest)) == deepest


def test_the_digest_is_sha_256() -> None:
    assert digest(b"").hex().startswith("e3b0c44298fc1c14")
