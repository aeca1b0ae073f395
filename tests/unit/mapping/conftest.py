"""Rows through a mapping, without files and without a store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from adapters.mapping import Column, Converted, Converter, SourceRow, parse_mapping

INSTRUMENT = """
[[record]]
type = "Instrument"
[record.fixed]
institutionKey = "moe:10335"
status = "在用"
[record.items]
localNo = "no"
name.zh = "name"
"""
USE = """
[[record]]
type = "UsageRecord"
[record.fixed]
instrumentKey = "moe:10335/1"
collectionMethod = "MANUAL"
[record.items]
localId = "no"
userName = "name"
"""


@pytest.fixture
def converted() -> Callable[..., list[Converted]]:
    def convert(text: str, header: Sequence[str], *rows: Sequence[Any]) -> list[Converted]:
        columns = [Column(at, name) for at, name in enumerate(header, start=1)]
        made = [SourceRow(at, tuple(row)) for at, row in enumerate(rows, start=2)]
        return list(Converter(parse_mapping(text), columns).convert(made))

    return convert


@pytest.fixture
def value(converted: Callable[..., list[Converted]]) -> Callable[..., Any]:
    """Give what one rule makes of one cell: the value in the record, or the problem's code."""

    def read(rule: str, cell: Any, *, head: str = INSTRUMENT, path: str = "", top: str = "") -> Any:
        text = f"{top}\n{head}\n{rule}\n"
        (row,) = converted(text, ["no", "name", "x"], ["1", "电镜", cell])
        if row.problems:
            return row.problems[0].problem.code
        found: Any = row.records[0][1]
        for part in (path or rule.partition("=")[0].strip().strip('"')).split("."):
            found = found[int(part)] if isinstance(found, list) else found.get(part)
            if found is None:
                return None
        return found

    return read
