"""Bounds of vouchers."""

from __future__ import annotations

LOCK_WAIT_MS = 10_000
"""Most milliseconds that a message waits for another one about the same voucher."""
MESSAGES_AT_ONCE = 4
"""Messages that one worker works on at once: each holds a connection that writes …"""
MESSAGES_OF_ONE = 4
"""… of them those of one client …"""
MESSAGES_WAITING = 100
"""… and what of one client may wait …"""
TURN_S = 10.0
"""… for so long."""
MOVEMENTS_MAX = 50_000
"""Most messages that are read of one voucher; beyond it no further one is taken."""
RELATED_MAX = 1_000
"""Most records of one kind that are read around a service."""
MARKS_MAX = 100
"""Most other claims that a claim is told to meet."""
CLAIM_NO_CHARACTERS_MAX = 60
REASON_CHARACTERS_MAX = 200
DUE_MAX = 1_000
"""Most vouchers that are closed in one go when a day of theirs is over."""
AUDIT_ROWS = 5_000
"""Movements that the audit holds at a time."""
FAULTS_MAX = 1_000
"""Most faults that one audit tells."""
VOUCHER_COST = 20
"""What a message about a voucher costs its caller."""
PEER_ANSWER_S = 8.0
"""Seconds that a hub has to answer about a claim; afterwards it did not answer."""
PEER_QUESTIONS_AT_ONCE = 8
"""Questions that are with one hub at once; more wait."""
PEER_ERRAND_COST = 5
"""What a question of a peer about claims costs it."""
CLAIMS_SHARED_AT_ONCE = 16
"""Claims that one worker has with other hubs at once …"""
CLAIMS_SHARED_OF_ONE = 8
"""… of them those of one client …"""
CLAIMS_SHARED_WAITING = 200
"""… and what of one client may wait …"""
SHARED_TURN_S = 30.0
"""… for so long."""
CLAIM_LOOK_S = 3.0
"""Seconds between two looks after claims that wait for another hub."""
CLAIM_AGAIN_S = 10.0
"""Seconds after which a claim that waits is worked on again; longer than any answer takes."""
CLAIMS_LOOKED_MAX = 200
"""Claims, and grants, that one look works on."""
GRANT_S = 900.0
"""Seconds after which the home of a voucher is asked what became of a grant …"""
GRANT_AGAIN_S = 60.0
"""… and asked again, as long as it does not answer or still waits itself."""
CLAIMS_PAGE = 500
"""Claims that one hub tells another at a time."""
CLAIMS_OF_PEER_MAX = 1_000_000
"""Most claims that are heard from one hub."""
GRANTS_KEPT_DAYS = 30
"""Days for which a freed grant is remembered: a question that comes late is refused by it."""
CLAIM_KEYS_MAX = 2
"""Keys of fingerprints that are in use: that of the year, and the one before."""
FINGERPRINTS_OF_CLAIM_MAX = 8
"""Fingerprints that one question holds."""
