"""`documents`: a document's text, parsed, bounded and validated once.

- What it may ask for is bounded before anything else looks at it (`hub.query.plan.bounds`).
- Registered documents are files of this package, and what one hub asks another, which is derived
  from the standard (`adapters.peer_hub`); their id is `sha256:` and the hash of the text.
- Explanations never suggest names of fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    parse,
    validate,
)

from adapters.peer_hub import questions
from hub.errors import ErrorCode
from hub.query.plan.arguments import Shape, shape_of
from hub.query.plan.between_hubs import TEXTS
from hub.query.plan.bounds import check_bounds
from hub.query.plan.deprecations import Notices, notices_of
from hub.query.plan.errors import QueryError
from hub.query.plan.limits import ERRORS_MAX, LINES_MAX, QueryLimits
from hub.query.plan.variables import VariableReader
from hub.query.plan.wording import in_own_words

DOCUMENTS = Path(__file__).parent / "documents"


@dataclass(slots=True)
class GraphDocument:
    """A valid document, and the plans made of it."""

    text: str
    schema: GraphQLSchema
    """What it was validated against: the plain interface, or a subgraph."""
    ast: DocumentNode
    operations: Mapping[str | None, OperationDefinitionNode]
    fragments: Mapping[str, FragmentDefinitionNode]
    introspected: int = 0
    """Types that it introspects, see `check_bounds`."""
    plans: dict[Any, Any] = field(default_factory=dict)
    plain: dict[str | None, Any] = field(default_factory=dict)
    """How its operations are run that need no executor, by their names; None: one needs it."""
    shapes: dict[str | None, dict[str, Shape]] = field(default_factory=dict)
    variables: dict[str | None, VariableReader] = field(default_factory=dict)
    """What reads the variables of its operations, by their names."""
    names_freshness: bool = False
    """Whether it may say how old an answer may be (`hub.query.plan.freshness`)."""
    notices: Notices = ()
    """Header fields that tell its senders of what will go."""

    def operation(self, name: str | None) -> OperationDefinitionNode:
        """Return the operation of that name, or the only one."""
        if name is None and len(self.operations) == 1:
            return next(iter(self.operations.values()))
        operation = self.operations.get(name)
        if operation is None or name is None:
            raise QueryError(
                ErrorCode.OPERATION_UNKNOWN,
                "请用 operationName 指明查询文本中的一个操作",
                "name one operation of the document in operationName",
            )
        return operation


def read_document(text: str, schema: GraphQLSchema, limits: QueryLimits) -> GraphDocument:
    """Parse, bound and validate; QueryError with every problem found, up to a bound."""
    if len(text) > limits.document_bytes:
        raise QueryError(
            ErrorCode.TOO_MANY_TOKENS,
            f"查询文本至多 {limits.document_bytes} 个字符",
            f"at most {limits.document_bytes} characters",
        )
    if text.count("\n") + text.count("\r") > LINES_MAX:
        raise QueryError(
            ErrorCode.TOO_MANY_TOKENS, f"查询文本至多 {LINES_MAX} 行", f"at most {LINES_MAX} lines"
        )
    ast = _parsed(text, limits)
    operations: dict[str | None, OperationDefinitionNode] = {}
    fragments: dict[str, FragmentDefinitionNode] = {}
    for definition in ast.definitions:
        if isinstance(definition, OperationDefinitionNode):
            operations[definition.name.value if definition.name else None] = definition
        elif isinstance(definition, FragmentDefinitionNode):
            fragments[definition.name.value] = definition
    introspected = check_bounds(ast, limits)
    errors = validate(schema, ast, max_errors=ERRORS_MAX, hide_suggestions=True)
    if errors:
        raise _refused(ErrorCode.GRAPHQL_VALIDATION_FAILED, errors)
    document = GraphDocument(text, schema, ast, operations, fragments, introspected)
    document.notices = notices_of(ast, schema)
    document.names_freshness = "maxStaleness" in text
    for name, operation in operations.items():
        document.shapes[name] = _shapes(operation, schema)
        document.variables[name] = VariableReader(schema, operation)
    return document


def _parsed(text: str, limits: QueryLimits) -> DocumentNode:
    try:
        return parse(
            text,
            max_lexical_tokens=limits.tokens,
            max_comments=limits.tokens,
            allow_empty_selection_sets=False,
        )
    except GraphQLError as error:
        if "more than" in error.message:  # graphql-core's words for its token bounds
            raise QueryError(
                ErrorCode.TOO_MANY_TOKENS,
                f"查询文本至多 {limits.tokens} 个词",
                f"at most {limits.tokens} tokens",
            ) from error
        raise _refused(ErrorCode.GRAPHQL_PARSE_FAILED, [error]) from error


def _refused(code: ErrorCode, errors: list[GraphQLError]) -> QueryError:
    refusals = [
        QueryError(
            code,
            *in_own_words(error.message),
            locations=[(place.line, place.column) for place in error.locations or ()],
        )
        for error in errors
    ]
    refusals[0].also = tuple(refusals[1:])
    return refusals[0]


def _shapes(operation: OperationDefinitionNode, schema: GraphQLSchema) -> dict[str, Shape]:
    from graphql import get_named_type, type_from_ast

    shapes: dict[str, Shape] = {}
    for definition in operation.variable_definitions or ():
        kind = type_from_ast(schema, definition.type)
        assert kind is not None
        if get_named_type(kind).name == "Duration":  # how fresh an answer must be shapes nothing
            continue
        shapes[definition.variable.name.value] = shape_of(kind)
    return shapes


def document_id(text: str) -> str:
    """Return the id under which a text is registered."""
    return f"sha256:{sha256(text.encode()).hexdigest()}"


def document_named(name: str) -> str:
    """Return the text of a registered document by the name of its file."""
    return (DOCUMENTS / f"{name}.graphql").read_text("utf-8")


@lru_cache(maxsize=1)
def registered() -> Mapping[str, str]:
    """Return the registered documents: id to text."""
    texts = [path.read_text("utf-8") for path in sorted(DOCUMENTS.glob("*.graphql"))]
    return {document_id(text): text for text in (*texts, *questions(), *TEXTS)}


@lru_cache(maxsize=1)
def registered_texts() -> frozenset[str]:
    """Return the texts of the registered documents."""
    return frozenset(registered().values())
