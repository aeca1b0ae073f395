"""What people are told of a refused value: words, no regular expression and no empty bounds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from schema.conform import conform
from schema.item import Item, RecordSpec
from schema.registry import standard
from schema.shapes import shape_words


def items(spec: RecordSpec) -> Iterator[Item]:
    for each in spec.items:
        yield each
        if each.value is not None:
            yield from items(each.value)


PATTERNS = sorted(
    {each.facts.pattern for s in standard().specs.values() for each in items(s)} - {None}
)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_every_pattern_of_the_standard_is_said_in_words(pattern: str) -> None:
    for words in shape_words(pattern):
        assert words not in shape_words(None)
        assert not re.search(r"\[\^?[a-z0-9]|\{\d|\\|\.\*|\)\?", words)


@pytest.mark.parametrize(
    ("kind", "changed", "zh", "en"),
    [
        ("Instrument", {"bookingUrl": "ftp://x"}, "网址", "address"),
        ("Instrument", {"institutionKey": "moe 10335"}, "单位标识", "key of an institution"),
        (
            "Instrument",
            {"originalValue": {"amount": "-1", "currency": "CNY"}},
            "不能小于 0",
            "less",
        ),
        ("Instrument", {"annualHours": 9001}, "0 至 9000 小时", "9000 h"),
        ("Instrument", {"status": "待修理"}, "待修（AWAITING_REPAIR）", "AWAITING_REPAIR"),
        ("ServiceRecord", {"voucherFen": -1}, "不能小于 0 分", "less than 0 fen"),
    ],
)
def test_a_refusal_says_what_is_wanted(
    kind: str, changed: dict[str, Any], zh: str, en: str
) -> None:
    _, problems = conform(standard()[kind], changed)
    told = [each for each in problems if each.code != "MISSING"]
    (problem,) = told
    assert zh in problem.zh
    assert en in problem.en
    assert "  " not in problem.zh
