"""`schema`: the published GraphQL schema: its root types and its text.

- Most queries are compiled as a whole and never run these resolvers. Otherwise each root field that
  reads records compiles a statement of its own, and fields below it are read by response key.
- A schema is built for a registry; `schema/published/hub.graphql` has that of the standard.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from typing import Any

import strawberry
from strawberry.schema.config import StrawberryConfig
from strawberry.types import Info

from hub.graphql.attestations import attestation_fields
from hub.graphql.booking import BookingMutations, booking_fields
from hub.graphql.changes import SCOPE as CHANGES_SCOPE
from hub.graphql.changes import ChangePageType, follow_changes
from hub.graphql.claim_errands import ClaimErrandMutations
from hub.graphql.customs import customs_fields
from hub.graphql.disposals import disposal_fields
from hub.graphql.exports import ExportMutations, export_fields
from hub.graphql.fast_track import fast_track_fields
from hub.graphql.hints import many
from hub.graphql.inputs import by_of
from hub.graphql.law import PolicyParameterType, list_parameters
from hub.graphql.mutations import RecordMutations
from hub.graphql.order_steps import OrderStepMutations
from hub.graphql.quota import RATE_LIMIT_FIELD, RateLimitType, rate_limit
from hub.graphql.receipts import ReceiptType, find_receipt, find_receipts
from hub.graphql.records import RecordTypes
from hub.graphql.scalars import SCALARS, DateTime
from hub.graphql.sources import SourceStatus
from hub.graphql.types import Node, RequiresScope, argument, with_arguments
from hub.graphql.voucher_cases import voucher_case_fields
from hub.graphql.voucher_checks import verification_fields
from hub.graphql.vouchers import VoucherMutations
from hub.query.plan.limits import NODES_MAX
from hub.query.sql.model import Interface, Model, build_model, plural, singular
from hub.store.records import StoredRecords
from schema.dates import format_instant
from schema.registry import Registry
from schema.traits import Findable, Listable
from schema.visibility import PUBLIC_SCOPE

INTERFACES_KEPT_MAX = 8
"""Interfaces of different registries that are kept; a process has one, its tests a few."""


async def read_root(root: Any, info: Info) -> Any:
    """Return the value of a root field, from a statement compiled for it alone."""
    del root
    return await info.context.read(info._raw_info)


@strawberry.type(description="服务信息。About this hub.")
class ServiceInfo:
    """About this hub."""

    version: str = strawberry.field(description="软件版本。Version of the software.")
    standard_version: str = strawberry.field(description="标准版本。Version of the standard.")
    schema_hash: str = strawberry.field(description="本接口文本的 SHA-256。Hash of this interface.")
    time: DateTime = strawberry.field(description="平台时间。The hub's time.")
    sandbox: bool = strawberry.field(description="是否为沙箱。Whether its data is synthetic.")


@strawberry.type(description="调用方。Who is calling.")
class Me:
    """Who is calling."""

    client_id: str | None = strawberry.field(description="接入方标识。Client id.")
    party: str | None = strawberry.field(description="所代表的单位。Party that it acts for.")
    kind: str | None = strawberry.field(description="接入方类型。Kind of client.")
    scopes: list[str] = strawberry.field(description="权限范围。Scopes of the token.")
    sources: list[str] = strawberry.field(
        description="可以代为推送的来源。Ids of the sources that it may push as."
    )
    quota: RateLimitType | None = strawberry.field(
        description="限额。How much it may ask; null where nothing is counted."
    )


@strawberry.type(description="写入入口。Where writing starts.")
class Mutation(
    RecordMutations,
    BookingMutations,
    OrderStepMutations,
    VoucherMutations,
    ClaimErrandMutations,
    ExportMutations,
):
    """Where writing starts."""


@strawberry.type(
    description="订阅入口：变更随到随发。Where following starts: changes as they come."
)
class Subscription:
    """Where following starts. Each event is answered by executing the operation once."""

    changes: ChangePageType | None = strawberry.field(
        resolver=follow_changes,
        description=(
            "变更流：每次事件为一页，与同名查询相同；断线后以 endCursor 续接。"
            "The change feed: each event is a page of the query of the same name; go on after a "
            "break with its `endCursor`."
        ),
        directives=[RequiresScope(scope=CHANGES_SCOPE)],
    )


def _service_info(info: Info) -> ServiceInfo:
    context = info.context
    return ServiceInfo(
        version=context.facts.version,
        standard_version=context.facts.standard_version,
        schema_hash=schema_hash(context.model),
        time=DateTime(format_instant(context.now)),
        sandbox=context.facts.sandbox,
    )


def _me(info: Info) -> Me:
    caller = info.context.caller
    return Me(
        client_id=caller.client_id,
        party=caller.party,
        kind=caller.kind.value if caller.kind else None,
        scopes=sorted(caller.scopes),
        sources=sorted(caller.sources),
        quota=rate_limit(info),
    )


def _proof_fields() -> dict[str, Any]:
    """Return the fields by which others follow the hub, and prove what they got."""
    return {
        "receipt": strawberry.field(
            resolver=find_receipt,
            graphql_type=ReceiptType | None,
            description="回执。The receipt of an entry or of a revision.",
            directives=[RequiresScope(scope="receipt:read")],
        ),
        "receipts": strawberry.field(
            resolver=find_receipts,
            graphql_type=list[ReceiptType | None] | None,
            description="多个条目的回执，次序不变。Receipts of entries, in the order asked.",
            directives=[RequiresScope(scope="receipt:read")],
        ),
        "changes": strawberry.field(
            resolver=follow_changes,
            graphql_type=ChangePageType | None,
            description=(
                "变更流：自游标之后须重新读取或删除的记录。"
                "The change feed: what to look at again, or to drop, after a cursor."
            ),
            directives=[RequiresScope(scope=CHANGES_SCOPE)],
        ),
    }


def _query(types: RecordTypes, registry: Registry) -> Any:
    node = {"id": argument(strawberry.ID, "平台标识。Identity.")}
    nodes = {"ids": argument(list[strawberry.ID], f"至多 {NODES_MAX} 个。At most {NODES_MAX}.")}
    members: dict[str, Any] = {
        "node": strawberry.field(
            resolver=with_arguments(read_root, node, {}),
            graphql_type=Node | None,
            description="按标识查找，没有则为空。By identity, or null.",
        ),
        "nodes": strawberry.field(
            resolver=with_arguments(read_root, nodes, {}),
            graphql_type=list[Node | None],
            description="按标识查找，次序不变。By identity, in the order asked.",
        ),
    }
    for spec, _ in registry.with_trait(Findable):
        by = {"by": argument(by_of(spec), "指明哪一个。Which one.")}
        about = f"{spec.zh}，没有则为空。One record, or null."
        members[singular(spec.name)] = types.one(spec, about, by, read_root)
    for spec, _ in registry.with_trait(Listable):
        about = f"{spec.zh}。{spec.en}"
        members[plural(spec.name)] = types.root_pages(spec, about, read_root)
    members["sources"] = strawberry.field(
        resolver=read_root,
        graphql_type=many(SourceStatus),
        description="全部数据来源。Every source and how it stands.",
    )
    members |= customs_fields() | disposal_fields() | booking_fields() | verification_fields()
    members |= export_fields() | _proof_fields() | attestation_fields() | fast_track_fields()
    members |= voucher_case_fields()
    members["policyParameters"] = strawberry.field(
        resolver=list_parameters,
        graphql_type=list[PolicyParameterType] | None,
        description="某日某地有效的规则参数及依据；无区划规定者不列出。"
        "Parameters of the law that some division states for a day.",
        directives=[RequiresScope(scope=PUBLIC_SCOPE)],
    )
    members["serviceInfo"] = strawberry.field(
        resolver=_service_info, graphql_type=ServiceInfo, description="服务信息。About this hub."
    )
    members["rateLimit"] = RATE_LIMIT_FIELD
    members["me"] = strawberry.field(
        resolver=_me, graphql_type=Me, description="调用方。Who is calling."
    )
    body = {**members, "__module__": __name__}
    return strawberry.type(type("Query", (), body), description="查询入口。Where reading starts.")


@lru_cache(maxsize=INTERFACES_KEPT_MAX)
def published(model: Model) -> strawberry.Schema:
    """Return the schema of a model; it is the same for every caller."""
    types = RecordTypes(model)
    return strawberry.Schema(
        query=_query(types, model.registry),
        mutation=Mutation,
        subscription=Subscription,
        types=list(types.classes.values()),
        config=StrawberryConfig(disable_field_suggestions=True, scalar_map=SCALARS),
    )


@lru_cache(maxsize=INTERFACES_KEPT_MAX)
def interface(records: StoredRecords) -> Interface:
    """Return the schema as graphql-core has it, for parsing and validating, with its model."""
    model = build_model(records)
    return Interface(published(model)._schema, model)


def sdl(model: Model) -> str:
    """Return the text of the interface, as `schema/published/hub.graphql` holds it."""
    return published(model).as_str() + "\n"


@lru_cache(maxsize=INTERFACES_KEPT_MAX)
def schema_hash(model: Model) -> str:
    """Return the SHA-256 of the interface's text, in hex."""
    return sha256(sdl(model).encode()).hexdigest()
