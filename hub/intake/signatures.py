"""`signatures`: checks the signatures that producers put on single rows.

- The signing key is one that a registered, active client holds; its party is who vouches.
- Only a record's issuer signs it; intake compares the party with the issuer (`hub.intake.guard`).
  So a platform may pass on what a university signed, and nobody can sign for somebody else.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

from hub.access.clients import may_bind
from hub.crypto import es256
from hub.errors import ErrorCode
from hub.intake.limits import SIGNED_BEFORE_MAX
from hub.intake.prepare import Prepared, problem
from hub.ledger.errors import StatementError
from hub.ledger.statement import SignedStatement, check_parsed, parse_statement
from hub.store.database import Database
from hub.turns import Turns

Keys = dict[str, tuple[EllipticCurvePublicKey, str, bool]]
"""By thumbprint: the key, whose it is, and whether it may bind others for its client."""

_FIND_KEYS = """
SELECT k.kid, k.jwk, c.party, k.role, EXISTS (
  SELECT FROM client_key r WHERE r.client_id = c.client_id AND r.role IS NOT NULL)
FROM client_key k JOIN client c USING (client_id)
WHERE k.kid = ANY(%s) AND k.status = 'ACTIVE' AND c.status = 'ACTIVE'
  AND (k.ended_at IS NULL OR k.ended_at > %s)
"""


async def check_signatures(database: Database, rows: Sequence[Prepared], now: datetime) -> None:
    """Verify the signature of every row that has one; a bad one is a problem of that row."""
    signed: list[tuple[Prepared, SignedStatement]] = []
    turns = Turns()
    for row in rows:
        await turns.pause()
        if row.jws is not None and not row.problems:
            statement = _read(row, row.jws)
            if statement is not None:
                signed.append((row, statement))
    if not signed:
        return
    keys = await _find_keys(database, {statement.kid for _, statement in signed}, now)
    for row, statement in signed:
        await turns.pause()
        _check(row, statement, keys, now)


def _read(row: Prepared, jws: str) -> SignedStatement | None:
    try:
        return parse_statement(jws)
    except StatementError as error:
        _refuse(row, error.code)
        return None


async def _find_keys(database: Database, kids: set[str], now: datetime) -> Keys:
    if not kids:
        return {}
    rows = await database.writes.fetch_all(_FIND_KEYS, (sorted(kids), now))
    keys = {
        kid: (es256.public_key(jwk), party, may_bind(role, uses_roles=uses_roles))
        for kid, jwk, party, role, uses_roles in rows
        if _is_ec(jwk)
    }
    return {kid: found for kid, found in keys.items() if es256.thumbprint(found[0]) == kid}


def _is_ec(jwk: Any) -> bool:
    return isinstance(jwk, dict) and jwk.get("kty") == "EC" and jwk.get("crv") == "P-256"


def _check(row: Prepared, statement: SignedStatement, keys: Keys, now: datetime) -> None:
    assert row.spec is not None
    if statement.kid not in keys:
        _refuse(row, "STATEMENT_KEY")
        return
    key, holder, row.key_binds = keys[statement.kid]
    try:
        check_parsed(statement, row.canon, key, record_type=row.spec.name, party=holder, now=now)
    except StatementError as error:
        _refuse(row, error.code)
        return
    if statement.issued_at < (now - SIGNED_BEFORE_MAX).timestamp():
        _refuse(row, "STATEMENT_TIME")
    else:
        row.key_id, row.party = statement.kid, holder


def _refuse(row: Prepared, detail: str) -> None:
    row.problems.append(problem("jws", ErrorCode.RECORD_SIGNATURE_INVALID, detail))
