"""`log_files`: what the log keeps outside the database: its private key and its last checkpoint.

- `<keys>/log.<origin>.pem`: Ed25519, PKCS#8 PEM, readable by its owner only; made once and never
  replaced by the hub. Each log has its own key. When it is lost or replaced, another key signs the
  same tree from then on.
- `<folder>/<origin>/checkpoint`: the last signed checkpoint. A database that is older than this
  file was restored from a backup: keep the file on storage that is not restored with the database.
- `/` in an origin is `_` in the name of its file or folder.

Invariants:
- A file appears whole or not at all, and is on the disk (file and folder synced) before the
  function that wrote it returns.
- `CheckpointFile.replace` compares and swaps under a file lock: of two processes that share the
  folder the slower one gets `FencedError` instead of overwriting a newer checkpoint.

RFC 8410 (key file), C2SP tlog-checkpoint.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkstemp

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hub.errors import SettingsError
from hub.ledger.errors import LedgerError
from hub.ledger.failures import FencedError, LogFileError
from hub.ledger.limits import NOTE_BYTES_MAX
from hub.ledger.note import Signer, dump_private_key, load_private_key

CHECKPOINT_FILE = "checkpoint"
KEY_BYTES_MAX = 16 * 1024

_OTHERS = 0o077
_OWNER_ONLY = 0o600


def key_file_name(origin: str) -> str:
    """Return the file name of a log's key."""
    return f"log.{origin.replace('/', '_')}.pem"


def log_signer(origin: str, folder: Path, key_file: Path | None = None) -> Signer:
    """Return the log's signer; the key is made in `folder` at the first start.

    `key_file` is a key that the operator keeps elsewhere (`HUB_LOG_KEY_FILE`): it must exist.
    Raises `SettingsError` when the key cannot be used.
    """
    path = folder / key_file_name(origin) if key_file is None else key_file
    try:
        if key_file is None and not path.exists():
            _create_key(path)
        return Signer(origin, _read_key(path))
    except OSError as error:
        raise SettingsError([f"The log's key file cannot be used: {error.strerror}"]) from error
    except LedgerError as error:
        raise SettingsError([f"The log's key cannot be used: {error.message}"]) from error


class CheckpointFile:
    """The last signed checkpoint, in a file that outlives the database."""

    def __init__(self, folder: Path, origin: str) -> None:
        self._folder = folder / origin.replace("/", "_")
        self._path = self._folder / CHECKPOINT_FILE

    def read(self) -> bytes | None:
        """Return the signed note, or None when none was ever written here."""
        try:
            with self._path.open("rb") as file:
                return file.read(NOTE_BYTES_MAX + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unusable("read", error) from error

    def replace(self, expected: bytes | None, note: bytes) -> None:
        """Write the note durably if the file still holds `expected`, else raise `FencedError`."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with _locked(self._folder / f"{CHECKPOINT_FILE}.lock"):
                if self.read() != expected:
                    raise FencedError("LOG_FILE_MOVED", "another process wrote the checkpoint file")
                new = self._folder / f"{CHECKPOINT_FILE}.new"
                _write(new, note)
                new.replace(self._path)
                _sync_folder(self._folder)
        except OSError as error:
            raise _unusable("written", error) from error


def _read_key(path: Path) -> Ed25519PrivateKey:
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_mode & _OTHERS:
            raise SettingsError([f"Others may read the log's key: chmod 600 {path.name}"])
        return load_private_key(file.read(KEY_BYTES_MAX))


def _create_key(path: Path) -> None:
    """Write a new key to a temporary file and link it: of several starting workers one wins."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = mkstemp(prefix=f"{path.name}.", dir=path.parent)  # owner only, its own name
    temporary = Path(name)
    try:
        _fill(descriptor, dump_private_key(Ed25519PrivateKey.generate()))
        path.hardlink_to(temporary)
        _sync_folder(path.parent)
    except FileExistsError:
        return  # another worker was first: its key is the log's
    finally:
        temporary.unlink()


def _write(path: Path, content: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
    _fill(os.open(path, flags, _OWNER_ONLY), content)


def _fill(descriptor: int, content: bytes) -> None:
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock file; `FencedError` when another process holds it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _OWNER_ONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise FencedError("LOG_FILE_BUSY", "another process writes the checkpoint") from error
        yield
    finally:
        os.close(descriptor)


def _unusable(verb: str, error: OSError) -> LogFileError:
    return LogFileError(
        "LOG_FILE_UNUSABLE",
        f"the checkpoint file cannot be {verb}: {error.strerror}",
        hint="Make room, check the disk and the owner of the folder; it is tried again.",
    )
