"""`proofs`: receipts and records over HTTP, for those who may read the record.

- `GET /receipts/{entry}` gives `tlog-proof@v1` text, `GET /records/{entry}` the canonical bytes
  that it proves. Together they are verified offline with `deltahub verify`.
- A receipt needs `receipt:read` and a right to the row; a record needs the scopes of every item in
  it as well, because bytes that are signed cannot be shown in part.
- The source that sent a record always gets both.
- Who may not read a record is told the same as when there is none.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hub.access.errors import AccessError, Reason, TokenError
from hub.access.resource import Caller
from hub.access.scopes import Scope
from hub.access.service import Access
from hub.errors import ErrorCode, HubError, RefusedError
from hub.graphql.hooks import ReceiptAnswer
from hub.ledger.errors import LedgerError
from hub.ledger.policy import Policy
from hub.ledger.proof import MEDIA_TYPE
from hub.ledger.receipts import Receipt, receipt_for
from hub.problem import problem
from hub.query.agreements import Agreements
from hub.query.authorise import DATASET_OF_SCOPE, PUBLIC_SCOPE
from hub.query.grants import Grants
from hub.store.database import Database
from schema.dates import format_instant
from schema.item import Item, RecordSpec
from schema.records import RECORDS

_LOG = logging.getLogger(__name__)
_BODY = "SELECT canon FROM entry_body WHERE entry_id = %s"
WAIT_S = 1
"""When to ask again for the receipt of an entry that the log has not signed for yet."""


class ProofEndpoints:
    """The routes of receipts and records."""

    def __init__(
        self, database: Database, access: Access, agreements: Agreements, policy: Policy
    ) -> None:
        self._database = database
        self._access = access
        self._agreements = agreements
        self._policy = policy

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/receipts/{entry:int}", self.receipt),
            Route("/records/{entry:int}", self.record),
        ]

    async def receipt(self, request: Request) -> Response:
        """Answer the receipt of an entry, or 202 with Retry-After until the log has signed."""
        return await self._answer(request, self._receipt)

    async def record(self, request: Request) -> Response:
        """Answer the canonical bytes of an entry."""
        return await self._answer(request, self._record)

    async def _answer(self, request: Request, make: Any) -> Response:
        envelope = None
        try:
            envelope = self._access.envelope(request.scope)
            caller = await self._access.authenticate(envelope)
            return await self._for(caller, request.path_params["entry"], make)
        except AccessError as error:
            return self._access.refusal(error, envelope)
        except HubError as error:
            return problem(error, request.headers.get("accept-language", ""))
        except LedgerError as error:
            _LOG.critical("receipt of entry %s: %s", request.path_params["entry"], error)
            return problem(HubError(ErrorCode.INTERNAL, hint="Tell the operator: " + error.code))

    async def find(
        self, caller: Caller, *, entry_id: int | None, revision_id: str | None
    ) -> ReceiptAnswer | None:
        """Return the receipt of an entry or of a revision for the GraphQL interface."""
        _need_scope(caller)
        which = entry_id if entry_id is not None else revision_id
        try:
            found = await receipt_for(self._database, which, self._policy) if which else None
        except LedgerError:
            return None  # not the form of a revision id
        if found is None:
            return None
        body = await self._database.reads.fetch_bytes(_BODY, (found.entry_id,))
        if body is None or not await self._may(caller, found, body, whole=False):
            return None
        return ReceiptAnswer(
            entry_id=str(found.entry_id),
            revision_id=found.revision_id,
            state=found.state.value,
            record_type=found.record_type,
            key=found.key,
            source=found.source,
            accepted_at=format_instant(found.accepted_at),
            leaf_index=found.leaf_index,
            proof=found.text,
        )

    async def _for(self, caller: Caller, entry: int, make: Any) -> Response:
        if caller.anonymous:
            raise TokenError(Reason.TOKEN_MISSING)
        _need_scope(caller)
        found = await receipt_for(self._database, entry, self._policy)
        body = await self._database.reads.fetch_bytes(_BODY, (entry,)) if found else None
        if found is None or body is None:
            raise _absent()
        answer: Response = await make(caller, found, body)
        answer.headers["Cache-Control"] = "no-store"
        return answer

    async def _receipt(self, caller: Caller, found: Receipt, body: bytes) -> Response:
        if not await self._may(caller, found, body, whole=False):
            raise _absent()
        if found.text is None:
            return Response(
                found.state.value,
                status_code=202,
                media_type="text/plain",
                headers={"Retry-After": str(WAIT_S)},
            )
        return Response(
            found.text, media_type=MEDIA_TYPE, headers={"Hub-Receipt-State": found.state.value}
        )

    async def _record(self, caller: Caller, found: Receipt, body: bytes) -> Response:
        if not await self._may(caller, found, body, whole=True):
            raise _absent()
        return Response(body, media_type="application/json")

    async def _may(self, caller: Caller, found: Receipt, body: bytes, *, whole: bool) -> bool:
        if found.source in caller.sources:
            return True
        if found.is_withdrawal:
            return not whole
        grants = await self._agreements.of(caller.party, caller.scopes)
        wire = json.loads(body)
        spec = RECORDS[found.record_type]
        if not may_see_row(spec, wire, grants):
            return False
        return not whole or not hidden_items(spec, wire, caller.scopes, grants)


def may_see_row(spec: RecordSpec, wire: Mapping[str, Any], grants: Grants) -> bool:
    """Tell whether a caller may see that a record exists."""
    if spec.dataset is None or grants.everything:
        return True
    if grants.party is not None and wire.get("userKey") == grants.party:
        return True
    return spec.owner_of(dict(wire)) in grants.owners(spec.dataset)


def hidden_items(
    spec: RecordSpec, wire: Mapping[str, Any], scopes: frozenset[str], grants: Grants
) -> list[str]:
    """Return the items of a record that a caller may not read."""
    stated = [item for item in spec.items if item.wire in wire]
    return [item.wire for item in stated if not _may_read(spec, item, wire, scopes, grants)]


def _may_read(
    spec: RecordSpec, item: Item, wire: Mapping[str, Any], scopes: frozenset[str], grants: Grants
) -> bool:
    if item.scope not in scopes:
        return False
    if item.scope == PUBLIC_SCOPE or grants.everything:
        return True
    owner = spec.owner_of(dict(wire))
    if grants.party is not None and grants.party in (owner, wire.get("userKey")):
        return True
    return owner in grants.owners(DATASET_OF_SCOPE[item.scope], item.wire) or owner in (
        grants.whole.get(DATASET_OF_SCOPE[item.scope], ())
    )


def _need_scope(caller: Caller) -> None:
    if Scope.RECEIPT_READ.value not in caller.scopes:
        raise RefusedError(ErrorCode.SCOPE_MISSING, hint=f"This needs {Scope.RECEIPT_READ.value}.")


def _absent() -> RefusedError:
    return RefusedError(ErrorCode.NOT_FOUND, hint="No entry with this number is yours to read.")
