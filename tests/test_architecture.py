"""Rules about the shape of the code that no linter states."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

import schema
from schema.registry import standard

ROOT = Path(__file__).parent.parent
PACKAGES = ("schema", "connectors", "adapters", "hub")
MODULES = sorted(path for name in PACKAGES for path in (ROOT / name).rglob("*.py"))
SOURCES = sorted(p for p in (ROOT / "adapters").glob("*.py") if not p.name.startswith("_"))
BANNED_NAMES = {"utils", "util", "helpers", "helper", "common", "base", "manager", "misc"}
FLOORS = ("plan", "computed", "sql", "answer")
"""Of the query room, from the ground."""
LINES_MAX = 400
FUNCTION_LINES_MAX = 60


def statements(node: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    """Yield the imports below a node, but for those that only a type checker follows."""
    for each in ast.iter_child_nodes(node):
        if isinstance(each, ast.If) and ast.unparse(each.test).endswith("TYPE_CHECKING"):
            yield from statements(ast.Module(each.orelse, []))
            continue
        if isinstance(each, ast.Import | ast.ImportFrom):
            yield each
        yield from statements(each)


@cache
def imported(module: Path) -> frozenset[str]:
    """Return what a module imports; of the project's own packages also the modules named."""
    found: set[str] = set()
    for each in statements(ast.parse(module.read_text("utf-8"))):
        if isinstance(each, ast.Import):
            found |= {alias.name for alias in each.names}
        elif each.module and each.level == 0:
            found.add(each.module)
            inside = (f"{each.module}.{alias.name}" for alias in each.names)
            found |= {name for name in inside if own(name) is not None}
    return frozenset(found)


def own(name: str) -> Path | None:
    """Return the file of a module of the project, None for anything else."""
    if name.partition(".")[0] not in PACKAGES:
        return None
    path = ROOT.joinpath(*name.split("."))
    return next((p for p in (path / "__init__.py", path.with_suffix(".py")) if p.is_file()), None)


def dotted(module: Path) -> str:
    parts = module.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def ways(start: str, *, beyond: Callable[[str], bool] = bool) -> dict[str, tuple[str, ...]]:
    """Return by what way an import of `start` imports each module, itself or through others.

    Own modules are followed, and the packages that they are in; `beyond` says of which to go on.
    """
    found: dict[str, tuple[str, ...]] = {}
    waiting: list[tuple[str, tuple[str, ...]]] = [(start, ())]
    while waiting:
        name, way = waiting.pop()
        if name in found:
            continue
        found[name] = way
        module = own(name)
        if module is not None and beyond(name):
            parents = (name.rsplit(".", n)[0] for n in range(1, name.count(".") + 1))
            waiting += [(each, (*way, name)) for each in (*imported(module), *parents)]
    return found


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
    *(ROOT / "hub" / "identity").rglob("*.py"),
    *(ROOT / "hub" / "policy").rglob("*.py"),
    *(
        ROOT / "hub" / "ledger" / f"{name}.py"
        for name in ("merkle", "note", "checkpoint", "tile", "leaf", "proof", "policy", "verify")
    ),
    *(ROOT / "hub" / "access" / f"{name}.py" for name in ("grants", "visibility")),
    *(ROOT / "hub" / "customs" / f"{name}.py" for name in ("question", "facts", "words", "answer")),
    *(each for name in FLOORS[:-1] for each in (ROOT / "hub" / "query" / name).rglob("*.py")),
]
INPUT_OUTPUT = {"httpx", "sqlalchemy", "psycopg", "redis", "starlette", "socket", "asyncio", "ssl"}


def follows(name: str) -> bool:
    """An adapter declares by which connector its source is read; what that does is not its own."""
    return not name.startswith("connectors")


@pytest.mark.parametrize("module", sorted(PURE), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_pure_module_imports_no_input_or_output_not_even_through_others(module: Path) -> None:
    found = ways(dotted(module), beyond=follows)
    assert {name: way for name, way in found.items() if name.split(".")[0] in INPUT_OUTPUT} == {}


def test_an_import_through_others_is_found() -> None:
    found = ways("hub.query.answer.execute")
    assert {"psycopg", "sqlalchemy", "schema.item"} <= set(found)
    assert found["sqlalchemy"][0] == "hub.query.answer.execute"
    assert len(found["sqlalchemy"]) > 1


def test_each_floor_of_the_query_room_imports_only_those_below_it() -> None:
    for n, floor in enumerate(FLOORS):
        modules = sorted((ROOT / "hub" / "query" / floor).rglob("*.py"))
        assert len(modules) > 1
        above = tuple(f"hub.query.{name}" for name in FLOORS[n + 1 :])
        for module in modules:
            assert [name for name in imported(module) if name.startswith(above)] == []


def test_the_query_room_knows_no_door() -> None:
    doors = ("hub.graphql", "hub.exchange", "hub.receipts", "hub.intake", "hub.app")
    for module in (ROOT / "hub" / "query").rglob("*.py"):
        assert [name for name in ways(dotted(module)) if name.startswith(doors)] == []


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


TABLES = "|".join(spec.table for spec in standard())
NAMED = re.compile(
    rf"\b(?:{TABLES})_(?:source|listing)\b|_(?:source|listing)\Z"
    rf"|\b(?:FROM|JOIN|INTO|UPDATE|TABLE)\s+(?:{TABLES})\b"
)
NAMING = {"hub/store/derive.py"}
"""Where the tables of records get their names; everywhere else asks `StoredRecords` or `Model`."""


def texts(module: Path) -> Iterator[str]:
    """Yield the texts of a module that are not its documentation."""
    tree = ast.parse(module.read_text("utf-8"))
    documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in documentation:
            if isinstance(node.value, str):
                yield node.value
            elif isinstance(node.value, bytes):
                yield node.value.decode("utf-8", "replace")


OF_THE_HUB = {"former_source", "ix_quarantine_status_source", "ix_shared_claim_source"}
"""Names that end alike and are no record's."""


@pytest.mark.parametrize(
    "module", sorted((ROOT / "hub").rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT))
)
def test_the_table_of_a_record_is_named_in_one_place(module: Path) -> None:
    found = {text for text in texts(module) if NAMED.search(text)} - OF_THE_HUB
    assert bool(found) == (str(module.relative_to(ROOT)) in NAMING), found
