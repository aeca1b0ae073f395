"""Rules about the shape of the code that no linter states."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import schema

ROOT = Path(__file__).parent.parent
PACKAGES = ("schema", "connectors", "adapters", "hub")
MODULES = sorted(path for name in PACKAGES for path in (ROOT / name).rglob("*.py"))
SOURCES = sorted(p for p in (ROOT / "adapters").glob("*.py") if not p.name.startswith("_"))
BANNED_NAMES = {"utils", "util", "helpers", "helper", "common", "base", "manager", "misc"}
LINES_MAX = 400
FUNCTION_LINES_MAX = 60


def imported(module: Path) -> set[str]:
    tree = ast.parse(module.read_text("utf-8"))
    found = {
        node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0
    }
    return found | {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    }


def test_the_standard_is_this_project_s_own_package() -> None:
    assert Path(schema.__file__).parent == ROOT / "schema"


@pytest.mark.parametrize("module", SOURCES, ids=lambda path: path.stem)
def test_an_adapter_knows_only_the_standard_and_its_transport(module: Path) -> None:
    ours = {name for name in imported(module) if name.split(".")[0] in PACKAGES}
    known = ("schema", "connectors", "adapters._", "adapters.mapping")
    allowed = {name for name in ours if name.startswith(known)}
    assert ours == allowed


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_is_short_and_named_for_what_it_holds(module: Path) -> None:
    assert module.stem not in BANNED_NAMES
    lines = module.read_text("utf-8").splitlines()
    assert len(lines) <= LINES_MAX
    long = [
        node.name
        for node in ast.walk(ast.parse("\n".join(lines)))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno > FUNCTION_LINES_MAX
    ]
    assert long == []


PURE = [
    *(ROOT / "schema").rglob("*.py"),
    *(ROOT / "adapters").rglob("*.py"),
    *(
        ROOT / "hub" / "ledger" / f"{name}.py"
        for name in ("merkle", "note", "checkpoint", "tile", "leaf", "proof", "policy", "verify")
    ),
    ROOT / "hub" / "query" / "compile.py",
]
INPUT_OUTPUT = {"httpx", "sqlalchemy", "psycopg", "redis", "starlette", "socket", "asyncio", "ssl"}


@pytest.mark.parametrize("module", PURE, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_pure_module_imports_no_input_or_output(module: Path) -> None:
    assert {name.split(".")[0] for name in imported(module)} & INPUT_OUTPUT == set()


FORGEABLE = {"url", "base_url", "url_for"}


@pytest.mark.parametrize(
    "module", sorted((ROOT / "hub" / "access").glob("*.py")), ids=lambda path: path.stem
)
def test_access_never_reads_an_address_that_the_caller_can_forge(module: Path) -> None:
    tree = ast.parse(module.read_text("utf-8"))
    read = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "request"
    }
    assert read & FORGEABLE == set()


def test_the_clock_is_read_in_one_place() -> None:
    reading = [
        str(module.relative_to(ROOT))
        for module in MODULES
        if "datetime.now(" in module.read_text("utf-8") or "time.time(" in module.read_text("utf-8")
    ]
    assert reading == ["hub/clock.py"]
