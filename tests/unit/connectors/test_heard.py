"""The same questions with the same bytes are the same reading; what came is not asked for twice."""

from dataclasses import replace

import httpx
import pytest

from connectors.http.heard import Heard, HeardExchanges
from connectors.http.question import HttpAnswer, HttpQuestion
from connectors.http.session import HttpSession
from connectors.limits import Limits
from connectors.rest import PagedJson, PageNumber

PAGES = PagedJson(
    path="list",
    paging=PageNumber(page="page", size="size", rows=2),
    items_at="rows",
    total_at="total",
    key=("id",),
)
ANSWER = HttpAnswer(place="list", raw=b"[]", content_type="application/json")


class Shelf:
    """A source that is asked page by page, and notes each question."""

    def __init__(self) -> None:
        self.headers: dict[str, str] = {}
        self.rows = [{"id": number} for number in range(5)]
        self.pages: list[int] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        page, size = (int(request.url.params[name]) for name in ("page", "size"))
        self.pages.append(page)
        part = self.rows[(page - 1) * size : page * size]
        answer = {"total": len(self.rows), "rows": part}
        return httpx.Response(200, json=answer, headers=self.headers)


@pytest.fixture
def shelf():
    return Shelf()


@pytest.fixture
def talk(shelf):
    client = httpx.AsyncClient(
        transport=httpx.MockTransport(shelf), base_url="https://source.test/", trust_env=False
    )
    return HttpSession("source", client, Limits(attempts_max=1))


async def read(talk: HttpSession, heard: HeardExchanges) -> list[object]:
    with talk.hearing(heard):
        return [(page.digest, page.rows, page.doubt) async for page in PAGES.read(talk)]


async def test_every_exchange_of_a_reading_is_noted_in_order(shelf, talk):
    heard = HeardExchanges()
    await read(talk, heard)
    assert shelf.pages == [1, 2, 3, 1, 2, 3]  # the second reading proves the first
    assert [each.question.query["page"] for each in heard.exchanges] == list("123123")
    await talk.get("list", {"page": "1", "size": "2"})
    assert len(heard.exchanges) == 6  # it is over


@pytest.mark.parametrize("changed", range(4))
async def test_what_came_ahead_is_read_and_only_the_rest_is_asked(shelf, talk, changed):
    first = HeardExchanges()
    await read(talk, first)
    shelf.rows[changed]["name"] = "another"
    again = HeardExchanges()
    for each in first.exchanges:
        answer = await talk.ask(each.question)
        again.ahead.append((each.question, answer))
        if not each.is_same(answer):
            break
    ahead = len(again.ahead)
    assert ahead == changed // 2 + 1
    shelf.pages.clear()
    found = await read(talk, again)
    assert shelf.pages == [1, 2, 3, 1, 2, 3][ahead:]
    assert found == await read(talk, HeardExchanges())


async def test_nothing_is_noted_of_a_source_that_sets_a_cookie(shelf, talk):
    shelf.headers["Set-Cookie"] = "a=1"
    heard = HeardExchanges()
    assert await read(talk, heard)
    assert talk.remembers
    assert not heard.exchanges
    talk.forget()
    assert not talk.remembers


async def test_what_came_ahead_of_another_question_is_left_out(shelf, talk):
    heard = HeardExchanges()
    heard.ahead.append((HttpQuestion(path="other"), ANSWER))
    await read(talk, heard)
    assert shelf.pages == [1, 2, 3, 1, 2, 3]


@pytest.mark.parametrize(
    "other", [{"raw": b"[ ]"}, {"content_type": "text/html"}, {"status": 304}], ids=str
)
def test_an_answer_is_the_same_where_it_is_read_the_same(other):
    known = Heard.of(HttpQuestion(path="list"), ANSWER)
    assert known.is_same(replace(ANSWER, entity_tag='"b"'))
    assert not known.is_same(replace(ANSWER, **other))
