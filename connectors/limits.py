"""`Limits`: the bounds of one source. Nothing here waits or grows without one."""

from dataclasses import dataclass

MIB = 1024 * 1024

__all__ = ["MIB", "Limits"]


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

    message_bytes_max: int = 16 * 1024
    """Longest payload of a message that is read; a longer one is told as a row that is broken."""
    packet_bytes_max: int = MIB
    """Longest message that a broker may send; the connection ends with a longer one."""
