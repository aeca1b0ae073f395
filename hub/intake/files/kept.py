"""`kept`: the whole answer to a file, so that the same file again is answered without being read.

- It is found by the request alone (idempotency key and digest), before a row is mapped, also where
  the mapping was changed or removed meanwhile: the answer is that of then.
- It is kept when all batches of the file are in; until then what is missing goes in as ever.
- A dry run has none, nor has an answer with what stood in the cells: content is kept in its place.
- It names its records, so that what is erased of them takes the answer along (`hub.erasure`).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from hub.clock import Clock
from hub.intake.batch import Idempotency
from hub.intake.files.service import GivenFile, read_given, submit_file
from hub.intake.files.submission import Sender, Submission
from hub.intake.files.wire import submitted_wire
from hub.intake.idempotency import check_body
from hub.intake.limits import KEPT_ANSWER_CHARACTERS_MAX
from hub.store.database import Database

__all__ = ["FileRequest", "keep_answer", "kept_answer", "part_answer"]


@dataclass(frozen=True, kw_only=True, slots=True)
class FileRequest:
    """Who sent a file, and what tells that it is the same one again."""

    holder: str
    idempotency: Idempotency
    form: str = ""
    """What of the answer was asked for; each form of it is kept by itself."""

    @property
    def key(self) -> str:
        """The key of its answer, beside those of its batches."""
        request = sha256(self.idempotency.key.encode()).hexdigest()
        return f"file-{request}-answer{self.form}"

    @classmethod
    def of(cls, sender: Sender, given: GivenFile | None = None, *, form: str = "") -> FileRequest:
        """Return the request of a sender; without a key of its own the file is its own."""
        known = sender.idempotency
        if known is None:
            assert given is not None, "who signs nothing is known by the file"
            known = Idempotency(key=given.digest.hex(), body_hash=given.digest)
        return cls(holder=sender.client_id or sender.party, idempotency=known, form=form)


async def kept_answer(database: Database, request: FileRequest) -> dict[str, Any] | None:
    """Return the answer that this file got before, if all of it went in.

    Raises `RefusedError` when the key stood for another file, or something of it was erased.
    """
    rows = await database.writes.fetch_all(
        "SELECT body_hash, answer FROM idempotency WHERE client_id = %s AND key = %s",
        (request.holder, request.key),
    )
    if not rows:
        return None
    ((body_hash, text),) = rows
    check_body(body_hash, request.idempotency)
    kept = await asyncio.to_thread(json.loads, text)
    return {**kept["answer"], "replayed": True}


async def part_answer(
    database: Database,
    given: GivenFile,
    *,
    sender: Sender,
    clock: Clock,
    dry_run: bool = False,
) -> dict[str, Any]:
    """Return what became of a part of a file, which is read where that is not known yet.

    Raises as `read_given` and `submit_file`.
    """
    request = FileRequest.of(sender, given)
    known = None if dry_run else await kept_answer(database, request)
    if known is not None:
        return known
    read = await asyncio.to_thread(read_given, given)
    submissions = await submit_file(database, read, sender=sender, clock=clock, dry_run=dry_run)
    answer = submitted_wire(read, submissions, workbook=None, cells=False)
    if not dry_run:
        await keep_answer(database, request, answer, submissions, clock())
    return answer


async def keep_answer(
    database: Database,
    request: FileRequest,
    answer: Mapping[str, Any],
    submissions: Sequence[Submission],
    now: datetime,
) -> None:
    """Keep the answer to a file that went in; one that is too long is made anew each time."""
    text = await asyncio.to_thread(_text, answer, submissions)
    if len(text) > KEPT_ANSWER_CHARACTERS_MAX:
        return
    async with database.writes.transaction() as connection:
        await connection.execute(
            "INSERT INTO idempotency (client_id, key, body_hash, answer, created_at) "
            "VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            (request.holder, request.key, request.idempotency.body_hash, text, now),
        )


def _text(answer: Mapping[str, Any], submissions: Sequence[Submission]) -> str:
    rows = [
        {
            "type": one.record_type,
            "key": one.key,
            "entryId": None if one.entry_id is None else str(one.entry_id),
        }
        for each in submissions
        for _, one in each.outcomes
    ]
    return json.dumps({"rows": rows, "answer": answer}, ensure_ascii=False, separators=(",", ":"))
