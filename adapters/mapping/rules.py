"""Reading of the rules of a mapping: which column fills which item, and how."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from adapters.mapping.fixed import check_codes, fixed_rule
from adapters.mapping.model import (
    BRACES_MAX,
    CODES_MAX,
    TEMPLATE_CHARACTERS_MAX,
    Condition,
    MappingRule,
    Slot,
)
from adapters.mapping.moments import COUNTED, form, zone_of
from adapters.mapping.notes import Notes, needs_text
from adapters.mapping.patterns import CellPattern, PatternError, pattern_of
from adapters.mapping.slots import EVERY, nearest, paths, slot
from adapters.mapping.units import units_for
from adapters.mapping.unused_keys import note_unused_keys
from schema.item import Item, Kind, RecordSpec

_RULE = frozenset(
    {
        *("column", "header", "between", "template", "remove", "match", "split", "part"),
        *("without", "codes", "scheme", "lookup", "unit", "currency", "format", "zone"),
        *("round", "empty", "first", "row_number"),
    }
)
_SOURCES = ("column", "header", "between", "template", "first", "row_number")
"""A rule names at least one of these: where the value comes from."""
_CONDITION = frozenset({"column", "is", "is_not", "filled", "reason"})
LOOKUPS = ("GB/T 2260", "ISO 3166-1")
ALTERNATIVES_MAX = 5
DECIMALS = range(9)
UNDECIDED = "?"
"""What a draft writes where a person must decide."""
_TIMES = (Kind.DATE, Kind.PARTIAL_DATE, Kind.INSTANT)

At = tuple[str, ...]


def read_rules(
    notes: Notes, spec: RecordSpec, stated: dict[str, Any], at: At
) -> tuple[MappingRule, ...]:
    """Read `fixed` and `items` of a record, and note required items that neither fills."""
    rules: list[MappingRule] = []
    fixed = _flat(notes, stated.get("fixed", {}), (*at, "fixed"))
    items = _flat(notes, stated.get("items", {}), (*at, "items"))
    for path, value in fixed.items():
        place = _slot(notes, spec, path, (*at, "fixed"))
        rule = fixed_rule(notes, place, value, (*at, "fixed", path)) if place else None
        rules += [rule] if rule else []
    for path, value in items.items():
        rules += _rule(notes, spec, path, value, (*at, "items"))
    _repeated(notes, rules, at)
    # What is written wrongly is not missing as well.
    paths_filled = [*(rule.slot.path for rule in rules), *fixed, *items]
    filled = {re.sub(r"\.[0-9]+\.", f".{EVERY}.", path) for path in paths_filled}
    for path, item, needed in paths(spec):
        amount = f"{path}.amount"
        if needed and not filled & {path, amount, path.removesuffix(".amount")}:
            notes.add(
                "ITEM_MISSING",
                f"{spec.zh}必须有“{item.facts.zh}”（{path}）：请指定列，或在 fixed 中写固定值",
                f"a {spec.name} must have {path} ({item.facts.en}): name a column in items or a "
                "value in fixed",
                *at,
            )
    return tuple(rules)


def conditions_of(notes: Notes, stated: Any, at: At, *, reason: bool) -> Condition | None:
    """Read a condition on rows; note what is wrong with it."""
    if not isinstance(stated, dict):
        notes.not_a_table(*at)
        return None
    notes.unknown_keys(stated, _CONDITION, *at)
    column = needs_text(notes, stated, "column", *at, default="")
    tests = [name for name in ("is", "is_not", "filled") if name in stated]
    if not column or len(tests) != 1:
        notes.add(
            "CONDITION_UNCLEAR",
            "请写 column（列名），以及 is、is_not、filled 三者之一",
            "write column and exactly one of is, is_not, filled",
            *at,
        )
        return None
    why = needs_text(notes, stated, "reason", *at, default="")
    if reason and not why:
        notes.add("REASON_MISSING", "请写明原因 reason", "say why: reason", *at)
    line = notes.lines.find(*at)
    if tests == ["filled"]:
        wanted = notes.flag(stated, "filled", *at)
        return Condition(column=column, test="filled" if wanted else "empty", reason=why, line=line)
    texts = frozenset(notes.texts(stated[tests[0]], *at, tests[0]))
    return Condition(
        column=column,
        texts=texts,
        test="is" if tests == ["is"] else "is_not",
        reason=why,
        line=line,
    )


def _flat(notes: Notes, stated: Any, at: At) -> dict[str, Any]:
    """Join dotted keys again: `name.zh = …` without quotes is a table inside a table."""
    if not isinstance(stated, dict):
        notes.not_a_table(*at)
        return {}
    flat: dict[str, Any] = {}
    for key, value in stated.items():
        if isinstance(value, dict) and not any(name in value for name in _SOURCES):
            for below, part in _flat(notes, value, at).items():
                flat[f"{key}.{below}"] = part
        else:
            flat[key] = value
    return flat


def _slot(notes: Notes, spec: RecordSpec, path: str, at: At) -> Slot | None:
    place = slot(spec, path)
    if place is None:
        close = nearest(spec, path)
        notes.add(
            "ITEM_UNKNOWN",
            f"{spec.zh}没有数据项“{path}”" + (f"；是否想写 {close}？" if close else ""),
            f"a {spec.name} has no item {path!r}" + (f"; is {close} meant?" if close else ""),
            *at,
            path,
        )
    return place


def _rule(notes: Notes, spec: RecordSpec, path: str, stated: Any, at: At) -> list[MappingRule]:
    place = _slot(notes, spec, path, at)
    if place is None:
        return []
    here = (*at, path)
    if isinstance(stated, str | list):
        stated = {"column": stated}
    if not isinstance(stated, dict):
        notes.add("RULE_UNREADABLE", "此处应为引号内的列名", "must be a column in quotes", *here)
        return []
    money = place.item.value is not None and place.item.value.name == "Money"
    if not money:
        rule = _read(notes, place, stated, here)
        return [rule] if rule else []
    amount, currency = slot(spec, f"{path}.amount"), slot(spec, f"{path}.currency")
    assert amount is not None, "money has an amount"
    assert currency is not None, "money has a currency"
    rest = {key: value for key, value in stated.items() if key != "currency"}
    rule = _read(notes, amount, rest, here)
    stated_currency = stated.get("currency")
    if not isinstance(stated_currency, str) or len(stated_currency) != 3:  # noqa: PLR2004 - ISO 4217
        notes.add(
            "CURRENCY_MISSING",
            '金额必须写明币种，例如 currency = "CNY"',
            'say the currency, such as currency = "CNY"',
            *here,
        )
        return []
    line = notes.lines.find(*here)
    if rule is not None:
        alternatives = tuple(replace(each, currency=stated_currency) for each in rule.first)
        rule = replace(rule, currency=stated_currency, first=alternatives)
    return [*([rule] if rule else []), MappingRule(slot=currency, fixed=stated_currency, line=line)]


def _read(notes: Notes, place: Slot, stated: dict[str, Any], at: At) -> MappingRule | None:
    before = len(notes.problems)
    notes.unknown_keys(stated, _RULE, *at)
    sources = [name for name in _SOURCES if name in stated]
    if not sources or len([name for name in sources if name != "template"]) > 1:
        known = ", ".join(_SOURCES)
        notes.add(
            "RULE_UNCLEAR",
            f"请写明取自哪里：{known} 之一",
            f"say where the value comes from: one of {known}",
            *at,
        )
    between = notes.texts(stated.get("between", []), *at)
    if between and len(between) != 2:  # noqa: PLR2004 - a start and an end
        notes.add("RULE_UNCLEAR", "between 需要两列：开始和结束", "needs start and end", *at)
    rule = MappingRule(
        slot=place,
        columns=notes.texts(stated.get("column", []), *at),
        header_of=needs_text(notes, stated, "header", *at, default=None),
        between=(between[0], between[1]) if len(between) == 2 else None,  # noqa: PLR2004
        template=_template(notes, stated, at),
        row_number=bool(notes.flag(stated, "row_number", *at)),
        remove=notes.texts(stated.get("remove", []), *at),
        match=_pattern(notes, stated.get("match"), at),
        split=needs_text(notes, stated, "split", *at, default=""),
        part=_number(notes, stated, "part", at, range(1, 100)),
        without=notes.texts(stated.get("without", []), *at),
        codes=_codes(notes, place.item, stated.get("codes"), at),
        scheme=needs_text(notes, stated, "scheme", *at, default=None),
        lookup=_one_of(notes, stated, "lookup", LOOKUPS, at),
        unit=_one_of(notes, stated, "unit", units_for(place.item.facts.unit), at),
        date_format=_form(notes, stated, at),
        zone=_zone(notes, stated, at),
        decimals=_number(notes, stated, "round", at, DECIMALS),
        empty=frozenset(notes.texts(stated.get("empty", []), *at)),
        first=_alternatives(notes, place, stated.get("first", []), at),
        line=notes.lines.find(*at),
    )
    _fits(notes, rule, stated, at)
    return rule if len(notes.problems) == before else None


def _fits(notes: Notes, rule: MappingRule, stated: dict[str, Any], at: At) -> None:
    """Note rules that make no sense for the kind of their item, or that are not decided yet."""
    item = rule.slot.item
    note_unused_keys(notes, rule, stated, at)
    if (rule.template or "").startswith(UNDECIDED):
        notes.add(
            "NOT_DECIDED", "请把“?”换成确定的内容", "put what is meant in place of the ?", *at
        )
    if ("format" in stated or "zone" in stated) and item.kind not in _TIMES and not rule.between:
        notes.add("RULE_UNFIT", f"“{item.facts.zh}”不是日期或时间", "is no date or time", *at)
    if rule.scheme is not None:
        known = {name for member in item.code_list or () for name in member.also}
        if rule.scheme not in known:
            notes.add(
                "SCHEME_UNKNOWN",
                f"“{item.facts.zh}”没有代码体系 {rule.scheme}；可用：{'、'.join(sorted(known))}",
                f"there are no codes of {rule.scheme!r} for it; known: {', '.join(sorted(known))}",
                *at,
            )
    if (rule.split and rule.part is None) and not (item.many or EVERY in rule.slot.path):
        notes.add(
            "RULE_UNFIT",
            f"“{item.facts.zh}”只有一个值：拆分后请用 part 指明取第几个",
            "has one value only: say with part which of the pieces it is",
            *at,
        )


def _repeated(notes: Notes, rules: list[MappingRule], at: At) -> None:
    seen: set[str] = set()
    for rule in rules:
        if rule.slot.path in seen:
            notes.add(
                "ITEM_TWICE",
                f"“{rule.slot.path}”写了两次（fixed 与 items 中只能有一个）",
                f"{rule.slot.path} is filled twice",
                *at,
                "items",
                rule.slot.path,
            )
        seen.add(rule.slot.path)


def _alternatives(notes: Notes, place: Slot, stated: Any, at: At) -> tuple[MappingRule, ...]:
    if not isinstance(stated, list) or len(stated) > ALTERNATIVES_MAX:
        notes.add("RULE_UNCLEAR", "first 应为若干规则的列表", "must be a list of rules", *at)
        return ()
    rules = []
    for each in stated:
        wanted = {"column": each} if isinstance(each, str) else each
        if not isinstance(wanted, dict) or "first" in wanted:
            notes.not_a_table(*at)
            continue
        rule = _read(notes, place, wanted, at)
        if rule is not None:
            rules.append(rule)
    return tuple(rules)


def _template(notes: Notes, stated: dict[str, Any], at: At) -> str | None:
    text = needs_text(notes, stated, "template", *at, default=None)
    if text is None or (len(text) <= TEMPLATE_CHARACTERS_MAX and text.count("{") <= BRACES_MAX):
        return text
    notes.add(
        "TOO_MANY",
        f"template 最多 {TEMPLATE_CHARACTERS_MAX} 个字符、{BRACES_MAX} 处花括号",
        f"template has at most {TEMPLATE_CHARACTERS_MAX} characters and {BRACES_MAX} braces",
        *at,
    )
    return None


def _pattern(notes: Notes, stated: Any, at: At) -> CellPattern | None:
    if stated is None:
        return None
    try:
        return pattern_of(str(stated))
    except PatternError as error:
        notes.add("PATTERN_WRONG", error.zh, error.en, *at)
        return None


def _number(notes: Notes, stated: dict[str, Any], key: str, at: At, known: range) -> int | None:
    value = stated.get(key)
    if value is None or (isinstance(value, int) and value in known):
        return value
    notes.add(
        "NOT_ALLOWED",
        f"{key} 应为 {known.start} 至 {known.stop - 1} 的整数",
        f"{key} is a number from {known.start} to {known.stop - 1}",
        *at,
    )
    return None


def _one_of(
    notes: Notes, stated: dict[str, Any], key: str, known: tuple[str, ...], at: At
) -> str | None:
    value = stated.get(key)
    if value is None or value in known:
        return value
    notes.add(
        f"{key.upper()}_UNKNOWN",
        f"此处不能用 {key} = “{value}”；可用：{'、'.join(known) or '无'}",
        f"{key} = {value!r} is not possible here; known: {', '.join(known) or 'none'}",
        *at,
    )
    return None


def _form(notes: Notes, stated: dict[str, Any], at: At) -> str | None:
    value = needs_text(notes, stated, "format", *at, default=None)
    if value is None or value in COUNTED or form(value) is not None:
        return value
    notes.add(
        "FORMAT_UNKNOWN",
        f"日期格式“{value}”无法识别；例如 YYYY-MM-DD HH:mm（月 M，日 D，时 H，分 m，秒 s）",
        f"the date form {value!r} cannot be used; write it like YYYY-MM-DD HH:mm",
        *at,
    )
    return None


def _zone(notes: Notes, stated: dict[str, Any], at: At) -> str | None:
    value = needs_text(notes, stated, "zone", *at, default=None)
    if value is None:
        return None
    try:
        zone_of(value)
    except ValueError:
        notes.add("ZONE_UNKNOWN", f"没有时区 {value}", f"there is no time zone {value}", *at)
        return None
    return value


def _codes(notes: Notes, item: Item, stated: Any, at: At) -> dict[str, str] | None:
    if stated is None:
        return None
    if not isinstance(stated, dict) or len(stated) > CODES_MAX:
        notes.not_a_table(*at)
        return None
    words: dict[str, str] = {}
    for key, value in stated.items():
        if isinstance(value, bool) or not isinstance(value, str | int):
            notes.add("NOT_TEXT", "代码请写在引号内", "write codes in quotes", *at)
            continue
        words[str(key)] = str(value)
    if item.code_list is not None:
        check_codes(notes, item, [value for value in words.values() if value], at)
    return words
