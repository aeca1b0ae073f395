"""Errors of the embedded servers.

HubError
└── EmbeddedError          an embedded server could not be started or stopped
"""

from __future__ import annotations

from hub.errors import ErrorCode, HubError


class EmbeddedError(HubError):
    """An embedded server could not be started or stopped; the hint says what to do.

    `code`: which of them, in the words of the hub's codes; PostgreSQL unless told otherwise.
    """

    def __init__(
        self, message_en: str, hint: str, code: ErrorCode = ErrorCode.DATABASE_UNAVAILABLE
    ) -> None:
        super().__init__(code, message_en=message_en, hint=hint)
