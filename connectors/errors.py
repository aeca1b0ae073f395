"""Errors of the transport layer, split by what the reader should do.

ConnectorError
├── SourceUnavailableError       SOURCE_UNAVAILABLE  no answer, or a server error; retrying may help
│   └── SlowError          SOURCE_TIMEOUT      it did not answer in time; retrying may help
├── PayloadError           SOURCE_BAD_DATA     it answered, but not as agreed; ask its operator
│   ├── BadRequestError    SOURCE_BAD_DATA     it says that our question is wrong (400)
│   └── StartAnewError     SOURCE_BAD_DATA     it cannot be followed on; read it from its beginning
└── SourceRefusedError           SOURCE_DENIED       it does not accept our credentials; renew them
"""

from typing import ClassVar

__all__ = [
    "BadRequestError",
    "ConnectorError",
    "PayloadError",
    "SlowError",
    "SourceRefusedError",
    "SourceUnavailableError",
    "StartAnewError",
]


class ConnectorError(Exception):
    """Anything that stops a document from arriving."""

    code: ClassVar[str] = "SOURCE_UNAVAILABLE"
    hint_default: ClassVar[str] = "try again later"

    def __init__(self, source: str, detail: str, *, hint: str = "") -> None:
        """Name the source, what happened, and what to do about it."""
        super().__init__(source, detail)  # what pickle makes it of again, in another process
        self.source = source
        self.detail = detail
        self.hint = hint or self.hint_default

    def __str__(self) -> str:
        return f"{self.source}: {self.detail}"


class SourceUnavailableError(ConnectorError):
    """The source did not answer, or answered with a server error."""

    hint_default = "the next run asks again; if it lasts, ask the operator of the source"

    def __init__(
        self,
        source: str,
        detail: str,
        *,
        hint: str = "",
        retry_after_s: float | None = None,
        was_sent: bool = True,
    ) -> None:
        """Carry how long the source asked us to wait, in seconds, when it said so.

        `was_sent`: whether the question can have arrived; only False is certain.
        """
        super().__init__(source, detail, hint=hint)
        self.retry_after_s = retry_after_s
        self.was_sent = was_sent


class SlowError(SourceUnavailableError):
    """The source did not answer in time."""

    code = "SOURCE_TIMEOUT"
    hint_default = "ask for less at once, or raise the time limit of this source"


class PayloadError(ConnectorError):
    """The source answered, but not with what its interface agreement promises."""

    code = "SOURCE_BAD_DATA"
    hint_default = "compare the answer with the interface agreement of the source"


class BadRequestError(PayloadError):
    """The source understood us and calls the question itself wrong."""


class StartAnewError(PayloadError):
    """What was read before is no place to go on from: the list has to be read as a whole."""

    hint_default = "nothing is to be done: the list is read from its beginning"


class SourceRefusedError(ConnectorError):
    """The source does not let us in, or does not let us read this."""

    code = "SOURCE_DENIED"
    hint_default = "renew the credentials of this source, or ask its operator for the right"
