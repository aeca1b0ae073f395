"""Words of the pages: in both languages, each named by a page, and said nowhere else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hub.errors import ErrorCode
from hub.pages.layout import NAVIGATION, filled
from hub.pages.words import LANGUAGES, word_table, words

HUB = Path(__file__).parents[3] / "hub"
ROOMS = ("pages", "explorer", "front", "guide")
FILES = sorted(
    path
    for room in ROOMS
    for path in (HUB / room).iterdir()
    if path.suffix in (".html", ".js", ".py")
)
NAMED = re.compile(
    r"[\"'`{=]((?:kit|state|outcome|access|front|guide|explorer|submit|verify|customs|vouchers|attestation)\.\w+)[\"'`}]"
)
FILE_NAMES = (".js", ".css", ".html", ".json")
FAMILIES = (
    *("customs.", "vouchers.", "attestation.", "access."),
    *("state.", "verify.", "explorer.", "submit.", "kit."),
)
"""Sections of which scripts put names together: `state.${status}`."""
CODES = ("state.", "outcome.", "home.", "vouchers.law_")
"""Sections whose names are codes of the hub."""
CHINESE = re.compile(r"[一-鿿]")
COMMENT = re.compile(r"^\s*//.*$|/\*.*?\*/|\s// .*$", re.MULTILINE)


@pytest.mark.parametrize("name", list(word_table()))
def test_a_word_has_both_languages(name: str) -> None:
    zh, en = word_table()[name]
    words = re.sub(r"\{\w+\}", "", zh)
    assert CHINESE.search(zh) or name == "kit.language" or not re.search(r"\w", words), zh
    assert en.strip()
    assert not CHINESE.search(en)
    assert set(re.findall(r"\{\w+\}", zh)) == set(re.findall(r"\{\w+\}", en)), "the same places"


def test_pages_name_only_words_that_there_are() -> None:
    named = {found for path in FILES for found in NAMED.findall(path.read_text("utf-8"))}
    assert len(named) > 100
    assert {name for name in named if not name.endswith(FILE_NAMES)} - set(word_table()) == set()


def test_what_is_said_of_rows_at_home_elsewhere_is_by_codes_of_errors() -> None:
    codes = {name.removeprefix("home.") for name in word_table() if name.startswith("home.")}
    assert codes
    assert codes <= {each.name for each in ErrorCode}


def _put(name: str) -> str:
    """Return the code or word from which a script makes the name of a word."""
    return re.sub(r"^(do|in|wait|by)_", "", name.partition(".")[2])


def test_every_word_is_named_by_a_page() -> None:
    text = "\n".join(path.read_text("utf-8") for path in FILES)
    unused = [name for name in word_table() if name not in text]
    lone = [
        name
        for name in unused
        if not (name.startswith(FAMILIES) and re.search(rf"\b{_put(name)}\b", text, re.IGNORECASE))
    ]
    assert [name for name in lone if not name.startswith(CODES)] == []


@pytest.mark.parametrize(
    "path", [path for path in FILES if path.suffix != ".py"], ids=lambda path: path.name
)
def test_no_page_says_a_word_itself(path: Path) -> None:
    assert CHINESE.search(COMMENT.sub("", path.read_text("utf-8"))) is None


def test_what_is_put_into_a_page_is_text() -> None:
    made = filled("<p title='{{=x}}'>{{=x}} {{kit.front}}</p>", "zh", {"x": "<b a='\"'>"})
    assert "<b" not in made
    assert made.count("&lt;b a=&#x27;&quot;&#x27;&gt;") == 2


def test_languages_and_navigation_are_words() -> None:
    for language in LANGUAGES:
        assert all(words(language)[name] for _, name in NAVIGATION)
