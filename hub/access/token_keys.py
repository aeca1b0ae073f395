"""`token_keys`: the keys that sign tokens and answers: the present one, the one before, the next.

- The files beside each other say all: `token.pem` signs from the beginning, `token.<second>.pem`
  from that second on, until another one begins. So all workers change over at one moment without a
  word between them; each reads the folder again every `KEYS_REREAD_S` seconds.
- A new key is announced in the JWKS for `KEY_ANNOUNCED_S` before it signs, because partners may
  keep the JWKS that long. A key that signs no more stays in it for `KEY_KEPT_S`, so that answers
  signed by it can be verified; tokens signed by it end by themselves.
- A key that was lost is taken away: its file gets the suffix `.ended`. What it signed is refused by
  every worker within five seconds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from hub.access.limits import KEY_ANNOUNCED_S, KEY_KEPT_S, KEYS_REREAD_S
from hub.clock import Clock
from hub.crypto.key_files import load_or_create
from hub.crypto.keys import SigningKey, VerifyKey, generate_key, key_from_pem
from hub.errors import ErrorCode, HubError, SettingsError

NONCES = "dpop-nonce"
ENDED = ".ended"


@dataclass(frozen=True, slots=True)
class TokenKey:
    """A key and the second (UNIX time) from which it signs. `file`: where it lies."""

    key: SigningKey
    signs_from: int
    file: Path | None = None
    nonce_secret: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "nonce_secret", self.key.derived_secret(NONCES))


class TokenKeys(Mapping[str, VerifyKey]):
    """The keys of one hub as they stand now; by thumbprint, those that verify."""

    def __init__(self, read: Callable[[], Sequence[TokenKey]], clock: Clock) -> None:
        self._read = read
        self._clock = clock
        self._keys: tuple[TokenKey, ...] = ()
        self._public: dict[str, VerifyKey] = {}
        self._read_at = float("-inf")
        self._present(clock().timestamp())

    def signing(self) -> SigningKey:
        """Return the key that signs now."""
        now = self._clock().timestamp()
        keys = self._present(now)
        return next((each for each in reversed(keys) if each.signs_from <= now), keys[0]).key

    def periods(self) -> list[tuple[VerifyKey, int]]:
        """Return the keys in the order in which they sign, each with the second from which."""
        keys = self._present(self._clock().timestamp())
        return [(each.key.public, each.signs_from) for each in keys]

    def nonce_secrets(self) -> list[bytes]:
        """Return the secrets of DPoP nonces: the one to make them with, and others to accept."""
        signing = self.signing()
        keys = sorted(self._keys, key=lambda each: each.key.kid != signing.kid)
        return [each.nonce_secret for each in keys]

    def get(self, kid: str, default: VerifyKey | None = None) -> VerifyKey | None:  # type: ignore[override] # one default
        """Return a key that verifies what this hub signed."""
        self._present(self._clock().timestamp())
        return self._public.get(kid, default)

    def __contains__(self, kid: object) -> bool:
        self._present(self._clock().timestamp())
        return kid in self._public

    def __getitem__(self, kid: str) -> VerifyKey:
        self._present(self._clock().timestamp())
        return self._public[kid]

    def __iter__(self) -> Iterator[str]:
        self._present(self._clock().timestamp())
        return iter(self._public)

    def __len__(self) -> int:
        return len(self._public)

    def _present(self, now: float) -> tuple[TokenKey, ...]:
        """Return the keys in the order in which they sign, read not long ago."""
        if not 0 <= now - self._read_at < KEYS_REREAD_S:
            self._read_at = now
            try:
                found = _kept(self._read(), now)
            except SettingsError:
                if not self._keys:
                    raise
                return self._keys  # what cannot be read now leaves what was known
            if found:
                self._keys = found
                self._public = {each.key.kid: each.key.public for each in found}
        return self._keys


def only(key: SigningKey, clock: Clock) -> TokenKeys:
    """Return the keys of a hub that has one."""
    known = (TokenKey(key, 0),)
    return TokenKeys(lambda: known, clock)


def in_files(path: Path, clock: Clock) -> TokenKeys:
    """Return the keys at `path` and beside it; the first one is made when there is none."""
    if not _files(path):
        load_or_create(path, make_key, SigningKey.pem, key_from_pem)
    known: dict[Path, TokenKey] = {}

    def read() -> Sequence[TokenKey]:
        for file, signs_from in _files(path).items():
            if file not in known:
                known[file] = TokenKey(_load(file), signs_from, file)
        present = _files(path)
        return [key for file, key in known.items() if file in present]

    return TokenKeys(read, clock)


def rotate(path: Path, now: datetime, *, is_lost: bool) -> list[TokenKey]:
    """Make a new key beside the present one; return all that there are then.

    `is_lost`: it signs at once, and those before are taken away. `HubError` CONFLICT when a new one
    is announced already.
    """
    at = int(now.timestamp())
    present = _files(path)
    if not is_lost and any(signs_from > at for signs_from in present.values()):
        raise HubError(
            ErrorCode.CONFLICT,
            message_zh="已公布一把新密钥，尚未启用",
            message_en="a new key is announced already and signs soon",
            hint="`deltahub keys list` says from when; wait until then, or say --lost.",
            hint_zh="`deltahub keys list` 显示何时生效；请等到那时，或注明 --lost。",
        )
    signs_from = at if is_lost else at + KEY_ANNOUNCED_S
    load_or_create(
        path.with_name(f"{path.stem}.{signs_from}{path.suffix}"),
        make_key,
        SigningKey.pem,
        key_from_pem,
    )
    kept = {each.file for each in _kept(list_keys(path), at)}
    for file in present:
        if is_lost or file not in kept:
            file.rename(file.with_name(file.name + ENDED))
    return list_keys(path)


def list_keys(path: Path) -> list[TokenKey]:
    """Return the keys at `path` and beside it, in the order in which they sign."""
    keys = [TokenKey(_load(file), signs_from, file) for file, signs_from in _files(path).items()]
    return sorted(keys, key=lambda each: each.signs_from)


def make_key() -> SigningKey:
    """Make a key whose id a shell takes as it is."""
    while (key := generate_key()).kid.startswith("-"):
        pass
    return key


def _kept(keys: Sequence[TokenKey], now: float) -> tuple[TokenKey, ...]:
    """Return the keys, in the order in which they sign, without those that ended long ago."""
    ordered = sorted(keys, key=lambda each: each.signs_from)
    ends = [each.signs_from for each in ordered[1:]] + [float("inf")]
    return tuple(each for each, end in zip(ordered, ends, strict=True) if now < end + KEY_KEPT_S)


def _files(path: Path) -> dict[Path, int]:
    """Return the files of keys, each with the second from which it signs."""
    pattern = re.compile(rf"{re.escape(path.stem)}(?:\.(\d{{1,12}}))?{re.escape(path.suffix)}")
    try:
        names = [each.name for each in path.parent.iterdir()]
    except OSError:
        return {}
    return {
        path.with_name(name): int(match[1] or 0)
        for name in names
        if (match := pattern.fullmatch(name)) is not None
    }


def _load(file: Path) -> SigningKey:
    def missing() -> SigningKey:
        raise SettingsError([f"{file} has gone"])

    return load_or_create(file, missing, SigningKey.pem, key_from_pem)
