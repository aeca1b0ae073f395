"""Worlds in real databases, each with an engine that answers and an interpreter that knows better.

`HUB_ORACLE_SEED` draws other worlds; the seed in use is printed with every difference.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import pytest

from hub.graphql.hooks import ServiceFacts
from hub.intake.batch import Assurance, Batch, Channel, Evidence, Outcome, Outcomes
from hub.intake.submit import submit
from hub.query.execute import Engine, Parts
from hub.query.limits import QueryLimits
from hub.store.database import Database
from hub.store.sources import register_source
from schema.registry import standard
from tests.databases import lent_database
from tests.integration.oracle.interpreter import Interpreter
from tests.integration.oracle.meaning import Row
from tests.integration.oracle.strategies import Known
from tests.integration.oracle.worlds import LARGE, NAMES, NOW, SMALL, History, Said, draw_world

SEED = int(os.environ.get("HUB_ORACLE_SEED", "20261124"))
SMALL_WORLDS = 3
BOUNDS = (
    *("cost", "tokens", "depth", "aliases", "directives", "root_fields", "fragments"),
    *("fields", "pairs"),
)
LIMITS = QueryLimits(
    **{each.name: 10**9 for each in fields(QueryLimits) if each.name in BOUNDS}  # type: ignore[arg-type]
)
"""Bounds out of the way: what is compared are answers, and bounds have tests of their own."""


@dataclass(frozen=True)
class World:
    """One world: what sources said of it, the hub's answers and the interpreter's."""

    history: History
    engine: Engine
    truth: Interpreter
    known: Known
    runner: asyncio.Runner

    def __repr__(self) -> str:
        return f"the world of seed {self.history.seed}"

    def _repr_pretty_(self, printer: Any, _: bool) -> None:
        """Keep Hypothesis from printing every row."""
        printer.text(repr(self))


class _Standing:
    """Rows as they stand after each batch, by what the hub says became of each."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str, str], Row] = {}
        self.gone: dict[tuple[str, str, str], str] = {}

    def note(self, said: Said, outcomes: Outcomes) -> None:
        for raw, outcome in zip(said.rows, outcomes.rows, strict=True):
            assert outcome.outcome is not Outcome.QUARANTINED, (raw, outcome.problems)
            assert outcome.record_type
            assert outcome.key
            assert outcome.item_id
            named = (said.source, outcome.record_type, outcome.key)
            if outcome.outcome is Outcome.WITHDRAWN:
                del self.rows[named]
                self.gone[named] = outcome.item_id
                continue
            as_of, accepted_at = said.as_of, said.now
            if outcome.outcome is Outcome.DUPLICATE:
                before = self.rows[named]
                accepted_at = before.accepted_at
                confirms = standard()[outcome.record_type].confirmed
                as_of = max(before.as_of, said.as_of) if confirms else before.as_of
            self.gone.pop(named, None)
            self.rows[named] = Row(
                kind=outcome.record_type,
                key=outcome.key,
                id=outcome.item_id,
                wire=raw["record"],
                source=said.source,
                as_of=as_of,
                accepted_at=accepted_at,
                revision=outcome.revision or 0,
                entry_id=outcome.entry_id or 0,
            )

    def by_kind(self) -> dict[str, list[Row]]:
        found: dict[str, list[Row]] = {name: [] for name in standard().names}
        for row in self.rows.values():
            found[row.kind].append(row)
        return found


async def _put(database: Database, history: History) -> _Standing:
    for source, owners in history.owners.items():
        await register_source(
            database,
            source,
            source,
            mode="HARVEST",
            now=NOW,
            owners=owners,
            authority=f"platform:{source}/booking",
        )
    standing = _Standing()
    for said in history.batches:
        batch = Batch(
            source=said.source,
            party="hub:delta.example",
            channel=Channel.HARVEST,
            rows=said.rows,
            evidence=Evidence(
                assurance=Assurance.HUB_OBSERVED, document_hash=b"\0" * 32, run_id="1"
            ),
            as_of=said.as_of,
        )
        standing.note(said, await submit(database, batch, clock=_at(said.now)))
    async with database.writes.connection() as connection:
        await connection.execute("ANALYZE")
    return standing


def _at(moment: datetime) -> Callable[[], datetime]:
    return lambda: moment


@contextmanager
def standing_world(
    cluster: str, template: str, history: History, names: tuple[str, ...]
) -> Iterator[World]:
    """Lend a world with a database of its own; `names`: in the order of an index."""
    with asyncio.Runner() as runner, lent_database(cluster, template) as url:
        database = Database(url)
        runner.run(database.__aenter__())
        try:
            standing = runner.run(_put(database, history))
            facts = ServiceFacts(version="1", standard_version="1", sandbox=True)
            engine = Engine(database, lambda: NOW, Parts(facts=facts), LIMITS)
            truth = Interpreter(standing.by_kind(), names.index, history.owners)
            known = Known(truth.rows, tuple(standing.gone.values()))
            yield World(history, engine, truth, known, runner)
        finally:
            runner.run(database.__aexit__(None, None, None))


@pytest.fixture(scope="module")
def worlds(cluster: str, template: str) -> Iterator[list[World]]:
    """Several small worlds, where what fails is easily read, and a large one."""
    sizes = [SMALL] * SMALL_WORLDS + [LARGE]
    with ExitStack() as stack:
        yield [
            stack.enter_context(
                standing_world(cluster, template, draw_world(SEED + number, size), NAMES)
            )
            for number, size in enumerate(sizes)
        ]
