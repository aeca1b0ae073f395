"""Bounds of vouchers."""

from __future__ import annotations

LOCK_WAIT_MS = 10_000
"""Most milliseconds that a message waits for another one about the same voucher."""
MESSAGES_AT_ONCE = 64
"""Messages that one worker works on at once, in rounds that share a connection …"""
MESSAGES_OF_ONE = 32
"""… of them those of one client …"""
MESSAGES_WAITING = 100
"""… and what of one client may wait …"""
TURN_S = 10.0
"""… for so long."""
ROUNDS_AT_ONCE = 2
"""Rounds that one worker works on at once: each holds a connection that writes …"""
ROUND_MESSAGES_MAX = 32
"""… with so many messages at most …"""
ALONE_AT_ONCE = 2
"""… beside messages that are taken by themselves, each with a connection of its own."""
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
OVER_AT_ONCE = 200
"""Reservations near their end that are read at a time …"""
OVER_MAX = 10_000
"""… and looked at in one go."""
BEFORE_PLANNED_DAYS = 31
"""Days before a planned end in which the service may have been given all the same."""
AUDIT_ROWS = 5_000
"""Movements that the audit holds at a time."""
FAULTS_MAX = 1_000
"""Most faults that one audit tells."""
VOUCHER_COST = 20
"""What a message about a voucher costs its caller."""
ATTESTED_DAYS = 90
"""Most days for which an attestation holds; never beyond the last day of settlement."""
ATTESTATION_COST = 40
"""What an attestation costs its caller: the checks of the service, and two proofs."""
CLAIMS_COST = 40
"""What a proof of a day's map costs its caller."""
CLAIM_STATE_COST = 5
"""What it costs to ask for the state of a claim."""
CLAIM_DAYS_MAX = 31
"""Most days whose map is made in one go; the next go makes up for more."""
CLAIMS_GRACE_S = 300
"""Seconds after midnight in Shanghai until a message of the day before is surely written."""
CLAIM_KEYS_MAX = 1_000_000
"""Most revisions of claimed services in one map."""
MAPS_KEPT_MAX = 2
"""Maps that one worker keeps, some 200 bytes a key each."""
FOLLOW_PAUSE_S = 60.0
"""Longest pause between two looks at the change feed, when nothing rings."""
LOG_PAUSE_S = 1.0
"""Pause while an entry waits for its place in the log, or the database is busy."""
STANDS_BACK_S = 0.1
"""Longest pause before each claim that is followed, while messages are under way: they go first."""
UNCHANGED_S = 60
"""Seconds for which a service has stood before a claim that was certainly judged by it: longer than
any transaction that states one. The next round looks at the claim all the same."""
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
PEER_ANSWER_S = 8.0
"""Seconds that a hub has to answer about a claim; afterwards it did not answer."""
PEER_QUESTIONS_AT_ONCE = 8
"""Questions that are with one hub at once; more wait."""
PROOFS_ASKED_AT_ONCE = 4
"""Attestations of one worker that wait for other hubs at once: fewer than `PEER_QUESTIONS_AT_ONCE`,
so that claims, which move money, always have their turn …"""
PROOFS_ASKED_OF_ONE = 2
"""… of them those of one client …"""
PROOFS_ASKED_WAITING = 20
"""… and what of one client may wait, `SHARED_TURN_S` long."""
SERVICE_PROOF_BYTES_MAX = 12 * 1024
"""Largest proof of a service's leaf that another hub sends: 63 hashes and 16 signatures fit, and
beside it all else that an attestation holds."""
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
ISSUERS_ASKED_MAX = 1_000
"""Issuers that one question about grants names."""
LOST_OF_VOUCHER_MAX = 100
"""Most lost claims of one voucher that are looked at at a time; more come after them."""
GRANTS_KEPT_DAYS = 30
"""Days for which a freed grant is remembered: a question that comes late is refused by it."""
CLAIM_KEYS_MAX = 2
"""Keys of fingerprints that are in use: that of the year, and the one before."""
FINGERPRINTS_OF_CLAIM_MAX = 8
"""Fingerprints that one question holds."""
FINDINGS_TOLD = 1_000
"""Open findings that the command line lists."""
ATTEMPT_BYTES = 16
"""Of the random name of one try to ask another hub."""
