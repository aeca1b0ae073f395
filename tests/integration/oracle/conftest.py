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
from hub.graphql.service import Engine, Parts
from hub.intake.batch import (
    Assurance,
    Batch,
    Channel,
    Evidence,
    Outcome,
    Outcomes,
    RequestSignature,
)
from hub.intake.service import submit
from hub.query.plan.limits import QueryLimits
from hub.store.database import Database
from hub.store.sources import register_source
from schema.codes import SourceKind
from schema.registry import standard
from tests.databases import analyze, lent_to_hub, opened
from tests.integration.oracle.claims import Registered, Standing, by_kind
from tests.integration.oracle.interpreter import Interpreter
from tests.integration.oracle.meaning import Claim
from tests.integration.oracle.strategies import Known
from tests.integration.oracle.worlds import (
    HUB,
    LARGE,
    NAMES,
    NOW,
    SMALL,
    History,
    Renewed,
    Said,
    draw_world,
)

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
    standing: Standing
    engine: Engine
    truth: Interpreter
    known: Known
    runner: asyncio.Runner

    def __repr__(self) -> str:
        return f"the world of seed {self.history.seed}"

    def _repr_pretty_(self, printer: Any, _: bool) -> None:
        """Keep Hypothesis from printing every row."""
        printer.text(repr(self))


def _note(standing: Standing, said: Said, outcomes: Outcomes) -> None:
    """Note what stands after a batch, by what the hub says became of each row."""
    for raw, outcome in zip(said.rows, outcomes.rows, strict=True):
        assert outcome.outcome is not Outcome.QUARANTINED, (raw, outcome.problems)
        assert outcome.record_type
        assert outcome.key
        assert outcome.item_id
        known = standing.sources[said.source]
        authority = known.numbers(outcome.record_type, raw.get("authority"))
        thing = (outcome.record_type, authority, outcome.key)
        standing.named(thing, outcome.item_id)
        if outcome.outcome is Outcome.WITHDRAWN:
            standing.takes_back(thing, said.source, said.now)
        elif outcome.outcome is Outcome.DUPLICATE:
            standing.says_again(thing, said.source, said.as_of)
        else:
            standing.proven += outcome.outcome is Outcome.PROVEN
            claim = Claim(
                source=said.source,
                wire=raw["record"],
                key=outcome.key,
                as_of=said.as_of,
                heard=said.as_of,
                accepted_at=said.now,
                revision=outcome.revision or 0,
                entry_id=outcome.entry_id or 0,
                assurance=_evidence(said).assurance.value,
                channel=_channel(said).value,
                party=said.party,
            )
            standing.says(thing, claim)


def _evidence(said: Said) -> Evidence:
    if said.party == HUB:
        return Evidence(assurance=Assurance.HUB_OBSERVED, document_hash=b"\0" * 32, run_id="1")
    signed = RequestSignature("base", b"signature", "k" * 43)
    return Evidence(assurance=Assurance.REQUEST_SIGNED, request=signed)


def _channel(said: Said) -> Channel:
    return Channel.HARVEST if said.party == HUB else Channel.PUSH


async def _register(database: Database, standing: Standing, source: str, known: Registered) -> None:
    standing.sources[source] = known
    await register_source(
        database,
        source,
        source,
        mode="HARVEST",
        now=NOW,
        owners=known.owners,
        kind=SourceKind[known.kind],
        authority=known.authority,
    )


async def _put(database: Database, history: History) -> Standing:
    standing = Standing()
    for source, known in history.sources.items():
        await _register(database, standing, source, known)
    for step in history.steps:
        if isinstance(step, Renewed):
            await _register(database, standing, step.source, step.known)
            continue
        batch = Batch(
            source=step.source,
            party=step.party,
            channel=_channel(step),
            rows=step.rows,
            evidence=_evidence(step),
            as_of=step.as_of,
        )
        _note(standing, step, await submit(database, batch, clock=_at(step.now)))
    analyze(database.url)
    return standing


def _at(moment: datetime) -> Callable[[], datetime]:
    return lambda: moment


@contextmanager
def standing_world(
    cluster: str, template: str, history: History, names: tuple[str, ...]
) -> Iterator[World]:
    """Lend a world with a database of its own; `names`: in the order of an index."""
    with asyncio.Runner() as runner, lent_to_hub(cluster, template) as url:
        database = opened(url)
        runner.run(database.__aenter__())
        try:
            standing = runner.run(_put(database, history))
            facts = ServiceFacts(version="1", standard_version="1", sandbox=True)
            engine = Engine(database, lambda: NOW, Parts(facts=facts), LIMITS)
            truth = Interpreter(by_kind(standing.rows(), standard().names), names.index)
            known = Known(truth.rows, tuple(standing.gone()))
            yield World(history, standing, engine, truth, known, runner)
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
