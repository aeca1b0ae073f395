"""What the platforms of provinces share: units under their best identifier, and time that is taken.

Each platform has its own names for the members and its own words for the codes; what becomes of
them is written once. That their lists can be narrowed to one instrument, by its unit and its
number, is modelled like the lists themselves: a platform that ignores it sends more rows than were
asked for, and those are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from adapters._adapter import Context, LiveList, Mapped, Removed, Yielded
from adapters._metadata import LookUps
from adapters._nrii import NOTHING
from adapters._row import Row
from connectors.reader import Window
from schema.codes import Certainty, IdentifierScheme, OccupancyKind


def unit_identifiers(row: Row, schemes: Mapping[str, IdentifierScheme]) -> list[dict[str, str]]:
    """Return what identifies a unit, the best first; a unit without any is refused.

    `schemes`: the scheme of each member that may hold one, by rank.
    """
    known = [
        {"scheme": scheme.value, "value": value}
        for member, scheme in schemes.items()
        if (value := row.optional_text(member, empty=NOTHING))
    ]
    if not known:
        row.fault(
            next(iter(schemes)),
            "IDENTIFIER_MISSING",
            "统一社会信用代码、学校代码、ROR 至少须有一个",
            f"one of {', '.join(schemes)} is needed",
        )
    return known


def unit_key(identifiers: list[dict[str, Any]]) -> str:
    """Return the key of a unit: its best identifier."""
    best = identifiers[0]
    return f"{best['scheme'].lower()}:{best['value']}"


def remember_unit(context: Context, code: str, key: str, division: str | None) -> None:
    """Keep what other lists look up by the platform's own code of a unit."""
    context.remember("unit", code, (key, division))
    codes = context.recall("unit codes", key) or ()
    context.remember("unit codes", key, tuple(dict.fromkeys((*codes, code))))


def unit_of(row: Row, context: Context, member: str) -> tuple[str, str | None]:
    """Return key and division of the unit that a row names; an unknown one is refused."""
    known = context.recall("unit", row.text(member))
    if known is None:
        row.fault(member, "UNIT_UNKNOWN", "单位列表中没有该单位", "is not in the list of units")
        return "", None
    return known[0], known[1]


def is_of_a_unit(context: Context, instrument_key: str) -> bool:
    """Say whether a key can be that of a platform's instrument: a unit and a number."""
    del context
    unit, slash, number = instrument_key.partition("/")
    return bool(unit and slash and number)


def of_instrument(
    context: Context, instrument_key: str, members: tuple[str, str], lists: Mapping[str, Window]
) -> Iterable[LiveList]:
    """Yield what is asked of one instrument: lists by name, each with the part asked of all.

    `members`: by which names the platform takes its own code of a unit, and the number of an
    instrument. Nothing is asked where the list of units does not have the unit (any more).
    """
    unit, _, number = instrument_key.partition("/")
    for code in context.recall("unit codes", unit) or ():
        own = dict(zip(members, (code, number), strict=True))
        for name, window in lists.items():
            filters = {**window.filters, **own}
            yield LiveList(collection=name, window=replace(window, filters=filters))


@dataclass(frozen=True, kw_only=True)
class TakenTime:
    """The members of a booking or of other taken time.

    What their words mean is in the look-ups `kinds_taken` and `states_taken` of the source.
    """

    codes: LookUps
    start: str
    end: str
    kind: str
    state: str

    def map(self, row: Row, key: str, number: str) -> Iterable[Yielded]:
        """Map one row: `key` of the instrument, `number` of the booking at its source."""
        start, end = row.instant(self.start), row.instant(self.end)
        kind = row.code(self.kind, self.codes.words("kinds_taken", OccupancyKind))
        certainties = self.codes.words("states_taken", Certainty)
        ended = self.codes["states_taken"].ended
        state = row.optional_text(self.state) if row.has(self.state) else None
        if state in ended:
            yield Removed("Occupancy", f"{key}/{number}", ended[str(state)])
            return
        yield Mapped(
            "Occupancy",
            {
                "instrumentKey": key,
                "localId": number,
                "kind": kind.value,
                "certainty": row.code(self.state, certainties).value,
                "startAt": start,
                "endAt": end,
            },
        )
