"""`receipts`: what the log of a home says of the entries that were made of rows handed on.

A receipt is given to the caller only after it was judged by the log that the operator pinned; one
that proves nothing is told as such and its text left out. Where no log is pinned only the state is
passed on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from adapters._proof import Disproved, Judge
from adapters.peer_hub import RECEIPTS_ID
from connectors.errors import PayloadError
from connectors.graphql import ask_graphql, value_at
from connectors.http.session import HttpSession
from hub.forwarding.limits import RECEIPT_PAUSE_S, RECEIPT_WAIT_S, RECEIPTS_MAX
from hub.intake.batch import RowOutcome

WAITING = "ACCEPTED"
"""State of a receipt that the log has not signed yet."""
STATES = frozenset({WAITING, "INCLUDED", "WITNESSED", "ERASED"})
GRAPHQL = "graphql"


async def with_receipts(
    session: HttpSession, rows: Sequence[RowOutcome], judge: Judge | None
) -> Sequence[RowOutcome]:
    """Return rows with the receipts of their entries, as far as the log has signed by now.

    Of a longer answer none is asked for. Raises `ConnectorError`.
    """
    if len(rows) > RECEIPTS_MAX:
        return rows
    entries = [str(row.home.entry_id) for row in rows if row.home is not None]
    request = {"documentId": RECEIPTS_ID, "variables": {"entries": entries}}
    until = asyncio.get_running_loop().time() + RECEIPT_WAIT_S
    while True:
        answer = await ask_graphql(session, GRAPHQL, request, "receipts")
        told = value_at(answer.data, "receipts")
        if not isinstance(told, list) or len(told) != len(rows):
            raise PayloadError(session.source, "receipts: does not answer for each")
        is_late = asyncio.get_running_loop().time() >= until
        if is_late or not any(value_at(each, "state") == WAITING for each in told):
            return [_with(row, each, judge) for row, each in zip(rows, told, strict=True)]
        await session.pause(RECEIPT_PAUSE_S)


def _with(row: RowOutcome, told: Any, judge: Judge | None) -> RowOutcome:
    assert row.home is not None
    receipt = _receipt(row, told, judge)
    return row if receipt is None else replace(row, home=replace(row.home, receipt=receipt))


def _receipt(row: RowOutcome, told: Any, judge: Judge | None) -> Mapping[str, str] | None:
    """Return what is told of a receipt; None: the home shows none."""
    state = value_at(told, "state")
    if state not in STATES:
        return None
    proof, record = value_at(told, "proof"), value_at(told, "record")
    if judge is None or not isinstance(proof, str) or not isinstance(record, str):
        return {"state": state}
    judged = judge(proof, record)
    if isinstance(judged, Disproved):
        return {"state": state, "word": judged.word}
    if (judged.record_type, judged.key) != (row.record_type, row.key):
        return {"state": state, "word": "OF_ANOTHER"}
    return {"state": state, "word": judged.word, "proof": proof, "record": record}
