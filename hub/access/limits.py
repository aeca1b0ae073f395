"""`limits`: every size, wait and bound of the access layer, in one place.

Times are seconds, sizes are bytes or characters of ASCII.
"""

FORM_MAX_BYTES = 16_384
FORM_MAX_FIELDS = 20

ASSERTION_LIFETIME_S = 300
CLOCK_AHEAD_S = 10
"""How far ahead of ours another clock may be."""

ASSERTION_TTL_S = ASSERTION_LIFETIME_S + CLOCK_AHEAD_S + 10
"""A used assertion is remembered longer than it could be accepted."""

JTI_MIN_CHARS, JTI_MAX_CHARS = 16, 128

PROOF_AGE_S = 60
PROOF_TTL_S = PROOF_AGE_S + CLOCK_AHEAD_S + 10

NONCE_BUCKET_S = 60
"""A DPoP nonce is good in its own bucket of time and the next."""

TOKEN_LIFETIME_S = 300
TOKEN_CACHE_ENTRIES = 20_000

CLIENT_CACHE_S = 4.0
"""How old what we believe of a client may be: revocation is known everywhere within 5 s."""
CLIENT_CACHE_ENTRIES = 20_000

SIGNATURE_LIFETIME_S = 300
SIGNATURE_TTL_S = SIGNATURE_LIFETIME_S + CLOCK_AHEAD_S + 10
SIGNATURE_HEADER_MAX = 2_048
HEADER_VALUE_MAX = 9_216
IDENTIFIERS_KEPT_MAX = 256
"""Identifiers of signed components whose reading is kept; the profiles have some thirty."""

DIGEST_OFF_LOOP_BYTES = 262_144
"""Bodies above this are hashed in a thread."""

KEYS_PER_CLIENT = 8
ROTATION_OVERLAP_S = 7 * 86_400
"""How long an old key stays active beside a new one, unless told otherwise."""

PENDING_MAX = 1_000
"""Registrations that wait for the operator at once."""
PENDING_S = 30 * 86_400
REGISTRATION_BYTES_MAX = 16_384
REGISTRATIONS_AT_ONCE, REGISTRATIONS_PER_S = 10, 1 / 60
"""Registrations that one address may ask for at once, and how fast it may ask again."""

KEYS_LOOKED_AT_S = 0.5
"""How often a worker asks whether the keys of the tokens that it remembers are still known."""
KEYS_REREAD_S = 4.0
"""How old what a worker knows of the hub's own keys may be."""
METADATA_AGE_S = 300
"""How long metadata and keys may be kept by whoever reads them."""
KEY_ANNOUNCED_S = METADATA_AGE_S + 10
KEY_KEPT_S = 7 * 86_400
"""How long a token-signing key is published after another one has begun to sign."""

ACTORS_MAX = 4
"""Hubs through which a requester may come."""
REQUESTER_CHARACTERS_MAX = 128
HOPS_MAX = 2
"""Hubs that a question has passed when it is answered from the store, if there are more."""
ORIGIN_CHARACTERS_MAX = 200
RELAY_S_MAX = 60.0
"""Longest time that a hub before this one is believed to wait."""
CERTIFICATES_KEPT_MAX = 4_096
"""Client certificates whose thumbprint a worker keeps."""

ID_TOKEN_CHARACTERS_MAX = 8_192
ID_TOKEN_AGE_S = 300
PROVIDER_KEYS_AGE_S = 600.0
PROVIDER_KEYS_RETRY_S = 60.0
"""An unknown key id has the keys of a provider fetched anew, this often at most."""
PROVIDER_KEYS_BYTES_MAX = 65_536
PROVIDER_TIMEOUT_S = 5.0
RATE_WINDOW_S = 60
"""The window of every quota."""
CLIENT_QUOTA = 120_000
"""Requests of one client in a window: 2,000 a second. A batch of 10,000 rows is one request."""
ADDRESS_QUOTA = 1_200
"""Requests without a token from one address in a window."""
TOKEN_REQUEST_QUOTA = 1_200
"""Requests to `/oauth/` from one address in a window: a token lives five minutes."""
RATE_BUCKETS_MAX = 50_000
"""Callers whose requests are counted; the one that was silent longest is forgotten first."""
OPERATOR_PAGE = 100
"""Clients or requests in one answer to the operator."""
