"""The rows of a JSON document that is read piece by piece, wherever the pieces end."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from connectors.errors import PayloadError
from hub.intake.files import json_rows
from hub.intake.files.json_rows import document_rows

ROW = {"a": 1.5, "b": 'x\n"]}', "c": {"d": [1, {"e": None}]}, "电": "镜"}


def rows(document: Any, rows_at: str = "", *, indent: int | None = None) -> list[dict[str, Any]]:
    text = document if isinstance(document, str) else json.dumps(document, indent=indent)
    return [row for _, row in document_rows("x", io.StringIO(text), rows_at)]


@pytest.mark.parametrize("size", [1, 2, 7, 64, 100_000])
@pytest.mark.parametrize("indent", [None, 2])
def test_pieces_may_end_anywhere(
    size: int, indent: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_rows, "CHUNK_CHARACTERS", size)
    many = [ROW | {"n": n} for n in range(12)]
    assert [row["n"] for row in rows(many, indent=indent)] == list(range(12))
    within = {"meta": {"rows": [1, "]"], "n": -12.5e3}, "data": {"rows": many}, "end": 12}
    assert len(rows(within, "data.rows", indent=indent)) == 12
    named = {"things": {"p": ROW, "q": ROW}}
    assert len(rows(named, "things.*", indent=indent)) == 2
    assert len(rows("\ufeff " + json.dumps(many))) == 12


@pytest.mark.parametrize(
    "text",
    [
        '[{"a": 1},]',
        '[{"a": 1} {"b": 1}]',
        '[{"a": 1}',
        '[{"a": 1}]x',
        '[{"a": NaN}]',
        '[{"a": 1, "a": 2}]',
        "[1]",
        "[]",
        '{"a": 1',
        "{1: 2}",
        "[" * 100_000,
    ],
    ids=lambda text: text[:20],
)
def test_what_is_no_list_of_objects_is_a_refusal_in_both_languages(text: str) -> None:
    with pytest.raises(PayloadError) as caught:
        rows(text)
    assert any(each >= "\u4e00" for each in f"{caught.value.detail}{caught.value.hint}")
