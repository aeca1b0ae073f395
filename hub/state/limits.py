"""`limits`: every size, wait and bound of the shared state, in one place.

Times are seconds, sizes are bytes or characters of ASCII.
"""

MAX_KEY_CHARS = 256
MAX_TTL_S = 86_400.0
MAX_VALUE_BYTES = 1 << 20

MAX_MESSAGE_BYTES = 64 * 1024
"""Largest published message: a message says that something changed, not what it is now."""
QUEUE_MESSAGES = 256
"""Messages that wait for one subscriber before it is dropped as too slow."""
MAX_SUBSCRIBERS = 10_000
"""Subscribers of one worker."""

CLOCK_MARGIN_S = 15.0
"""How long after the start of an empty state a proof is still refused as possibly used before.

A sender's clock may be 10 s ahead of ours (`hub.access.limits.CLOCK_AHEAD_S`), and the clocks of
two workers may differ by a few seconds more.
"""

REDIS_TIMEOUT_S = 2.0
"""Longest wait for one answer of Redis, and for a connection to it."""
REDIS_CONNECTIONS = 32
"""Connections of one worker; one more carries the subscriptions."""
REDIS_POOL_WAIT_S = 5.0
"""Longest wait for one of these connections."""
REDIS_PING_S = 10.0
"""Silence after which the subscription connection is pinged; after as much again it is lost."""
REDIS_OLDEST = (6, 2)

FLIGHT_POLL_FIRST_S, FLIGHT_POLL_MOST_S = 0.01, 0.1
"""How often a worker looks for the answer that another worker is fetching."""
MAX_FLIGHTS = 10_000
"""Fetches of one worker that are under way at once."""
