"""What people type finds what they mean: recall over the questions of `tests/fixtures/recall`."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from hub.store.database import Database
from tests.databases import lent_database
from tests.integration.query.conftest import Asker, engine_on
from tests.integration.query.recall_corpus import FOUND_MAX, Question, questions, seed, things

pytestmark = pytest.mark.integration
RECALL_MIN = 0.95
RecordProperty = Callable[[str, object], None]
EXACT_MIN = 0.98
FIRST = f"""query ($text: String!) {{
  instruments(search: $text, first: {FOUND_MAX}) {{ nodes {{ key name {{ zh }} }} }} }}"""


@pytest.fixture(scope="module")
def corpus_url(cluster: str, template: str) -> Iterator[str]:
    with lent_database(cluster, template) as url:
        asyncio.run(seed(url))
        yield url


@pytest.fixture
async def ask(corpus_url: str) -> AsyncIterator[Asker]:
    async with Database(corpus_url) as database:
        yield Asker(engine_on(database))


async def found(ask: Asker, text: str) -> list[dict[str, object]]:
    data = await ask(FIRST, {"text": text})
    assert ask.codes == [], (text, ask.last)
    nodes: list[dict[str, object]] = data["instruments"]["nodes"]
    return nodes


async def test_what_people_type_finds_the_classes_they_mean(
    ask: Asker, record_property: RecordProperty
) -> None:
    asked, corpus = questions(), things()
    assert len(asked) >= 150
    recalls: dict[Question, float] = {}
    for question in asked:
        keys = [str(node["key"]) for node in await found(ask, question.text)]
        recalls[question] = question.recall(keys, corpus)
    by_kind = defaultdict(list)
    for question, recall in recalls.items():
        by_kind[question.kind].append(recall)
    figures = {kind: round(sum(each) / len(each), 3) for kind, each in by_kind.items()}
    missed = {each.text: round(recall, 2) for each, recall in recalls.items() if recall < 1}
    mean = sum(recalls.values()) / len(recalls)
    record_property("recall", {"all": round(mean, 3), **figures})
    assert mean >= RECALL_MIN, (mean, figures, missed)
    assert min(figures.values()) >= 0.9, (figures, missed)


async def test_the_exact_name_comes_first(ask: Asker, record_property: RecordProperty) -> None:
    names = sorted({thing.name for thing in things()})
    missed = []
    for name in names:
        nodes = await found(ask, name)
        if not nodes or nodes[0]["name"] != {"zh": name}:
            missed.append(name)
    first = 1 - len(missed) / len(names)
    record_property("exact name first", round(first, 3))
    assert first >= EXACT_MIN, missed
