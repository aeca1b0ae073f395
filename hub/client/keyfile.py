"""`keyfile`: the partner's private key on disk: PKCS #8 PEM, readable by its owner alone.

- A file is created once and never overwritten; a file that others may read is refused.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from hub.client.errors import KeyFileError
from hub.crypto.keys import SigningKey, generate_key, key_from_pem

_MODE = 0o600
_MAX_BYTES = 16_384


def create_key(path: Path) -> SigningKey:
    """Make a P-256 key and write it to `path` with mode 0600; KeyFileError if the file exists.

    Its id never begins with `-`.
    """
    key = generate_key()
    while key.kid.startswith("-"):  # a shell would take the id for an option
        key = generate_key()
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE)
    except FileExistsError as error:
        raise KeyFileError(
            f"{path} exists already", "choose another name, or use that key"
        ) from error
    except OSError as error:
        raise KeyFileError(
            f"{path}: {error.strerror}", "choose a folder you may write to"
        ) from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(key.pem())
        file.flush()
        os.fsync(file.fileno())
    return key


def load_key(path: Path) -> SigningKey:
    """Read a private key; KeyFileError when it is missing, open to others, or no P-256 key."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            pem = file.read(_MAX_BYTES)
    except OSError as error:
        raise KeyFileError(f"{path}: {error.strerror}", "make a key first") from error
    if stat.S_IMODE(mode) & 0o077:
        raise KeyFileError(f"{path} can be read by others", f"run: chmod 600 {path}")
    try:
        return key_from_pem(pem)
    except ValueError as error:
        raise KeyFileError(f"{path} is not a private P-256 key", "make a new key") from error
