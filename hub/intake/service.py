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

from collections import defaultdict
from collections.abc import Sequence, Set
from contextlib import AsyncExitStack
from datetime import datetime

import psycopg

from hub.access.clients import may_bind
from hub.clock import Clock
from hub.errors import ErrorCode, HubError, RefusedError
from hub.identity.ids import revision_id
from hub.identity.links import Names
from hub.intake.awaited import Noting, note_awaited
from hub.intake.batch import READINGS, Assurance, Batch, Outcome, Outcomes, RowHome, RowOutcome
from hub.intake.deadline import in_time
from hub.intake.decide import Decided, Entry, decide
from hub.intake.guard import Current, GuardContext, Speaker
from hub.intake.guarded import locked_rows, require_own_batch
from hub.intake.idempotency import check_key, claim, earlier_answer, store_answer
from hub.intake.limits import (
    ATTEMPTS_MAX,
    BATCH_ROWS_MAX,
    PROBLEMS_PER_BATCH_MAX,
)
from hub.intake.prepare import Prepared, System, prepare, problem
from hub.intake.signatures import check_signatures
from hub.intake.write import BatchWriting
from hub.store.copying import Connection
from hub.store.database import Database
from hub.store.sources import heard_from
from hub.store.view import View
from hub.turns import Turns, aside
from hub.watching import tracing
from hub.watching.metrics import METRICS
from hub.watching.notes import note_source
from schema.codes import SourceKind
from schema.errors import Problem
from schema.parties import HUB_PARTY
from schema.plausible import BelievedUntil
from schema.registry import Registry
from schema.traits import Joins
from schema.warn import warnings_of

Refused = list[tuple[Prepared, Sequence[Problem]]]
Away = list[tuple[Prepared, RowHome]]
"""Rows that are handed on to the home of their institution."""


async def submit(database: Database, batch: Batch, *, clock: Clock) -> Outcomes:
    """Take a batch in and say what became of each row.

    Raises `RefusedError` when the batch as a whole cannot be taken (too large, unknown or foreign
    source, idempotency key used for another body), `DatabaseUnavailableError` when PostgreSQL is
    away and `HubError` HOME_LATE when its time is over; in each case nothing was written.
    """
    _check_batch(batch)
    note_source(batch.source)
    about: dict[str, str | int] = {
        "deltahub.source": batch.source,
        "deltahub.rows": len(batch.rows),
    }
    with METRICS.batch(), tracing.span("intake", **about):
        outcomes = await _submit(database, batch, clock())
    if not (outcomes.dry_run or outcomes.replayed):
        METRICS.rows_taken(batch.source, outcomes.counts.items())
    return outcomes


async def _submit(database: Database, batch: Batch, now: datetime) -> Outcomes:
    async with in_time(batch.until):
        async with database.writes.connection() as connection:
            earlier = await earlier_answer(connection, batch)
        if earlier is not None:
            return earlier
        speaker, rows = await _checked(database, batch, now)
    for attempt in range(ATTEMPTS_MAX):
        try:
            return await _write(database, batch, rows, (speaker, now), alone=attempt > 0)
        except (psycopg.errors.UniqueViolation, psycopg.errors.DeadlockDetected):
            continue  # another batch wrote the same key meanwhile: decide anew, alone
    raise HubError(
        ErrorCode.CONFLICT,
        message_en=f"{batch.source}: other batches changed the same records {ATTEMPTS_MAX} times",
        hint="Nothing was written. Send the same request again.",
        hint_zh="没有写入任何内容，请原样重发。",
    )


async def submit_within(
    connection: Connection, database: Database, batch: Batch, *, clock: Clock, alone: bool = True
) -> Outcomes:
    """Take a batch in as part of the caller's transaction.

    For what the hub states of a change of its own, which happens with the statement or not at all.
    The caller holds `REBUILD_LOCK` alone; or, with `alone` false, a lock of its own that keeps all
    others from stating these records meanwhile.
    """
    assert not batch.dry_run
    _check_batch(batch)
    now = clock()
    speaker, rows = await _checked(database, batch, now)
    return await _write_within(connection, database, batch, rows, (speaker, now), alone=alone)


async def _checked(
    database: Database, batch: Batch, now: datetime
) -> tuple[Speaker, list[Prepared]]:
    """Return who speaks, and the rows with everything that is wrong with each by itself."""
    speaker = await _speaker(database, batch)
    async with database.checking:
        rows = await _prepare(batch, database.records.registry, now, speaker.system)
        elsewhere = batch.hands_on & speaker.homes.keys()
        # Who signed what is handed on, its home judges: it knows the keys of its institutions.
        await check_signatures(database, [row for row in rows if row.issuer not in elsewhere], now)
    require_own_batch(rows)
    return speaker, rows


