"""`policy`: which logs a verifier trusts, and which witnesses must have cosigned.

Invariants:
- The file is C2SP tlog-policy and nothing else: `log`, `witness`, `group`, one `quorum`. Producer
  keys are not part of it (see `hub.ledger.keys`).
- A public key stands once in a file, whatever its names: nobody counts twice. A key that is
  a log's is no witness.
- A name is a member of at most one group, and is defined before it is used: the quorum is a tree.
- `quorum none` is a decision and not a default: a file without a quorum line is refused.

C2SP tlog-policy.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import NoReturn

from hub.ledger.encoding import from_decimal
from hub.ledger.errors import NoteError, PolicyError
from hub.ledger.limits import POLICY_BYTES_MAX, POLICY_LINES_MAX
from hub.ledger.note import LOG_KEY, WITNESS_KEY, VerifierKey, parse_vkey

NONE = "none"
"""The quorum that asks for no witness."""

_FORBIDDEN = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]")
_BLANKS = re.compile(r"[ \t]+")


@dataclass(frozen=True, slots=True)
class Group:
    """At least `threshold` of the members must have witnessed."""

    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """What a verifier trusts; made by `parse_policy`."""

    logs: tuple[VerifierKey, ...]
    witnesses: Mapping[str, VerifierKey]
    groups: Mapping[str, Group]
    quorum: str

    @property
    def asks_witnesses(self) -> bool:
        """Whether any cosignature is needed."""
        return self.quorum != NONE

    def is_met(self, witnessed: Collection[str]) -> bool:
        """Return whether these witnesses, by their names in the policy, satisfy the quorum."""
        return not self.asks_witnesses or self._has(self.quorum, witnessed)

    def _has(self, name: str, witnessed: Collection[str]) -> bool:
        group = self.groups.get(name)
        if group is None:
            return name in witnessed
        return sum(self._has(member, witnessed) for member in group.members) >= group.threshold

    def encode(self) -> bytes:
        """Return the policy file."""
        lines = [f"log {key.encode()}" for key in self.logs]
        lines += [f"witness {name} {key.encode()}" for name, key in self.witnesses.items()]
        for name, group in self.groups.items():
            lines.append(f"group {name} {group.threshold} {' '.join(group.members)}")
        lines.append(f"quorum {self.quorum}")
        return ("\n".join(lines) + "\n").encode("utf-8", "surrogateescape")


@dataclass(slots=True)
class _Draft:
    logs: list[VerifierKey] = field(default_factory=list)
    witnesses: dict[str, VerifierKey] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    grouped: set[str] = field(default_factory=set)
    publics: set[bytes] = field(default_factory=set)
    quorum: str | None = None

    def knows(self, name: str) -> bool:
        return name in self.witnesses or name in self.groups

    def add(self, words: list[str]) -> None:
        match words:
            case ["log", vkey] | ["log", vkey, _]:
                self.logs.append(self._key(vkey, LOG_KEY))
            case ["witness", name, vkey] | ["witness", name, vkey, _]:
                self._name(name)
                self.witnesses[name] = self._key(vkey, WITNESS_KEY)
            case ["group", name, threshold, *members]:
                self._name(name)
                self.groups[name] = self._group(threshold, members)
            case ["quorum", name]:
                self._quorum(name)
            case _:
                _refuse("POLICY_LINE", f"line {' '.join(words)[:60]!r} is not of a policy")
        if max(len(self.logs), len(self.witnesses), len(self.groups)) > POLICY_LINES_MAX:
            _refuse("POLICY_TOO_LARGE", f"at most {POLICY_LINES_MAX} logs, witnesses and groups")

    def _name(self, name: str) -> None:
        if name == NONE or self.knows(name):
            _refuse("POLICY_NAME", f"name {name!r} is taken")

    def _key(self, text: str, kind: int) -> VerifierKey:
        try:
            key = parse_vkey(text)
        except NoteError as error:
            raise PolicyError("POLICY_KEY", error.message) from error
        if key.kind != kind:
            _refuse("POLICY_KEY", f"the key of {key.name} has the wrong signature type")
        if key.public in self.publics:
            _refuse("POLICY_DUPLICATE", f"the key of {key.name} stands in the policy twice")
        self.publics.add(key.public)
        return key

    def _group(self, threshold: str, members: list[str]) -> Group:
        if not members:
            _refuse("POLICY_GROUP", "a group has at least one member")
        for member in members:
            if not self.knows(member):
                _refuse("POLICY_NAME", f"name {member!r} is not defined before its use")
            if member in self.grouped:
                _refuse("POLICY_GROUP", f"{member!r} is a member of a group already")
            self.grouped.add(member)
        return Group(_threshold(threshold, len(members)), tuple(members))

    def _quorum(self, name: str) -> None:
        if self.quorum is not None:
            _refuse("POLICY_QUORUM", "a policy has one quorum line")
        if name != NONE and not self.knows(name):
            _refuse("POLICY_NAME", f"name {name!r} is not defined before its use")
        self.quorum = name


def parse_policy(data: bytes) -> Policy:
    """Read a policy file strictly, or raise `PolicyError`."""
    if len(data) > POLICY_BYTES_MAX:
        _refuse("POLICY_TOO_LARGE", f"a policy has at most {POLICY_BYTES_MAX} bytes")
    if _FORBIDDEN.search(data) or not data.endswith(b"\n"):
        _refuse("POLICY_TEXT", "a policy has lines that end in LF, and no control characters")
    draft = _Draft()
    # Octets above 0x7f are opaque: surrogateescape keeps two different spellings different.
    for line in data.decode("utf-8", "surrogateescape").split("\n"):
        words = _BLANKS.split(line.strip(" \t"))
        if words[0] and not words[0].startswith("#"):
            draft.add(words)
    if draft.quorum is None:
        _refuse(
            "POLICY_QUORUM", "a policy says which quorum it asks for; write quorum none for none"
        )
    return Policy(tuple(draft.logs), draft.witnesses, draft.groups, draft.quorum)


def _threshold(text: str, count: int) -> int:
    if text == "all":
        return count
    if text == "any":
        return 1
    try:
        threshold = from_decimal(text)
    except ValueError as error:
        raise PolicyError("POLICY_GROUP", "a threshold is any, all or a number") from error
    if not 1 <= threshold <= count:
        _refuse("POLICY_GROUP", f"a threshold lies between 1 and {count}")
    return threshold


def _refuse(code: str, message: str) -> NoReturn:
    raise PolicyError(code, message)
