"""`registration`: a partner's registration document, and what the operator grants an applicant.

- The document is public: a name, one public key, the requested scopes and sources. The operator
  decides party, kind, scopes and sources; requested ones are only shown.
- A party is an institution key of a known scheme whose check digits are right; its sources are
  registered before.
- Whoever brings a key proves that he holds it, by a client assertion made with it
  (`proof_of_possession`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hub.access import assertion
from hub.access.cases import BY_CASE, CaseGrant
from hub.access.clients import (
    Client,
    ClientKey,
    ClientKind,
    ClientStatus,
    ClientStore,
    KeyRole,
    KeyStatus,
    RegistrationError,
)
from hub.access.errors import TokenError
from hub.access.scopes import OPERATOR_WILDCARD, RESERVED_NAMES, SERVED_NAMES, expand
from hub.crypto.keys import SigningKey, VerifyKey, import_jwk
from schema.identifiers import check_institution_key
from schema.parties import HUB_PARTY
from schema.values import KEY_PATTERN

DOCUMENT_VERSION = "hub-registration-1"
_PARTY = re.compile(KEY_PATTERN)
_CLIENT_ID = re.compile(r"[a-z0-9][a-z0-9._\-]{2,63}")
_NAME_MAX = 200
_LIST_MAX = 64


@dataclass(frozen=True, slots=True)
class RegistrationRequest:
    """A registration document as read. Scopes and sources are only requested."""

    client_id: str
    name: str
    key: VerifyKey
    scopes: tuple[str, ...]
    sources: tuple[str, ...]


def application_document(
    client_id: str,
    name: str,
    key: VerifyKey,
    scopes: Iterable[str] = (),
    sources: Iterable[str] = (),
) -> dict[str, Any]:
    """Return the document that a partner sends to the operator; it holds no secret."""
    return {
        "version": DOCUMENT_VERSION,
        "clientId": client_id,
        "name": name,
        "jwk": dict(key.jwk),
        "kid": key.kid,
        "scopes": sorted(scopes),
        "sources": sorted(sources),
    }


def read_application(document: Mapping[str, Any]) -> RegistrationRequest:
    """Read a registration document; RegistrationError says what is wrong with it."""
    if not isinstance(document, Mapping):
        raise RegistrationError(
            "登记文件不是 JSON 对象，请重新生成。", "the document is no JSON object; make it again"
        )
    if document.get("version") != DOCUMENT_VERSION:
        raise RegistrationError(
            f"登记文件不是 {DOCUMENT_VERSION} 格式，请重新生成。",
            f"the document is not {DOCUMENT_VERSION}; make it again",
        )
    client_id, name, jwk = (document.get(n) for n in ("clientId", "name", "jwk"))
    if not isinstance(client_id, str) or not _CLIENT_ID.fullmatch(client_id):
        raise RegistrationError(
            "clientId：3 至 64 个字符，只用 a-z 0-9 . _ -，以字母或数字开头。",
            "clientId: 3 to 64 of a-z 0-9 . _ -, beginning with one of a-z 0-9",
        )
    if not isinstance(name, str) or not 0 < len(name) <= _NAME_MAX:
        raise RegistrationError(
            f"name：名称须为 1 至 {_NAME_MAX} 个字符。", f"name: 1 to {_NAME_MAX} characters"
        )
    if not isinstance(jwk, dict):
        raise RegistrationError("jwk：缺少公钥。", "jwk: the public key is missing")
    requested, sources = _texts(document, "scopes"), _texts(document, "sources")
    try:
        key = import_jwk(jwk, ed25519_allowed=False)
    except ValueError as error:
        raise bad_key(error) from error
    if document.get("kid", key.kid) != key.kid:
        raise RegistrationError(
            "kid 不是 jwk 的 RFC 7638 指纹，请重新生成登记文件。",
            "kid is not the RFC 7638 thumbprint of jwk",
        )
    return RegistrationRequest(client_id, name, key, granted(requested), sources)


def bad_key(error: Exception) -> RegistrationError:
    """Say that a key is none that a client may have; `error` says why."""
    return RegistrationError(
        "jwk：公钥不合要求。请用 `deltahub client` 生成：EC、P-256 的公钥，不含私钥 d。",
        f"jwk: {error}",
    )


@dataclass(frozen=True, slots=True)
class ClientGrant:
    """What the operator grants an applicant: for whom it acts, what it may do, and as whom."""

    party: str
    kind: ClientKind
    scopes: tuple[str, ...]
    sources: tuple[str, ...] = ()
    agent: str | None = None
    """Who holds the key for the party: a service provider, where it is not the party itself."""
    cases: tuple[CaseGrant, ...] = ()
    """For each scope that is given by case: which, what for, and until when."""
    role: KeyRole | None = None
    """What the person who holds the key may do for the client; None where roles are not used."""


def granted(scopes: Iterable[str]) -> tuple[str, ...]:
    """Return scopes that can be granted; RegistrationError names those that cannot."""
    names = set(scopes)
    if OPERATOR_WILDCARD in names:
        names.remove(OPERATOR_WILDCARD)
        names |= {name for name in SERVED_NAMES if name.startswith("operator:")}
    try:
        wanted = expand(names)
    except ValueError as error:
        raise RegistrationError(
            "有的权限范围不存在；可用的见 /guide 与接口标准。", str(error)
        ) from error
    reserved = sorted(RESERVED_NAMES.intersection(wanted))
    if reserved:
        raise RegistrationError(
            f"权限范围 {'、'.join(reserved)} 尚未提供服务，请去掉。",
            f"nothing is served yet under {', '.join(reserved)}; leave it out",
        )
    return wanted


def check_party(text: str) -> None:
    """Raise RegistrationError, with what is wrong, for what is no party that a client acts for."""
    if _PARTY.fullmatch(text) is None or text.startswith(HUB_PARTY):
        raise RegistrationError(
            f"“{text}”不是接入方可以代表的单位；请写 uscc:…、moe:… 或 ror:…。",
            f"{text!r} is no party that a client may act for; write uscc:…, moe:… or ror:…",
        )
    flaw = check_institution_key(text)
    if flaw is not None:
        raise RegistrationError(f"{text}：{flaw.zh}", f"{text}: {flaw.en}")


def check_grant(grant: ClientGrant) -> tuple[str, ...]:
    """Check for whom and what an operator grants; return the scopes, written out."""
    if grant.kind is not ClientKind.SANDBOX:
        check_party(grant.party)
    if grant.agent is not None:
        check_party(grant.agent)
    return granted(grant.scopes)


async def admit(
    store: ClientStore, application: RegistrationRequest, grant: ClientGrant, now: datetime
) -> Client:
    """Register an application with what the operator grants; return the client."""
    scopes = check_grant(grant)
    without = sorted(BY_CASE & set(scopes) - {case.scope for case in grant.cases})
    if without:
        raise RegistrationError(
            f"{'、'.join(without)} 只按案授予；请写明案号、用途和最后一天。",
            f"{', '.join(without)}: given by case only; state case, purpose and last day",
        )
    client = Client(
        client_id=application.client_id,
        party=grant.party,
        kind=grant.kind,
        name=application.name,
        scopes=scopes,
        sources=tuple(sorted(set(grant.sources))),
        status=ClientStatus.ACTIVE,
        created_at=now,
        keys=(
            ClientKey(
                application.key,
                application.client_id,
                KeyStatus.ACTIVE,
                now,
                agent=grant.agent,
                role=grant.role,
            ),
        ),
        cases=tuple(each for each in grant.cases if each.scope in scopes),
    )
    await store.register(client)
    return client


def proof_of_possession(client_id: str, issuer: str, key: SigningKey, now: datetime) -> str:
    """Return the proof that a new key is its sender's: a client assertion that it has signed."""
    return assertion.make(client_id, issuer, key, now)


def check_possession(
    proof: object, client_id: str, key: VerifyKey, issuer: str, now: datetime
) -> assertion.Assertion:
    """Return a proof by exactly this key for exactly this client; RegistrationError otherwise.

    The caller must reserve its `replay_key` (one use) afterwards.
    """
    try:
        read = assertion.peek(proof if isinstance(proof, str) else "")
        assertion.check_possession(read, client_id, key, issuer, now)
    except TokenError as error:
        raise RegistrationError(
            "proof：请发送刚用新密钥为本枢纽签出的 client assertion（`deltahub client` "
            "会自动完成）；请校准时钟。",
            "proof: send a client assertion for this hub, made with the new key just now "
            "(`deltahub client` does); check your clock",
        ) from error
    return read


def _texts(document: Mapping[str, Any], name: str) -> tuple[str, ...]:
    texts = document.get(name, [])
    if (
        not isinstance(texts, list)
        or len(texts) > _LIST_MAX
        or not all(isinstance(text, str) and 0 < len(text) <= _NAME_MAX for text in texts)
    ):
        raise RegistrationError(
            f"{name}：须为至多 {_LIST_MAX} 个文本的数组。",
            f"{name}: a list of at most {_LIST_MAX} texts",
        )
    return tuple(texts)
