"""`failures`: errors of running the log, from its database, files and keys.

LedgerError (hub.ledger.errors)
├── FrozenError      signing could fork the log: nothing is sequenced until the operator has acted
├── FencedError      another process changed the log meanwhile: reload it before going on
├── LogFileError     a file of the log cannot be read or written durably; tried again
└── ReceiptError     no receipt can be given for what was asked

Codes of FrozenError: LOG_STORE_BEHIND, LOG_STORE_FORKED, LOG_STORE_DAMAGED, LOG_FILE_MISSING,
LOG_FILE_DAMAGED, LOG_KEY_UNKNOWN, LOG_KEY_SHARED, LOG_ENDED, LOG_ENTRY_UNFIT.
"""

from __future__ import annotations

from hub.ledger.errors import LedgerError


class FrozenError(LedgerError):
    """The log must not be signed in its present state; the operator decides."""


class FencedError(LedgerError):
    """Another sequencer has taken over, or another process changed the log."""


class LogFileError(LedgerError):
    """A file of the log cannot be read, or not be written durably."""


class ReceiptError(LedgerError):
    """The receipt asked for does not exist or would not verify."""
