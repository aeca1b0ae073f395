"""An export as Parquet is what the interface answers, read by pyarrow in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.running_proxy import SCOPES, running_proxy

pytestmark = [pytest.mark.external, pytest.mark.integration]

PYARROW = "pyarrow>=26,<27"
INSTALL_S, RUN_S = 600, 120
FIELDS = "key name { zh en } annualHours classes { code } provenance { source asOf }"
READ = """
import json, sys
from pyarrow import parquet
table = parquet.read_table(sys.argv[1])
kinds = {name: str(table.schema.field(name).type) for name in table.column_names}
print(json.dumps({"rows": table.to_pylist(), "kinds": kinds}))
"""


def test_a_parquet_file_is_what_the_interface_answers(
    tools: Path, database_url: str, tmp_path: Path
) -> None:
    library = tools / "pyarrow"
    if not (library / "pyarrow").exists():
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", library, PYARROW]
        subprocess.run(command, check=True, timeout=INSTALL_S)
    paths = os.pathsep.join([str(library), os.environ.get("PYTHONPATH", "")])
    document = tmp_path / "list.graphql"
    document.write_text(f"{{ instruments {{ nodes {{ {FIELDS} }} }} }}", "utf-8")
    scopes = (*SCOPES, "export:read")
    with running_proxy(database_url, tmp_path, scopes, {"PYTHONPATH": paths}) as proxy:
        words = ["client", "export", "--as", tmp_path / "profile.toml", "--format", "parquet"]
        words += ["--out", tmp_path / "out", document]
        command = [sys.executable, "-c", "from hub.cli.main import main; main()", *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=RUN_S, check=False)
        assert done.returncode == 0, done.stderr
        question = {"query": f"{{ instruments(first: 100) {{ nodes {{ {FIELDS} }} }} }}"}
        request = urllib.request.Request(
            f"{proxy}/graphql", json.dumps(question).encode(), {"content-type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=RUN_S) as answer:
            nodes = json.loads(answer.read())["data"]["instruments"]["nodes"]
    (file,) = (tmp_path / "out").glob("*.parquet")
    read = subprocess.run(
        [sys.executable, "-c", READ, file],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=RUN_S,
        check=True,
    )
    found = json.loads(read.stdout)
    assert (found["kinds"]["key"], found["kinds"]["annualHours"]) == ("string", "int64")
    assert sorted(found["rows"], key=str) == sorted(map(_flat, nodes), key=str)
    assert len(nodes) > 2


def _flat(node: dict[str, object]) -> dict[str, object]:
    """Return a row of an answer in the columns of a table."""
    flat: dict[str, object] = {}
    for name, value in node.items():
        if isinstance(value, dict):
            flat |= {f"{name}.{inner}": each for inner, each in value.items()}
        elif isinstance(value, list):
            flat[name] = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        else:
            flat[name] = value
    return flat
