"""`relay`: on whose way a question comes: the hubs that it passed, its number, its time; pure.

    Hub-Via: hub.sh.example/records, hub.zj.example/records     origins, the first hub first
    Hub-Request: 6f1c…                                          the same at every hub on the way
    Hub-Deadline: 1450                                          milliseconds that are left

- A hub that asks another one for somebody sends them and signs them (RFC 9421, operation
  "mutation"). They are believed of a client of kind PEER that may read the catalogue, in a signed
  request; of anybody else they say nothing.
- By them a question ends: a hub that finds itself on the way, or `HOPS_MAX` hubs before it, answers
  from its store, and nobody answers the same question twice. The time is what the hub before would
  still wait, so nobody's clock is needed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from hub.access.clients import ClientKind
from hub.access.gate import Admitted
from hub.access.limits import HOPS_MAX, ORIGIN_CHARACTERS_MAX, RELAY_S_MAX
from hub.access.scopes import Scope
from hub.errors import ErrorCode, RefusedError

__all__ = ["DEADLINE", "REQUEST", "VIA", "Relay", "believed", "relay_headers"]

VIA, REQUEST, DEADLINE = "hub-via", "hub-request", "hub-deadline"
_ORIGIN = re.compile(r"[\x21-\x2b\x2d-\x7e]+")
"""Visible ASCII without a comma."""
_REQUEST = re.compile(r"[A-Za-z0-9_-]{8,64}")
_MILLISECONDS = re.compile(r"0|[1-9][0-9]{0,5}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Relay:
    """How a question came here. `via`: origins of the hubs that it passed, the first one first."""

    via: tuple[str, ...]
    request_id: str
    left_s: float
    """How long the hub before still waits."""

    def ends_at(self, origin: str) -> bool:
        """Tell whether the hub of this origin answers from its store, and asks nobody."""
        return origin in self.via or len(self.via) > HOPS_MAX


def relay_headers(relay: Relay) -> dict[str, str]:
    """Return the headers that say it, in lower case."""
    return {
        VIA: ", ".join(relay.via),
        REQUEST: relay.request_id,
        DEADLINE: str(max(int(relay.left_s * 1000), 0)),
    }


def believed(admitted: Admitted) -> Relay | None:
    """Return how a request came here, if its caller is believed to say so; None: nobody says it.

    RefusedError BAD_USER_INPUT where a peer says it in another form.
    """
    caller = admitted.caller
    is_peer = caller.kind is ClientKind.PEER and Scope.CATALOGUE_READ.value in caller.scopes
    if not is_peer or admitted.signed is None or VIA not in admitted.envelope.headers:
        return None
    return _read(admitted.envelope.headers)


def _read(headers: Mapping[str, str]) -> Relay:
    via = tuple(each.strip() for each in headers[VIA].split(","))
    request_id, left = headers.get(REQUEST, ""), headers.get(DEADLINE, "")
    if not all(len(each) <= ORIGIN_CHARACTERS_MAX and _ORIGIN.fullmatch(each) for each in via):
        raise _bad(VIA)
    if not _REQUEST.fullmatch(request_id):
        raise _bad(REQUEST)
    if not _MILLISECONDS.fullmatch(left):
        raise _bad(DEADLINE)
    return Relay(via=via, request_id=request_id, left_s=min(int(left) / 1000, RELAY_S_MAX))


def _bad(name: str) -> RefusedError:
    return RefusedError(
        ErrorCode.BAD_USER_INPUT,
        hint=f"{name} has another form: see docs/operators/peers.md.",
        hint_zh=f"{name} 格式不对，见 docs/operators/peers.md。",
    )
