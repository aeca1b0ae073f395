"""`publish`: the standard as files that others can read: JSON Schemas, code lists, one page.

Pure: returns texts by file name; `deltahub standard` writes them to `schema/published/`.
"""

from __future__ import annotations

import json
import math
from typing import Any

from schema import STANDARD_VERSION
from schema.codes import code_lists
from schema.dates import DATE, EARLIEST_YEAR, INSTANT, LATEST_YEAR, PARTIAL_DATE
from schema.item import LIST_LENGTH_MAX, SCOPE_OF_GRADE, Grade, Item, Kind, RecordSpec, camel
from schema.keys import GREEK, MARKS
from schema.keys import PATTERN as KEY_CHARACTERS
from schema.numbers import DECIMAL, DECIMALS_MAX, INTEGER_LIMIT, WHOLE_DIGITS_MAX
from schema.parties import PartyItem
from schema.plausible import Plausible
from schema.registry import standard
from schema.texts import SEVERAL_LINES, SINGLE_LINE
from schema.visibility import Agreed, Everybody, Issuer, Named, Owner, Supervised, Term

BASE = "https://hub.delta.example/standard"
"""Where the published files will be served; an example domain until the operator names one."""

_SHAPES: dict[Kind, dict[str, Any]] = {
    Kind.TEXT: {"type": "string", "minLength": 1},
    Kind.INTEGER: {"type": "integer", "minimum": 1 - INTEGER_LIMIT, "maximum": INTEGER_LIMIT - 1},
    Kind.DECIMAL: {"type": "string", "pattern": f"^(?:{DECIMAL.pattern})$"},
    Kind.BOOLEAN: {"type": "boolean"},
    Kind.DATE: {"type": "string", "pattern": f"^{DATE.pattern}$"},
    Kind.PARTIAL_DATE: {"type": "string", "pattern": f"^{PARTIAL_DATE.pattern}$"},
    Kind.INSTANT: {"type": "string", "pattern": f"^{INSTANT.pattern}$"},
}


def files() -> dict[str, str]:
    """Return every generated file of the standard by its name."""
    contents = {f"{spec.table}.schema.json": _dump(json_schema(spec)) for spec in standard()}
    contents["codes.json"] = _dump(codes_document())
    contents["standard.md"] = standard_page()
    return contents


def json_schema(spec: RecordSpec) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of one record type."""
    definitions: dict[str, Any] = {}
    body = _object(spec, definitions)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"{BASE}/{STANDARD_VERSION}/{spec.table}.schema.json",
        "title": f"{spec.name} {spec.zh}",
        **body,
        "x-key": list(spec.key),
        "x-owner": _party(spec.owner),
        "x-issuer": _party(spec.issuer or spec.owner),
        "x-effect": spec.effect.value,
        "x-scope": spec.scope,
        "x-rows": _readers(spec),
        **({"$defs": definitions} if definitions else {}),
    }


def codes_document() -> dict[str, Any]:
    """Return every code list with official codes and labels."""
    return {
        "version": STANDARD_VERSION,
        "lists": {
            name: {
                "zh": codes.title_zh,
                "en": codes.title_en,
                "source": codes.source,
                "codes": [
                    {"name": m.value, "official": m.official, "zh": m.zh, "en": m.en} for m in codes
                ],
            }
            for name, codes in code_lists().items()
        },
    }


def _object(spec: RecordSpec, definitions: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "description": f"{spec.zh}. {spec.en}",
        "additionalProperties": False,
        "required": [i.wire for i in spec.items if not (i.optional or i.many)],
        "properties": {i.wire: _property(i, definitions) for i in spec.items},
    }


def _property(item: Item, definitions: dict[str, Any]) -> dict[str, Any]:
    shape = _shape(item, definitions)
    if item.many:
        shape = {"type": "array", "maxItems": LIST_LENGTH_MAX, "items": shape}
    facts = {
        "description": f"{item.facts.zh}. {item.facts.en}",
        "x-grade": item.grade.name,
        "x-scope": item.scope,
        "x-unit": item.facts.unit,
        "x-scheme": item.facts.scheme,
        "x-ref": item.facts.ref,
        "x-plausible": [_plausible(rule) for rule in item.facts.plausible] or None,
    }
    return {**shape, **{name: fact for name, fact in facts.items() if fact is not None}}


def _shape(item: Item, definitions: dict[str, Any]) -> dict[str, Any]:
    if item.value is not None:
        if item.value.name not in definitions:
            definitions[item.value.name] = {}
            definitions[item.value.name] = _object(item.value, definitions)
        return {"$ref": f"#/$defs/{item.value.name}"}
    if item.code_list is not None:
        return {"type": "string", "enum": [m.value for m in item.code_list]}
    shape = dict(_SHAPES[item.kind])
    facts = item.facts
    if item.kind is Kind.TEXT:
        shape["maxLength"] = facts.length_max
        shape |= _patterns(item)
    if item.kind is Kind.INTEGER:
        bounds = {"minimum": facts.minimum, "maximum": facts.maximum}
        shape.update({name: bound for name, bound in bounds.items() if bound is not None})
    return shape


def _patterns(item: Item) -> dict[str, Any]:
    """Return the patterns of a text, for ECMA-262 with the flag `u`."""
    patterns = [f"^(?:{item.facts.pattern})$"] if item.facts.pattern else []
    if item.names_key:
        patterns.append(f"^{KEY_CHARACTERS}$")
    elif not patterns:
        patterns.append(f"^{SEVERAL_LINES if item.facts.multiline else SINGLE_LINE}$")
    if len(patterns) > 1:
        return {"allOf": [{"pattern": each} for each in patterns]}
    return {"pattern": patterns[0]} if patterns else {}


def standard_page() -> str:
    """Return the standard as one Markdown page."""
    parts = [_preface()]
    parts += [f"| {grade.name} | {grade.value} | {_scope_of(grade)} |" for grade in Grade]
    parts.append("\n## Records 记录\n")
    parts += [_record_section(spec) for spec in standard()]
    parts.append("## Nested values 嵌套值\n")
    parts += [_record_section(spec) for spec in _nested().values()]
    parts.append("## Code lists 代码表\n")
    parts += [_codes_section(name) for name in code_lists()]
    return "\n".join(parts).rstrip() + "\n"


def _preface() -> str:
    return _PREFACE.format(
        version=STANDARD_VERSION,
        greek=GREEK,
        marks=MARKS,
        whole=WHOLE_DIGITS_MAX,
        decimals=DECIMALS_MAX,
        first=EARLIEST_YEAR,
        last=LATEST_YEAR,
    )


_PREFACE = """# Yangtze Delta instrument exchange standard {version}

