"""No traceback reaches a person: every verb with wrong arguments, files and folders."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from hub.cli.main import assemble, main

pytestmark = pytest.mark.integration

LASTING = {("serve",), ("demo",), ("standard",)}
"""Verbs that go on until they are stopped, and the one that writes into the checkout."""
WRONG = ("missing", "folder", "binary")
NUMBERS = {"missing": "99999", "folder": "-1", "binary": "x"}


def commands() -> dict[tuple[str, ...], Any]:
    found: dict[tuple[str, ...], Any] = {}

    def walk(command: Any, path: tuple[str, ...]) -> None:
        inner = getattr(command, "commands", None)
        if inner is None:
            found[path] = command
        for name, each in (inner or {}).items():
            walk(each, (*path, name))

    walk(typer.main.get_command(assemble()), ())
    return found


COMMANDS = commands()


def files(folder: Path) -> dict[str, str]:
    (folder / "folder").mkdir()
    (folder / "binary").write_bytes(bytes(range(256)) * 40)
    return {name: str(folder / name) for name in WRONG}


def words(command: Any, wrong: str, path: str) -> list[str]:
    """Return an argument of the wrong kind for each one and each option that is needed."""
    given: list[str] = []
    for parameter in command.params:
        if parameter.param_type_name == "option":
            if not parameter.required:
                continue
            given.append(parameter.opts[0])
        given.append(NUMBERS[wrong] if parameter.name.startswith("number") else path)
    return given


@pytest.mark.parametrize("wrong", WRONG)
def test_every_verb_with_wrong_arguments_says_so(
    wrong: str,
    tmp_path: Path,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HUB_DATABASE_URL", database_url)
    monkeypatch.setenv("HUB_DATA_DIR", str(tmp_path / "data"))
    path = files(tmp_path)[wrong]
    walked = 0
    for verb, command in COMMANDS.items():
        if verb in LASTING:
            continue
        monkeypatch.setattr(sys, "stdin", io.StringIO("n\n"))
        monkeypatch.setattr(sys, "argv", ["deltahub", *verb, *words(command, wrong, path)])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        assert ended.value.code in (0, 1, 2, None), verb
        assert "Traceback" not in said.err + said.out, verb
        assert ended.value.code in (0, None) or said.err.strip() or said.out.strip(), verb
        walked += 1
    assert walked > 25
