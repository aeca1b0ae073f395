"""`push_file`: a file of rows of any length as one push, batch after batch.

A batch of several has an idempotency key that follows from what it holds: the same command again is
answered from the hub's record, and goes on where it was cut off. A file of one batch is one push
with a key of its own, as ever.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import chain, islice
from pathlib import Path
from typing import Any

from hub.client.batch_file import BadLine, FileBatch, Prepare, batches_of, no_rows_error
from hub.client.errors import ClientError
from hub.client.hub_client import HubClient
from hub.client.patience import patiently
from hub.client.wire import to_ndjson
from hub.intake.limits import BATCH_ROWS_MAX

TOLD_MAX = 1_000
"""Rows of a push of several batches that are told of; figures count them all."""
Done = Callable[[int, bool], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class PushedFile:
    """A file to push. `key`: with it the keys of the batches begin; `full`: tell of every row."""

    path: Path
    source: str
    key: str | None = None
    dry_run: bool = False
    full: bool = False
    rows_max: int = BATCH_ROWS_MAX
    prepare: Prepare = dict


@dataclass(slots=True)
class Pushed:
    """What became of the rows of a file, with the numbers of their lines."""

    batches: int = 0
    replayed: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    rows: list[dict[str, Any]] = field(default_factory=list)
    told: int = 0
    """Rows that are told of, those beyond `TOLD_MAX` too."""
    bad: list[BadLine] = field(default_factory=list)
    bad_count: int = 0
    keys: list[str] = field(default_factory=list)
    answer: dict[str, Any] = field(default_factory=dict)
    """The hub's answer to the last batch."""


async def push_file(hub: HubClient, file: PushedFile, done: Done) -> Pushed:
    """Push every row of a file. Raises `ClientError` when no line of it is a row."""
    pushed = Pushed()
    with file.path.open("rb") as lines:
        batches = batches_of(lines, file.prepare, file.rows_max)
        first = list(islice(batches, 2))
        is_long = len(first) > 1
        for batch in chain(first, batches):
            _note_bad(pushed, batch)
            if batch.rows:
                await _push(hub, file, batch, pushed, is_long=is_long)
            done(len(batch.rows) + len(batch.bad), bool(pushed.answer.get("replayed")))
    if not pushed.batches:
        raise no_rows_error(file.path.name, pushed.bad)
    return pushed


def _note_bad(pushed: Pushed, batch: FileBatch) -> None:
    pushed.bad_count += len(batch.bad)
    pushed.bad += batch.bad[: max(TOLD_MAX - len(pushed.bad), 0)]


async def _push(
    hub: HubClient, file: PushedFile, batch: FileBatch, pushed: Pushed, *, is_long: bool
) -> None:
    key = _key(file, batch, pushed.batches + 1) if is_long else file.key
    answer = await patiently(
        lambda: hub.push(batch.rows, source=file.source, idempotency_key=key, dry_run=file.dry_run),
        is_first=not pushed.batches,
    )
    pushed.batches += 1
    pushed.answer = answer.body
    pushed.replayed += bool(answer.body.get("replayed"))
    pushed.counts.update(answer.body["counts"])
    pushed.keys.append(answer.idempotency_key)
    rows = [{**row, "line": batch.lines[row["row"] - 1]} for row in answer.body["rows"]]
    if is_long and not file.full:
        rows = [row for row in rows if row.get("problems") or row.get("warnings")]
    pushed.told += len(rows)
    room = len(rows) if file.full or not is_long else max(TOLD_MAX - len(pushed.rows), 0)
    pushed.rows += rows[:room]


def _key(file: PushedFile, batch: FileBatch, number: int) -> str:
    if file.key is not None:
        return f"{file.key}-{number}"
    digest = sha256(f"{file.source}\n{file.dry_run}\n".encode())
    try:
        digest.update(to_ndjson(batch.rows))
    except ValueError as error:
        raise ClientError("BATCH_TOO_LARGE", str(error), "push fewer rows at once") from error
    return f"push-{digest.hexdigest()}"
