"""`statements`: what messages about vouchers leave behind, written together at the end.

The movements and claims of all messages of one transaction are one batch of the ledger; each row
names the request that it follows from. Nothing of it is there before the transaction ends.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from hub.clock import Clock
from hub.errors import ErrorCode, HubError, RefusedError
from hub.intake.batch import (
    Assurance,
    Batch,
    Channel,
    Evidence,
    Outcome,
    RequestSignature,
    Vouched,
)
from hub.intake.service import submit_within
from hub.store.copying import Connection
from hub.store.database import Database
from hub.vouchers.money.balances import KeptBalance, keep_balances
from hub.vouchers.money.ledger import MOVEMENT, source_of
from schema.canonical import canonical
from schema.conform import conform


@dataclass(slots=True)
class LedgerStatements:
    """Rows about vouchers of one issuer, each voucher under its lock. `party`: the hub's own."""

    database: Database
    issuer: str
    party: str
    clock: Clock
    _rows: list[Vouched] = field(default_factory=list)
    _balances: list[KeptBalance] = field(default_factory=list)

    def add(
        self,
        rows: Sequence[Mapping[str, Any]],
        balance: KeptBalance,
        signature: RequestSignature | None,
    ) -> None:
        """Add what one message leaves.

        `signature`: of the request that it follows; None where the hub acts by the calendar. Raises
        `RefusedError` BAD_USER_INPUT for a row that no record can be.
        """
        wires = []
        for row in rows:
            wire, problems = conform(self.database.records.registry[row["type"]], row["record"])
            if problems:
                told = "; ".join(f"{each.path} {each.code}" for each in problems)
                raise RefusedError(ErrorCode.BAD_USER_INPUT, hint=told, hint_zh=told)
            wires.append(wire)
        evidence = Evidence(
            assurance=Assurance.HUB_OBSERVED,
            request=signature,
            document_hash=sha256(canonical({"rows": [dict(each) for each in rows]})).digest(),
            run_id="vouchers",
        )
        self._rows += [
            Vouched(dict(each), evidence, wire) for each, wire in zip(rows, wires, strict=True)
        ]
        self._balances.append(balance)

    async def write(self, connection: Connection) -> None:
        """Write everything in the transaction that holds the locks.

        Raises `HubError` CONFLICT where a movement has the number of one that there is already:
        the kept balance was behind. Nothing may be kept of the transaction then.
        """
        if not self._rows:
            return
        batch = Batch(
            source=source_of(self.issuer),
            party=self.party,
            channel=Channel.LIVE,
            rows=self._rows,
            evidence=Evidence(assurance=Assurance.HUB_OBSERVED, run_id="vouchers"),
            as_of=self.clock(),
        )
        outcomes = await submit_within(
            connection, self.database, batch, clock=self.clock, alone=False
        )
        refused = [each for each in outcomes.rows if each.outcome is Outcome.QUARANTINED]
        assert not refused, f"a ledger states what conforms: {refused[0].problems}"
        for each in outcomes.rows:
            if each.record_type == MOVEMENT and (
                each.outcome is not Outcome.ACCEPTED or each.revision != 1
            ):
                raise HubError(
                    ErrorCode.CONFLICT,
                    message_en=f"{each.key}: there is a movement of this number already",
                    hint="Nothing was done. Send the same request again; if that does not help, "
                    "`deltahub voucher audit` says what differs.",
                    hint_zh="未作任何变动，请原样重发；如仍不成，"
                    "请运行 deltahub voucher audit 查看差异。",
                )
        await keep_balances(connection, self._balances)
