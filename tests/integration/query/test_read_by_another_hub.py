"""Another hub reads this one, which runs as a process of its own, with the reader of GraphQL."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from connectors.document import Document
from connectors.errors import BadRequestError, SourceRefusedError
from connectors.graphql import GraphqlList
from connectors.http.session import HttpSession
from connectors.http.transport import open_client
from connectors.limits import Limits
from connectors.paging import Cursor
from hub.query.plan.documents import DOCUMENTS, document_id
from tests.running_hub import running_hub

pytestmark = pytest.mark.integration

SEARCH = document_id((DOCUMENTS / "search_instruments.graphql").read_text("utf-8"))

PAGES = Cursor(
    cursor="after",
    size="first",
    rows=2,
    at="instruments.pageInfo.endCursor",
    more_at="instruments.pageInfo.hasNextPage",
)


def list_of(document: str, text: str = "", **variables: str) -> GraphqlList:
    return GraphqlList(
        document_id=document,
        document=text,
        paging=PAGES,
        items_at="instruments.edges",
        total_at="instruments.totalCount",
        fixed=variables,
    )


async def read(base: str, reader: GraphqlList) -> list[Document]:
    async with open_client(f"{base}/", limits=Limits()) as client:
        return [each async for each in reader.read(HttpSession("peer", client, Limits()))]


def test_a_list_of_another_hub_is_read_by_cursor_and_proved(
    database_url: str, tmp_path: Path
) -> None:
    with running_hub(database_url, tmp_path) as base:
        documents = asyncio.run(read(base, list_of(SEARCH, search="TEM")))
        keys = [row["node"]["key"] for each in documents for row in each.rows]
        assert len(documents) > 1
        assert len(keys) == len(set(keys)) > 2
        assert documents[-1].doubt is None
        with pytest.raises(BadRequestError, match="DOCUMENT_UNKNOWN"):
            asyncio.run(read(base, list_of("no_such_document")))
        with pytest.raises(SourceRefusedError, match="403"):  # strangers have no documents
            asyncio.run(read(base, list_of("", text="{ instruments { totalCount } }")))
