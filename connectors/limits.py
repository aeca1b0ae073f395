"""`Limits`: the bounds of one source. Nothing here waits or grows without one."""

from dataclasses import dataclass

MIB = 1024 * 1024

__all__ = [
    "DROP_NAMES_TOLD_MAX",
    "DROP_NAME_BYTES_MAX",
    "DROP_PIECE_BYTES",
    "MIB",
    "SFTP_CLOSING_S",
    "SQL_CLOSING_S",
    "SQL_RIGHTS_MAX",
    "SQL_ROWS_AT_ONCE",
    "SQL_SAME_MAX",
    "SQL_WORDS_CHARACTERS_MAX",
    "XML_BYTES_MAX",
    "XML_DEPTH_MAX",
    "XML_ELEMENTS_MAX",
    "Limits",
]

DROP_NAME_BYTES_MAX = 200
"""Longest name of a file that is taken: what is written back beside it has a longer one."""
DROP_NAMES_TOLD_MAX = 20
"""Names that are told one by one of those that are not taken."""
DROP_PIECE_BYTES = 64 * 1024
"""Bytes of a file that are read or written at once."""
SFTP_CLOSING_S = 1.0
"""Longest wait for a server to close a file that is not read on; then the connection is cut."""
SQL_CLOSING_S = 2.0
"""Longest wait for a database to end an answer that is not read on; then the connection is cut."""
SQL_RIGHTS_MAX = 50
"""Rights beyond reading that are listed of a role."""
SQL_ROWS_AT_ONCE = 100
"""Rows that a database hands over at once, of the page that was asked for."""
SQL_SAME_MAX = 40
"""Keys of one instant that a reading remembers, should it be cut off there."""
SQL_WORDS_CHARACTERS_MAX = 200
"""Characters of a driver's own words that a message repeats."""

XML_BYTES_MAX = 32 * MIB
"""One XML document; the tree of one is about ten times as large."""
XML_ELEMENTS_MAX = 400_000
XML_DEPTH_MAX = 24
"""Elements inside one another; messages of authorities have about six."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds of one source; seconds end in `_s`, bytes in `_bytes_max`."""

    connect_s: float = 5.0
    read_s: float = 15.0
    """Longest silence while an answer arrives."""
    write_s: float = 15.0
    pool_s: float = 15.0
    """Longest wait for a free connection."""
    total_s: float = 120.0
    """Longest time for one request, whole body included."""
    connections_max: int = 8
    """Connections to one origin at a time."""
    keep_alive_s: float = 30.0
    """An idle connection older than this is not used again."""
    header_bytes_max: int = 64 * 1024
    header_count_max: int = 128
    response_bytes_max: int = 32 * MIB
    """One answer, counted both before and after decompression."""

    attempts_max: int = 3
    backoff_s: float = 0.25
    """First pause before a retry; doubles each time, with full jitter."""
    backoff_s_max: float = 10.0
    retry_after_s_max: float = 30.0
    """A source that asks for a longer pause is left alone until the next run."""

    pages_max: int = 10_000
    """Documents of one reading."""
    rows_max: int = 2_000_000
    """Rows of one reading."""
    reading_s: float = 3_600.0
    """Longest time for one reading, from its first question to its last document."""

    table_bytes_max: int = 16 * MIB
    table_unpacked_bytes_max: int = 256 * MIB
    table_entries_max: int = 2_000
    """Parts inside one workbook file."""
    table_sheets_max: int = 64
    table_rows_max: int = 200_000
    table_columns_max: int = 512
    table_cells_max: int = 4_000_000
    """Rows times columns of the rectangle a sheet spans, empty cells included."""
    cell_characters_max: int = 32_767
    """Longest text of one cell; the limit spreadsheet programs have themselves."""

    files_max: int = 10_000
    """Names in one folder where a source leaves files."""
    file_bytes_max: int = 256 * MIB
    """One file of tables that a source leaves; one that an adapter reads is one answer."""
    write_back_bytes_max: int = 64 * MIB
    """One file that is written back beside it."""

    workbook_memory_bytes_max: int = 1024 * MIB
    """Address space of the process that opens a workbook (docs/operators/files.md says why)."""
    workbook_cpu_s: float = 60.0
    """Computing time of that process."""
    workbook_s: float = 300.0
    """Longest time that is waited for its rows, all waits together."""
    workbook_output_bytes_max: int = 256 * MIB
    """Everything it may hand over."""
    workbook_line_bytes_max: int = 32 * MIB
    """One row that it hands over."""

    xml_depth_max: int = 64
    """Elements inside one another in an XML answer."""
    xml_elements_max: int = 1_000_000
    """Elements of an XML answer: each takes some hundred bytes of memory, however short it is."""
    message_bytes_max: int = 16 * 1024
    """Longest payload of a message that is read; a longer one is told as a row that is broken."""
    packet_bytes_max: int = MIB
    """Longest message that a broker may send; the connection ends with a longer one."""
