"""`watch`: looks after one run while it goes on: writes how far it is, and ends it when it must.

- It asks over the session that holds the lock of the source: a run whose session is lost is ended
  soon, not when it next looks, since another one may be going on.
- A run that the operator cancelled ends where it waits, with what was handed on so far; its lists
  go on there next time (`hub.harvest.position`).
- It never waits for anybody: a row of the run that somebody holds is passed over.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from psycopg.types.json import Jsonb

from hub.errors import DatabaseUnavailableError, HubError
from hub.harvest.limits import WATCH_S
from hub.harvest.report import HarvestReport
from hub.harvest.runs import SourceLock

__all__ = ["RunCancelledError", "Tell", "watched"]

Tell = Callable[[HarvestReport], None]
"""Gets the report of a run while it goes on."""
_NOTE = """
UPDATE run SET counts = %s WHERE run_id = (
  SELECT run_id FROM run WHERE run_id = %s AND status = 'RUNNING' FOR UPDATE SKIP LOCKED)
RETURNING cancel_asked_at IS NOT NULL
"""


class RunCancelledError(Exception):
    """The operator asked that the run end."""


@asynccontextmanager
async def watched(
    lock: SourceLock, report: HarvestReport, tell: Tell | None = None
) -> AsyncIterator[None]:
    """Watch the run that the block carries out.

    Raises `RunCancelledError` inside of it when the operator cancels the run, and
    `DatabaseUnavailableError` when its session is lost.
    """
    task = asyncio.current_task()
    assert task is not None
    found: list[HubError | RunCancelledError] = []

    async def look() -> None:
        while not found:
            await asyncio.sleep(WATCH_S)
            if tell is not None:
                tell(report)
            try:
                is_cancelled = await lock.ask(_NOTE, (Jsonb(report.counts()), report.run_id))
            except DatabaseUnavailableError as error:
                found.append(error)
            else:
                if is_cancelled:
                    found.append(RunCancelledError(report.run_id))
        task.cancel()

    looking = asyncio.create_task(look(), name=f"watch of {report.source}")
    try:
        try:
            yield
        finally:
            looking.cancel()
            await asyncio.wait([looking])  # its cancellation of the run may arrive here
    except asyncio.CancelledError:
        if found and task.uncancel() == 0:
            raise found[0] from None
        raise
