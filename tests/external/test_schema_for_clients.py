"""The published schema and the registered documents, as the tools of client programmers see them.

graphql-inspector (documents, breaking changes), graphql-codegen with tsc, relay-compiler.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.node_tools import ROOT, NodeTools

pytestmark = pytest.mark.external

SCHEMA = ROOT / "schema" / "published" / "hub.graphql"
DOCUMENTS = ROOT / "hub" / "query" / "plan" / "documents"
HERE = Path(__file__).parent

OPERATION = re.compile(r"^(query|mutation) (\w+)", re.MULTILINE)


@pytest.fixture(scope="module")
def client(suites: NodeTools) -> NodeTools:
    """A client's project: the published schema, the registered documents, nothing of the hub."""
    work = suites.folder / "work"
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(DOCUMENTS, work / "documents")
    shutil.copy(SCHEMA, work / "hub.graphql")
    shutil.copytree(HERE / "relay", suites.folder / "relay", dirs_exist_ok=True)
    return suites


def test_every_registered_document_is_valid_and_uses_nothing_deprecated(client: NodeTools) -> None:
    done = client.program(
        "graphql-inspector", "validate", "work/documents/*.graphql", "work/hub.graphql",
        "--deprecated",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All documents are valid" in done.stdout


def test_a_document_that_asks_for_what_is_not_there_is_found(client: NodeTools) -> None:
    wrong = client.folder / "work" / "wrong"
    wrong.mkdir()
    (wrong / "wrong.graphql").write_text("query Wrong { instruments { nodes { nothing } } }")
    done = client.program(
        "graphql-inspector", "validate", "work/wrong/*.graphql", "work/hub.graphql"
    )
    assert done.returncode == 1
    assert "Cannot query field nothing on type Instrument" in done.stdout


def test_the_schema_has_not_changed_against_itself(client: NodeTools) -> None:
    done = client.program("graphql-inspector", "diff", "work/hub.graphql", "work/hub.graphql")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No changes detected" in done.stdout


def test_a_breaking_change_of_the_schema_is_told_from_a_harmless_one(client: NodeTools) -> None:
    text = SCHEMA.read_text("utf-8")
    field = "\n  longestFreeHours: Decimal!\n"
    assert text.count(field) == 1
    breaking, harmless = (client.folder / "work" / name for name in ("b.graphql", "h.graphql"))
    breaking.write_text(text.replace(field, "\n  longest: Decimal!\n"), "utf-8")
    harmless.write_text(text.replace(field, field + "  longest: Decimal!\n"), "utf-8")
    done = client.program("graphql-inspector", "diff", "work/hub.graphql", "work/b.graphql")
    assert done.returncode == 1
    assert "longestFreeHours was removed" in (done.stdout + done.stderr).replace("'", "")
    done = client.program("graphql-inspector", "diff", "work/hub.graphql", "work/h.graphql")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_typescript_client_is_generated_and_compiles_strictly(client: NodeTools) -> None:
    made = client.program("graphql-codegen", "--config", "codegen.yml")
    assert made.returncode == 0, made.stdout + made.stderr
    generated = (client.folder / "work" / "generated" / "graphql.ts").read_text("utf-8")
    assert ": any" not in generated
    for document in DOCUMENTS.glob("*.graphql"):
        kind, name = OPERATION.search(document.read_text("utf-8")).groups()  # type: ignore[union-attr]
        assert f"export type {name}{kind.capitalize()} =" in generated
    done = client.program("tsc", "--project", "tsconfig.json")
    assert done.returncode == 0, done.stdout + done.stderr


def test_relay_compiles_refetchable_fragments_and_pages(client: NodeTools) -> None:
    (client.folder / "work" / "relay").mkdir()
    done = client.program("relay-compiler")
    assert done.returncode == 0, done.stdout + done.stderr
    made = {path.name for path in (client.folder / "work" / "relay").glob("*.graphql.ts")}
    assert made == {
        f"{name}.graphql.ts"
        for name in (
            "CatalogueQuery",
            "CataloguePageQuery",
            "CatalogueRowQuery",
            "Catalogue_list",
            "Catalogue_row",
        )
    }
