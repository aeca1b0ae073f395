"""`endpoint`: receipts and records over HTTP, for those who may read the record.

- `GET /receipts/{entry}` gives `tlog-proof@v1` text, `GET /records/{entry}` the canonical bytes
  that it proves. Together they are verified offline with `deltahub verify`.
- Both need `receipt:read` and the right to read the whole record: signed bytes cannot be shown in
  part, and the salt in a receipt would allow guessing hidden values.
- Rights are judged by the present revision. Only owner and issuer may read older revisions and
  withdrawals.
- The source that sent a record may always read both: it knows the content.
- A record that the caller may not read is answered like one that does not exist, after the same
  statements: the time of an answer tells no more than its text. Proofs are made after that.
- A receipt proves what was stated then; beside it the answer says whether it stands today
  (`Hub-Record-Standing`): CURRENT, SUPERSEDED, WITHDRAWN.
- An erased entry is ERASED (410) to owner, issuer and sender, and does not exist for anybody else.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping, Sequence
from random import getrandbits
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hub.access import gate
from hub.access.agreements import Agreements
from hub.access.gate import Admitted, Door
from hub.access.resource import Caller
from hub.access.scopes import Scope
from hub.access.service import Access
from hub.access.signatures import READ
from hub.audit.protected import ProtectedRead
from hub.audit.rows import ReadRequest
from hub.audit.service import Audit
from hub.errors import ErrorCode, HubError, RefusedError
from hub.identity.links import Names
from hub.ledger.errors import LedgerError
from hub.ledger.policy import Policy
from hub.ledger.proof import MEDIA_TYPE
from hub.ledger.receipts import StoredReceipt, entries_of
from hub.query.sql.marks import grade_of_rows
from hub.receipts.answer import ReceiptAnswer
from hub.receipts.found import NO_ENTRY, FoundEntries, FoundEntry, Sight
from hub.store.database import Database
from hub.store.view import names_now
from schema.dates import format_instant
from schema.item import RecordSpec
from schema.visibility import DATASETS

_LOG = logging.getLogger(__name__)
DOOR = Door(operation=READ, scope=Scope.RECEIPT_READ.value)
_ENTRY = re.compile("[0-9]{1,18}")
ERASED_HINT = "A receipt that you kept, with the record, still proves what it proved."
ERASED_HINT_ZH = "先前保存的回执连同记录，仍能证明其所证明的内容。"
WAIT_S = 1
"""Seconds until the receipt of an entry that is not yet under a signed checkpoint may be ready."""


class ProofEndpoints:
    """The routes of receipts and records."""

    def __init__(
        self,
        database: Database,
        access: Access,
        agreements: Agreements,
        policy: Policy,
        audit: Audit | None = None,
    ) -> None:
        """Without `audit` nothing is audited: tests and benchmarks."""
        self.audit = audit
        self._database = database
        self._access = access
        self._agreements = agreements
        self._entries = FoundEntries(database, agreements, policy)

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/receipts/{entry}", self.receipt),
            Route("/records/{entry}", self.record),
        ]

    async def receipt(self, request: Request) -> Response:
        """Answer the receipt of an entry, or 202 with Retry-After until the log has signed."""
        return await self._answer(request, _receipt)

    async def record(self, request: Request) -> Response:
        """Answer the canonical bytes of an entry."""
        return await self._answer(request, _record)

    async def _answer(self, request: Request, make: Any) -> Response:
        async def work(admitted: Admitted) -> Response:
            entry = request.path_params["entry"]
            try:
                return await self._proof_response(admitted.caller, _number(entry), make)
            except LedgerError as error:
                _LOG.critical("receipt of entry %s: %s", entry, error)
                raise HubError(
                    ErrorCode.INTERNAL,
                    hint=f"Tell the operator: {error.code}",
                    hint_zh=f"请告知平台运营方：{error.code}",
                ) from error

        return await gate.through(self._access, request, DOOR, work)

    async def find(
        self, caller: Caller, *, entry_id: int | None, revision_id: str | None
    ) -> ReceiptAnswer | None:
        """Return the receipt of an entry or of a revision for the GraphQL interface.

        A caller that may read only part of the record gets the state without a proof. A revision id
        finds a receipt only for callers that may read the whole record: otherwise the id, a hash of
        the content, would confirm a guess of that content.
        """
        _require_scope(caller)
        if revision_id is None:
            entries, least = [entry_id or NO_ENTRY], Sight.ROW
        else:
            try:
                named = await entries_of(self._database, revision_id)
                entries, least = named or [NO_ENTRY], Sight.WHOLE
            except LedgerError:
                return None  # not a well-formed revision id
        for found in await self._entries.of(caller, entries):
            if found.receipt is not None and found.sight >= least:
                await self._note(caller, [found], "graphql receipt")
                return _answer(found.receipt, found)
        return None

    async def find_all(
        self, caller: Caller, entry_ids: Sequence[int]
    ) -> list[ReceiptAnswer | None]:
        """Return the receipts of entries as `find` does, in their order; None: not to be read.

        However many: the same few statements.
        """
        _require_scope(caller)
        if not entry_ids:
            return []
        found = await self._entries.of(caller, entry_ids)
        await self._note(caller, found, "graphql receipts")
        return [None if each.receipt is None else _answer(each.receipt, each) for each in found]

    async def _proof_response(self, caller: Caller, entry: int, make: Any) -> Response:
        (found,) = await self._entries.of(caller, [entry])
        receipt = found.receipt
        if receipt is None or found.sight is not Sight.WHOLE:
            raise _absent()
        if receipt.is_erased:
            raise RefusedError(ErrorCode.ERASED, hint=ERASED_HINT, hint_zh=ERASED_HINT_ZH)
        await self._note(caller, [found], "record" if make is _record else "receipt")
        answer: Response = make(receipt, found.body)
        answer.headers["Cache-Control"] = "no-store"
        answer.headers["Hub-Record-Standing"] = found.standing.value
        if found.successor is not None:
            answer.headers["Hub-Record-Successor"] = str(found.successor)
        return answer

    async def _note(self, caller: Caller, found: Sequence[FoundEntry], action: str) -> None:
        """Note in the audit what protected records, or what confirms a guess of them, were read."""
        if self.audit is None:
            return
        reads: list[ProtectedRead] = []
        names: Names | None = None
        for each in found:
            receipt = each.receipt
            if receipt is None or each.sight is not Sight.WHOLE or receipt.is_erased:
                continue
            spec = self._database.records.registry[receipt.record_type]
            protected = _protected(spec, {} if receipt.is_withdrawal else json.loads(each.body))
            if not protected:
                continue
            if names is None:
                async with self._database.reads.connection() as connection:
                    names = await names_now(connection, self._database.records)
            own = names.of_type(spec)
            identity = own.identity(spec, receipt.authority, receipt.key, receipt.owner)
            owner = own.party(receipt.owner)
            reads += [ProtectedRead(*kind, identity, owner) for kind in sorted(protected)]
        if not reads:
            return
        entries = (str(each.receipt.entry_id) for each in found if each.receipt is not None)
        request = ReadRequest(
            caller=caller,
            grants=await self._agreements.of(caller.party),
            at=self.audit.clock(),
            request_id=f"{getrandbits(64):016x}",
            action=" ".join((action, *entries)),
        )
        await self.audit.note(request, reads)


def _protected(spec: RecordSpec, wire: Mapping[str, Any]) -> set[tuple[str, str]]:
    """Return the grades and scopes of what is protected in a record."""
    read = {
        (item.grade.name, item.scope)
        for item in spec.items
        if item.wire in wire and item.scope in DATASETS
    }
    return read | ({(grade_of_rows(spec), spec.scope)} if spec.scope in DATASETS else set())


def _require_scope(caller: Caller) -> None:
    if DOOR.scope not in caller.scopes:
        raise RefusedError(
            ErrorCode.SCOPE_MISSING,
            hint=f"This needs the scope {DOOR.scope}.",
            hint_zh=f"需要权限范围 {DOOR.scope}，请向平台运营方申请。",
        )


def _number(text: str) -> int:
    """Return the number of an entry; 0, which none has, for what is no such number."""
    return int(text) if _ENTRY.fullmatch(text) else 0


def _receipt(receipt: StoredReceipt, _: bytes) -> Response:
    if receipt.text is None:
        return Response(
            receipt.state.value,
            status_code=202,
            media_type="text/plain",
            headers={"Retry-After": str(WAIT_S)},
        )
    return Response(
        receipt.text,
        media_type=MEDIA_TYPE,
        headers={"Hub-Receipt-State": receipt.state.value},
    )


def _record(_: StoredReceipt, body: bytes) -> Response:
    return Response(body, media_type="application/json")


def _answer(receipt: StoredReceipt, found: FoundEntry) -> ReceiptAnswer:
    is_whole = found.sight is Sight.WHOLE
    return ReceiptAnswer(
        entry_id=str(receipt.entry_id),
        revision_id=receipt.revision_id if is_whole else None,
        state=receipt.state.value,
        standing=found.standing,
        successor=None if found.successor is None else str(found.successor),
        record_type=receipt.record_type,
        key=receipt.key,
        source=receipt.source,
        accepted_at=format_instant(receipt.accepted_at),
        leaf_index=receipt.leaf_index,
        proof=receipt.text if is_whole else None,
        record=found.body.decode() if is_whole and receipt.text is not None else None,
    )


def _absent() -> RefusedError:
    return RefusedError(
        ErrorCode.NOT_FOUND,
        hint="No entry with this number is yours to read.",
        hint_zh="没有可供您读取的这个编号，请核对提交结果中的编号。",
    )
