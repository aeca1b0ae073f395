"""`register`: the list of erasures outside the database, which outlives every backup of it.

`<data folder>/erasures.ndjson`, one JSON object a line:

    v          1
    number     of the order                 at          when it was carried out
    erasures   the Erasure records          targets     what was taken away, without its content

Invariants:
- A line is on the disk (file and folder synced) before the erasure is committed. So what the
  database has erased is in the list; what only the list has is erased at the next start.
- Lines are only added, under a lock, and readable by the owner only.
- A last line that a crash has cut short was not committed and is passed over; any other line that
  cannot be read stops the hub, because without it something erased could come back.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hub.erasure.limits import LINE_BYTES_MAX
from hub.erasure.targets import Targets
from hub.errors import ErrorCode, HubError

FILE = "erasures.ndjson"
CHUNK = 1 << 16
_VERSION = 1
_OWNER_ONLY = 0o600


@dataclass(frozen=True, kw_only=True, slots=True)
class ErasureLine:
    """One order in the list."""

    number: str
    at: str
    erasures: tuple[dict[str, Any], ...]
    targets: Targets

    def encode(self) -> bytes:
        """Return the line."""
        wire = {
            "v": _VERSION,
            "number": self.number,
            "at": self.at,
            "erasures": list(self.erasures),
            "targets": self.targets.to_wire(),
        }
        return json.dumps(wire, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


class ErasureRegister:
    """The list in a data folder."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE

    def add(self, line: ErasureLine) -> None:
        """Add a line, durably."""
        text = line.encode()
        if len(text) > LINE_BYTES_MAX:
            raise HubError(
                ErrorCode.BAD_USER_INPUT,
                message_en="the order is too large for one line of the list",
                hint="Nothing was erased. Name fewer records at once.",
                hint_zh="没有删除任何内容，请一次少列一些记录。",
            )
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
            with os.fdopen(os.open(self._path, flags, _OWNER_ONLY), "ab+") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                _drop_cut_line(file.fileno())
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise _unusable(self._path, error.strerror or str(error)) from error

    def lines(self) -> list[ErasureLine]:
        """Return every line, oldest first."""
        try:
            with self._path.open("rb") as file:
                return list(self._read(file))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise _unusable(self._path, error.strerror or str(error)) from error

    def _read(self, file: Any) -> Iterator[ErasureLine]:
        number = 0
        while text := file.readline(LINE_BYTES_MAX + 1):
            number += 1
            if not text.endswith(b"\n"):
                return
            try:
                wire = json.loads(text)
                if wire["v"] != _VERSION:
                    raise _unusable(self._path, f"line {number} is of another version")
                yield ErasureLine(
                    number=str(wire["number"]),
                    at=str(wire["at"]),
                    erasures=tuple(wire["erasures"]),
                    targets=Targets.from_wire(wire["targets"]),
                )
            except (KeyError, TypeError, ValueError) as error:
                raise _unusable(self._path, f"line {number} cannot be read") from error


def _drop_cut_line(descriptor: int) -> None:
    """Drop a last line without an end: whoever wrote it was cut off and committed nothing."""
    at = os.fstat(descriptor).st_size
    while at > 0:
        begin = max(0, at - CHUNK)
        part = os.pread(descriptor, at - begin, begin)
        newline = part.rfind(b"\n")
        if newline >= 0:
            at = begin + newline + 1
            break
        at = begin
    os.ftruncate(descriptor, at)


def _unusable(path: Path, why: str) -> HubError:
    return HubError(
        ErrorCode.CONFLICT,
        message_zh=f"删除清单 {path} 不可用：{why}",
        message_en=f"the list of erasures {path} cannot be used: {why}",
        hint="Put back the newest copy of it; without it, what was erased could come back "
        "(docs/operators/erasure.md).",
        hint_zh="请放回其最新副本；否则已删除的内容可能重新出现（docs/operators/erasure.md）。",
    )
