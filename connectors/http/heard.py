"""`HeardExchanges`: what was asked in one reading, in order, with the hash of what came back.

A reading asks what follows from the answers before. So whoever asks the same questions again and
gets the same bytes has the same reading, without a reader taking the answers apart. Where one
differs, what has come until then is given to the reader, which does not ask for it twice.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from connectors.document import digest_of
from connectors.http.question import HttpAnswer, HttpQuestion

__all__ = ["Heard", "HeardExchanges"]


@dataclass(frozen=True, slots=True)
class Heard:
    """One question, and the SHA-256 of its answer with what decides how that is read."""

    question: HttpQuestion
    status: int
    content_type: str
    digest: bytes

    @classmethod
    def of(cls, question: HttpQuestion, answer: HttpAnswer) -> Heard:
        """Return an exchange as it is kept."""
        return cls(question, answer.status, answer.content_type, digest_of(answer.raw))

    def is_same(self, answer: HttpAnswer) -> bool:
        """Tell whether an answer is what came before, byte for byte."""
        read_alike = answer.status == self.status and answer.content_type == self.content_type
        return read_alike and digest_of(answer.raw) == self.digest


@dataclass(slots=True)
class HeardExchanges:
    """The exchanges of one reading; `ahead`: those that took place before it."""

    ahead: deque[tuple[HttpQuestion, HttpAnswer]] = field(default_factory=deque)
    exchanges: list[Heard] = field(default_factory=list)

    def is_next(self, question: HttpQuestion) -> bool:
        """Tell whether a question was asked ahead; one that was not ends what is ahead."""
        if self.ahead and self.ahead[0][0] != question:
            self.ahead.clear()
        return bool(self.ahead)

    def next(self) -> HttpAnswer:
        """Return the answer that came ahead."""
        question, answer = self.ahead.popleft()
        self.note(question, answer)
        return answer

    def note(self, question: HttpQuestion, answer: HttpAnswer) -> None:
        """Note an exchange."""
        self.exchanges.append(Heard.of(question, answer))
