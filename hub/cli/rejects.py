"""`RejectsFile`: where the refused rows of a submission go, whatever is in them.

- That it can be written is tried before anything is submitted.
- It comes whole: it is written beside its place and then moved there.
- What cannot be made a workbook goes beside it as lines of JSON; a disk that is full afterwards
  loses nothing, because the same command again gets the same answer and writes the rows anew.
"""

from __future__ import annotations

import logging
import secrets
import tempfile
from collections.abc import Sequence
from pathlib import Path

from adapters.mapping import Table
from hub.errors import ErrorCode, HubError
from hub.intake.files.rejects import Refused, rejects_lines, rejects_workbook

log = logging.getLogger(__name__)


class RejectsFile:
    """A file for refused rows."""

    def __init__(self, path: Path, inputs: Sequence[Path]) -> None:
        """Raise `HubError` where it could not be written, or is one of the inputs."""
        self._path = path
        overwritten = any(each.resolve() == path.resolve() for each in inputs)
        if overwritten or not path.absolute().parent.is_dir() or path.is_dir():
            raise self._unwritable("Name a new file in a folder that exists. 请指定一个新文件。")
        try:
            with tempfile.TemporaryFile(dir=path.absolute().parent) as trial:
                trial.write(b"trial")
        except OSError as error:
            hint = f"Name a file that can be written ({error.strerror}). 请指定可写的文件。"
            raise self._unwritable(hint) from error

    def write(self, tables: Sequence[tuple[Table, Sequence[Refused]]], *, dates_1904: bool) -> Path:
        """Write the refused rows; return where they are."""
        path = self._path
        try:
            content = rejects_workbook(tables, dates_1904=dates_1904)
        except Exception:
            log.exception("the refused rows could not be made a workbook")
            path = path.with_name(f"{path.name}.jsonl")
            content = rejects_lines(tables)
        try:
            _replace(path, content)
        except OSError as error:
            raise self._unwritable(
                f"The accepted rows are in. Make room ({error.strerror}) and give the same command "
                "again: it gets the same answer and writes the refused rows. "
                "已接收的行已入库；排除故障后重新执行同一命令，即可再次得到退回的行。"
            ) from error
        return path

    def _unwritable(self, hint: str) -> HubError:
        return HubError(
            ErrorCode.BAD_USER_INPUT,
            message_zh=f"不能把退回的行写到 {self._path}",
            message_en=f"The refused rows cannot be written to {self._path}",
            hint=hint,
        )


def _replace(path: Path, content: bytes) -> None:
    """Write a file whole or not at all; a pipe or device that was named is written to."""
    place = path.resolve()
    if place.exists() and not place.is_file():
        place.write_bytes(content)
        return
    part = place.with_name(f".{secrets.token_hex(8)}.part")
    try:
        part.write_bytes(content)
        part.replace(place)
    finally:
        part.unlink(missing_ok=True)
