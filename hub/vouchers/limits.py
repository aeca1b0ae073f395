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
CASE_TEXT_MAX = 500
"""Characters of what a case is looked for by; a whole key is shorter."""
INVOICE_DIGITS_MIN = 6
"""Fewer digits are no number of an invoice."""
CASE_RECORDS_MAX = 50
"""Most records of one kind that a text finds …"""
CASES_MAX = 50
"""… and most cases that they make."""
CASES_COST = 20
"""What looking for cases costs its caller."""
CHAIN_OF_KIND_MAX = 40
"""Most records of one kind in the chain of a case; more are said to be left out."""
PACK_RECORDS_MAX = 200
"""Most records of one evidence pack …"""
PACK_BYTES_MAX = 8 * 1024 * 1024
"""… and most bytes of records and receipts; what is beyond is named in it."""
PACKS_AT_ONCE = 2
"""Packs that one worker makes at once …"""
PACKS_OF_ONE = 1
"""… of them those of one client …"""
PACK_WAIT_S = 20.0
"""… and seconds for which another one waits."""
