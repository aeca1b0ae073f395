"""`home_answers`: the home of a service is asked about it, and its answer read."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hub.vouchers.between.abroad import GrantAnswer, grant_from_answer
from hub.vouchers.between.errand_wire import AskedGrant, grant_to_wire
from hub.vouchers.between.ring import ClaimRing, ErrandKind, PeerSilentError

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class HomeAnswer:
    """What a home said: what every answer says of a service, and all of it as it came."""

    answered: GrantAnswer
    told: Mapping[str, Any]


async def ask_home(ring: ClaimRing, home: str, kind: ErrandKind, asked: AskedGrant) -> HomeAnswer:
    """Ask the home of a service about it; `home`: its source.

    Raises `PeerSilentError` where it does not answer, or in a form that is none,
    `PeerNotFoundError` where it has no such service for who asks.
    """
    told = await ring.ask(home, kind, grant_to_wire(asked))
    try:
        return HomeAnswer(grant_from_answer(told, asked.attempt), told)
    except ValueError as error:
        _LOG.warning("claims: %s answers %s in another form: %s", home, kind.value, error)
        raise PeerSilentError(home, f"another form of answer: {error}") from error
