"""What our pages promise is held by tests and code that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SPECIFICATIONS = sorted((ROOT / "docs/standard").glob("data-*.md"))
NAMED_TESTS = [ROOT / "SECURITY.md", ROOT / "docs/held.md"]
"""Pages whose every line names a test."""
PAGES = [*NAMED_TESTS, *SPECIFICATIONS]
PROMISE = re.compile(r"^(?:- |\d\. )(.*?)(?=^(?:- |\d\. |#|$))", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[([^\]]+)\]\(([^)#]+)\)")
ASPECTS = {"collection", "storage", "interface", "service", "security"}


def promises(page: Path) -> list[str]:
    return PROMISE.findall(page.read_text("utf-8"))


PROMISES = [(page, number) for page in PAGES for number in range(len(promises(page)))]


def test_there_is_a_page_for_each_aspect_that_the_policy_names() -> None:
    assert {page.stem.removeprefix("data-") for page in SPECIFICATIONS} == ASPECTS
    assert all(len(promises(page)) >= 8 for page in PAGES)


@pytest.mark.parametrize(("page", "number"), PROMISES, ids=lambda each: getattr(each, "stem", each))
def test_a_promise_names_what_holds_it_and_that_is_there(page: Path, number: int) -> None:
    promise = promises(page)[number]
    links = LINK.findall(promise)
    tests = [name for name, _ in links if name.startswith("test_")]
    code = [target for _, target in links if target.endswith(".py")]
    assert tests if page in NAMED_TESTS else tests or code, promise
    for name, target in links:
        path = (page.parent / target).resolve()
        assert path.is_relative_to(ROOT)
        assert path.exists(), target
        if name.startswith("test_"):
            assert re.search(rf"^(?:async )?def {name}\(", path.read_text("utf-8"), re.M), name


def test_nothing_is_said_in_the_specifications_outside_of_a_promise() -> None:
    for page in SPECIFICATIONS:
        body = page.read_text("utf-8").partition("\n## ")[2]
        rest = PROMISE.sub("", body)
        lines = [line for line in rest.splitlines() if line and not line.startswith("#")]
        assert lines[1:] == [], page.name
