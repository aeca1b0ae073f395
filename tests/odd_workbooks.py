"""Files that people send as tables, as the programs write them that made them: ODS, XML, pages."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

_NAMES = {
    "office": "urn:oasis:names:tc:opendocument:xmlns:office:1.0",
    "table": "urn:oasis:names:tc:opendocument:xmlns:table:1.0",
    "text": "urn:oasis:names:tc:opendocument:xmlns:text:1.0",
    "calcext": "urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0",
}
_MANIFEST = """<?xml version="1.0"?>
<m:manifest xmlns:m="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">
<m:file-entry m:full-path="/" m:media-type="application/vnd.oasis.opendocument.spreadsheet"/>
<m:file-entry m:full-path="content.xml" m:media-type="text/xml">@</m:file-entry></m:manifest>"""


def ods(tables: Mapping[str, str], *, encryption: str = "") -> bytes:
    """Return an ODS file; a table is the XML of its rows (`ods_row`)."""
    names = " ".join(f'xmlns:{short}="{name}"' for short, name in _NAMES.items())
    body = "".join(f'<table:table table:name="{n}">{x}</table:table>' for n, x in tables.items())
    content = (
        f"<office:document-content {names}><office:body><office:spreadsheet>{body}"
        "</office:spreadsheet></office:body></office:document-content>"
    )
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as archive:
        mime = "application/vnd.oasis.opendocument.spreadsheet"
        archive.writestr("mimetype", mime, zipfile.ZIP_STORED)
        archive.writestr("META-INF/manifest.xml", _MANIFEST.replace("@", encryption))
        archive.writestr("content.xml", content)
    return memory.getvalue()


def ods_row(*cells: str, repeated: int = 1) -> str:
    """Return a row of cells; one that is no XML is a text."""
    inside = "".join(cell if cell.startswith("<") else ods_cell(cell) for cell in cells)
    return f'<table:table-row table:number-rows-repeated="{repeated}">{inside}</table:table-row>'


def ods_cell(text: str, more: str = "") -> str:
    """Return a cell with a text."""
    return (
        f'<table:table-cell office:value-type="string" {more}><text:p>{text}</text:p>'
        "</table:table-cell>"
    )


def without_end(data: bytes) -> bytes:
    """Return a file of which the last third did not arrive."""
    return data[: len(data) * 2 // 3]


def with_part(data: bytes, name: str, content: bytes) -> bytes:
    """Return a ZIP file with another part."""
    memory = io.BytesIO(data)
    with zipfile.ZipFile(memory, "a") as archive:
        archive.writestr(name, content)
    return memory.getvalue()
