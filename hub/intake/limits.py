"""Bounds of the way in; nothing in a batch is larger, longer or more than these say."""

from __future__ import annotations

from datetime import timedelta

from hub.ledger.limits import KEY_CHARACTERS_MAX

BATCH_ROWS_MAX = 10_000
"""Rows of one `POST /batches`, one workbook, one page of a harvest."""
BATCH_BYTES_MAX = 16 * 1024 * 1024
"""Bytes of one `POST /batches`."""
BATCH_LINES_MAX = 2 * BATCH_ROWS_MAX
"""Lines of one `POST /batches`, blank ones too."""
BATCH_PARTS_MAX = 300_000
"""Objects and lists of one `POST /batches`: thirty for each row of a full one."""
ROW_BYTES_MAX = 256 * 1024
"""Bytes of one row of `POST /batches`."""
ROW_PARTS_MAX = 20_000
"""Values of one row of `POST /batches`."""
BATCHES_AT_ONCE = 8
"""Batches that are taken in at once, one of each connection that writes …"""
BATCHES_OF_ONE = 4
"""… of them those of one client …"""
BATCHES_WAITING = 16
"""… and what of one client may wait: a batch that waits holds its rows in memory."""
BATCH_WAIT_S = 60.0
"""Longest wait of a batch for its turn."""
HOME_SPARE_S = 0.5
"""So long before a hub that handed a batch on goes on, it is given up unless it is being committed:
a commit and the way of the answer take their time."""
MUTATION_ROWS_MAX = 500
"""Rows of one GraphQL mutation."""
FILE_BYTES_MAX = 16 * 1024 * 1024
"""Bytes of one `POST /files`."""
FILE_ROWS_MAX = 50_000
"""Rows of one `POST /files`."""
PART_ROWS_MAX = 10_000
"""Rows of one part of a file that is cut: what one batch takes where a row is one record."""
PARTS_UNDER_WAY = 2
"""Parts of one file that are sent at once: the hub reads one while PostgreSQL writes the other."""
PART_BYTES_MAX = 8 * 1024 * 1024
"""Bytes of one part of a file that is cut, before its last row."""
WHOLE_WORKBOOK_BYTES_MAX = 1024 * 1024
"""A larger workbook is looked at before it is sent: its bytes do not tell how many rows it has."""
CUT_ROWS_MAX = 10_000_000
"""Rows of a file that is cut."""
LINE_CHARACTERS_MAX = 16 * 1024 * 1024
"""Characters of one line, or of one value of a JSON document, of a file that is cut."""
REPEATED_KEYS_MAX = 200_000
"""Rows of a file that is cut whose key stands in it again with other content."""
REJECTS_ROWS_MAX = 20_000
"""Rows of one workbook of refused rows; more go into several."""
FILES_READ_AT_ONCE = 2
"""Files of one process that are being read; others wait for their turn."""
MAPPING_BYTES_MAX = 256 * 1024
MAPPING_NAME_LENGTH_MAX = 80
KEY_LENGTH_MAX = KEY_CHARACTERS_MAX
"""Characters of a record key."""
REASON_LENGTH_MAX = 500
"""Characters of the reason of a withdrawal."""
SIGNED_BEFORE_MAX = timedelta(days=400)
"""Age of a record's signature when it is accepted: a year's records, and a month to send them."""
IDEMPOTENCY_KEY_LENGTH_MAX = 128
KEPT_ANSWER_CHARACTERS_MAX = 16 * 1024 * 1024
"""Of the whole answer to a file, which is kept beside those to its batches."""
"""Characters of an Idempotency-Key."""
IDEMPOTENCY_KEPT_DAYS = 7
"""Days for which a repeated request gets its first answer."""
RAW_CHARACTERS_MAX = 65_536
"""Characters of a refused row that quarantine keeps."""
ATTEMPTS_MAX = 3
"""Attempts to write a batch: one beside others, the rest alone for its source."""
ROWS_AT_ONCE = 200
"""Refused rows that are looked for among those that wait, in one turn of the event loop."""
QUARANTINE_PAGE_MAX = 500
"""Quarantined rows read or resubmitted at once."""
PROBLEMS_PER_BATCH_MAX = 20_000
"""Problems of one batch that are reported in full; rows after them name their first one only."""
QUARANTINE_KEPT_DAYS = 180
"""Days for which a refused row is kept, whatever became of it."""
EVIDENCE_KEPT_DAYS = 730
"""Days for which a signed request is kept: at least as long as rows that it vouches for wait."""
NRII_BYTES_MAX = 256 * 1024
"""One object in the form of NRII with its envelope; its texts have some thousand characters."""
