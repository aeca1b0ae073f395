"""Patterns of mappings mean what Python's `re` makes of them, and take time linear in the cell."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path
from random import Random

import pytest

from adapters.mapping import MappingError, parse_mapping
from adapters.mapping.patterns import PatternError, pattern_of
from tests.unit.mapping.conftest import INSTRUMENT

ROOT = Path(__file__).parents[3]
STATED = re.compile(r'match *= *("(?:[^"\\]|\\.)*"|\'[^\']*\')')
ATOMS = (
    *(r"\d", r"\w", r"\s", r"\D", r"\S", r"\W", ".", "[0-9]", "[^-]", "[a-z电]", "[^0-9\\s]"),
    *("[一-龥]", "[][]", r"[\]\-]", r"[\d.]", r"[\w-]", r"[^\S]", "a", "B", "电", "（", r"\.", "-"),
    *(r"\u4e00", r"\x41", r"\t", "(?:ab|电)", "(?i:b)", r"\（", "{", "[\\b]", "[^]]", "é"),
)
REPEATS = ("", "", "", "*", "+", "?", "*?", "+?", "??", "{2}", "{1,3}", "{,2}", "{2,}", "{1,2}?")
CHARACTERS = "aAbBzé 0179-.()（）电镜一\t\n\u3000\u00a0٣Ⅷ²_]['{\u2028\U0001f52c\u017f\u212a"


def patterns_of_the_repository() -> list[str]:
    files = [*ROOT.glob("docs/**/*.toml"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("tests/**/*.py")]
    found = []
    for file in files:
        for stated in STATED.findall(file.read_text("utf-8")):
            text = stated[1:-1]
            found.append(text.replace("\\\\", "\\") if stated.startswith('"') else text)
    return sorted(set(found))


def generated(random: Random) -> str:
    def run() -> str:
        return "".join(
            random.choice(ATOMS) + random.choice(REPEATS) for _ in range(random.randint(0, 3))
        )

    start = random.choice(("", "", "^", r"\A", "(?i)", "(?s)", "(?m)^"))
    end = random.choice(("", "", "$", r"\Z"))
    middle = random.choice(("(", "(?P<part>")) + (run() or ".") + random.choice(("", "|电+")) + ")"
    return start + run() + middle + run() + end


def cells(random: Random, number: int) -> list[str]:
    made = ("".join(random.choices(CHARACTERS, k=random.randint(0, 9))) for _ in range(number))
    return ["", *(each.strip("\n") for each in made)]


def test_the_patterns_of_the_repository_take_what_they_took() -> None:
    texts = ["1033501234", "4133010335", "FEI 型号：Talos", "3301061234", "abc", "", "电镜（万元）"]
    usable = 0
    for text in patterns_of_the_repository():
        try:
            stated = pattern_of(text)
        except PatternError:
            continue
        usable += 1
        for cell in (*texts, *cells(Random(text), 40)):
            assert stated.taken(cell) == taken_by_re(text, cell), (text, cell)
    assert usable >= 4


def test_whatever_is_generated_takes_the_same_as_before_or_is_refused() -> None:
    random = Random(20261126)
    usable = matched = 0
    for _ in range(1_200):
        text = generated(random)
        try:
            stated = pattern_of(text)
        except PatternError:
            continue
        usable += 1
        for cell in cells(random, 12):
            expected = taken_by_re(text, cell)
            matched += expected is not None
            assert stated.taken(cell) == expected, (text, cell)
    assert usable > 900
    assert matched > 1_200


def test_classes_know_the_characters_that_they_knew() -> None:
    for name in ("d", "w", "s", "D", "S", "W"):
        stated, before = pattern_of(rf"(\{name})"), re.compile(rf"\{name}")
        for number in (*range(0x3400), *range(0xFF00, 0x10000), 0x20000, 0x1D7D8, 0x4E00, 0xAC00):
            letter = chr(number)
            if letter == "\n" or unicodedata.category(letter) in ("Cn", "Cs"):
                continue
            assert (stated.taken(letter) is not None) is bool(before.match(letter)), (name, number)


@pytest.mark.parametrize(
    "text",
    [
        *("^((A+)+)$", r"(?=a)(b)", r"(?!a)(b)", r"(?<=a)(b)", r"(?<!a)(b)"),
        *(r"(a)\1", "(?P<x>a)(?P=x)", r"(a)(?(1)b|c)", r"\b(a)", r"(a)\B", r"[\W](a)", "(?>a)(b)"),
        *("(a)++", "a", "(a)(b)", "(", "(" * 400 + ")" * 400, "(a" + "b" * 600 + ")", "(?x)( a )"),
        *("(a{5000})", "((?:a{100}){100})", r"(.{1000}.{1000}.{1000})", r"(\N{DASH})", "(\ud800)"),
        *("(?:(?:(?:(a{99}){99}){99}){99})", "(?U)(a+)", r"\Q(a)\E", r"\pN(a)"),
    ],
)
def test_what_a_linear_engine_cannot_do_is_refused_with_its_line(text: str) -> None:
    with pytest.raises(PatternError) as caught:
        pattern_of(text)
    assert caught.value.zh
    if "\ud800" in text or "\n" in text:
        return
    rule = f"model = {{ column = \"x\", match = '''{text}''' }}"
    with pytest.raises(MappingError) as refused:
        parse_mapping(f"{INSTRUMENT}{rule}\n")
    (problem,) = refused.value.problems
    assert problem.code == "PATTERN_WRONG"
    assert problem.line == INSTRUMENT.count("\n") + 1


@pytest.mark.parametrize(
    "text", ["^(A+)+$", "^(?:A|A)*(B)$", "(?:A*)*(B)", "(?:A+A+)+(B)", "(?:[A-Z]+)*(!!)"]
)
def test_a_pattern_that_hung_ends(text: str) -> None:
    assert pattern_of(text).taken("A" * 32_000 + "!") is None


def test_a_cell_with_half_a_character_is_matched_like_any_other() -> None:
    assert pattern_of("型号(.+)").taken("\ud800型号7") == "7"


def taken_by_re(text: str, cell: str) -> str | None:
    match = re.search(text, cell)
    return match[1] if match else None
