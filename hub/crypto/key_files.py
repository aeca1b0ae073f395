"""`key_files`: private keys of the hub itself, mode 0600, made when they are first needed."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from hub.errors import SettingsError

K = TypeVar("K")

MODE = 0o600
BYTES_MAX = 16_384


def load_or_create(
    path: Path, make: Callable[[], K], write: Callable[[K], bytes], read: Callable[[bytes], K]
) -> K:
    """Return the key in a file, making file and key when there is none.

    Raises `SettingsError` when the file cannot be used or others may read it.
    """
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            key = make()
            _create(path, write(key))
            return key
        with path.open("rb") as file:
            if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
                raise SettingsError([f"{path} can be read by others; run: chmod 600 {path}"])
            return read(file.read(BYTES_MAX))
    except OSError as error:
        raise SettingsError([f"{path}: {error.strerror}"]) from error
    except ValueError as error:
        raise SettingsError([f"{path} holds no usable private key: {error}"]) from error


def _create(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
