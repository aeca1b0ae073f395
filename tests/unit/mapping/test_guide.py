"""The guide for clerks says what the code does."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import Any

from adapters import mapping
from adapters.mapping import Column, Converter, SourceRow, parse_mapping
from adapters.mapping.parse import _FILE, _TOP
from adapters.mapping.rules import _RULE

GUIDE = Path(__file__).parents[3] / "docs" / "partners" / "mappings" / "README.md"


def test_the_whole_example_of_the_guide_works_as_it_stands() -> None:
    text = GUIDE.read_text("utf-8")
    example = next(t for t in re.findall(r"```toml\n(.*?)```", text, re.S) if "title" in t)
    header = [
        *("资产编号", "仪器名称", "现状", "原值（万元）", "验收日期", "保管人", "电话", "备注"),
    ]
    columns = [Column(at, name) for at, name in enumerate(header, start=1)]
    row = SourceRow(2, ("1", "扫描电镜", "完好", "326.5", "2021.6.5", "张三", "1", None))
    (made,) = Converter(parse_mapping(example), columns).convert([row])
    assert made.problems == ()
    record = made.records[0][1]
    assert record["originalValue"] == {"amount": "3265000", "currency": "CNY"}
    assert (record["status"], record["acceptedOn"]) == ("IN_SERVICE", "2021-06-05")
    assert made.dropped == ("保管人", "电话")


def test_every_key_of_a_mapping_is_explained_in_the_guide() -> None:
    text = GUIDE.read_text("utf-8")
    missing = [key for key in _TOP | _FILE | _RULE if key not in text]
    assert missing == []
    assert all(f"`{key}`" in text or f"[{key}]" in text for key in _RULE | _FILE)


def test_the_smallest_example_of_the_package_works_as_it_stands() -> None:
    doc = mapping.__doc__ or ""
    lines = [line for line in doc.splitlines() if line.startswith("    ")]
    example = textwrap.dedent("\n".join(lines)).replace("row.records  ", "made.append(row.records)")
    made: list[Any] = []
    exec(example, {**vars(mapping), "made": made})
    ((kind, record),) = made[0]
    assert kind == "Instrument"
    assert (record["localNo"], record["status"]) == ("1", "IN_SERVICE")
