"""`grants`: how a claim goes between the home of its voucher and the home of its service; pure.

    home of the voucher                          home of the service
    PENDING(attempt)    ── ask(attempt) ──►      GRANTED(attempt)
                        ◄── what it knows ──
    CONSUMED            ── word CONSUMED ──►     CONSUMED
    FREED               ── word NONE ──►         FREED

Either side may be killed between writing down and sending, and a message may be lost, come twice or
late. So each side answers from what it wrote down and from nothing else:

- The home of the voucher takes a grant only while it waits for that attempt. Attempts are drawn at
  random, so one that was given up is over for good and NONE about it is binding.
- The home of the service grants one claim at a time. It frees a grant only when the home of the
  voucher says NONE to its attempt, or says that what was consumed was released or rejected.
- Two records of one service in two logs are caught by fingerprints. Both claims are pending before
  their hubs ask each other; of two pending ones the smaller (origin, claim) wins, and the other one
  is beaten in the same step in which its hub answers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum


class SharedState(StrEnum):
    """How a claim stands at the home of its voucher."""

    PENDING = "PENDING"
    CONSUMED = "CONSUMED"
    FREED = "FREED"


class GrantState(StrEnum):
    """How a grant stands at the home of the service."""

    GRANTED = "GRANTED"
    CONSUMED = "CONSUMED"
    FREED = "FREED"


class ClaimWord(StrEnum):
    """What the home of a voucher says of an attempt."""

    PENDING = "PENDING"
    CONSUMED = "CONSUMED"
    NONE = "NONE"
    """It was not consumed, and will not be by this attempt."""


class Granting(StrEnum):
    """What the home of a service does when it is asked."""

    GIVE = "GIVE"
    AGAIN = "AGAIN"
    """The claim has it: it gets the same answer."""
    OVER = "OVER"
    """This attempt was given up by who asks; the question is an old one."""


@dataclass(frozen=True, slots=True)
class SharedStanding:
    """A claim at the home of its voucher."""

    attempt: str
    state: SharedState = SharedState.PENDING
    is_beaten: bool = False
    """Whether a smaller pending claim was told that this one stands in nobody's way."""

    @property
    def may_consume(self) -> bool:
        """Whether it may still take its money."""
        return self.state is SharedState.PENDING and not self.is_beaten


@dataclass(frozen=True, slots=True)
class GrantStanding:
    """A grant at the home of the service."""

    attempt: str
    state: GrantState = GrantState.GRANTED

    @property
    def is_live(self) -> bool:
        """Whether it keeps others from claiming the service."""
        return self.state is not GrantState.FREED


def takes_grant(stands: SharedStanding | None, attempt: str) -> bool:
    """Whether a grant that arrives is one that is waited for."""
    return stands is not None and stands.attempt == attempt and stands.state is SharedState.PENDING


def word_on(stands: SharedStanding | None, attempt: str) -> ClaimWord:
    """Return what the home of a voucher says of an attempt; NONE is binding."""
    if stands is None or stands.attempt != attempt or stands.state is SharedState.FREED:
        return ClaimWord.NONE
    return ClaimWord[stands.state.value]


def on_ask(stands: GrantStanding | None, attempt: str) -> Granting:
    """Return what a question for a grant leads to, for a claim of which this is known.

    Another attempt of the same claim takes the place of one that is granted: who asks has given the
    former one up. What is consumed stays consumed whatever is asked.
    """
    if stands is None or stands.state is GrantState.FREED:
        is_old = stands is not None and stands.attempt == attempt
        return Granting.OVER if is_old else Granting.GIVE
    if stands.state is GrantState.CONSUMED or stands.attempt == attempt:
        return Granting.AGAIN
    return Granting.GIVE


def on_word(stands: GrantStanding, attempt: str, word: ClaimWord) -> GrantStanding:
    """Return a grant after a word of the voucher's home; one about another attempt changes nothing.

    A freed grant stays freed: who said NONE can only have said CONSUMED before. What is consumed is
    told in another attempt by a home that lost the first one in a restore, and took it once more:
    from then on its word is about that one.
    """
    if stands.state is GrantState.CONSUMED and word is ClaimWord.CONSUMED:
        return replace(stands, attempt=attempt)
    if stands.attempt != attempt or stands.state is GrantState.FREED:
        return stands
    if word is ClaimWord.NONE:
        return replace(stands, state=GrantState.FREED)
    if word is ClaimWord.CONSUMED:
        return replace(stands, state=GrantState.CONSUMED)
    return stands


def is_in_the_way(
    stands: SharedStanding | None, own: tuple[str, str], asker: tuple[str, str]
) -> bool:
    """Whether a claim of this hub stands in the way of one of another hub with the same mark.

    `stands`: None for a claim that was consumed without asking anybody. `own`, `asker`: (origin,
    claim). Where it is not, the claim of this hub is beaten, and that is written down before the
    answer leaves: it may have heard "no hit" of the other one already.
    """
    is_pending = stands is not None and stands.state is SharedState.PENDING
    return not is_pending or own < asker
