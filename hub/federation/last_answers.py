"""`last_answers`: what sources said last of instruments, by hash: the same bytes need no mapping.

An answer is known again by everything that its rows are made of: the source as it is deployed, what
its look-up lists told, the window that was asked for, and its documents. Only answers of sources
whose rows say nothing else are kept (`Live.is_steady`). Where the exchanges that it took can take
place again, the same bytes are not even read as a list (`connectors.http.heard`). Whether what they
said still stands is another question, which the store answers each time (`hub.intake.renewing`).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from adapters._live import LiveList
from connectors.document import Document
from connectors.http.heard import Heard
from hub.federation.limits import HEARD_MAX, LAST_ANSWERS_MAX
from hub.federation.live_answer import SaidCalendar
from hub.federation.targets import Target
from hub.harvest.source import HarvestSource

__all__ = ["AnswerMadeOf", "LastAnswer", "LastAnswers", "digest_of_documents", "repeatable"]


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


@dataclass(frozen=True, slots=True)
class LastAnswer:
    """What a source said last of an instrument, and how it was asked."""

    made_of: AnswerMadeOf
    said: SaidCalendar
    parts: tuple[LiveList, ...]
    """What was asked for."""
    heard: tuple[Heard, ...]
    """Every exchange that it took; none where asking the same again would not be the same."""
    rows: int
    """Rows that came."""

    def is_of(
        self,
        source: HarvestSource,
        looked_up: object,
        window_start: datetime,
        parts: tuple[LiveList, ...],
    ) -> bool:
        """Tell whether the same bytes would say the same, asked for this by the same exchanges."""
        made_of = self.made_of
        return (
            bool(self.heard)
            and made_of.source is source
            and made_of.looked_up is looked_up
            and made_of.window_start == window_start
            and self.parts == parts
        )


class LastAnswers:
    """The last answers, a bounded number; the one that was asked for longest ago goes first."""

    def __init__(self) -> None:
        self._answers: OrderedDict[tuple[str, str, str], LastAnswer] = OrderedDict()

    def of(self, target: Target) -> LastAnswer | None:
        """Return the last answer of a source about an instrument."""
        name = (target.source, target.key, target.own_key)
        known = self._answers.get(name)
        if known is not None:
            self._answers.move_to_end(name)
        return known

    def keep(self, target: Target, answer: LastAnswer) -> None:
        """Keep an answer in place of the one before it."""
        name = (target.source, target.key, target.own_key)
        self._answers[name] = answer
        self._answers.move_to_end(name)
        if len(self._answers) > LAST_ANSWERS_MAX:
            self._answers.popitem(last=False)


def repeatable(heard: Sequence[Heard]) -> tuple[Heard, ...]:
    """Return exchanges that may take place again word for word; nothing where one may not.

    A question with a body may hold a number or a moment of its own.
    """
    plain = all(each.question.method == "GET" for each in heard)
    return tuple(heard) if plain and len(heard) <= HEARD_MAX else ()


def digest_of_documents(documents: Iterable[Document]) -> bytes:
    """Return the SHA-256 over the hashes of documents in their order."""
    digest = sha256()
    for each in documents:
        digest.update(each.digest)
    return digest.digest()
