"""Each source has a page for people who do not read Python, and a true row in their index."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from adapters import discover

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs/standard/mappings"
INDEX = (PAGES / "README.md").read_text("utf-8")


def row_of(name: str) -> list[str]:
    """Return the cells of the row that leads to a page."""
    (row,) = re.findall(rf"^\|.*\]\({name}\.md\).*$", INDEX, re.MULTILINE)
    return [cell.strip() for cell in row.strip("|").split("|")]


@pytest.mark.parametrize("name", discover())
def test_a_source_has_a_page_and_a_row_that_says_what_its_fixture_holds(name: str) -> None:
    assert (PAGES / f"{name}.md").is_file(), "write docs/standard/mappings/<adapter>.md"
    records = json.loads((ROOT / "tests/fixtures" / name / "records.json").read_text("utf-8"))
    *_, types, count, counterpart, faults = row_of(name)
    assert set(types.split()) == {one["type"] for one in records}
    assert int(count) == len(records)
    assert counterpart
    assert faults