长三角大型科研仪器数据交换标准。This page is generated from the record types in `schema/records`;
change those, then run `make standard`.

A record MUST be a JSON object with the items below. An item that is not stated MUST be left out;
`null` counts as left out. Decimals MUST travel as text, times as UTC `YYYY-MM-DDTHH:MM:SSZ`, codes
by name. Signatures and digests are made over the canonical bytes of the object (RFC 8785, without
floats and nulls, integers below 2^53, text in NFC). A sender MUST NOT send items that this version
does not name; a receiver of a later minor version MUST ignore items it does not know.

## Texts, keys, numbers, dates 文本、编号、数字、日期

- A text MUST be in NFC, MUST NOT be empty or begin or end blank or with what shows nothing (U+00AD,
  U+200B to U+200D, U+2060, U+FEFF), and MUST NOT hold characters that
  are controls, not assigned, tags (U+E0000 to U+E007F) or controls of direction (U+202A to U+202E,
  U+2066 to U+2069): `CONTROL_CHARACTER`. Only an item marked *several lines* may hold line breaks
  and tabs.
- An item marked *key* is part of a record's key or names something by its key. It MUST consist of
  printable ASCII, the blank included; Han ideographs (extensions A to G too, not the compatibility
  ideographs, not the strokes U+4E28, U+4E36 and U+4E3F); the Greek letters {greek}; the
  marks {marks}. Anything else is refused as `KEY_CHARACTER`, and told by its number:
  full-width letters, digits and signs, other dashes and blanks, letters of other scripts, combining
  marks, everything invisible.
  编号只能用半角字母、数字、符号、汉字以及上列希腊字母和标点；全角字母、数字、符号和不可见字符一律退回。
- An integer MUST lie between -2^53 and 2^53. A decimal MUST have at most {whole} digits before the
  point and {decimals} behind it. Dates and times MUST be of a year from {first} to {last}.

Patterns in the JSON Schemas are ECMA-262 with the flag `u`.

## What is doubted 可疑的值

Where an item says *doubted*, a value beyond is taken, and its sender gets a warning with the
reason: `IMPLAUSIBLE` in `warnings[]` of the row (`x-plausible` in the JSON Schema). It is a mistake
in most cases and a fact in some. What contradicts itself within a record is refused. Times are
judged by the moment at which the record comes in. A text that is a word for nothing (`NULL`, 无,
`-`, `N/A`) is doubted everywhere, and refused as part of a record's own key (`KEY_PLACEHOLDER`).
超出“doubted”所列范围的值照常接收，并附提示；同一记录内自相矛盾的值退回。“无”“NULL”“-”之类的占位词附提示，用作编号则退回。

## Data grades 数据分级

