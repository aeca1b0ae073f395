"""`Breaker`: a source that fails again and again is not asked for a while.

- One for each source and record type. It opens when half of the last outcomes in a minute failed,
  five at least. Each worker counts what it sees itself; that one is open holds for all, in the
  shared state.
- While it is open nobody asks. Then one caller asks as a probe, by a lease that all workers share;
  its outcome closes the breaker or keeps it open. Everybody else is refused until then.
- A time-out, a server error and a refusal of our credentials are failures. An answer is not one,
  however wrong: the source is there. Nor is a caller that gives up.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from hub.clock import Clock
from hub.federation.limits import (
    FAILURE_SHARE,
    FAILURES_MIN,
    OPEN_KEPT_S,
    OPEN_S,
    OUTCOMES_MAX,
    OUTCOMES_S,
    PROBE_S,
)
from hub.state import State

__all__ = ["Breaker", "OutcomeWindow", "Permit"]

_LOG = logging.getLogger(__name__)
_CLOSED = b"closed"


def _nobody(_: bool, /) -> None:  # noqa: FBT001 - as a breaker tells it
    """Tell nobody."""


class OutcomeWindow:
    """The last outcomes at a source; pure."""

    def __init__(self) -> None:
        self._outcomes: deque[tuple[float, bool]] = deque(maxlen=OUTCOMES_MAX)

    def add(self, at: float, *, failed: bool) -> bool:
        """Note an outcome; return whether it opens the breaker."""
        self._outcomes.append((at, failed))
        recent = [failure for then, failure in self._outcomes if at - then <= OUTCOMES_S]
        failures = sum(recent)
        return failed and failures >= FAILURES_MIN and failures >= FAILURE_SHARE * len(recent)

    def clear(self) -> None:
        """Forget them: the source is looked at anew."""
        self._outcomes.clear()


@dataclass(frozen=True, slots=True)
class Permit:
    """Leave to ask. `probe`: the lease of the one that asks while the breaker is open."""

    probe: str | None = None


class Breaker:
    """The breaker of one record type at one source."""

    def __init__(
        self, name: str, state: State, clock: Clock, changed: Callable[[bool], None] = _nobody
    ) -> None:
        """`name`: source and record type, for the shared state and the log.

        `changed` hears whether it is open, each time it opens, stays open or closes.
        """
        self._name = name
        self._changed = changed
        self._open_key, self._probe_key = f"breaker:{name}", f"breaker-probe:{name}"
        self._state, self._clock = state, clock
        self._window = OutcomeWindow()

    async def enter(self) -> Permit | None:
        """Return leave to ask, or None while the breaker is open."""
        until = await self._state.get(self._open_key)
        if until is None or until == _CLOSED:
            return Permit()
        if self._clock().timestamp() < float(until):
            return None
        probe = await self._state.lease(self._probe_key, PROBE_S)
        return None if probe is None else Permit(probe)

    async def leave(self, permit: Permit, *, failed: bool) -> None:
        """Note what came of asking."""
        now = self._clock().timestamp()
        opens = self._window.add(now, failed=failed)
        if permit.probe is None and not opens:
            return
        if failed:
            until = f"{now + OPEN_S}".encode()
            await self._state.put(self._open_key, until, OPEN_KEPT_S)
        else:
            await self._state.put(self._open_key, _CLOSED, OPEN_KEPT_S)
        self._window.clear()
        _LOG.warning("breaker of %s: %s", self._name, "open" if failed else "closed")
        self._changed(failed)
        await self.give_back(permit)

    async def give_back(self, permit: Permit) -> None:
        """End a probe that came to no outcome, or has had it."""
        if permit.probe is not None:
            await self._state.release(self._probe_key, permit.probe)
