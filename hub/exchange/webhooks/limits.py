"""`limits`: the bounds of deliveries to webhooks. Times are seconds unless they say otherwise."""

from __future__ import annotations

from datetime import timedelta

URL_CHARACTERS_MAX = 500
ITEMS_MAX = 100
"""Items of one message."""
RESYNC_MAX = 1_000
"""Owners in `resync` of one message; more than that are told as all."""
REPLY_BYTES_MAX = 4 * 1024
"""Bytes that are read of the answer to a challenge; of other answers only the head is."""
ATTEMPT_S = 10.0
"""Longest attempt, from the look-up of the name to the head of the answer."""
CONNECT_S = 5.0
ADDRESSES_TRIED = 3
"""Addresses of one name that are tried within an attempt."""
LOOK_UPS_AT_ONCE = 4
"""Names that are looked up at once; a look-up holds a thread until the resolver gives up."""

PAUSES_S = (5, 30, 120, 600, 3_600, 14_400, 43_200, 86_400)
"""Pauses after the first failed attempts; the last one repeats."""
JITTER = 0.2
"""By how much of itself a pause is longer or shorter, so that failures do not come in step."""
TRIED_FOR = timedelta(days=3)
"""A message that was not delivered for so long is dead."""
RETRY_AFTER_S_MAX = 86_400
"""Longest pause that a receiver may ask for."""
DEAD_MAX = 3
"""Messages that die in turn, after which a webhook is stopped."""

QUICK_AT_ONCE = 24
"""Attempts under way at once to webhooks that answer."""
SLOW_AT_ONCE = 8
"""The same to webhooks whose last attempt failed: they wait for each other, and nobody for them."""
PAGES_AT_ONCE = 1
"""Pages of the change feed that are read at once for webhooks."""
LOOK_S = 1.0
"""How often the hub looks what is due."""
LEAD_RETRY_S = 5.0
"""How often a worker tries to become the one that delivers."""
FORGET_S = 300.0
"""How often webhooks of clients that have gone are forgotten."""

FORMER_SECRET = timedelta(days=1)
"""How long a secret goes on signing beside the one that replaced it."""
CHALLENGES_AT_ONCE, CHALLENGES_PER_S = 10, 1 / 30
"""Challenges that one client may have sent at once, and how fast it may go on."""
REQUEST_BYTES_MAX = 16 * 1024
"""Bytes of a request about webhooks."""
