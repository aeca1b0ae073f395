"""`limits`: the bounds of connections that stay open for subscriptions, and of what is kept.

Times are seconds. All are of one process: of several workers each has its own.
"""

from __future__ import annotations

PLACES = 500
"""Connections that stay open, in all."""
PLACES_OF_ONE = 20
"""Those of one client, or of one address without a token."""
PLACE_RETRY_S = 30
"""When to come back where no place is left."""
OPERATIONS_OF_A_SOCKET = 16
"""Operations that run at once over one WebSocket."""
PAGES_AT_ONCE = 2
"""Pages of the change feed that are read at once for all subscriptions: half of the connections of
`hub.store.database` for reading stay with others."""
RIGHTS_LOOK_S = 1.0
"""How often the rights of whoever waits are looked at; what is believed of a client is at most
`hub.access.limits.CLIENT_CACHE_S` old, so that a revocation ends a stream within five seconds."""
HEARTBEAT_S = 15.0
"""Silence after which something is sent: proxies hang up on connections that say nothing."""
CURSOR_KEPT_S = 300.0
"""After so long without news an empty page tells the present cursor, if the feed was read."""
INIT_S = 5.0
"""How long a WebSocket may take to say who is calling."""
SEND_S = 20.0
"""How long a caller may take nothing of what is sent to him."""
MESSAGE_BYTES_MAX = 256 * 1024
"""Bytes of one message that a WebSocket sends to the hub."""

KEPT_S = 1.0
"""So long an answer is given again at most, however old the caller allows it to be: what changes
without an entry is seen by then."""
KEPT_BYTES = 64 * 1024 * 1024
"""Answers that one worker keeps, in bytes …"""
KEPT_ANSWER_BYTES = 1024 * 1024
"""… and the largest of them."""
SEEN_MAX = 10_000
"""Requests that one worker knows to have come before; an answer is kept from the second time."""
CODES_KEPT_MAX = 1_024
"""Names of codes whose members of an enum are kept; the rules have some hundred."""
