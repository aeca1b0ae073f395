"""Lists that move while they are read: what is told to be whole is whole (case 01)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.document import Document
from connectors.errors import ConnectorError, PayloadError
from connectors.http.session import HttpSession
from connectors.limits import Limits
from connectors.rest import NextLink, Offset, PagedJson, PageNumber, WholeList
from tests.shared import SHARED

SIZE = 3
LIMITS = Limits(attempts_max=1, pages_max=40)
PAGINGS = {
    "pages": PageNumber(rows=SIZE),
    "offsets": Offset(rows=SIZE),
    "links": NextLink(rows=SIZE),
    "cursors": NextLink(rows=SIZE),
    "whole": WholeList(),
}


class Server:
    """A list that does between two pages what it is told."""

    def __init__(self, kind: str, rows: list[int], deeds: list[tuple[str, int]]) -> None:
        self.kind, self.rows, self.deeds = kind, list(rows), list(deeds)
        self.stood, self.fresh, self.asked = set(rows), 1_000, 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        deed, number = ("none", 0) if self.asked == 0 else self._do()
        self.asked += 1
        query = request.url.params
        if self.kind == "offsets":
            start = int(query["offset"])
        elif self.kind == "cursors":
            after = int(query.get("after", "-1"))
            start = sum(each <= after for each in self.rows)
        else:
            start = (int(query.get("page", "1")) - 1) * SIZE
        if deed == "repeat":
            start = max(start - SIZE, 0)
        part = self.rows if self.kind == "whole" else self.rows[start : start + SIZE]
        if deed == "short":
            part = part[:-1]
        total = len(self.rows) + (number + 1 if deed == "miscount" else 0)
        more = start + SIZE < len(self.rows) and self.kind in ("links", "cursors")
        page = 1 if deed == "loop" else start // SIZE + 2
        goes_on = f"after={max(part, default=0)}" if self.kind == "cursors" else f"page={page}"
        link = f"http://source.test/api/list?{goes_on}&page_size={SIZE}" if more else None
        rows = [{"id": each, "text": f"row {each}"} for each in part]
        body = {"count": total, "next": link, "results": rows}
        return httpx.Response(200, content=json.dumps(body))

    def _do(self) -> tuple[str, int]:
        deed, number = self.deeds.pop(0) if self.deeds else ("none", 0)
        if deed in ("remove", "swap") and self.rows:
            self.stood.discard(self.rows.pop(number % len(self.rows)))
        if deed in ("insert", "swap"):
            self.fresh += 1
            is_keyset = self.kind == "cursors"  # in the order of its keys, so at the end
            at = len(self.rows) if is_keyset else number * 7 % (len(self.rows) + 1)
            self.rows.insert(at, self.fresh)
        if deed == "reorder" and self.kind != "cursors":
            at = number % (len(self.rows) + 1)
            self.rows = [*self.rows[at:], *self.rows[:at]]
        return deed, number


async def read(
    kind: str, server: Callable[[httpx.Request], httpx.Response], *, counts: bool = True
) -> list[Document]:
    client = httpx.AsyncClient(
        transport=httpx.MockTransport(server), base_url="http://source.test/api/", trust_env=False
    )
    total_at = "count" if counts else None
    reader = PagedJson(path="list", paging=PAGINGS[kind], total_at=total_at, key=("id",))
    async with client:
        return [each async for each in reader.read(HttpSession("source", client, LIMITS))]


def ids(documents: list[Document]) -> list[Any]:
    return [row["id"] for document in documents for row in document.rows]


DEEDS = (
    *("none", "insert", "remove", "swap", "reorder", "repeat", "short", "miscount", "loop"),
    *("swap", "none"),
)


@settings(max_examples=400, deadline=None)
@given(
    kind=st.sampled_from(sorted(PAGINGS)),
    count=st.integers(0, 14),
    deeds=st.lists(st.tuples(st.sampled_from(DEEDS), st.integers(0, 20)), max_size=9),
    counts=st.booleans(),
)
async def test_a_list_without_doubt_holds_every_row_that_stood_all_the_time(
    kind: str, count: int, deeds: list[tuple[str, int]], counts: bool
) -> None:
    server = Server(kind, list(range(count)), deeds)
    try:
        documents = await read(kind, server, counts=counts)
    except ConnectorError:
        return
    if documents[-1].doubt is None:
        assert server.stood <= set(ids(documents))
        assert len(ids(documents)) == len(set(ids(documents)))
    else:
        assert len(documents) > 1 or server.asked > 1


@pytest.mark.parametrize("kind", sorted(PAGINGS))
@pytest.mark.parametrize("count", [0, 1, SIZE, SIZE + 1, 3 * SIZE])
async def test_a_list_that_stands_still_and_is_counted_is_whole(kind: str, count: int) -> None:
    documents = await read(kind, Server(kind, list(range(count)), []))
    assert ids(documents) == list(range(count))
    assert [each.doubt for each in documents] == [None] * len(documents)


@pytest.mark.parametrize(
    ("kind", "count", "is_doubted"),
    [
        ("links", SIZE, False),
        ("links", SIZE + 1, True),
        ("pages", 0, False),
        ("pages", SIZE, True),
        ("offsets", SIZE + 1, True),
        ("whole", 3 * SIZE, False),
    ],
)
async def test_pages_that_nobody_counts_are_not_proved_to_be_all(
    kind: str, count: int, is_doubted: bool
) -> None:
    documents = await read(kind, Server(kind, list(range(count)), []), counts=False)
    assert ids(documents) == list(range(count))
    assert bool(documents[-1].doubt) is is_doubted


@pytest.mark.parametrize("kind", ["links", "offsets", "pages"])
@pytest.mark.parametrize(
    ("deed", "says"),
    [
        (("remove", 0), "were counted at first"),
        (("insert", 0), "were counted at first"),
        (("miscount", 4), "were counted at first"),
    ],
)
async def test_a_doubt_says_what_did_not_add_up(
    kind: str, deed: tuple[str, int], says: str
) -> None:
    documents = await read(kind, Server(kind, list(range(2 * SIZE + 2)), [deed]))
    assert says in (documents[-1].doubt or "")


@pytest.mark.parametrize("kind", ["links", "offsets", "pages"])
@pytest.mark.parametrize("gone", range(SIZE))
@pytest.mark.parametrize("page", [1, 2])
async def test_a_row_that_goes_while_another_comes_is_noticed_though_no_count_moves(
    kind: str, gone: int, page: int
) -> None:
    deeds = [("none", 0)] * (page - 1) + [("swap", gone)]
    server = Server(kind, list(range(3 * SIZE)), deeds)
    documents = await read(kind, server)
    passed_over = server.stood - set(ids(documents))
    assert documents[-1].doubt or not passed_over
    assert "read again" in (documents[-1].doubt or "")


async def test_rows_that_went_and_came_between_two_pages_of_a_list_by_cursor_cost_none() -> None:
    server = Server("cursors", list(range(3 * SIZE)), [("swap", 0)])
    documents = await read("cursors", server)
    assert server.stood <= set(ids(documents))


async def test_a_list_that_cannot_be_read_again_is_taken_in_and_proves_nothing() -> None:
    whole = Server("pages", list(range(2 * SIZE)), [])

    def fails_later(request: httpx.Request) -> httpx.Response:
        return whole(request) if whole.asked < 2 else httpx.Response(503)

    documents = await read("pages", fails_later)
    assert ids(documents) == list(range(2 * SIZE))
    assert "could not be read again" in (documents[-1].doubt or "")


async def test_a_link_that_leads_back_is_an_error() -> None:
    server = Server("links", list(range(9)), [("loop", 0)])
    with pytest.raises(PayloadError, match="leads back"):
        await read("links", server)


def case_pages() -> list[Any]:
    """The two readings of the shared case, where it is here."""
    path = SHARED / "cases" / "01-paged-list-short-of-its-count" / "pages.json"
    if not path.exists():
        return []
    pages = json.loads(path.read_text("utf-8"))
    return [(pages["page1"], pages[name]) for name in pages if name != "page1"]


SIBLINGS = [
    ({"count": 8, "ids": [20, 21, 22, 23]}, {"count": 8, "ids": [24, 25, 26]}),
    ({"count": 8, "ids": [20, 21, 22, 23]}, {"count": 8, "ids": [24, 25, 26, 20]}),
    ({"count": 4, "ids": [20, 21, 22, 23]}, {"count": 4, "ids": [24]}),
    ({"count": 6, "ids": [20, 21, 21]}, {"count": 6, "ids": [23, 24, 25]}),
]


@pytest.mark.parametrize("pages", [*case_pages(), *SIBLINGS])
async def test_a_page_that_leaves_one_row_unnamed_is_seen(pages: Any) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        number = int(request.url.params.get("page", "1"))
        page = pages[number - 1]
        link = "http://source.test/api/list?page=2" if number == 1 else None
        rows = [{"id": each} for each in page["ids"]]
        return httpx.Response(200, json={"count": page["count"], "next": link, "results": rows})

    documents = await read("links", answer)
    assert len(documents) == 2
    assert documents[-1].doubt
