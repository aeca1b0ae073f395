"""`ids`: how a record and a revision of it are named.

- `item_id` names a record wherever it was heard: its type, who numbers it, its key. No name that a
  hub gives to a source is part of it.
- Its first two characters after the prefix follow from the owner alone (`shard_of`), so that an id
  can be routed when tables are distributed.
- `revision_id` names content: the same bytes have the same name at every hub.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256

from hub.crypto.base64url import b64url

ITEM_HASH_BYTES = 16
SHARD_CHARACTERS = 2


@lru_cache(maxsize=4096)
def shard_of(owner: str) -> str:
    """Return the shard of everything that belongs to an owner: two hexadecimal digits."""
    return sha256(owner.encode()).hexdigest()[:SHARD_CHARACTERS]


def item_id(prefix: str, record_type: str, authority: str, key: str, owner: str) -> str:
    """Return the identity of a record, such as `instr_…`: 24 characters after the prefix."""
    identity = f"{record_type}\x1f{authority}\x1f{key}".encode()
    return f"{prefix}_{shard_of(owner)}{b64url(sha256(identity).digest()[:ITEM_HASH_BYTES])}"


def revision_id(digest: bytes) -> str:
    """Return the name of the content that has this SHA-256."""
    return f"r1_{b64url(digest)}"
