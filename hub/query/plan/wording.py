"""`wording`: what the GraphQL library found wrong, in words of this hub, in Chinese and English.

- The library says it in English for programmers and names what it does not want to be named; here
  each of its sentences has a place in `_SENTENCES`, by its beginning and the names in quotes.
- A sentence that has no place is answered with its kind alone: words of the library never go out.
  `tests/unit/query/test_wording.py` holds the table to the library that is installed.
- A value is repeated, but no more than `VALUE_SHOWN_MAX` of it; no field is ever suggested.
"""

from __future__ import annotations

import re
from functools import lru_cache

from hub.query.plan.limits import DETAIL_MAX, VALUE_SHOWN_MAX
from schema.numbers import DECIMALS_MAX, WHOLE_DIGITS_MAX

__all__ = ["UNKNOWN_SENTENCE", "in_own_words"]

Told = tuple[str, str]

UNKNOWN_SENTENCE: Told = (
    "查询与接口定义不符，请对照 /explore 中的接口定义检查",
    "it does not fit the interface: compare it with the schema at /explore",
)

_FORMS: dict[str, Told] = {
    "DateTime": (
        "带时差的时刻，年份 1900 至 2099，如 2026-11-23T09:00:00+08:00",
        "an instant with its offset, of the years 1900 to 2099, as 2026-11-23T09:00:00+08:00",
    ),
    "Date": (
        "存在的日期，年份 1900 至 2099，如 2026-11-23",
        "an existing day of the years 1900 to 2099, as 2026-11-23",
    ),
    "PartialDate": (
        "年、年月或年月日，如 2026、2026-11、2026-11-23",
        "a year, a month or a day, as 2026, 2026-11 or 2026-11-23",
    ),
    "Decimal": (
        f"十进制数，小数点前至多 {WHOLE_DIGITS_MAX} 位、后至多 {DECIMALS_MAX} 位，前面不补零；"
        "位数多时写成文本",
        f"a decimal number of at most {WHOLE_DIGITS_MAX} digits before the point and "
        f"{DECIMALS_MAX} behind, without needless zeros in front; a long one as text",
    ),
    "SafeInt": ("绝对值小于 2^53 的整数", "a whole number below 2^53"),
    "Int": ("整数，-2147483648 至 2147483647", "a whole number from -2147483648 to 2147483647"),
    "Float": ("数", "a number"),
    "String": ("文本（加引号）", "a text, in quotation marks"),
    "Boolean": ("true 或 false", "true or false"),
    "ID": ("标识（文本）", "an id, as text"),
    "Row": ("JSON 对象", "a JSON object"),
    "JsonObject": ("JSON 对象", "a JSON object"),
    "Duration": ("ISO 8601 时长，如 PT30S、PT2H", "a duration of ISO 8601, as PT30S or PT2H"),
}
"""What a value of each scalar is."""

_AT = re.compile(r"(Variable|Argument) '([^']+)' has invalid(?: default)? value(?: at ([^:]+))?: ")
_SCALAR = re.compile(rf"({'|'.join(_FORMS)}) (?:cannot represent|is|names|of) ")
_VALUE = re.compile(r"value: (.*)\Z|, found: (.*?)\.?\Z", re.DOTALL)

