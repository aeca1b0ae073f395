"""Files and folders for the contract of readers."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import xlsxwriter

from connectors.drop.folder import Folder
from connectors.drop.ledger import MemoryLedger
from connectors.drop.session import DropSession, Look
from connectors.drop.sftp import SftpServer, open_sftp
from connectors.limits import Limits
from connectors.sheet import FileSession, Sheet
from tests.contract.plays import (
    FAULTY,
    PAGE,
    SOURCE,
    Double,
    Open,
    Play,
)
from tests.integration.drop.places import USER, sftp_server

CREATED = datetime(2026, 1, 1)  # noqa: DTZ001 - a workbook's stamp has no zone


def csv_of(rows: Iterable[str], *, is_spoiled: bool = False) -> bytes:
    memory = io.StringIO()
    csv.writer(memory).writerows([[text] for text in rows])
    return memory.getvalue().encode() + (b'"never closed' if is_spoiled else b"")


def xlsx_of(rows: Sequence[str], *, is_spoiled: bool = False) -> bytes:
    memory = io.BytesIO()
    with xlsxwriter.Workbook(memory, {"in_memory": True}) as book:
        book.set_properties({"created": CREATED})  # made again it is the same file
        for name, part in (("one", rows[:3]), ("two", rows[3:])):
            sheet = book.add_worksheet(name)
            for number, text in enumerate(part):
                sheet.write(number * 2, 1, text)
    content = memory.getvalue()
    return content[: len(content) // 2] if is_spoiled else content


def file_double(make: Callable[..., bytes], *, is_path: bool) -> Any:
    @asynccontextmanager
    async def double(play: Play, folder: Path) -> AsyncIterator[Open]:
        @asynccontextmanager
        async def open_session(now: Play, limits: Limits) -> AsyncIterator[FileSession]:
            content = make(now.rows, is_spoiled=now.fault == "spoiled")
            play.sent[:] = [content] * 99
            path = folder / "table"
            path.write_bytes(content)
            if now.fault == "missing":
                path.unlink()
            yield FileSession(
                source=SOURCE,
                content=path if is_path else content,
                name="table",
                limits=limits,
            )

        yield open_session

    return double


def sheet_double(name: str, make: Callable[..., bytes], *, is_path: bool, **more: Any) -> Double:
    return Double(
        name=name,
        reader=Sheet(rows=PAGE),
        open=file_double(make, is_path=is_path),
        text=lambda row: next(cell for cell in row["cells"] if cell is not None),
        faults=("spoiled", "missing") if is_path else ("spoiled",),
        bytes_limit="table_bytes_max",
        **more,
    )


# Folders


def lines_of(data: bytes) -> list[dict[str, str]]:
    """Parse a dropped file: a line for each row, and one that says how many there are."""
    *lines, last = data.decode().splitlines()
    if last != f"{len(lines)} rows in all of this file":
        raise ValueError("the file is cut short")
    return [{"text": line} for line in lines]


def _dropped(rows: Sequence[str]) -> bytes:
    return "\n".join([*rows, f"{len(rows)} rows in all of this file"]).encode()


def _drop_into(play: Play, folder: Path) -> None:
    """Leave the rows of a play in a folder, two in each file."""
    parts = [play.rows[at : at + PAGE] for at in range(0, len(play.rows), PAGE)]
    play.sent[:] = [_dropped(part) for part in parts] or [b""]
    for number, part in enumerate(parts, start=1):
        content = _dropped(part)
        if play.fault == "spoiled" and number >= FAULTY:
            content = content[:-9]
        path = folder / f"{number}.txt"
        path.write_bytes(content)
        os.utime(path, (number, number))
        (folder / f"{number}.txt.ok").touch()
    (folder / "5.txt.part").write_bytes(b"half a")
    if play.fault == "first-crowded":
        for number in range(20):
            (folder / f"more {number}.part").touch()


@asynccontextmanager
async def folder_double(play: Play, folder: Path) -> AsyncIterator[Open]:
    @asynccontextmanager
    async def open_session(now: Play, limits: Limits) -> AsyncIterator[DropSession]:
        with TemporaryDirectory(dir=folder) as name:
            path = Path(name)
            _drop_into(now, path)
            if now.fault == "first-missing":
                path = path / "none"
            limits = replace(limits, files_max=12)
            yield FreshSession(source=SOURCE, place=Folder(SOURCE, path), limits=limits)

    del play
    yield open_session


@asynccontextmanager
async def sftp_double(play: Play, folder: Path) -> AsyncIterator[Open]:
    """The same files behind a real SSH server."""
    root = folder / "served"
    root.mkdir(exist_ok=True)
    async with sftp_server(root, folder) as server:
        address = SftpServer(
            host="127.0.0.1",
            port=server.port,
            user=USER,
            key_file=server.key_file,
            host_key=server.host_key,
        )

        @asynccontextmanager
        async def open_session(now: Play, limits: Limits) -> AsyncIterator[DropSession]:
            with TemporaryDirectory(dir=root) as name:
                _drop_into(now, Path(name))
                path = "/none" if now.fault == "first-missing" else f"/{Path(name).name}"
                limits = replace(limits, files_max=12)
                async with open_sftp(SOURCE, address, path, limits) as place:
                    server.play.fault = "slow" if now.fault == "first-silent" else ""
                    if now.fault == "hang-up":
                        server.play.opens_max = FAULTY - 1
                    yield FreshSession(source=SOURCE, place=place, limits=limits)

        del play
        yield open_session


class FreshSession(DropSession):
    """A session that was never read before, whenever it is read."""

    async def look(self) -> Look:
        self.ledger = MemoryLedger()
        return await super().look()
