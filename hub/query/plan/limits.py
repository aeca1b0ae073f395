"""`limits`: the bounds of a request, each refused with a code of its own.

The cost of a request counts objects: 1 for each object, 0 for a scalar, lists times their `first`
(IBM GraphQL cost specification, with these weights); a plain list of few counts `LIST_COSTED`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class QueryLimits:
    """Bounds that a deployment may set."""

    body_bytes: int = 1024 * 1024
    """Bytes of a request body; mutations carry rows."""
    document_bytes: int = 64 * 1024
    """Bytes of a document sent as text."""
    tokens: int = 1000
    depth: int = 12
    aliases: int = 30
    directives: int = 20
    root_fields: int = 20
    fragments: int = 20
    fields: int = 2000
    """Fields of a document once its fragments are expanded, with spreads and values of arguments.
    One without fragments has fewer than its tokens; twenty whole instruments by key have 1,440."""
    pairs: int = 5000
    """Pairs of fields of one key, or of fragments, that validation compares in a document."""
    page: int = 100
    """Largest `first` or `last`."""
    cost: int = 5000
    """Cost of one request."""
    cost_capacity: int = 50_000
    """Cost that a caller may spend at once …"""
    cost_refill_per_s: float = 2_000.0
    """… and what comes back every second."""
    anonymous_capacity: int = 10_000
    anonymous_refill_per_s: float = 200.0
    """The same for all anonymous callers of one address."""
    statement_s: float = 3.0
    """Time for a statement that is not dear …"""
    dear_statement_s: float = 6.0
    """… and for one that is …"""
    cost_per_s: float = 1_250.0
    """… with one second more for so much of its cost: ten seconds for the dearest."""
    documents_cached: int = 1000
    """Parsed documents that are cached."""
    plans_cached: int = 32
    """Cached plans of one document."""

    def seconds(self, cost: int) -> float:
        """Return how long a statement of a cost may run."""
        if cost < DEAR_COST:
            return self.statement_s
        return self.dear_statement_s + cost / self.cost_per_s


INTROSPECTED_MAX = 20
"""Types that one document may introspect; `__schema` counts as many as all of them."""
INTROSPECTED_BESIDE_MAX = 3
"""Types that are introspected beside other fields, in the event loop."""
INTROSPECTION_COST = 10
"""Cost of one introspected type."""
VARIABLE_VALUES_MAX = 50_000
"""Values in the variables of a request: 500 rows of a mutation with a hundred each."""
VALUES_ON_LOOP_MAX = 1_000
"""Values in variables that are read in the event loop; a thread reads more."""
PLAIN_DEPTH_MAX = 16
"""Objects and lists inside each other in a variable that is read in one walk (`variables`)."""
PAGE_DEFAULT = 20
"""Rows of a connection that states no `first` or `last`."""
LIST_DEFAULT = 50
"""Rows of a plain list that states no `first`."""
LIST_COSTED = 6
"""Rows that a plain list counts as at most: the hours of a week, the offers of an instrument."""
HISTORY_DEFAULT = 10
"""Events in the history of a source that states no `first`."""
NODES_MAX = 100
"""Ids of one `nodes` field."""
REFERENCES_MAX = 1_000
"""References of one `_entities` field: a gateway asks for all rows of a list at once."""
ORDERS_MAX = 5
"""Members of one `orderBy`."""
IN_MAX = 500
"""Members of one `in` list, and of lists of classes or provinces."""
CLASSES_MAX = 20
"""Classes of one filter; each shapes the statement."""
CURSOR_CHARACTERS_MAX = 2000
"""Characters of a cursor."""
AVAILABILITY_DAYS_MAX = 92
"""Days of one window that availability is asked for."""
DEAR_COST = 200
"""From this cost on a statement is dear: it may take seconds, and such statements together leave
connections to others (`hub.store.fair`)."""
AVAILABLE_FILTER_COST = 200
"""Added cost of filtering a search by availability: such a statement is dear, since the calendar
of each candidate is looked at."""
CLAIMS_MAX = 50
"""Claims of one record that are listed."""
CLAIMS_COST = 5
"""Rows that the claims of a record count as."""
AVAILABILITY_COST = 5
"""Cost of the availability of one instrument."""
STATEMENT_MAX = 250_000
"""Characters of a statement; twenty whole instruments by key take 100,000."""
CONCAT_PARTS_MAX = 90
"""Arguments of one concat(); PostgreSQL allows 100 of a function."""
LINES_MAX = 5000
"""Lines of a document: each error about it looks for its place from the start."""
NESTING_MAX = 100
"""Levels of syntax in a document; far beyond any allowed depth."""
DETAIL_MAX = 300
"""Characters of the explanation of an error."""
VALUE_SHOWN_MAX = 60
"""Characters of a refused value that an explanation repeats."""
ERRORS_MAX = 10
"""Errors of one refused document that are listed."""
FACETS_MAX = 5
"""Facets of one field."""
FACET_COST = 100
"""Added cost of counting what matches by the values of one item."""
FACET_VALUES = 20
"""Values of a facet that are listed where the request states no `first`."""
SCAN_COST = 100
"""Added cost of a condition that every row is read for: a part of a text."""
PRICE_ORDER_COST = 1_000
"""Added cost of sorting what matches by what it costs."""
SEARCH_WORDS_MAX = 8
"""Words of one search that are looked up; further ones are ignored."""
SEARCH_PHRASE_MAX = 5
"""Runs of letters that together may be one known word: `transmission electron microscope`."""
SEARCH_NAMES_MAX = 32
"""Other words that stand for one word of a search."""
SEARCH_CLASSES_MAX = 64
"""Classes that contain one word of a search; a word of more classes names none."""
SEARCH_REFERENCES_MAX = 500
"""Institutions that one word of a search finds, whose instruments are found by it."""
TYPED_KEPT = 1_024
"""Searches whose reading is cached."""
STALENESS_DAYS_MAX = 31
"""Days of the longest duration that a request may name."""
DEADLINE = "PT2S"
"""How long sources are waited for where a request does not say."""
DEADLINE_S_MAX = 10.0
"""Longest time that sources may be waited for."""
LIVE_COST = 50
"""Cost of asking one source while the caller waits, however many instruments it is asked about."""