_SENTENCES: tuple[tuple[re.Pattern[str], str, str], ...] = tuple(
    (re.compile(pattern), zh, en)
    for pattern, zh, en in (
        # the text itself
        (
            r"Syntax Error: (?:Expected .*, found|Unexpected) <EOF>",
            "文本在中途结束：检查括号与引号是否配对",
            "the text ends too early: look for a bracket or quotation mark that is not closed",
        ),
        (
            r"Syntax Error: Unterminated string",
            "引号没有配对",
            "a quotation mark is not closed",
        ),
        (
            r"Syntax Error: (?:Expected|Unexpected|Cannot parse|Invalid|Unterminated)",
            "此处的写法有误",
            "what stands at this place is not written as GraphQL has it",
        ),
        # names
        (
            r"Cannot query field '(\w+)' on type '(\w+)'",
            "{1} 没有字段 {0}",
            "{1} has no field {0}",
        ),
        (
            r"Unknown argument '(\w+)' on (?:field|directive) '(@?[\w.]+)'",
            "{1} 没有参数 {0}",
            "{1} has no argument {0}",
        ),
        (
            r"(?:Field|Argument) '([^']+)(?:\(\w+:\))?' of type '([^']+)' is required",
            "缺少必填的 {0}（{1}）",
            "{0} ({1}) is required and missing",
        ),
        (
            r"Argument '([^']+)' of required type '([^']+)' was not provided",
            "缺少必填的参数 {0}（{1}）",
            "the argument {0} ({1}) is required and missing",
        ),
        (r"Unknown type '(\w+)'", "没有类型 {0}", "there is no type {0}"),
        (r"Unknown fragment '(\w+)'", "没有片段 {0}", "there is no fragment {0}"),
        (r"Unknown directive '(@\w+)'", "没有指令 {0}", "there is no directive {0}"),
        (r"Unknown operation named '(\w+)'", "没有操作 {0}", "there is no operation {0}"),
        # selections
        (
            r"Field '(\w+)' of type '([^']+)' must have a selection",
            "请在 {0} 后用花括号写出所要的字段",
            "say in braces which fields of {0} you want",
        ),
        (
            r"Field '(\w+)' must not have a selection",
            "{0} 是单个值，后面不写花括号",
            "{0} is one value: it takes no braces",
        ),
        (
            r"Fields '([^']+)' conflict",
            "同名的 {0} 所取不同，请为其中一个另取别名",
            "{0} stands for different things: give one of them another alias",
        ),
        (
            r"Spreads '([^']+)' conflict",
            "片段 {0} 两次展开不一致",
            "the fragment {0} is spread in two different ways",
        ),
        # fragments
        (r"Fragment '(\w+)' is never used", "片段 {0} 没有用到", "the fragment {0} is not used"),
        (
            r"Fragment(?: '(\w+)')? cannot (?:condition on|be spread)",
            "片段{0}不能用在这里的类型上",
            "the fragment {0} does not fit the type at this place",
        ),
        (
            r"Cannot spread fragment '(\w+)' within itself",
            "片段 {0} 展开时又用到自身，请去掉循环",
            "the fragment {0} spreads itself: break the circle",
        ),
        # variables
        (
            r"Variable '(\$\w+)' is never used",
            "变量 {0} 声明了却没有用到",
            "the variable {0} is declared and not used",
        ),
        (
            r"Variable '(\$\w+)' is not defined",
            "变量 {0} 没有声明，请在操作名后声明",
            "the variable {0} is not declared: declare it behind the operation's name",
        ),
        (
            r"Variable '(\$\w+)' of type '([^']+)' used in position expecting type '([^']+)'",
            "变量 {0} 声明为 {1}，此处需要 {2}",
            "the variable {0} is declared as {1}; {2} is needed here",
        ),
        (
            r"Variable '(\$\w+)' is of type '([^']+)' but must be non-nullable",
            "变量 {0} 声明为 {1}，此处须为必填，请在类型后加 !",
            "the variable {0} is declared as {1} and must be required here: add ! to its type",
        ),
        (
            r"Variable '(\$\w+)' cannot be non-input type '([^']+)'",
            "变量 {0} 的类型 {1} 不能作为输入",
            "{1}, the type of the variable {0}, is none for input",
        ),
        (
            r"Variable '(\$\w+)' expected value of type '([^']+)' which cannot",
            "变量 {0} 的类型 {1} 不能作为输入",
            "{1}, the type of the variable {0}, is none for input",
        ),
        (
            r"Variable values are nested too deeply",
            "变量嵌套过深",
            "the variables are nested too deeply",
        ),
        # what stands twice, or where it may not
        (
            r"There can be only one ([a-z ]+?) named '([^']+)'",
            "{1} 重复了，请去掉一个",
            "{1} stands twice: leave one out",
        ),
        (
            r"The directive '(@\w+)' can only be used once",
            "指令 {0} 在同一处只能用一次",
            "the directive {0} stands twice at one place",
        ),
        (
            r"Directive '(@\w+)' may not be used on (\w+)",
            "指令 {0} 不能用在这里",
            "the directive {0} may not stand here",
        ),
        (
            r"This anonymous operation must be the only",
            "有多个操作时每个都要命名",
            "where there are several operations, each has a name",
        ),
        (
            r"The (\w+) operation is not supported",
            "此接口不提供 {0} 操作",
            "this interface offers no {0}",
        ),
        (
            r"The '?(\w+)'? definition is not executable",
            "查询文本中只写操作与片段，不写类型定义",
            "a document holds operations and fragments, no definitions of types",
        ),
        (
            r"Maximum introspection depth exceeded",
            "内省嵌套过深",
            "the introspection is nested too deeply",
        ),
        (
            r"(?:Anonymous )?Subscription(?: '\w+')? must select (?:only )?one top level field",
            "一个订阅只有一个根字段",
            "a subscription has one root field",
        ),
        (
            r"(?:Anonymous )?Subscription(?: '\w+')? must not use `@skip` or `@include`",
            "订阅的根字段不能用 @skip 或 @include",
            "the root field of a subscription takes no @skip and no @include",
        ),
        (
            r"(?:Anonymous )?Subscription(?: '\w+')? must not select an introspection",
            "订阅不能只要 __typename",
            "a subscription asks for a field of the interface, not for __typename",
        ),
        (
            r"(?:Anonymous )?[Ss]ubscription",
            "此接口不提供 subscription 操作",
            "this interface offers no subscription",
        ),
    )
)
_OF_VALUES: tuple[tuple[re.Pattern[str], str, str], ...] = tuple(
    (re.compile(pattern), zh, en)
    for pattern, zh, en in (
        (
            r"Value '([^']*)' does not exist in '(\w+)' enum",
            "{1} 没有取值 {0}",
            "{1} has no value {0}",
        ),
        (
            r"Enum '(\w+)' cannot represent non-(?:enum|string) value",
            "应为 {0} 的取值，查询文本中不加引号",
            "a value of {0} is needed, without quotation marks in a document",
        ),
        (
            r"Expected value of type '(\w+)' not to include unknown field '([^']*)'",
            "{0} 没有成员 {1}",
            "{0} has no member {1}",
        ),
        (
            r"Expected value of type '(\w+)' to include required field '([^']*)'",
            "缺少必填的成员 {1}",
            "the member {1} is required and missing",
        ),
        (
            r"Expected value of type '(\w+)' to be an object",
            "应为一个 {0} 对象",
            "an object of {0} is needed",
        ),
        (
            r"Expected (?:a )?value of non-null type '([^']+)'",
            "不能为空，应为 {0}",
            "it must not be null: {0} is needed",
        ),
        (
            r"Expected variable '(\$\w+)' provided to",
            "变量 {0} 须有值",
            "the variable {0} must have a value",
        ),
        (
            r"(?:Within )?OneOf Input Object (?:type )?'(\w+)'",
            "{0} 须恰好给出一个成员，且不为空",
            "{0} takes exactly one member, which is not null",
        ),
        (
            r"Value for member field '(\w+)' must be non-null",
            "{0} 不能为空：须恰好给出一个成员",
            "{0} must not be null: exactly one member is given",
        ),
        (
            r"Expected value of type '([^']+)'",
            "应为 {0}",
            "{0} is needed",
        ),
    )
)


