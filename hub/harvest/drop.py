"""`TablesRun`: one look at a folder of tables: each complete file once, and an answer beside it.

1. What is there: files that are complete and new; files whose answer could not be written; files
   that were refused (`connectors.drop`).
2. A new file takes the road of files that people send (`hub.intake.files`); nothing of it is taken
   twice, whatever its name: its bytes are known by their SHA-256, its batches by their keys.
3. `<name>.receipts.json` says what became of each row, `<name>.rejects.xlsx` holds the refused and
   the doubted ones, marked. Where they cannot be written, that is told and tried again: the same
   file gets the same answer, as a request does that is sent again.

A file that is refused is not tried again until it, or the mapping that reads it, is another one; it
is told at each look. What stands in the way of one file does not stop the others.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from adapters.mapping import MappingError
from connectors.drop.entries import RECEIPTS, REJECTS, DropEntry, shown_name
from connectors.drop.ledger import FileState, KnownFile
from connectors.drop.session import DropSession, Look, MovingFileError, Spooled
from connectors.errors import ConnectorError, PayloadError
from hub.clock import Clock
from hub.errors import ErrorCode, HubError, RefusedError
from hub.harvest import runs
from hub.harvest.drop_answer import DropAnswer, refusal_json
from hub.harvest.drop_intake import DropIntake
from hub.harvest.limits import (
    DROP_FILES_MAX,
    DROP_REFUSED_AGAIN,
    DROP_WRITING_FOR,
    FINISH_S_MAX,
)
from hub.harvest.report import CollectionReport, HarvestReport, ListStatus, RunStatus
from hub.harvest.source import HarvestSource, register
from hub.intake.batch import Outcome
from hub.store.database import Database
from hub.store.dropped import DroppedLedger

__all__ = ["is_drop_due", "run_tables"]

NO_FILE = "no new file"


async def is_drop_due(
    database: Database, source: HarvestSource, now: datetime, interval: timedelta | None
) -> bool:
    """Tell whether the folder of a source is to be looked at again; False for other sources."""
    if source.tables is None:
        return False
    rows = await database.writes.fetch_all(
        "SELECT last_run_at FROM source WHERE source_id = %s", (source.id,)
    )
    last = rows[0][0] if rows else None
    return last is None or abs(now - last) >= (interval or source.adapter.every)


async def run_tables(
    database: Database, clock: Clock, party: str, source: HarvestSource, lock: runs.SourceLock
) -> HarvestReport:
    """Look at the folder of a source once; the caller holds the lock of the source."""
    began = clock()
    report = HarvestReport(run_id=f"run_{secrets.token_urlsafe(12)}", source=source.id)
    await register(database, source, began)
    await runs.begin(database, source.id, report.run_id, began)
    document_hash = None
    try:
        async with source.session() as session:
            assert isinstance(session, DropSession), "the connection is one of files"
            session.ledger = DroppedLedger(database, source.id, clock)
            intake = DropIntake(database, clock, party, source)
            run = _TablesRun(session, intake, report)
            await run.all()
            document_hash = run.document_hash
        await lock.check()
        _sum_up(report)
    except ConnectorError as error:
        report.status = RunStatus.FAILED
        report.error_code, report.message = error.code, f"{error}. {error.hint}"
    except BaseException as error:
        report.status = RunStatus.FAILED
        is_cut = isinstance(error, asyncio.CancelledError)
        report.error_code = ErrorCode.INTERNAL.name
        report.message = runs.CUT_OFF if is_cut else f"{type(error).__name__}: {error}"
        await _finish(database, report, document_hash, (began, clock()))
        raise
    await _finish(database, report, document_hash, (began, clock()))
    return report


async def _finish(
    database: Database,
    report: HarvestReport,
    document_hash: bytes | None,
    span: tuple[datetime, datetime],
) -> None:
    """Note how the run ended, also when it is cancelled at this moment."""
    noted = asyncio.ensure_future(runs.finish(database, report, document_hash, *span))
    try:
        await asyncio.shield(noted)
    except asyncio.CancelledError:
        await asyncio.wait([noted], timeout=FINISH_S_MAX)
        raise


@dataclass
class _TablesRun:
    """One look while it goes on."""

    session: DropSession
    intake: DropIntake
    report: HarvestReport
    document_hash: bytes | None = None

    async def all(self) -> None:
        """Take what is to be taken, answer what is to be answered, tell the rest."""
        look = await self.session.look()
        for file, known in look.refused:
            if await self._is_tried_again(file, known):
                await self._one(file, known)
            else:
                self._told(file, ListStatus.FAILED, known.message, PayloadError.code)
        todo = [*look.unanswered, *look.ready]
        for file in todo[:DROP_FILES_MAX]:
            await self._one(file, look.known[file.name])
        for file in todo[DROP_FILES_MAX:]:
            self._told(file, ListStatus.SKIPPED, "it comes with the next look, before it others")
        self._rest(look)

    def _rest(self, look: Look) -> None:
        for file in look.watched:
            settle_s = self.session.settle_s
            words = (
                f"尚未静止 {settle_s:g} 秒，稍后读取 it has not stood still for {settle_s:g} s: "
                f"it is read then, or at once with {shown_name(file.name)}.ok beside it"
            )
            self._told(file, ListStatus.SKIPPED, words)
        for note in look.notes:
            part = CollectionReport(name=note.partition(": ")[0], status=ListStatus.SKIPPED)
            part.message = note.partition(": ")[2]
            self.report.collections.append(part)
        if not any(each.status is ListStatus.OK for each in self.report.collections):
            # A folder that is empty is no sign of life: the source is not heard from.
            self.report.collections.append(CollectionReport(name=NO_FILE))

    async def _is_tried_again(self, file: DropEntry, known: KnownFile) -> bool:
        if known.since >= DROP_REFUSED_AGAIN:
            return True
        try:
            return await self.intake.road_of(file.name) != known.road
        except (HubError, OSError, ValueError):
            return False

    async def _one(self, file: DropEntry, known: KnownFile) -> None:
        """Take one file; whatever is wrong with it is told, and the next one follows."""
        part = self._told(file, ListStatus.FAILED, "", PayloadError.code)
        try:
            async with self.session.spooled(file, self.session.limits.file_bytes_max) as spooled:
                self.document_hash = sha256((self.document_hash or b"") + spooled.digest).digest()
                if known.state is not FileState.TAKEN and await self._is_same(spooled, part):
                    return
                await self._take(spooled, known, part)
        except MovingFileError as error:
            part.status, part.error_code = ListStatus.SKIPPED, None
            part.message = f"{error.detail}. {error.hint}"
        except PayloadError as error:  # it is too large: nothing of it was read
            part.message = f"{error.detail}. {error.hint}"
            await self.session.ledger.note(file, FileState.REFUSED, b"", message=part.message)

    async def _is_same(self, spooled: Spooled, part: CollectionReport) -> bool:
        """Tell whether the bytes of a file were taken before."""
        name = await self.session.ledger.name_of(spooled.digest)
        if name is None:
            return False
        part.status, part.error_code = ListStatus.SKIPPED, None
        part.message = (
            f"内容与 {shown_name(name)} 相同，未重复接收 "
            f"its bytes are those of {shown_name(name)}, which was taken before"
        )
        await self.session.ledger.note(
            spooled.entry, FileState.SAME, spooled.digest, message=part.message
        )
        return True

    async def _take(self, spooled: Spooled, known: KnownFile, part: CollectionReport) -> None:
        file, ledger = spooled.entry, self.session.ledger
        road = b""
        try:
            road = await self.intake.road_of(file.name)
            answer = await self.intake.take(spooled)
        except (MappingError, ConnectorError, RefusedError, OSError, ValueError) as error:
            if isinstance(error, ConnectorError) and not isinstance(error, PayloadError):
                raise
            told = refusal_json(file.name, spooled.digest, error)
            part.message = told.words
            await ledger.note(
                file, FileState.REFUSED, spooled.digest, road=road, message=told.words
            )
            await self._write(file, [(RECEIPTS, told.content)], part)
            return
        _count(part, answer)
        await ledger.note(file, FileState.TAKEN, spooled.digest)
        names = [(RECEIPTS, answer.receipts)]
        if answer.rejects is not None:
            names.append((REJECTS, answer.rejects))
        if await self._write(file, names, part) or known.since >= DROP_WRITING_FOR:
            await ledger.note(file, FileState.ANSWERED, spooled.digest)

    async def _write(
        self, file: DropEntry, answers: Sequence[tuple[str, bytes]], part: CollectionReport
    ) -> bool:
        """Write the answers beside a file; tell at its part where that does not go."""
        try:
            for suffix, content in answers:
                await self.session.store(file, suffix, content)
        except ConnectorError as error:
            part.status, part.error_code = ListStatus.PARTIAL, error.code
            words = (
                "回执无法写回，下次再试，数据不会重复接收 what became of it could not be written "
                f"beside it; it is tried again, and no row is taken twice: {error}. {error.hint}"
            )
            part.message = "; ".join(filter(None, (part.message, words)))
            return False
        return True

    def _told(
        self, file: DropEntry, status: ListStatus, message: str, code: str | None = None
    ) -> CollectionReport:
        part = CollectionReport(name=shown_name(file.name), status=status)
        part.message, part.error_code = message, code
        self.report.collections.append(part)
        return part


def _count(part: CollectionReport, answer: DropAnswer) -> None:
    part.status, part.error_code, part.message = ListStatus.OK, None, None
    part.documents = 1
    part.rows = answer.rows
    part.dropped = answer.dropped
    part.outcomes.update(answer.outcomes)


def _sum_up(report: HarvestReport) -> None:
    """Say how the run ended: the first file that is not in gives code and words."""
    bad = report.of_status(ListStatus.FAILED, ListStatus.PARTIAL)
    report.status = RunStatus.OK
    if bad:
        report.status = RunStatus.PARTIAL
        report.error_code = bad[0].error_code
        report.message = f"{bad[0].name}: {bad[0].message}"
    elif report.total(Outcome.QUARANTINED):
        report.status = RunStatus.PARTIAL
        report.message = f"{report.total(Outcome.QUARANTINED)} rows wait in quarantine"
