"""What the documents promise is what the code does."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer
from graphql import build_schema, parse, validate

from hub.access.errors import Reason
from hub.access.scopes import SERVED_NAMES, Scope
from hub.cli.main import assemble
from hub.errors import ErrorCode

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
COMMAND = re.compile(r"deltahub((?: [a-z][a-z-]*)+)((?: +--[a-z-]+)*)")
FENCE = re.compile(r"```(\w*)\n(.*?)```", re.DOTALL)


def commands() -> dict[tuple[str, ...], set[str]]:
    """Every verb of the command line with its options."""
    found: dict[tuple[str, ...], set[str]] = {}

    def walk(command: object, path: tuple[str, ...]) -> None:
        for name, sub in getattr(command, "commands", {}).items():
            walk(sub, (*path, name))
        options = {o for p in getattr(command, "params", ()) for o in p.opts if o[:2] == "--"}
        found[path] = options

    walk(typer.main.get_command(assemble()), ())
    return found


COMMANDS = commands()


def page_name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_every_command_that_a_page_names_exists(page: Path) -> None:
    groups = {path[:1] for path in COMMANDS if len(path) > 1}
    for match in COMMAND.finditer(page.read_text("utf-8")):
        words = tuple(match[1].split())
        path = words[:2] if words[:1] in groups else words[:1]
        assert path in COMMANDS, f"deltahub {' '.join(words)}"
        if words[:3] in COMMANDS:  # a group within a group
            path = words[:3]
        for option in match[2].split():
            assert option in COMMANDS[path], f"deltahub {' '.join(path)} {option}"


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_every_query_that_a_page_shows_fits_the_schema(page: Path) -> None:
    schema = build_schema((ROOT / "schema/published/hub.graphql").read_text("utf-8"))
    for language, text in FENCE.findall(page.read_text("utf-8")):
        if language == "graphql":
            assert validate(schema, parse(text)) == []


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_every_make_target_that_a_page_names_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = {
        shlex.split(text)[1]
        for text in re.findall(r"`(make [a-z-]+[^`]*)`", page.read_text("utf-8"))
    }
    assert named - targets == set()


def test_every_error_code_is_documented_as_it_is() -> None:
    page = (ROOT / "docs/errors.md").read_text("utf-8")
    rows = [f"| `{c.name}` | {c.status} | {c.zh} | {c.en} |" for c in ErrorCode]
    rows += [f"| `{r.name}` | {r.status} | {r.advice} |" for r in Reason]
    assert [row for row in rows if row not in page] == []


def test_every_problem_of_the_standard_is_documented() -> None:
    page = (ROOT / "docs/errors.md").read_text("utf-8")
    modules = [path.read_text("utf-8") for path in ROOT.glob("schema/**/*.py")]
    codes = {code for text in modules for code in re.findall(r'Flaw\(\s*"([A-Z_]+)"', text)}
    assert {"KEY_CHARACTER", "CONTROL_CHARACTER", "MISSING"} <= codes
    assert [code for code in sorted(codes) if f"`{code}`" not in page] == []


CELL_CODES = (
    r'CellError\(\s*"([A-Z_]+)"',
    r'_problem\([^\n]*?"([A-Z_]{4,})"',
    r' Problem\(\w+, "([A-Z_]+)"',
    r'unread_line\([^"]*?"([A-Z_]+)"',
)


def test_every_problem_of_a_file_is_documented() -> None:
    page = (ROOT / "docs/errors.md").read_text("utf-8")
    folders = ("adapters/mapping", "hub/intake/files")
    texts = [path.read_text("utf-8") for name in folders for path in ROOT.glob(f"{name}/*.py")]
    codes = {code for text in texts for each in CELL_CODES for code in re.findall(each, text)}
    known = {"HEADER_UNKNOWN", "COLUMN_REPEATED", "NO_RECORD", "KEY_REPEATED", "NOT_CELLS"}
    assert known | {"DATE_UNREADABLE", "CODE_NOT_MAPPED", "CELL_WITHOUT_COLUMN"} <= codes
    assert [code for code in sorted(codes) if f"`{code}`" not in page] == []


def test_every_scope_is_explained_to_partners() -> None:
    page = (ROOT / "docs/partners/quickstart.md").read_text("utf-8")
    named = {scope.value for scope in Scope if f"`{scope.value}`" in page}
    assert named == SERVED_NAMES


def test_the_quick_start_says_what_a_token_request_must_name() -> None:
    page = (ROOT / "docs/partners/quickstart.md").read_text("utf-8")
    assert "a token with `resource`" in page
    assert "`invalid_target`" in page


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_every_link_between_pages_leads_somewhere(page: Path) -> None:
    text = page.read_text("utf-8")
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
        assert (page.parent / target).exists(), target
    for target in re.findall(r"`(docs/[\w./-]+\.md)`", text):
        assert (ROOT / target).exists(), target


def test_every_page_for_operators_is_in_their_index() -> None:
    folder = ROOT / "docs/operators"
    index = (folder / "README.md").read_text("utf-8")
    pages = {page.name for page in folder.glob("*.md")} - {"README.md"}
    assert {name for name in pages if f"| [{name}]({name}) |" not in index} == set()
