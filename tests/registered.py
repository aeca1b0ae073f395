"""Clients as an older version of the hub may have registered them."""

from __future__ import annotations

from dataclasses import replace

from hub.access.clients import ClientChange, ClientStore
from hub.access.registration import ClientGrant, RegistrationRequest, admit
from hub.access.scopes import RESERVED_NAMES, expand
from hub.clock import system_clock


async def admit_with_any_scope(
    store: ClientStore, application: RegistrationRequest, grant: ClientGrant
) -> None:
    """Register with scopes that no registration grants any more, if they are among those named."""
    every = expand(grant.scopes)
    now = system_clock()
    served = tuple(scope for scope in every if scope not in RESERVED_NAMES)
    await admit(store, application, replace(grant, scopes=served), now)
    if served != every:
        await store.change(application.client_id, ClientChange(scopes=every), now)
