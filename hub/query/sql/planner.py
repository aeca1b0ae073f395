"""`planner`: from a document and its variables to a statement, caching whatever can be used again.

- Cached by document text: the parsed and validated document. Cached by (operation, authority, shape
  of the coerced variables): the statement. Both caches are bounded and drop the oldest first.
- The key holds everything that may decide the text of a statement, and no value of a variable.
- Operations that cannot be compiled are cached as such, so that it is tried once.
- A document belongs to the schema that it was validated against: the same text asked of the plain
  interface and of the subgraph is two documents, planned alike.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLError, GraphQLSchema, OperationDefinitionNode, OperationType
from graphql.execution.values import VariableValues

from hub.errors import ErrorCode
from hub.query.plan.documents import GraphDocument, read_document
from hub.query.plan.errors import NotCompilableError, QueryError
from hub.query.plan.limits import QueryLimits
from hub.query.plan.vocabulary import vocabulary
from hub.query.plan.wording import in_own_words
from hub.query.sql.authorise import Authority
from hub.query.sql.compile import Compiler
from hub.query.sql.compiled import Compiled
from hub.query.sql.model import Interface
from hub.query.sql.streaming import RowStream, row_stream


@dataclass(frozen=True, slots=True)
class Plan:
    """How one request is run. `compiled` is None when graphql-core must execute it."""

    document: GraphDocument
    operation: OperationDefinitionNode
    values: VariableValues
    compiled: Compiled | None


@dataclass(frozen=True, slots=True)
class Asked:
    """An operation with the values of a request, and what of them may shape its statement."""

    operation: OperationDefinitionNode
    values: VariableValues
    shape: tuple[tuple[str, Hashable], ...]


class Planner:
    """Makes and keeps plans for one interface, and for schemas that add to it."""

    def __init__(self, interface: Interface, limits: QueryLimits) -> None:
        self.interface = interface
        self.limits = limits
        self._documents: OrderedDict[tuple[GraphQLSchema, str], GraphDocument] = OrderedDict()
        vocabulary()  # takes a quarter of a second, which the first search shall not wait for

    def known(self, text: str, schema: GraphQLSchema | None = None) -> GraphDocument | None:
        """Return a document that has been read before; without `schema`, of the interface."""
        key = (schema or self.interface.schema, text)
        document = self._documents.get(key)
        if document is not None:
            self._documents.move_to_end(key)
        return document

    def read(self, text: str, schema: GraphQLSchema | None = None) -> GraphDocument:
        """Parse and validate a document; slow for a hostile one, so not for the event loop."""
        return read_document(text, schema or self.interface.schema, self.limits)

    def keep(self, document: GraphDocument) -> GraphDocument:
        """Keep a document for the next request with the same text."""
        self._documents[document.schema, document.text] = document
        if len(self._documents) > self.limits.documents_cached:
            self._documents.popitem(last=False)
        return document

    def interface_of(self, document: GraphDocument) -> Interface:
        """Return the schema of a document, with the model that all of them share."""
        return Interface(document.schema, self.interface.model)

    def plan(
        self,
        document: GraphDocument,
        operation_name: str | None,
        variables: Mapping[str, Any],
        authority: Authority,
        *,
        is_fresh: bool = False,
    ) -> Plan:
        """Return the plan of a request; QueryError for wrong variables or missing scopes."""
        asked = self.read_variables(document, operation_name, variables)
        return self.settle(document, asked, authority, is_fresh=is_fresh)

    def read_variables(
        self, document: GraphDocument, operation_name: str | None, variables: Mapping[str, Any]
    ) -> Asked:
        """Return the values of a request; pure, and slow for many: then not for the event loop."""
        operation = document.operation(operation_name)
        name = operation.name.value if operation.name else None
        values = document.variables[name].read(variables)
        if isinstance(values, list):
            raise QueryError(ErrorCode.BAD_USER_INPUT, *in_own_words(values[0].message))
        shapes = document.shapes[name]
        shape = tuple(
            (key, shapes[key](value)) for key, value in values.coerced.items() if key in shapes
        )
        return Asked(operation, values, shape)

    def settle(
        self, document: GraphDocument, asked: Asked, authority: Authority, *, is_fresh: bool = False
    ) -> Plan:
        """Return the plan for values that were read.

        `is_fresh`: the request may say how fresh its answer must be; its statement then says what
        came of asking sources, and is kept beside the other one.
        """
        operation, values = asked.operation, asked.values
        name = operation.name.value if operation.name else None
        plan_key = (name, authority, asked.shape, is_fresh)
        if plan_key in document.plans:
            return Plan(document, operation, values, document.plans[plan_key])
        compiled = self._compiled(document, operation, values, authority, is_fresh=is_fresh)
        if len(document.plans) >= self.limits.plans_cached:
            document.plans.pop(next(iter(document.plans)))
        document.plans[plan_key] = compiled
        return Plan(document, operation, values, compiled)

    def stream(
        self, document: GraphDocument, variables: Mapping[str, Any], authority: Authority
    ) -> tuple[RowStream, VariableValues]:
        """Return how all rows of a document's one list are read, and the values of the request.

        Nothing of it is kept. QueryError for what cannot be read in this way.
        """
        asked = self.read_variables(document, None, variables)
        compiler = Compiler(
            self.interface, document.fragments, asked.values, authority, self.limits
        )
        try:
            return row_stream(compiler, asked.operation), asked.values
        except NotCompilableError as error:
            raise QueryError(
                ErrorCode.BAD_USER_INPUT,
                f"{error} 不能导出，请去掉",
                f"{error} cannot be exported: leave it out",
            ) from error
        except GraphQLError as error:
            raise QueryError(ErrorCode.BAD_USER_INPUT, *in_own_words(error.message)) from error

    def _compiled(
        self,
        document: GraphDocument,
        operation: OperationDefinitionNode,
        values: VariableValues,
        authority: Authority,
        *,
        is_fresh: bool = False,
    ) -> Compiled | None:
        if operation.operation is not OperationType.QUERY:
            return None
        compiler = Compiler(
            self.interface_of(document),
            document.fragments,
            values,
            authority,
            self.limits,
            is_fresh=is_fresh,
        )
        try:
            return compiler.operation(operation.selection_set)
        except NotCompilableError:
            return None
        except GraphQLError as error:  # a literal that validation does not look into (@oneOf)
            raise QueryError(ErrorCode.BAD_USER_INPUT, *in_own_words(error.message)) from error
