"""`records`: the object types of a registry's records, with their relations and pages.

- Each record type has an object type, an edge and a connection. They refer to each other, so their
  classes are created first and completed afterwards.
- Only fields with arguments are written by hand; relations follow from the references of the
  records (`hub.query.sql.model`).
- A relation to records whose rows need a scope of their own carries `@requiresScope` and is null
  without it.
"""

from __future__ import annotations

from typing import Any

import strawberry

from hub.graphql.enums import enum_of, facet_of, order_of
from hub.graphql.hints import many
from hub.graphql.inputs import PriceFor, filter_of
from hub.graphql.scalars import Date, DateTime, Decimal, Duration
from hub.graphql.sources import SourceStatus
from hub.graphql.types import (
    Availability,
    FacetCount,
    Node,
    PageInfo,
    PowerStanding,
    PriceEstimate,
    Provenance,
    RequiresScope,
    argument,
    item_fields,
    output_field,
    response_value,
    with_arguments,
)
from hub.query.plan.limits import DEADLINE, DEADLINE_S_MAX, FACET_VALUES, LIST_DEFAULT, PAGE_DEFAULT
from hub.query.sql.model import Connected, Forward, Listed, Model, power_field, relations
from schema.codes import Audience
from schema.item import RecordSpec
from schema.traits import Bookable
from schema.visibility import PUBLIC_SCOPE

FRESHNESS: dict[str, Any] = {
    "max_staleness": argument(
        Duration | None,
        "数据至多多旧；更旧的，在截止之前向可实时询问的来源询问。未登录者只读平台存储。"
        "How old the answer may be: sources that can be asked live are asked for what is older. "
        "Anonymous callers read the store.",
        "maxStaleness",
    ),
    "deadline": argument(
        Duration,
        f"至多等待来源多久，上限 PT{DEADLINE_S_MAX:.0f}S。How long sources are waited for.",
    ),
}
"""Arguments of what is read at the root (`hub.query.plan.freshness`)."""
FRESHNESS_DEFAULTS: dict[str, Any] = {"max_staleness": strawberry.UNSET, "deadline": DEADLINE}


