"""Figures are bounded, whatever callers send."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from hub.watching import metrics as module
from hub.watching import requests
from hub.watching.limits import SERIES_MAX
from hub.watching.metrics import Metrics
from hub.watching.notes import RequestNotes, note_refusal


def test_series_are_bounded() -> None:
    metrics = Metrics()
    for number in range(SERIES_MAX + 50):
        metrics.rows_taken(f"source-{number}", [("ACCEPTED", 1)])
    told = metrics.exposition().decode()
    assert told.count('deltahub_intake_rows_total{outcome="ACCEPTED"') == SERIES_MAX
    assert 'deltahub_intake_rows_total{outcome="other",source="other"} 50.0' in told


def test_a_label_cannot_break_the_format() -> None:
    metrics = Metrics()
    metrics.answered(RequestNotes("0", "graphql", 'a"\n} 1\nforged 1'), "200", 0.1)
    assert "\nforged" not in metrics.exposition().decode()


async def test_strange_paths_are_one_door_and_failures_are_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    metrics = Metrics()
    monkeypatch.setattr(requests, "METRICS", metrics)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/graphql":
            raise ZeroDivisionError
        note_refusal("NOT_FOUND")
        await PlainTextResponse("no", 404)(scope, receive, send)

    transport = httpx.ASGITransport(requests.RequestWatch(app, doors=["", "graphql"]))
    async with httpx.AsyncClient(transport=transport, base_url="http://hub") as client:
        for number in range(50):
            await client.get(f"/strange-{number}/x")
        await client.get("/")
        with pytest.raises(ZeroDivisionError):
            await client.get("/graphql")
    told = metrics.exposition().decode()
    assert 'deltahub_requests_total{door="other",operation="",status="404"} 50.0' in told
    assert 'deltahub_requests_total{door="front",operation="",status="404"} 1.0' in told
    assert 'deltahub_requests_total{door="graphql",operation="",status="500"} 1.0' in told
    assert 'deltahub_refused_total{door="other",reason="NOT_FOUND"} 50.0' in told
    assert "deltahub_requests_in_hand 0.0" in told


async def test_a_blocked_event_loop_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setattr(module, "LOOP_LOOK_S", 0.01)
    metrics, stop = Metrics(), asyncio.Event()
    task = asyncio.create_task(metrics.watch_loop(stop))
    await asyncio.sleep(0.02)
    time.sleep(0.2)
    await asyncio.sleep(0.02)
    stop.set()
    await task
    (line,) = [
        each
        for each in metrics.exposition().decode().splitlines()
        if each.startswith("deltahub_event_loop_lag_seconds ")
    ]
    assert float(line.split()[1]) > 0.1
    assert "deltahub_event_loop_lag_seconds 0.0" in metrics.exposition().decode()
