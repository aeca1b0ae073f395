"""`identity`: how a record and a revision of it are named.

- `item_id` names a record wherever its content goes: type, source and natural key.
- `revision_id` names content: the same bytes have the same name at every hub.
"""

from __future__ import annotations

import base64
from hashlib import sha256

ITEM_HASH_BYTES = 16


def item_id(prefix: str, record_type: str, source: str, key: str) -> str:
    """Return the identity of a record, such as `instr_…`: 22 characters after the prefix."""
    named = f"{record_type}\x1f{source}\x1f{key}".encode()
    return f"{prefix}_{_text(sha256(named).digest()[:ITEM_HASH_BYTES])}"


def revision_id(digest: bytes) -> str:
    """Return the name of the content that has this SHA-256."""
    return f"r1_{_text(digest)}"


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
