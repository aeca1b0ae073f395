"""`first_claims`: the earlier claim on a service or its invoice, as GraphQL tells it."""

from __future__ import annotations

from collections.abc import Sequence

import strawberry

from hub.graphql.hooks import RequestContext
from hub.vouchers.cases.sight import protected_read
from hub.vouchers.first_claims import first_claim
from hub.vouchers.marks import ClaimName
from hub.vouchers.money.ledger import CLAIM

FIRST_CLAIM_TEXT = (
    "已有的申兑，仅限您可见者；否则为空。The earlier claim, where the caller may see it; else null."
)


@strawberry.type(
    name="FirstClaim",
    description="同一服务或发票的已有申兑。The earlier claim on the same service or invoice.",
)
class FirstClaim:
    """The earlier claim."""

    issuer: str = strawberry.field(description="发放单位主键。Key of the department.")
    code: str = strawberry.field(description="券编号。Number of the voucher.")
    claim_no: str = strawberry.field(description="申兑编号。Number of the claim.")
    entry_id: strawberry.ID = strawberry.field(
        description="台账条目，据此取回执。Entry in the log; `receipt` gives its receipt."
    )


async def first_claim_of(context: RequestContext, claims: Sequence[ClaimName]) -> FirstClaim | None:
    """Return the first of the claims that the caller may see, and note that it was read."""
    if context.vouchers.cases is None or not claims:
        return None
    desk = context.vouchers.cases
    sight = await desk.sight(context.caller.party, context.caller.scopes)
    row = await first_claim(desk.database, sight, claims)
    if row is None:
        return None
    read = protected_read(desk.database.records.registry[CLAIM], row)
    if read is not None:
        context.reads.add(read)
    return FirstClaim(
        issuer=row["issuer_key"],
        code=row["code"],
        claim_no=row["claim_no"],
        entry_id=strawberry.ID(str(row["entry_id"])),
    )
