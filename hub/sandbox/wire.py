"""`wire`: frozen answers of systems, from which their stand-ins write what they answer.

`wires/<system>/<kind>.json` (or `.xml`) is one answer of a system as it was written down once, with
its envelope; `wires/SOURCE.md` says from what. The tests of the adapters read the same files. A
stand-in gives values: which members there are, in which order, of which types and how they are
nested comes from the file alone. What it gives in another form is an error of the stand-in.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, SubElement, fromstring

__all__ = ["FrozenAnswer", "FrozenMessage", "WireError", "frozen_file"]

FOLDER = Path(__file__).parent / "wires"

NOTHING_KNOWN = frozenset({"null"})
"""Of what was null whenever it was seen, no type is known."""

Row = dict[str, Any]


class WireError(TypeError):
    """A stand-in gave what its frozen answer does not have."""

    code = "SANDBOX_WIRE"


def frozen_file(system: str, name: str) -> bytes:
    """Return a frozen file of a system as it is."""
    return (FOLDER / system / name).read_bytes()


def _kind(value: Any) -> str:
    """Return the JSON type of a value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "flag"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "text"
    return "object" if isinstance(value, Mapping) else "list"


@dataclass(frozen=True, slots=True)
class _Form:
    """What the frozen values at one place are: their types, members and elements."""

    place: str
    sample: Any
    """The first of them: what stands where a stand-in gives nothing."""
    kinds: frozenset[str]
    members: dict[str, _Form]
    by_number: bool
    """An object whose members are numbers of things, so any number may stand there."""
    element: _Form | None

    def filled(self, value: Any) -> Any:
        """Return a value in this form.

        Raises `WireError` for another type, or a member that no frozen value has.
        """
        kind = _kind(value)
        if kind not in self.kinds and self.kinds != NOTHING_KNOWN:
            raise WireError(f"{self.place}: {kind}, frozen {sorted(self.kinds)}; keep to the file")
        if kind == "object" and not self.by_number:
            return self._object(value)
        if kind == "list" and value:
            if self.element is None:
                raise WireError(f"{self.place}: a frozen list is empty; what is in it is not known")
            return [self.element.filled(each) for each in value]
        return value

    def _object(self, value: Mapping[str, Any]) -> Row:
        more = value.keys() - self.members.keys()
        if more:
            raise WireError(f"{self.place}: {sorted(more)} stand in no frozen answer; leave it out")
        standing = self.sample if isinstance(self.sample, Mapping) else {}
        return {
            name: member.filled(value[name]) if name in value else member.sample
            for name, member in self.members.items()
            if name in value or name in standing
        }


def _form(place: str, values: Sequence[Any]) -> _Form:
    objects = [each for each in values if isinstance(each, Mapping)]
    names = dict.fromkeys(name for each in objects for name in each)
    by_number = bool(names) and all(name.isdigit() for name in names)
    members = {
        name: _form(f"{place}.{name}", [each[name] for each in objects if name in each])
        for name in names
        if not by_number
    }
    elements = [one for each in values if isinstance(each, list) for one in each]
    return _Form(
        place=place,
        sample=values[0],
        kinds=frozenset(map(_kind, values)),
        members=members,
        by_number=by_number,
        element=_form(f"{place}[]", elements) if elements else None,
    )


class FrozenAnswer:
    """One frozen answer: its envelope, and the form of the rows in it."""

    def __init__(self, system: str, kind: str, *rows_at: str, text: str | None = None) -> None:
        """Read `wires/<system>/<kind>.json`, or what stands as JSON in `text`.

        `rows_at` are the members of the envelope that lead to the rows. Without any the answer
        itself is the list, or the one row.
        """
        answer = json.loads(text or frozen_file(system, f"{kind}.json"))
        place = f"{system}/{kind}"
        self._rows_at = rows_at
        self._envelope = _form(place, [answer])
        rows = answer
        for name in rows_at:
            rows = rows[name]
        self._row = _form(place, rows if isinstance(rows, list) else [rows])

    @property
    def members(self) -> dict[str, frozenset[str]]:
        """The members of a row, each with the JSON types that it may have."""
        return {name: form.kinds for name, form in self._row.members.items()}

    def row(self, values: Mapping[str, Any]) -> Row:
        """Return a row with these values; what is not given is as in the first frozen row.

        Raises `WireError` where a value has another form than the frozen ones.
        """
        made: Row = self._row.filled(values)
        return made

    def answer(self, rows: Iterable[Row], values: Mapping[str, Any] | None = None) -> Any:
        """Return the whole answer: the frozen envelope with these values, and these rows."""
        if not self._rows_at:
            return list(rows)
        made = inner = self._envelope.filled(values or {})
        *before, last = self._rows_at
        for name in before:
            deeper = dict(inner[name])
            inner[name] = deeper
            inner = deeper
        inner[last] = list(rows)
        return made


class FrozenMessage:
    """One frozen message in XML: which elements it has, in which order and one in another."""

    def __init__(self, system: str, name: str) -> None:
        """Read `wires/<system>/<name>`; its namespace stands at the root alone."""
        root = fromstring(frozen_file(system, name))  # noqa: S314 - a file of this package
        self._namespace = root.tag.partition("}")[0].removeprefix("{")
        for each in root.iter():
            each.tag = each.tag.rpartition("}")[2]
        self._tag = root.tag
        self._forms: dict[tuple[str, str], Element] = {}
        for parent in root.iter():
            for each in parent:
                self._forms.setdefault((parent.tag, each.tag), each)

    def root(self) -> Element:
        """Return the root of another message."""
        return Element(self._tag, {"xmlns": self._namespace})

    def add(self, parent: Element, tag: str, texts: Mapping[str, str | None]) -> Element:
        """Add an element with these texts in it; what is not given is as in the first frozen one.

        Raises `WireError` where the frozen message has no such element there.
        """
        form = self._forms.get((parent.tag, tag))
        if form is None:
            raise WireError(f"{parent.tag}/{tag} stands in no frozen message; leave it out")
        single = {each.tag: each.text for each in form if not len(each)}
        more = texts.keys() - single.keys()
        if more:
            raise WireError(f"{tag}: {sorted(more)} stand in no frozen message; leave them out")
        made = SubElement(parent, tag)
        for name, text in {**single, **texts}.items():
            SubElement(made, name).text = text
        return made
