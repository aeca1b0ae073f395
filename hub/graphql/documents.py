"""`documents`: documents that clients register for themselves: judged, looked up, forgotten.

- A document is judged when it is registered: parsed, bounded, validated, and what can be costed
  without its variables is costed. One that could never run is refused with every problem.
- It is judged as the door of gateways would, which takes all that `/graphql` takes and references
  beside: a gateway's document runs there, and at `/graphql` it is told what that door lacks.
- Registering gives no right: scopes, agreements and the cost of a request are looked at as ever.
  The operator need not approve it (decision 0015).
- A worker believes what it knows of a document for `KNOWN_S`: what is removed is unknown everywhere
  within five seconds.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from functools import lru_cache
from time import monotonic
from typing import Any, TypeVar

from graphql import (
    FieldNode,
    GraphQLBoolean,
    GraphQLInt,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    GraphQLString,
    NamedTypeNode,
    OperationDefinitionNode,
    Visitor,
    parse,
    type_from_ast,
    visit,
)

from hub.access.resource import Caller
from hub.access.scopes import Scope
from hub.errors import ErrorCode, RefusedError
from hub.query.plan.documents import GraphDocument, document_id, registered_texts
from hub.query.plan.errors import QueryError
from hub.query.sql.authorise import Authority
from hub.query.sql.planner import Planner
from hub.store.client_documents import document_ids, document_text
from hub.store.database import Database

T = TypeVar("T")

KNOWN_S = 4.0
TEXTS_MAX = 512
"""Documents of clients that a worker keeps, each up to 64 KiB."""
CLIENTS_MAX = 5_000
"""Clients whose ids it keeps, up to 100 each."""
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,63}")
_EVERYTHING = Authority(frozenset(scope.value for scope in Scope), sees_everything=True)
_LEAST: dict[Any, Any] = {GraphQLInt: 1, GraphQLBoolean: False, GraphQLString: "x"}
"""Values of variables that have no default, with which a document costs the least."""


class ClientDocuments:
    """Finds the documents of clients, for one worker.

    Which ids a client has is asked for every few seconds at most, so that ids made up cost nothing;
    the text of an id is always the same.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._ids: OrderedDict[str, tuple[frozenset[str], float]] = OrderedDict()
        self._texts: OrderedDict[str, str] = OrderedDict()

    async def text(self, client_id: str, identifier: str) -> str | None:
        """Return the text of a document of this client, or None."""
        if identifier not in await self._ids_of(client_id):
            return None
        text = self._texts.get(identifier)
        if text is None:
            text = await document_text(self._database, client_id, identifier)
            if text is not None:
                _keep(self._texts, identifier, text, TEXTS_MAX)
        return text

    def forget(self, client_id: str) -> None:
        """Look its ids up anew next time: one was just registered or removed here."""
        self._ids.pop(client_id, None)

    async def _ids_of(self, client_id: str) -> frozenset[str]:
        known, now = self._ids.get(client_id), monotonic()
        if known is None or known[1] < now:
            known = (await document_ids(self._database, client_id), now + KNOWN_S)
            _keep(self._ids, client_id, known, CLIENTS_MAX)
        return known[0]


def _keep(kept: OrderedDict[str, T], key: str, value: T, most: int) -> None:
    """Keep a value and drop the oldest beyond a bound."""
    kept[key] = value
    kept.move_to_end(key)
    if len(kept) > most:
        kept.popitem(last=False)


def registered_for(documents: ClientDocuments) -> Callable[[Caller, str], Awaitable[bool]]:
    """Return what tells whether a caller may run a text: registered, or any by its scope."""

    async def is_registered(caller: Caller, text: str) -> bool:
        if Scope.GRAPHQL_ADHOC.value in caller.scopes or text in registered_texts():
            return True
        if caller.client_id is None:
            return False
        return await documents.text(caller.client_id, document_id(text)) is not None

    return is_registered


