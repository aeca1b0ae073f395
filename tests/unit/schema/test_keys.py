from __future__ import annotations

import re
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.conform import _Field, _is_clean, _shape, _text_test, conform
from schema.item import Item, Kind, describe, item, record
from schema.item_checks import check_of
from schema.keys import GREEK, MARKS, PATTERN, check_key_text, is_key_text, visible_key
from schema.parties import party_in
from schema.publish import json_schema
from schema.registry import standard
from tests.unit.schema.test_conform import INSTRUMENT, SERVICE, instrument, service

SURE = (
    "20180012345",
    "DEMO-SVC-0001",
    "a b",
    "电镜 一号",
    "㐀𠀀𰀀",
    "β计数器",
    "「冷冻」电镜·三",
    "a<>{}|\\^~'\"",
)
REFUSED = {
    "zero width space": "T-1\u200b",
    "zero width joiner": "T\u200d1",
    "byte order mark": "\ufeffT-1",
    "right to left override": "T-5\u202e9",
    "isolate": "T\u20661\u2069",
    "tag": "T-1\U000e0041",
    "variation selector": "T-1\ufe0f",
    "ideographic variation": "葛\U000e0100",
    "soft hyphen": "T\u00ad1",
    "no-break space": "T\u00a01",
    "leading no-break space": "\u00a0T1",
    "ideographic space": "T\u30001",
    "line separator": "T\u20281",
    "newline": "T\n1",
    "tab": "T\t1",
    "delete": "T\x7f1",
    "braille blank": "T\u28001",
    "hangul filler": "T\u31641",
    "combining mark": "Te\u03011",
    "combining grapheme joiner": "T\u034f1",
    "precomposed letter": "T\u00e91",
    "not in NFC": "T\u21261",
    "Cyrillic а": "T\u04301",
    "Greek alpha": "T\u03b11",
    "Greek omicron": "T\u03bf1",
    "Greek capital alpha": "\u0391-1",
    "Armenian o": "T\u05851",
    "Cherokee letter": "\u13a0-1",
    "micro sign": "T\u00b51",
    "full-width digit": "T\uff11",
    "full-width letter": "\uff34-1",
    "full-width solidus": "T\uff0f1",
    "full-width colon": "moe\uff1a10335",
    "full-width hyphen": "T\uff0d1",
    "full-width bracket": "T\uff081\uff09",
    "en dash": "T\u20131",
    "hyphen": "T\u20101",
    "minus": "T\u22121",
    "long vowel mark": "T\u30fc1",
    "division slash": "T\u22151",
    "letter zero": "T\u30071",
    "stroke like a solidus": "T\u4e3f1",
    "mathematical letter": "\U0001d413-1",
    "mathematical digit": "T-\U0001d7cf",
    "circled digit": "T\u2460",
    "roman numeral": "T\u2160",
    "compatibility ideograph": "T\uf900",
    "compatibility ideograph beyond the first plane": "T\U0002f800",
    "radical": "T\u2f00",
    "private use": "T\ue000",
    "private use beyond the first plane": "T\U000f0000",
    "not assigned": "T\u0378",
    "no character": "T\ufffe",
    "half of a character": "T\ud800",
    "emoji": "T\U0001f52c",
    "Arabic digit": "T\u0661",
}


@pytest.mark.parametrize("text", SURE)
def test_a_key_may_be_of_ascii_han_and_the_listed_letters_and_marks(text: str) -> None:
    assert is_key_text(text)
    assert check_key_text(text) is None
    assert conform(INSTRUMENT, instrument(localNo=text.replace("/", "")))[1] == []


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED)
def test_what_is_invisible_or_looks_like_something_else_is_refused_by_its_number(text: str) -> None:
    (problem,) = conform(INSTRUMENT, instrument(localNo=text))[1]
    assert (problem.path, problem.code) == ("localNo", "KEY_CHARACTER")
    bad = next(c for c in text if not is_key_text(c))
    for words in (problem.zh, problem.en, problem.value or ""):
        assert f"U+{ord(bad):04X}" in words
        assert bad not in words
    assert problem.value == visible_key(text)


def test_the_refusal_says_where_the_character_stands_and_what_to_do() -> None:
    flaw = check_key_text("T-1\u200b")
    assert flaw is not None
    assert flaw.en.startswith("character 4, U+200B, may not stand in a key: take it out")
    assert "第 4 个字符 U+200B" in flaw.zh
    assert "请删去" in flaw.zh


def every_listed_character() -> list[str]:
    allowed = re.compile(PATTERN)
    return [c for n in range(0x110000) if allowed.fullmatch(c := chr(n))]


def test_the_listed_characters_are_assigned_seen_and_their_own_normal_forms() -> None:
    listed = every_listed_character()
    assert len(listed) > 90_000
    assert unicodedata.is_normalized("NFC", "".join(listed))
    for character in listed:
        assert is_key_text(character)
        assert unicodedata.normalize("NFKC", character) == character
        name = unicodedata.name(character)
        han = unicodedata.category(character) == "Lo" and "CJK UNIFIED IDEOGRAPH" in name
        assert han or " " <= character <= "~" or character in GREEK + MARKS


