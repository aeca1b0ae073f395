"""Reading of small files through small mappings, without a store."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.mapping import parse_mapping
from hub.intake.files.submission import MappedFile, ReadTable, read_mapped
from tests.shared import SHARED

INSTRUMENT = """
[[record]]
type = "Instrument"
[record.fixed]
institutionKey = "moe:10335"
status = "IN_SERVICE"
[record.items]
localNo = "no"
name.zh = "name"
"""
USE = """
[[record]]
type = "UsageRecord"
[record.fixed]
instrumentKey = "moe:10335/1"
collectionMethod = "BOOKING_SYSTEM"
[record.items]
localId = "no"
"""


def read(data: bytes, mapping: str, *, name: str = "file") -> ReadTable:
    saved = parse_mapping(mapping)
    file = MappedFile(name=name, data=data, mapping=saved, mapping_text=mapping, source="zju-push")
    return read_mapped(file)


def told(table: ReadTable) -> list[Any]:
    """What became of each row: the values of its first record, or the codes of its problems."""
    became: list[Any] = []
    for each in table.converted:
        codes = [problem.problem.code for problem in each.problems]
        made = each.records[0][1] if each.records else f"left out: {each.left_out}"
        became.append(codes or made)
    return became


def case(folder: str, file: str, mapping: str) -> list[Any]:
    path = SHARED / "cases" / folder
    if not path.is_dir():
        pytest.skip("the shared cases are not here")
    data, text = (path / file).read_bytes(), (path / mapping).read_text("utf-8")
    return told(read(data, text, name=file))


def item(rows: list[Any], *path: str) -> list[Any]:
    """Follow a path into each record; what is no record stays."""
    found = []
    for row in rows:
        value = row
        for part in path if isinstance(row, dict) else ():
            value = value.get(part) if isinstance(value, dict) else None
        found.append(value)
    return found


def csv(*lines: str) -> bytes:
    return "\n".join(lines).encode()
