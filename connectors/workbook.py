"""`Workbook`: the rows of a workbook, opened in a process of its own.

What opens workbooks is native code that makes room for whatever the file asks for. So each file has
a process, begun by exec: no setting and no secret of the hub in its environment, no descriptor but
its three, a session of its own, an empty folder that is gone already, and its bounds
(`workbook_child.bind`) set before the first byte is read. Whatever happens to it is a
`PayloadError` here. Nothing it says is believed beyond its form: rows are read out of lines of JSON
whose bytes are counted, within a time that only waiting uses up, and then it is killed.
"""

import json
import os
import select
import signal
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any, Self

from connectors.cells import TableRow, cell_from_wire
from connectors.errors import PayloadError, SourceUnavailableError
from connectors.limits import Limits
from connectors.words import Words

__all__ = ["SEND_CSV", "Workbook"]

SEND_CSV = Words(
    "请另存为 CSV 后提交，行数多时请分成几个文件",
    "send CSV, in several files where there are many rows",
)
DAMAGED = Words(
    "请重新另存，或改交 CSV", "open it in a spreadsheet program and save it anew, or send CSV"
)
PIECE_BYTES = 256 * 1024
ZIP_MAGIC, ZIP_END = b"PK", b"PK\x05\x06"
ZIP_END_BYTES_MAX = 66 * 1024
"""Where in a ZIP file its end must be told; what was cut off needs no process to be seen."""
COMPLAINT_BYTES_MAX = 4_096
END_S = 10.0
"""Longest wait for a process that has closed its output, or was killed, to be gone."""
OUT_OF_MEMORY = (b"memory allocation of", b"MemoryError", b"out of memory")
"""How the native reader and Python say that they were given no more."""
PROGRAM = "import sys; sys.path[:0] = {path}; from connectors.workbook_child import main; main()"
KEPT_VARIABLES = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
"""Where some interpreters find their own library; nothing else is handed on."""


class Workbook(Iterator[TableRow]):
    """Yields the rows of one workbook; raises `PayloadError` where they end too early."""

    def __init__(self, source: str, data: bytes, limits: Limits) -> None:
        """Name the source for messages; nothing is started before the first row is asked for."""
        self.from_1904 = False
        """Whether the workbook says that its dates count from 1904; known with the first row."""
        self.hidden: set[str] = set()
        """Sheets that the spreadsheet program does not show, of those that were begun."""
        self._source = source
        self._data = data
        self._limits = limits
        self._lock = threading.Lock()
        self._is_closed = False
        self._process: subprocess.Popen[bytes] | None = None
        self._rows = self._read()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> TableRow:
        return next(self._rows)

    def close(self) -> None:
        """End the process, from whatever thread; a thread that waits for a row stops waiting."""
        with self._lock:
            self._is_closed = True
            if self._process is not None:
                self._process.kill()
        with suppress(ValueError):  # it runs in another thread, which cleans up behind itself
            self._rows.close()

    def _read(self) -> Generator[TableRow, None, None]:
        if self._data.startswith(ZIP_MAGIC) and ZIP_END not in self._data[-ZIP_END_BYTES_MAX:]:
            raise PayloadError(
                self._source,
                Words("工作簿不完整", "the workbook is damaged: it ends too early"),
                hint=DAMAGED,
            )
        process = self._start()
        try:
            assert process.stdout is not None
            yield from self._table(_Lines(process.stdout, self._source, self._limits), process)
        finally:
            process.kill()
            with suppress(subprocess.TimeoutExpired):
                process.wait(END_S)
            for pipe in (process.stdout, process.stderr):
                if pipe is not None:
                    pipe.close()

    def _start(self) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._is_closed:
                raise PayloadError(self._source, Words("读取已中止", "the reading was stopped"))
            try:
                self._process = _process(self._data, self._limits)
            except OSError as error:
                raise SourceUnavailableError(
                    self._source,
                    Words(
                        "无法启动读取工作簿的进程",
                        "no process could be started to open the workbook",
                    ),
                    hint=Words(
                        "系统资源不足，请稍后再试",
                        "the machine is short of memory, disk or descriptors; try again later",
                    ),
                ) from error
            self._data = b""
            return self._process

    def _table(self, lines: "_Lines", process: subprocess.Popen[bytes]) -> Iterator[TableRow]:
        limits, sheet, seen = self._limits, "", 0
        for line in lines:
            frame = self._frame(line)
            match frame:
                case [int(number), list(cells)] if len(cells) <= limits.table_columns_max:
                    seen += 1
                    if seen > limits.table_rows_max:
                        raise self._too_much(_rows_words(limits.table_rows_max))
                    yield TableRow(sheet, number, self._cells(cells))
                case {"sheet": str(name), "hidden": bool(is_hidden)}:
                    sheet = name
                    self.hidden |= {name} if is_hidden else set()
                case {"from1904": bool(from_1904)}:
                    self.from_1904 = from_1904
                case {
                    "refused": {"detail": [str(), str()] as said, "hint": [str(), str()] as advice}
                }:
                    raise PayloadError(self._source, Words(*said), hint=Words(*advice))
                case {"memory": True}:
                    raise self._out_of_memory()
                case {"end": True}:
                    return
                case _:
                    raise self._broken("读出的内容不是表格", "what came of it is no table")
        raise self._failed(process)

    def _frame(self, line: bytes) -> Any:
        try:
            return json.loads(line)
        except (ValueError, RecursionError) as error:
            raise self._broken("读出的内容不是表格", "what came of it is no table") from error

    def _cells(self, cells: list[Any]) -> tuple[Any, ...]:
        longest = self._limits.cell_characters_max
        try:
            return tuple(cell_from_wire(cell, longest) for cell in cells)
        except ValueError as error:
            raise self._broken("读出的内容不是表格", "what came of it is no table") from error

    def _failed(self, process: subprocess.Popen[bytes]) -> PayloadError:
        """Say why the process ended without a last word."""
        try:
            code = process.wait(END_S)
        except subprocess.TimeoutExpired:
            return self._broken(
                "读取进程未正常结束", "the reader closed its output and did not end"
            )
        if code == -signal.SIGXCPU:
            return self._too_much(_seconds_words(self._limits.workbook_cpu_s))
        assert process.stderr is not None
        complaint = process.stderr.read(COMPLAINT_BYTES_MAX) or b""
        if any(words in complaint for words in OUT_OF_MEMORY):
            return self._out_of_memory()
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        return self._broken(f"读取程序失败（{how}）", f"what opens workbooks failed on it ({how})")

    def _out_of_memory(self) -> PayloadError:
        mib = self._limits.workbook_memory_bytes_max // (1024 * 1024)
        return self._too_much(
            Words(f"打开它需要超过 {mib} MiB 内存", f"opening it takes over {mib} MiB of memory")
        )

    def _too_much(self, detail: Words) -> PayloadError:
        return PayloadError(self._source, detail, hint=SEND_CSV)

    def _broken(self, zh: str, en: str) -> PayloadError:
        said = Words(f"无法读取工作簿：{zh}", f"the workbook cannot be read: {en}")
        return PayloadError(self._source, said, hint=DAMAGED)


