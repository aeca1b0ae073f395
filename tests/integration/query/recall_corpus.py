"""`recall_corpus`: instruments to search over, and what people type with what must be found.

One instrument for each class of GB/T 32847, named as the class, in turn at each institution, and
the invented ones of `tests/fixtures/recall`, with makers, models and names as the trade has them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hub.store.database import Database
from hub.store.sources import register_source
from schema.codes import tables
from tests.integration.query.conftest import NOW, institution, instrument, put

FOLDER = Path(__file__).parents[2] / "fixtures" / "recall"
SCHEME, VERSION = "GB/T 32847", "2016"
FOUND_MAX = 20
"""Places of an answer that count."""


@dataclass(frozen=True, slots=True)
class Thing:
    """An instrument of the corpus, as the questions speak of it."""

    key: str
    name: str
    facts: dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody types, and the conditions on what must be found, all of which hold."""

    kind: str
    text: str
    expected: tuple[tuple[str, tuple[str, ...]], ...]

    def wants(self, thing: Thing) -> bool:
        """Tell whether an instrument must be found."""
        return all(
            any(
                fact.startswith(value) if name in ("class", "city") else fact == value
                for fact in thing.facts[name]
                for value in values
            )
            for name, values in self.expected
        )

    def recall(self, found: list[str], things: list[Thing]) -> float:
        """Return which part of what must be found is among the first `FOUND_MAX`."""
        wanted = {thing.key for thing in things if self.wants(thing)}
        assert wanted, f"{self.text}: nothing in the corpus is expected"
        hits = wanted.intersection(found[:FOUND_MAX])
        return len(hits) / min(len(wanted), FOUND_MAX)


def lines(file: str) -> list[list[str]]:
    """Return the rows of a file of tab-separated values without comments and column names."""
    texts = (FOLDER / file).read_text("utf-8").split("\n")
    rows = [text.split("\t") for text in texts if text and not text.startswith("#")]
    return rows[1:]


def questions() -> list[Question]:
    """Return what people type."""
    made = []
    for kind, text, expected in lines("questions.tsv"):
        conditions = [part.partition("=") for part in expected.split(";")]
        pairs = tuple((name, tuple(values.split("|"))) for name, _, values in conditions)
        made.append(Question(kind, text, pairs))
    return made


def things() -> list[Thing]:
    """Return the instruments of the corpus."""
    divisions = {key: division for key, _, _, division in lines("institutions.tsv")}
    owners = list(divisions)
    made = []
    for n, (code, name) in enumerate(_class_names().items()):
        owner = owners[n % len(owners)]
        made.append(_thing([owner, f"G-{code}", name, "", code, "", ""], divisions[owner]))
    made += [_thing(row, divisions[row[0]]) for row in lines("instruments.tsv")]
    return made


def _thing(row: list[str], division: str) -> Thing:
    owner, number, name, _, classes, maker, model = row
    facts = {
        "class": tuple(classes.split("|")),
        "maker": (maker,),
        "model": (model,),
        "institution": (owner,),
        "city": (division,),
        "number": (number,),
        "name": (name,),
    }
    return Thing(f"{owner}/{number}", name, facts)


def _class_names() -> dict[str, str]:
    names: dict[str, str] = {}
    for row in tables.rows(tables.INSTRUMENT_CLASSES):
        above = tables.lookup(row.scheme, row.parent)
        other = row.name.startswith("其他") and above is not None
        names.setdefault(row.code, f"{above.name}（其他）" if other and above else row.name)
    return names


async def seed(url: str) -> None:
    """Put the corpus into a migrated, empty database."""
    english = {f"{row[0]}/{row[1]}": row[3] for row in lines("instruments.tsv")}
    rows: list[tuple[str, dict[str, Any]]] = [
        ("Institution", institution(*row)) for row in lines("institutions.tsv")
    ]
    for thing in things():
        codes = [
            {"scheme": SCHEME, "version": VERSION, "code": code} for code in thing.facts["class"]
        ]
        owner, _, number = thing.key.partition("/")
        row = instrument(owner, number, thing.name, codes)
        if thing.key in english:
            row["name"]["en"] = english[thing.key]
            row["manufacturer"], row["model"] = thing.facts["maker"][0], thing.facts["model"][0]
        rows.append(("Instrument", row))
    async with Database(url) as database:
        await register_source(
            database,
            "platform",
            "平台",
            mode="HARVEST",
            now=NOW,
            owners=None,
            promised_freshness_s=3600,
        )
        await put(database, rows, "platform")
