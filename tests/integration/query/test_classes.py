"""A class that cannot be is refused with what would be right; spellings of one class are alike."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.query.conftest import A, Asker, B

pytestmark = pytest.mark.integration
QUESTION = """query ($c: [ClassFilter!]!) {
  instruments(filter: { classes: $c }) { totalCount nodes { key } } }"""
SCHEME = "GB/T 32847"


async def found(ask: Asker, **classes: Any) -> set[str]:
    data = await ask(QUESTION, {"c": [{"scheme": SCHEME, **classes}]})
    assert ask.codes == [], ask.last
    return {node["key"] for node in data["instruments"]["nodes"]}


async def test_a_class_above_others_is_its_leading_digits_or_its_whole_code(ask: Asker) -> None:
    electron = {f"{A}/T1", f"{A}/T2", f"{A}/T3", f"{B}/S1", f"{B}/S2"}
    for code in ("01", "0100", "010000", "0101", "010100"):
        assert await found(ask, under=code) == electron, code
    assert await found(ask, under="010102") == {f"{B}/S1", f"{B}/S2"}
    assert await found(ask, under="0102") == set()
    assert await found(ask, code="010102", under="010100") == {f"{B}/S1", f"{B}/S2"}
    assert await found(ask, code="010100") == set()  # nothing is classified so broadly


@pytest.mark.parametrize(
    "wrong",
    [
        {"under": "01.01"},
        {"under": "01 01"},
        {"under": "99x"},
        {"under": "55"},
        {"under": "0199990"},
        {"under": "1"},
        {"under": "010"},
        {"under": ""},
        {"under": "电镜"},
        {"code": "0101"},
        {"code": "019998"},
        {"code": ""},
        {"code": "010101", "under": "77"},
        {"scheme": "GBT32847", "under": "0101"},
        {"scheme": "GB/T 32847-2016", "under": "0101"},
        {"scheme": "gb/t 32847", "under": "0101"},
        {"scheme": "GB/T 99999", "under": "0101"},
        {"scheme": "NRII", "under": "0101"},
        {"scheme": "GBT32847"},
        {"scheme": "", "under": "0101"},
        {"scheme": "GB/T 14885", "code": "12"},
        {"scheme": "MOE", "under": "x"},
    ],
    ids=str,
)
async def test_what_is_no_class_is_refused_with_what_would_be_right(
    ask: Asker, wrong: dict[str, str]
) -> None:
    await ask(QUESTION, {"c": [{"scheme": SCHEME, **wrong}]})
    assert ask.codes == ["BAD_USER_INPUT"], ask.last
    hint = str(ask.last["errors"][0])
    assert "filter.classes" in hint
    assert "scheme" in hint or "code" in hint or "class" in hint


@pytest.mark.parametrize(
    "right",
    [
        {"scheme": "GB/T 14885", "under": "1"},
        {"scheme": "GB/T 14885", "under": "10101"},
        {"scheme": "GB/T 14885", "under": "1010100"},
        {"scheme": "GB/T 14885", "code": "1010101"},
        {"scheme": "GB/T 14885", "under": "A0201"},
        {"scheme": "MOE", "under": "0301"},
        {"scheme": "MOE", "code": "03010101"},
        {"scheme": "NEMO", "code": "Imaging"},
        {"scheme": "local:a", "under": "01"},
    ],
    ids=str,
)
async def test_classes_of_other_schemes_and_of_sources_themselves_may_be_asked_for(
    ask: Asker, right: dict[str, str]
) -> None:
    assert await found(ask, **right) == set()
