"""`documents`: a document's text, parsed, bounded and validated once.

- Each bound has its own code. Depth is counted through fragments; introspection is left out of it,
  since its standard query is deep and touches no record.
- Registered documents are files of this package; their id is `sha256:` and the hash of the text.
- Explanations never suggest names of fields.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSchema,
    InlineFragmentNode,
    Node,
    OperationDefinitionNode,
    SelectionSetNode,
    parse,
    validate,
)

from hub.errors import ErrorCode
from hub.query.arguments import Shape, shape_of
from hub.query.errors import QueryError
from hub.query.limits import DETAIL_MAX, ERRORS_MAX, QueryLimits

DOCUMENTS = Path(__file__).parent / "documents"
_SUGGESTION = re.compile(r" Did you mean .*", re.DOTALL)
NESTING_MAX = 100
"""Levels that counting goes down; far beyond any allowed depth."""


@dataclass(slots=True)
class Document:
    """A valid document, and the plans made of it."""

    text: str
    ast: DocumentNode
    operations: Mapping[str | None, OperationDefinitionNode]
    fragments: Mapping[str, FragmentDefinitionNode]
    plans: dict[Any, Any] = field(default_factory=dict)
    shapes: dict[str | None, dict[str, Shape]] = field(default_factory=dict)

    def operation(self, name: str | None) -> OperationDefinitionNode:
        """Return the operation of that name, or the only one."""
        if name is None and len(self.operations) == 1:
            return next(iter(self.operations.values()))
        found = self.operations.get(name)
        if found is None or name is None:
            raise QueryError(ErrorCode.OPERATION_UNKNOWN, "name one operation of the document")
        return found


def read_document(text: str, schema: GraphQLSchema, limits: QueryLimits) -> Document:
    """Parse, bound and validate; QueryError with every problem found, up to a bound."""
    if len(text) > limits.document_bytes:
        raise QueryError(ErrorCode.TOO_MANY_TOKENS, f"at most {limits.document_bytes} characters")
    ast = _parsed(text, limits)
    operations: dict[str | None, OperationDefinitionNode] = {}
    fragments: dict[str, FragmentDefinitionNode] = {}
    for definition in ast.definitions:
        if isinstance(definition, OperationDefinitionNode):
            operations[definition.name.value if definition.name else None] = definition
        elif isinstance(definition, FragmentDefinitionNode):
            fragments[definition.name.value] = definition
    _bound(ast, operations, fragments, limits)
    errors = validate(schema, ast, max_errors=ERRORS_MAX, hide_suggestions=True)
    if errors:
        raise _refused(ErrorCode.GRAPHQL_VALIDATION_FAILED, errors)
    document = Document(text, ast, operations, fragments)
    for name, operation in operations.items():
        document.shapes[name] = _shapes(operation, schema)
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
            detail = f"at most {limits.tokens} tokens"
            raise QueryError(ErrorCode.TOO_MANY_TOKENS, detail) from error
        raise _refused(ErrorCode.GRAPHQL_PARSE_FAILED, [error]) from error


def _refused(code: ErrorCode, errors: list[GraphQLError]) -> QueryError:
    made = [
        QueryError(
            code,
            _SUGGESTION.sub("", error.message)[:DETAIL_MAX],
            locations=[(place.line, place.column) for place in error.locations or ()],
        )
        for error in errors
    ]
    made[0].also = tuple(made[1:])
    return made[0]


@dataclass(slots=True)
class _Counts:
    aliases: int = 0
    directives: int = 0


def _bound(
    ast: DocumentNode,
    operations: Mapping[str | None, OperationDefinitionNode],
    fragments: Mapping[str, FragmentDefinitionNode],
    limits: QueryLimits,
) -> None:
    counts = _Counts()
    _count(ast, counts, NESTING_MAX)
    if counts.aliases > limits.aliases:
        raise QueryError(ErrorCode.TOO_MANY_ALIASES, f"at most {limits.aliases} aliases")
    if counts.directives > limits.directives:
        raise QueryError(ErrorCode.TOO_MANY_DIRECTIVES, f"at most {limits.directives} directives")
    if len(fragments) > limits.fragments:
        raise QueryError(ErrorCode.TOO_DEEP, f"at most {limits.fragments} fragments")
    walk = _Walk(fragments, limits.depth + 1)
    for operation in operations.values():
        if walk.depth(operation.selection_set, frozenset(), 0) > limits.depth:
            raise QueryError(ErrorCode.TOO_DEEP, f"at most {limits.depth} levels")
        if walk.width(operation.selection_set, frozenset()) > limits.root_fields:
            detail = f"at most {limits.root_fields} root fields"
            raise QueryError(ErrorCode.TOO_MANY_ROOT_FIELDS, detail)


def _count(node: Node, counts: _Counts, levels: int) -> None:
    if levels == 0:
        raise QueryError(ErrorCode.TOO_DEEP, f"at most {NESTING_MAX} levels of syntax")
    if isinstance(node, FieldNode) and node.alias is not None:
        counts.aliases += 1
    counts.directives += len(getattr(node, "directives", None) or ())
    for key in node.keys:
        value = getattr(node, key, None)
        if isinstance(value, Node):
            _count(value, counts, levels - 1)
        elif isinstance(value, list | tuple):
            for each in value:
                if isinstance(each, Node):
                    _count(each, counts, levels - 1)


class _Walk:
    """Counts through fragments, each of them once on a way and once in all."""

    def __init__(self, fragments: Mapping[str, FragmentDefinitionNode], enough: int) -> None:
        self._fragments = fragments
        self._enough = enough
        self._known: dict[str, int] = {}

    def depth(self, selection: SelectionSetNode | None, seen: frozenset[str], level: int) -> int:
        """Return the levels of fields below a selection; more than enough is not counted on."""
        if selection is None or level > self._enough:
            return 0
        deepest = 0
        for node in selection.selections:
            if isinstance(node, FieldNode):
                below = 0
                if not node.name.value.startswith("__"):
                    below = self.depth(node.selection_set, seen, level + 1)
                found = 1 + below
            elif isinstance(node, FragmentSpreadNode):
                found = self._fragment(node.name.value, seen, level)
            else:
                found = self.depth(getattr(node, "selection_set", None), seen, level)
            deepest = max(deepest, found)
        return deepest

    def _fragment(self, name: str, seen: frozenset[str], level: int) -> int:
        if name in self._known:
            return self._known[name]
        fragment = self._fragments.get(name)
        if fragment is None or name in seen:
            return 0
        # counted from its own level, so that what is kept holds wherever it is spread
        found = self.depth(fragment.selection_set, seen | {name}, 0)
        if not seen:
            self._known[name] = found
        return found

    def width(self, selection: SelectionSetNode, seen: frozenset[str]) -> int:
        """Return the number of root fields, fragments included."""
        total = 0
        for node in selection.selections:
            if isinstance(node, FieldNode):
                total += 1
            elif isinstance(node, FragmentSpreadNode):
                fragment = self._fragments.get(node.name.value)
                if fragment is not None and node.name.value not in seen:
                    total += self.width(fragment.selection_set, seen | {node.name.value})
            elif isinstance(node, InlineFragmentNode):
                total += self.width(node.selection_set, seen)
            if total > self._enough + 1000:
                break
        return total


def _shapes(operation: OperationDefinitionNode, schema: GraphQLSchema) -> dict[str, Shape]:
    from graphql import type_from_ast

    found: dict[str, Shape] = {}
    for definition in operation.variable_definitions or ():
        kind = type_from_ast(schema, definition.type)
        assert kind is not None
        found[definition.variable.name.value] = shape_of(kind)
    return found


def document_id(text: str) -> str:
    """Return the id under which a text is registered."""
    return f"sha256:{sha256(text.encode()).hexdigest()}"


@lru_cache(maxsize=1)
def registered() -> Mapping[str, str]:
    """Return the registered documents: id to text."""
    texts = [path.read_text("utf-8") for path in sorted(DOCUMENTS.glob("*.graphql"))]
    return {document_id(text): text for text in texts}
