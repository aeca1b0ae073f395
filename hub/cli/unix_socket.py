"""`unix_socket`: listening on a UNIX socket for a proxy on the same machine.

Whoever comes over it is a trusted proxy: user and group of the file say who that may be.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from hub.access.certificate import comes_over_unix_socket
from hub.cli.limits import BACKLOG
from hub.errors import SettingsError

MODE = 0o660
UNIX = "unix"
"""The address of who comes over a UNIX socket and names nobody else."""


def bind_path(path: Path) -> socket.socket:
    """Take a UNIX socket that user and group may use; one that nobody listens on is replaced."""
    path = path.absolute()
    made = socket.socket(socket.AF_UNIX)
    try:
        if path.is_socket() and not _is_taken(path):
            path.unlink()
        made.bind(str(path))
        path.chmod(MODE)
        made.listen(BACKLOG)
    except OSError as error:
        made.close()
        reason = error.strerror or str(error)
        if error.errno == errno.EADDRINUSE:
            reason = "is taken, by a hub that runs already?"
        raise SettingsError([f"HUB_SOCKET: {path} {reason}"]) from error
    return made


def over_socket(application: ASGIApp, trusted_proxies: Sequence[str]) -> ASGIApp:
    """Return the application that believes X-Forwarded-For of who comes over a UNIX socket."""
    behind = ProxyHeadersMiddleware(cast("Any", application), [UNIX, *trusted_proxies])

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if comes_over_unix_socket(scope):
            scope["client"] = (UNIX, 0)
            await behind(cast("Any", scope), cast("Any", receive), cast("Any", send))
        else:
            await application(scope, receive, send)

    return serve


def _is_taken(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0
