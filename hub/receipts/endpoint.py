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
from enum import IntEnum
from random import getrandbits
from typing import Any, NamedTuple

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
from hub.access.visibility import Subject, hidden_items, may_see
from hub.audit.protected import ProtectedRead
from hub.audit.rows import ReadRequest
from hub.audit.service import Audit
from hub.errors import ErrorCode, HubError, RefusedError
from hub.ledger.errors import LedgerError
from hub.ledger.policy import Policy
from hub.ledger.proof import MEDIA_TYPE
from hub.ledger.receipts import StoredReceipt, entries_of, receipt_for
from hub.query.sql.marks import grade_of_rows
from hub.receipts.answer import ReceiptAnswer, ReceiptStanding
from hub.store.database import Database
from hub.store.fair import Asker, FairQueue, Shares
from hub.store.view import names_now
from schema.dates import format_instant
from schema.visibility import DATASETS, HISTORY

_LOG = logging.getLogger(__name__)
DOOR = Door(operation=READ, scope=Scope.RECEIPT_READ.value)
_HEADER = """
SELECT e.entry_id, e.record_type, coalesce(f.source, e.source), e.authority, e.key, e.owner,
  e.issuer, e.withdrawal, b.canon
FROM entry e LEFT JOIN entry_body b USING (entry_id)
LEFT JOIN former_source f ON f.former = e.source
WHERE e.entry_id = %s"""
_ENTRY = re.compile("[0-9]{1,18}")
ERASED_HINT = "A receipt that you kept, with the record, still proves what it proved."
ERASED_HINT_ZH = "先前保存的回执连同记录，仍能证明其所证明的内容。"
NO_ENTRY = 0
"""An entry that never is."""
AT_ONCE = 3
"""Entries that are looked for at once: one connection less than there are for reading …"""
OF_ONE = 2
"""… and of them those of one client."""
WAIT_S = 1
"""Seconds until the receipt of an entry that is not yet under a signed checkpoint may be ready."""


class Sight(IntEnum):
    """How much of an entry somebody may see."""

    NOTHING = 0
    ROW = 1
    """Its existence and some of its items."""
    WHOLE = 2


class _Header(NamedTuple):
    """What decides who may see an entry."""

    entry_id: int
    record_type: str
    source: str
    authority: str
    key: str
    owner: str
    issuer: str
    is_withdrawal: bool
    canon: bytes | None
    """None: it was erased."""


class _Found(NamedTuple):
    """An entry that somebody asked for, as far as he may see it."""

    receipt: StoredReceipt | None
    sight: Sight
    body: bytes
    standing: ReceiptStanding
    successor: int | None
    """The entry that its source states now in place of this one."""