class RecordTypes:
    """The object types of the records of a model."""

    def __init__(self, model: Model) -> None:
        self._model = model
        names = model.registry.names
        self.classes: dict[str, Any] = {name: _class(name, (Node,)) for name in names}
        """The object type of each record, by its name."""
        self._edges = {name: _class(f"{name}Edge") for name in names}
        self._connections = {name: _class(f"{name}Connection") for name in names}
        for spec in model.registry:
            self._complete_record(spec)

    def one(self, spec: RecordSpec, about: str, hints: dict[str, Any], read: Any) -> Any:
        """Return the root field of one record, null where there is none."""
        return strawberry.field(
            resolver=with_arguments(read, {**hints, **FRESHNESS}, FRESHNESS_DEFAULTS),
            graphql_type=self.classes[spec.name] | None,
            description=about,
            directives=_scoped(spec),
        )

    def root_pages(self, spec: RecordSpec, about: str, read: Any) -> Any:
        """Return the root field of a connection, which says how fresh its answer must be."""
        return self._pages(spec, about, read, FRESHNESS)

    def _pages(
        self, spec: RecordSpec, about: str, read: Any, freshness: dict[str, Any] | None = None
    ) -> Any:
        """Return the field of a connection to a record."""
        hints = self._arguments(spec)
        defaults = {**dict.fromkeys(hints, strawberry.UNSET), **FRESHNESS_DEFAULTS}
        hints |= freshness or {}
        kind = self._connections[spec.name]
        return strawberry.field(
            resolver=with_arguments(read, hints, defaults),
            graphql_type=kind if spec.scope == PUBLIC_SCOPE else kind | None,
            description=about,
            directives=_scoped(spec),
        )

    def _arguments(self, spec: RecordSpec) -> dict[str, Any]:
        order = order_of(spec)
        conditions = filter_of(spec, self._model)
        arguments = {
            "first": argument(int | None, f"前若干行，缺省 {PAGE_DEFAULT}。Rows from the start."),
            "after": argument(str | None, "此游标之后。After this cursor."),
            "last": argument(int | None, "后若干行，不得与 first 并用。Rows from the end."),
            "before": argument(str | None, "此游标之前。Before this cursor."),
            "filter": argument(conditions | None, "筛选。Conditions; all must hold."),
        }
        if order is not None:
            about = "排序，同值按标识。Order; ties are broken by identity."
            arguments["order_by"] = argument(many(order) | None, about, "orderBy")
        if spec.trait(Bookable):
            about = "按费用排序时为谁、多少机时估价。What PRICE orders are priced for."
            arguments["price_for"] = argument(PriceFor | None, about, "priceFor")
        if any(item.facts.search for item in spec.items):
            about = (
                "检索词：名称、分类、厂商、型号、编号、单位、城市；中英文、缩写、拼音、繁简均可，空白不限制。"
                "Words of names, classes, makers, models, numbers, institutions and cities, also "
                "abbreviations and pinyin; a blank text narrows nothing. Without orderBy the best "
                "matches come first."
            )
            arguments["search"] = argument(str | None, about)
        return arguments

    def _relations(self, spec: RecordSpec) -> dict[str, Any]:
        fields: dict[str, Any] = {}
        for name, relation in relations(spec, self._model.registry).items():
            target = self._model.registry[relation.record]
            about = f"{target.zh}。{target.en}"
            if isinstance(relation, Forward):
                fields[name] = output_field(self.classes[target.name] | None, about, name=name)
            elif isinstance(relation, Connected):
                fields[name] = self._pages(target, about, response_value)
            else:
                assert isinstance(relation, Listed)
                fields[name] = self._few(target, about)
        return fields

    def _power(self, spec: RecordSpec) -> dict[str, Any]:
        """Return the field that tells whether it is on now, where sensors watch it."""
        power = power_field(spec, self._model.registry)
        if power is None or power.like is None:
            return {}
        _, like = power.like
        about = (
            "此刻是否开机；可见范围同日开机记录。Whether it is on now; seen as its PowerDays are."
        )
        kind = PowerStanding | None
        return {"powerState": output_field(kind, about, scope=like.scope, name="powerState")}

    def _few(self, target: RecordSpec, about: str) -> Any:
        hints = {"first": argument(int, "至多行数。Rows at most.")}
        kind = many(self.classes[target.name])
        return strawberry.field(
            resolver=with_arguments(response_value, hints, {"first": LIST_DEFAULT}),
            graphql_type=kind if target.scope == PUBLIC_SCOPE else kind | None,
            description=about,
            directives=_scoped(target),
        )

    def _complete_record(self, spec: RecordSpec) -> None:
        node, edge = self.classes[spec.name], self._edges[spec.name]
        members = {
            "key": output_field(str, "自然键。Natural key.", name="key"),
            "provenance": output_field(
                Provenance, "数据来历。Where it comes from.", name="provenance"
            ),
            **item_fields(spec),
            **self._relations(spec),
            **(_bookable_fields() if spec.trait(Bookable) else {}),
            **self._power(spec),
        }
        node.is_type_of = classmethod(lambda *_: True)
        _complete(node, f"{spec.zh}。{spec.en}", members)
        _complete(
            edge,
            f"{spec.zh}及其游标。A row of a page, with its cursor.",
            {
                "cursor": output_field(str, "游标。Cursor.", name="cursor"),
                "node": output_field(node, "记录。The record.", name="node"),
            },
        )
        facet = facet_of(spec)
        _complete(
            self._connections[spec.name],
            f"{spec.zh}的一页。A page of {spec.name}.",
            {
                **({} if facet is None else {"facets": _facets(facet)}),
                "edges": output_field(many(edge), "各行及其游标。Rows with cursors.", name="edges"),
                "nodes": output_field(many(node), "各行。Rows.", name="nodes"),
                "pageInfo": output_field(
                    PageInfo, "分页信息。Where the page stands.", name="pageInfo"
                ),
                "totalCount": output_field(
                    int, "符合条件的总数。How many match.", name="totalCount"
                ),
                "sources": output_field(
                    many(SourceStatus),
                    "数据来源及其状况。Sources and how they stand.",
                    name="sources",
                ),
            },
        )


def _facets(facet: Any) -> Any:
    hints = {
        "by": argument(many(facet), "统计维度。What to count by."),
        "first": argument(int, "每一维度至多列出的值。Values of each at most."),
    }
    return strawberry.field(
        resolver=with_arguments(response_value, hints, {"first": FACET_VALUES}),
        graphql_type=many(FacetCount),
        description="符合条件的全部行按值统计，多者在前。"
        "How many of all matching rows have each value, the commonest first.",
    )


def _scoped(spec: RecordSpec) -> tuple[Any, ...]:
    return () if spec.scope == PUBLIC_SCOPE else (RequiresScope(scope=spec.scope),)


def _class(name: str, bases: tuple[type, ...] = ()) -> Any:
    return type(name, bases, {"__module__": __name__})


def _complete(cls: Any, about: str, members: dict[str, Any]) -> None:
    for key, field in members.items():
        setattr(cls, key, field)
    strawberry.type(cls, description=about)


def _bookable_fields() -> dict[str, Any]:
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
            resolver=with_arguments(response_value, window, {}),
            graphql_type=Availability,
            description="时段内的空闲情况。Availability within a window.",
        ),
        "priceEstimate": strawberry.field(
            resolver=with_arguments(
                response_value, order, dict.fromkeys(("hours", "samples", "on"), strawberry.UNSET)
            ),
            graphql_type=PriceEstimate,
            description="费用估算。What an order would cost.",
        ),
    }
