"""Bounds of exports: how many, how large, how long, and for how long they are kept."""

from __future__ import annotations

from datetime import timedelta

from hub.intake.limits import IDEMPOTENCY_KEPT_DAYS

MIB = 1024 * 1024
KEPT_FOR = timedelta(hours=24)
"""How long the files of an export are there; a download that began may be resumed meanwhile."""
HEADERS_FOR = timedelta(days=IDEMPOTENCY_KEPT_DAYS)
"""How long an export is known by its id, so that a repeated request gets the same one."""
OF_CLIENT_MAX = 10
"""Exports of one client whose files are kept."""
RUNNING_OF_CLIENT = 1
"""Exports of one client that are being made."""
RUNNING_MAX = 2
"""Exports that one process makes at once, each with a connection and a snapshot of its own."""
BUSY_S = 5
"""When to come back where there is no room for another."""
SECONDS_MAX = 900.0
"""How long an export may be made: its snapshot keeps the database from cleaning up behind it."""
SIZE_MAX = 1024 * MIB
"""Bytes of one export …"""
KEPT_SIZE_MAX = 8 * 1024 * MIB
"""… and of all that are kept."""
ROWS_AT_ONCE = 200
"""Rows that are fetched and written together: what an export holds in memory."""
PART_ROWS = 25_000
PART_SIZE = 32 * MIB
"""A part is full with so many rows, or so many bytes of JSON; a row is never divided."""
VARIABLES_MAX = 64 * 1024
"""Characters of the variables or the filter of an export, as JSON."""
EXPORT_COST = 1_000
"""What asking for an export costs, beside its place among those that are kept."""
LOOK_COST = 5
"""What looking at one costs."""
LISTED_MAX = 50
"""Exports of a client that are listed, the newest first."""
PIECES_AT_ONCE = 2
"""Pieces of parts that are read at once by one process, of all downloads …"""
PIECES_OF_ONE = 1
"""… of one client …"""
DOWNLOADS_OF_ONE = 16
"""… and how many of its downloads may wait for theirs."""
PIECE_WAIT_S = 30.0
"""Longest wait for a piece; a download that waits longer breaks, and is resumed."""
