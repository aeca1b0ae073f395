"""`search`: the search terms of rows and queries, in Chinese, English and pinyin; pure functions.

- Terms of rows and terms of queries are both made here, so they always match.
- Chinese text has no spaces: each run gives its pairs of adjacent characters and its last character
  alone, so that a single character matches as a prefix and two characters match exactly.
- Names also give pinyin: from each character on, the initials (`smdj` finds 扫描电镜) and the full
  spelling (`dianjing`). They begin with `~`, so that words and abbreviations do not mix.
- Traditional characters are read as simplified ones, in rows and in queries (OpenCC, `t2s`).
- A term never reaches a parser: tsvector and tsquery are written as quoted lexemes, which needs no
  text-search configuration and no extension.
- Weights tell where a term stands: A in a name, B in a short text (model, maker, number), C a
  class, D in prose or a place. They order what is found; what a query means is in
  `hub.query.plan.typed`.
- Marked terms hold no words: `=` a whole name, `#` a class, `@` the key of what a reference names,
  `^` a division. So a class, an institution or a city is found by any of its names, which are
  looked up when somebody asks, and a name that changes needs no row to be written again.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import pairwise
from operator import add

from opencc import OpenCC
from pypinyin import lazy_pinyin

TERMS_MAX = 400
"""Terms of one row beside those of each name and short text; of prose the first ones are kept."""
QUERY_TERMS_MAX = 16
"""Terms of one query; further ones are ignored."""
WORD_MAX = 40
"""Characters of one word that are compared."""
PINYIN_MAX = 24
"""Letters of pinyin that are compared."""
RUNS_CACHED_MAX = 65_536
"""Chinese runs whose pinyin is cached; names of instruments repeat."""
NAMES_CACHED_MAX = 16_384
"""Names whose terms are cached."""

SHORT_MAX = 40
"""Characters of a text that is likely to be repeated: a model, a maker."""
SHORTS_CACHED_MAX = 16_384
"""Short texts whose terms are cached."""

MARK = "~"
WHOLE = "="
CLASS = "#"
REFERENCE = "@"
PLACE = "^"
WHOLE_MAX = 80
"""Characters of a name that are compared as a whole."""
SEARCH_VERSION = 2
"""Counted up when rows get other terms: stored ones are then written anew (`hub.store.renewal`)."""
STEP = "\u203a"
"""Between scheme and code of a class: a character that neither may have (`schema.keys`)."""
BEFORE_BLANK = "\x1f"
"""Between the spelling of a name and the name: a name comes before those that begin with it."""

_HAN = r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_RUN = re.compile(rf"[{_HAN}]+|[^\W_{_HAN}]+")
_SPLIT = re.compile(r"[0-9]+|[^0-9]+")
_IS_HAN = re.compile(rf"[{_HAN}]").match


def search_terms(text: str) -> list[str]:
    """Return the search terms of a text, without pinyin."""
    return list(dict.fromkeys(_text_terms(text)))


@lru_cache(maxsize=NAMES_CACHED_MAX)
def name_terms(name: str) -> tuple[str, ...]:
    """Return the search terms of a name, pinyin included."""
    terms = _text_terms(name)
    found = runs(name)
    for run in found:
        if _IS_HAN(run):
            terms += _pinyin_terms(run)
    whole = [WHOLE + "".join(found)[:WHOLE_MAX]] if found else []
    return tuple(dict.fromkeys([*whole, *terms]))


def query_terms(text: str, weights: str = "") -> list[str]:
    """Return the tsquery operands of a text; all of them must match, in terms of these weights.

    A word of letters means itself or pinyin; a word with digits, such as a model number, may go on.
    """
    exactly, on = (f":{weights}", f":*{weights}") if weights else ("", ":*")
    operands: list[str] = []
    for run in runs(text):
        if _IS_HAN(run):
            pairs = [run[n : n + 2] for n in range(len(run) - 1)]
            operands += [f"'{pair}'{exactly}" for pair in pairs] or [f"'{run}'{on}"]
        elif run.isalpha() and run.isascii() and len(run) > 1:
            operands.append(f"('{run[:WORD_MAX]}'{exactly} | '{MARK}{run[:PINYIN_MAX]}'{on})")
        else:
            operands.append(f"'{run[:WORD_MAX]}'{on}")
    return list(dict.fromkeys(operands))[:QUERY_TERMS_MAX]


def query_expression(text: str, weights: str = "") -> str:
    """Return the text to cast to `tsquery`; empty when nothing can be searched by it."""
    return " & ".join(query_terms(text, weights))


def quoted(lexeme: str) -> str:
    """Return a lexeme as tsvector and tsquery read it."""
    return "'" + lexeme.replace("\\", "\\\\").replace("'", "''") + "'"


def vector(
    names: Iterable[str], texts: Iterable[str], words: Iterable[str] = (), marks: Sequence[str] = ()
) -> str:
    """Return the text to cast to `tsvector` for a row: its names, short texts, prose and marks.

    The cast itself sorts the terms and joins repeated ones.
    """
    parts, left = [], TERMS_MAX
    for name in names:
        text, count = _name_text(name)
        parts.append(text)
        left -= count
    classes = [quoted(mark) for mark in marks if mark.startswith(CLASS)]
    others = [quoted(mark) for mark in marks if not mark.startswith(CLASS)]
    parts += [f"{mark}:1C" for mark in classes] + [f"{mark}:1D" for mark in others]
    left -= len(marks)
    for word in words:
        text, count = _word_text(word)
        parts.append(text)
        left -= count
    for prose in texts:
        if left > 0:
            terms = _text_terms(prose)[:left]
            parts.append(_weighed(terms, "D"))
            left -= len(terms)
    return " ".join(filter(None, parts))


def _weighed(terms: Sequence[str], weight: str) -> str:
    return "'" + f"':1{weight} '".join(terms) + f"':1{weight}" if terms else ""


@lru_cache(maxsize=NAMES_CACHED_MAX)
def _name_text(name: str) -> tuple[str, int]:
    terms = name_terms(name)[:TERMS_MAX]
    return _weighed(terms, "A"), len(terms)


@lru_cache(maxsize=SHORTS_CACHED_MAX)
def _word_text(word: str) -> tuple[str, int]:
    terms = _text_terms(word)[:TERMS_MAX]
    return _weighed(terms, "B"), len(terms)


@lru_cache(maxsize=NAMES_CACHED_MAX)
def sort_key(name: str) -> str:
    """Return the key that orders names as a Chinese index does: by pinyin, then by character."""
    parts = [_pinyin(run)[1] if _IS_HAN(run) else run for run in runs(name)]
    return f"{' '.join(parts)}{BEFORE_BLANK}{name}"


def code_path(scheme: str, code: str) -> list[str]:
    """Return a class code and the classes above it, each as `scheme›code`.

    Codes of the listed classifications nest by pairs of digits, after a first digit or letter where
    their length is odd (GB/T 14885: 1 and 2 and 2 and 2 digits).
    """
    lengths = [*range(2 - len(code) % 2, len(code), 2), len(code)]
    return [f"{scheme}{STEP}{code[:length]}" for length in lengths]


def province_of(division_code: str | None, institution_key: str) -> str | None:
    """Return the two-digit GB/T 2260 province of a division, else of the credit code's registry.

    Characters 3 to 8 of a unified social credit code name the division of registration
    (GB 32100); 10 there means the national register, which says nothing about the place.
    """
    if division_code:
        return division_code[:2]
    scheme, _, value = institution_key.partition(":")
    if scheme != "uscc" or value[2:4] == "10" or not value[2:4].isdigit():
        return None
    return value[2:4]


def runs(text: str) -> list[str]:
    """Return the words of a text in one form of writing: Chinese runs, runs of other letters."""
    if text.isascii():
        return _RUN.findall(text.casefold())
    plain = unicodedata.normalize("NFKC", text).casefold()
    return _RUN.findall(_to_simplified(plain))


_to_simplified = OpenCC("t2s").convert


def _text_terms(text: str) -> list[str]:
    """Return the terms of a text; those of short texts, such as a maker's name, are cached."""
    return list(_short_terms(text)) if len(text) <= SHORT_MAX else _split_terms(text)


