"""A request that is sent again while the hub cannot take it."""

from __future__ import annotations

import pytest

from hub.client.errors import CallRefusedError, HubUnreachableError
from hub.client.patience import ATTEMPTS, PAUSE_S_MAX, patiently


class Hub:
    """Fails so often, then answers; notes the pauses."""

    def __init__(self, error: Exception, times: int) -> None:
        self.error, self.times = error, times
        self.asked = 0
        self.pauses: list[float] = []

    async def send(self) -> str:
        self.asked += 1
        if self.asked <= self.times:
            raise self.error
        return "taken"

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)


@pytest.mark.parametrize("status", [429, 503, 504])
async def test_a_hub_that_says_later_is_asked_again(status):
    hub = Hub(CallRefusedError("TIMEOUT", status), 3)
    assert await patiently(hub.send, is_first=True, pause=hub.pause) == "taken"
    assert hub.pauses == [1.0, 2.0, 3.0]


async def test_the_pause_that_the_hub_asks_for_is_kept_up_to_a_bound():
    for asked_s, kept_s in ((20.0, 20.0), (9_999.0, PAUSE_S_MAX)):
        error = CallRefusedError("RATE_LIMITED", 429)
        error.retry_after_s = asked_s
        hub = Hub(error, 1)
        await patiently(hub.send, is_first=False, pause=hub.pause)
        assert hub.pauses == [kept_s]


@pytest.mark.parametrize("status", [400, 401, 403, 409, 413, 422, 500, 507])
async def test_a_refusal_that_stays_is_told_at_once(status):
    hub = Hub(CallRefusedError("CONFLICT", status), 1)
    with pytest.raises(CallRefusedError):
        await patiently(hub.send, is_first=False, pause=hub.pause)
    assert hub.asked == 1


async def test_a_hub_that_never_answered_is_not_waited_for_and_patience_ends():
    hub = Hub(HubUnreachableError("gone"), 99)
    with pytest.raises(HubUnreachableError):
        await patiently(hub.send, is_first=True, pause=hub.pause)
    assert hub.asked == 1
    with pytest.raises(HubUnreachableError):
        await patiently(hub.send, is_first=False, pause=hub.pause)
    assert hub.asked == 1 + ATTEMPTS
