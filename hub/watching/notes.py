"""`notes`: what the request that is being served is: for its log lines, figures and spans.

One small object for each request, made by the outermost middleware and filled in as the hub learns
more; log lines of whatever works for the request carry it. Nothing decides by it.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(slots=True)
class RequestNotes:
    """What is known of one request so far; empty text is unknown."""

    request_id: str
    door: str
    operation: str = ""
    """Of GraphQL the operation's name, if its document is registered; else the kind of request."""
    client_id: str = ""
    source_id: str = ""
    refused: str = ""
    """Why it was refused: a code of `hub.errors` or a reason of `hub.access.errors`."""


_CURRENT: ContextVar[RequestNotes | None] = ContextVar("request_notes", default=None)


def begin(notes: RequestNotes) -> None:
    """Make it the request of what runs from here on."""
    _CURRENT.set(notes)


def current() -> RequestNotes | None:
    """Return the request that is being served, None outside of any."""
    return _CURRENT.get()


def note_client(client_id: str) -> None:
    """Note who calls."""
    notes = _CURRENT.get()
    if notes is not None:
        notes.client_id = client_id


def note_operation(operation: str) -> None:
    """Note what is asked for."""
    notes = _CURRENT.get()
    if notes is not None:
        notes.operation = operation


def note_source(source_id: str) -> None:
    """Note of which source it speaks."""
    notes = _CURRENT.get()
    if notes is not None:
        notes.source_id = source_id


def note_refusal(code: str) -> None:
    """Note why it was refused."""
    notes = _CURRENT.get()
    if notes is not None:
        notes.refused = code
