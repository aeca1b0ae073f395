"""`vocabulary`: which classes, makers, institutions and places a word names.

- Made once from the code lists of the standard: class names, words of the trade, makers, divisions,
  short and former names of institutions. Pure; a word is looked up in microseconds.
- A word is looked up as it is written without separators and without an ending such as 仪: so
  `ICP-MS`, `icpms` and `ICP MS` are one word, and 衍射仪 is 衍射.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache

from pypinyin import lazy_pinyin

from hub.query.plan.limits import SEARCH_CLASSES_MAX, SEARCH_NAMES_MAX
from hub.store.search import CLASS, PLACE, STEP, quoted, runs
from schema.codes import Province, tables, words

_ENDINGS = ("分析仪器", "分析仪", "测定仪", "测试仪", "仪器", "系统", "装置", "设备", "仪", "计")
_DIVISION_ENDINGS = ("省", "市", "区", "县")
SHORTEST_PART = 2
"""Chinese characters of the shortest word that longer names are found by."""
SHORTEST_SINGULAR = 5
"""Letters of the shortest English word that is looked up without its plural's s."""
_CITY_DIGITS = 4
_BETWEEN = "\n"


def key_of(text: str) -> str:
    """Return how a word is looked up."""
    return stem("".join(runs(text)))


def stem(joined: str) -> str:
    """Return how a word in one form of writing is looked up."""
    for ending in _ENDINGS:
        stem = joined.removesuffix(ending)
        if stem != joined and len(stem) >= SHORTEST_PART:
            return stem
    if joined.isascii() and joined.isalpha():
        one = joined.removesuffix("s")
        joined = one if len(one) >= SHORTEST_SINGULAR and not one.endswith("s") else joined
        return joined.replace("analyzer", "analyser")
    return joined


@dataclass(slots=True)
class Meaning:
    """What a word names."""

    written: tuple[str, ...] = ()
    """Other words for the same, as they are written."""
    classes: tuple[str, ...] = ()
    """Operands that find records of the classes that it names."""
    places: tuple[str, ...] = ()
    """Operands that find what stands in the divisions that it names."""
    institutions: tuple[str, ...] = ()
    """Full names of institutions that it is short or former for."""

    def __bool__(self) -> bool:
        return bool(self.written or self.classes or self.places or self.institutions)


@dataclass(slots=True)
class Vocabulary:
    """The words of the code lists by their keys, and names of classes by their parts."""

    _meanings: dict[str, Meaning] = field(default_factory=dict)
    _joined: str = ""
    _spaced: str = ""
    _joined_at: list[int] = field(default_factory=list)
    _spaced_at: list[int] = field(default_factory=list)
    _classes: list[tuple[str, ...]] = field(default_factory=list)

    def meaning(self, key: str) -> Meaning:
        """Return what a word names by itself."""
        return self._meanings.get(key) or Meaning()

    def knows(self, key: str) -> bool:
        """Tell whether a word names anything."""
        return key in self._meanings

    def classes_with(self, parts: list[str]) -> tuple[str, ...]:
        """Return the operands of the classes whose names contain a word; none if there are many."""
        joined = "".join(parts)
        if joined.isascii():
            found = _places(f" {' '.join(parts)} ", self._spaced, self._spaced_at)
        elif len(joined) >= SHORTEST_PART:
            found = _places(joined, self._joined, self._joined_at)
        else:
            return ()
        classes = dict.fromkeys(each for n in found for each in self._classes[n])
        return tuple(classes) if len(classes) <= SEARCH_CLASSES_MAX else ()

    @classmethod
    def of_standard(cls) -> Vocabulary:
        """Make the vocabulary of the code lists."""
        made, names = cls(), list(_class_names())
        texts = [runs(name) for name, _ in names]
        made._classes = [classes for _, classes in names]
        made._joined, made._joined_at = _laid_out("".join(each) for each in texts)
        made._spaced, made._spaced_at = _laid_out(f" {' '.join(each)} " for each in texts)
        for name, classes in names:
            made._add(name, Meaning(classes=classes))
        for group in words.trade_words():
            for word in group.words:
                made._add(word, Meaning(written=group.words))
        for makers in words.maker_words():
            for word in makers:
                made._add(word, Meaning(written=makers))
        for institution in words.institution_words():
            for word in (*institution.short, *institution.former):
                made._add(word, Meaning(institutions=(institution.name,)))
        for name, digits in _division_names():
            made._add(name, Meaning(places=(f"{quoted(PLACE + digits)}:*",)))
        return made

    def _add(self, word: str, meaning: Meaning) -> None:
        key = key_of(word)
        known = self._meanings.setdefault(key, Meaning())
        for name in ("written", "classes", "places", "institutions"):
            both = (*getattr(known, name), *getattr(meaning, name))
            setattr(known, name, tuple(dict.fromkeys(both))[:SEARCH_NAMES_MAX])


@cache
def vocabulary() -> Vocabulary:
    """Return the vocabulary of the standard's code lists."""
    return Vocabulary.of_standard()


def _laid_out(texts: Iterable[str]) -> tuple[str, list[int]]:
    """Return texts in one, to be searched at once, and where each begins."""
    parts, begins, at = [], [], 0
    for text in texts:
        begins.append(at)
        parts.append(text)
        at += len(text) + len(_BETWEEN)
    return _BETWEEN.join(parts), begins


def _places(part: str, laid_out: str, begins: list[int]) -> Iterator[int]:
    """Yield which of the texts that were laid out contain a part."""
    at = laid_out.find(part)
    while at >= 0:
        n = bisect_right(begins, at) - 1
        yield n
        at = laid_out.find(part, begins[n + 1]) if n + 1 < len(begins) else -1


def class_operand(scheme: str, code: str) -> str:
    """Return the operand that finds records of a class and of all below it."""
    while len(code) > SHORTEST_PART and code.endswith("00"):
        code = code[:-2]
    return f"{quoted(f'{CLASS}{scheme}{STEP}{code}')}:*"


def _class_names() -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the names of classes and the words of the trade, with the operands of their classes."""
    for listed in (tables.INSTRUMENT_CLASSES, tables.FIXED_ASSETS_2010):
        scheme = listed.rpartition("-")[0]
        for row in tables.rows(listed):
            if not row.name.startswith("其他"):
                yield row.name, (class_operand(scheme, row.code),)
    scheme = tables.INSTRUMENT_CLASSES.rpartition("-")[0]
    for group in words.trade_words():
        operands = tuple(class_operand(scheme, code) for code in group.classes)
        for word in group.words:
            yield word, operands


def _division_names() -> Iterator[tuple[str, str]]:
    """Yield the names of provinces, cities and counties, with their leading digits."""
    for province in Province:
        if province.official:
            yield from _written(province.zh, province.official)
    for code, division in tables.divisions().items():
        digits = code.removesuffix("00")
        digits = digits.removesuffix("00") if len(digits) == _CITY_DIGITS else digits
        yield from _written(division.name, digits)
        if len(digits) <= _CITY_DIGITS:
            yield "".join(lazy_pinyin(division.name[:-1])), digits


def _written(name: str, digits: str) -> Iterator[tuple[str, str]]:
    yield name, digits
    short = name[:-1]
    if name.endswith(_DIVISION_ENDINGS) and len(short) >= SHORTEST_PART:
        yield short, digits
