"""TOML from outside is read within bounds, and whatever is wrong with it is a `ValueError`."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from adapters.mapping import MappingError, parse_mapping
from hub.client.profile import ProfileError, load_profile
from hub.errors import SettingsError
from hub.harvest.config import _read
from schema.strict_toml import read_toml

ROOT = Path(__file__).parents[3]
LONG = 60_000
HOSTILE = {
    "lists": "a = " + "[" * 5_000,
    "closed lists": "a = " + "[" * 5_000 + "]" * 5_000,
    "tables": "a = " + "{a = " * 5_000 + "1" + "}" * 5_000,
    "tables on lines": "a = [\n" + "[\n" * 5_000,
    "a key of many parts": ".".join(["a"] * (LONG // 2)) + " = 1",
    "a key of many texts": ".".join(['"a"'] * (LONG // 4)) + " = 1",
    "a table of many parts": "[" + ".".join(["a"] * (LONG // 2)) + "]\nb = 1",
    "a long number": "a = " + "9" * 5_000,
    "an open text": 'a = "' + '\\"' * (LONG // 2),
    "an open long text": 'a = """' + '\\"""' * (LONG // 4),
    "quotation marks": "'" * LONG + "\n",
    "half a character": 'a = "\\ud800"',
    "a day that is none": "a = 2026-02-30",
    "too long": "#" * 2_000_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_text_is_refused_without_a_traceback(name: str, tmp_path: Path) -> None:
    text = HOSTILE[name]
    with pytest.raises(ValueError):
        read_toml(text, characters_max=1_000_000)
    with pytest.raises(MappingError) as caught:
        parse_mapping(text)
    assert caught.value.problems[0].zh
    file = tmp_path / "source.toml"
    file.write_text(text)
    file.chmod(0o600)
    with pytest.raises(SettingsError):
        _read(file)
    with pytest.raises(ProfileError):
        load_profile(file)


def test_what_is_nested_too_deeply_is_named_with_its_line() -> None:
    with pytest.raises(MappingError) as caught:
        parse_mapping('title = "x"\n\na = ' + "[" * 100)
    assert caught.value.problems[0].line == 3


def test_every_toml_file_of_the_repository_is_read_as_before() -> None:
    files = [each for each in ROOT.glob("*/**/*.toml") if ".venv" not in each.parts]
    assert len(files) > 8
    for file in files:
        text = file.read_text("utf-8")
        assert read_toml(text, characters_max=1_000_000) == tomllib.loads(text)


def test_brackets_dots_and_marks_inside_texts_and_comments_count_for_nothing() -> None:
    text = (
        f'a = "{"[" * 50}"\nb = \'{"." * 50}\'\n# {"[{." * 50} \'\nc = """\n{"[" * 50}"\n"""\n'
        f"d = '''{'[' * 50}'\n'''\ne = [{', '.join(['1.5'] * 500)}]\nf.g.\"h.i\" = 1\n"
    )
    assert read_toml(text, characters_max=10_000) == tomllib.loads(text)
