"""The lists of words in use: they name what the standard's own lists hold."""

from __future__ import annotations

from schema.codes import tables, words

SOURCES = {"CLASS", "JYT", "IUPAC", "ASSET", "TRADE"}


def test_every_word_of_the_trade_names_classes_of_the_list() -> None:
    codes = {row.code for row in tables.rows(tables.INSTRUMENT_CLASSES)}
    for row in words.trade_words():
        assert row.words, row
        assert row.sources, row
        assert set(row.sources) <= SOURCES, row
        for code in row.classes:
            assert any(each.startswith(code) for each in codes), (code, row.words[0])


def test_no_row_says_a_word_twice() -> None:
    rows = [*(row.words for row in words.trade_words()), *words.maker_words(), *words.spellings()]
    for row in rows:
        assert len(set(row)) == len(row), row
        assert all(row), row


def test_institutions_have_short_or_former_names() -> None:
    names = [row.name for row in words.institution_words()]
    assert len(names) == len(set(names))
    assert all(row.short or row.former for row in words.institution_words())


def test_abbreviations_of_the_trade_are_listed() -> None:
    listed = {word for row in words.trade_words() for word in row.words}
    assert {"TEM", "SEM", "XRD", "NMR", "GC-MS", "LC-MS", "ICP-MS", "XPS", "AFM", "FTIR"} <= listed
