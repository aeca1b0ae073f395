"""`types`: the output types that every interface has, and how an item becomes a field.

- Every field is described in Chinese and English; whatever lies above L1 carries `@requiresScope`
  and is nullable.
- A field reads its value by response key from the answer of the compiled statement, so that
  executed and compiled operations give the same answer.
- Types that depend on a registry (record types and their relations) are in `hub.graphql.records`.
"""

from __future__ import annotations

import inspect
from functools import lru_cache
from typing import Annotated, Any

import strawberry
from strawberry.schema_directive import Location
from strawberry.types import Info

from hub.graphql.enums import AvailabilityStatus, PriceStatus, enum_of
from hub.graphql.hints import many
from hub.graphql.scalars import Date, DateTime, Decimal, PartialDate, SafeInt
from schema.codes import Assurance, Audience, PowerState, PriceUnit, SourceKind
from schema.item import Grade, Item, Kind, RecordSpec, describe
from schema.values import Money as MoneyValue

INT_MAX = 2**31 - 1


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION],
    name="requiresScope",
    description="读取该字段所需的权限范围。The OAuth scope that a token must carry to read this.",
)
class RequiresScope:
    """The OAuth scope a token must carry to read the field."""

    scope: str


def response_value(root: Any, info: Info) -> Any:
    """Return the value under this field's response key in the answer of the statement."""
    return root.get("@of", root)[info.path.key]


def output_field(hint: Any, about: str, *, scope: str = "", name: str | None = None) -> Any:
    """Return a field that is read by response key."""
    directives = (RequiresScope(scope=scope),) if scope else ()
    return strawberry.field(
        resolver=response_value,
        graphql_type=hint,
        description=about,
        directives=directives,
        name=name,
    )


def object_type(
    name: str, about: str, members: dict[str, Any], bases: tuple[type, ...] = ()
) -> Any:
    """Return an object type with these fields."""
    body: dict[str, Any] = {**members, "__module__": __name__}
    if bases:
        body["is_type_of"] = classmethod(lambda *_: True)
    return strawberry.type(type(name, bases, body), name=name, description=about)


@strawberry.interface(description="有平台标识的对象。Whatever has an identity at the hub.")
class Node:
    """An object with an identity."""

    id: strawberry.ID = strawberry.field(
        resolver=response_value, description="平台标识，稳定且不透明。Identity: stable and opaque."
    )

    @classmethod
    def resolve_type(cls, value: Any, *_: Any) -> str:
        """Return the type that the statement named."""
        name: str = value["@type"]
        return name


def output_fields(members: dict[str, tuple[Any, str]]) -> dict[str, Any]:
    """Return public fields by their names: type, and what it is in both languages."""
    return {key: output_field(hint, text, name=key) for key, (hint, text) in members.items()}


def plain_type(name: str, about: str, members: dict[str, tuple[Any, str]]) -> Any:
    """Return an object type of public fields."""
    return object_type(name, about, output_fields(members))


