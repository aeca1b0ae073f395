"""Cases of vouchers: one service that is VALID, one voucher, and a law with rates."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from hub.policy.customs.decision import CustomsAnswer
from hub.policy.law import FOLDER, Law, LawOnDay, read_law
from hub.policy.vouchers.buckets import Buckets
from hub.policy.vouchers.claim import S, VoucherStanding
from hub.policy.vouchers.facts import InvoiceTold, PowerTold, ServiceTold, VoucherTerms
from hub.policy.vouchers.messages import Event, VoucherMessage, VoucherMoved, answer
from schema.codes import VoucherState

VECTORS = Path(__file__).parents[2] / "vectors" / "vouchers"
HOLDER, PROVIDER = "uscc:91330100MA2XXXXX1X", "moe:10335"
YUHUAN = "331083"
USE_UNTIL, CASH_UNTIL = date(2026, 6, 30), date(2026, 9, 30)
SPRING = date(2026, 5, 4)
ENDED = datetime(2026, 6, 1, 8, tzinfo=UTC)
FIVE_HOURS_S = 5 * 3600


def vectors(name: str) -> dict[str, Any]:
    return tomllib.loads((VECTORS / f"{name}.toml").read_text("utf-8"))


def law_with(rates: dict[str, str], day: date = date(2026, 6, 1)) -> LawOnDay:
    """Return the shipped law, with these parameters in place of what ships of them."""
    shipped = (FOLDER / "vouchers.toml").read_text("utf-8")
    others = {
        name: each
        for name, each in read_law({"vouchers.toml": shipped}).parameters.items()
        if name not in rates
    }
    stated = "".join(
        f'[{name}]\ntitle = {{ zh = "x", en = "x" }}\nunit = "x"\n'
        + (f'choices = ["{value}"]\n' if value.isupper() else "")
        + f"[[{name}.values]]\n"
        f'region = "000000"\nsince = 2020-01-01\nvalue = "{value}"\n'
        'status = "IN_FORCE"\nbasis = "x"\n'
        for name, value in rates.items()
    )
    made = read_law({"rates.toml": stated}).parameters if rates else {}
    return Law({**others, **made}).on(day, YUHUAN)


def law() -> LawOnDay:
    return law_with(vectors("amount")["law"])


def voucher(granted: int = 2_000_000, **changed: Any) -> VoucherStanding:
    base = VoucherStanding(
        state=VoucherState.GRANTED,
        use_until=USE_UNTIL,
        cash_until=CASH_UNTIL,
        buckets=Buckets(granted),
    )
    return replace(base, **changed)


def terms(**changed: Any) -> VoucherTerms:
    base = VoucherTerms(
        holder=HOLDER, use_until=USE_UNTIL, available_fen=2_000_000, used_in_year_fen=0
    )
    return replace(base, **changed)


def service(**changed: Any) -> ServiceTold:
    base = ServiceTold(
        provider=PROVIDER,
        user=HOLDER,
        started_at=ENDED - timedelta(hours=5),
        ended_at=ENDED,
        claimed_s=FIVE_HOURS_S,
        charge_fen=800_000,
        voucher_fen=800_000,
        is_chained=True,
        booked_s=FIVE_HOURS_S,
        longest_day_s=FIVE_HOURS_S,
        overlaps=False,
        list_price_fen=800_000,
        power=PowerTold(FIVE_HOURS_S, 0),
        invoice=InvoiceTold(payer=HOLDER, amount_fen=800_000, own_part_paid=True),
        exclusions=frozenset(),
        reviewed_by=HOLDER,
        registered=True,
        controlled=False,
        holder_active=True,
        customs=CustomsAnswer.ALLOW,
    )
    return replace(base, **changed)


def message(event: str | Event, on: date = SPRING, **more: Any) -> VoucherMessage:
    stated = {
        "planned": (SPRING, SPRING),
        "checks": True,
        "in_log": True,
        "is_decided": True,
        "reason": "x",
        "cash_counts": S.SUBMITTED,
    }
    at = more.pop("at", datetime.combine(on, time(4), UTC))
    return VoucherMessage(event=Event(event), at=at, **{**stated, **more})


def after(standing: VoucherStanding, *messages: VoucherMessage) -> VoucherStanding:
    for each in messages:
        taken = answer(standing, each)
        assert isinstance(taken, VoucherMoved), (each, taken)
        standing = taken.voucher
    return standing
