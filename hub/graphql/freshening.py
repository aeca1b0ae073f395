"""`freshening`: between plan and statement: what a request wants fresher than the store has it.

A request that says nothing of freshness never comes here. Else the keys of the instruments that it
touches are found by statements of its own, their sources are asked until the deadline of their
field, and what came of it goes with the statement and with the manifest. A page whose rows depend
on calendars is looked at again after something was heard: what came into it is asked about too,
where time is left, and else told by its age: what was not refreshed is STALE. What a page leaves
out because of old data nobody can know.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from hub.errors import ErrorCode, HubError
from hub.federation.entries import Answered, AnswerStatus, failure_of, good_until, older, summed
from hub.federation.errands import Questioner
from hub.federation.limits import ROUNDS_MAX
from hub.federation.service import Federation, FreshenRequest
from hub.query.answer.execute import Run, Statements
from hub.query.plan.binding import Env
from hub.query.plan.freshness import Freshness
from hub.query.sql.compiled import Compiled
from hub.query.sql.touching import Touch, WantedFreshness

SOURCES_TOLD_MAX = 10
"""Sources that an error names one by one."""


class Freshening:
    """Asks sources before a statement runs. Without `federation` nobody is asked."""

    def __init__(self, statements: Statements, federation: Federation | None) -> None:
        self._statements, self._federation = statements, federation

    async def before(self, compiled: Compiled, env: Env, run: Run, asked: Freshness | None) -> None:
        """Make what a statement reads as fresh as it is wanted; say in `env` and `run` how it went.

        Raises `HubError` SOURCE_UNAVAILABLE, SOURCE_TIMEOUT or SOURCE_STALE where the request takes
        no partial answer.
        """
        pairs = [(touch, touch.wanted(env.values, asked)) for touch in compiled.touches]
        wanted = [(touch, want) for touch, want in pairs if want is not None]
        if not wanted:
            return
        began = asyncio.get_running_loop().time()
        looked_up = await self._looked_up(compiled, wanted, env, run)
        rounds = [
            (want, self._heard(keys, self._request(want, began, run)))
            for want, keys in looked_up.items()
        ]
        rounds += [
            (want, self._touched(touch, self._request(want, began, run), env, run))
            for touch, want in wanted
            if not (looked_up and touch.is_look_up)
        ]
        by_round = await _together([each for _, each in rounds])
        answers = [answer for found in by_round for answer in found]
        strictest = min(want.max_staleness_s for _, want in wanted)
        assert run.known is not None, "the sources were read when the values were bound"
        facts = run.known.facts(compiled.records)
        if asked is not None and asked.fails:
            _require(answers)
        told = {**older(facts, run.now - timedelta(seconds=strictest)), **summed(answers)}
        if all(each["status"] == AnswerStatus.OK for each in told.values()):
            ages = [
                (want.max_staleness_s, found)
                for (want, _), found in zip(rounds, by_round, strict=True)
            ]
            run.good_until = good_until(ages, facts, strictest)
        known = {each["id"]: {**each, **told.get(each["id"], {})} for each in facts}
        own = {source: known[source] for source in told if source in known}
        run.sources = {**known, **(run.sources or {}), **own}  # of other fields, run by themselves
        env.manifest = run.known.bound(run.sources)
        _list_too(frozenset(each.source for each in answers), env, run)

    async def _looked_up(
        self,
        compiled: Compiled,
        wanted: Sequence[tuple[Touch, WantedFreshness]],
        env: Env,
        run: Run,
    ) -> dict[WantedFreshness, list[str]]:
        """Return the keys of the fields that look one up, by how fresh they are wanted.

        They are found by one statement where all are wanted; else each field finds its own.
        """
        asked = [(touch, want) for touch, want in wanted if touch.is_look_up]
        count = sum(touch.is_look_up for touch in compiled.touches)
        if compiled.looked_up is None or self._federation is None or len(asked) < count:
            return {}
        body = await self._statements.fetch(compiled.looked_up, env, run)
        keys: dict[WantedFreshness, list[str]] = {}
        for touch, want in asked:
            keys.setdefault(want, []).extend(touch.found(body))
        return keys

    def _request(self, want: WantedFreshness, began: float, run: Run) -> FreshenRequest:
        left_s = want.deadline_s if run.relay is None else min(want.deadline_s, run.relay.left_s)
        return FreshenRequest(
            since=run.now - timedelta(seconds=want.max_staleness_s),
            until=began + left_s,
            is_anonymous=run.caller.anonymous,
            asker=Questioner(caller=run.caller, request_id=run.request_id, relay=run.relay),
            charge=partial(self._statements.charge, run=run),
        )

    async def _heard(self, keys: list[str], request: FreshenRequest) -> list[Answered]:
        """Freshen some instruments."""
        assert self._federation is not None, "keys are looked up where somebody can be asked"
        return await self._federation.freshen(keys, request) if keys else []

    async def _touched(
        self, touch: Touch, request: FreshenRequest, env: Env, run: Run
    ) -> list[Answered]:
        """Freshen what one field of the root touches."""
        if touch.keys is None or self._federation is None:
            return []
        answers: list[Answered] = []
        known: set[str] = set()
        for rounds_left in reversed(range(ROUNDS_MAX + 1 if touch.moves else 1)):
            found = touch.found(await self._statements.fetch(touch.keys, env, run))
            keys = [key for key in found if key not in known]
            if not keys:
                break
            is_late = asyncio.get_running_loop().time() >= request.until
            if known and (is_late or not rounds_left):
                answers += await self._federation.known(keys, request)
                break
            known.update(keys)
            new = await self._federation.freshen(keys, request)
            answers += new
            if not any(each.is_news for each in new):
                break  # the page is what it was
        return answers


def _list_too(told: frozenset[str], env: Env, run: Run) -> None:
    """Have the manifest list whoever was looked at, registered for the institution or not."""
    if run.could is not None:
        run.could |= told
    could = env.could
    if could is not None:
        env.could = lambda reach: could(reach) | told


async def _together(
    rounds: Sequence[Coroutine[Any, Any, list[Answered]]],
) -> list[list[Answered]]:
    """Wait for all; where one is refused the others are not waited for."""
    if len(rounds) == 1:
        return [await rounds[0]]
    tasks = [asyncio.create_task(each) for each in rounds]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()


def _require(answers: Sequence[Answered]) -> None:
    """Raise unless every source that was touched answered as fresh as asked."""
    failed = failure_of(answers)
    if failed is None:
        return
    code, sources = failed
    raise SourcesFailedError(code, tuple(sources[:SOURCES_TOLD_MAX]))


class SourcesFailedError(HubError):
    """Sources did not answer as fresh as asked, and the request takes no partial answer."""

    retry_after_s = 1

    def __init__(self, code: ErrorCode, sources: tuple[str, ...]) -> None:
        self.sources = sources
        shown = ", ".join(sources)
        super().__init__(
            code,
            hint=f"{shown}: send it again, allow older data, or take a partial answer "
            "(onSourceError: PARTIAL)",
            hint_zh=f"{shown}：请重发，或允许较旧的数据，或接受部分应答（onSourceError: PARTIAL）",
        )
