"""`errors`: the errors of the shared state.

HubError
├── UnavailableError
│   └── StateUnavailableError        not reachable, or full of live entries: nothing was done
│       ├── StateRestartedError      it restarted and does not know what was used before
│       └── SubscriberTooSlowError   messages came faster than they were read
└── FlightTimeoutError               another caller's fetch did not finish in time
"""

from __future__ import annotations

from math import ceil

from hub.errors import ErrorCode, HubError, UnavailableError


class StateUnavailableError(UnavailableError):
    """The shared state cannot answer safely: not reachable, or full of live entries."""

    def __init__(
        self, detail: str, hint: str = "Nothing was done. Send the request again in a moment."
    ) -> None:
        super().__init__(
            ErrorCode.STATE_UNAVAILABLE,
            message_en=f"The shared state is away: {detail}",
            hint=hint,
            hint_zh="没有做任何事，请稍后重发；签名或证明须重新生成。",
        )


class StateRestartedError(StateUnavailableError):
    """A proof may have been used before the state restarted, so it is not accepted.

    `retry_after_s`: whole seconds until a proof made then is accepted.
    """

    def __init__(self, wait_s: float) -> None:
        self.retry_after_s = max(1, ceil(wait_s))
        super().__init__(
            "it started anew, and this proof or signature is from before",
            f"Make a new proof in {self.retry_after_s} s and send the request with it.",
        )


class SubscriberTooSlowError(StateUnavailableError):
    """A subscriber left more messages unread than are kept for it, and was dropped."""

    def __init__(self, topic: str) -> None:
        super().__init__(
            f"messages of {topic} came faster than they were read",
            "Subscribe again and read the present state: messages are missing.",
        )


class FlightTimeoutError(HubError):
    """Another caller fetches the same answer, which did not come within the wait."""

    def __init__(self, wait_s: float) -> None:
        super().__init__(
            ErrorCode.TIMEOUT,
            message_en=f"The answer that is being fetched did not come within {wait_s:.3g} s",
            hint="Send the request again, or allow an older answer.",
            hint_zh="请重发，或允许较旧的数据。",
        )
