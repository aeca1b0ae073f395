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
FOLLOW_PAUSE_S = 60.0
"""Longest pause between two looks at the change feed, when nothing rings."""
LOG_PAUSE_S = 1.0
"""Pause while an entry waits for its place in the log, or the database is busy."""
ROUND_S = 3_600
"""Seconds from the beginning of one round over open claims to that of the next …"""
ROUND_CLAIMS = 50
"""… of which one look takes so many."""
CLAIMS_OF_CHANGE = 200
"""Most claims that are looked at for one change of a service or an order."""
EVIDENCE_MAX = 32
"""Most entries that a finding names; the newest."""
MIRRORED_CLAIMS_MAX = 1_000
"""Claims of one voucher of another system that are looked at; the first by number."""
REVISIONS_OF_CLAIMS_MAX = 10_000
"""Revisions of these claims that are read."""
MIRRORED_AT_ONCE = 500
"""Vouchers of other systems that the audit names at a time."""
FINDINGS_TOLD = 1_000
"""Open findings that the command line lists."""
