"""`price`: what an order would cost by the published offers, in SQL.

- Only the offers of the source that leads for the instrument count (`hub.store.settling`). Of
  those valid on the day for the audience, the cheapest one counts; yuan before others.
- An enterprise is an outside user: where no offer is for enterprises, the outside price holds.
- amount = max(unit price * quantity, minimum charge), in numeric, to the cent. The quantity is the
  hours, the samples, or one run; an offer whose quantity the request does not state does not apply.
- An offer whose minimum charge is in another currency than its price has no single amount and does
  not apply.
- No applicable price is an answer of its own, never zero.
"""

from __future__ import annotations

from decimal import Decimal

from hub.query.computed.writing import Writing
from hub.query.plan import binding
from hub.query.plan.arguments import Argument
from hub.query.plan.binding import Env, bad_input
from schema.dates import local_date
from schema.traits import Prices

QUANTITY_MAX = 100_000
"""Hours or samples of one estimate."""


def _money(amount: str, currency: str) -> str:
    return f"jsonb_build_object('amount',{amount}::text,'currency',{currency})"


def _quantity(argument: Argument | None, statement: Writing) -> str:
    if argument is None:
        return "NULL::numeric"

    def check(env: Env) -> None:
        if not 0 < Decimal(argument.read(env.values)) <= QUANTITY_MAX:
            raise bad_input(
                argument,
                f"须大于 0 且不超过 {QUANTITY_MAX}",
                f"is more than 0 and at most {QUANTITY_MAX}",
            )

    statement.checks.append(check)
    return statement.bind(argument, binding.plain, "numeric")


def price_row(key: str, arguments: dict[str, Argument | None], statement: Writing) -> str:
    """Return a query for one row with the columns that `hub.query.sql.model` reads."""
    audience = arguments["audience"]
    assert audience is not None
    audience_text = statement.bind(audience, binding.plain, "text")
    hours = _quantity(arguments["hours"], statement)
    samples = _quantity(arguments["samples"], statement)
    on = arguments["on"]
    if on is None:
        day = statement.bind_env("today", lambda env: local_date(env.now).isoformat(), "date")
    else:
        day = statement.bind(on, binding.plain, "date")
    table, prices = statement.model.stating(Prices)
    quantity = (
        f"CASE o.unit WHEN 'HOUR' THEN {hours} WHEN 'SAMPLE' THEN {samples} WHEN 'RUN' THEN 1 END"
    )
    valid = (
        f"o.{prices.of} = {key} AND o.leads AND o.price IS NOT NULL"
        f" AND (o.valid_from IS NULL OR o.valid_from <= {day})"
        f" AND (o.valid_until IS NULL OR o.valid_until >= {day})"
        " AND coalesce(o.minimum_charge->>'currency' = o.price->>'currency',true)"
        f" AND (o.audience = {audience_text}"
        f" OR ({audience_text} = 'ENTERPRISE' AND o.audience = 'OUTSIDE'))"
    )
    priced = (
        "SELECT o.source,o.code,o.audience,o.unit,o.price,o.minimum_charge,o.item_id,"
        "(o.price->>'amount')::numeric AS unit_amount,o.price->>'currency' AS currency,"
        "(o.minimum_charge->>'amount')::numeric AS least,"
        f"{quantity} AS quantity FROM {table} o WHERE {valid}"
    )
    total = "round(greatest(q.unit_amount * q.quantity, q.least),2)"
    basis = (
        "concat(q.unit_amount,' ',q.currency,' × ',trim_scale(q.quantity),' ',q.unit,"
        "CASE WHEN q.least IS NOT NULL THEN concat('; min ',q.least,' ',q.currency) END)"
    )
    best = (
        f"SELECT q.source,q.code,q.audience,q.unit,q.price,q.minimum_charge,{basis} AS basis,"
        f"{_money(total, 'q.currency')} AS amount FROM ({priced}) q"
        f" WHERE q.quantity IS NOT NULL ORDER BY (q.audience <> {audience_text}),"
        f"(q.currency <> 'CNY'),{total},q.item_id LIMIT 1"
    )
    return (
        "SELECT CASE WHEN b.amount IS NULL THEN 'NO_PRICE' ELSE 'OK' END AS status,b.*"
        f" FROM (SELECT) one LEFT JOIN ({best}) b ON true"
    )
