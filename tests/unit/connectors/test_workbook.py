"""A workbook is opened in a process of its own, which is bounded whatever the file says."""

# ruff: noqa: DTZ001 - what a spreadsheet shows has no zone

import asyncio
import io
import json
import os
import re
import zipfile
from contextlib import aclosing
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path

import pytest

from bench.files import measure, write
from connectors.cells import cell_from_wire, cell_to_wire
from connectors.errors import PayloadError
from connectors.limits import Limits
from connectors.sheet import FileSession, Sheet
from connectors.tables import read_table
from connectors.workbook import Workbook
from tests.workbooks import workbook_of

MIB = 1024 * 1024
SMALL = Limits(workbook_memory_bytes_max=400 * MIB)
needs_proc = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="looks into /proc")


def changed(data: bytes, changes: dict[str, str]) -> bytes:
    """Return a workbook with texts replaced in all its parts, and in their names."""
    memory = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(data)) as old,
        zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for part in old.infolist():
            name, content = part.filename, old.read(part).decode()
            for before, after in changes.items():
                name, content = name.replace(before, after), content.replace(before, after)
            new.writestr(name, content)
    return memory.getvalue()


def hidden_sheet(cell: str) -> bytes:
    """Return a workbook whose one sheet has a part by another name, with a cell far away."""
    data = workbook_of({"A": [["a"], ["b"]]})
    renamed = {"worksheets/sheet1.xml": "data/rows.xml", 'r="A2"': f'r="{cell}"'}
    return changed(data, renamed | {'<row r="2"': f'<row r="{cell.lstrip("XFD")}"'})


def opendocument(content: str) -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        entry = '<manifest:file-entry manifest:full-path="/" manifest:media-type=""/>'
        uri = "urn:oasis:names:tc:opendocument:xmlns"
        manifest = f'<manifest:manifest xmlns:manifest="{uri}:manifest:1.0">{entry}'
        book.writestr("META-INF/manifest.xml", f"{manifest}</manifest:manifest>")
        book.writestr(
            "content.xml",
            f'<office:document-content xmlns:office="{uri}:office:1.0" '
            f'xmlns:table="{uri}:table:1.0" xmlns:text="{uri}:text:1.0"><office:body>'
            f"<office:spreadsheet>{content}</office:spreadsheet></office:body>"
            "</office:document-content>",
        )
    return memory.getvalue()


def rows(data: bytes, limits: Limits = SMALL) -> list[tuple[object, ...]]:
    return [row.cells for row in read_table("source", data, limits)]


def refusal(data: bytes, limits: Limits = SMALL) -> PayloadError:
    with pytest.raises(PayloadError) as caught:
        rows(data, limits)
    return caught.value


def test_a_sheet_whose_part_has_another_name_is_refused_and_nothing_dies_of_it() -> None:
    assert rows(hidden_sheet("A2")) == [("a",), ("b",)]
    for cell in ("XFD1048576", "XFD104857", "D1048576"):
        error = refusal(hidden_sheet(cell))
        assert "memory" in str(error) or "spans" in str(error), error
        assert "CSV" in error.hint


def test_an_opendocument_sheet_that_repeats_cells_for_ever_is_refused() -> None:
    text = "<text:p>a</text:p>"
    cell = '<table:table-cell office:value-type="string">' + text + "</table:table-cell>"
    table = f'<table:table table:name="A"><table:table-row>{cell}</table:table-row></table:table>'
    assert rows(opendocument(table)) == [("a",)]
    wide = cell.replace(
        "<table:table-cell", '<table:table-cell table:number-columns-repeated="16384"'
    )
    endless = table.replace(cell, wide).replace(
        "<table:table-row", '<table:table-row table:number-rows-repeated="1048576"'
    )
    assert "CSV" in refusal(opendocument(endless)).hint


def test_a_long_text_that_many_cells_share_does_not_fill_the_memory() -> None:
    data = workbook_of({"A": [["x" * 30_000] * 200] * 100})
    for limits in (SMALL, Limits(workbook_output_bytes_max=MIB)):
        error = refusal(data, limits)
        assert "MiB" in str(error)
        assert "CSV" in error.hint


def test_a_workbook_that_computes_or_keeps_waiting_too_long_is_refused() -> None:
    data = workbook_of({"A": [["a"]]})
    assert "over 0 s" in str(refusal(data, Limits(workbook_s=0)))
    padded = changed(data, {"<sheetData>": "<sheetData>" + '<row r="1"></row>' * 3_000_000})
    error = refusal(padded, Limits(workbook_cpu_s=1))
    assert "over 1 s" in str(error)
    assert "CSV" in error.hint


