"""`kept_answers`: answers to requests that say how old they may be, given again until then.

A request that names a freshness says how much the past may count. So its answer is given again to
who asks exactly the same with the same rights, as long as two things hold:

- every source that it touched said what it says as short ago as is asked for;
- no entry can be seen that could not be seen when it was made (`hub.store.generation`): whichever
  door and whichever worker changed a record, the next answer is made anew.

What may change without an entry (a source that is closed, agreements that begin) is read again
after `KEPT_S`, as the manifest is. An answer is not kept that is audited, is asked by another hub,
tells of a source that did not answer as asked, or was just told live: who asks next then learns
that it was not asked for him. It goes before a calendar that may not be kept expires. Whoever is
given a kept answer pays what it cost.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from hub.access.grants import PartyGrants
from hub.clock import Clock
from hub.graphql.answering import is_audited
from hub.graphql.limits import KEPT_ANSWER_BYTES, KEPT_BYTES, KEPT_S, SEEN_MAX
from hub.graphql.request import Asking, GraphRequest
from hub.query.answer.execute import Run
from hub.query.plan.documents import GraphDocument
from hub.store.database import Database
from hub.store.generation import Generation, Generations

__all__ = ["AskedAgain", "KeptAnswers", "KeptResponse"]


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptResponse:
    """An answer without what every request has anew."""

    begun: bytes
    cost: int
    hidden: int
    operation: str
    """By what name it is counted."""
    grants: PartyGrants
    generation: int
    made_at: datetime
    until: datetime


@dataclass(slots=True)
class AskedAgain:
    """A request whose answer may be kept."""

    name: Hashable
    """All that decides the answer, beside rights and time."""
    generation: Generation | None = None
    """That of the moment before its answer is made; None: it is asked for the first time."""


class KeptAnswers:
    """The answers that one worker keeps."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._generations = Generations(database, clock)
        self._answers: OrderedDict[Hashable, KeptResponse] = OrderedDict()
        self._seen: OrderedDict[Hashable, None] = OrderedDict()
        self._bytes = 0

    async def find(self, asked: AskedAgain, run: Run) -> KeptResponse | None:
        """Return the answer that is kept; None: it is to be made, and may be kept then."""
        if asked.name not in self._seen:  # most questions come once, and are not looked after
            self._seen[asked.name] = None
            if len(self._seen) > SEEN_MAX:
                self._seen.popitem(last=False)
            return None
        self._seen.move_to_end(asked.name)
        kept = self._answers.get(asked.name)
        asked.generation = await self._generations.now()
        if kept is None:
            return None
        is_valid = (
            kept.generation == asked.generation.number
            and kept.grants == run.grants
            and kept.made_at <= run.now < kept.until
        )
        if not is_valid:
            self._drop(asked.name, kept)
        return kept if is_valid else None

    def keep(
        self, asked: AskedAgain, run: Run, asking: Asking, whole: bytes, operation: str
    ) -> None:
        """Keep the answer to a request, if it may be."""
        generation, until = asked.generation, run.good_until
        if generation is None or until is None or is_audited(run, asking):
            return
        until = min(until, run.now + timedelta(seconds=KEPT_S), generation.ends_by or until)
        if until <= run.now or run.repeats > KEPT_ANSWER_BYTES:
            return
        known = self._answers.get(asked.name)
        if known is not None:
            self._drop(asked.name, known)
        self._bytes += run.repeats
        self._answers[asked.name] = KeptResponse(
            begun=whole[: run.repeats],
            cost=run.cost,
            hidden=run.hidden,
            operation=operation,
            grants=run.grants,
            generation=generation.number,
            made_at=run.now,
            until=until,
        )
        while self._bytes > KEPT_BYTES:
            self._drop(*next(iter(self._answers.items())))

    def _drop(self, name: Hashable, kept: KeptResponse) -> None:
        if self._answers.get(name) is kept:
            del self._answers[name]
            self._bytes -= len(kept.begun)


def asked_again(
    document: GraphDocument, request: GraphRequest, asking: Asking
) -> AskedAgain | None:
    """Return a request by what decides its answer; None where its answer is never kept."""
    names_freshness = document.names_freshness or request.freshness is not None
    caller = asking.caller
    if not names_freshness or asking.relay is not None or asking.reason is not None:
        return None
    if caller.requester is not None:
        return None
    name = (
        document.text,
        request.of_subgraph,
        request.operation_name,
        request.freshness,
        frozen(request.variables),
        asking.language,
        caller.scopes,
        caller.anonymous,
        caller.party,
    )
    return AskedAgain(name)


def frozen(value: Any) -> Hashable:
    """Return a JSON value as one that can be compared: 1, 1.0, "1.0" and true are four of them."""
    if type(value) is str:
        return value
    if isinstance(value, Mapping):
        return (dict, tuple((name, frozen(each)) for name, each in value.items()))
    if isinstance(value, list | tuple):
        return (list, tuple(map(frozen, value)))
    return (type(value), value)
