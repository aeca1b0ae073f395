"""`last_answers`: what sources said last of instruments, by hash: the same bytes need no mapping.

An answer is known again by everything that its rows are made of: the source as it is deployed, what
its look-up lists told, the window that was asked for, and its documents. Only answers of sources
whose rows say nothing else are kept (`Live.is_steady`). Whether what they said still stands is
another question, which the store answers each time (`hub.intake.renewing`).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from connectors.document import Document
from hub.federation.limits import LAST_ANSWERS_MAX
from hub.federation.live_answer import SaidCalendar
from hub.federation.targets import Target
from hub.harvest.source import HarvestSource

__all__ = ["AnswerMadeOf", "LastAnswers", "digest_of_documents"]


@dataclass(frozen=True, slots=True)
class AnswerMadeOf:
    """All that decides what the rows of an answer say."""

    source: HarvestSource
    looked_up: object
    """What the look-up lists told; the same object as long as they were not read again."""
    window_start: datetime
    documents: bytes

    def is_same(self, other: AnswerMadeOf) -> bool:
        """Tell whether both answers say the same."""
        return (
            self.documents == other.documents
            and self.window_start == other.window_start
            and self.source is other.source
            and self.looked_up is other.looked_up
        )


class LastAnswers:
    """The last answers, a bounded number; the one that was asked for longest ago goes first."""

    def __init__(self) -> None:
        self._answers: OrderedDict[tuple[str, str, str], tuple[AnswerMadeOf, SaidCalendar]] = (
            OrderedDict()
        )

    def said(self, target: Target, made_of: AnswerMadeOf) -> SaidCalendar | None:
        """Return what an answer says that is the last one, byte for byte; None where it is not."""
        name = (target.source, target.key, target.own_key)
        known = self._answers.get(name)
        if known is None or not known[0].is_same(made_of):
            return None
        self._answers.move_to_end(name)
        return known[1]

    def keep(self, target: Target, made_of: AnswerMadeOf, said: SaidCalendar) -> None:
        """Keep an answer in place of the one before it."""
        name = (target.source, target.key, target.own_key)
        self._answers[name] = (made_of, said)
        self._answers.move_to_end(name)
        if len(self._answers) > LAST_ANSWERS_MAX:
            self._answers.popitem(last=False)


def digest_of_documents(documents: Iterable[Document]) -> bytes:
    """Return the SHA-256 over the hashes of documents in their order."""
    digest = sha256()
    for each in documents:
        digest.update(each.digest)
    return digest.digest()