def test_a_row_that_is_longer_than_a_line_may_be_is_refused() -> None:
    data = workbook_of({"A": [["x" * 30_000] * 20]})
    assert "too long" in str(refusal(data, Limits(workbook_line_bytes_max=300_000)))


@needs_proc
def test_the_process_has_no_setting_no_file_and_no_right_of_the_hub(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HUB_DATABASE_URL", "postgresql://secret")
    table = Workbook("source", workbook_of({"A": [[1] * 20] * 3_000}), SMALL)
    next(table)
    (child,) = (pid for pid in children() if b"workbook_child" in command(pid))
    proc = Path(f"/proc/{child}")
    assert b"secret" not in (proc / "environ").read_bytes()
    open_files = {each.readlink() for each in (proc / "fd").iterdir()}
    assert len(open_files) <= 3
    assert str((proc / "cwd").readlink()).endswith("(deleted)")
    assert os.getsid(int(child)) == int(child)
    bounds = (proc / "limits").read_text()
    for name, bound in (
        *(("file size", 0), ("core file size", 0), ("processes", 0), ("open files", 8)),
        *(("address space", 400 * MIB), ("cpu time", SMALL.workbook_cpu_s)),
    ):
        assert re.search(rf"^Max {name} +{bound:.0f} ", bounds, re.MULTILINE), (name, bounds)
    assert "NoNewPrivs:\t1" in (proc / "status").read_text()
    table.close()
    assert not proc.exists()


@needs_proc
async def test_a_cancelled_reading_ends_the_process() -> None:
    content = workbook_of({"A": [[1] * 20] * 3_000})
    session = FileSession(source="source", content=content)
    async with aclosing(Sheet(rows=10).read(session)) as documents:
        async for _ in documents:
            assert any(b"workbook_child" in command(pid) for pid in children())
            break
    reading = asyncio.ensure_future(anext(Sheet(rows=10).read(session)))
    await asyncio.sleep(0.01)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    for _ in range(500):
        if not any(b"workbook_child" in command(pid) for pid in children()):
            return
        await asyncio.sleep(0.01)
    raise AssertionError("a process is left")


@pytest.mark.parametrize(
    "cell",
    [
        *(None, True, False, 0, -7, 10**300, "", "a", "电镜", '{"n": "1"}', "\u2028", "\U0001f52c"),
        *(Decimal("0.1"), Decimal("1E-9"), Decimal("-12.50"), date(2026, 5, 4), time(9, 30, 1)),
        *(datetime(2026, 5, 4), datetime(2026, 5, 4, 9, 30, 0, 500)),
    ],
)
def test_a_cell_goes_through_the_pipe_as_it_is(cell: object) -> None:
    back = cell_from_wire(json.loads(json.dumps(cell_to_wire(cell))), 1000)
    assert back == cell
    assert type(back) is type(cell)
    if isinstance(cell, Decimal):
        assert str(back) == str(cell)


@pytest.mark.parametrize(
    "wire", [1.5, [], {}, {"n": 1}, {"x": "1"}, {"n": "one"}, {"d": "no"}, {"d": "1", "n": "1"}]
)
def test_what_is_no_cell_is_not_taken_from_the_pipe(wire: object) -> None:
    with pytest.raises(ValueError):
        cell_from_wire(wire, 1000)


def test_every_kind_of_cell_arrives_as_a_person_sees_it() -> None:
    day, moment = datetime(2026, 5, 4), datetime(2026, 5, 4, 9, 30)
    data = workbook_of({"A": [[day, 1, 1.5, 0.1 + 0.2, 1e15, True, False, None, "07", "#N/A"]]})
    ((*cells,),) = rows(data)
    assert cells == [
        *(day.date(), 1, Decimal("1.5"), Decimal("0.3"), 10**15, True, False, None, "07", "#N/A"),
    ]
    ((seen,),) = rows(workbook_of({"A": [[moment]]}, moment="yyyy-mm-dd hh:mm"))
    assert seen == moment
    error = changed(workbook_of({"A": [[7]]}), {'r="A1"': 'r="A1" t="e"', "<v>7": "<v>#DIV/0!"})
    assert rows(error) == [("#DIV/0!",)]
    for strange in ("inf", "NaN", "-Infinity"):
        data = changed(workbook_of({"A": [[7], ["a"]]}), {"<v>7": f"<v>{strange}"})
        assert len(rows(data)) in (1, 2)


def test_what_a_workbook_takes_is_measured_by_the_command_of_the_handbook(tmp_path: Path) -> None:
    write(tmp_path / "large.xlsx", 500, 4)
    told = measure(tmp_path / "large.xlsx")
    assert told["rows"] == 500
    assert told["most memory of the process, MiB"] > 1


def children() -> list[str]:
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
            except OSError:
                continue
            if int(parent) == os.getpid():
                found.append(folder.name)
    return found


def command(pid: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
