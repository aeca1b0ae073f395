"""`workbook_child`: the program of the process in which one workbook is opened.

The workbook comes as standard input, the limits as the one argument (JSON), the rows go out as
lines of JSON; `connectors.workbook` starts it and believes nothing it says:

    {"from1904": false}          first: which epoch the workbook says its dates count from
    {"sheet": "仪器", "hidden": false}   the rows that follow are of this sheet
    [3, [null, "a", {"n": "1.5"}]]   row number and cells (`connectors.cells`)
    {"end": true}                last, when all went well
    {"refused": {…}}             last, with `detail` and `hint`

It binds itself before it looks at the first byte: memory, computing time, files, processes, and no
new rights. What is imported here is the cost of every small file: no `dataclasses`, for one, so
that the limits are a plain namespace with the names of `connectors.limits.Limits`.
"""

import contextlib
import ctypes
import io
import json
import os
import re
import resource
import struct
import sys
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from types import SimpleNamespace

import python_calamine as calamine

from connectors.cells import CellTooLongError, cell_of, cell_to_wire
from connectors.errors import PayloadError
from connectors.old_workbook_cells import is_locked, xls_cells
from connectors.opendocument_cells import is_locked_ods, is_ods, ods_cells
from connectors.words import Words, in_both
from connectors.workbook_cells import Range, Untold, completed, untold_cells
from connectors.workbook_guard import measure

XLSX_MAGIC = b"PK"
BOOK_PART = "xl/workbook.xml"
BOOK_PART_BYTES_MAX = 4 * 1024 * 1024
FROM_1904 = re.compile(rb'date1904\s*=\s*["\'](1|true)["\']')
DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, ValueError)
"""What the standard library raises while it reads the directory of a broken ZIP file."""
DAMAGED = Words(
    "请重新另存，或改交 CSV", "open it in a spreadsheet program and save it anew, or send CSV"
)
OUTPUT_BYTES = 64 * 1024
PR_SET_NO_NEW_PRIVS = 38
FILES_MAX = 8


def bind(limits: SimpleNamespace) -> None:
    """Give up what reading a workbook does not need."""
    cpu = int(limits.workbook_cpu_s)
    memory = limits.workbook_memory_bytes_max
    for kind, soft, hard in (
        ("RLIMIT_CORE", 0, 0),
        ("RLIMIT_FSIZE", 0, 0),
        ("RLIMIT_NOFILE", FILES_MAX, FILES_MAX),
        ("RLIMIT_NPROC", 0, 0),
        ("RLIMIT_CPU", cpu, cpu + 1),
        ("RLIMIT_AS", memory, memory),
    ):
        # Some systems lack one of them; a lower bound that stands already is kept.
        with contextlib.suppress(AttributeError, ValueError, OSError):
            resource.setrlimit(getattr(resource, kind), (soft, hard))
    with contextlib.suppress(AttributeError, OSError):  # Linux only
        ctypes.CDLL(None).prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def frames(data: bytes, limits: SimpleNamespace) -> Iterator[object]:
    """Yield what goes out for a workbook. Raises `PayloadError`."""
    try:
        if data.startswith(XLSX_MAGIC):
            measure("", data, limits)
        yield {"from1904": data.startswith(XLSX_MAGIC) and _from_1904(data)}
    except DAMAGE as error:
        raise PayloadError(
            "", Words("工作簿已损坏", "the workbook is damaged"), hint=DAMAGED
        ) from error
    try:
        if is_locked_ods(data) if data.startswith(XLSX_MAGIC) else is_locked(data):
            raise _locked()
        yield from _sheets(data, limits)
    except calamine.PasswordError as error:
        raise _locked() from error
    except calamine.CalamineError as error:
        raise PayloadError(
            "", Words("无法读取工作簿", "the workbook cannot be read"), hint=DAMAGED
        ) from error


