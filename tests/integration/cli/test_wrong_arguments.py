"""No traceback reaches a person: every verb with wrong arguments, files, folders and databases.

The verbs are read from the command line itself, so a new one is walked as well.
"""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
import pytest
import typer

from hub.cli.main import assemble, main
from hub.client import create_key
from hub.client.profile import Profile
from tests.databases import as_owner, lent_to_hub

pytestmark = pytest.mark.integration

LASTING = {("serve",), ("demo",), ("client", "proxy")}
"""Verbs that go on until they are stopped; they are walked where they cannot begin."""
WRITES_CHECKOUT = {("standard",)}
WRONG = ("missing", "folder", "binary", "empty", "huge", "broken.toml", "文件 名.csv", "nan.json")
NUMBERS = {"missing": "99999", "folder": "-1", "binary": "x", "empty": "", "huge": "9" * 400}
FAULT = re.compile(r"Traceback|fault of its own|object at 0x|errno|codec can't", re.IGNORECASE)
NEEDS_A_DATABASE = {
    *(("source", "list"), ("quarantine", "list"), ("quarantine", "personal"), ("status",)),
    *(("store", "check"), ("audit", "list"), ("client", "list"), ("identity", "candidates")),
}


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


@cache
def built(only: str | None = None) -> Any:
    """Return a group of commands, put together once: that is two thirds of a command's time."""
    return typer.main.get_command(assemble(only))


def files(folder: Path) -> dict[str, str]:
    (folder / "folder").mkdir()
    (folder / "binary").write_bytes(bytes(range(256)) * 40)
    (folder / "empty").write_bytes(b"")
    (folder / "huge").write_bytes(b"a," * 500_000)
    (folder / "broken.toml").write_text('hub = "\n[[', "utf-8")
    (folder / "文件 名.csv").write_bytes("编号,名称\n1,\ufeff甲\n".encode("gb18030"))
    (folder / "nan.json").write_text('[{"a": NaN, "a": 1}]', "utf-8")
    return {name: str(folder / name) for name in WRONG}


def words(command: Any, wrong: str, path: str, *, optional: bool) -> list[str]:
    """Return an argument of the wrong kind for each one and each option that is needed.

    `optional`: for each option that takes a value, needed or not.
    """
    given: list[str] = []
    for parameter in command.params:
        if parameter.param_type_name == "option":
            takes_value = not parameter.is_flag and parameter.name != "help"
            if not (parameter.required or (optional and takes_value)):
                continue
            given.append(parameter.opts[0])
        is_number = parameter.name.startswith("number")
        given.append(NUMBERS.get(wrong, "1.5") if is_number else path)
    return given


def takes_file(command: Any) -> bool:
    return any(each.type_descriptor.annotation is Path for each in command.params)


