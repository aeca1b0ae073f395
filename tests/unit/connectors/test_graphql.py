"""GraphQL lists: pushdown, partial errors, codes, and proofs."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from connectors.document import Document
from connectors.errors import (
    BadRequestError,
    ConnectorError,
    PayloadError,
    SourceRefusedError,
    SourceUnavailableError,
)
from connectors.graphql import GraphqlList
from connectors.http.session import HttpSession
from connectors.limits import Limits
from connectors.paging import Cursor
from connectors.reader import Window

LIST = GraphqlList(
    document="query Rows { … }",
    paging=Cursor(
        cursor="after",
        size="first",
        rows=2,
        at="rows.pageInfo.endCursor",
        more_at="rows.pageInfo.hasNextPage",
    ),
    items_at="rows.nodes",
    total_at="rows.totalCount",
    key=("id",),
    fixed={"filter.kind": "X"},
)
SECRET = "t0ken"
Rows = list[dict[str, Any] | None]


def session(answer: Callable[[dict[str, Any]], Any], status: int = 200) -> HttpSession:
    def handler(request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, json=answer(json.loads(request.content)))

    async def pause(_: float) -> None:
        return None

    client = httpx.AsyncClient(
        transport=httpx.MockTransport(handler), base_url="https://source.test/", trust_env=False
    )
    return HttpSession("source", client, Limits(), pause=pause, chance=lambda: 1.0)


def page(rows: Rows, total: int | None, cursor: str | None, **more: Any) -> dict[str, Any]:
    info = {"hasNextPage": cursor is not None, "endCursor": cursor}
    return {"data": {"rows": {"nodes": rows, "totalCount": total, "pageInfo": info}}, **more}


def paged(asked: dict[str, Any], rows: Rows, errors: Any = None) -> dict[str, Any]:
    start = int(asked["variables"].get("after", 0))
    following = str(start + 2) if start + 2 < len(rows) else None
    answer = page(rows[start : start + 2], len(rows), following)
    return {**answer, "errors": errors} if errors and start == 0 else answer


FIVE: Rows = [{"id": number} for number in range(5)]


async def read(talk: HttpSession, reader: GraphqlList = LIST, **filters: str) -> list[Document]:
    return [each async for each in reader.read(talk, Window(filters=filters))]


async def test_filters_are_pushed_down_as_variables_and_the_list_is_proved() -> None:
    asked: list[dict[str, Any]] = []

    def answer(question: dict[str, Any]) -> Any:
        asked.append(question)
        return paged(question, list(FIVE))

    documents = await read(session(answer), **{"filter.since": "2026-01-01"})
    assert [row["id"] for each in documents for row in each.rows] == [0, 1, 2, 3, 4]
    assert documents[-1].doubt is None
    assert len(asked) == 6, "a list of several pages is read twice"
    assert asked[0] == {
        "query": "query Rows { … }",
        "variables": {"filter": {"kind": "X", "since": "2026-01-01"}, "first": 2},
    }
    assert asked[1]["variables"]["after"] == "2"


async def test_a_registered_document_is_asked_for_by_its_name() -> None:
    asked: list[dict[str, Any]] = []

    def answer(question: dict[str, Any]) -> Any:
        asked.append(question)
        return page([], 0, None)

    reader = GraphqlList(
        document_id="list_rows", paging=LIST.paging, items_at="rows.nodes", key=("id",)
    )
    (document,) = await read(session(answer), reader)
    assert document.rows == ()
    assert asked == [{"documentId": "list_rows", "variables": {"first": 2}}]


async def test_data_with_errors_gives_its_rows_and_a_doubt() -> None:
    errors = [
        {
            "message": f"no {SECRET}",
            "path": ["rows", "nodes", 1, "price"],
            "extensions": {"code": "SCOPE_MISSING"},
        }
    ]
    rows: Rows = [{"id": 0}, None, {"id": 2}]
    documents = await read(session(lambda asked: paged(asked, list(rows), errors)))
    assert [row["id"] for each in documents for row in each.rows] == [0, 2]
    doubt = documents[-1].doubt
    assert doubt is not None
    assert "SCOPE_MISSING at rows.nodes.price; 1 rows are empty" in doubt
    assert SECRET not in doubt


async def test_a_null_row_without_an_error_is_no_list() -> None:
    with pytest.raises(PayloadError, match="list of objects"):
        await read(session(lambda _: page([None], 1, None)))


async def test_a_count_that_does_not_fit_is_a_doubt() -> None:
    documents = await read(session(lambda _: page([{"id": 1}], 2, None)))
    assert documents[-1].doubt == "2 rows were counted, 1 different ones came"


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("UNAUTHENTICATED", SourceRefusedError),
        ("FORBIDDEN", SourceRefusedError),
        ("SCOPE_MISSING", SourceRefusedError),
        ("RATE_LIMITED", SourceUnavailableError),
        ("INTERNAL_SERVER_ERROR", SourceUnavailableError),
        ("TIMEOUT", SourceUnavailableError),
        ("GRAPHQL_VALIDATION_FAILED", BadRequestError),
        (f"{SECRET} !", BadRequestError),
        (None, BadRequestError),
    ],
)
@pytest.mark.parametrize("status", [200, 400])
async def test_errors_without_the_list_are_told_by_their_code(
    code: str | None, error: type[ConnectorError], status: int
) -> None:
    errors = [{"message": SECRET, "extensions": {"code": code}}]
    for answer in ({"data": None, "errors": errors}, {"errors": errors}):
        with pytest.raises(error) as caught:
            await read(session(lambda _, a=answer: a, status))
        assert SECRET not in str(caught.value)
        assert caught.value.hint


@pytest.mark.parametrize(
    "answer",
    [
        {},
        [],
        "text",
        {"data": None},
        {"data": {"rows": None}},
        {"data": {"rows": {"nodes": {}}}},
        {"errors": "no list"},
        {"errors": [], "data": {}},
        {"data": {"rows": {"nodes": [{"id": 1}], "totalCount": 1}}},
        page([{"id": 1}], -1, None),
        {"data": {"rows": {"nodes": [], "totalCount": 0, "pageInfo": {"hasNextPage": "no"}}}},
        page([{"id": 1}], 9, "x" * 5_000),
        page([{"id": 1}], 9, ""),
    ],
)
async def test_what_is_no_list_is_never_taken_for_an_empty_one(answer: Any) -> None:
    with pytest.raises(PayloadError):
        await read(session(lambda _: answer))


async def test_a_cursor_that_leads_back_ends_the_reading() -> None:
    with pytest.raises(PayloadError, match="leads back"):
        await read(session(lambda asked: page([{"id": str(asked)}], 9, "same")))


async def test_a_row_that_goes_while_the_list_is_read_is_noticed() -> None:
    rows: Rows = list(FIVE)

    def answer(asked: dict[str, Any]) -> Any:
        if asked["variables"].get("after") == "2" and len(rows) == 5:
            rows[0:1] = []
            rows.append({"id": 9})
        return paged(asked, rows)

    documents = await read(session(answer))
    assert documents[-1].doubt is not None
