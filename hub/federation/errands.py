"""`errands`: when another hub is asked for somebody, and when a question ends here; pure.

- What came from a hub ends here where it passed this hub before, or too many others; it is not sent
  to a hub that it passed; and of one request each source is asked once about each instrument,
  whichever way the question comes (`hub.access.relay`).
- Who asks for himself begins a way of his own: this hub is the first on it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256

from hub.access.relay import Relay
from hub.access.resource import Caller
from hub.harvest.connections import HubConnection
from hub.harvest.connections.errand import Errand, Principal
from hub.harvest.source import HarvestSource

__all__ = ["Questioner", "asked_name", "errand_of", "leads_back", "on_errand"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Questioner:
    """For whom sources are asked, and on whose way."""

    caller: Caller
    request_id: str
    relay: Relay | None = None
    """How the request came here, where a hub sent it."""

    @property
    def principal(self) -> Principal:
        """Return what this hub says of its caller to another one."""
        caller, said = self.caller, self.caller.requester
        scopes = tuple(sorted(caller.scopes))
        if said is None:
            name = caller.client_id or ""
            return Principal(subject=name, party=caller.party, scopes=scopes)
        return Principal(subject=said.subject, party=said.party, scopes=scopes, actors=said.actors)


def leads_back(source: HarvestSource, asker: Questioner | None) -> bool:
    """Tell whether a source is a hub that the question has passed."""
    if asker is None or asker.relay is None or not isinstance(source.connection, HubConnection):
        return False
    return not source.connection.origins.isdisjoint(asker.relay.via)


def errand_of(
    source: HarvestSource, asker: Questioner | None, own: str, until: float, max_staleness_s: float
) -> Errand | None:
    """Return with what a hub is asked; None for other sources, and where nobody is named."""
    if asker is None or not isinstance(source.connection, HubConnection):
        return None
    relay = asker.relay
    return Errand(
        caller=asker.caller,
        principal=asker.principal,
        via=(*(() if relay is None else relay.via), own),
        request_id=asker.request_id if relay is None else relay.request_id,
        until=until,
        max_staleness_s=max_staleness_s,
    )


def on_errand(source: HarvestSource, errand: Errand) -> HarvestSource:
    """Return a hub as it is reached for one question of somebody."""
    assert isinstance(source.connection, HubConnection), "only hubs are asked for somebody"
    return replace(source, connection=source.connection.on_errand(errand))


def asked_name(relay: Relay, source: str, key: str) -> str:
    """Return under what the shared state knows that a request asked a source of an instrument."""
    about = sha256(f"{relay.request_id} {source} {key}".encode()).hexdigest()[:40]
    return f"relayed:{about}"
