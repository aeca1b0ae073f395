"""`replay`: reads again what was kept of a run, with the adapter as it is now.

- It is a run of its own, as of when the documents came: what was mapped wrongly is revised, and
  rows of that run that waited in quarantine are sent anew. It withdraws nothing, covers nothing and
  says nothing of how the source stands.
- Only the newest run that read the lists may be replayed: an older one would bring back what the
  source has changed since.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from adapters._adapter import Context
from hub.clock import Clock
from hub.errors import ErrorCode, RefusedError
from hub.harvest import runs
from hub.harvest.limits import RUNS_SHOWN_MAX
from hub.harvest.reading import HarvestReading
from hub.harvest.report import CollectionReport, HarvestReport, ListStatus, RunStatus
from hub.harvest.source import HarvestSource, register
from hub.intake.batch import Outcome
from hub.store.database import Database
from hub.store.raw_documents import documents_of, documents_per_list

__all__ = ["Replayer"]

MODE = "REPLAY"


@dataclass(frozen=True, slots=True)
class Replayer:
    """Reads kept documents again; `party` is the hub's own."""

    database: Database
    party: str
    clock: Clock

    async def replay(self, source: HarvestSource, run_id: str) -> HarvestReport:
        """Read again what is kept of a run.

        Raises `RefusedError` NOT_FOUND where nothing is kept of it, CONFLICT where the source was
        read since or is being read.
        """
        async with runs.source_lock(self.database, source.id):
            past = await runs.run_named(self.database, run_id)
            kept = await documents_per_list(self.database, run_id)
            if past is None or past.source != source.id or not kept:
                raise _nothing_kept(run_id)
            await self._require_newest(past, kept)
            report = HarvestReport(
                run_id=f"run_{secrets.token_urlsafe(12)}", source=source.id, is_replay=True
            )
            now = self.clock()
            await register(self.database, source, now)
            await runs.begin(self.database, source.id, report.run_id, now, mode=MODE)
            context = Context(
                source=source.id,
                now=past.started_at,
                institution=source.institution,
                facts=source.facts,
                judge=source.judge,
                lookback=source.adapter.lookback,
            )
            reading = HarvestReading(self.database, self.clock, context, self.party, report.run_id)
            try:
                await self._read(source, run_id, kept, reading, report)
                await self._settle(source, past, kept, report)
            except BaseException as error:
                report.status, report.message = RunStatus.FAILED, type(error).__name__
                report.error_code = ErrorCode.INTERNAL.name
                raise
            finally:
                await runs.finish(self.database, report, reading.document_hash, now, self.clock())
            return report

    async def _read(
        self,
        source: HarvestSource,
        run_id: str,
        kept: dict[str, int],
        reading: HarvestReading,
        report: HarvestReport,
    ) -> None:
        adapter = source.adapter
        for collection in adapter.collections:
            part = CollectionReport(name=collection.name, status=ListStatus.NOT_DUE)
            report.collections.append(part)
            if collection.name in kept:
                documents = documents_of(self.database, run_id, collection.name)
                part.status = await reading.replay(adapter, collection, documents, part)

    async def _settle(
        self,
        source: HarvestSource,
        past: runs.PastRun,
        kept: dict[str, int],
        report: HarvestReport,
    ) -> None:
        """Say how it went; discard what waited of lists that were read again whole."""
        had = {each["name"]: each["documents"] for each in past.counts.get("collections", ())}
        whole = {name for name, count in kept.items() if had.get(name) == count}
        unread = {
            name
            for each in source.adapter.collections
            for name in each.types
            if each.name not in whole
        }
        await runs.discard_superseded(self.database, report, unread, self.clock())
        waiting = report.total(Outcome.QUARANTINED)
        report.status = RunStatus.PARTIAL if waiting else RunStatus.OK
        report.message = f"read again what was kept of {past.run_id}" + (
            f"; {waiting} rows wait in quarantine" if waiting else ""
        )

    async def _require_newest(self, past: runs.PastRun, kept: dict[str, int]) -> None:
        for each in await runs.list_runs(self.database, past.source, RUNS_SHOWN_MAX):
            if each.started_at <= past.started_at:
                return
            read = {
                part["name"] for part in each.counts.get("collections", ()) if part["documents"]
            }
            if read & kept.keys() and not _is_replay(each):
                raise RefusedError(
                    ErrorCode.CONFLICT,
                    message_zh=f"该来源此后又被采集（{each.run_id}），重放会写回旧值",
                    message_en=f"the source was read since, in run {each.run_id}",
                    hint="Replaying an older run would bring back what has changed since. Replay "
                    "the newest run, or harvest the source again.",
                )


def _is_replay(past: runs.PastRun) -> bool:
    """Whether a run read what was kept: its lists say so."""
    lists = past.counts.get("collections", ())
    return any(each["status"] == ListStatus.REPLAYED for each in lists)


def _nothing_kept(run_id: str) -> RefusedError:
    return RefusedError(
        ErrorCode.NOT_FOUND,
        message_zh=f"没有保存 {run_id} 的原始数据",
        message_en=f"no documents of {run_id} are kept",
        hint="Documents are kept for HUB_RAW_DAYS days, at most HUB_RAW_MIB of one source; harvest "
        "the source again. Runs: deltahub source runs",
    )
