from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.conform import _Field, _text_test, conform
from schema.item import TEXT_LENGTH_MAX, Item, Kind, RecordSpec, item, record
from schema.item_checks import check_of
from schema.parties import party_in
from schema.publish import json_schema, standard_page
from schema.registry import standard
from schema.texts import SEVERAL_LINES, SINGLE_LINE, spelling, visible
from tests.unit.schema.test_conform import INSTRUMENT, instrument

MODEL, FUNCTIONS = INSTRUMENT.item("model"), INSTRUMENT.item("functions")
PROSE = {
    "Instrument.specification",
    "Instrument.functions",
    "Instrument.accessories",
    "Instrument.serviceContent",
    "Instrument.rules",
    "Instrument.achievements",
    "ServiceOffer.content",
    "ServiceOffer.process",
    "ServiceOffer.priceNote",
    "ServiceRecord.content",
    "Link.reason",
    "Topic.description",
    "Erasure.reason",
}


def all_texts() -> dict[str, Item]:
    """Every text of the standard, those of nested values included, by the name it goes under."""
    found: dict[str, Item] = {}

    def walk(spec: RecordSpec) -> None:
        for each in spec.items:
            if each.value is not None:
                walk(each.value)
            elif each.kind is Kind.TEXT:
                found[f"{spec.name}.{each.wire}"] = each

    for spec in standard():
        walk(spec)
    return found


TEXTS = all_texts()


def test_prose_is_what_is_declared_so_and_nothing_else() -> None:
    assert {name for name, each in TEXTS.items() if each.facts.multiline} == PROSE
    assert len(TEXTS) > 2 * len(PROSE)


@pytest.mark.parametrize("broken", ["a\nb", "a\tb", "a\u2028b", "a\u2029b"])
@pytest.mark.parametrize("name", TEXTS)
def test_only_prose_breaks_lines(name: str, broken: str) -> None:
    each = TEXTS[name]
    flaw, passes = check_of(each)(broken), _text_test(each, check_of(each))(broken)
    assert passes == (flaw is None) == each.facts.multiline
    if flaw is not None:
        assert flaw.code in {"CONTROL_CHARACTER", "KEY_CHARACTER"}
        assert f"U+{ord(broken[1]):04X}" in flaw.en


def test_a_text_without_a_bound_of_its_own_is_a_single_line() -> None:
    topics = INSTRUMENT.item("topics")
    assert topics.facts.length_max == TEXT_LENGTH_MAX
    (problem,) = conform(INSTRUMENT, instrument(topics=["芯片\n材料"]))[1]
    assert (problem.path, problem.code) == ("topics.0", "CONTROL_CHARACTER")
    assert problem.value == "芯片[U+000A]材料"


def test_a_key_never_breaks_lines() -> None:
    with pytest.raises(TypeError, match="no key"):

        @record("测试", key=("number",), prefix="t", owner=party_in("number"))
        class Broken:
            """A record whose key is prose."""

            number: str = item("编号", "Number", multiline=True)


DECEIVING = [*range(0x202A, 0x202F), *range(0x2066, 0x206A), *range(0xE0000, 0xE0080)]
NONCHARACTERS = [
    *range(0xFDD0, 0xFDF0),
    *(p << 16 | e for p in range(17) for e in (0xFFFE, 0xFFFF)),
]


@pytest.mark.parametrize("each", [MODEL, FUNCTIONS], ids=["a single line", "several lines"])
def test_no_text_takes_what_only_deceives(each: Item) -> None:
    check = check_of(each)
    for number in DECEIVING + NONCHARACTERS:
        flaw = check(f"a{chr(number)}b")
        assert flaw is not None
        assert flaw.code == "CONTROL_CHARACTER"
        assert f"U+{number:04X}" in flaw.en
        assert f"U+{number:04X}" in flaw.zh
        assert chr(number) not in flaw.zh + flaw.en
        assert not _text_test(each, check)(f"a{chr(number)}b")


@pytest.mark.parametrize("text", ["क्\u200dष", "می\u200cخواهم", "a\u00a0b", "a\u3000b", "☀\ufe0f"])
def test_ordinary_text_keeps_its_joiners_and_blanks(text: str) -> None:
    assert conform(INSTRUMENT, instrument(model=text))[1] == []


CHARACTERS = (
    st.sampled_from(
        " a电\n\t\r\x0b\x85\u2028\u202e\u2066\u200d\u00a0\u3000\ud800\ufffe\U000e0041\u0301é"
    )
    | st.characters()
)


@given(st.text(CHARACTERS, max_size=8))
def test_the_fast_test_and_the_slow_check_of_a_text_agree(text: str) -> None:
    for each in (MODEL, FUNCTIONS):
        field = _Field(each)
        assert _text_test(each, field.check)(text) == (field.check(text) is None)


@given(st.text(CHARACTERS))
def test_what_is_shown_of_a_text_can_be_seen(text: str) -> None:
    assert visible(text).isprintable()


@pytest.mark.parametrize("several", [False, True])
def test_the_published_patterns_refuse_what_conformance_refuses(several: bool) -> None:
    pattern = re.compile(SEVERAL_LINES if several else SINGLE_LINE)
    for number in range(0x10000):
        character = chr(number)
        if unicodedata.category(character) in ("Cn", "Cs", "Mn", "Mc"):
            continue  # a pattern cannot say them
        flaw = spelling(f"a{character}b", multiline=several)
        if flaw is None or flaw.code == "CONTROL_CHARACTER":
            assert bool(pattern.fullmatch(character)) == (flaw is None), hex(number)


def test_the_published_standard_says_which_items_may_break_lines() -> None:
    page = standard_page()
    assert page.count("several lines |") == len(PROSE)
    made = json_schema(INSTRUMENT)["properties"]
    assert re.search(made["functions"]["pattern"], "a\nb")
    assert not re.search(made["model"]["pattern"], "a\nb")
    assert not re.search(made["topics"]["items"]["pattern"], "a\nb")


@pytest.mark.parametrize("mark", ["\u00ad", "\u200b", "\u200c", "\u200d", "\u2060", "\ufeff"])
def test_a_text_does_not_begin_or_end_with_what_shows_nothing(mark: str) -> None:
    for text in (f"{mark}电镜", f"电镜{mark}", mark):
        flaw = spelling(text, multiline=False)
        assert flaw is not None
        assert flaw.code == "NOT_TRIMMED"
    assert spelling(f"电{mark}镜", multiline=False) is None
