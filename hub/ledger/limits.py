"""`limits`: every bound of the ledger's formats, in one place.

A verifier reads what strangers send; nothing here grows or waits without one of these.
"""

from __future__ import annotations

HASH_BYTES = 32
"""Length of a SHA-256 hash, the only one that the tree knows."""
TREE_SIZE_MAX = 2**63 - 1
"""Largest tree: sizes and indexes stay inside a signed 64-bit integer."""
PROOF_HASHES_MAX = 63
"""Longest inclusion proof of a tree below 2^63 leaves."""
CONSISTENCY_HASHES_MAX = 64
"""Longest consistency proof: one hash more than an inclusion proof."""
NOTE_BYTES_MAX = 64 * 1024
"""Largest signed note, and largest receipt."""
SIGNATURES_MAX = 16
"""Signature lines of one note."""
VERIFIERS_KEPT_MAX = 128
"""Public keys of logs and witnesses that stay read."""
NAME_CHARACTERS_MAX = 256
"""Longest key name or origin."""
ENTRY_BYTES_MAX = 65_535
"""Largest entry of a bundle (length prefix of 16 bits)."""
TILE_WIDTH = 256
"""Hashes in a full tile, entries in a full bundle."""
TILE_HEIGHT = 8
"""Levels of the tree in one level of tiles."""
TILE_LEVEL_MAX = 7
"""Highest tile level of a tree below 2^63 leaves."""
POLICY_BYTES_MAX = 64 * 1024
"""Largest policy file."""
POLICY_LINES_MAX = 32
"""Logs, witnesses and groups of a policy: this many of each."""
KEYS_BYTES_MAX = 1024 * 1024
"""Largest file of pinned producer keys."""
KEYS_MAX = 4096
"""Pinned producer keys of one file."""
RECORD_BYTES_MAX = 32 * 1024
"""Largest canonical record."""
ATTESTATION_BYTES_MAX = 32 * 1024
"""Largest attestation, and largest proof of a claim's place in a day's map."""
STATEMENT_BYTES_MAX = 8 * 1024
"""Largest detached record signature."""
SALT_BYTES = 32
"""Length of a leaf's salt."""
TYPE_CHARACTERS_MAX = 64
"""Longest record type name."""
PARTY_CHARACTERS_MAX = 200
"""Longest party identifier."""
KEY_CHARACTERS_MAX = 500
"""Longest key of a record, and longest authority of a key."""
REVISION_MAX = 2**31 - 1
"""Largest number of a revision; four bytes in the salted hash."""
TIMESTAMP_MAX = 253_402_300_799
"""9999-12-31T23:59:59Z in POSIX seconds: later cosignature times are refused as nonsense."""
CLOCK_SKEW_S = 600
"""How far ahead of the reader's clock a signed time may lie, in seconds."""
