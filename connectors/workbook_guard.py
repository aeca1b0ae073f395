"""Measures an XLSX file before a reader opens it, against its bounds: a quick first check.

It says early and in plain words what most files are too large for. Safety does not rest on it: it
knows sheets by the names of their parts, and a file may name them otherwise. What holds whatever it
thinks are the bounds of the process in which it runs (`connectors.workbook_child`).

Every part is really unpacked once, in pieces, because the sizes a ZIP directory states are only a
claim; and the cell addresses of every sheet are looked through, because the reader makes room for
the whole rectangle between the first and the last cell.

ECMA-376 part 1 section 18.3.1 (attribute `r` of rows and cells); APPNOTE.TXT section 4.3 (ZIP).
"""

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from types import SimpleNamespace

from connectors.column_letters import column_number
from connectors.errors import PayloadError
from connectors.words import Words

__all__ = ["measure"]

ADDRESS = re.compile(
    rb"""<(?:[A-Za-z0-9]+:)?c [^<>]*?r=["']\$?([A-Za-z]{0,3})\$?(\d{1,9})["'][^<>]*(?<!/)>(?!</)"""
)
"""A cell that holds something, as every program writes it. XML allows more blanks; looking for them
takes ten times as long. A cell that is only formatted takes no room in the reader."""
OVERLAP_BYTES = 256
"""Kept from one piece to the next, so that an address cut in two is still seen."""
PIECE_BYTES = 256 * 1024
PACKED_BYTES = 16 * 1024
LOCAL_HEADER = struct.Struct("<4s5H3I2H")
LOCAL_MAGIC = b"PK\x03\x04"


def measure(source: str, data: bytes, limits: SimpleNamespace) -> None:
    """Raise `PayloadError` when the workbook is larger inside than the limits allow."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = archive.infolist()
    if len(parts) > limits.table_entries_max:
        raise PayloadError(
            source,
            Words(
                f"工作簿含有 {len(parts)} 个部件，过多", f"the workbook holds {len(parts)} parts"
            ),
        )
    left = limits.table_unpacked_bytes_max
    for part in parts:
        rows = columns = 0
        tail = b""
        is_sheet = part.filename.lower().endswith(".xml") and "sheet" in part.filename.lower()
        for piece in _unpack(source, data, part):
            left -= len(piece)
            if left < 0:
                raise PayloadError(
                    source,
                    Words(
                        f"工作簿解压后超过 {limits.table_unpacked_bytes_max} 字节",
                        "the workbook unpacks to more than "
                        f"{limits.table_unpacked_bytes_max} bytes",
                    ),
                    hint=Words("请删除图片和不用的工作表", "delete pictures and unused sheets"),
                )
            if is_sheet:
                text = tail + piece
                if found := ADDRESS.findall(text):
                    letters, numbers = zip(*found, strict=True)
                    rows = max(rows, *map(int, numbers))
                    columns = max(columns, *(column_number(x.decode()) for x in set(letters)))
                tail = text[-OVERLAP_BYTES:]
        if rows * max(columns, 1) > limits.table_cells_max or columns > limits.table_columns_max:
            raise PayloadError(
                source,
                Words(
                    f"{part.filename} 占 {rows} 行 {columns} 列",
                    f"{part.filename} spans {rows} rows and {columns} columns",
                ),
                hint=Words(
                    "请删除只有格式的空行空列",
                    "delete the empty rows and columns that carry only formatting",
                ),
            )


def _unpack(source: str, data: bytes, part: zipfile.ZipInfo) -> Iterator[bytes]:
    """Yield the unpacked bytes of one part in pieces, whatever size the directory claims."""
    if part.flag_bits & 1:
        raise PayloadError(
            source,
            Words("工作簿有密码", "the workbook is encrypted"),
            hint=Words("请取消密码后另存", "save it without a password"),
        )
    head = data[part.header_offset : part.header_offset + LOCAL_HEADER.size]
    if len(head) < LOCAL_HEADER.size or not head.startswith(LOCAL_MAGIC):
        raise zipfile.BadZipFile(f"{part.filename} does not begin where it should")
    *_, name_length, extra_length = LOCAL_HEADER.unpack(head)
    start = part.header_offset + LOCAL_HEADER.size + name_length + extra_length
    packed = memoryview(data)[start : start + part.compress_size]
    if part.compress_type == zipfile.ZIP_STORED:
        for at in range(0, len(packed), PIECE_BYTES):
            yield bytes(packed[at : at + PIECE_BYTES])
        return
    if part.compress_type != zipfile.ZIP_DEFLATED:
        raise PayloadError(
            source,
            Words(
                f"{part.filename} 的压缩方式不常见", f"{part.filename} is packed in an unusual way"
            ),
        )
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    for at in range(0, len(packed), PACKED_BYTES):
        # Little by little: what is not used yet is copied for each piece.
        rest: bytes | memoryview = packed[at : at + PACKED_BYTES]
        while rest and not inflater.eof:
            piece = inflater.decompress(rest, PIECE_BYTES)
            rest = inflater.unconsumed_tail
            yield piece
    yield inflater.flush()
