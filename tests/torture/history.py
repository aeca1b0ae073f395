"""What a client saw, written down by the client: one file each, every line synced before it acts.

Lines are JSON objects with `kind`:

    intent      a batch is going to be sent: idem, source, rows, bad (numbers of rows made wrong)
    send        it is sent now: idem, attempt
    ack         it was answered: idem, rows (outcomes), replayed
    failed      it was not: idem, code, status (0: no answer)
    receipt     a receipt was given: entry, text
    checkpoint  a checkpoint was seen: note
"""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from types import TracebackType
from typing import Any, Self

Line = dict[str, Any]


class History:
    """The diary of one client."""

    def __init__(self, folder: Path, client: str) -> None:
        self._client = client
        self._file = (folder / f"{client}.jsonl").open("ab")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._file.close()

    async def write(self, kind: str, **facts: Any) -> None:
        """Write a line and wait until it is on the disk."""
        line = {"client": self._client, "kind": kind, **facts}
        self._file.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
        self._file.flush()
        await asyncio.to_thread(os.fsync, self._file.fileno())


def read(folder: Path) -> list[Line]:
    """Read every diary; each client's lines are in the order in which it wrote them."""
    return [
        json.loads(line)
        for file in sorted(folder.glob("*.jsonl"))
        for line in file.read_bytes().splitlines()
    ]