def test_no_two_texts_of_the_listed_characters_normalise_to_the_same() -> None:
    listed = every_listed_character()
    assert len({unicodedata.normalize("NFKD", c) for c in listed}) == len(listed)


NAMING = {
    "Institution": {"institutionKey"},
    "Centre": {"institutionKey", "code", "operatorKey"},
    "Instrument": {"institutionKey", "localNo", "centreCode"},
    "ServiceOffer": {"instrumentKey", "code"},
    "OpeningHours": {"instrumentKey"},
    "Occupancy": {"instrumentKey", "localId"},
    "OccupancyCoverage": {"instrumentKey"},
    "UsageRecord": {"instrumentKey", "localId", "userKey"},
    "ServiceRecord": {"instrumentKey", "localId", "offerCode", "userKey"},
    "Agreement": {"providerKey", "consumerKey", "fields"},
}


@pytest.mark.parametrize("name", NAMING)
def test_every_text_of_a_key_and_every_reference_names_a_key(name: str) -> None:
    spec = standard()[name]
    naming = {each.wire for each in spec.items if each.names_key}
    assert naming >= NAMING[name]
    for each in spec.items:
        in_key = each.name in spec.key and each.kind is Kind.TEXT
        assert each.names_key or not (in_key or each.facts.ref)


@pytest.mark.parametrize("name", standard().names)
def test_no_item_that_names_a_key_takes_a_twin_of_it(name: str) -> None:
    for each in standard()[name].items:
        if each.names_key:
            flaw = check_of(each)("A1\u200b")
            assert flaw is not None
            assert flaw.code == "KEY_CHARACTER"
            assert not _text_test(each, check_of(each))("A1\u200b")


def test_a_class_is_named_by_characters_of_a_key() -> None:
    classes = [{"scheme": "GB/T 32847\u200b", "version": "2016", "code": "999999"}]
    (problem,) = conform(INSTRUMENT, instrument(classes=classes))[1]
    assert (problem.path, problem.code) == ("classes.0.scheme", "KEY_CHARACTER")


def test_an_offer_code_and_a_centre_code_refer_by_characters_of_a_key() -> None:
    assert [p.code for p in conform(SERVICE, service(offerCode="A\u04301"))[1]] == ["KEY_CHARACTER"]
    made = conform(INSTRUMENT, instrument(centreCode="A\uff11"))[1]
    assert [p.code for p in made] == ["KEY_CHARACTER"]


def test_a_new_record_type_gets_the_rule_without_asking_for_it() -> None:
    @record("测试", key=("number",), prefix="t", owner=party_in("number"))
    class Toy:
        """A record with nothing said about its key."""

        number: str = item("编号", "Number")
        parent: str | None = item("上级", "Parent", ref="Toy", default=None)
        named: str | None = item("另称", "Also", names_key=True, default=None)
        words: str | None = item("说明", "Words", default=None)

    spec = describe(Toy)
    twin = dict.fromkeys(("number", "parent", "named", "words"), "A\u200d1")
    found = [(p.path, p.code) for p in conform(spec, twin)[1]]
    assert found == [(each, "KEY_CHARACTER") for each in ("number", "parent", "named")]


def test_only_a_text_names_a_key() -> None:
    with pytest.raises(TypeError, match="only a text"):

        @record("测试", key=("number",), prefix="t", owner=party_in("number"))
        class Counted:
            """A record whose reference is a number."""

            number: str = item("编号", "Number")
            other: int | None = item("另号", "Other", names_key=True, default=None)


LOCAL_NO = INSTRUMENT.item("local_no")
TEXTS = st.text(
    st.sampled_from(" -/A1z~电㐀𠀀βμΩ、·αо１（\u200b\u202e\u00a0\u3000\u0301\n\x7f\ud800\ufffe")
    | st.characters(),
    max_size=8,
)


def both_ways(each: Item, text: Any) -> tuple[bool, bool]:
    field = _Field(each)
    return _text_test(each, field.check)(text), field.check(text) is None


@given(TEXTS)
def test_the_fast_test_and_the_slow_check_of_a_key_agree(text: str) -> None:
    fast, slow = both_ways(LOCAL_NO, text)
    assert fast == slow
    if fast:
        assert unicodedata.is_normalized("NFC", text)
        assert re.fullmatch(PATTERN, text)


@given(TEXTS)
def test_what_is_shown_of_a_key_can_be_seen(text: str) -> None:
    assert is_key_text(visible_key(text))


def test_rows_with_chinese_keys_go_the_short_way() -> None:
    assert _is_clean(_shape(INSTRUMENT), instrument(localNo="电镜一号·β"))


def test_the_published_schema_states_the_characters() -> None:
    made = json_schema(INSTRUMENT)["properties"]
    patterns = [each["pattern"] for each in made["localNo"]["allOf"]]
    for text in (*SURE, *REFUSED.values()):
        fits = all(re.search(pattern, text) for pattern in patterns)
        assert fits == (conform(INSTRUMENT, instrument(localNo=text))[1] == [])
    assert made["centreCode"]["pattern"] == f"^{PATTERN}$"
