"""`suggest`: a first draft of a mapping, from the names and the values of a table's columns.

- A draft is never complete by accident: what is not certain is commented, a code that is not known
  is written `?`, a column that nobody recognised stays out, and the mapping is refused until a
  person has decided each of them.
- No values of the table are shown but those of columns that hold codes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from adapters.mapping.model import FileFacts
from adapters.mapping.rules import UNDECIDED
from adapters.mapping.slots import paths
from adapters.mapping.suggest_values import (
    MOSTLY,
    ColumnProfile,
    are_institutions,
    forms_of,
    has_shape,
    holds,
    is_equipment_list,
    is_personal,
    odd_ones,
    profile_of,
    unique_ones,
)
from adapters.mapping.suggest_words import (
    CURRENCIES,
    HEADERS,
    INSTITUTION_NAMES,
    KEYS,
)
from adapters.mapping.table import Table, match_text
from adapters.mapping.units import units_for
from schema.item import Item, Kind, RecordSpec
from schema.registry import standard

EXACT, SURE, LIKELY = 1.1, 1.0, 0.7
"""The item's own name, a word that is in use for it, something like either."""
ALIKE = 0.86
MISSING_COSTS, UNREAD = 0.5, 0.25
LEDGER = 3.0
"""What speaks for an instrument where a table is a list of equipment."""

