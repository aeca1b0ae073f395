"""`limits`: every wait and size of the embedded servers, in one place; times are seconds."""

START_TIMEOUT_S = 120
"""Longest wait for a start, crash recovery included."""
STOP_TIMEOUT_S = 60
COMMAND_TIMEOUT_S = 60
ACCOUNT_TIMEOUT_S = 30
ANSWER_TIMEOUT_S = 2.0
"""Longest wait for one answer of Valkey."""
VALKEY_STOP_S = 5.0
"""Longest wait for a Valkey that was told to end, before it is killed."""
VALKEY_DEATH_S = 20.0
"""Longest wait for a killed one to be gone."""
READY_POLL_S = 0.05
"""Time between two looks at a server that is starting or stopping."""

GUARD_POLL_S = 0.25
"""Time between two looks of the guard whether anybody still uses its server."""
GUARD_QUIET_LOOKS = 8
"""Looks that find nobody and no server before the guard ends. A user that is killed while it starts
the server leaves one that comes up in this time."""

REVIVE_POLL_S = 0.5
"""Time between two looks of a hub whether its servers live."""
REVIVE_LEAVE_S = 5.0
"""Longest wait, at the end of a hub, for a look that is under way."""

SOCKET_PATH_MAX = 100
"""Bytes of a unix socket path that every system accepts (the shortest limit is 104)."""
LAST_WORDS_BYTES = 500
"""How much of a server's log an error quotes."""

VALKEY_MEMORY = "1gb"
"""Valkey refuses new entries beyond it and forgets none: three million used proofs."""
VALKEY_CLIENTS = 4096
"""Connections: 64 workers with 33 each, and some to spare."""
