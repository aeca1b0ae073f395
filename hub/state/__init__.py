"""`state`: what the workers of one hub share: used nonces, buckets, short-lived answers, leases.

- One small asynchronous protocol (`protocol.State`), two implementations, one contract suite.
- It fails closed: a state that cannot exclude that a nonce was used raises an error.
- `flight.Flights` has one of many callers fetch an answer, over either implementation.
"""

from math import floor

from hub.clock import Clock
from hub.state.errors import (
    FlightTimeoutError,
    StateRestartedError,
    StateUnavailableError,
    SubscriberTooSlowError,
)
from hub.state.flight import Flights
from hub.state.memory import MemoryState
from hub.state.protocol import Allowance, State


def open_state(redis_url: str | None, clock: Clock) -> State:
    """Return the state of a hub: in Redis when there is an address, else in this process.

    In one process one clock orders what was before the start and after it, so proofs are accepted
    from the second of the start on; with Redis from `CLOCK_MARGIN_S` after its restart was noticed.
    The first call connects; `State.check` is meant to be that call.
    """
    if redis_url is None:
        return MemoryState(clock, accepted_from=floor(clock().timestamp()))
    from hub.state.redis import RedisState

    return RedisState(redis_url, clock)


__all__ = [
    "Allowance",
    "FlightTimeoutError",
    "Flights",
    "MemoryState",
    "State",
    "StateRestartedError",
    "StateUnavailableError",
    "SubscriberTooSlowError",
    "open_state",
]
