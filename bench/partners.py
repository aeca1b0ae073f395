"""`partners`: registered clients of the measured hub, their tokens and their proofs."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import cycle, islice

from hub.access import dpop
from hub.access.clients import Client, ClientKey, ClientKind, ClientStatus, KeyStatus
from hub.access.store import DatabaseClientStore
from hub.access.token_keys import only
from hub.access.tokens import Bound, TokenIssuer
from hub.clock import system_clock
from hub.crypto.key_files import load_or_create
from hub.crypto.keys import SigningKey, generate_key, key_from_pem
from hub.demo.records import demo_party
from hub.settings import Settings
from hub.store.database import Database

COUNT = 32
SCOPES = ("catalogue:read", "graphql:adhoc", "receipt:read", "records:push")


@dataclass(frozen=True, slots=True)
class Partner:
    """A registered client with its key."""

    client: Client
    key: SigningKey


async def register(
    database: Database, sources: tuple[str, ...], count: int = COUNT
) -> list[Partner]:
    """Register new clients; nothing is kept of their keys but what this process holds."""
    store, now, found = DatabaseClientStore(database), system_clock(), []
    for n in range(count):
        key = generate_key()
        name = f"bench-{key.kid[:16].lower().replace('_', '0').replace('-', '0')}"
        client = Client(
            client_id=name,
            party=demo_party("310000", 9000 + n),
            kind=ClientKind.PARTNER,
            name=name,
            scopes=SCOPES,
            sources=sources,
            status=ClientStatus.ACTIVE,
            created_at=now,
            keys=(ClientKey(key.public, name, KeyStatus.ACTIVE, now),),
        )
        await store.register(client)
        found.append(Partner(client, key))
    return found


class Tokens:
    """Makes what the partners send: a token of the hub for each, a proof for each request."""

    def __init__(self, settings: Settings, partners: list[Partner]) -> None:
        key = load_or_create(settings.token_key, generate_key, lambda k: k.pem(), key_from_pem)
        self._issuer = TokenIssuer(settings.base, only(key, system_clock))
        self._base = settings.base
        self.partners = partners

    def token(self, partner: Partner) -> str:
        """Return a new token, good for five minutes."""
        now, client = system_clock(), partner.client
        return self._issuer.issue(
            client, self._base, client.scopes, Bound(jkt=partner.key.kid), now
        )

    def pairs(self, count: int, path: str = "/graphql") -> list[tuple[str, str]]:
        """Return (token, proof) of `count` requests, partners in turn."""
        held = [(partner, self.token(partner)) for partner in self.partners]
        target, now = self._base + path, system_clock()
        return [
            (token, dpop.make(partner.key, "POST", target, now, token=token))
            for partner, token in islice(cycle(held), count)
        ]

    def lines(self, count: int) -> list[str]:
        """Return the header lines of `count` requests, for wrk."""
        return [f"Authorization: DPoP {token}\tDPoP: {proof}" for token, proof in self.pairs(count)]

    def headers(self, count: int) -> list[dict[str, str]]:
        """Return the headers of `count` requests."""
        return [{"Authorization": f"DPoP {t}", "DPoP": proof} for t, proof in self.pairs(count)]
