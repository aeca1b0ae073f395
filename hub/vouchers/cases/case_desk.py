"""`case_desk`: shows voucher cases to whoever may see them: found, and station by station."""

from __future__ import annotations

from dataclasses import dataclass

from hub.access.agreements import Agreements
from hub.access.grants import PartyGrants
from hub.policy.law import Law, current_law
from hub.policy.vouchers.buckets import Buckets
from hub.store.database import Database
from hub.vouchers.cases.chain import CaseChain, case_of, lacking_law, read_chain
from hub.vouchers.cases.search import CaseBy, CasesFound, VoucherCaseFound, find_cases
from hub.vouchers.cases.sight import RecordSight
from hub.vouchers.cases.stations import CaseStation, stations_of
from hub.vouchers.money.ledger import VOUCHER, read_voucher
from hub.vouchers.money.movements import MovementError, standing_of


@dataclass(frozen=True, kw_only=True, slots=True)
class VoucherCaseSeen:
    """A case as somebody may see it."""

    found: VoucherCaseFound
    chain: CaseChain
    stations: tuple[CaseStation, ...]
    balance: Buckets | None
    """Where the voucher's money lies; told to its holder and its issuer alone."""
    fault: str | None
    """Why there is no balance though it would be told: its movements do not follow."""
    lacking: tuple[str, ...]
    """Parameters of vouchers for which no value is in force."""


class VoucherCaseDesk:
    """Finds and shows cases. `issuers`: whose vouchers' money this hub keeps."""

    def __init__(
        self,
        database: Database,
        agreements: Agreements,
        issuers: frozenset[str],
        law: Law | None = None,
    ) -> None:
        self.database = database
        self._agreements = agreements
        self._issuers = issuers
        self._law = law or current_law()

    async def sight(self, party: str | None, scopes: frozenset[str]) -> RecordSight:
        """Return what a party sees with these scopes."""
        return RecordSight(scopes, await self._agreements.of(party))

    async def find(self, sight: RecordSight, text: str, by: CaseBy | None = None) -> CasesFound:
        """Return the cases that a text finds. Raises `RefusedError` BAD_USER_INPUT."""
        return await find_cases(self.database, sight, text, by)

    async def look(self, sight: RecordSight, identity: str) -> VoucherCaseSeen | None:
        """Return the case of a record by its identity or key; None where there is none to see."""
        found = await case_of(self.database, sight, identity)
        if found is None:
            return None
        chain = await read_chain(self.database, sight, found, self._law)
        balance, fault = await self._balance(sight.grants, chain)
        return VoucherCaseSeen(
            found=found,
            chain=chain,
            stations=stations_of(chain),
            balance=balance,
            fault=fault,
            lacking=tuple(lacking_law(chain, self._law)),
        )

    async def _balance(
        self, grants: PartyGrants, chain: CaseChain
    ) -> tuple[Buckets | None, str | None]:
        row = chain.one(VOUCHER)
        if row is None or row["issuer_key"] not in self._issuers:
            return None, None
        if not grants.sees_everything and grants.party not in {
            row["issuer_key"],
            row["holder_key"],
        }:
            return None, None
        async with self.database.reads.connection() as connection:
            voucher = await read_voucher(self.database, connection, row["issuer_key"], row["code"])
        if voucher is None:
            return None, None
        try:
            return standing_of(voucher.granted, voucher.movements).buckets, None
        except MovementError as error:
            return None, error.code
