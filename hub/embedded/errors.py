"""Errors of the embedded database.

HubError
└── EmbeddedError          the embedded PostgreSQL could not be started or stopped
"""

from __future__ import annotations

from hub.errors import ErrorCode, HubError


class EmbeddedError(HubError):
    """The embedded PostgreSQL could not be started or stopped; the hint says what to do."""

    def __init__(self, message_en: str, hint: str) -> None:
        super().__init__(ErrorCode.DATABASE_UNAVAILABLE, message_en=message_en, hint=hint)
