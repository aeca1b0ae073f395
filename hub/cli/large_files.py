"""`submit_parts`: a file of any length as one command, for the producer and for the operator alike.

The file is looked through, cut and sent part by part; each part has a key of its own that follows
from the file, so that the same command again goes on where it was cut off.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from connectors.tables import XLS_BYTES_MAX, XLS_MAGIC
from hub.cli.file_report import print_report
from hub.cli.progress import RowProgress
from hub.cli.rejects import RejectsFile
from hub.errors import ErrorCode, RefusedError
from hub.intake.files.cutting import FilePart, parts_of
from hub.intake.files.gathered import Gathered
from hub.intake.files.large import KIND_BYTES, LargeFile
from hub.intake.files.large_text import count_lines
from hub.intake.files.tables import is_markup, is_workbook
from hub.intake.limits import (
    FILE_BYTES_MAX,
    FILE_ROWS_MAX,
    PART_ROWS_MAX,
    PARTS_UNDER_WAY,
    WHOLE_WORKBOOK_BYTES_MAX,
)

PIECE_BYTES = 1024 * 1024
LOOKING = "查看全部内容 looking through the file …"
PROGRESS = Annotated[
    bool | None,
    typer.Option("--progress/--quiet", help="say how far it is; else only on a terminal"),
]
PART_ROWS = Annotated[
    int | None,
    typer.Option(
        "--part-rows",
        min=1,
        max=PART_ROWS_MAX,
        help="send the file in parts of so many rows, as long files always are",
    ),
]
Take: TypeAlias = Callable[[FilePart], Awaitable[Mapping[str, Any]]]
"""Takes a part in and returns what became of it, as `POST /files` answers."""
_Taking: TypeAlias = tuple[FilePart, "asyncio.Future[Mapping[str, Any]] | None"]
"""A part and what will become of it; None: nothing of it is sent."""


def is_large(path: Path) -> bool:
    """Tell whether a file goes in parts: it is too long for one request, or may be."""
    if not path.is_file():
        return False  # whoever reads it says what is wrong
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(KIND_BYTES)
        if size > (XLS_BYTES_MAX if head.startswith(XLS_MAGIC) else FILE_BYTES_MAX):
            return True
        if is_markup(head):
            return False
        if is_workbook(head):
            return size > WHOLE_WORKBOOK_BYTES_MAX
        file.seek(0)
        return count_lines(iter(lambda: file.read(PIECE_BYTES), b"")) > FILE_ROWS_MAX


async def submit_parts(
    file: LargeFile, gathered: Gathered, take: Take, progress: RowProgress, rows_max: int | None
) -> None:
    """Have every part of a file taken; while some are under way, the next one is cut.

    What became of them is gathered in their order. The first one goes alone: a hub that is not
    there, or refuses the file, is asked once.
    """
    parts = parts_of(file, rows_max or PART_ROWS_MAX)
    under_way: deque[_Taking] = deque()

    async def settle(room_for: int) -> None:
        while len(under_way) > room_for:
            part, taking = under_way[0]
            answer = await taking if taking is not None else None
            under_way.popleft()
            gathered.add(part, answer)
            progress.add(part.count, is_known=bool(answer and answer["replayed"]))

    try:
        while (part := await asyncio.to_thread(next, parts, None)) is not None:
            others = [each for each, _ in under_way if each.table != part.table]
            await settle(0 if others else parts_at_once(file, part) - 1)
            taking = asyncio.ensure_future(take(part)) if part.body else None
            under_way.append((part, taking))
            if part.number == 1:
                await settle(0)
        await settle(0)
    finally:
        left = [each for _, each in under_way if each is not None]
        for each in left:
            each.cancel()
        await asyncio.gather(*left, return_exceptions=True)


def parts_at_once(file: LargeFile, part: FilePart) -> int:
    """Return how many parts of a table may be under way with one of them.

    Where rows revise others of their key, or a row is several records, the order of parts counts:
    one after another.
    """
    mapping = file.tables[part.table].mapping
    is_any_order = mapping.same_key == "refuse" and len(mapping.records) == 1
    return PARTS_UNDER_WAY if is_any_order else 1


def print_totals(gathered: Gathered) -> None:
    """Print the report of each table, and of how many parts it is."""
    for report in gathered.reports:
        print_report(report)
    known = f"，其中 {gathered.known} 部分此前已提交 of which {gathered.known} were in already"
    print(f"分 {gathered.parts} 部分提交 sent in parts{known if gathered.known else ''}")


def source_missing() -> RefusedError:
    """Return the refusal of records of which nobody says whose they are."""
    return RefusedError(ErrorCode.SOURCE_UNKNOWN, hint="Name it: --source ID. 请指明来源。")


def write_returned(gathered: Gathered, rejects: Path, file: LargeFile) -> None:
    """Write the rows that go back, into several workbooks where there are many."""
    dates_1904 = any(each.from_1904 for each in file.tables)
    for number, tables in enumerate(gathered.returned(), start=1):
        path = rejects if number == 1 else rejects.with_stem(f"{rejects.stem}-{number}")
        written = RejectsFile(path, []).write(tables, dates_1904=dates_1904)
        print(f"退回与待核对的行 refused and doubted rows: {written}")
