"""The contract every reader keeps (`connectors.reader`); a new one is an entry of `DOUBLES`."""

from __future__ import annotations

import asyncio
import doctest
import importlib
import inspect
import json
import logging
import pkgutil
import traceback
from collections.abc import AsyncIterator, Generator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

import connectors
from connectors import reader as protocol
from connectors.document import Document
from connectors.errors import ConnectorError, PayloadError, SlowError
from connectors.limits import Limits
from connectors.reader import EVERYTHING, STATE_BYTES_MAX, Window
from tests.contract.plays import (
    FAULTY,
    PAGE,
    ROWS,
    SECRETS,
    WAIT_S_MAX,
    Double,
    Play,
    digest,
)
from tests.contract.reader_doubles import DOUBLES

LIMITS = Limits(attempts_max=1, connections_max=1, read_s=WAIT_S_MAX, response_bytes_max=50_000)
SUSPENSIONS_MAX = 200
"""Waits of one reading that a cancellation is tried at; a double has far fewer."""
every_double = pytest.mark.parametrize("double", DOUBLES, ids=str)
every_seeing_double = pytest.mark.parametrize(
    "double", [each for each in DOUBLES if each.is_move_seen], ids=str
)
"""Others cannot see it; for the hub a reading that went on is never whole."""
every_long_double = pytest.mark.parametrize(
    "double", [each for each in DOUBLES if each.documents > 1], ids=str
)


@asynccontextmanager
async def served(
    double: Double, folder: Path, limits: Limits = LIMITS, play: Play | None = None
) -> AsyncIterator[tuple[Any, Play]]:
    """Open a session of a source that plays."""
    playing = play or Play()
    async with (
        asyncio.timeout(WAIT_S_MAX),
        double.open(playing, folder) as open_session,
        open_session(playing, limits) as session,
    ):
        yield session, playing


async def documents_of(
    double: Double, session: Any, state: Any = None, *, count: int | None = None
) -> list[Document]:
    """Read to the end, or until so many documents have come."""
    documents: list[Document] = []
    if count == 0:
        return documents
    async with aclosing(double.reader.read(session, EVERYTHING, state)) as reading:
        async for document in reading:
            documents.append(document)
            if len(documents) == count:
                break
    return documents


def texts(double: Double, documents: list[Document]) -> list[str]:
    return [double.text(row) for document in documents for row in document.rows]


def travelled(state: Any) -> Any:
    """What of a state comes back from where it was kept."""
    text = json.dumps(state)
    assert len(text) <= STATE_BYTES_MAX
    return json.loads(text)


def test_every_reader_of_the_connectors_has_a_double() -> None:
    readers = set()
    for module in pkgutil.walk_packages(connectors.__path__, "connectors."):
        for _, cls in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            read = getattr(cls, "read", None)
            if inspect.isasyncgenfunction(read):
                parameters = list(inspect.signature(read).parameters)
                assert parameters == ["self", "session", "window", "state"]
                readers.add(cls)
    assert readers == {type(double.reader) for double in DOUBLES}


def test_the_example_of_the_protocol_does_what_it_says() -> None:
    outcome = doctest.testmod(protocol)
    assert outcome.attempted >= 5
    assert outcome.failed == 0


@every_double
async def test_a_list_comes_whole_with_the_digest_of_what_came(
    double: Double, tmp_path: Path
) -> None:
    async with served(double, tmp_path) as (session, play):
        documents = await documents_of(double, session)
    assert texts(double, documents) == list(ROWS)
    assert len(documents) >= double.documents
    assert [each.number for each in documents] == list(range(1, len(documents) + 1))
    assert [each.digest for each in documents] == [
        digest(raw) for raw in play.sent[: len(documents)]
    ]
    positions = [each.first_row + at for each in documents for at in range(len(each.rows))]
    assert positions == list(range(1, len(ROWS) + 1))