_NOTHING_FOUND = _Found(None, Sight.NOTHING, b"", ReceiptStanding.CURRENT, None)


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
        self._audit = audit
        self._database = database
        self._access = access
        self._agreements = agreements
        self._policy = policy
        self._turns = FairQueue(AT_ONCE, Shares(client_runs=OF_ONE), database.limits.wait_s)

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
        if DOOR.scope not in caller.scopes:
            raise RefusedError(
                ErrorCode.SCOPE_MISSING,
                hint=f"This needs the scope {DOOR.scope}.",
                hint_zh=f"需要权限范围 {DOOR.scope}，请向平台运营方申请。",
            )
        if revision_id is None:
            entries, least = [entry_id or NO_ENTRY], Sight.ROW
        else:
            try:
                named = await entries_of(self._database, revision_id)
                entries, least = named or [NO_ENTRY], Sight.WHOLE
            except LedgerError:
                return None  # not a well-formed revision id
        for each in entries:
            found = await self._found(caller, each)
            receipt, sight = found.receipt, found.sight
            if receipt is not None and sight >= least:
                if sight is Sight.WHOLE and not receipt.is_erased:
                    await self._note(caller, receipt, found.body, "graphql receipt")
                return _answer(receipt, found)
        return None

    async def _proof_response(self, caller: Caller, entry: int, make: Any) -> Response:
        found = await self._found(caller, entry)
        receipt = found.receipt
        if receipt is None or found.sight is not Sight.WHOLE:
            raise _absent()
        if receipt.is_erased:
            raise RefusedError(ErrorCode.ERASED, hint=ERASED_HINT, hint_zh=ERASED_HINT_ZH)
        await self._note(caller, receipt, found.body, "record" if make is _record else "receipt")
        answer: Response = make(receipt, found.body)
        answer.headers["Cache-Control"] = "no-store"
        answer.headers["Hub-Record-Standing"] = found.standing.value
        if found.successor is not None:
            answer.headers["Hub-Record-Successor"] = str(found.successor)
        return answer

    async def _found(self, caller: Caller, entry: int) -> _Found:
        """Return an entry's receipt and bytes, and how much of the entry the caller may see."""
        async with self._turns.turn(Asker(caller.client_id or "nobody")):
            return await self._looked_for(caller, entry)

    async def _looked_for(self, caller: Caller, entry: int) -> _Found:
        rows = await self._database.reads.fetch_all(_HEADER, (entry,))
        header = _Header(*rows[0]) if rows else self._nobodys
        standing, successor = await self._standing(header)
        sight = await self._sight(caller, header, standing)
        if not rows or sight is Sight.NOTHING:
            return _NOTHING_FOUND
        receipt = await receipt_for(self._database, entry, self._policy)
        if receipt is None or (header.canon is None and not receipt.is_erased):
            return _NOTHING_FOUND  # erased between the two statements
        if receipt.is_erased:
            standing = ReceiptStanding.ERASED
        return _Found(receipt, sight, header.canon or b"", standing, successor)

    @property
    def _nobodys(self) -> _Header:
        """Return a header that nobody may see, for which the same is asked as for any other."""
        first = next(iter(self._database.records.registry)).name
        return _Header(NO_ENTRY, first, "", "", "", "", "", is_withdrawal=True, canon=b"{}")

    async def _note(self, caller: Caller, receipt: StoredReceipt, body: bytes, action: str) -> None:
        """Note in the audit that a protected record, or what confirms a guess of it, was read."""
        if self._audit is None:
            return
        spec = self._database.records.registry[receipt.record_type]
        wire = {} if receipt.is_withdrawal else json.loads(body)
        read = {
            (item.grade.name, item.scope)
            for item in spec.items
            if item.wire in wire and item.scope in DATASETS
        }
        read |= {(grade_of_rows(spec), spec.scope)} if spec.scope in DATASETS else set()
        if not read:
            return
        async with self._database.reads.connection() as connection:
            names = (await names_now(connection, self._database.records)).of_type(spec)
        owner = names.party(receipt.owner)
        identity = names.identity(spec, receipt.authority, receipt.key, receipt.owner)
        request = ReadRequest(
            caller=caller,
            grants=await self._agreements.of(caller.party),
            at=self._audit.clock(),
            request_id=f"{getrandbits(64):016x}",
            action=f"{action} {receipt.entry_id}",
        )
        reads = [ProtectedRead(grade, scope, identity, owner) for grade, scope in sorted(read)]
        await self._audit.note(request, reads)

    async def _sight(self, caller: Caller, receipt: _Header, standing: ReceiptStanding) -> Sight:
        """Return how much the caller may see; old revisions and withdrawals fall under HISTORY."""
        if receipt.source in caller.sources:
            return Sight.WHOLE  # the sender knows the content
        spec = self._database.records.registry[receipt.record_type]
        grants = await self._agreements.of(caller.party)
        async with self._database.reads.connection() as connection:
            names = (await names_now(connection, self._database.records)).of_type(spec)
        subject = Subject(
            owner=names.party(receipt.owner),
            issuer=names.party(receipt.issuer),
            wire={}
            if receipt.is_withdrawal or receipt.canon is None
            else names.wire(spec, json.loads(receipt.canon)),
        )
        rule = None if standing is ReceiptStanding.CURRENT else HISTORY
        if not may_see(spec, subject, caller.scopes, grants, rule):
            return Sight.NOTHING
        return Sight.ROW if hidden_items(spec, subject, caller.scopes, grants) else Sight.WHOLE

    async def _standing(self, entry: _Header) -> tuple[ReceiptStanding, int | None]:
        """Return whether an entry is what its source says now, and the entry that is instead."""
        table = self._database.records.tables[entry.record_type].source.name
        rows = await self._database.reads.fetch_all(
            f"SELECT entry_id, withdrawn FROM {table} "  # noqa: S608 - own name
            "WHERE source = %s AND authority = %s AND key = %s",
            (entry.source, entry.authority, entry.key),
        )
        if not rows:
            return ReceiptStanding.WITHDRAWN, None  # nothing of it is kept: its content was erased
        now, is_withdrawn = rows[0]
        successor = None if now == entry.entry_id else now
        if is_withdrawn:
            return ReceiptStanding.WITHDRAWN, successor
        return (
            ReceiptStanding.CURRENT if successor is None else ReceiptStanding.SUPERSEDED,
            successor,
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


def _answer(receipt: StoredReceipt, found: _Found) -> ReceiptAnswer:
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
