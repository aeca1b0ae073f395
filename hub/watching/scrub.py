"""`scrub`: takes secrets out of a line of the log, whoever wrote it and whatever it quotes.

Two ways, both always:

- by form: tokens, assertions, proofs and other JWS, RFC 9421 signatures, private keys in PEM and as
  JWK, passwords in addresses, what follows `Authorization`, `DPoP`, `Signature`, `password`;
- by value: what the hub knows to be secret (`hide`): passwords, credentials of sources.

Every pattern is linear in the length of the line.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from urllib.parse import quote, unquote, urlsplit

from hub.watching.limits import SECRET_CHARACTERS_MIN, SECRETS_MAX

GONE = "[secret]"
_PARTS = (
    r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[^-]*(?:-----END [A-Z ]{0,40}PRIVATE KEY-----)?",
    r"\beyJ[\w-]+(?:\.[\w-]*){1,4}",  # JWS and JWT in compact form
    r"\b(?:Bearer|DPoP)\s+[\w.~+/=-]{16,}",
    r"(?i:\b(?:hub-)?sig[\w-]*=:)[\w+/=]+:?",  # RFC 9421: signature dictionary
)
_WHOLE = re.compile("|".join(_PARTS))
_PASSWORD = re.compile(r"(://[^\s:/@]{0,200}:)[^\s@/]{1,500}@")
_NAMED = re.compile(
    r"""(?ix)\b((?:client_)?(?:secret|assertion)|pass(?:word|wd)|pgpassword|api[_-]?key
    |x-api-key|access_token|refresh_token|authorization|cookie|dpop|signature|jws|salt)
    (["']?\s{0,3}[:=]\s{0,3}b?["']?)(?!\[secret\])[^\s"',;&)}\]]{4,}"""
)
_JWK = re.compile(r"""(["']d["']\s{0,3}:\s{0,3}["'])[\w-]{20,}""")


class Scrubber:
    """Knows secrets by form and by value."""

    def __init__(self) -> None:
        self._values: OrderedDict[str, None] = OrderedDict()
        self._pattern: re.Pattern[str] | None = None

    def hide(self, *secrets: str | None) -> None:
        """Take these out of every line from now on, also as they stand in an address."""
        for secret in secrets:
            if secret is None or len(secret) < SECRET_CHARACTERS_MIN:
                continue
            for form in (secret, quote(secret, safe="")):
                self._values[form] = None
                self._values.move_to_end(form)
        while len(self._values) > SECRETS_MAX:
            self._values.popitem(last=False)
        longest_first = sorted(self._values, key=len, reverse=True)
        self._pattern = (
            re.compile("|".join(map(re.escape, longest_first))) if self._values else None
        )

    def hide_address(self, url: str | None) -> None:
        """Take the password of an address out of every line."""
        if url is not None:
            password = urlsplit(url).password
            self.hide(password, None if password is None else unquote(password))

    def __call__(self, line: str) -> str:
        """Return the line without secrets."""
        if self._pattern is not None:
            line = self._pattern.sub(GONE, line)
        line = _WHOLE.sub(GONE, line)
        line = _PASSWORD.sub(rf"\1{GONE}@", line)
        line = _JWK.sub(rf"\1{GONE}", line)
        return _NAMED.sub(rf"\1\2{GONE}", line)


SCRUBBER = Scrubber()
"""That of this process: a log is one for each process, so is what must not be in it."""
