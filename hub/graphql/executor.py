"""`executor`: what is looked at before and after graphql-core runs an operation; pure."""

from __future__ import annotations

from graphql import (
    ExecutionResult,
    FieldNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationType,
)

from hub.errors import ErrorCode, HubError, RateLimitedError, UnavailableError
from hub.query.plan.errors import QueryError
from hub.query.sql.planner import Plan


def check_way(plan: Plan, *, is_read_only: bool, is_signed: bool, is_stream: bool) -> bool:
    """Refuse an operation that may not come the way it came; return whether it is a subscription.

    Nothing is changed for a request that came by GET or without a signature, and a subscription is
    answered over what stays open alone.
    """
    kind = plan.operation.operation
    is_mutation = kind is OperationType.MUTATION
    if is_mutation and is_read_only:
        raise QueryError(ErrorCode.METHOD_NOT_ALLOWED, "变更请用 POST", "POST mutations")
    if is_mutation and not is_signed:
        raise QueryError(
            ErrorCode.UNAUTHENTICATED,
            "变更请求须签名（hub-sig-1）",
            "sign mutations: profile hub-sig-1",
        )
    is_subscription = kind is OperationType.SUBSCRIPTION
    if is_subscription and not is_stream:
        raise QueryError(
            ErrorCode.NOT_ACCEPTABLE,
            "订阅请接受 text/event-stream，或使用 WebSocket（graphql-transport-ws）",
            "accept text/event-stream for a subscription, or use graphql-transport-ws",
        )
    return is_subscription


def raise_whole(result: ExecutionResult, *, is_event: bool) -> None:
    """Raise what concerns a request as a whole, not one of its fields."""
    for error in result.errors or []:
        cause = cause_of(error)
        if isinstance(cause, UnavailableError | RateLimitedError):
            raise cause  # it may be sent again
        if is_event and isinstance(cause, HubError):
            raise cause  # without its page an event is none, and the subscription ends


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
