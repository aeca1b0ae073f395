"""Errors of the transport layer, told from one process to another."""

from __future__ import annotations

import pickle
from collections.abc import Iterator

import pytest

from connectors import errors, jsonrpc
from connectors.drop.session import MovingFileError
from connectors.errors import ConnectorError, SourceUnavailableError
from hub.harvest.row_counts import OverfullError

HERE = (errors, jsonrpc)
"""Modules that must be loaded, so that what they derive is found."""


def every(base: type[ConnectorError] = ConnectorError) -> Iterator[type[ConnectorError]]:
    yield base
    for each in base.__subclasses__():
        yield from every(each)


@pytest.mark.parametrize("kind", sorted(set(every()), key=lambda kind: kind.__name__))
def test_an_error_comes_out_of_another_process_as_it_was(kind: type[ConnectorError]) -> None:
    error = kind("anhui", "page 3: {'total': 7}", hint="ask Anhui")
    same = pickle.loads(pickle.dumps(error))
    assert type(same) is kind
    assert str(same) == str(error) == "anhui: page 3: {'total': 7}"
    assert (same.source, same.detail, same.hint, same.code) == (
        "anhui",
        "page 3: {'total': 7}",
        "ask Anhui",
        kind.code,
    )


def test_what_is_known_of_the_question_comes_along() -> None:
    error = SourceUnavailableError("anhui", "busy", retry_after_s=3.5, was_sent=False)
    same = pickle.loads(pickle.dumps(error))
    assert (same.retry_after_s, same.was_sent) == (3.5, False)
    assert same.hint == SourceUnavailableError.hint_default


def test_the_errors_of_other_rooms_are_among_them() -> None:
    assert {MovingFileError, OverfullError} < set(every())
