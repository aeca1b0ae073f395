"""`standard_versions`: the versions of the standard that were handed out, and what changed since.

- `schema/released/<version>.json` holds SDL, JSON Schemas and code lists of one version, as
  `deltahub standard --release` froze them. Their comparison, pair by pair and with what is to be
  published now, is `schema/published/CHANGELOG.md`.
- What is published now carries a version that its changes allow: a breaking one needs a new major
  number, any other one a new minor number.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import schema
from hub.graphql.sdl_changes import sdl_changes
from schema.changes import (
    Level,
    StandardChange,
    code_changes,
    record_changes,
    version_needed,
    version_numbers,
)

FOLDER = Path(schema.__file__).parent / "released"
CHANGELOG = "CHANGELOG.md"
SDL = "hub.graphql"
CODES = "codes.json"
SCHEMAS = ".schema.json"
_HEAD = """# 数据标准变更记录 Changes of the standard

本页由 `deltahub standard` 比较各版本的 SDL、记录项和代码表生成，请勿手工修改。
This page is made by comparing the SDL, the items of records and the code lists of all versions.
A breaking change raises the first number of the version, any other change the second.
"""
_TITLES = {
    Level.BREAKING: "不兼容变更 Breaking",
    Level.DANGEROUS: "须留意的变更 To be looked at",
    Level.ADDED: "新增 Added",
}
_FIRST = "首个发布版本。The first version."
_NONE = "没有影响交换的变更。Nothing that matters to those who exchange data."


@dataclass(frozen=True, slots=True)
class Contract:
    """What partners rely on in one version: the interface, the records, the codes."""

    version: str
    sdl: str
    records: Mapping[str, Any]
    codes: Mapping[str, Any]

    def changes_to(self, later: Contract) -> list[StandardChange]:
        """Return what changed from this version to a later one, the gravest first."""
        found = [
            *sdl_changes(self.sdl, later.sdl),
            *record_changes(self.records, later.records),
            *code_changes(self.codes, later.codes),
        ]
        return sorted(found, key=lambda each: (-each.level, each.where, each.what))

    def to_text(self) -> str:
        """Return the file that keeps this version."""
        facts = {
            "version": self.version,
            "sdl": self.sdl,
            "records": self.records,
            "codes": self.codes,
        }
        return json.dumps(facts, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def contract_of(files: Mapping[str, bytes], version: str) -> Contract:
    """Return what the generated files promise."""
    records = {name: json.loads(data) for name, data in files.items() if name.endswith(SCHEMAS)}
    return Contract(version, files[SDL].decode("utf-8"), records, json.loads(files[CODES]))


def released(folder: Path = FOLDER) -> list[Contract]:
    """Return every version that was handed out, the oldest first."""
    read = (json.loads(path.read_text("utf-8")) for path in folder.glob("*.json"))
    found = (
        Contract(each["version"], each["sdl"], each["records"], each["codes"]) for each in read
    )
    return sorted(found, key=lambda each: version_numbers(each.version))


def release(contract: Contract, folder: Path = FOLDER) -> Path:
    """Freeze a version; return where it stands."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{contract.version}.json"
    path.write_text(contract.to_text(), "utf-8")
    return path


def version_problem(present: Contract, versions: Iterable[Contract]) -> str | None:
    """Return what is wrong with the version that the present contract carries; None: nothing."""
    known = list(versions)
    if not known:
        return None
    last = known[-1]
    changes = last.changes_to(present)
    needed = version_needed(last.version, changes)
    if version_numbers(present.version) >= version_numbers(needed):
        return None
    gravest = changes[0].level if changes else Level.ADDED
    told = [each for each in changes if each.level is gravest]
    lines = [f"  {each.where}: {each.what}" for each in told]
    return "\n".join(
        (
            f"标准自 {last.version} 起有变更，版本号至少应为 {needed}，现为 {present.version}；"
            "请修改 schema/__init__.py 中的 STANDARD_VERSION。",
            f"Changed since {last.version}: STANDARD_VERSION in schema/__init__.py "
            f"must be {needed} or later, and is {present.version}. {_TITLES[gravest]}:",
            *lines,
        )
    )


def changelog(present: Contract, versions: Iterable[Contract]) -> str:
    """Return the page of all versions, the newest first."""
    before = [each for each in versions if each.version != present.version]
    chain = [*before, present]
    parts = [
        _section(chain[at - 1] if at else None, chain[at]) for at in reversed(range(len(chain)))
    ]
    return "\n".join((_HEAD, *parts)).rstrip() + "\n"


def _section(old: Contract | None, new: Contract) -> str:
    heading = f"## 版本 Version {new.version}\n"
    if old is None:
        return f"{heading}\n{_FIRST}\n"
    changes = old.changes_to(new)
    if not changes:
        return f"{heading}\n{_NONE}\n"
    parts = [heading]
    for level, title in _TITLES.items():
        lines = [f"- {each.where}: {each.what}" for each in changes if each.level is level]
        parts += [f"### {title}\n", *lines, ""] if lines else []
    return "\n".join(parts)
