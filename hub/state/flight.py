"""`flight`: of many callers that need the same answer at once, in all workers, one fetches it.

- In a worker the callers of one key share one task; it goes on when a caller gives up.
- Between workers the holder of a lease fetches. Its answer is kept for `KEEP_S`, where the others
  find it. When it fails or dies another worker takes the lease, at the latest when it has expired.
- A fetch is cancelled when its lease expires, so that no two workers fetch at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from hub.state.errors import FlightTimeoutError, StateUnavailableError
from hub.state.limits import FLIGHT_POLL_FIRST_S, FLIGHT_POLL_MOST_S, MAX_FLIGHTS
from hub.state.protocol import State

KEEP_S = 2.0
"""Seconds that an answer is kept for the callers that wait; a longer cache is up to the caller."""

Fetch = Callable[[], Awaitable[bytes]]


@dataclass(slots=True, eq=False)
class _Flight:
    """One fetch under way. `until`: when the last of its callers gives up, in loop time."""

    key: str
    fetch: Fetch
    lease_s: float
    until: float = 0.0
    task: asyncio.Task[bytes] = field(init=False)


class Flights:
    """The fetches of one worker that are under way."""

    def __init__(self, state: State, keep_s: float = KEEP_S) -> None:
        self._state = state
        self._keep_s = keep_s
        self._flights: dict[str, _Flight] = {}

    async def fetch_once(self, key: str, fetch: Fetch, *, lease_s: float, wait_s: float) -> bytes:
        """Return what `fetch` returns for `key`, called here or by the caller that came first.

        `lease_s`: longest time for one `fetch`. `wait_s`: longest wait of this caller.
        Raises what `fetch` raised when it ran in this worker; `FlightTimeoutError` when the
        time was over; `StateUnavailableError`.
        """
        flight = self._flights.get(key)
        if flight is None:
            if len(self._flights) >= MAX_FLIGHTS:
                raise StateUnavailableError("too many questions are on their way")
            flight = _Flight(key, fetch, lease_s)
            flight.task = asyncio.create_task(self._answer_of(flight))
            self._flights[key] = flight
            flight.task.add_done_callback(partial(self._ended, flight))
        flight.until = max(flight.until, asyncio.get_running_loop().time() + wait_s)
        await asyncio.wait({flight.task}, timeout=wait_s)
        if not flight.task.done():
            raise FlightTimeoutError(wait_s)
        if flight.task.cancelled():
            raise StateUnavailableError("this worker is stopping")
        return flight.task.result()

    async def aclose(self) -> None:
        """Cancel every fetch that is under way."""
        tasks = [flight.task for flight in self._flights.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _answer_of(self, flight: _Flight) -> bytes:
        clock = asyncio.get_running_loop().time
        began, key = clock(), flight.key
        pause = FLIGHT_POLL_FIRST_S
        while True:
            lease_ends = clock() + flight.lease_s
            token = await self._state.lease(key, flight.lease_s)
            if token is not None:
                try:
                    return await self._lead(flight, lease_ends)
                finally:
                    with suppress(StateUnavailableError):
                        await self._state.release(key, token)
            answer = await self._state.get(_answer_key(key))
            if answer is not None:
                return answer
            if clock() >= flight.until:
                raise FlightTimeoutError(clock() - began)
            await asyncio.sleep(pause)
            pause = min(2 * pause, FLIGHT_POLL_MOST_S)

    async def _lead(self, flight: _Flight, lease_ends: float) -> bytes:
        # The previous holder may have stored its answer between our last look and our lease.
        answer = await self._state.get(_answer_key(flight.key))
        if answer is not None:
            return answer
        limit = asyncio.timeout_at(lease_ends)
        try:
            async with limit:
                answer = await flight.fetch()
        except TimeoutError as error:
            if limit.expired():
                raise FlightTimeoutError(flight.lease_s) from error
            raise
        # An answer that cannot be shared is still an answer for this worker.
        with suppress(StateUnavailableError):
            await self._state.put(_answer_key(flight.key), answer, self._keep_s)
        return answer

    def _ended(self, flight: _Flight, task: asyncio.Task[bytes]) -> None:
        if self._flights.get(flight.key) is flight:
            del self._flights[flight.key]
        if not task.cancelled():
            task.exception()


def _answer_key(key: str) -> str:
    return f"flight:{key}"
