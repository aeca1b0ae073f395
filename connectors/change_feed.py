"""`ChangeFeedList`: the reader of what a hub of this standard says to have changed, by its cursor.

A page of the feed names items without their content. So each page is three questions: which items
changed, what they are now, and the receipt of the entry that each was stated in; the page is one
document with all three answers as evidence.

- `Window.filters["after"]` is where an earlier reading ended; without it the feed is read from its
  beginning, and then it names everything that stands. The last place is told with each document
  (`again`). What is followed from there is only what changed.
- A hub that was restored does not know the place any more (CURSOR_RESET); one that changed what we
  may read asks for whole owners anew (`resync`). Both are `StartAnewError` while changes are
  followed; a reading from the beginning is what they ask for.
- `Window.filters["proofs"]`: without it no receipt is asked for.
- A hub signs its log once a second. What it has not signed yet is asked for again, `PROOF_TRIES`
  times; then the reading ends with an error and goes on there next time.
- An item that changed and cannot be read any more is told as removed.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from connectors.document import Document, RawRow, State, digest_of
from connectors.errors import PayloadError, SourceUnavailableError, StartAnewError
from connectors.graphql import GraphqlAnswer, ask_graphql, codes_of, graphql_refusal, value_at
from connectors.http.session import HttpSession
from connectors.reader import END, EVERYTHING, Progress, Window

__all__ = ["CHANGED", "REMOVED", "ChangeFeedList"]

CHANGED, REMOVED = "CHANGED", "REMOVED"
WITHHELD = "WITHHELD"
"""State of a receipt that we may not have."""
LOST = frozenset({"CURSOR_RESET", "BAD_CURSOR"})
"""Codes by which a hub says that it cannot go on from a cursor."""
PROOF_TRIES = 6
PROOF_PAUSE_S = 1.0
"""Between two questions for a receipt that is not signed yet."""
WAIT_S_MAX = 15.0
"""Longest pause that a hub may ask for before the next page."""
CURSOR_CHARACTERS_MAX = 1_000


@dataclass(frozen=True, slots=True)
class _Page:
    """One page of the feed as it came."""

    nodes: tuple[Mapping[str, Any], ...]
    cursor: str
    has_more: bool
    wait_s: float


@dataclass(frozen=True, kw_only=True)
class ChangeFeedList:
    """Follows the changes of one record type. Documents are named as the hub registers them."""

    record_type: str
    changes_id: str
    items_id: str
    receipts_id: str
    rows: int = 100
    path: str = "graphql"

    async def read(
        self, session: HttpSession, window: Window = EVERYTHING, state: State | None = None
    ) -> AsyncGenerator[Document, None]:
        """Yield the pages of the feed, after `state`."""
        place = f"{self.path} changes of {self.record_type}"
        asked = f"{self.changes_id} {self.items_id} {sorted(window.filters.items())}"
        progress = Progress(session, place, question=asked, state=state)
        followed = window.filters.get("after")
        while progress.at != END:
            after = followed if progress.at is None else progress.at
            progress.begin_document()
            async with progress.wait():
                answer, page = await self._page(session, after, is_followed=followed is not None)
                rows, raws = await self._rows(session, page, has_proofs="proofs" in window.filters)
                if page.has_more and page.wait_s:
                    await session.pause(min(page.wait_s, WAIT_S_MAX))
            digest = digest_of(b"".join([answer.raw, *raws]))
            at = page.cursor if page.has_more else END
            document = progress.document(f"{place}, page {progress.number}", digest, rows, at)
            yield replace(document, again={"after": page.cursor})

    async def _page(
        self, session: HttpSession, after: str | None, *, is_followed: bool
    ) -> tuple[GraphqlAnswer, _Page]:
        variables = {"types": [self.record_type], "first": self.rows}
        where = f"{self.path} changes"
        answer = await self._ask(
            session, self.changes_id, variables | ({"after": after} if after else {}), where
        )
        found = value_at(answer.data, "changes")
        page = _page_of(session.source, where, found)
        if is_followed and found.get("resync"):
            raise StartAnewError(session.source, f"{where}: what this hub may read has changed")
        if page.has_more and page.cursor == after and not page.wait_s:
            raise PayloadError(session.source, f"{where}: the way on leads back to the same page")
        return answer, page

    async def _rows(
        self, session: HttpSession, page: _Page, *, has_proofs: bool
    ) -> tuple[tuple[RawRow, ...], list[bytes]]:
        """Return the rows of a page, and the raw answers beside the page that they came from."""
        items = {str(each.get("id")): each for each in page.nodes}
        names = [name for name, each in items.items() if each.get("kind") == CHANGED]
        raws: list[bytes] = []
        now: dict[str, Mapping[str, Any]] = {}
        receipts: dict[str, Any] = {}
        if names:
            answer = await self._ask(session, self.items_id, {"ids": names}, f"{self.path} nodes")
            raws.append(answer.raw)
            found = _list_of(session.source, "nodes", answer, len(names))
            now = {n: each for n, each in zip(names, found, strict=True) if isinstance(each, dict)}
        if now and has_proofs:
            entries = [str(value_at(each, "provenance.entryId")) for each in now.values()]
            answer, proofs = await self._receipts(session, entries)
            raws.append(answer.raw)
            receipts = dict(zip(now, proofs, strict=True))
        rows: list[RawRow] = []
        for name, item in items.items():
            if name in now:
                proof = _proof(receipts[name]) if has_proofs else {}
                rows.append({"change": CHANGED, **now[name], **proof})
            else:
                rows.append({"change": REMOVED, "id": name, "key": item.get("key")})
        return tuple(rows), raws

    async def _receipts(
        self, session: HttpSession, entries: Sequence[str]
    ) -> tuple[GraphqlAnswer, list[Any]]:
        """Ask for receipts until the log has signed for all of them."""
        where = f"{self.path} receipts"
        for is_last in [*[False] * (PROOF_TRIES - 1), True]:
            answer = await self._ask(session, self.receipts_id, {"entries": list(entries)}, where)
            proofs = _list_of(session.source, "receipts", answer, len(entries))
            if not any(value_at(each, "state") == "ACCEPTED" for each in proofs):
                return answer, proofs
            if not is_last:
                await session.pause(PROOF_PAUSE_S)
        raise SourceUnavailableError(session.source, f"{where}: its log does not sign what it has")

    async def _ask(
        self, session: HttpSession, document: str, variables: Mapping[str, Any], where: str
    ) -> GraphqlAnswer:
        request = {"documentId": document, "variables": variables}
        answer = await session.again(lambda: ask_graphql(session, self.path, request, where))
        if answer.errors:
            if LOST & set(codes_of(answer.errors)):
                raise StartAnewError(session.source, f"{where}: the hub cannot go on from there")
            raise graphql_refusal(session.source, where, answer.errors)
        return answer


def _proof(receipt: Any) -> dict[str, Any]:
    """Return the members of a row that hold its receipt; its state says whether one came."""
    came = receipt if value_at(receipt, "proof") is not None else None
    return {"receipt": came, "receiptState": value_at(came, "state") or WITHHELD}


def _page_of(source: str, where: str, found: Any) -> _Page:
    page = found if isinstance(found, dict) else {}
    nodes, cursor, more = page.get("nodes"), page.get("endCursor"), page.get("hasMore")
    wait_s = page.get("retryAfterS", 0)
    is_told = isinstance(more, bool) and isinstance(wait_s, int) and wait_s >= 0
    if (
        not isinstance(nodes, list)
        or not all(isinstance(each, dict) for each in nodes)
        or not isinstance(cursor, str)
        or not 0 < len(cursor) <= CURSOR_CHARACTERS_MAX
        or not is_told
    ):
        raise PayloadError(source, f"{where}: is no page of a change feed")
    return _Page(tuple(nodes), cursor, bool(more), float(wait_s))


def _list_of(source: str, name: str, answer: GraphqlAnswer, count: int) -> list[Any]:
    found = value_at(answer.data, name)
    if not isinstance(found, list) or len(found) != count:
        raise PayloadError(source, f"{name}: does not answer for each of {count}")
    return found
