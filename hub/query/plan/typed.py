"""`typed`: what somebody typed into a search, as text-search queries; pure.

- A text is read as words; each must be found, in the record itself or in what it refers to: its
  class, its place, the institution whose it is. A word is met by every word that is written for it.
- A Chinese run without spaces, such as 复旦电镜, is met as a whole, or by the known words in it.
- What is found is ordered by how it matches: the whole name; the words in names; other words for
  them or their class; single words. Each of these is a query of its own, and rows count what fits.
- Everything is bounded: words, other words for them, classes of one word (`hub.query.plan.limits`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from hub.query.plan.limits import SEARCH_NAMES_MAX, SEARCH_PHRASE_MAX, SEARCH_WORDS_MAX, TYPED_KEPT
from hub.query.plan.vocabulary import SHORTEST_PART, Meaning, stem, vocabulary
from hub.store.search import WHOLE, WHOLE_MAX, query_expression, quoted, runs
from schema.codes import words

NAMED, SHORT, STATED = "A", "AB", "B"
"""Weights of names, of names and short texts, of short texts alone (`hub.store.search`)."""


@dataclass(frozen=True, slots=True)
class SearchWord:
    """A word of a search: operands that find it, each an alternative to the others."""

    text: str
    literal: str
    """The word as it is written."""
    written: tuple[str, ...]
    """Texts of other words that are written for it."""
    classes: tuple[str, ...]
    """Classes that it names."""
    wider: tuple[str, ...]
    """Classes whose names contain it, and places."""
    references: tuple[str, ...]
    """Operands that find it in what a record refers to."""
    is_known: bool

    @property
    def own(self) -> str:
        """Return the query for the record itself."""
        others = [f"({expression})" for text in self.written if (expression := _exact(text))]
        return " | ".join([f"({self.literal})", *others, *self.classes, *self.wider])

    @property
    def of_references(self) -> str:
        """Return the query for what the record refers to."""
        return " | ".join(self.references)

    def named(self, weights: str) -> str:
        """Return the query for the word as it is written, in terms of some weights."""
        return _exact(self.text, weights) if self.is_known else query_expression(self.text, weights)

    @property
    def meant(self) -> str:
        """Return the query for the word, other words for it in names, or a class that it names."""
        others = [f"({expression})" for text in self.written if (expression := _exact(text, NAMED))]
        return " | ".join([f"({self.named(NAMED)})", *others, *self.classes])


@dataclass(frozen=True, slots=True)
class Typed:
    """A search: what matches, and the queries that order it, the weightiest first."""

    alternatives: tuple[tuple[SearchWord, ...], ...]
    ranks: tuple[str, ...]

    @property
    def matching(self) -> str:
        """Return the words as JSON: alternative `a`, query of the record, query of references."""
        rows = [
            {"a": n, "own": word.own, "of": word.of_references}
            for n, alternative in enumerate(self.alternatives)
            for word in alternative
        ]
        return json.dumps(rows, ensure_ascii=False)


_INSTITUTION = re.compile(".{2,}?(?:大学|学院|研究所|研究院|医院)")
"""The name of an institution at the beginning of a run; known words in it are not looked for."""
RANKS = 5
"""How many queries order what is found."""


@lru_cache(maxsize=TYPED_KEPT)
def read(text: str) -> Typed:
    """Read what somebody typed."""
    found = runs(text)
    if not found:
        return Typed((), ("",) * RANKS)
    whole = [_word(parts) for parts in _phrases(found)][:SEARCH_WORDS_MAX]
    split = [_word(parts) for run in found for parts in _split(run)][:SEARCH_WORDS_MAX]
    texts = [word.text for word in whole]
    alternatives = [tuple(whole)]
    if [word.text for word in split] != texts and any(word.is_known for word in split):
        alternatives.append(tuple(split))
    single = alternatives[-1]
    meant = {word: word.meant for word in {*whole, *single}}
    ranks = (
        f"{quoted(WHOLE + ''.join(found)[:WHOLE_MAX])}:{NAMED}",
        _every(word.named(NAMED) for word in whole),
        _every(meant[word] for word in whole),
        " | ".join(f"({meant[word]})" for word in single),
        " | ".join(f"({word.named(SHORT)})" for word in single),
    )
    return Typed(tuple(alternatives), ranks)


def is_blank(text: str) -> bool:
    """Tell whether a text asks for nothing, so that it does not narrow what is found."""
    return not text.strip()


def _every(queries: Iterable[str]) -> str:
    return " & ".join(f"({each})" for each in queries)


def _phrases(found: list[str]) -> list[list[str]]:
    """Join neighbouring runs that together are a known word: `icp` and `ms`."""
    known, phrases, at = vocabulary(), [], 0
    while at < len(found):
        size = next(
            (
                size
                for size in range(min(SEARCH_PHRASE_MAX, len(found) - at), 1, -1)
                if known.knows(stem("".join(found[at : at + size])))
            ),
            1,
        )
        phrases.append(found[at : at + size])
        at += size
    return phrases


def _split(run: str) -> list[list[str]]:
    """Split a Chinese run into the known words in it, the longest first, and what is between."""
    known, parts, at, rest = vocabulary(), [], 0, ""
    if run.isascii() or known.knows(stem(run)):
        return [[run]]
    institution = _INSTITUTION.match(run)
    if institution is not None:
        parts.append([institution[0]])
        at = institution.end()
    while at < len(run):
        ends = range(min(len(run), at + WHOLE_MAX), at + SHORTEST_PART - 1, -1)
        end = next((end for end in ends if known.knows(stem(run[at:end]))), 0)
        if not end:
            rest += run[at]
            at += 1
            continue
        parts += [[rest]] if len(rest) >= SHORTEST_PART else []
        parts.append([run[at:end]])
        rest, at = "", end
    return [*parts, [rest]] if len(rest) >= SHORTEST_PART or not parts else parts


def _word(parts: list[str]) -> SearchWord:
    """Look up a word."""
    text, known = " ".join(parts), vocabulary()
    respelled = _respelled("".join(parts))
    keys = [stem(each) for each in ("".join(parts), *respelled)]
    meaning = next((known.meaning(key) for key in keys if known.knows(key)), Meaning())
    others = (*meaning.written, *respelled)
    own_key = "".join(parts)
    written = [each for each in dict.fromkeys(others) if "".join(runs(each)) != own_key]
    is_known = bool(meaning)
    literal = _exact(text) if is_known else query_expression(text)
    return SearchWord(
        text=text,
        literal=literal,
        written=tuple(written[:SEARCH_NAMES_MAX]),
        classes=meaning.classes,
        wider=(*known.classes_with(parts), *meaning.places),
        references=_of_references(literal, text, meaning),
        is_known=is_known,
    )


def _of_references(literal: str, text: str, meaning: Meaning) -> tuple[str, ...]:
    """Return the operands for names of institutions.

    A short name (南大) is part of others (河南大学): it means the institutions whose it is, and
    those that state it themselves.
    """
    if not meaning.institutions:
        return (f"({literal})", *meaning.places)
    full = tuple(f"({_exact(name)})" for name in meaning.institutions)
    return (*full, f"({_exact(text, STATED)})", *meaning.places)


def _respelled(text: str) -> list[str]:
    """Return a Chinese text with words in it written in another way."""
    found = []
    for ways in words.spellings():
        plain = [way.casefold() for way in ways]
        present = max((way for way in plain if way in text), key=len, default=None)
        if present is not None:
            found += [text.replace(present, way) for way in plain if way != present]
    return found


def _exact(text: str, weights: str = "") -> str:
    """Return the query for a known word: no pinyin, and nothing that only begins so."""
    mark = f":{weights}" if weights else ""
    operands: list[str] = []
    for run in runs(text):
        if run.isascii() or len(run) == 1:
            operands.append(f"{quoted(run)}{mark}")
        else:
            operands += [f"{quoted(run[n : n + 2])}{mark}" for n in range(len(run) - 1)]
    return " & ".join(dict.fromkeys(operands))
