"""`python -m bench.files`: what opening a large workbook takes, in its process and in the hub's.

    python -m bench.files --rows 1048576 --columns 30

It writes a workbook of that size (a third of the cells are texts, all different), reads it through
`connectors.workbook` with bounds that do not bind, and prints seconds, and the most memory that
either process held. `docs/operators/files.md` has the figures, and the bounds follow from them.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from pathlib import Path

import xlsxwriter

from connectors.limits import MIB, Limits
from connectors.workbook import Workbook

UNBOUND = 2**40


def write(file: Path, rows: int, columns: int) -> None:
    """Write a workbook whose every cell is filled."""
    with xlsxwriter.Workbook(file, {"constant_memory": True, "tmpdir": str(file.parent)}) as book:
        sheet = book.add_worksheet("rows")
        for row in range(rows):
            for column in range(columns):
                if column % 3:
                    sheet.write_number(row, column, row * 0.25 + column)
                else:
                    sheet.write_string(row, column, f"YQ-{row:07d}-{column}")


def measure(file: Path) -> dict[str, float]:
    """Read a workbook to its end, keeping no row, and return what it took."""
    limits = Limits(
        table_bytes_max=UNBOUND,
        table_unpacked_bytes_max=UNBOUND,
        table_cells_max=UNBOUND,
        table_rows_max=UNBOUND,
        workbook_memory_bytes_max=UNBOUND,
        workbook_cpu_s=86_400,
        workbook_s=86_400,
        workbook_output_bytes_max=UNBOUND,
    )
    data = file.read_bytes()
    before = _peak(resource.RUSAGE_SELF)
    began = time.perf_counter()
    rows = sum(1 for _ in Workbook("bench", data, limits))
    child = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "rows": rows,
        "file MiB": round(len(data) / MIB, 1),
        "seconds": round(time.perf_counter() - began, 1),
        "computing seconds of the process": round(child.ru_utime + child.ru_stime, 1),
        "most memory of the process, MiB": round(_peak(resource.RUSAGE_CHILDREN)),
        "more memory here, MiB": round(_peak(resource.RUSAGE_SELF) - before),
    }


def _peak(who: int) -> float:
    """Return the most memory that was held, in MiB; Linux says KiB, macOS bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(who).ru_maxrss * unit / MIB


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.files", description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--columns", type=int, default=30)
    parser.add_argument("--file", type=Path, help="read this one and write none")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file = asked.file or Path(folder, "large.xlsx")
        if asked.file is None:
            write(file, asked.rows, asked.columns)
        for name, value in measure(file).items():
            print(f"{name:<36} {value:>12,}")


if __name__ == "__main__":
    main()
