"""Bounds of the way in; nothing in a batch is larger, longer or more than these say."""

from __future__ import annotations

from datetime import timedelta

from hub.ledger.limits import KEY_CHARACTERS_MAX

BATCH_ROWS_MAX = 10_000
"""Rows of one `POST /batches`, one workbook, one page of a harvest."""
BATCH_BYTES_MAX = 16 * 1024 * 1024
"""Bytes of one `POST /batches`."""
MUTATION_ROWS_MAX = 500
"""Rows of one GraphQL mutation."""
FILE_BYTES_MAX = 16 * 1024 * 1024
"""Bytes of one `POST /files`."""
FILE_ROWS_MAX = 50_000
"""Rows of one `POST /files`."""
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
"""Characters of an Idempotency-Key."""
IDEMPOTENCY_KEPT_DAYS = 7
"""Days for which a repeated request gets its first answer."""
RAW_CHARACTERS_MAX = 65_536
"""Characters of a refused row that quarantine keeps."""
ROWS_PER_TURN = 50
"""Rows that are checked before other work of the process gets its turn."""
ATTEMPTS_MAX = 3
"""Attempts to write a batch: one beside others, the rest alone for its source."""
QUARANTINE_PAGE_MAX = 500
"""Quarantined rows read or resubmitted at once."""
PROBLEMS_PER_BATCH_MAX = 20_000
"""Problems of one batch that are reported in full; rows after them name their first one only."""
QUARANTINE_KEPT_DAYS = 180
"""Days for which a refused row is kept, whatever became of it."""
EVIDENCE_KEPT_DAYS = 730
"""Days for which a signed request is kept: at least as long as rows that it vouches for wait."""
