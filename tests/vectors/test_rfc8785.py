"""The published test files of RFC 8785: a refusal that names why, and equal text."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator
from typing import Any

import pytest

from schema.canonical import canonical
from schema.errors import CanonicalError
from tests.shared import SHARED

FOLDER = SHARED / "vectors" / "rfc8785"

if not FOLDER.is_dir():
    pytest.skip("the shared vectors are not beside this checkout", allow_module_level=True)

REFUSED = {
    "arrays": "null",
    "french": "not ASCII",
    "structures": "float",
    "unicode": "NFC",
    "values": "float",
    "weird": "not ASCII",
}
"""Each file holds something outside the subset that records use, on purpose."""


def load(name: str) -> Any:
    return json.loads((FOLDER / "input" / f"{name}.json").read_text("utf-8"))


def texts(data: Any) -> Iterator[str]:
    if isinstance(data, str):
        yield data
    elif isinstance(data, dict):
        for key, value in data.items():
            yield key
            yield from texts(value)
    elif isinstance(data, list):
        for value in data:
            yield from texts(value)


def test_every_published_file_is_known_here() -> None:
    assert {path.stem for path in FOLDER.glob("input/*.json")} == set(REFUSED)


@pytest.mark.parametrize("name", REFUSED)
def test_refuses_what_lies_outside_the_subset(name: str) -> None:
    data = load(name)
    with pytest.raises(CanonicalError, match=REFUSED[name]):
        canonical(data if isinstance(data, dict) else {"only": data})


@pytest.mark.parametrize("name", ["french", "structures", "values", "weird"])
def test_writes_every_text_as_the_published_output_does(name: str) -> None:
    output = (FOLDER / "output" / f"{name}.json").read_text("utf-8")
    inside = [text for text in texts(load(name)) if unicodedata.is_normalized("NFC", text)]
    assert inside
    for text in inside:
        written = canonical({"a": text}).decode("utf-8")[len('{"a":') : -1]
        assert written in output