COMPARED_MAX = 100
"""Characters of a header that are compared with the names of items."""
_CONTROL = re.compile(r"[\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class _Match:
    """A column that probably holds an item."""

    profile: ColumnProfile
    path: str
    item: Item
    score: float


def suggest(
    table: Table, title: str, record_type: str | None = None, facts: FileFacts | None = None
) -> str:
    """Return a draft of a mapping as TOML text. `record_type` is guessed when it is not said.

    `facts`: what was stated about the file to have it read; the draft states it again.
    """
    profiles = [profile_of(table, column) for column in table.columns]
    personal = [each for each in profiles if is_personal(each)]
    open_ones = [each for each in profiles if each not in personal]
    specs = [standard()[record_type]] if record_type else list(standard())
    of_equipment = is_equipment_list(open_ones + personal)
    spec, matches = max(
        ((spec, _matched(spec, open_ones)) for spec in specs),
        key=lambda pair: (
            _worth(pair[0], pair[1], open_ones)
            + LEDGER * (of_equipment and pair[0].name == "Instrument")
        ),
    )
    used = {match.profile.column.position for match in matches}
    left = [each for each in open_ones if each.column.position not in used]
    lines = [
        *_head(table, title, facts or FileFacts()),
        *_record(spec, matches, profiles),
        *_drops(personal),
        *_undecided(left),
    ]
    return "\n".join(lines) + "\n"


def _worth(spec: RecordSpec, matches: Sequence[_Match], profiles: Sequence[ColumnProfile]) -> float:
    filled = {match.path for match in matches}
    # A column of that name is there even where its values do not read: it speaks for the type.
    named = {
        path: _named(spec, path, item, profiles)
        for path, item, _ in paths(spec)
        if path not in filled
    }
    missing = sum(needed and not named.get(path, SURE) for path, _, needed in paths(spec))
    names = [match.profile for match in matches if match.path == "name.zh"]
    as_named = SURE if spec.name == "Institution" and any(map(are_institutions, names)) else 0
    read = sum(match.score for match in matches)
    return as_named + read + UNREAD * sum(named.values()) - MISSING_COSTS * missing


def _named(spec: RecordSpec, path: str, item: Item, profiles: Sequence[ColumnProfile]) -> float:
    """Return how sure a column's header is to name an item, 0 where none surely does."""
    is_institution = spec.name == "Institution"
    scores = (_score(each, path, item, is_institution=is_institution) for each in profiles)
    return max((score for score in scores if score >= SURE), default=0.0)


def _matched(spec: RecordSpec, profiles: Sequence[ColumnProfile]) -> list[_Match]:
    """Pair columns and items, the best pairs first, each at most once."""
    candidates = []
    for path, item, _ in paths(spec):
        if "*" in path or path.endswith(".currency") or item.name == "originals":
            continue
        for profile in profiles:
            score = _score(profile, path, item, is_institution=spec.name == "Institution")
            if score >= LIKELY and holds(profile, item):
                candidates.append(_Match(profile, path, item, score))
    candidates.sort(key=lambda match: -match.score)
    best: dict[str, _Match] = {}
    taken: set[int] = set()
    for match in candidates:
        if match.path not in best and match.profile.column.position not in taken:
            best[match.path] = match
            taken.add(match.profile.column.position)
    order = [path for path, _, _ in paths(spec)]
    return sorted(best.values(), key=lambda match: order.index(match.path))


def _score(profile: ColumnProfile, path: str, item: Item, *, is_institution: bool) -> float:
    name = match_text(profile.name[:COMPARED_MAX])
    of_institution = path == "name.zh" and name in INSTITUTION_NAMES
    if not name or (of_institution and not is_institution):
        return 0.0
    own = {match_text(each) for each in (path, item.facts.zh, item.facts.en, item.wire, item.name)}
    known = own | {match_text(each) for each in HEADERS.get(path, ())}
    if path == "institutionKey" and _key_rule(profile):
        return SURE
    column = match_text(profile.column.name)
    if name in own or column in own:
        return EXACT
    if name in known or column in known:
        return SURE
    if any(len(each) > 1 and not each.isascii() and each in name for each in known):
        return LIKELY
    alike = max(SequenceMatcher(None, name, each).ratio() for each in known)
    return LIKELY if alike >= ALIKE else 0.0


def _key_rule(profile: ColumnProfile) -> str:
    """Return how the values of a column become institution keys, where all have one shape."""
    texts = profile.texts
    for rule, shape in KEYS.items():
        if texts and sum(has_shape(shape, t) for t in texts) >= MOSTLY * len(texts):
            return rule
    return ""


def _head(table: Table, title: str, facts: FileFacts) -> Iterator[str]:
    yield "# 由 deltahub mapping suggest 生成的草稿；带 “?” 或注释的地方请逐一确认。"
    yield "# A draft: decide every “?” and every commented line."
    yield f"title = {_quoted(title)}"
    yield '# source = ""            # 来源编号 source id, or --source'
    yield ""
    yield "[file]"
    found = dict(table.properties)
    if table.header is not None and "encoding" not in found:
        found["sheet"] = table.sheet
    stated = {
        "encoding": facts.encoding,
        "delimiter": facts.delimiter,
        "sheet": facts.sheet,
        "rows_at": facts.rows_at or None,
    }
    for name, value in stated.items():
        if value is not None:
            yield f"{name} = {_quoted(value)}"
    for name, value in found.items():
        if stated.get(name) is None:
            shown = f"{name} = {_quoted(value)}" if name in stated else f"{name}: {value}"
            yield f"# {shown}   # 自动识别 found out"
    if table.header_row > 1:
        yield f"header_row = {table.header_row}"
    yield ""


def _record(
    spec: RecordSpec, matches: Sequence[_Match], profiles: Sequence[ColumnProfile]
) -> Iterator[str]:
    filled = {match.path for match in matches}
    yield f"[[record]]              # {spec.zh}"
    yield f"type = {_quoted(spec.name)}"
    yield ""
    yield "[record.fixed]"
    for path, item, needed in paths(spec):
        with_amount = path.endswith(".currency") and f"{path[:-9]}.amount" in filled
        if needed and path not in filled and not with_amount:
            yield from _wanted(path, item, spec, profiles)
    yield ""
    yield "[record.items]"
    for match in matches:
        yield from _line(match)
    yield ""


def _wanted(
    path: str, item: Item, spec: RecordSpec, profiles: Sequence[ColumnProfile]
) -> Iterator[str]:
    """Write a required item that no column was found for, as a comment to be decided."""
    yield f"# 必填 required: {item.facts.zh} {item.facts.en}"
    if item.code_list is not None:
        yield f"#   {' | '.join(f'{each.value} {each.zh}' for each in item.code_list)}"
    if item.name in spec.key and item.name.startswith("local"):
        unique = unique_ones(profiles)
        if unique:
            yield f"#   每行不同的列 columns that differ in every row: {', '.join(unique)}"
        else:
            yield "#   没有每行不同的列。最后的办法：以行号为编号，行序一变即成为另一条记录"
            yield "#   no column differs in every row. The last resort is the row's number:"
            yield "#   the same rows in another order are other records"
            yield f"#   [record.items] {_key(path)} = {{ row_number = true }}"
    yield f'# {_key(path)} = ""'


def _line(match: _Match) -> Iterator[str]:
    if match.score < SURE:
        yield f"# 请确认 please confirm: {match.item.facts.zh} {match.item.facts.en}"
    column = _quoted(match.profile.column.name)
    path, item = match.path, match.item
    if odd := odd_ones(match.profile, item):
        yield (
            f"# {len(match.profile.cells)} 个值中有 {odd} 个无法识别，所在行会被退回；"
            '表示“没有”的词请写入 empty = ["…"]'
        )
        yield (
            f"# {odd} of {len(match.profile.cells)} values cannot be read, their rows will come "
            "back; words for nothing go into empty"
        )
    if path.endswith(".amount"):
        yield from _money(match, column)
    elif item.code_list is not None:
        yield from _codes(match, column)
    elif item.kind in (Kind.DATE, Kind.PARTIAL_DATE, Kind.INSTANT):
        forms = forms_of(match.profile, item)
        if len(forms) > 1:
            yield f"# 日期写法不能确定 the form is not certain: {', '.join(map(str, forms))}"
        stated = f", format = {_quoted(forms[0])}" if forms[0] else ""
        yield (
            f"{_key(path)} = {{ column = {column}{stated} }}"
            if stated
            else (f"{_key(path)} = {column}")
        )
    elif match.profile.unit in units_for(item.facts.unit):
        yield f"{_key(path)} = {{ column = {column}, unit = {_quoted(match.profile.unit)} }}"
    elif path == "institutionKey" and _key_rule(match.profile):
        yield f"{_key(path)} = {{ column = {column}, {_key_rule(match.profile)} }}"
    elif item.name == "instrument_key":
        yield "# 请填本单位标识 put the key of your institution before the slash"
        yield f'{_key(path)} = {{ column = {column}, template = "?/{{}}" }}'
    else:
        yield f"{_key(path)} = {column}"


def _money(match: _Match, column: str) -> Iterator[str]:
    unit = match.profile.unit.casefold()
    currency = CURRENCIES.get(unit)
    if currency is None:
        yield "# 列名没有写明币种和单位，请确认 the header names no currency and unit"
    known = units_for(match.item.facts.unit)
    stated = match.profile.unit if match.profile.unit in known else "元"
    path = match.path.removesuffix(".amount")
    currency = currency or "CNY"
    yield f'{_key(path)} = {{ column = {column}, unit = "{stated}", currency = "{currency}" }}'


def _codes(match: _Match, column: str) -> Iterator[str]:
    """Write a code table, unless every value is known to the standard as it stands."""
    assert match.item.code_list is not None
    guessed = {text: _code(match.item, text) for text in match.profile.distinct}
    direct = {
        text for m in match.item.code_list for text in (m.value, m.official or "", m.zh) if text
    }
    if set(guessed) <= direct:
        yield f"{_key(match.path)} = {column}"
        return
    known = " | ".join(f"{each.value} {each.zh}" for each in match.item.code_list)
    yield f"# 代码 codes: {known}"
    table = ", ".join(f"{_quoted(text)} = {_quoted(code)}" for text, code in guessed.items())
    yield f"{_key(match.path)} = {{ column = {column}, codes = {{ {table} }} }}"


def _code(item: Item, text: str) -> str:
    assert item.code_list is not None
    folded = match_text(text)
    for member in item.code_list:
        labels = (member.value, member.official or "", member.zh, member.en)
        if folded in {match_text(label) for label in labels if label}:
            return str(member.value)
    return UNDECIDED


def _drops(personal: Sequence[ColumnProfile]) -> Iterator[str]:
    if personal:
        yield "# 个人信息，读取时即丢弃 personal data, dropped while reading"
        yield "[drop]"
        for each in personal:
            yield f'{_quoted(each.column.name)} = "个人信息 personal data"'
        yield ""


def _undecided(left: Sequence[ColumnProfile]) -> Iterator[str]:
    if left:
        yield "# 以下各列没有识别出来：请用在 items 中，或去掉 # 并写明不采用的原因。"
        yield "# Not recognised: use them in items, or take off the # and say why not."
        yield "[ignore]"
        for each in left:
            name = each.column.name or f"#{each.column.position}"
            yield f'# {_quoted(name)} = ""     # {len(each.distinct)} 种值 different values'


def _quoted(text: str | None) -> str:
    # What no TOML can hold (half a character) or no terminal should get (controls) is not written.
    whole = (text or "").encode("utf-8", "replace").decode()
    return _CONTROL.sub(lambda c: f"\\u{ord(c[0]):04x}", json.dumps(whole, ensure_ascii=False))


def _key(path: str) -> str:
    return path if path.isalpha() else _quoted(path)