@lru_cache(maxsize=SHORTS_CACHED_MAX)
def _short_terms(text: str) -> tuple[str, ...]:
    return tuple(_split_terms(text))


def _split_terms(text: str) -> list[str]:
    terms: list[str] = []
    words: list[str] = []
    for run in runs(text):
        if _IS_HAN(run):
            terms += map(add, run, run[1:])
            terms.append(run[-1])
        else:
            words.append(run[:WORD_MAX])
    for word in words:
        terms.append(word)
        if not word.isalpha() and not word.isdigit():
            terms += _SPLIT.findall(word)  # jem2100f is also found by jem and by 2100
    for left, right in pairwise(words):
        if not left.isalpha() or not right.isalpha():
            terms.append((left + right)[:WORD_MAX])  # jem-2100f is also found by jem2100f
    return terms


@lru_cache(maxsize=RUNS_CACHED_MAX)
def _pinyin(run: str) -> tuple[tuple[str, ...], str]:
    """Return the syllables of a Chinese run, and them joined."""
    syllables = tuple(s.casefold() for s in lazy_pinyin(run, errors="ignore"))
    return syllables, " ".join(syllables)


@lru_cache(maxsize=RUNS_CACHED_MAX)
def _pinyin_terms(run: str) -> tuple[str, ...]:
    syllables = _pinyin(run)[0]
    terms: list[str] = []
    for start in range(len(syllables)):
        rest = syllables[start : start + PINYIN_MAX]
        if len(rest) > 1:
            terms.append(MARK + "".join(s[0] for s in rest))
        terms.append(MARK + "".join(rest)[:PINYIN_MAX])
    return tuple(terms)
