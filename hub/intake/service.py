"""`service`: the one way in. Push, harvest, live answer, workbook and file all end here.

In the order of the work:
1. the answer of an earlier request with the same idempotency key, if there is one;
2. each row: shape, record type, all problems, canonical bytes, signature (`prepare`, `signatures`);
3. one transaction: what stands for the keys, who may change it and what is new (`guard`, `decide`),
   entries, projections, quarantine, the source's counts, the answer (`write`).

- A batch is written whole or not at all; a bad row goes to quarantine and stops no other row.
- A dry run does all of it and undoes the transaction.
- Checking happens outside the transaction and yields to other tasks of the process.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence, Set
from datetime import datetime

import psycopg

from hub.access.clients import may_bind
from hub.clock import Clock
from hub.errors import ErrorCode, HubError, RefusedError
from hub.identity.ids import revision_id
from hub.identity.links import Names
from hub.intake.batch import Assurance, Batch, Channel, Outcome, Outcomes, RowOutcome
from hub.intake.decide import Decided, Entry, decide
from hub.intake.guard import Current, GuardContext, Speaker
from hub.intake.guarded import locked_rows, require_own_batch
from hub.intake.idempotency import check_key, claim, earlier_answer, store_answer
from hub.intake.limits import (
    ATTEMPTS_MAX,
    BATCH_ROWS_MAX,
    PROBLEMS_PER_BATCH_MAX,
    ROWS_PER_TURN,
)
from hub.intake.prepare import Prepared, System, prepare
from hub.intake.signatures import check_signatures
from hub.intake.write import BatchWriting
from hub.store.database import Database
from hub.store.sources import heard_from
from hub.store.view import View
from schema.codes import SourceKind
from schema.errors import Problem
from schema.parties import HUB_PARTY
from schema.registry import Registry
from schema.traits import Joins

Refused = list[tuple[Prepared, Sequence[Problem]]]

_PARTS = (Channel.HARVEST, Channel.LIVE)
"""Channels whose batches are parts of a reading: whether the source was heard, that says."""


async def submit(database: Database, batch: Batch, *, clock: Clock) -> Outcomes:
    """Take a batch in and say what became of each row.

    Raises `RefusedError` when the batch as a whole cannot be taken (too large, unknown or foreign
    source, idempotency key used for another body) and `DatabaseUnavailableError` when PostgreSQL is
    away; in both cases nothing was written.
    """
    _check_batch(batch)
    now = clock()
    async with database.writes.connection() as connection:
        earlier = await earlier_answer(connection, batch)
    if earlier is not None:
        return earlier
    speaker = await _speaker(database, batch)
    async with database.checking:
        rows = await _prepare(batch, database.records.registry, now, speaker.system)
        await check_signatures(database, rows, now)
    require_own_batch(rows)
    for attempt in range(ATTEMPTS_MAX):
        try:
            return await _write(database, batch, rows, (speaker, now), alone=attempt > 0)
        except (psycopg.errors.UniqueViolation, psycopg.errors.DeadlockDetected):
            continue  # another batch wrote the same key meanwhile: decide anew, alone
    raise HubError(
        ErrorCode.CONFLICT,
        message_en=f"{batch.source}: other batches changed the same records {ATTEMPTS_MAX} times",
        hint="Nothing was written. Send the same request again.",
    )


def _check_batch(batch: Batch) -> None:
    if not batch.rows:
        raise RefusedError(ErrorCode.BATCH_EMPTY, hint="Send at least one row.")
    if len(batch.rows) > BATCH_ROWS_MAX:
        raise RefusedError(
            ErrorCode.BATCH_TOO_LARGE, hint=f"Send at most {BATCH_ROWS_MAX} rows at once."
        )
    if batch.idempotency is not None:
        check_key(batch.idempotency)
    # What vouches for an entry must be there, or its leaf could not be made (trust.md, leaf).
    vouched = batch.evidence.assurance
    assert vouched is not Assurance.REQUEST_SIGNED or batch.evidence.request is not None
    assert vouched is not Assurance.HUB_OBSERVED or batch.party.startswith(HUB_PARTY)
    assert vouched is not Assurance.PRODUCER_SIGNED, "only a row's own signature says this"


async def _speaker(database: Database, batch: Batch) -> Speaker:
    """Return for whom this batch may speak, or refuse it."""
    rows = await database.writes.fetch_all(
        "SELECT s.owners, s.kind, s.authority, s.active, c.status, %s = ANY(c.sources), "
        "EXISTS (SELECT FROM client_key k WHERE k.client_id = c.client_id AND k.role IS NOT NULL) "
        "FROM source s "
        "LEFT JOIN client c ON c.client_id = %s WHERE s.source_id = %s",
        (batch.source, batch.client_id, batch.source),
    )
    if not rows:
        raise RefusedError(
            ErrorCode.SOURCE_UNKNOWN, hint="Ask the operator to register the source."
        )
    owners, kind, authority, active, status, allowed, uses_roles = rows[0]
    request = batch.evidence.request
    if not active:
        raise RefusedError(ErrorCode.SOURCE_FORBIDDEN, hint="The operator has closed this source.")
    if batch.client_id is not None and not (status == "ACTIVE" and allowed):
        raise RefusedError(
            ErrorCode.SOURCE_FORBIDDEN, hint="Ask the operator which sources you may push as."
        )
    return Speaker(
        batch.source,
        batch.party,
        None if owners is None else frozenset(owners),
        is_hub=batch.evidence.assurance is Assurance.HUB_OBSERVED,
        key_binds=may_bind(request.role if request else None, uses_roles=uses_roles),
        system=System(authority, passes_on=kind == SourceKind.PEER),
    )


async def _prepare(
    batch: Batch, registry: Registry, now: datetime, system: System
) -> list[Prepared]:
    rows: list[Prepared] = []
    listed = 0
    for number, raw in enumerate(batch.rows, start=1):
        if number % ROWS_PER_TURN == 0:
            await asyncio.sleep(0)
        row = prepare(number, raw, registry, now, system)
        listed += len(row.problems)
        if listed > PROBLEMS_PER_BATCH_MAX:
            del row.problems[1:]
        rows.append(row)
    return rows


async def _write(
    database: Database,
    batch: Batch,
    rows: Sequence[Prepared],
    judged_by: tuple[Speaker, datetime],
    *,
    alone: bool,
) -> Outcomes:
    speaker, now = judged_by
    async with database.writes.transaction() as connection:
        await claim(connection, batch)
        earlier = await earlier_answer(connection, batch)
        if earlier is not None:
            return earlier
        writing = BatchWriting(connection, database.records, batch, now)
        joining = {spec.name for spec, _ in database.records.registry.with_trait(Joins)}
        names_change = not joining.isdisjoint(row.record_type for row in rows)
        await writing.lock(alone=alone, names_change=names_change)
        view = await writing.view()
        good: dict[str, list[Prepared]] = defaultdict(list)
        refused: Refused = []
        for row in rows:
            if row.problems or row.record_type is None:
                refused.append((row, row.problems))
            else:
                good[row.record_type].append(row)
        context = GuardContext(now, await locked_rows(connection, database.records, rows))
        decided: dict[str, Decided] = {}
        for name in sorted(good):
            known = await writing.current(name, good[name])
            vouched = batch.evidence.assurance
            decided[name] = decide(good[name], known, speaker, context, vouched)
            refused += [(row, [reason]) for row, reason in decided[name].refused]
            _identify(decided[name], view.names)
        refused.sort(key=lambda pair: pair[0].row)
        await _project(database, writing, decided, view, joining if names_change else frozenset())
        if refused or any(each.entries for each in decided.values()):
            await writing.evidence()
        await writing.quarantine(refused)
        outcomes = _outcomes(batch, decided, refused)
        if batch.dry_run:
            raise psycopg.Rollback
        await store_answer(connection, batch, outcomes, now)
        heard = None if batch.channel in _PARTS else (batch.as_of, now)
        await heard_from(connection, batch.source, added=outcomes.added, at=heard)
    return outcomes


async def _project(
    database: Database,
    writing: BatchWriting,
    decided: dict[str, Decided],
    view: View,
    joining: Set[str],
) -> None:
    """Write entries, and what follows from them; `joining` are types whose rows rename others."""
    await writing.entries(decided)
    for name, each in decided.items():
        if each.entries:
            await writing.stage(name, each, view.names)
    # While holding the lock, a transaction never waits for a row locked by one that waits for the
    # lock: all its entries are written.
    async with database.projecting:
        await writing.lock_owners(decided, view.names)
        for name, each in decided.items():
            await writing.projections(name, each, view)
        if joining:
            await writing.relink({name: decided[name] for name in joining & decided.keys()}, view)


def _identify(decided: Decided, names: Names) -> None:
    """Give each row that is or was taken the id of its record."""
    rows = [entry.row for entry in decided.entries] + [row for row, _ in decided.duplicates]
    for row in rows:
        assert row.spec is not None
        assert row.key is not None
        of_type = names.of_type(row.spec) if names else names
        row.identity = of_type.identity(row.spec, row.authority, row.key, row.owner)


def _outcomes(batch: Batch, decided: dict[str, Decided], refused: Refused) -> Outcomes:
    outcomes: list[RowOutcome] = []
    for each in decided.values():
        for entry in each.entries:
            if batch.dry_run:
                entry.current.entry_id = 0  # it will be undone, so its id means nothing
            outcomes.append(_outcome(entry.row, _outcome_of(entry), entry.current))
        for row, current in each.duplicates:
            outcomes.append(_outcome(row, Outcome.DUPLICATE, current))
    outcomes += [
        RowOutcome(
            row=row.row,
            outcome=Outcome.QUARANTINED,
            record_type=row.record_type,
            key=row.key,
            problems=tuple(problems),
        )
        for row, problems in refused
    ]
    outcomes.sort(key=lambda outcome: outcome.row)
    return Outcomes(rows=tuple(outcomes), dry_run=batch.dry_run)


def _outcome_of(entry: Entry) -> Outcome:
    if entry.proven:
        return Outcome.PROVEN
    return Outcome.WITHDRAWN if entry.row.withdrawal else Outcome.ACCEPTED


def _outcome(row: Prepared, outcome: Outcome, current: Current) -> RowOutcome:
    assert row.spec is not None
    assert row.key is not None
    return RowOutcome(
        row=row.row,
        outcome=outcome,
        record_type=row.spec.name,
        key=row.key,
        item_id=row.identity,
        entry_id=current.entry_id or None,
        revision=current.revision,
        revision_id=revision_id(current.digest),
    )
