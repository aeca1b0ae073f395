"""One line for each event, JSON or text, with what is known of the request."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from contextvars import copy_context
from typing import Any

import pytest
import structlog

from hub.watching import logs, notes
from hub.watching.limits import LINE_CHARACTERS_MAX
from hub.watching.notes import RequestNotes


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    made = io.StringIO()
    logs.configure("info", "json", made)
    yield made
    logging.captureWarnings(capture=False)
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


def told(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_the_calls_of_the_standard_library_become_json_lines(stream: io.StringIO) -> None:
    logging.getLogger("hub.somewhere").warning("harvest of %s: %s", "ecnu", "FAILED")
    server = logging.getLogger("uvicorn.error")
    server.setLevel(logging.NOTSET)  # other servers of this process may have quietened it
    server.error("Invalid HTTP request received.")
    logging.getLogger("hub.somewhere").debug("not told")
    first, second = told(stream)
    assert first["event"] == "harvest of ecnu: FAILED"
    assert (first["level"], first["logger"]) == ("warning", "hub.somewhere")
    assert first["at"].endswith("Z")
    assert second["logger"] == "uvicorn.error"


def test_structlog_goes_the_same_way(stream: io.StringIO) -> None:
    structlog.get_logger("hub.other").info("began", source="ecnu")
    (line,) = told(stream)
    assert (line["event"], line["source"], line["level"]) == ("began", "ecnu", "info")


def test_a_line_carries_what_is_known_of_its_request(stream: io.StringIO) -> None:
    def request() -> None:
        notes.begin(RequestNotes("0123456789abcdef", "graphql"))
        notes.note_client("zju")
        notes.note_operation("free_instruments")
        notes.note_source("zju-push")
        logging.getLogger("hub.somewhere").info("x")

    copy_context().run(request)
    logging.getLogger("hub.somewhere").info("outside")
    inside, outside = told(stream)
    assert inside["request"] == "0123456789abcdef"
    assert (inside["client"], inside["source"]) == ("zju", "zju-push")
    assert (inside["door"], inside["operation"]) == ("graphql", "free_instruments")
    assert "request" not in outside


def test_a_traceback_is_one_line_bounded_and_without_secrets(stream: io.StringIO) -> None:
    try:
        int("password=hunter22 " + "x" * 100_000)
    except ValueError:
        logging.getLogger("hub.somewhere").exception("it failed")
    (line,) = told(stream)
    assert "hunter22" not in str(line)
    assert len(stream.getvalue()) <= LINE_CHARACTERS_MAX
    assert "Traceback" in line["exception"]


def test_a_message_cannot_forge_a_line(stream: io.StringIO) -> None:
    logging.getLogger("hub.somewhere").warning("a\nb %s", '{"event": "forged"}\r\n')
    (line,) = told(stream)
    assert line["event"].startswith("a\\nb")


def test_for_people_it_is_text() -> None:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    made = io.StringIO()
    try:
        logs.configure("info", "text", made)
        logging.getLogger("hub.somewhere").warning("readable %s", "Bearer abcdefghijklmnopqrst")
    finally:
        logging.captureWarnings(capture=False)
        root.handlers, root.level = handlers, level
        structlog.reset_defaults()
    assert "readable" in made.getvalue()
    assert "abcdefghijklmnopqrst" not in made.getvalue()
    assert not made.getvalue().startswith("{")
