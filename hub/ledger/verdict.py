"""`verdict`: the one word that a verifier answers, with its facts and its sentences.

What is judged raises `RefusedVerdictError` with the word of the first step that fails.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from schema.codes import Assurance


class Word(StrEnum):
    """The one word of a verdict."""

    VALID = "VALID"
    VALID_UNWITNESSED = "VALID_UNWITNESSED"
    BAD_RECORD = "BAD_RECORD"
    BAD_PRODUCER_SIG = "BAD_PRODUCER_SIG"
    UNKNOWN_KEY = "UNKNOWN_KEY"
    KEY_NOT_ACTIVE = "KEY_NOT_ACTIVE"
    BAD_LEAF = "BAD_LEAF"
    BAD_LOG_SIG = "BAD_LOG_SIG"
    NO_QUORUM = "NO_QUORUM"
    BAD_INCLUSION = "BAD_INCLUSION"
    MALFORMED = "MALFORMED"

    @property
    def is_valid(self) -> bool:
        """Whether the record is proved, with or without witnesses."""
        return self in (Word.VALID, Word.VALID_UNWITNESSED)


@dataclass(frozen=True, slots=True)
class VerdictReason:
    """One sentence in Chinese and in English."""

    zh: str
    en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The answer; everything but word, reasons and detail is None unless the word is valid."""

    word: Word
    reasons: tuple[VerdictReason, ...]
    detail: str = ""
    """Code and technical cause of a refusal, in English."""
    assurance: Assurance | None = None
    record_type: str | None = None
    authority: str | None = None
    """Who numbers records of this key; empty where the world shares the key."""
    key: str | None = None
    revision: int | None = None
    party: str | None = None
    revision_id: str | None = None
    origin: str | None = None
    index: int | None = None
    log_size: int | None = None
    witnessed_at: datetime | None = None
    """When the quorum was complete, by the witnesses' clocks; the record existed by then."""
    witnesses: tuple[str, ...] = ()


class RefusedVerdictError(Exception):
    """What is judged is not proved. `detail`: code and technical cause, in English."""

    def __init__(self, word: Word, detail: str) -> None:
        super().__init__(detail)
        self.word = word
        self.detail = detail


REFUSALS = {
    Word.BAD_RECORD: VerdictReason(
        "记录字节不是规范形式。请使用枢纽提供的原始字节,不要重新排版。",
        "The record is not in canonical form. Use the bytes as the hub gave them, not reformatted.",
    ),
    Word.BAD_PRODUCER_SIG: VerdictReason(
        "产生单位的签名与记录不符:记录或签名被改动过,或签名者不是有权出具该记录的单位。",
        "The producer's signature does not fit: record or signature were changed, or the signer "
        "is not who may state this record.",
    ),
    Word.UNKNOWN_KEY: VerdictReason(
        "签名密钥不在固定的密钥清单中。请向枢纽索取并核对该单位的公钥。",
        "The signing key is not pinned for this party. Get its public key and check it.",
    ),
    Word.KEY_NOT_ACTIVE: VerdictReason(
        "签名密钥在该日志位置未启用或已停用。",
        "The signing key was not in force at this place of the log.",
    ),
    Word.BAD_LEAF: VerdictReason(
        "凭证不属于这条记录:记录被改动过,或拿错了凭证。",
        "The receipt is not of this record: it was changed, or the receipt is another one's.",
    ),
    Word.BAD_LOG_SIG: VerdictReason(
        "检查点没有策略所列日志的有效签名。",
        "No log of the policy has validly signed the checkpoint.",
    ),
    Word.NO_QUORUM: VerdictReason(
        "见证方签名不足或无效。稍后重新领取凭证再验证。",
        "Witnesses are missing or wrong. Fetch the receipt again later and verify that.",
    ),
    Word.BAD_INCLUSION: VerdictReason(
        "包含证明与检查点不符:该记录不在这份日志中。",
        "The proof does not lead to the checkpoint: the record is not in this log.",
    ),
    Word.MALFORMED: VerdictReason(
        "凭证格式有误,可能在传输中损坏。请重新领取。",
        "The receipt is not well formed, perhaps damaged on the way. Fetch it again.",
    ),
}
