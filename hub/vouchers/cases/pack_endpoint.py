"""`pack_endpoint`: `GET /vouchers/pack/{id}?lang=zh|en`: the evidence pack of a voucher case.

`id` is the identity of a claim, a service record, an order or a voucher; `lang` the language of the
table of contents. A case is there for who
may see the record; of the rest the pack holds what the caller could fetch receipt by receipt.
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from random import getrandbits

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hub.access import gate
from hub.access.gate import Admitted, Door
from hub.access.grants import PartyGrants
from hub.access.resource import Caller
from hub.access.scopes import Scope
from hub.access.service import Access
from hub.access.signatures import READ
from hub.audit.rows import ReadRequest
from hub.audit.service import Audit
from hub.entity_tag import is_held
from hub.errors import ErrorCode, RefusedError
from hub.receipts.answer import Receipts
from hub.store.fair import Asker, FairQueue, Shares
from hub.vouchers.cases.case_desk import VoucherCaseDesk
from hub.vouchers.cases.chain import CaseChain
from hub.vouchers.cases.pack import pack_bytes
from hub.vouchers.cases.pack_page import CHINESE
from hub.vouchers.cases.packing import PolicyFile, collect, proving_for
from hub.vouchers.cases.sight import protected_read
from hub.vouchers.limits import PACK_WAIT_S, PACKS_AT_ONCE, PACKS_OF_ONE

PATH = "/vouchers/pack"
MEDIA_TYPE = "application/zip"
DOOR = Door(operation=READ, scope=Scope.RECEIPT_READ.value)


class PackEndpoint:
    """The route of evidence packs."""

    def __init__(
        self,
        desk: VoucherCaseDesk,
        access: Access,
        receipts: Receipts,
        policy: PolicyFile,
        audit: Audit | None = None,
    ) -> None:
        """Without `audit` nothing is audited: tests."""
        self._desk = desk
        self._access = access
        self._receipts = receipts
        self._policy = policy
        self._audit = audit
        self._turns = FairQueue(PACKS_AT_ONCE, Shares(client_runs=PACKS_OF_ONE), PACK_WAIT_S)

    def routes(self) -> list[Route]:
        """Return the route."""
        return [Route(f"{PATH}/{{id}}", self._serve)]

    async def _serve(self, request: Request) -> Response:
        async def work(admitted: Admitted) -> Response:
            caller = admitted.caller
            async with self._turns.turn(Asker(caller.client_id or "nobody")):
                sight = await self._desk.sight(caller.party, caller.scopes)
                prove = proving_for(caller, self._receipts)
                identity = request.path_params["id"]
                language = request.query_params.get("lang", CHINESE)
                contents = await collect(self._desk, sight, identity, prove, self._policy, language)
            if contents is None:
                raise RefusedError(
                    ErrorCode.NOT_FOUND,
                    hint="id: the identity of a claim, a service record, an order or a voucher "
                    "that is yours to see",
                    hint_zh="id：您可查看的申兑、服务记录、订单或券的平台标识",
                )
            await self._note(caller, sight.grants, contents.chain)
            return _file(request, pack_bytes(contents))

        return await gate.through(self._access, request, DOOR, work)

    async def _note(self, caller: Caller, grants: PartyGrants, chain: CaseChain) -> None:
        """Note in the audit which records the pack tells of, before it leaves."""
        if self._audit is None:
            return
        registry = self._desk.database.records.registry
        request = ReadRequest(
            caller=caller,
            grants=grants,
            at=self._audit.clock(),
            request_id=f"{getrandbits(64):016x}",
            action="voucher pack",
        )
        told = {
            protected_read(registry[kind], row) for kind, rows in chain.rows.items() for row in rows
        }
        reads = [each for each in told if each is not None]
        await self._audit.note(request, reads)


def _file(request: Request, data: bytes) -> Response:
    digest = sha256(data)
    tag = f'"{digest.hexdigest()}"'
    headers = {
        "Cache-Control": "private, no-cache, no-transform",
        "Content-Disposition": 'attachment; filename="voucher-case.zip"',
        "ETag": tag,
        "Repr-Digest": f"sha-256=:{b64encode(digest.digest()).decode()}:",
        "Vary": "Authorization, DPoP",
    }
    if is_held(request, tag):
        return Response(status_code=304, headers=headers)
    return Response(data, media_type=MEDIA_TYPE, headers=headers)
