"""`explain`: why a signature was refused, for the owner of the key; pure, nothing is sent.

- The hub answers a refusal with a code only. Whoever made the request has all the rest: what was
  signed, what was sent, the answer's Date; this compares them with what the hub must have computed.
- Findings come in the order in which the hub checks, each with what to do.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from hub.access import content_digest
from hub.access.components import Message, signature_base
from hub.access.errors import Reason, SignatureError
from hub.access.limits import CLOCK_AHEAD_S, SIGNATURE_LIFETIME_S
from hub.access.signatures import REQUEST_TAG, Operation, read_signature_input
from hub.crypto.keys import VerifyKey

_SHOWN = 120


@dataclass(frozen=True, slots=True)
class SentRequest:
    """A request as it was sent. `base`: what its maker signed. Header names in lower case."""

    method: str
    target_uri: str
    headers: Mapping[str, str]
    body: bytes
    base: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference: the code the hub gives for it, where, what was signed, what arrives."""

    reason: Reason
    component: str
    signed: str
    seen: str
    advice: str


def explain(
    sent: SentRequest,
    operation: Operation,
    *,
    keys: Mapping[str, VerifyKey],
    server_time: datetime,
) -> tuple[Finding, ...]:
    """Return every reason for which the hub refuses `sent`; empty when it would accept it.

    `keys`: the caller's registered active keys by thumbprint. `server_time`: the hub's clock, from
    the Date header of its answer.
    """
    try:
        components, params, signature = read_signature_input(sent.headers)
    except SignatureError as error:
        return (Finding(error.reason, "signature-input", "", error.detail, error.reason.advice),)
    findings = [
        *_components(sent, operation, components),
        *_tag(params),
        *_key(params, keys),
        *_times(params, server_time),
        *_body(sent),
    ]
    text = sent.headers["signature-input"].partition("=")[2]
    findings += _lines(sent, components, text)
    key = keys.get(params.get("keyid", ""))
    if not findings and key is not None and not _verifies(sent, components, text, key, signature):
        advice = "the base is right but not signed by this private key: check the key file"
        findings.append(
            Finding(Reason.SIG_INVALID, "signature", key.kid, "does not verify", advice)
        )
    return tuple(findings)


def body_difference(body: bytes, digest: str) -> str:
    """Say how the body that was hashed differs from `body`, when a common change explains it."""
    for words, variant in _variants(body):
        try:
            content_digest.check(digest, variant)
        except SignatureError:
            continue
        return words
    return "the hashed bytes are none of the usual variants of this body"


def _variants(body: bytes) -> list[tuple[str, bytes]]:
    variants = [
        ("body differs: a trailing newline is missing on the wire", body + b"\n"),
        ("body differs: trailing newline added on the wire", body.rstrip(b"\r\n")),
        ("body differs: line ends were CRLF when hashed", body.replace(b"\n", b"\r\n")),
        ("body differs: line ends became CRLF on the wire", body.replace(b"\r\n", b"\n")),
        (
            "body differs: a byte order mark was added on the wire",
            body.removeprefix(b"\xef\xbb\xbf"),
        ),
        ("body differs: it was empty when hashed", b""),
    ]
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return variants
    spellings = {
        "body differs: JSON was compact when hashed": (",", ":"),
        "body differs: JSON had spaces when hashed": (", ", ": "),
    }
    for words, separators in spellings.items():
        for ascii_only in (False, True):
            text = json.dumps(value, separators=separators, ensure_ascii=ascii_only)
            variants.append((words, text.encode(errors="surrogatepass")))
    return variants


def _components(
    sent: SentRequest, operation: Operation, components: tuple[str, ...]
) -> list[Finding]:
    wanted = operation.wanted(sent.headers)
    if components == wanted:
        return []
    lacking = [name for name in wanted if name not in components]
    extra = [name for name in components if name not in wanted]
    if lacking:
        advice = f"also cover {' '.join(lacking)}"
    elif extra:
        advice = f"do not cover {' '.join(extra)}: such a header is not sent or not in the profile"
    else:
        advice = "cover the components in the order of the profile"
    return [
        Finding(
            Reason.SIG_COMPONENTS, "signature-input", " ".join(components), " ".join(wanted), advice
        )
    ]


