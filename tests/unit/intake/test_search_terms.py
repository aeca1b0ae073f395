from __future__ import annotations

import pytest

from hub.store.search import (
    QUERY_TERMS_MAX,
    TERMS_MAX,
    code_path,
    name_terms,
    province_of,
    query_expression,
    query_terms,
    search_terms,
    sort_key,
    vector,
)


def test_two_chinese_characters_are_a_term() -> None:
    assert "电镜" in search_terms("场发射扫描电镜")
    assert query_terms("电镜") == ["'电镜'"]


def test_one_chinese_character_finds_by_prefix_even_the_last_one() -> None:
    assert "镜" in search_terms("扫描电镜")
    assert query_terms("镜") == ["'镜':*"]


def test_initials_of_a_part_of_the_name_are_a_term() -> None:
    assert "~smdj" in name_terms("场发射扫描电镜")
    assert query_terms("smdj") == ["('smdj' | '~smdj':*)"]


def test_full_pinyin_is_a_term() -> None:
    assert "~dianjing" in name_terms("扫描电镜")


def test_long_texts_give_no_pinyin() -> None:
    assert not [term for term in search_terms("扫描电镜") if term.startswith("~")]


def test_a_model_number_is_found_however_it_is_written() -> None:
    terms = search_terms("JEM-2100F")
    assert {"jem", "2100f", "2100", "jem2100f"} <= set(terms)
    assert query_terms("jem2100") == ["'jem2100':*"]


def test_full_width_letters_are_the_same_letters() -> None:
    assert search_terms("ＴＥＭ") == ["tem"]


@pytest.mark.parametrize("typed", ["", "  ", "'", "& | !", "():*", "\\", "……", "_"])
def test_a_query_without_words_asks_for_nothing(typed: str) -> None:
    assert query_expression(typed) == ""


@pytest.mark.parametrize("typed", ["a'b", "x\\y", "电'镜", "tem & !sem", "a:*"])
def test_a_query_never_carries_an_operator_of_its_own(typed: str) -> None:
    for operand in query_terms(typed):
        inside = operand.replace("' | '", "").strip("()").removesuffix(":*").strip("'")
        assert not set(inside) & set("'\\&|!:*()")


def test_queries_and_documents_are_bounded() -> None:
    long = " ".join(f"word{n}" for n in range(5_000))
    assert len(query_terms(long)) == QUERY_TERMS_MAX
    assert len(vector([], [long]).split(" ")) == TERMS_MAX


def test_names_sort_by_pinyin() -> None:
    names = ["扫描电镜", "透射电镜", "X射线衍射仪", "核磁共振谱仪", "质谱仪"]
    assert sorted(names, key=sort_key) == [
        "核磁共振谱仪",
        "扫描电镜",
        "透射电镜",
        "X射线衍射仪",
        "质谱仪",
    ]


def test_a_class_is_found_by_the_classes_above_it() -> None:
    assert code_path("GB/T 32847", "010203") == [
        "GB/T 32847›01",
        "GB/T 32847›0102",
        "GB/T 32847›010203",
    ]


def test_a_province_comes_from_the_division_or_from_a_provincial_credit_code() -> None:
    assert province_of("320500", "moe:10285") == "32"
    assert province_of(None, "uscc:123300004700954570") == "33"
    assert province_of(None, "uscc:12100000470095016Q") is None
    assert province_of(None, "ror:03cve4549") is None