def _locked() -> PayloadError:
    return PayloadError(
        "",
        Words("工作簿有密码", "the workbook is locked with a password"),
        hint=Words("请取消密码后另存", "save it without one"),
    )


def _sheets(data: bytes, limits: SimpleNamespace) -> Iterator[object]:
    book = calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
    names = book.sheet_names
    if len(names) > limits.table_sheets_max:
        raise PayloadError(
            "",
            Words(
                f"有 {len(names)} 张工作表，至多 {limits.table_sheets_max} 张",
                f"{len(names)} sheets, {limits.table_sheets_max} allowed",
            ),
        )
    blank = _blank_cells(data, names)
    hidden = {
        each.name
        for each in book.sheets_metadata
        if each.visible is not calamine.SheetVisibleEnum.Visible
    }
    for name in names:
        sheet = book.get_sheet_by_name(name)
        height, width = (edge + 1 for edge in sheet.end) if sheet.end else (0, 0)
        if height * width > limits.table_cells_max or width > limits.table_columns_max:
            raise PayloadError(
                "",
                Words(
                    f"工作表“{name}”占 {height} 行 {width} 列",
                    f"sheet {name!r} spans {height} rows and {width} columns",
                ),
                hint=Words(
                    "请删除只有格式的空行空列，或另存为 CSV",
                    "delete the empty rows and columns that carry only formatting, or send CSV",
                ),
            )
        yield {"sheet": name, "hidden": name in hidden}
        # The reader skips the columns before the first used one; the numbers must not.
        before = [""] * (sheet.start[1] if sheet.start else 0)
        rows = (before + values for values in sheet.iter_rows())
        untold, merged = blank.get(name, ({}, ()))
        for number, values in completed(rows, untold, sheet.merged_cell_ranges or merged):
            try:
                cells = [cell_of(value, limits.cell_characters_max) for value in values]
            except CellTooLongError as error:
                raise PayloadError(
                    "",
                    Words(
                        f"工作表“{name}”第 {number} 行有单元格过长",
                        f"sheet {name!r}, row {number}: {error}",
                    ),
                ) from error
            if any(cell is not None for cell in cells):
                yield [number, [cell_to_wire(cell) for cell in cells]]


def _blank_cells(data: bytes, names: list[str]) -> dict[str, tuple[Untold, Sequence[Range]]]:
    """Return by sheet what its cells hold that the reader gives as blank, and merged cells."""
    if not data.startswith(XLSX_MAGIC):
        found = xls_cells(data)
        if len(found) != len(names):
            return {}
        return {name: (untold, ()) for name, untold in zip(names, found, strict=True)}
    if is_ods(data):
        return dict(ods_cells(data))
    return {name: (untold, ()) for name, untold in untold_cells(data).items()}


def _from_1904(data: bytes) -> bool:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if BOOK_PART not in archive.namelist():
            return False
        with archive.open(BOOK_PART) as part:
            head = part.read(BOOK_PART_BYTES_MAX)
    return FROM_1904.search(head) is not None


def main() -> None:
    """Read the workbook that is standard input."""
    limits = SimpleNamespace(**json.loads(sys.argv[1]))
    bind(limits)
    out = os.fdopen(1, "wb", buffering=OUTPUT_BYTES)
    encoder = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))

    def tell(frame: object) -> None:
        out.write(encoder.encode(frame).encode("utf-8", "replace") + b"\n")

    data = b""
    try:
        with os.fdopen(0, "rb") as file:
            data = file.read()
        for frame in frames(data, limits):
            tell(frame)
        tell({"end": True})
    except PayloadError as error:
        tell({"refused": {"detail": in_both(error.detail), "hint": in_both(error.hint)}})
    except MemoryError:
        tell({"memory": True})
    except BrokenPipeError:
        os._exit(1)  # nobody listens any more
    out.flush()
    os._exit(0)  # freeing millions of cells one by one tells nobody anything


if __name__ == "__main__":
    main()