class Walk:
    """Runs commands in this process as a person would, and looks at how they end."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._patch, self._capsys = monkeypatch, capsys
        self.ended: dict[tuple[str, ...], Any] = {}
        self.wrong: list[str] = []

    def run(self, verb: tuple[str, ...], given: list[str]) -> str:
        self._patch.setattr(sys, "stdin", io.StringIO("n\n"))
        self._patch.setattr(sys, "argv", ["deltahub", *verb, *given])
        with pytest.raises(SystemExit) as ended:
            main()
        said = self._capsys.readouterr()
        code, told = ended.value.code, said.err + said.out
        where = f"{' '.join(verb)} {given}: {code} {told[-600:]}"
        is_told = code in (0, None) or told.strip()
        if code not in (0, 1, 2, None) or FAULT.search(told) or not is_told:
            self.wrong.append(where)
        self.ended[verb] = code
        return told


@pytest.fixture
def walk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Walk]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("hub.cli.main.assemble", built)
    monkeypatch.setenv("HUB_DATA_DIR", str(tmp_path / "data"))
    walked = Walk(monkeypatch, capsys)
    yield walked
    assert not walked.wrong, "\n".join(walked.wrong)


@pytest.mark.parametrize(
    ("wrong", "optional"), [*((wrong, False) for wrong in WRONG), ("binary", True), ("huge", True)]
)
def test_every_verb_with_wrong_arguments_says_so(
    walk: Walk,
    wrong: str,
    optional: bool,
    tmp_path: Path,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HUB_DATABASE_URL", database_url)
    path = files(tmp_path)[wrong]
    for verb, command in COMMANDS.items():
        if verb in LASTING | WRITES_CHECKOUT or not (wrong == "missing" or takes_file(command)):
            continue  # what takes no file is walked with wrong words once
        walk.run(verb, words(command, wrong, path, optional=optional))
    assert len(walk.ended) > (40 if wrong == "missing" else 15)
    assert sum(code not in (0, None) for code in walk.ended.values()) > 10


@pytest.fixture(params=["gone", "foreign", "newer", "odd address", "no such role"])
def bad_database(request: pytest.FixtureRequest, cluster: str, template: str) -> Iterator[str]:
    """Give the address of a database with which no hub can work; nobody else gets it later."""
    with lent_to_hub(cluster, template) as url:
        yield spoilt(url, request.param)


def spoilt(database_url: str, fault: str) -> str:
    owner = as_owner(database_url)
    if fault == "newer":
        with psycopg.connect(owner, autocommit=True) as connection:
            connection.execute("UPDATE alembic_version SET version_num = '9999'")
    if fault == "foreign":
        with psycopg.connect(owner, autocommit=True) as connection:
            connection.execute("DROP TABLE alembic_version, source CASCADE")
    return {
        "gone": "postgresql://hub@127.0.0.1:1/hub",
        "odd address": "postgresql://hub@127.0.0.1:1:1/hub",
        "no such role": re.sub(r"//[^@/]*@", "//nobody_at_all@", database_url),
    }.get(fault, database_url)


def test_every_verb_with_a_database_of_no_use_says_so(
    walk: Walk, bad_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUB_DATABASE_URL", bad_database)
    path = files(tmp_path)["missing"]
    for verb, command in COMMANDS.items():
        if verb not in LASTING | WRITES_CHECKOUT:
            walk.run(verb, words(command, "missing", path, optional=False))
    for verb in NEEDS_A_DATABASE:
        assert walk.ended[verb] in (1, 2), verb


@pytest.mark.parametrize("folder", ["a file", "where nobody may write"])
def test_every_verb_with_a_data_folder_of_no_use_says_so(
    walk: Walk, folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "taken"
    place.write_text("not a folder", "utf-8")
    # what /proc lets nobody make, the administrator included
    monkeypatch.setenv("HUB_DATA_DIR", str(place if folder == "a file" else "/proc/hub"))
    monkeypatch.setenv("HUB_PORT", "1")
    monkeypatch.delenv("HUB_DATABASE_URL", raising=False)
    path = files(tmp_path)["missing"]
    for verb, command in COMMANDS.items():
        if verb not in WRITES_CHECKOUT:
            walk.run(verb, words(command, "missing", path, optional=False))
    for verb in NEEDS_A_DATABASE | {("serve",), ("demo",)}:
        assert walk.ended[verb] in (1, 2), verb


BAD_PROFILES = {
    "nobody listens": 'hub = "http://127.0.0.1:1"\nclient_id = "me"\nkey = "key.pem"\n',
    "no address": 'hub = "ftp://hub"\nclient_id = "me"\nkey = "key.pem"\n',
    "no name": 'hub = "http://[::1"\nclient_id = "me"\nkey = "key.pem"\n',
    "no key": 'hub = "http://127.0.0.1:1"\nclient_id = "me"\nkey = "none.pem"\n',
    "key is a folder": 'hub = "http://127.0.0.1:1"\nclient_id = "me"\nkey = "folder"\n',
    "key is none": 'hub = "http://127.0.0.1:1"\nclient_id = "me"\nkey = "binary"\n',
    "not whole": 'hub = "http://127.0.0.1:1"\n',
    "not text": "hub = 1\nclient_id = 2\nkey = 3\n",
    "no TOML": "hub: http://127.0.0.1",
    "unicode": 'hub = "http://主机.例"\nclient_id = "我"\nkey = "key.pem"\n',
}


@pytest.mark.parametrize("fault", sorted(BAD_PROFILES))
def test_every_verb_of_a_partner_with_a_bad_profile_says_so(
    walk: Walk, fault: str, tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUB_DATABASE_URL", database_url)
    files(tmp_path)
    folder = tmp_path / "我的 资料"
    folder.mkdir()
    for name in ("folder", "binary"):
        (tmp_path / name).rename(folder / name)
    create_key(folder / "key.pem")
    profile = folder / "profile.toml"
    profile.write_text(BAD_PROFILES[fault], "utf-8")
    rows = folder / "行 rows.ndjson"
    rows.write_text(json.dumps({"type": "Instrument", "record": {}}), "utf-8")
    walked = 0
    for verb, command in COMMANDS.items():
        options = {opt for each in command.params for opt in each.opts}
        if "--as" not in options or verb in LASTING or verb == ("client", "explain"):
            continue
        given = words(command, "missing", str(rows), optional=False)
        if "--as" not in given:
            given += ["--as", ""]
        given[given.index("--as") + 1] = str(profile)
        walk.run(verb, given)
        assert walk.ended[verb] in (1, 2), verb
        walked += 1
    assert walked > 6


def test_a_profile_is_written_and_read_back_whatever_its_folder_is_called(tmp_path: Path) -> None:
    folder = tmp_path / "我的 资料"
    folder.mkdir()
    create_key(folder / "密钥.pem")
    Profile("http://127.0.0.1:1", "me", folder / "密钥.pem").write(folder / "p.toml")
    assert "密钥.pem" in (folder / "p.toml").read_text("utf-8")


def test_a_fault_of_the_program_is_kept_for_those_who_mend_it(
    walk: Walk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("hub.cli.source.run", lambda work: (work.close(), broken()))
    monkeypatch.setattr(sys, "argv", ["deltahub", "source", "list"])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert "Traceback" not in said
    file = Path(said.split()[-1])
    assert "ZeroDivisionError" in file.read_text("utf-8")
    file.unlink()