PageInfo = plain_type(
    "PageInfo",
    "分页信息。Where a page stands.",
    {
        "hasNextPage": (bool, "后面还有。There is more after this page."),
        "hasPreviousPage": (bool, "前面还有。There is more before this page."),
        "startCursor": (str | None, "首行游标。Cursor of the first row."),
        "endCursor": (str | None, "末行游标。Cursor of the last row."),
    },
)
FacetCount = plain_type(
    "FacetCount",
    "符合条件的行中取此值的有多少。How many of the rows that match have a value.",
    {
        "by": (str, "统计维度。What is counted by."),
        "value": (str, "取值，可用于筛选条件。The value, as filters take it."),
        "count": (int, "行数。Rows."),
    },
)
ItemSource = plain_type(
    "ItemSource",
    "某数据项取自另一来源。An item that another source states than the one that leads.",
    {
        "item": (str, "数据项。Name of the item."),
        "source": (str, "来源。Source id."),
    },
)
Claim = plain_type(
    "Claim",
    "一个来源对该记录的陈述。What one source says of the record, by its header.",
    {
        "source": (str, "来源。Source id."),
        "kind": (enum_of(SourceKind), "来源类别。What the source is to the owner."),
        "key": (str, "该来源所用的自然键。The key that this source uses."),
        "leads": (bool, "是否为首要来源。Whether it is believed first."),
        "asOf": (DateTime, "来源所述时刻。When the source knew it."),
        "acceptedAt": (DateTime, "平台接收时刻。When the hub took it in."),
        "revision": (int, "第几次修订。Number of the revision."),
        "assurance": (enum_of(Assurance), "证明级别。Who vouches for it."),
        "entryId": (strawberry.ID, "台账条目。Entry in the ledger."),
    },
)
Provenance = plain_type(
    "Provenance",
    "数据来历。Where a record comes from and who vouches for it.",
    {
        "source": (str, "首要来源。Id of the source that is believed first."),
        "authority": (
            str | None,
            "编号所属系统；编号共用时为空。Whose system numbers it; null where all share the key.",
        ),
        "asOf": (DateTime, "来源最近一次如此陈述的时刻。When the source last said so."),
        "acceptedAt": (DateTime, "平台接收时刻。When the hub took it in."),
        "revision": (int, "第几次修订。Number of the revision."),
        "revisionId": (
            str | None,
            "内容标识（规范字节的散列），仅对可读全部数据项者。"
            "Content address of the revision, for who may read all that the record states.",
        ),
        "owner": (str, "数据所属单位。Whose data it is."),
        "issuer": (str, "有权申报、更正、撤回的单位。Who may state, change and withdraw it."),
        "party": (str, "为此记录担保者：单位或平台。Who vouches for it: a party, or the hub."),
        "assurance": (enum_of(Assurance), "证明级别。Who vouches for it."),
        "channel": (str, "进入途径。How it came in."),
        "entryId": (strawberry.ID, "台账条目。Entry in the ledger."),
        "items": (
            many(ItemSource),
            "首要来源未述、取自其他来源的数据项。Items that the first source leaves open.",
        ),
        "claims": (many(Claim), "各来源的陈述。What each source says of it."),
    },
)
Window = plain_type(
    "Window",
    "时段，左闭右开。A stretch of time, half open.",
    {
        "from": (DateTime, "开始。Start."),
        "until": (DateTime, "结束（不含）。End, not included."),
        "hours": (Decimal, "小时数。Length in hours."),
    },
)
Availability = plain_type(
    "Availability",
    "空闲情况：开放时间减去已确定的占用；未被覆盖之处为未知。开放时间与覆盖范围以管理单位自有系统为准，"
    "其未提供时取平台；超过来源承诺时效的覆盖范围不算数。"
    "Opening hours minus firm occupancy; what is not covered is unknown. Hours and coverage are "
    "those of the owner's own system, of a platform only where that states none; coverage "
    "older than its source promises does not count.",
    {
        "status": (AvailabilityStatus, "总体状况。Overall."),
        "free": (many(Window), "空闲。Free."),
        "tentative": (many(Window), "空闲但有待确认的预约。Free, with a tentative booking."),
        "unknown": (many(Window), "未知。Not known."),
        "longestFreeHours": (Decimal, "最长连续空闲小时数。Longest free stretch in hours."),
        "asOf": (DateTime | None, "所依据覆盖范围的最早时刻。Age of the oldest coverage used."),
        "sources": (
            list[str],
            "所依据的来源：覆盖、开放时间、占用。Sources of coverage, hours and occupancy used.",
        ),
    },
)


def item_type(item: Item) -> Any:
    """Return the type of an item, nullability included."""
    plain = _single(item)
    if item.many:
        return many(plain) if item.grade is Grade.L1 else many(plain) | None
    return plain if item.grade is Grade.L1 and not item.optional else plain | None