@every_double
async def test_an_empty_list_is_one_document_without_rows(double: Double, tmp_path: Path) -> None:
    async with served(double, tmp_path, play=Play(rows=())) as (session, play):
        (document,) = await documents_of(double, session)
        assert document.rows == ()
        assert document.digest == digest(play.sent[0])
        assert await documents_of(double, session, travelled(document.state)) == []


@every_double
async def test_cut_after_any_document_it_goes_on_without_loss_and_repetition(
    double: Double, tmp_path: Path
) -> None:
    async with served(double, tmp_path) as (session, _):
        whole = await documents_of(double, session)
    for count in range(1, len(whole) + 1):
        async with served(double, tmp_path) as (session, _):
            before = await documents_of(double, session, count=count)
        async with served(double, tmp_path) as (session, _):
            after = await documents_of(double, session, travelled(before[-1].state))
        assert texts(double, before + after) == list(ROWS)
        assert [each.number for each in before + after] == [each.number for each in whole]
        assert [each.first_row for each in before + after] == [each.first_row for each in whole]


@every_seeing_double
async def test_a_list_that_moved_meanwhile_is_not_gone_on_with(
    double: Double, tmp_path: Path
) -> None:
    async with served(double, tmp_path) as (session, _):
        (first,) = await documents_of(double, session, count=1)
    for rows in (ROWS[1:], (*ROWS, "one more")):
        async with served(double, tmp_path, play=Play(rows=rows)) as (session, _):
            with pytest.raises(PayloadError):
                await documents_of(double, session, travelled(first.state))


@every_double
async def test_a_state_of_another_question_is_refused(double: Double, tmp_path: Path) -> None:
    async with served(double, tmp_path) as (session, _):
        (first,) = await documents_of(double, session, count=1)
        state = {**travelled(first.state), "question": "another"}
        with pytest.raises(PayloadError):
            await documents_of(double, session, state)


async def test_a_state_is_not_good_for_another_window(tmp_path: Path) -> None:
    double = DOUBLES[0]
    async with served(double, tmp_path) as (session, _):
        (first,) = await documents_of(double, session, count=1)
        other = double.reader.read(session, Window(filters={"of": "2027"}), first.state)
        with pytest.raises(PayloadError):
            await anext(other)


@every_double
@pytest.mark.parametrize("bound", ["rows", "documents", "bytes", "time"])
async def test_it_ends_at_every_bound_of_its_session(
    double: Double, tmp_path: Path, bound: str
) -> None:
    limits = {
        "rows": Limits(rows_max=PAGE + 1),
        "documents": Limits(pages_max=double.documents - 1),
        "bytes": Limits(**{double.bytes_limit: 20}),  # type: ignore[arg-type]
        "time": Limits(reading_s=0),
    }[bound]
    documents = []
    async with served(double, tmp_path, limits) as (session, _):
        with pytest.raises(SlowError if bound == "time" else PayloadError):
            async for document in double.reader.read(session):
                documents.append(document)  # noqa: PERF401 - those before the error count
    assert len(texts(double, documents)) < len(ROWS)


@every_long_double
async def test_bounds_count_on_where_a_reading_goes_on(double: Double, tmp_path: Path) -> None:
    for limits in (Limits(rows_max=len(ROWS) - 1), Limits(pages_max=double.documents - 1)):
        async with served(double, tmp_path, limits) as (session, _):
            before = await documents_of(double, session, count=FAULTY - 1)
            with pytest.raises(PayloadError):
                await documents_of(double, session, travelled(before[-1].state))


FAULTS = [(double, fault) for double in DOUBLES for fault in double.faults]
every_fault = pytest.mark.parametrize(
    ("double", "fault"), FAULTS, ids=[f"{double}-{fault}" for double, fault in FAULTS]
)


