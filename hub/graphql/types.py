"""`types`: the output types of the interface, derived from the records and values of the standard.

- One object type per record and per nested value; every field described in Chinese and English;
  whatever lies above L1 carries `@requiresScope` and is nullable.
- A field reads its value by response key from what the compiled statement answered, so that an
  executed operation and a compiled one give the same.
- Fields with arguments are the only ones written by hand; which relations there are follows from
  the references of the records (`hub.query.model`).
"""

from __future__ import annotations

import inspect
from functools import lru_cache
from typing import Annotated, Any

import strawberry
from strawberry.schema_directive import Location
from strawberry.types import Info

from hub.graphql.enums import (
    AvailabilityStatus,
    PriceStatus,
    ServedFrom,
    SourceState,
    enum_of,
    order_of,
)
from hub.graphql.hints import many
from hub.graphql.inputs import filter_of
from hub.graphql.scalars import Date, DateTime, Decimal, PartialDate, SafeInt
from hub.query.limits import LIST_DEFAULT, PAGE_DEFAULT
from hub.query.model import Connected, Forward, Listed, relations
from schema.codes import Assurance, Audience, PriceUnit
from schema.item import Grade, Item, Kind, RecordSpec, describe
from schema.records import RECORDS
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


def picked(root: Any, info: Info) -> Any:
    """Return what the statement answered under this field's response key."""
    return root.get("@of", root)[info.path.key]


