"""`executor`: what is looked at before and after graphql-core runs an operation; pure."""

from __future__ import annotations

from graphql import (
    FieldNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationType,
)

from hub.errors import ErrorCode
from hub.query.plan.errors import QueryError
from hub.query.sql.planner import Plan


def check_way(plan: Plan, *, is_read_only: bool, is_signed: bool) -> None:
    """Refuse to change anything for a request that came by GET or without a signature."""
    if plan.operation.operation is not OperationType.MUTATION:
        return
    if is_read_only:
        raise QueryError(ErrorCode.METHOD_NOT_ALLOWED, "变更请用 POST", "POST mutations")
    if not is_signed:
        raise QueryError(
            ErrorCode.UNAUTHENTICATED,
            "变更请求须签名（hub-sig-1）",
            "sign mutations: profile hub-sig-1",
        )


def check_alone(plan: Plan) -> None:
    """Refuse to introspect beside other root fields: only by itself it runs off the event loop."""
    waiting = [plan.operation.selection_set]
    while waiting:
        for node in waiting.pop().selections:
            if isinstance(node, FieldNode):
                if not node.name.value.startswith("__"):
                    raise QueryError(
                        ErrorCode.TOO_MANY_ROOT_FIELDS,
                        "内省请单独发送，不与其他字段同一请求",
                        "introspect in a request of its own",
                    )
            elif isinstance(node, FragmentSpreadNode):
                waiting.append(plan.document.fragments[node.name.value].selection_set)
            elif isinstance(node, InlineFragmentNode):
                waiting.append(node.selection_set)


def cause_of(error: GraphQLError) -> BaseException:
    """Return what a resolver raised."""
    cause: BaseException = error
    while isinstance(cause, GraphQLError) and cause.original_error is not None:
        cause = cause.original_error
    return cause
