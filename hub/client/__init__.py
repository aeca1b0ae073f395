"""`client`: what a partner uses: keys, registration, tokens, queries, signed pushes, receipts.

- One private key and one registration are enough to start; the key never leaves its file.
- Every request carries a fresh DPoP proof; pushes are signed and their answers verified.
"""

from hub.client.answers import FetchedReceipt, PushAnswer
from hub.client.errors import (
    AnswerUnverifiedError,
    CallRefusedError,
    ClientError,
    HubUnreachableError,
    KeyFileError,
)
from hub.client.hub_client import HubClient
from hub.client.keyfile import create_key, load_key
from hub.client.rows import Producer, record_row, withdrawal_row

__all__ = [
    "AnswerUnverifiedError",
    "CallRefusedError",
    "ClientError",
    "FetchedReceipt",
    "HubClient",
    "HubUnreachableError",
    "KeyFileError",
    "Producer",
    "PushAnswer",
    "create_key",
    "load_key",
    "record_row",
    "withdrawal_row",
]
