"""No text of a file makes the reading of a mapping, or a draft of one, slow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from adapters.mapping import Column, SourceRow, Table, suggest

LONG = 32_000


@pytest.mark.parametrize(
    "header", ["(" * LONG, "名称" + "（" * LONG + ")", "a" + " " * LONG + "b", "(" + "x" * LONG]
)
def test_a_draft_of_a_mapping_does_not_hang_on_a_header(header: str) -> None:
    columns = tuple(Column(at, f"{header}{at}") for at in range(1, 9))
    table = Table(columns, (SourceRow(2, ("1",) * 8),), "A")
    assert "[[record]]" in suggest(table, "x", "Instrument")


@pytest.mark.parametrize("cell", ["Ltd" * (LONG // 3) + "\n", "a@" + "a." * LONG, "大学" * LONG])
def test_a_draft_of_a_mapping_does_not_hang_on_a_cell(cell: str) -> None:
    rows = tuple(SourceRow(at, (cell,)) for at in range(2, 12))
    assert "[[record]]" in suggest(Table((Column(1, "名称"),), rows, "A"), "x", "Instrument")


def test_a_cell_of_blanks_between_two_values_is_parted_at_once(value: Callable[..., Any]) -> None:
    rule = '"serviceContent" = { column = "x" }'
    for cell in ("a" + " " * LONG + "b", " ; ".join(["a" + " " * 3_000] * 10)):
        value(rule, cell)
