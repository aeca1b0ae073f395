"""`refusals`: how the partner's commands end when the hub or a file refuses."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC
from email.utils import parsedate_to_datetime
from pathlib import Path

import typer

from hub.access.errors import Reason
from hub.access.explain import SentRequest
from hub.client import CallRefusedError, ClientError
from hub.clock import system_clock
from schema.strict_json import explained

LAST_REFUSED = "last-refused.json"
"""Beside the profile: the signed request that the hub refused last."""


@contextmanager
def exit_on_error(profile_file: Path | None = None) -> Iterator[None]:
    """Print an error of the client and exit with 2.

    With `profile_file`, a signed request that the hub refused is saved for `explain`.
    """
    try:
        yield
    except (ClientError, OSError, ValueError) as error:
        if isinstance(error, CallRefusedError) and error.sent and profile_file:
            _save_refused(profile_file, error.sent, error)
            if error.code in Reason.__members__:
                print("deltahub client explain --as … says what differs", file=sys.stderr)
        print(in_words(error), file=sys.stderr)
        raise typer.Exit(2) from error


def in_words(error: Exception) -> str:
    """Return what a person is told of an error: no number of the system, no codec, no library."""
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    if isinstance(error, json.JSONDecodeError | UnicodeDecodeError):
        return " ".join(not_json_words(error))
    return str(error)


def not_json_words(error: ValueError) -> tuple[str, str]:
    """Say in Chinese and English why a file is no JSON."""
    zh, en = explained(error)
    return f"文件不是 UTF-8 编码的 JSON：{zh}", f"the file is not JSON in UTF-8: {en}"


def _save_refused(profile_file: Path, sent: SentRequest, error: CallRefusedError) -> None:
    date = error.server_date
    server_time = parsedate_to_datetime(date) if date else system_clock()
    refused = {
        "code": error.code,
        "server_time": server_time.astimezone(UTC).isoformat(),
        "sent": {
            **asdict(sent),
            "headers": dict(sent.headers),
            "body": sent.body.decode("latin-1"),
        },
    }
    path = profile_file.parent / LAST_REFUSED
    path.touch(mode=0o600)
    path.write_text(json.dumps(refused), "utf-8")