def _check_batch(batch: Batch) -> None:
    if not batch.rows:
        raise RefusedError(
            ErrorCode.BATCH_EMPTY, hint="Send at least one row.", hint_zh="请至少发送一行。"
        )
    if len(batch.rows) > BATCH_ROWS_MAX:
        raise RefusedError(
            ErrorCode.BATCH_TOO_LARGE,
            hint=f"Send at most {BATCH_ROWS_MAX} rows at once.",
            hint_zh=f"每次至多 {BATCH_ROWS_MAX} 行，请分批发送。",
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
        "EXISTS (SELECT FROM client_key k WHERE k.client_id = c.client_id AND k.role IS NOT NULL), "
        "(SELECT jsonb_object_agg(h.owner, h.address) FROM foreign_home h "
        "JOIN source p ON p.source_id = h.source AND p.active) "
        "FROM source s "
        "LEFT JOIN client c ON c.client_id = %s WHERE s.source_id = %s",
        (batch.source, batch.client_id, batch.source),
    )
    if not rows:
        raise RefusedError(
            ErrorCode.SOURCE_UNKNOWN,
            hint="Ask the operator to register the source.",
            hint_zh="请核对来源标识，或请平台运营方登记该来源。",
        )
    owners, kind, authority, active, status, allowed, uses_roles, homes = rows[0]
    if not active:
        raise RefusedError(
            ErrorCode.SOURCE_FORBIDDEN,
            hint="The operator has closed this source.",
            hint_zh="平台运营方已停用该来源，请与其联系。",
        )
    if batch.client_id is not None and not (status == "ACTIVE" and allowed):
        raise RefusedError(
            ErrorCode.SOURCE_FORBIDDEN,
            hint="Ask the operator which sources you may push as.",
            hint_zh="请向平台运营方确认可以代表哪些来源提交。",
        )
    return Speaker(
        batch.source,
        batch.party,
        None if owners is None else frozenset(owners),
        is_hub=batch.evidence.assurance is Assurance.HUB_OBSERVED,
        key_binds=may_bind(batch.evidence.role, uses_roles=uses_roles),
        system=System(authority, passes_on=kind == SourceKind.PEER),
        homes=homes or {},
    )


async def _prepare(
    batch: Batch, registry: Registry, now: datetime, system: System
) -> list[Prepared]:
    rows: list[Prepared] = []
    until = BelievedUntil(now)
    listed = 0
    turns = Turns()
    for number, raw in enumerate(batch.rows, start=1):
        await turns.pause()
        row = prepare(number, raw, registry, now, system)
        listed += len(row.problems)
        if listed > PROBLEMS_PER_BATCH_MAX:
            del row.problems[1:]
        if row.wire and row.spec is not None and not row.problems:
            row.warnings = warnings_of(row.spec, row.wire, until)
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
    async with AsyncExitStack() as stack:
        async with in_time(batch.until):  # it ends before the commit, which is not interrupted
            connection = await stack.enter_async_context(database.writes.transaction())
            outcomes = await _write_within(
                connection, database, batch, rows, judged_by, alone=alone
            )
        if batch.dry_run:
            raise psycopg.Rollback
    return outcomes


async def _write_within(
    connection: Connection,
    database: Database,
    batch: Batch,
    rows: Sequence[Prepared],
    judged_by: tuple[Speaker, datetime],
    *,
    alone: bool,
) -> Outcomes:
    speaker, now = judged_by
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
    context = GuardContext(now, batch.as_of, await locked_rows(connection, database.records, rows))
    decided: dict[str, Decided] = {}
    away: Away = []
    for name in sorted(good):
        known = await writing.current(name, good[name])
        vouched = batch.evidence.assurance
        decided[name] = await aside(
            len(good[name]), decide, good[name], known, speaker, context, vouched
        )
        for row, reason in decided[name].refused:
            if row.issuer in batch.hands_on and reason.code == ErrorCode.HOME_ELSEWHERE.name:
                away.append((row, RowHome(hub=reason.value or "", institution=row.issuer)))
            else:
                refused.append((row, [reason]))
        await _identify(decided[name], view.names)
    refused.sort(key=lambda pair: pair[0].row)
    await _project(database, writing, decided, view, joining if names_change else frozenset())
    if refused or away or any(each.entries for each in decided.values()):
        await writing.evidence()
    await writing.correct(decided)
    await writing.quarantine(refused)
    await writing.warned(decided)
    noting = Noting(connection, database.records, view.names, batch.source, now)
    await note_awaited(noting, decided)
    outcomes = await aside(len(rows), _outcomes, batch, decided, refused, away)
    if not batch.dry_run:
        await store_answer(connection, batch, outcomes, now)
        heard = None if batch.channel in READINGS else (batch.as_of, now)
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
    few = {
        name: await writing.stage(name, each, view.names)
        for name, each in decided.items()
        if each.entries
    }
    # While holding the lock, a transaction never waits for a row locked by one that waits for the
    # lock: all its entries are written.
    async with database.projecting:
        await writing.lock_owners(decided, view.names)
        for name, each in decided.items():
            await writing.projections(name, each, view, few.get(name))
        if joining:
            await writing.relink({name: decided[name] for name in joining & decided.keys()}, view)


async def _identify(decided: Decided, names: Names) -> None:
    """Give each row that is or was taken the id of its record."""
    rows = [entry.row for entry in decided.entries] + [row for row, _ in decided.duplicates]
    turns = Turns()
    for row in rows:
        await turns.pause()
        assert row.spec is not None
        assert row.key is not None
        of_type = names.of_type(row.spec) if names else names
        row.identity = of_type.identity(row.spec, row.authority, row.key, row.owner)


def _outcomes(batch: Batch, decided: dict[str, Decided], refused: Refused, away: Away) -> Outcomes:
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
    outcomes += [
        RowOutcome(
            row=row.row,
            outcome=Outcome.UNSETTLED,
            record_type=row.record_type,
            key=row.key,
            problems=(problem("", ErrorCode.HOME_SILENT),),
            home=home,
        )
        for row, home in away
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
        warnings=tuple(row.warnings),
    )