async def spoiled(
    double: Double, folder: Path, fault: str
) -> tuple[list[Document], ConnectorError]:
    """Read a list with a fault; return what came before the error, and the error."""
    documents = []
    limits = LIMITS
    if "silent" in fault:
        limits = Limits(attempts_max=1, reading_s=0.2)
    async with served(double, folder, limits, Play(fault=fault)) as (session, _):
        reading = double.reader.read(session)
        with pytest.raises(ConnectorError) as caught:
            async for document in reading:
                documents.append(document)  # noqa: PERF401 - those before the error count
        with pytest.raises(StopAsyncIteration):
            await anext(reading)
    return documents, caught.value


@every_fault
async def test_after_an_error_nothing_follows_and_before_it_nothing_is_wrong(
    double: Double, fault: str, tmp_path: Path
) -> None:
    documents, error = await spoiled(double, tmp_path, fault)
    before = texts(double, documents)
    assert before == list(ROWS)[: len(before)]
    assert len(before) < len(ROWS)
    assert error.source
    assert error.hint


@every_fault
async def test_no_secret_of_the_session_stands_in_an_error_or_in_the_log(
    double: Double, fault: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        documents, error = await spoiled(double, tmp_path, fault)
    said = "".join(traceback.format_exception(error)) + repr(error) + error.hint + error.detail
    said += "".join(document.place for document in documents)
    said += "".join(json.dumps(document.state) for document in documents)
    for secret in SECRETS:
        assert secret not in said
        assert secret not in caplog.text


class Cancelling:
    """Runs a coroutine, and cancels its task when it waits for the n-th time."""

    def __init__(self, work: Any, suspension: int) -> None:
        self._work = work
        self._left = suspension
        self.is_cancelled = False

    def __await__(self) -> Generator[Any, Any, Any]:
        steps = self._work.__await__()
        answer: Any = None
        error: BaseException | None = None
        while True:
            try:
                waited = steps.send(answer) if error is None else steps.throw(error)
            except StopIteration as stop:
                return stop.value
            answer = error = None
            self._left -= 1
            if self._left == 0:
                task = asyncio.current_task()
                assert task is not None
                self.is_cancelled = task.cancel()
            try:
                answer = yield waited
            except BaseException as thrown:  # noqa: BLE001 - it belongs to the coroutine
                error = thrown


def descriptors() -> list[str]:
    """What this process has open, but for what the test keeps itself."""
    opened = []
    for path in Path("/proc/self/fd").iterdir():
        try:
            opened.append(str(path.readlink()))
        except FileNotFoundError:  # the listing's own
            continue
    return sorted(name for name in opened if name.startswith("socket:") or "pytest-" in name)


@every_double
async def test_cancelled_wherever_it_waits_it_leaves_nothing_open(
    double: Double, tmp_path: Path
) -> None:
    cancelled = 0
    for suspension in range(1, SUSPENSIONS_MAX):
        async with served(double, tmp_path) as (session, play):

            async def read(session: Any = session) -> list[Document]:
                return await documents_of(double, session)

            before = descriptors()
            work = Cancelling(read(), suspension)

            async def run(work: Cancelling = work) -> Any:
                return await work

            task = asyncio.create_task(run())
            await asyncio.wait([task])
            if not work.is_cancelled:
                assert texts(double, task.result()) == list(ROWS)
                break
            assert task.cancelled()
            cancelled += 1
            # The only connection was given back or closed: the next reading has it.
            play.sent.clear()
            assert texts(double, await documents_of(double, session)) == list(ROWS)
            await until_one_is_left(play)
        await until_closed(set(before))
    else:
        pytest.fail("it waits more often than is tried")
    assert cancelled >= 2


async def until_closed(before: set[str]) -> None:
    """Wait until nothing is open that was not before: a loop closes sockets at its next turn."""
    async with asyncio.timeout(WAIT_S_MAX):
        while set(descriptors()) - before:
            await asyncio.sleep(0)


async def until_one_is_left(play: Play) -> None:
    """Wait until the other side has seen the end of all connections but the one that is kept."""
    async with asyncio.timeout(WAIT_S_MAX):
        while play.connections > 1:
            await asyncio.sleep(0)
