"""`limits`: every wait of a hub that starts, serves and stops, in one place; times are seconds."""

BACKLOG = 1024
"""Connections that wait to be accepted."""
KEEP_ALIVE_S = 30
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