def check_name(name: object) -> str | None:
    """Return the name of a document; RefusedError for what is none."""
    if name is None or (isinstance(name, str) and NAME.fullmatch(name)):
        return name
    hint = "name: 1 to 64 letters, digits, _ . - of ASCII."
    hint_zh = "name：1 至 64 个 ASCII 字母、数字或 _ . -。"
    raise RefusedError(ErrorCode.BAD_USER_INPUT, hint=hint, hint_zh=hint_zh)


def judge(planner: Planner, schema: GraphQLSchema, text: object) -> str:
    """Return the id of a document that can run; QueryError with every problem of one that cannot.

    `schema`: that of the door which takes most. It takes long for a hostile one: call it off the
    event loop.
    """
    if not isinstance(text, str):
        raise QueryError(
            ErrorCode.BAD_USER_INPUT,
            "text 应为 GraphQL 查询文本",
            "text: the GraphQL document as a string",
        )
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise QueryError(
            ErrorCode.BAD_USER_INPUT, "text 中有半个字符", "text: half a character"
        ) from error
    if "\0" in text:
        raise QueryError(
            ErrorCode.BAD_USER_INPUT,
            "text 中不能有空字符（U+0000）",
            "text: NUL is no character of a document",
        )
    document = planner.read(text, schema)
    if not document.operations:
        raise QueryError(
            ErrorCode.OPERATION_UNKNOWN, "文本中没有操作", "the document has no operation"
        )
    for name, operation in document.operations.items():
        _cost(planner, document, name, operation)
    return document_id(text)


def is_for_gateways(text: str, plain: GraphQLSchema, subgraph: GraphQLSchema) -> bool:
    """Whether a document that was judged well names what the door of gateways alone has."""
    added = _added(plain, subgraph)
    return any(name in text for name in added) and not added.isdisjoint(_named_in(text))


@lru_cache(maxsize=4)
def _added(plain: GraphQLSchema, subgraph: GraphQLSchema) -> frozenset[str]:
    """Return the types and root fields that a subgraph adds to the plain schema."""
    before, after = plain.query_type, subgraph.query_type
    assert before is not None
    assert after is not None
    fields = after.fields.keys() - before.fields.keys()
    return frozenset(fields | (subgraph.type_map.keys() - plain.type_map.keys()))


@lru_cache(maxsize=TEXTS_MAX)
def _named_in(text: str) -> frozenset[str]:
    """Return the fields and types that a document names; what it calls its own counts for none."""
    names = _Names()
    visit(parse(text), names)
    return frozenset(names.found)


class _Names(Visitor):
    """Collects the names of fields and types."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        self.found.add(node.name.value)

    def enter_named_type(self, node: NamedTypeNode, *_: Any) -> None:
        self.found.add(node.name.value)


def _cost(
    planner: Planner, document: GraphDocument, name: str | None, operation: OperationDefinitionNode
) -> None:
    """Refuse an operation that costs too much whatever its variables are."""
    least, is_guessed = _least(document.schema, operation)
    if least is None:
        return
    try:
        plan = planner.plan(document, name, least, _EVERYTHING)
        cost = 0 if plan.compiled is None else plan.compiled.cost.total(plan.values)
    except QueryError:
        if is_guessed:  # the values may be what is wrong
            return
        raise
    if cost > planner.limits.cost:
        most = planner.limits.cost
        raise QueryError(
            ErrorCode.COST_LIMIT,
            f"{name or '该操作'} 的开销至少为 {cost}，上限为 {most}",
            f"{name or 'it'} costs at least {cost}, at most {most}",
        )


def _least(
    schema: GraphQLSchema, operation: OperationDefinitionNode
) -> tuple[dict[str, Any] | None, bool]:
    """Return values for an operation's variables that cost the least, and if any was made up.

    None where a variable is of a type that has no such value.
    """
    values: dict[str, Any] = {}
    for definition in operation.variable_definitions or ():
        kind = type_from_ast(schema, definition.type)
        if definition.default_value is not None or not isinstance(kind, GraphQLNonNull):
            continue
        inner = kind.of_type
        if isinstance(inner, GraphQLList):
            values[definition.variable.name.value] = []
        elif inner in _LEAST:
            values[definition.variable.name.value] = _LEAST[inner]
        else:
            return None, True
    return values, bool(values)
