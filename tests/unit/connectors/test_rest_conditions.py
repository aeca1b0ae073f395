"""Entity tags, closed windows of time, cursors, and a key in the address."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from connectors.document import Document
from connectors.errors import ConnectorError, PayloadError
from connectors.http.credentials import QueryKey
from connectors.http.session import HttpSession
from connectors.http.transport import open_client
from connectors.limits import Limits
from connectors.reader import Window
from connectors.rest import Cursor, NextLink, PagedJson, PageNumber, TimeSlices, WholeList
from schema.dates import SHANGHAI

LIMITS = Limits(attempts_max=1)
KEY = "k3y+of the/source"
Handler = Callable[[httpx.Request], httpx.Response]


def session(handler: Handler) -> HttpSession:
    client = httpx.AsyncClient(
        transport=httpx.MockTransport(handler), base_url="https://source.test/api/", trust_env=False
    )
    return HttpSession("source", client, LIMITS)


async def read(
    reader: PagedJson, talk: HttpSession, window: Window | None = None, state: Any = None
) -> list[Document]:
    return [each async for each in reader.read(talk, window or Window(), state)]


class Tagged:
    """A list with an entity tag, as RFC 9110 says."""

    def __init__(self, tag: str = '"v1"') -> None:
        self.tag, self.rows = tag, [{"id": 1}]
        self.asked: list[tuple[str, int]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        condition = request.headers.get("if-none-match", "")
        headers = {"etag": self.tag} if self.tag else {}
        if condition and condition == self.tag:
            self.asked.append((condition, 304))
            return httpx.Response(304, headers=headers)
        self.asked.append((condition, 200))
        return httpx.Response(200, headers=headers, json={"results": self.rows})


WHOLE = PagedJson(path="list", paging=WholeList())


@pytest.mark.parametrize("tag", ['"v1"', 'W/"v1"', '""'])
async def test_an_unchanged_list_costs_one_304_and_is_whole(tag: str) -> None:
    source = Tagged(tag)
    (first,) = await read(WHOLE, session(source))
    assert first.again is not None
    (same,) = await read(WHOLE, session(source), state=first.again)
    assert (same.is_unchanged, same.rows, same.doubt) == (True, (), None)
    (still,) = await read(WHOLE, session(source), state=same.again)
    assert still.is_unchanged
    assert source.asked == [("", 200), (tag, 304), (tag, 304)]


async def test_a_changed_list_comes_whole_with_its_new_tag() -> None:
    source = Tagged()
    (first,) = await read(WHOLE, session(source))
    source.tag, source.rows = '"v2"', [{"id": 2}]
    (changed,) = await read(WHOLE, session(source), state=first.again)
    assert (changed.is_unchanged, changed.rows) == (False, ({"id": 2},))
    assert changed.doubt is None
    assert changed.again != first.again


STOOD = "Tue, 24 Nov 2026 02:00:00 GMT"


def dated(modified: str, date: str, asked: list[str]) -> Handler:
    """A list without a tag that says when it last changed."""

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers.get("if-modified-since", ""))
        headers = {"last-modified": modified, "date": date}
        if asked[-1] == modified:
            return httpx.Response(304, headers=headers)
        return httpx.Response(200, headers=headers, json={"results": [{"id": 1}]})

    return handler


async def test_a_list_that_says_when_it_changed_is_asked_for_since_then() -> None:
    asked: list[str] = []
    talk = session(dated(STOOD, "Tue, 24 Nov 2026 02:01:00 GMT", asked))
    (first,) = await read(WHOLE, talk)
    (same,) = await read(WHOLE, talk, state=first.again)
    assert (same.is_unchanged, asked) == (True, ["", STOOD])


@pytest.mark.parametrize(
    ("modified", "date"),
    [
        (STOOD, "Tue, 24 Nov 2026 02:00:59 GMT"),
        (STOOD, "Mon, 23 Nov 2026 02:00:00 GMT"),
        (STOOD, ""),
        ("yesterday", "Tue, 24 Nov 2026 02:01:00 GMT"),
        ("2026-11-24T02:00:00Z", "Tue, 24 Nov 2026 02:01:00 GMT"),
    ],
    ids=["changed a moment ago", "changes tomorrow", "no date", "no moment", "another form"],
)
async def test_a_moment_that_may_name_two_states_is_never_sent_back(
    modified: str, date: str
) -> None:
    (first,) = await read(WHOLE, session(dated(modified, date, [])))
    assert first.again is None


async def test_a_tag_is_good_for_its_own_question_only() -> None:
    source = Tagged()
    (first,) = await read(WHOLE, session(source))
    await read(WHOLE, session(source), Window(filters={"of": "2027"}), first.again)
    assert source.asked == [("", 200), ("", 200)]


@pytest.mark.parametrize("tag", ["", "no quotes", '"a"b"', '"' + "x" * 300 + '"'])
async def test_what_is_no_entity_tag_is_never_sent_back(tag: str) -> None:
    source = Tagged(tag)
    (first,) = await read(WHOLE, session(source))
    assert first.again is None


async def test_the_tag_of_a_page_says_nothing_of_the_others() -> None:
    source = Tagged()
    reader = PagedJson(path="list", paging=NextLink(), items_at="results")

    def handler(request: httpx.Request) -> httpx.Response:
        answer = source(request)
        return httpx.Response(
            200, headers=answer.headers, json={"results": [{"id": 1}], "next": None}
        )

    assert [each.again for each in await read(reader, session(handler))] == [None]


async def test_a_304_that_nobody_asked_for_is_no_list() -> None:
    with pytest.raises(PayloadError):
        await read(WHOLE, session(lambda _: httpx.Response(304)))


# Closed windows of time

MONDAY = datetime(2026, 11, 22, 16, tzinfo=UTC)
MONTH = Window(since=MONDAY, until=MONDAY + timedelta(days=17))
SLICES = PagedJson(
    path="bookings",
    paging=TimeSlices(since="begin", until="end", form="%Y-%m-%d %H:%M:%S", zone=SHANGHAI),
    items_at="rows",
    total_at="total",
    key=("id",),
)


class Bookings:
    """Bookings by day of the window; one spans two weeks."""

    def __init__(self) -> None:
        self.days = {1: 1, 5: 6, 6: 9, 16: 16}  # day of begin: day of end
        self.asked: list[tuple[str, str]] = []
        self.lie = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        begin, end = (request.url.params[name] for name in ("begin", "end"))
        self.asked.append((begin, end))
        first, last = (
            (datetime.fromisoformat(each).replace(tzinfo=SHANGHAI) - MONDAY).days
            for each in (begin, end)
        )
        rows = [{"id": day} for day, until in self.days.items() if day < last and until >= first]
        return httpx.Response(200, json={"rows": rows, "total": len(rows) + self.lie})


async def test_a_window_is_asked_for_in_closed_slices_and_proved() -> None:
    source = Bookings()
    documents = await read(SLICES, session(source), MONTH)
    assert source.asked[:3] == [
        ("2026-11-23 00:00:00", "2026-11-30 00:00:00"),
        ("2026-11-30 00:00:00", "2026-12-07 00:00:00"),
        ("2026-12-07 00:00:00", "2026-12-10 00:00:00"),
    ]
    assert source.asked[3:] == source.asked[:3], "asked for once more, which proves them"
    assert [row["id"] for each in documents for row in each.rows] == [1, 5, 6, 6, 16]
    assert documents[-1].doubt is None
    assert await read(SLICES, session(source), MONTH, documents[-1].state) == []


async def test_a_booking_that_moves_into_a_slice_that_was_read_is_noticed() -> None:
    source = Bookings()

    def handler(request: httpx.Request) -> httpx.Response:
        answer = source(request)
        if len(source.asked) == 1:
            source.days[2] = source.days.pop(16) - 14
        return answer

    documents = await read(SLICES, session(handler), MONTH)
    assert documents[-1].doubt is not None
    assert "slice 1" in documents[-1].doubt


async def test_a_slice_that_is_short_of_its_count_is_a_doubt() -> None:
    source = Bookings()
    source.lie = 1
    documents = await read(SLICES, session(source), MONTH)
    assert documents[-1].doubt == "slice 1 counts 4 rows, 3 came"


async def test_a_source_that_ignores_the_window_is_a_doubt() -> None:
    answer = {"rows": [{"id": 1}], "total": 1}
    documents = await read(SLICES, session(lambda _: httpx.Response(200, json=answer)), MONTH)
    assert documents[-1].doubt == "slice 2 equals the one before it"


# Cursors

CURSORS = PagedJson(path="list", paging=Cursor(rows=2), total_at="total", key=("id",))


async def test_a_list_by_cursor_is_proved_by_count_and_second_reading() -> None:
    rows = [{"id": number} for number in range(5)]

    def handler(request: httpx.Request) -> httpx.Response:
        start = int(request.url.params.get("cursor", 0))
        following = start + 2 if start + 2 < len(rows) else None
        part = rows[start : start + 2]
        return httpx.Response(
            200, json={"results": part, "total": len(rows), "next_cursor": following}
        )

    documents = await read(CURSORS, session(handler))
    assert [row["id"] for each in documents for row in each.rows] == [0, 1, 2, 3, 4]
    assert documents[-1].doubt is None
    uncounted = PagedJson(path="list", paging=Cursor(rows=2), key=("id",))
    assert (await read(uncounted, session(handler)))[-1].doubt is not None


# A key in the address


async def over_the_wire(
    reader: PagedJson, answer: bytes, raw_server: Any
) -> tuple[list[Document], list[str]]:
    async def script(peer: Any) -> None:
        while True:
            await peer.request()
            await peer.ok(answer)

    async with raw_server(script) as server:
        auth = QueryKey("api_key", KEY)
        async with open_client(f"{server.url}/base/", limits=LIMITS, auth=auth) as client:
            talk = HttpSession("source", client, LIMITS)
            try:
                return await read(reader, talk), server.requests
            except ConnectorError as error:
                assert KEY not in str(error)
                assert "k3y" not in str(error)
                raise


async def test_a_key_in_the_address_leaves_and_stands_in_no_message_and_no_log(
    raw_server: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        reader = PagedJson(path="list", paging=PageNumber(rows=1), total_at="total")
        documents, asked = await over_the_wire(reader, b'{"results": [], "total": 0}', raw_server)
        assert asked == [
            "GET /base/list?page=1&page_size=1&api_key=k3y%2Bof%20the%2Fsource HTTP/1.1"
        ]
        assert "k3y" not in documents[0].place
        with pytest.raises(PayloadError):
            await over_the_wire(reader, b"{", raw_server)
    assert "k3y" not in caplog.text


async def test_a_next_link_that_repeats_the_key_is_kept_without_it(raw_server: Any) -> None:
    link = b"http://x.test/base/list?api_key=k3y%2Bof%20the%2Fsource&page=2"
    answer = b'{"results": [{"id": 1}], "next": "%b"}' % link
    reader = PagedJson(path="list", paging=NextLink(rows=1))
    with pytest.raises(PayloadError, match=r"equals the page before|leads back") as caught:
        await over_the_wire(reader, answer, raw_server)
    assert "k3y" not in str(caught.value)


async def test_a_state_holds_no_key(raw_server: Any) -> None:
    link = b"http://x.test/base/list?api_key=k3y%2Bof%20the%2Fsource&page=2"
    answer = b'{"results": [{"id": 1}], "next": "%b"}' % link

    async def script(peer: Any) -> None:
        await peer.request()
        await peer.ok(answer)

    async with raw_server(script) as server:
        auth = QueryKey("api_key", KEY)
        async with open_client(server.url, limits=LIMITS, auth=auth) as client:
            talk = HttpSession("source", client, LIMITS)
            reading = PagedJson(path="base/list", paging=NextLink(rows=1)).read(talk)
            document = await anext(reading)
            await reading.aclose()
    assert "k3y" not in str(document.state)
    assert "page=2" in str(document.state)