def _tag(params: Mapping[str, str]) -> list[Finding]:
    if params.get("tag") == REQUEST_TAG:
        return []
    tag = params.get("tag", "")
    return [Finding(Reason.SIG_LABEL, "tag", tag, REQUEST_TAG, Reason.SIG_LABEL.advice)]


def _key(params: Mapping[str, str], keys: Mapping[str, VerifyKey]) -> list[Finding]:
    kid = params.get("keyid", "")
    key = keys.get(kid)
    if key is None:
        known = " ".join(sorted(keys)) or "none"
        return [Finding(Reason.SIG_KEY_UNKNOWN, "keyid", kid, known, Reason.SIG_KEY_UNKNOWN.advice)]
    if params.get("alg") != key.http_name:
        alg = params.get("alg", "")
        return [Finding(Reason.SIG_ALG, "alg", alg, key.http_name, Reason.SIG_ALG.advice)]
    return []


def _times(params: Mapping[str, str], server_time: datetime) -> list[Finding]:
    created, expires = int(params.get("created", 0)), int(params.get("expires", 0))
    now = server_time.timestamp()
    if created > now + CLOCK_AHEAD_S:
        advice = f"your clock is {created - now:.0f} s ahead of the hub's"
        return [Finding(Reason.SIG_FUTURE, "created", str(created), f"{now:.0f}", advice)]
    if not 0 < expires - created <= SIGNATURE_LIFETIME_S:
        advice = f"expires must be 1 to {SIGNATURE_LIFETIME_S} s after created"
        return [Finding(Reason.SIG_EXPIRED, "expires", str(expires), str(created), advice)]
    if now >= expires:
        advice = (
            f"made {now - created:.0f} s ago by the hub's clock: send at once, check your clock"
        )
        return [Finding(Reason.SIG_EXPIRED, "expires", str(expires), f"{now:.0f}", advice)]
    return []


def _body(sent: SentRequest) -> list[Finding]:
    header = sent.headers.get("content-digest", "")
    try:
        content_digest.check(header, sent.body)
    except SignatureError as error:
        actual = content_digest.content_digest(sent.body)
        advice = body_difference(sent.body, header) if header else "send Content-Digest"
        return [Finding(error.reason, "content-digest", header, actual, advice)]
    return []


def _lines(sent: SentRequest, components: tuple[str, ...], params: str) -> list[Finding]:
    """Compare the base that was signed with the one the hub computes, line by line."""
    if not sent.base:
        return []
    signed = dict(line.partition(": ")[::2] for line in sent.base.split("\n"))
    findings = []
    for name in (*components, '"@signature-params"'):
        try:
            base = signature_base(_message(sent), (name,) if name in components else (), params)
        except KeyError:
            seen = "absent from the request"
        else:
            seen = base.decode("ascii").split("\n")[0].partition(": ")[2]
        if signed.get(name) != seen:
            was = signed.get(name, "not in the base")
            advice = _line_advice(name, was, seen)
            findings.append(Finding(Reason.SIG_INVALID, name, was[:_SHOWN], seen[:_SHOWN], advice))
    return findings


def _line_advice(name: str, signed: str, seen: str) -> str:
    if signed.strip() == seen.strip():
        return f"{name} differs in surrounding spaces only: strip the value before signing"
    if name == '"@target-uri"':
        return "sign the hub's public address exactly as sent: scheme, host, escapes, query"
    if name == '"@method"' and signed.upper() == seen:
        return "write the method in capitals in the base"
    return f"{name} in the base is not what the request carries: sign after the last change to it"


def _verifies(
    sent: SentRequest, components: tuple[str, ...], params: str, key: VerifyKey, signature: bytes
) -> bool:
    return key.verifies(signature_base(_message(sent), components, params), signature)


def _message(sent: SentRequest) -> Message:
    return Message(sent.method, sent.target_uri, headers=sent.headers)
