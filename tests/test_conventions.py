"""The page of conventions has all of them, and every test that it names is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs/partners/api.md").read_text("utf-8")
LINES = dict(re.findall(r"^- \*\*\[(C\d+)\]\*\* (.*?)(?=^- |^## |\Z)", PAGE, re.M | re.S))
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def test_there_are_twenty_five_in_their_order() -> None:
    assert list(LINES) == [f"C{number}" for number in range(1, 26)]
    assert len(re.findall(r"\*\*\[C\d+\]\*\*", PAGE)) == 25


@pytest.mark.parametrize("convention", LINES)
def test_a_convention_is_held_by_tests_that_are_there(convention: str) -> None:
    text = LINES[convention]
    said, _, held = text.partition("Held by")
    assert len(said.split()) > 5
    named = NAMED.findall(held)
    assert named
    assert len(named) == text.count("::test_"), "each is written file::test"
    for file, test in named:
        path = ROOT / file
        assert path.is_file(), file
        assert re.search(rf"^(?:async )?def {test}\(", path.read_text("utf-8"), re.M), test