@lru_cache(maxsize=1)
def _all() -> tuple[tuple[re.Pattern[str], str, str], ...]:
    return (*_SENTENCES, *_OF_VALUES)


def in_own_words(message: str) -> Told:
    """Return in Chinese and English what a sentence of the library says."""
    place = _AT.match(message)
    if place is not None:
        zh, en = _of_value(message[place.end() :])
        where = place[2] + (place[3] or "")
        return f"{where}：{zh}"[:DETAIL_MAX], f"{where}: {en}"[:DETAIL_MAX]
    zh, en = _of_value(message)
    return zh[:DETAIL_MAX], en[:DETAIL_MAX]


def _of_value(message: str) -> Told:
    scalar = _SCALAR.match(message)
    if scalar is not None:
        zh, en = _FORMS[scalar[1]]
        return _with_value(message, f"应为{zh}", f"{en} is needed")
    for pattern, zh, en in _all():
        found = pattern.match(message)
        if found is not None:
            names = [each or "" for each in found.groups()]
            return zh.format(*names), en.format(*names)
    return UNKNOWN_SENTENCE


def _with_value(message: str, zh: str, en: str) -> Told:
    """Put the value that was refused before what is said of it, where the library names it."""
    found = _VALUE.search(message)
    value = "" if found is None else (found[1] or found[2] or "").strip()
    if not value:
        return zh, en
    shown = value if len(value) <= VALUE_SHOWN_MAX else f"{value[:VALUE_SHOWN_MAX]}…"
    return f"{shown} 不可用，{zh}", f"{shown} is not: {en}"
