"""`words`: what people write for classes of instruments, for makers and for institutions.

- Lists of names in use beside the official ones, each with its source in its file; search reads
  them when somebody asks, so a list that grows needs no record to be written again.
- Words of one row are written for each other. They decide what is found, never what is stored: no
  record is classified by them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class TradeWords:
    """Words for the same classes of GB/T 32847-2016; a code stands for all that begin with it."""

    classes: tuple[str, ...]
    words: tuple[str, ...]
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class InstitutionWords:
    """The short and former names of an institution, by its full name."""

    name: str
    short: tuple[str, ...]
    former: tuple[str, ...]


@cache
def trade_words() -> tuple[TradeWords, ...]:
    """Words of the trade for classes of instruments."""
    return tuple(
        TradeWords(_parts(classes), _parts(words), tuple(sources.split()))
        for classes, words, sources in _read("instrument_words.tsv", columns=3)
    )


@cache
def maker_words() -> tuple[tuple[str, ...], ...]:
    """Names of makers; one maker a row."""
    return tuple(_parts(words) for (words,) in _read("maker_words.tsv", columns=1))


@cache
def institution_words() -> tuple[InstitutionWords, ...]:
    """Short and former names of institutions."""
    return tuple(
        InstitutionWords(name, _parts(short), _parts(former))
        for name, short, former in _read("institution_words.tsv", columns=3)
    )


@cache
def spellings() -> tuple[tuple[str, ...], ...]:
    """Chinese words that are written in several ways inside longer ones."""
    return tuple(_parts(words) for words, _ in _read("spelling_words.tsv", columns=2))


def _parts(cell: str) -> tuple[str, ...]:
    return tuple(cell.split("|")) if cell else ()


def _read(file: str, *, columns: int) -> list[tuple[str, ...]]:
    lines = (_FOLDER / file).read_text(encoding="utf-8").splitlines()
    rows = [tuple(line.split("\t")) for line in lines if not line.startswith("#")][1:]
    faulty = [row for row in rows if len(row) != columns]
    if faulty:
        raise ValueError(f"{file}: {columns} columns are needed, found {faulty[0]!r}")
    return rows
