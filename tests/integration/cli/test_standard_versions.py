"""The published standard has a changelog by version, and a version that its changes allow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

import schema
from hub.cli import standard as command
from hub.cli import standard_versions as versions
from hub.cli.main import assemble
from hub.cli.standard import generated
from hub.cli.standard_versions import (
    CHANGELOG,
    Contract,
    changelog,
    contract_of,
    release,
    released,
    version_problem,
)

PUBLISHED = Path(schema.__file__).parent / "published"


@pytest.fixture(scope="module")
def contract() -> Contract:
    files = {path.name: path.read_bytes() for path in PUBLISHED.iterdir()}
    return contract_of(files, schema.STANDARD_VERSION)


def with_field(contract: Contract) -> Contract:
    head = "type Query {\n"
    assert contract.sdl.count(head) == 1
    return replace(contract, sdl=contract.sdl.replace(head, head + "  newQuestion: String\n"))


def with_removed_item(contract: Contract) -> Contract:
    toy = dict(contract.records["instrument.schema.json"])
    toy["properties"] = {n: p for n, p in toy["properties"].items() if n != "model"}
    return replace(contract, records={**contract.records, "instrument.schema.json": toy})


def with_removed_code(contract: Contract) -> Contract:
    lists = {**contract.codes["lists"]}
    state = lists["InstrumentStatus"]
    lists["InstrumentStatus"] = {**state, "codes": state["codes"][1:]}
    return replace(contract, codes={**contract.codes, "lists": lists})


def test_the_published_changelog_is_that_of_the_versions_that_are_kept() -> None:
    page = (PUBLISHED / CHANGELOG).read_text("utf-8")
    kept = [each.version for each in released()]
    assert kept, "the first version is kept, or nothing could be compared"
    for version in {*kept, schema.STANDARD_VERSION}:
        assert f"## 版本 Version {version}\n" in page


@pytest.mark.parametrize("change", [with_removed_item, with_removed_code])
def test_a_breaking_change_fails_without_a_new_major_version(
    contract: Contract, change: Callable[[Contract], Contract]
) -> None:
    later = change(contract)
    major, minor = map(int, contract.version.split(".")[:2])
    for version in (contract.version, f"{major}.{minor + 1}.0"):
        problem = version_problem(replace(later, version=version), [contract])
        assert problem is not None
        assert f"{major + 1}.0.0" in problem
    assert version_problem(replace(later, version=f"{major + 1}.0.0"), [contract]) is None


def test_a_field_that_is_gone_from_the_interface_breaks(contract: Contract) -> None:
    problem = version_problem(contract, [with_field(contract)])
    assert problem is not None
    assert "Query.newQuestion was removed" in problem


def test_an_addition_needs_a_new_minor_version_and_stands_in_the_changelog(
    contract: Contract,
) -> None:
    later = with_field(contract)
    assert version_problem(later, [contract]) is not None
    later = replace(later, version="1.1.0")
    first = replace(contract, version="1.0.0")
    assert version_problem(later, [first]) is None
    page = changelog(later, [first])
    newest, oldest = page.index("Version 1.1.0"), page.index("Version 1.0.0")
    assert newest < page.index("### 新增 Added") < page.index("Query.newQuestion") < oldest
    assert "不兼容" in changelog(replace(contract, version="2.0.0"), [first, later])


def test_a_version_that_is_kept_reads_back_as_it_was(contract: Contract, tmp_path: Path) -> None:
    late = replace(contract, version="10.0.0")
    for each in (late, replace(contract, version="9.1.0")):
        release(each, tmp_path)
    assert [each.version for each in released(tmp_path)] == ["9.1.0", "10.0.0"]
    assert released(tmp_path)[1] == late
    assert late.changes_to(released(tmp_path)[1]) == []


def test_the_command_refuses_a_breaking_change_and_says_what_to_do(
    contract: Contract, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release(with_field(contract), tmp_path)
    monkeypatch.setattr(versions, "FOLDER", tmp_path)
    monkeypatch.setattr(command, "released", lambda: released(tmp_path))
    for arguments in (["standard", "--check"], ["standard"]):
        said = CliRunner().invoke(assemble("standard"), arguments)
        assert said.exit_code == 1
        assert "Query.newQuestion was removed" in said.output
        assert "STANDARD_VERSION" in said.output
        assert "--release" in said.output


def test_every_generated_file_is_published() -> None:
    assert {path.name for path in PUBLISHED.iterdir()} == set(generated())
