"""pandas and a GraphQL gateway ask the hub through `deltahub client proxy`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.node_tools import NodeTools
from tests.running_proxy import free_port, stop, wait_for

pytestmark = [pytest.mark.external, pytest.mark.integration]

PANDAS = "pandas>=2.2,<4"
INSTALL_S = 600
FRAME = """
import sys, pandas
base = sys.argv[1]
flat = pandas.read_csv(f"{base}/table/search_instruments.csv?search=talos")
same = pandas.read_json(f"{base}/table/search_instruments.json?search=talos")
assert list(flat["key"]) == list(same["key"]) and len(flat) > 0
print(sorted(flat.columns), len(flat))
"""


def test_pandas_reads_a_list_from_an_address(tools: Path, proxy: str) -> None:
    library = tools / "pandas"
    if not (library / "pandas").exists():
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", library, PANDAS]
        subprocess.run(command, check=True, timeout=INSTALL_S)
    done = subprocess.run(
        [sys.executable, "-c", FRAME, proxy],
        env={**os.environ, "PYTHONPATH": str(library)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "name.zh" in done.stdout


def test_a_gateway_serves_the_hub_s_schema_and_answers(
    gateways: NodeTools, proxy: str, tmp_path: Path
) -> None:
    program = gateways.folder / "node_modules" / ".bin" / "hive-gateway"
    port, log = free_port(), tmp_path / "gateway.log"
    command = [program, "proxy", f"{proxy}/graphql", "--port", str(port), "--host", "127.0.0.1"]
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, cwd=tmp_path)
    try:
        wait_for(f"http://127.0.0.1:{port}/readiness", process, log)
        question = {
            "query": '{ instruments(search: "talos", first: 2) { totalCount nodes { key } } }'
        }
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/graphql",
            json.dumps(question).encode(),
            {"content-type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            found = json.loads(answer.read())
    finally:
        stop(process)
    assert "errors" not in found, found
    assert found["data"]["instruments"]["totalCount"] == 2, found
