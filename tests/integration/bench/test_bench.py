"""The short form of `make bench`: the same harness on little data; what is equal must be equal.

Nothing here looks at a duration. wrk and npm are not asked for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import place, reads
from bench.data import Data
from bench.intake import intake
from bench.questions import Question, questions
from bench.statements import compiled, explained
from hub.embedded.server import EmbeddedPostgres

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds processes in /proc"),
]
SMALL = Data(instruments=600, institutions=12, occupancies=1800)


@pytest.fixture(scope="module")
def small() -> Iterator[tuple[str, dict[tuple[str, str], Question]]]:
    with place.postgres() as server:
        url, _ = asyncio.run(place.filled(server, SMALL))
        yield url, questions(SMALL)


@pytest.fixture
def server() -> Iterator[EmbeddedPostgres]:
    with place.postgres() as started:
        yield started


@pytest.fixture
def racers(small: tuple[str, dict[tuple[str, str], Question]]) -> list[reads.Contestant]:
    first, second = reads.ports(2)
    return [reads.hub("hub", "engine", small[0], first), reads.strawberry(small[0], second)]


def test_stock_strawberry_says_what_the_hub_says(
    small: tuple[str, dict[tuple[str, str], Question]], racers: list[reads.Contestant]
) -> None:
    with reads.running(racers) as servers:
        for name in ("W1", "W2", "W3"):
            assert reads.compare(racers, servers, small[1], name) > 0


def test_an_answer_that_differs_ends_the_benchmark(
    small: tuple[str, dict[tuple[str, str], Question]], racers: list[reads.Contestant]
) -> None:
    asked = small[1]
    other = asked["W2", "strawberry"]
    wrong = Question(other.name, other.server, other.document, other.variables[::-1])
    with reads.running(racers) as servers, pytest.raises(RuntimeError, match="differ"):
        reads.compare(racers, servers, {**asked, ("W2", "strawberry"): wrong}, "W2")


def test_every_question_is_one_statement_that_runs_by_itself(
    small: tuple[str, dict[tuple[str, str], Question]],
) -> None:
    url, asked = small
    for name in ("W1", "W2", "W3", "FREE6", "FREE4", "FREE2"):
        plan = explained(url, compiled(asked[name, "hub"])[0])
        assert "Execution Time" in plan
    assert "ix_instrument_listing" in explained(url, compiled(asked["W1", "hub"])[0])


@pytest.mark.parametrize("signed", [False, True])
async def test_pushed_batches_get_a_receipt_for_every_row(
    server: EmbeddedPostgres, signed: bool
) -> None:
    taken = await intake(server, signed=signed, batches=2, rows=40)
    assert (taken.rows, taken.batch_rows) == (80, 40)
