"""`fingerprint_keys`: the keys under which hubs compare marks of claims, one a year, in a file.

    2026 6f1c…e2        the year, and 32 bytes in hexadecimal
    2025 90ab…41

The four provinces hold the same file (mode 0600); `deltahub voucher keys roll` makes the next one.
The last two are in use, so that the provinces need not change at the same hour. A key is known
again by its print, which may be told to anybody.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from secrets import token_hex

from hub.errors import ErrorCode, HubError
from hub.vouchers.limits import CLAIM_KEYS_MAX

_LINE = re.compile(r"(20[0-9]{2}) ([0-9a-f]{64})")
BYTES_MAX = 4_096
OWNER_ONLY, OTHERS = 0o600, 0o077
KEY_BYTES = 32


def key_print(key: bytes) -> str:
    """Return by what a key is known again."""
    return sha256(b"hub claim key " + key).hexdigest()[:16]


def parse_claim_keys(text: str) -> dict[int, bytes]:
    """Return the keys in use, by year; ValueError for what is no such file."""
    keys: dict[int, bytes] = {}
    for line in text.splitlines():
        found = _LINE.fullmatch(line.strip())
        if found is None or int(found[1]) in keys:
            raise ValueError("each line is a year and 64 hexadecimal digits, each year once")
        keys[int(found[1])] = bytes.fromhex(found[2])
    return {year: keys[year] for year in sorted(keys, reverse=True)[:CLAIM_KEYS_MAX]}


def claim_keys_text(keys: Mapping[int, bytes]) -> str:
    """Return the text of a file."""
    return "".join(f"{year} {keys[year].hex()}\n" for year in sorted(keys, reverse=True))


def rolled(keys: Mapping[int, bytes], year: int) -> dict[int, bytes]:
    """Return the keys with a new one for a year, and the one before; ValueError: it has one."""
    if keys and year <= max(keys):
        raise ValueError(f"there is a key for {max(keys)}; the next year is later")
    return {year: bytes.fromhex(token_hex(KEY_BYTES)), **dict(list(keys.items())[:1])}


def write_claim_keys(path: Path, keys: Mapping[int, bytes]) -> None:
    """Put keys into a file in one step, readable by its owner alone."""
    new = path.with_name(f"{path.name}.new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
    with os.fdopen(descriptor, "w", encoding="ascii") as opened:
        opened.write(claim_keys_text(keys))
        opened.flush()
        os.fsync(opened.fileno())
    new.replace(path)


@dataclass(slots=True)
class ClaimKeys:
    """The file, read again when it was changed. `path` None: this hub has no keys."""

    path: Path | None
    _stamp: tuple[int, int] = (0, 0)
    _keys: Mapping[int, bytes] | None = None

    def now(self) -> Mapping[int, bytes]:
        """Return the keys in use, the newest first; `HubError` for a file that is none."""
        if self.path is None:
            return {}
        try:
            status = self.path.stat()
            stamp = (status.st_mtime_ns, status.st_size)
            if self._keys is None or stamp != self._stamp:
                if status.st_mode & OTHERS:
                    raise ValueError("is readable by others: chmod 600")  # noqa: TRY301 - one end
                with self.path.open("rb") as opened:
                    self._keys = parse_claim_keys(opened.read(BYTES_MAX).decode("ascii"))
                self._stamp = stamp
        except (OSError, ValueError) as error:
            raise HubError(
                ErrorCode.CONFLICT,
                message_zh="创新券指纹密钥文件不可用",
                message_en="The file of claim keys cannot be used",
                hint=f"HUB_CLAIM_KEYS_FILE: {error}",
                hint_zh="见 docs/operators/vouchers.md。",
            ) from error
        return self._keys
