"""`limits`: every wait and bound of a hub that starts, serves and stops; times are seconds."""

from __future__ import annotations

from dataclasses import dataclass

BACKLOG = 1024
"""Connections that wait to be accepted, where there are descriptors for as many."""
DESCRIPTORS_RESERVED = 256
"""Open files that no connection may take: database, log, shared state, files that are served."""
SWEEP_S = 1.0
"""How often the times of connections are looked at."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bounds:
    """Bounds of the connections of one process."""

    connections: int = 8_000
    """In all, where the limit of open files leaves as many."""
    address_connections: int = 128
    """From one address that is no trusted proxy."""
    header_bytes: int = 65_536
    """Method, address and headers of one request."""
    header_lines: int = 128
    header_s: float = 10.0
    """From the first byte of a header, or from the connection, to the end of the header."""
    silence_s: float = 20.0
    """Longest pause in a body."""
    body_s: float = 120.0
    """Longest time for a whole body."""
    unsent_s: float = 30.0
    """Longest time for which a caller takes nothing of his answer."""
    pipeline: int = 32
    """Requests that wait on one connection for the answer to the one before them."""


KEEP_ALIVE_S = 30
SOCKET_PING_S = 20.0
"""Pause between two pings of a WebSocket, and the longest wait for the answer to one."""
METRICS_REQUESTS_MAX = 16
"""Requests for figures at once; more are refused."""
METRICS_CLOSE_S = 3.0
ANSWER_S = 10
"""Longest wait for the answers to requests in hand when the hub stops."""
CLOSE_S = ANSWER_S + 5
"""Longest wait for the server to close, answers included."""

WORKERS_MOST = 64
RESTARTS_MAX = 30
"""Deaths of workers within `RESTARTS_WITHIN_S` after which the hub gives up."""
RESTARTS_WITHIN_S = 60.0
RESTART_PAUSE_S = 0.2
WORKER_STOP_S = CLOSE_S + 15
"""Longest wait for a worker that was told to stop before it is killed: its server, then what runs
beside it (`hub.app.STOP_TIMEOUT_S`)."""
