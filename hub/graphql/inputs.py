"""`inputs`: filters, orders and look-ups, derived from the records.

- Only items that the standard marks filterable can be filtered; how each becomes SQL is written in
  `hub.query.sql.filters`.
- An absent or null member filters nothing.
"""

from __future__ import annotations

import keyword
from functools import lru_cache
from typing import Any

import strawberry

from hub.graphql.enums import Province, enum_of
from hub.graphql.hints import many
from hub.graphql.scalars import Date, DateTime, Decimal
from hub.query.sql.filters import FilterKind, Member, filter_members
from hub.query.sql.model import Model
from schema.codes import Audience, CodeList
from schema.item import RecordSpec
from schema.traits import Findable


def input_type(name: str, about: str, members: dict[str, tuple[Any, str]], **extra: Any) -> Any:
    """Return an input type whose members are all optional."""
    body: dict[str, Any] = {"__annotations__": {}, "__module__": __name__}
    for member, (hint, text) in members.items():
        name_here = f"{member}_" if keyword.iskeyword(member) else member
        body["__annotations__"][name_here] = hint | None
        body[name_here] = strawberry.field(name=member, description=text, default=strawberry.UNSET)
    return strawberry.input(type(name, (), body), name=name, description=about, **extra)


_EQ = "等于。Equals."
_IN = "等于其中之一。Equals one of these."
_GTE = "不小于。At least."
_LT = "早于。Before."

TextFilter = input_type(
    "TextFilter",
    "文本条件，各项须同时满足。Conditions on a text; all must hold.",
    {
        "eq": (str, _EQ),
        "in": (list[str], _IN),
        "startsWith": (str, "以此开头。Starts with this."),
    },
)
WordsFilter = input_type(
    "WordsFilter",
    "文字条件，各项须同时满足。Conditions on words; all must hold.",
    {
        "eq": (str, _EQ),
        "in": (list[str], _IN),
        "prefix": (str, "以此开头，不分大小写。Begins with this, in capital or small letters."),
        "contains": (str, "含有此文字，不分大小写。Contains this, in capital or small letters."),
    },
)
InstantFilter = input_type(
    "InstantFilter",
    "时刻条件。Conditions on an instant.",
    {"gte": (DateTime, _GTE), "lt": (DateTime, _LT)},
)
DateFilter = input_type(
    "DateFilter", "日期条件。Conditions on a day.", {"gte": (Date, _GTE), "lt": (Date, _LT)}
)
DecimalFilter = input_type(
    "DecimalFilter",
    "数值条件。Conditions on a number.",
    {"gte": (Decimal, _GTE), "lte": (Decimal, "不大于。At most.")},
)
MoneyFilter = input_type(
    "MoneyFilter",
    "金额条件，按币种分别比较。Conditions on an amount; amounts of one currency compare.",
    {
        "gte": (Decimal, _GTE),
        "lte": (Decimal, "不大于。At most."),
        "currency": (str, "币种，缺省 CNY。Currency; CNY when left out."),
    },
)
DivisionFilter = input_type(
    "DivisionFilter",
    "行政区划条件（GB/T 2260）。Conditions on a division.",
    {"eq": (str, _EQ), "startsWith": (str, "省两位、市四位。Two digits a province, four a city.")},
)


@strawberry.input(description="分类条件。A class of a published classification.")
class ClassFilter:
    """A class: exactly this code, or this code and all below it."""

    scheme: str = strawberry.field(description="分类体系，如 GB/T 32847。Classification scheme.")
    code: str | None = strawberry.field(
        default=strawberry.UNSET, description="恰为此类（完整代码）。Exactly this class."
    )
    under: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="此类及其下位类，0101 与 010100 相同。This class or any below it; "
        "0101 and 010100 are the same.",
    )


