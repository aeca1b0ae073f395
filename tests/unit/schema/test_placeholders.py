"""Words that stand for nothing: refused as a key, doubted in any other text, at every door."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from schema.conform import conform
from schema.placeholders import is_placeholder
from schema.plausible import BelievedUntil
from schema.registry import standard
from schema.warn import warnings_of

UNTIL = BelievedUntil(datetime(2026, 11, 26, tzinfo=UTC))
WORDS = ["NULL", "null", "无", "暂无", "-", "/", "N/A", "None", "——", "...", "未知", "nan"]
SPEC = standard()["Instrument"]


def instrument(**changed: Any) -> dict[str, Any]:
    return {
        "institutionKey": "moe:10335",
        "localNo": "A1",
        "name": {"zh": "透射电镜"},
        "status": "IN_SERVICE",
        **changed,
    }


@pytest.mark.parametrize("word", WORDS)
def test_a_word_for_nothing_is_no_key(word: str) -> None:
    _, problems = conform(SPEC, instrument(localNo=word))
    (problem,) = problems
    known = {"KEY_PLACEHOLDER"} | {"MISSHAPEN", "KEY_CHARACTER"}  # some are none of a key's signs
    assert (problem.path, problem.code in known) == ("localNo", True)
    assert problem.code == "KEY_PLACEHOLDER" or not word.isalnum()


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize(
    ("changed", "path"),
    [
        (lambda word: {"model": word}, "model"),
        (lambda word: {"name": {"zh": word}}, "name.zh"),
        (lambda word: {"topics": ["新材料", word]}, "topics.1"),
        (lambda word: {"place": {"divisionCode": "330106", "address": word}}, "place.address"),
    ],
)
def test_a_word_for_nothing_is_doubted_in_a_text(word: str, changed: Any, path: str) -> None:
    wire, problems = conform(SPEC, instrument(**changed(word)))
    assert not problems
    assert [(w.path, w.code, w.value) for w in warnings_of(SPEC, wire, UNTIL)] == [
        (path, "IMPLAUSIBLE", word)
    ]


@pytest.mark.parametrize("text", ["A-1", "无锡", "NULL-7", "0", "N", "空调", "Unknown Pleasures"])
def test_words_that_mean_something_are_left_alone(text: str) -> None:
    assert not is_placeholder(text)
    wire, problems = conform(SPEC, instrument(localNo=text, model=text))
    assert not problems
    assert not warnings_of(SPEC, wire, UNTIL)


def test_codes_are_not_taken_for_words_that_stand_for_nothing() -> None:
    for spec in standard():
        texts = {"x": "UNKNOWN"} | {item.wire: "UNKNOWN" for item in spec.items if item.code_list}
        assert not warnings_of(spec, texts, UNTIL)
