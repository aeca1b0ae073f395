"""Callers who do not mean well, and callers who are only too many."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from random import Random
from typing import Any

import httpx

from hub.client import CallRefusedError, ClientError, HubClient

QUESTIONS = (
    "{ instruments(first: 50) { totalCount nodes { localNo status model } } }",
    '{ instruments(first: 20, search: "电子显微镜") { nodes { localNo status model } } }',
    "{ instruments(first: 50, orderBy: [NAME_DESC]) { nodes { localNo status model } } }",
)
PATHS = ("/log/checkpoint", "/log/policy", "/healthz", "/log/vkey", "/nowhere")
BUSY = (429, 503)
"""What a hub may say when it has no room for one more."""
REQUEST_S = 30.0
PAUSE_S = 0.05


async def slow_clients(ports: list[int], number: int, stop: asyncio.Event) -> Counter[str]:
    """Hold connections of four kinds open until told to stop; return how they ended."""
    ended: Counter[str] = Counter()

    async def one(at: int) -> None:
        kind = at % 4
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", ports[at % len(ports)])
        except OSError:
            ended["not let in"] += 1
            return
        try:
            await _hold(kind, reader, writer, stop)
            ended["held"] += 1
        except (OSError, EOFError):
            ended["turned out"] += 1
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async with asyncio.TaskGroup() as group:
        for at in range(number):
            group.create_task(one(at))
    return ended


async def _hold(
    kind: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, stop: asyncio.Event
) -> None:
    head = b"POST /graphql HTTP/1.1\r\nHost: hub\r\nContent-Type: application/json\r\n"
    if kind == 1:  # begins and never goes on
        writer.write(head)
    elif kind == 2:  # promises a body
        writer.write(head + b"Content-Length: 100000\r\n\r\n{")
    elif kind == 3:  # asks for much and reads nothing
        writer.write(b"GET /log/policy HTTP/1.1\r\nHost: hub\r\n\r\n" * 200)
    while not stop.is_set():
        if kind == 1:
            writer.write(b"X-Slow: 1\r\n")
        elif kind == 2:
            writer.write(b" ")
        await writer.drain() if kind != 3 else None
        if reader.at_eof():
            raise EOFError
        with suppress(TimeoutError):
            async with asyncio.timeout(0.5):
                await stop.wait()


async def readers(
    asker: HubClient, base: str, number: int, random: Random, stop: asyncio.Event
) -> tuple[Counter[str], list[str]]:
    """Ask without a pause until told to stop; return how they were answered, and all that is wrong.

    Four of five are a known caller, the others nobody.
    """
    answers: Counter[str] = Counter()
    wrong: list[str] = []

    def note(answer: str, fault: str | None) -> None:
        answers[answer] += 1
        if fault:
            wrong.append(fault)

    async def known() -> None:
        while not stop.is_set():
            note(*await _asked(asker, random.choice(QUESTIONS)))

    async def stranger(http: httpx.AsyncClient) -> None:
        while not stop.is_set():
            note(*await _fetched(http, random.choice(PATHS)))

    async with (
        httpx.AsyncClient(base_url=base, timeout=REQUEST_S) as http,
        asyncio.TaskGroup() as group,
    ):
        for at in range(number):
            group.create_task(stranger(http) if at % 5 == 4 else known())
    return answers, wrong


async def _asked(asker: HubClient, question: str) -> tuple[str, str | None]:
    try:
        answer = await asker.query(question)
    except CallRefusedError as error:
        await asyncio.sleep(PAUSE_S)
        is_busy = error.status in (401, *BUSY)
        return str(error.status), None if is_busy else f"{question}: {error}"
    except ClientError as error:
        await asyncio.sleep(PAUSE_S)
        return error.code, None
    if answer.get("errors"):
        told = answer["errors"][0].get("extensions", {})
        is_busy = told.get("retryable") is True
        return told.get("code", ""), None if is_busy else f"{question}: {answer['errors']}"[:300]
    return "200", _lie(question, answer)


async def _fetched(http: httpx.AsyncClient, path: str) -> tuple[str, str | None]:
    try:
        answer = await http.get(path)
    except httpx.HTTPError as error:
        await asyncio.sleep(PAUSE_S)
        return type(error).__name__, None
    status = answer.status_code
    is_right = status in BUSY or status == (404 if path == "/nowhere" else 200)
    return str(status), None if is_right else f"{path}: {status} {answer.text[:200]}"


def _lie(question: str, answer: dict[str, Any]) -> str | None:
    """Return what is wrong with a list of instruments; all of them are `load._record`s."""
    try:
        nodes = answer["data"]["instruments"]["nodes"]
    except (KeyError, TypeError):
        return f"{question}: {str(answer)[:300]}"
    numbers = [node["localNo"] for node in nodes]
    if len(set(numbers)) != len(numbers):
        return f"{question}: an instrument twice: {numbers}"
    if any(not node["model"].startswith("M-") or node["status"] != "IN_SERVICE" for node in nodes):
        return f"{question}: what nobody sent: {nodes[:3]}"
    return None