@strawberry.input(description="按费用排序的依据。What an order is to be priced for.")
class PriceFor:
    """For whom and how much the prices are told that rows are sorted by."""

    audience: enum_of(Audience) = strawberry.field(description="为谁估价。Who pays.")  # type: ignore[valid-type]
    hours: Decimal | None = strawberry.field(
        default=strawberry.UNSET, description="机时。Hours of machine time."
    )
    samples: Decimal | None = strawberry.field(
        default=strawberry.UNSET, description="样品数。Samples."
    )
    on: Date | None = strawberry.field(
        default=strawberry.UNSET, description="哪一天的价格，缺省今天。Day of the price; today."
    )


@strawberry.input(description="空闲条件。Free for a number of hours within a window.")
class AvailableFor:
    """A window and the length of a free stretch inside it."""

    # Python's own word forbids the plain name of the first member.
    from_: DateTime = strawberry.field(name="from", description="窗口开始。Start of the window.")
    until: DateTime = strawberry.field(description="窗口结束（不含）。End of the window.")
    hours: Decimal = strawberry.field(description="连续小时数。Hours in one stretch.")


@lru_cache(maxsize=256)
def _code_filter(code_list: type[CodeList]) -> Any:
    enum = enum_of(code_list)
    return input_type(
        f"{code_list.__name__}Filter",
        f"{code_list.title_zh}条件。Conditions on {code_list.title_en[0].lower()}"
        f"{code_list.title_en[1:]}.",
        {"eq": (enum, _EQ), "in": (many(enum), _IN)},
    )


def _hint(member: Member) -> Any:
    if member.kind is FilterKind.CODE:
        assert member.item is not None
        assert member.item.code_list is not None
        return _code_filter(member.item.code_list)
    return {
        FilterKind.TEXT: TextFilter,
        FilterKind.WORDS: WordsFilter,
        FilterKind.INSTANT: InstantFilter,
        FilterKind.DATE: DateFilter,
        FilterKind.DECIMAL: DecimalFilter,
        FilterKind.MONEY: MoneyFilter,
        FilterKind.CLASSES: many(ClassFilter),
        FilterKind.DIVISION: DivisionFilter,
        FilterKind.PROVINCES: many(Province),
        FilterKind.UPDATED: DateTime,
        FilterKind.AVAILABLE: AvailableFor,
    }[member.kind]


@lru_cache(maxsize=64)
def filter_of(spec: RecordSpec, model: Model) -> Any:
    """Return the filter input of a record."""
    members = {m.name: (_hint(m), f"{m.zh}。{m.en}.") for m in filter_members(spec, model)}
    about = f"{spec.zh}的筛选条件，须同时满足。Conditions on {spec.name}; all must hold."
    return input_type(f"{spec.name}Filter", about, members)


@strawberry.input(description="来源内的编号。A number within a source.")
class LocalNumber:
    """A record by the number that a source gives it."""

    source: str = strawberry.field(description="来源。Source id.")
    localNo: str = strawberry.field(  # noqa: N815 - the wire name
        description="单位内编号。Number within the institution."
    )


@strawberry.input(description="其他登记处或系统给出的标识。An identifier that others gave.")
class GivenIdentifier:
    """A record by an identifier that another register or system gave it."""

    scheme: str = strawberry.field(description="标识体系，如 NRII。Scheme, such as NRII.")
    value: str = strawberry.field(description="标识。The identifier.")


_WAYS: dict[str, tuple[Any, str]] = {
    "id": (strawberry.ID, "平台标识。Identity at the hub."),
    "key": (str, "自然键，如 uscc:… 或 uscc:…/编号。Natural key, such as uscc:… or uscc:…/number."),
    "number": (LocalNumber, "来源与编号。Source and number."),
    "identifier": (GivenIdentifier, "他处的标识，如 NRII 编号。As others name it, such as NRII."),
}


@lru_cache(maxsize=64)
def by_of(spec: RecordSpec) -> Any:
    """Return the input that names one record in exactly one of its ways."""
    trait = spec.trait(Findable)
    assert trait is not None, "only what is findable has a field that finds it"
    about = f"恰用一种方式指明{spec.zh}。Names one {spec.name} in exactly one way."
    ways = {way: _WAYS[way] for way in trait.by}
    return input_type(f"{spec.name}By", about, ways, one_of=True)
