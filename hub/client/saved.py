"""`saved`: a refused request on disk, so that `deltahub client explain` can say why later.

- The file is readable by its owner alone: it holds a token that lives for minutes and the rows.
- It never holds a private key.
"""

from __future__ import annotations

import base64
import json
import os
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

from hub.access.explain import SentRequest
from hub.client.errors import CallRefusedError, ClientError

_MAX_BYTES = 32 << 20
_MODE = 0o600


def save_refused(path: Path, error: CallRefusedError) -> None:
    """Write the signed request that `error` is about; ClientError when it carries none."""
    if error.sent is None:
        raise ClientError("NOTHING_SIGNED", "this call was not a signed one", "look at its code")
    content = {
        "code": error.code,
        "serverDate": error.server_date,
        "method": error.sent.method,
        "targetUri": error.sent.target_uri,
        "headers": dict(error.sent.headers),
        "base": error.sent.base,
        "body": base64.b64encode(error.sent.body).decode("ascii"),
    }
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _MODE)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(content, file, ensure_ascii=False, indent=1)


def load_refused(path: Path) -> tuple[SentRequest, str, datetime | None]:
    """Return the request, the code of its refusal, and the hub's time (None if it gave none)."""
    try:
        with path.open("rb") as file:
            kept = json.loads(file.read(_MAX_BYTES))
        sent = SentRequest(
            str(kept["method"]),
            str(kept["targetUri"]),
            {str(name): str(value) for name, value in kept["headers"].items()},
            base64.b64decode(kept["body"], validate=True),
            str(kept["base"]),
        )
        return sent, str(kept["code"]), _date(str(kept["serverDate"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ClientError(
            "SAVED_REQUEST", f"{path} is not a saved request", "save the refused request again"
        ) from error


def _date(text: str) -> datetime | None:
    if not text:
        return None
    date = parsedate_to_datetime(text)
    return date if date.tzinfo else date.replace(tzinfo=UTC)
