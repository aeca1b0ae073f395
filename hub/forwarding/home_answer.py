"""`home_answer`: rows as they are sent to their home, and what its answer says of each; pure.

A home is believed of what it was asked: its answer has one outcome for each row that was sent, in
their order, about the same record. Anything else is no answer, and then nobody knows.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from hub.errors import ErrorCode
from hub.forwarding.limits import PROBLEMS_MAX, TEXT_MAX
from hub.intake.batch import Outcome, RowHome, RowOutcome
from schema.errors import Problem
from schema.texts import visible

TOLD = frozenset(Outcome) - {Outcome.UNSETTLED}
"""Outcomes that a home may tell."""
_ID_CHARACTERS_MAX = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class HandedOn:
    """Rows of one batch that are sent to one hub, in the name of one source there.

    `waiting`: what stands of them here, in the order in which they are sent.
    """

    hub: str
    pushed_as: str
    waiting: tuple[RowOutcome, ...]
    body: bytes
    is_first: bool
    """Whether nothing of it can have been sent before."""

    @classmethod
    def of(
        cls,
        hub: str,
        pushed_as: str,
        waiting: Sequence[RowOutcome],
        rows: Sequence[Any],
        *,
        is_first: bool,
    ) -> HandedOn:
        """Return what is sent of a batch's `rows`; signatures of records go along as they came."""
        body = b"".join(_line(rows[each.row - 1]) + b"\n" for each in waiting)
        return cls(
            hub=hub, pushed_as=pushed_as, waiting=tuple(waiting), body=body, is_first=is_first
        )

    def key(self, client: str, idempotency_key: str) -> str:
        """Return the idempotency key that is sent: the same whenever the same is sent again."""
        parts = (client, idempotency_key, self.hub, self.pushed_as, sha256(self.body).hexdigest())
        named = "\n".join(f"{len(part)} {part}" for part in parts)
        return f"f-{sha256(named.encode()).hexdigest()[:40]}"

    def unsettled(self, code: ErrorCode, value: str | None = None) -> list[RowOutcome]:
        """Return the outcomes where the home did not say what became of its rows, and why.

        What may have been taken by an earlier request stays so, whatever this one met.
        """
        problem = Problem("", code.name, code.zh, code.en, value)
        if code is ErrorCode.HOME_SILENT:
            return [replace(each, problems=(problem,)) for each in self.waiting]
        return [replace(each, problems=(*self._doubt(each), problem)) for each in self.waiting]

    def _doubt(self, waiting: RowOutcome) -> tuple[Problem, ...]:
        if self.is_first:
            return ()
        return tuple(each for each in waiting.problems if each.code == ErrorCode.HOME_SILENT.name)

    def settled(self, answer: Any, origin: str | None) -> list[RowOutcome]:
        """Return what an answer says of each row; `ValueError` where it is none to these rows."""
        rows = answer.get("rows") if isinstance(answer, Mapping) else None
        if not isinstance(rows, list) or len(rows) != len(self.waiting):
            raise ValueError("it does not answer for each row")
        told = zip(rows, self.waiting, strict=True)
        return [_told(raw, number, each, origin) for number, (raw, each) in enumerate(told, 1)]


def _line(row: Any) -> bytes:
    """Return a row as JSON; half of a surrogate pair, which has no bytes in UTF-8, escaped."""
    try:
        return json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return json.dumps(row, separators=(",", ":")).encode()


def _told(raw: Any, number: int, waiting: RowOutcome, origin: str | None) -> RowOutcome:
    try:
        said = RowOutcome.from_wire(raw)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"row {number} has another form") from error
    if said.row != number or said.outcome not in TOLD:
        raise ValueError(f"row {number} has another number or an unknown outcome")
    if said.outcome is not Outcome.QUARANTINED and (said.record_type, said.key) != (
        waiting.record_type,
        waiting.key,
    ):
        raise ValueError(f"row {number} is about another record")
    if type(said.revision) not in (int, type(None)):
        raise ValueError(f"row {number} has no revision")
    assert waiting.home is not None, "it is at home elsewhere"
    return RowOutcome(
        row=waiting.row,
        outcome=said.outcome,
        record_type=waiting.record_type,
        key=waiting.key,
        item_id=_name(said.item_id, number),
        revision=said.revision,
        revision_id=_name(said.revision_id, number),
        problems=_readable(said.problems),
        warnings=_readable(said.warnings),
        home=RowHome(
            hub=waiting.home.hub,
            institution=waiting.home.institution,
            origin=origin,
            entry_id=said.entry_id,
        ),
    )


def _name(value: Any, number: int) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not value.isprintable() or len(value) > _ID_CHARACTERS_MAX:
        raise ValueError(f"row {number} has an id of another form")
    return value


def _readable(problems: Sequence[Problem]) -> tuple[Problem, ...]:
    """Return what a home finds wrong with a row, in texts that can be kept and shown."""
    return tuple(
        Problem(
            _text(each.path),
            _text(each.code),
            _text(each.zh),
            _text(each.en),
            None if each.value is None else _text(each.value),
        )
        for each in problems[:PROBLEMS_MAX]
    )


def _text(value: Any) -> str:
    return visible(str(value)[:TEXT_MAX])
