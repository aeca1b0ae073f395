"""The page of doors: every example runs as it stands, and every file that it names is there."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs/doors.md").read_text("utf-8")
SECTIONS = [section.split("\n", 1) for section in re.split(r"^## ", PAGE, flags=re.M)[1:]]
EXAMPLES = [
    (title, code)
    for title, text in SECTIONS
    for code in re.findall(r"```python\n(.*?)```", text, re.S)
]
NAMED = re.findall(r"`((?:schema|connectors|adapters|hub|tests|bench|docs)/[\w./-]+)`", PAGE)


@pytest.mark.parametrize(("title", "code"), EXAMPLES, ids=[title for title, _ in EXAMPLES])
def test_an_example_runs_as_it_stands(
    title: str, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "assert" in code, f"the example of {title} shows nothing"
    module = ModuleType("example_of_a_door")
    monkeypatch.setitem(sys.modules, module.__name__, module)  # dataclasses look themselves up
    exec(compile(code, f"docs/doors.md, {title}", "exec"), module.__dict__)


def test_every_python_block_is_among_the_examples() -> None:
    assert len(EXAMPLES) == PAGE.count("```python") == 7


@pytest.mark.parametrize("path", sorted(set(NAMED)))
def test_every_file_that_the_page_names_is_there(path: str) -> None:
    assert (ROOT / path).exists()
