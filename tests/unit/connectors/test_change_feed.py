"""The feed of a hub: what is asked, what is waited for, when it is read from the start."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from connectors.change_feed import CHANGED, PROOF_TRIES, REMOVED, ChangeFeedList
from connectors.document import Document
from connectors.errors import PayloadError, SourceUnavailableError, StartAnewError
from connectors.http.session import HttpSession
from connectors.reader import EVERYTHING, Window

FEED = ChangeFeedList(
    record_type="Row", changes_id="changes", items_id="items", receipts_id="proof"
)
PROOFS = Window(filters={"proofs": "yes"})
Answer = Callable[[str, dict[str, Any]], Any]


def page(*nodes: dict[str, Any], **more: Any) -> dict[str, Any]:
    told = {"resync": [], "endCursor": "c1", "hasMore": False, "retryAfterS": 0, **more}
    return {"changes": {"nodes": list(nodes), **told}}


def changed(name: str) -> dict[str, Any]:
    return {"kind": CHANGED, "id": name, "key": f"k-{name}"}


def item(name: str) -> dict[str, Any]:
    return {"id": name, "key": f"k-{name}", "provenance": {"entryId": f"e-{name}"}}


async def read(
    answer: Answer, window: Window = EVERYTHING
) -> tuple[list[Document], list[dict[str, Any]], list[float]]:
    """Return the documents, the questions, and the pauses."""
    questions: list[dict[str, Any]] = []
    pauses: list[float] = []

    def handle(request: httpx.Request) -> httpx.Response:
        asked = json.loads(request.content)
        questions.append(asked)
        told = answer(asked["documentId"], asked["variables"])
        whole = told if "errors" in told else {"data": told}
        return httpx.Response(200, json=whole)

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    transport = httpx.MockTransport(handle)
    async with httpx.AsyncClient(transport=transport, base_url="https://hub.test") as client:
        session = HttpSession("peer", client, pause=pause)
        documents = [each async for each in FEED.read(session, window)]
    return documents, questions, pauses


def plain(document: str, variables: dict[str, Any]) -> Any:
    if document == "changes":
        return page(changed("a"), {"kind": REMOVED, "id": "b", "key": None}, changed("c"))
    if document == "items":
        return {"nodes": [item(name) if name != "c" else None for name in variables["ids"]]}
    return {
        "receipts": [
            {"entryId": entry, "state": "INCLUDED", "proof": "p", "record": "r"}
            for entry in variables["entries"]
        ]
    }


async def test_a_row_is_what_an_item_is_now_and_one_that_cannot_be_read_is_gone() -> None:
    (document,), questions, _ = await read(plain)
    assert document.rows == (
        {"change": CHANGED, **item("a")},
        {"change": REMOVED, "id": "b", "key": None},
        {"change": REMOVED, "id": "c", "key": "k-c"},
    )
    assert document.again == {"after": "c1"}
    assert questions[0]["variables"] == {"types": ["Row"], "first": 100}
    assert [each["documentId"] for each in questions] == ["changes", "items"]


async def test_with_proofs_each_row_has_the_receipt_of_its_entry() -> None:
    (document,), questions, _ = await read(plain, PROOFS)
    assert questions[2]["variables"] == {"entries": ["e-a"]}
    row = document.rows[0]
    assert (row["receiptState"], row["receipt"]["record"]) == ("INCLUDED", "r")


async def test_a_receipt_that_may_not_be_read_is_told_as_withheld() -> None:
    def none(document: str, variables: dict[str, Any]) -> Any:
        given: list[Any] = [{"state": "INCLUDED", "proof": None, "record": None}]
        return {"receipts": given} if document == "proof" else plain(document, variables)

    (document,), _, _ = await read(none, PROOFS)
    assert (document.rows[0]["receiptState"], document.rows[0]["receipt"]) == ("WITHHELD", None)


async def test_what_the_log_has_not_signed_is_waited_for_and_not_for_ever() -> None:
    asked = 0

    def later(document: str, variables: dict[str, Any], signed_at: int) -> Any:
        nonlocal asked
        if document != "proof":
            return plain(document, variables)
        asked += 1
        state = "INCLUDED" if asked >= signed_at else "ACCEPTED"
        return {"receipts": [{"state": state, "proof": "p", "record": "r"}]}

    (document,), _, pauses = await read(lambda *each: later(*each, signed_at=3), PROOFS)
    assert document.rows[0]["receiptState"] == "INCLUDED"
    assert len(pauses) == 2
    asked = 0
    with pytest.raises(SourceUnavailableError, match="does not sign"):
        await read(lambda *each: later(*each, signed_at=PROOF_TRIES + 1), PROOFS)
    assert asked >= PROOF_TRIES


async def test_it_goes_on_from_a_cursor_and_starts_anew_where_the_hub_cannot() -> None:
    after = Window(filters={"after": "c0"})
    _, questions, _ = await read(lambda *_: page(), after)
    assert questions[0]["variables"]["after"] == "c0"
    ended = {"errors": [{"extensions": {"code": "CURSOR_RESET"}}]}
    with pytest.raises(StartAnewError):
        await read(lambda *_: ended, after)
    with pytest.raises(StartAnewError, match="may read"):
        await read(lambda *_: page(resync=["moe:1"]), after)
    (document,), _, _ = await read(lambda *_: page(resync=["moe:1"]))
    assert document.rows == (), "from the beginning everything is read anyway"


async def test_a_pause_that_the_hub_asks_for_is_kept_and_a_circle_is_not_walked() -> None:
    def waiting(_: str, variables: dict[str, Any]) -> Any:
        return page(hasMore="after" not in variables, retryAfterS=9)

    documents, _, pauses = await read(waiting)
    assert (len(documents), pauses) == (2, [9.0])
    with pytest.raises(PayloadError, match="same page"):
        await read(lambda *_: page(hasMore=True))


@pytest.mark.parametrize(
    "flaw",
    [
        {"nodes": None},
        {"nodes": ["x"]},
        {"endCursor": ""},
        {"endCursor": "x" * 2_000},
        {"hasMore": None},
        {"retryAfterS": "soon"},
        {"retryAfterS": -1},
    ],
)
async def test_what_is_no_page_is_an_error(flaw: dict[str, Any]) -> None:
    with pytest.raises(PayloadError, match="no page"):
        await read(lambda *_: {"changes": {**page()["changes"], **flaw}})


async def test_an_answer_for_fewer_than_were_asked_is_an_error() -> None:
    def short(document: str, variables: dict[str, Any]) -> Any:
        return {"nodes": []} if document == "items" else plain(document, variables)

    with pytest.raises(PayloadError, match="each of 2"):
        await read(short)
