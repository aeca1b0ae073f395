"""`endpoint`: attestations as files over HTTP, and the keys by which they are verified.

    GET /attestations/{issuer}/{code}/{claim}   the file, for who may see the claim
    GET /attestation/keys                       the hub's keys to pin, for everybody (JWKS)

Why there is no attestation is a problem whose hint names the reason; every check is told by the
field `attestation` of the GraphQL interface. While the log has not signed: 202 and Retry-After.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import getrandbits
from typing import Protocol

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hub.access import gate
from hub.access.agreements import Agreements
from hub.access.gate import Admitted, Door
from hub.access.scopes import Scope
from hub.access.service import Access
from hub.access.signatures import READ
from hub.audit.rows import ReadRequest
from hub.audit.service import Audit
from hub.crypto.keys import VerifyKey
from hub.errors import ErrorCode, RefusedError
from hub.vouchers.attested.attestation_told import NotAttested
from hub.vouchers.attested.attesting import AttestationDesk
from hub.vouchers.cases.words import UNATTESTED
from hub.vouchers.marks import ClaimName

PATH = "/attestations"
KEYS_PATH = "/attestation/keys"
DOOR = Door(operation=READ, scope=Scope.VOUCHER_VERIFY.value)
WAIT_S = 2
"""Seconds until a checkpoint that covers the claim may be signed."""
_JSON = "application/json"
_CHECKS_TELL = (
    "/graphql 的 attestation 字段列出逐项核验。",
    "The field `attestation` of /graphql tells every check.",
)


class HubPeriods(Protocol):
    """The hub's keys, each with the second from which it signs."""

    def periods(self) -> Sequence[tuple[VerifyKey, int]]:
        """Return them in that order."""


class AttestationEndpoints:
    """The routes of attestations."""

    def __init__(
        self,
        desk: AttestationDesk,
        access: Access,
        agreements: Agreements,
        audit: Audit,
        keys: HubPeriods,
    ) -> None:
        self._desk = desk
        self._access = access
        self._agreements = agreements
        self._audit = audit
        self._keys = keys

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route(KEYS_PATH, self.keys, methods=["GET"]),
            Route(f"{PATH}/{{issuer}}/{{code}}/{{claim}}", self.attestation, methods=["GET"]),
        ]

    async def keys(self, _: Request) -> Response:
        """Answer the keys to pin, beside the policy of the log."""
        found = await self._desk.keys_to_pin(self._keys.periods())
        return Response(found, media_type=_JSON, headers={"Cache-Control": "public, max-age=60"})

    async def attestation(self, request: Request) -> Response:
        """Answer the attestation of a claim."""
        path = request.path_params

        async def work(admitted: Admitted) -> Response:
            name = ClaimName(path["issuer"], path["code"], path["claim"])
            return await self._answer(admitted, name)

        return await gate.through(self._access, request, DOOR, work)

    async def _answer(self, admitted: Admitted, name: ClaimName) -> Response:
        caller = admitted.caller
        if caller.party is None:
            raise RefusedError(ErrorCode.UNAUTHENTICATED)
        told = await self._desk.attest(caller.party, name, caller.client_id)
        request = ReadRequest(
            caller=caller,
            grants=await self._agreements.of(caller.party),
            at=self._audit.clock(),
            request_id=f"{getrandbits(64):016x}",
            action=f"attestation {name.issuer}/{name.code}/{name.claim_no}",
        )
        await self._audit.note(request, self._desk.reads(told.claim, told.service))
        headers = {"Cache-Control": "no-store"}
        if told.refused is NotAttested.NOT_IN_LOG:
            headers["Retry-After"] = str(WAIT_S)
            return Response(told.refused.value, 202, headers, "text/plain")
        if told.text is None:
            why = told.missing.fact if told.missing is not None else str(told.refused)
            zh, en = UNATTESTED.get(why, _CHECKS_TELL)
            raise RefusedError(
                ErrorCode.CONFLICT,
                hint=f"No attestation: {why}. {en}",
                hint_zh=f"没有证明：{why}。{zh}",
            )
        headers["Content-Disposition"] = 'attachment; filename="attestation.json"'
        return Response(told.text, headers=headers, media_type=_JSON)