def _rows_words(most: int) -> Words:
    return Words(f"超过 {most} 行", f"more than {most} rows")


def _seconds_words(most: float) -> Words:
    return Words(f"打开它需要超过 {most:g} 秒", f"opening it takes over {most:g} s")


class _Lines(Iterator[bytes]):
    """Lines of a pipe, with bounds on bytes and on the time that is waited for them."""

    def __init__(self, pipe: IO[bytes], source: str, limits: Limits) -> None:
        self._pipe = pipe.fileno()
        self._source = source
        self._limits = limits
        self._left_s = limits.workbook_s
        self._left_bytes = limits.workbook_output_bytes_max
        self._poll = select.poll()
        self._poll.register(self._pipe, select.POLLIN)
        self._lines = self._read()

    def __next__(self) -> bytes:
        return next(self._lines)

    def _read(self) -> Iterator[bytes]:
        begun: list[bytes] = []
        length = 0
        while piece := self._piece():
            *ended, rest = piece.split(b"\n")
            for each in ended:
                yield b"".join((*begun, each))
                begun, length = [], 0
            if rest:
                begun.append(rest)
                length += len(rest)
            if length > self._limits.workbook_line_bytes_max:
                raise PayloadError(
                    self._source, Words("有一行过长", "a row is too long"), hint=SEND_CSV
                )

    def _piece(self) -> bytes:
        began = time.monotonic()
        if not self._poll.poll(max(self._left_s, 0.0) * 1000):
            raise PayloadError(
                self._source,
                _seconds_words(self._limits.workbook_s),
                hint=SEND_CSV,
            )
        self._left_s -= time.monotonic() - began
        piece = os.read(self._pipe, PIECE_BYTES)
        self._left_bytes -= len(piece)
        if self._left_bytes < 0:
            mib = self._limits.workbook_output_bytes_max // (1024 * 1024)
            raise PayloadError(
                self._source,
                Words(f"数据超过 {mib} MiB", f"its rows have over {mib} MiB"),
                hint=SEND_CSV,
            )
        return piece


def _process(data: bytes, limits: Limits) -> subprocess.Popen[bytes]:
    """Start the process; the workbook is a file without a name, which cannot block a pipe."""
    path = [str(Path(__file__).parents[1]), *_packages()]
    program = PROGRAM.format(path=path)
    # -I: no variable, no folder of the user and none it stands in; -S: no site, which costs time.
    command = [sys.executable, "-I", "-S", "-c", program, json.dumps(asdict(limits))]
    environment = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    with tempfile.TemporaryFile() as file, tempfile.TemporaryDirectory() as empty:
        file.write(data)
        file.seek(0)
        # The folder is removed as soon as the process stands in it: nothing can be put there.
        return subprocess.Popen(  # noqa: S603 - our own interpreter and program
            command,
            stdin=file,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=empty,
            env=environment,
            start_new_session=True,
        )


def _packages() -> list[str]:
    """Return the folders of installed packages."""
    paths = sysconfig.get_paths()
    return list(dict.fromkeys((paths["platlib"], paths["purelib"])))
