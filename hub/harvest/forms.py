"""`Forms`: how the lists of one source looked before this run, and what this run found changed.

What changed is written when the reading of its list ends, however it ends; how the list looks now
takes the place of how it looked only after a whole reading, and not while a change waits for the
operator in a mode that holds it back.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime

from adapters._adapter import Collection, ConvertedRow
from connectors.document import RawRow
from connectors.errors import PayloadError
from hub.harvest.drift import (
    LASTING,
    Drift,
    DriftKind,
    DriftMode,
    FormWatch,
    drift_problem,
    strictest,
)
from hub.harvest.report import CollectionReport
from hub.intake.batch import Rejected
from hub.store.database import Database
from hub.store.drifts import (
    DriftRow,
    FieldForm,
    accepted_drifts,
    forms_of,
    keep_form,
    note_drifts,
)

__all__ = ["Forms", "held_back", "rejected"]

DONE = {
    DriftMode.EVOLVE: "EVOLVED",
    DriftMode.QUARANTINE: "QUARANTINED",
    DriftMode.STOP: "STOPPED",
}
NAMED_MAX = 5


class Forms:
    """The forms of one source's lists in one run."""

    def __init__(self, database: Database, source: str, run_id: str, now: datetime) -> None:
        self._database = database
        self._source = source
        self._run_id = run_id
        self._now = now
        self._modes: Mapping[str, DriftMode] = {}
        self._before: dict[str, dict[str, FieldForm]] = {}
        self._accepted: dict[str, list[Drift]] = {}

    async def load(self, modes: Mapping[str, DriftMode]) -> None:
        """Take up how the lists looked; `modes` by record type, the empty name for all others."""
        self._modes = modes
        self._before = await forms_of(self._database, self._source)
        for name, kind, field, detail in await accepted_drifts(self._database, self._source):
            drift = Drift(DriftKind(kind), field, detail)
            self._accepted.setdefault(name, []).append(drift)

    def watch(self, collection: Collection) -> FormWatch:
        """Return what compares a reading of a list."""
        usual = self._modes.get("", DriftMode.EVOLVE)
        modes = [self._modes.get(name, usual) for name in collection.types] or [usual]
        name = collection.name
        return FormWatch(self._before.get(name, {}), self._accepted.get(name, ()), strictest(modes))

    def require_none(self, place: str, changes: Iterable[Sequence[Drift]]) -> None:
        """Raise `PayloadError` where a document shows a change."""
        shown = list(dict.fromkeys(drift for each in changes for drift in each))
        if shown:
            raise _stopped(self._source, place, shown)

    @asynccontextmanager
    async def noting(
        self, collection: Collection, watch: FormWatch, report: CollectionReport
    ) -> AsyncIterator[None]:
        """Write what changed when the reading ends."""
        try:
            yield
        finally:
            report.drift = {drift.words: count for drift, count in sorted(watch.seen.items())}
            rows = [
                DriftRow(
                    collection=collection.name,
                    kind=drift.kind.value,
                    field=drift.field,
                    detail=drift.detail,
                    record_types=collection.types,
                    rows=count,
                    done=DONE[watch.mode],
                    run_id=self._run_id,
                    first_at=self._now,
                    last_at=self._now,
                )
                for drift, count in watch.seen.items()
            ]
            await note_drifts(self._database, self._source, rows, LASTING)

    async def close(self, collection: Collection, watch: FormWatch) -> None:
        """Judge a list that was read whole, and keep how it looks.

        Raises `PayloadError` where it is to stop for what only the whole list shows.
        """
        late = watch.close()
        if late and watch.mode is DriftMode.STOP:
            raise _stopped(self._source, collection.name, late)
        form = watch.form.fields()
        if watch.may_renew and form != self._before.get(collection.name):
            await keep_form(self._database, self._source, collection.name, form, self._now)


def held_back(converted: ConvertedRow, changed: Sequence[Drift]) -> ConvertedRow:
    """Return a row that waits because it shows changes; its keys are still named."""
    return replace(
        converted,
        yielded=(),
        withheld=converted.yielded or converted.withheld,
        problems=(*converted.problems, *map(drift_problem, changed)),
    )


def _stopped(source: str, place: str, drifts: Sequence[Drift]) -> PayloadError:
    more = f" and {len(drifts) - NAMED_MAX} more" if len(drifts) > NAMED_MAX else ""
    named = ", ".join(each.words for each in drifts[:NAMED_MAX])
    return PayloadError(
        source,
        f"{place}: its form changed: {named}{more}",
        hint="look at it: deltahub source drift; mend the adapter or accept it with --accept",
    )


def rejected(collection: Collection, raw: RawRow, converted: ConvertedRow) -> Rejected:
    """Return a row that could not be converted, without what is personal in it."""
    impersonal = {name: value for name, value in raw.items() if name not in converted.dropped}
    return Rejected(
        {"collection": collection.name, "row": impersonal},
        converted.problems,
        collection.types[0] if collection.types else None,
    )