| grade | meaning | scope that reveals it, unless the item names another |
|---|---|---|"""


def _nested() -> dict[str, RecordSpec]:
    return dict(sorted(standard().values().items()))


def _scope_of(grade: Grade) -> str:
    scope = SCOPE_OF_GRADE.get(grade)
    return f"`{scope}`" if scope else "as the record says"


def _party(party: PartyItem | str | None) -> str:
    """Say where a record names a party: an item, the head of the key in it, or the operator."""
    if not isinstance(party, PartyItem):
        return str(party)
    wire = camel(party.item)
    return f"{wire} up to /" if party.is_key_of_owned else wire


def _term(term: Term) -> str:
    """Say one way of being allowed to see a row."""
    if isinstance(term, Named):
        return f"the party in {camel(term.item)}"
    if isinstance(term, Agreed):
        return f"whom the owner granted {term.dataset.value}"
    words: dict[type[Term], str] = {
        Everybody: "everybody",
        Owner: "the owner",
        Issuer: "the issuer",
    }
    return words[type(term)]


def _supervision(term: Supervised) -> str:
    """Say what an office sees of what it supervises."""
    told = f"the office that supervises {'/'.join(map(camel, term.by))}, in term"
    if term.since is not None:
        told += f", from {camel(term.since)} on"
    if term.where is not None:
        told += f", where {camel(term.where[0])} is {term.where[1]}"
    return told if not term.shows else f"{told} ({', '.join(sorted(term.shows))})"


def _readers(spec: RecordSpec) -> list[str]:
    """Say each way of being allowed to see a row of a record."""
    return [*map(_term, spec.rows.terms), *map(_supervision, spec.rows.supervised)]


def _rows(spec: RecordSpec) -> str:
    rule = "; ".join(_readers(spec))
    return f"Rows are shown to: {rule}; with the scope `{spec.scope}`."


def _record_section(spec: RecordSpec) -> str:
    head = f"### {spec.name} {spec.zh}\n\n{spec.en}\n"
    if spec.key:
        joined = f" `{spec.key_separator}` ".join(f"`{part}`" for part in spec.key)
        issuer = _party(spec.issuer or spec.owner)
        head += f"\nKey: {joined}. Owner: {_party(spec.owner)}. Issuer: {issuer}.\n"
        head += f"{_rows(spec)}\n"
    rows = [
        "| item | 中文 | meaning | type | grade | |",
        "|---|---|---|---|---|---|",
        *(_item_row(item) for item in spec.items),
    ]
    return head + "\n" + "\n".join(rows) + "\n"


def _plausible(rule: Plausible) -> dict[str, Any]:
    """Return a bound of what is believed, with its reason."""
    bounds = {"low": rule.low, "high": rule.high} if not rule.days_ahead else {}
    stated = {name: f"{bound:.15g}" for name, bound in bounds.items() if math.isfinite(bound)}
    facts = {"currency": rule.currency, "daysAhead": rule.days_ahead or None}
    more = {name: fact for name, fact in facts.items() if fact is not None}
    return {**stated, **more, "zh": rule.zh, "en": rule.en}


def _believed(rule: Plausible) -> str:
    if rule.days_ahead:
        return f"doubted more than {rule.days_ahead} d ahead"
    low = f"below {rule.low:,.15g}" if math.isfinite(rule.low) else ""
    high = f"above {rule.high:,.15g}" if math.isfinite(rule.high) else ""
    money = f" {rule.currency}" if rule.currency else ""
    return f"doubted {' or '.join(each for each in (low, high) if each)}{money}"


def _item_row(item: Item) -> str:
    if item.value is not None:
        kind = f"[{item.value.name}](#{item.value.name.lower()}-{item.value.zh})"
    elif item.code_list is not None:
        kind = f"code {item.code_list.__name__}"
    else:
        kind = item.kind.value
    kind += " []" if item.many else ""
    notes = [
        "required" if not (item.optional or item.many) else "",
        f"unit {item.facts.unit}" if item.facts.unit else "",
        item.facts.scheme or "",
        "key" if item.names_key else "",
        "several lines" if item.facts.multiline else "",
        f"→ {item.facts.ref}" if item.facts.ref else "",
        f"scope `{item.facts.scope}`" if item.facts.scope else "",
        *(_believed(rule) for rule in item.facts.plausible),
    ]
    remarks = "; ".join(note for note in notes if note)
    grade = item.grade.name if item.grade is not Grade.L1 else ""
    return f"| `{item.wire}` | {item.facts.zh} | {item.facts.en} | {kind} | {grade} | {remarks} |"


def _codes_section(name: str) -> str:
    codes = code_lists()[name]
    rows = [f"| `{m.value}` | {m.official or ''} | {m.zh} | {m.en} |" for m in codes]
    return (
        f"### {name} {codes.title_zh}\n\n{codes.title_en}. Source: {codes.source}.\n\n"
        "| code | official | 中文 | English |\n|---|---|---|---|\n" + "\n".join(rows) + "\n"
    )


def _dump(document: dict[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"