def _single(item: Item) -> Any:
    if item.code_list is not None:
        return enum_of(item.code_list)
    if item.value is not None:
        return value_type(item.value)
    if item.kind is Kind.INTEGER:
        return int if (item.facts.maximum or INT_MAX + 1) <= INT_MAX else SafeInt
    return {
        Kind.TEXT: str,
        Kind.BOOLEAN: bool,
        Kind.DECIMAL: Decimal,
        Kind.DATE: Date,
        Kind.PARTIAL_DATE: PartialDate,
        Kind.INSTANT: DateTime,
    }[item.kind]


def about_item(item: Item) -> str:
    """Return the description of an item: both languages, unit, scheme."""
    facts = item.facts
    more = [f"Unit: {facts.unit}."] if facts.unit else []
    more += [f"Scheme: {facts.scheme}."] if facts.scheme else []
    return " ".join([f"{facts.zh}。{facts.en}.", *more])


def item_fields(spec: RecordSpec) -> dict[str, Any]:
    """Return the fields of a record's or value's items."""
    return {
        item.wire: output_field(
            item_type(item),
            about_item(item),
            scope="" if item.grade is Grade.L1 else item.scope,
            name=item.wire,
        )
        for item in spec.items
    }


@lru_cache(maxsize=64)
def value_type(spec: RecordSpec) -> Any:
    """Return the object type of a nested value."""
    return object_type(spec.name, f"{spec.zh}。{spec.en}", item_fields(spec))


Money = value_type(describe(MoneyValue))
PriceEstimate = plain_type(
    "PriceEstimate",
    "按公布价格估算的费用；以管理单位自有系统公布的为准，其未公布时取平台。"
    "What an order would cost by the prices that the owner's own system published, or a platform "
    "where that publishes none.",
    {
        "status": (PriceStatus, "能否估价。Whether a price could be told."),
        "amount": (Money | None, "金额。Amount."),
        "offerCode": (str | None, "所依据的服务。Offer that it follows from."),
        "audience": (enum_of(Audience) | None, "所依据价格的对象。Audience of that offer."),
        "unit": (enum_of(PriceUnit) | None, "计价单位。What is counted."),
        "unitPrice": (Money | None, "单价。Price of one unit."),
        "minimumCharge": (Money | None, "最低收费。Least charge."),
        "basis": (str | None, "算式。How it was computed."),
        "source": (str | None, "所依据服务的来源。Source of the offer that it follows from."),
    },
)


PowerStanding = plain_type(
    "PowerStanding",
    "仪器此刻是否开机，据其上各传感器：任一在用即为使用中，否则任一开机即为开机；全部关机才为关机；其余未知。"
    "传感器静默超过所承诺的时长，或此刻没有传感器绑定，即为未知。"
    "Whether an instrument is on now, by all sensors at it: in use if any says so, else on if any "
    "does, off only if all do, else not known. A sensor that is silent for longer than promised "
    "says nothing; without a SensorBinding now the state is UNKNOWN.",
    {
        "state": (enum_of(PowerState), "状态。The state."),
        "since": (
            DateTime | None,
            "至迟自此刻起如此。It has been so since then at the latest; null: no sensor was heard.",
        ),
        "asOf": (
            DateTime | None,
            "所依据各传感器最新读数中最早的时刻。"
            "The oldest of the newest readings that say so; null: none was heard.",
        ),
    },
)


def argument(hint: Any, about: str, name: str | None = None) -> Any:
    """Return the annotation of an argument."""
    return Annotated[hint, strawberry.argument(description=about, name=name)]


def with_arguments(read: Any, hints: dict[str, Any], defaults: dict[str, Any]) -> Any:
    """Return a resolver like `read` that takes these arguments.

    Their values are used where the statement is compiled; an argument without default is required.
    """

    def resolve(root: Any, info: Info, **_: Any) -> Any:
        return read(root, info)

    plain = inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            annotation=hint,
            default=defaults.get(name, inspect.Parameter.empty),
        )
        for name, hint in hints.items()
    ]
    resolve.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter("root", plain, annotation=Any),
            inspect.Parameter("info", plain, annotation=Info),
            *parameters,
        ]
    )
    resolve.__annotations__ = {"root": Any, "info": Info, **hints}
    return resolve
