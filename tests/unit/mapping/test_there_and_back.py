"""Whatever is sent is read or refused with a word; what goes back can be read again."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from adapters.mapping import Column, FileFacts, RowProblem, SourceRow, Table
from adapters.mapping.table import text_of
from connectors.errors import ConnectorError
from hub.intake.files.rejects import Refused, rejects_workbook
from hub.intake.files.tables import read_file
from schema.errors import Problem

CALM = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
WORDS = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Cn"], exclude_characters="\ufffe\uffff"),
    max_size=30,
)
CELLS = st.one_of(
    st.none(),
    WORDS,
    st.integers(-(10**14), 10**14),
    st.booleans(),
    st.sampled_from(
        ["=1+1", "@x", "_x0041_", "0012", "1e5", "\n".join("ab"), "'quoted", "https://a.b"]
    ),
)


@CALM
@given(
    st.one_of(
        st.binary(max_size=300), st.text(max_size=200).map(lambda t: t.encode("utf-8", "replace"))
    )
)
@example(b"[" * 5000)
@example(b'{"a": 1}\n[1]\n')
@example(b'{"a": NaN}')
@example(b"\xff\xfe")
@example(b"PK\x03\x04rest")
def test_any_bytes_become_a_table_or_are_refused_in_words(data: bytes) -> None:
    try:
        table = read_file("x", data, FileFacts(), ["a"])
    except ConnectorError as error:
        assert error.detail
        assert error.hint
    else:
        assert all(column.position >= 1 for column in table.columns)


@CALM
@given(st.lists(st.lists(CELLS, min_size=3, max_size=3), min_size=1, max_size=4))
def test_refused_rows_come_back_as_they_were_written(rows: list[list[Any]]) -> None:
    columns = tuple(Column(at, name) for at, name in enumerate(("甲", "乙", "丙"), start=1))
    made = tuple(SourceRow(at, tuple(row)) for at, row in enumerate(rows, start=10))
    table = Table(columns, made, sheet="台账", header_row=3)
    told = RowProblem(Problem("x", "CODE", "有误", "is wrong"), (2,), "x")
    data = rejects_workbook([(table, [Refused(row, [told]) for row in made])])
    back = {row.number: row.cells for row in read_file("x", data, FileFacts(), ["甲"]).rows}
    for row in made:
        written = [text_of(cell) for cell in row.cells]
        read = [text_of(cell) for cell in (*back.get(row.number, ()), None, None, None)[:3]]
        assert read == written