def declared(hint: Any, about: str, *, scope: str = "", name: str | None = None) -> Any:
    """Return a field that is read by response key."""
    directives = (RequiresScope(scope=scope),) if scope else ()
    return strawberry.field(
        resolver=picked, graphql_type=hint, description=about, directives=directives, name=name
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
    """Whatever has an identity."""

    id: strawberry.ID = strawberry.field(
        resolver=picked, description="平台标识，稳定且不透明。Identity: stable and opaque."
    )

    @classmethod
    def resolve_type(cls, value: Any, *_: Any) -> str:
        """Return the type that the statement named."""
        found: str = value["@type"]
        return found


def _plain(name: str, about: str, members: dict[str, tuple[Any, str]]) -> Any:
    fields = {key: declared(hint, text, name=key) for key, (hint, text) in members.items()}
    return object_type(name, about, fields)


PageInfo = _plain(
    "PageInfo",
    "分页信息。Where a page stands.",
    {
        "hasNextPage": (bool, "后面还有。There is more after this page."),
        "hasPreviousPage": (bool, "前面还有。There is more before this page."),
        "startCursor": (str | None, "首行游标。Cursor of the first row."),
        "endCursor": (str | None, "末行游标。Cursor of the last row."),
    },
)
SourceStatus = _plain(
    "SourceStatus",
    "来源及其状况。A source and how it stands.",
    {
        "id": (strawberry.ID, "来源标识。Source id."),
        "title": (str, "名称。Title."),
        "titleEn": (str | None, "英文名称。Title in English."),
        "status": (SourceState, "状况。How it stands."),
        "servedFrom": (ServedFrom, "应答取自何处。Where the answer was taken from."),
        "asOf": (DateTime | None, "最近一次成功的时刻。When it last answered well."),
        "latencyMs": (int | None, "实时应答耗时，毫秒。Milliseconds of a live answer."),
        "rows": (SafeInt, "现有行数。Rows that it has."),
        "errorCode": (str | None, "最近一次错误。Code of its last error."),
        "promisedFreshnessS": (int, "承诺的时效，秒。Seconds of freshness it promised."),
    },
)
Provenance = _plain(
    "Provenance",
    "数据来历。Where a record comes from and who vouches for it.",
    {
        "source": (str, "来源。Source id."),
        "asOf": (DateTime, "来源所述时刻。When the source knew it."),
        "acceptedAt": (DateTime, "平台接收时刻。When the hub took it in."),
        "revision": (int, "第几次修订。Number of the revision."),
        "revisionId": (str, "内容标识（规范字节的散列）。Content address of the revision."),
        "assurance": (enum_of(Assurance), "证明级别。Who vouches for it."),
        "channel": (str, "进入途径。How it came in."),
        "entryId": (strawberry.ID, "台账条目。Entry in the ledger."),
    },
)
Window = _plain(
    "Window",
    "时段，左闭右开。A stretch of time, half open.",
    {
        "from": (DateTime, "开始。Start."),
        "until": (DateTime, "结束（不含）。End, not included."),
        "hours": (Decimal, "小时数。Length in hours."),
    },
)
Availability = _plain(
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


def _item_fields(spec: RecordSpec) -> dict[str, Any]:
    return {
        item.wire: declared(
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
    return object_type(spec.name, f"{spec.zh}。{spec.en}", _item_fields(spec))


Money = value_type(describe(MoneyValue))
PriceEstimate = _plain(
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


def argument(hint: Any, about: str, name: str | None = None) -> Any:
    """Return the annotation of an argument."""
    return Annotated[hint, strawberry.argument(description=about, name=name)]


def connection_arguments(record: str) -> dict[str, Any]:
    """Return the annotations of a connection's arguments."""
    order = order_of(record)
    found = {
        "first": argument(int | None, f"前若干行，缺省 {PAGE_DEFAULT}。Rows from the start."),
        "after": argument(str | None, "此游标之后。After this cursor."),
        "last": argument(int | None, "后若干行，不得与 first 并用。Rows from the end."),
        "before": argument(str | None, "此游标之前。Before this cursor."),
        "filter": argument(filter_of(record) | None, "筛选。Conditions; all must hold."),
    }
    if order is not None:
        about = "排序，同值按标识。Order; ties are broken by identity."
        found["order_by"] = argument(many(order) | None, about, "orderBy")
    if any(item.facts.search for item in RECORDS[record].items):
        about = "全文检索：中文、英文或拼音首字母。Words in Chinese, English or pinyin."
        found["search"] = argument(str | None, about)
    return found


def with_arguments(read: Any, hints: dict[str, Any], defaults: dict[str, Any]) -> Any:
    """Return a resolver like `read` that takes these arguments.

    Their values are used where the statement is compiled; an argument without default is required.
    """

    def resolve(root: Any, info: Info, **_: Any) -> Any:
        return read(root, info)

    plain = inspect.Parameter.POSITIONAL_OR_KEYWORD
    given = [
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
            *given,
        ]
    )
    resolve.__annotations__ = {"root": Any, "info": Info, **hints}
    return resolve


def connection_field(record: str, about: str, read: Any = picked) -> Any:
    """Return the field of a connection to a record."""
    hints = connection_arguments(record)
    return strawberry.field(
        resolver=with_arguments(read, hints, dict.fromkeys(hints, strawberry.UNSET)),
        graphql_type=CONNECTIONS[record],
        description=about,
    )


def _relation_fields(spec: RecordSpec) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, relation in relations(spec).items():
        target = RECORDS[relation.record]  # type: ignore[union-attr]
        about = f"{target.zh}。{target.en}"
        if isinstance(relation, Forward):
            found[name] = declared(CLASSES[target.name] | None, about, name=name)
        elif isinstance(relation, Connected):
            found[name] = connection_field(target.name, about)
        else:
            assert isinstance(relation, Listed)
            hints = {"first": argument(int, "至多行数。Rows at most.")}
            found[name] = strawberry.field(
                resolver=with_arguments(picked, hints, {"first": LIST_DEFAULT}),
                graphql_type=many(CLASSES[target.name]),
                description=about,
            )
    return found


def _instrument_fields() -> dict[str, Any]:
    window = {
        "from_": argument(DateTime, "窗口开始。Start of the window.", "from"),
        "until": argument(DateTime, "窗口结束（不含），至多 92 天。End, at most 92 days on."),
    }
    order = {
        "audience": argument(enum_of(Audience), "为谁估价。Who pays."),
        "hours": argument(Decimal | None, "机时。Hours of machine time."),
        "samples": argument(Decimal | None, "样品数。Samples."),
        "on": argument(Date | None, "哪一天的价格，缺省今天。Day of the price; today."),
    }
    return {
        "availability": strawberry.field(
            resolver=with_arguments(picked, window, {}),
            graphql_type=Availability,
            description="时段内的空闲情况。Availability within a window.",
        ),
        "priceEstimate": strawberry.field(
            resolver=with_arguments(
                picked, order, dict.fromkeys(("hours", "samples", "on"), strawberry.UNSET)
            ),
            graphql_type=PriceEstimate,
            description="费用估算。What an order would cost.",
        ),
    }


def _class(name: str, bases: tuple[type, ...] = ()) -> Any:
    return type(name, bases, {"__module__": __name__})


CLASSES: dict[str, Any] = {name: _class(name, (Node,)) for name in RECORDS}
"""The object type of each record, by its name."""
EDGES: dict[str, Any] = {name: _class(f"{name}Edge") for name in RECORDS}
CONNECTIONS: dict[str, Any] = {name: _class(f"{name}Connection") for name in RECORDS}


def _complete(cls: Any, about: str, members: dict[str, Any]) -> None:
    for key, field in members.items():
        setattr(cls, key, field)
    strawberry.type(cls, description=about)


def _complete_record(spec: RecordSpec) -> None:
    node, edge = CLASSES[spec.name], EDGES[spec.name]
    members = {
        "key": declared(str, "自然键。Natural key.", name="key"),
        "provenance": declared(Provenance, "数据来历。Where it comes from.", name="provenance"),
        **_item_fields(spec),
        **_relation_fields(spec),
        **(_instrument_fields() if spec.name == "Instrument" else {}),
    }
    node.is_type_of = classmethod(lambda *_: True)
    _complete(node, f"{spec.zh}。{spec.en}", members)
    _complete(
        edge,
        f"{spec.zh}及其游标。A row of a page, with its cursor.",
        {
            "cursor": declared(str, "游标。Cursor.", name="cursor"),
            "node": declared(node, "记录。The record.", name="node"),
        },
    )
    _complete(
        CONNECTIONS[spec.name],
        f"{spec.zh}的一页。A page of {spec.name}.",
        {
            "edges": declared(many(edge), "各行及其游标。Rows with cursors.", name="edges"),
            "nodes": declared(many(node), "各行。Rows.", name="nodes"),
            "pageInfo": declared(PageInfo, "分页信息。Where the page stands.", name="pageInfo"),
            "totalCount": declared(int, "符合条件的总数。How many match.", name="totalCount"),
            "sources": declared(
                many(SourceStatus), "数据来源及其状况。Sources and how they stand.", name="sources"
            ),
        },
    )


for _spec in RECORDS.values():
    _complete_record(_spec)
