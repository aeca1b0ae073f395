"""gql asks through the proxy, from an environment of its own: it needs an older graphql-core."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.external, pytest.mark.integration]

LIBRARY = "gql[httpx]>=4,<5"
INSTALL_S = 600
ASK_S = 60
PROGRAM = '''
import json, sys
from gql import Client, gql
from gql.transport.exceptions import TransportQueryError
from gql.transport.httpx import HTTPXTransport

client = Client(transport=HTTPXTransport(url=sys.argv[1] + "/graphql"))
document = gql("""query($words: String) {
  instruments(search: $words, first: 2) { totalCount nodes { key originalValue { amount } } } }""")
document.variable_values = {"words": "talos"}
try:
    client.execute(document)
    told = {"error": None}
except TransportQueryError as error:
    codes = [each["extensions"]["code"] for each in error.errors]
    told = {"codes": codes, "count": error.data["instruments"]["totalCount"]}
typed = Client(
    transport=HTTPXTransport(url=sys.argv[1] + "/graphql"), fetch_schema_from_transport=True
)
with typed as session:
    answer = session.execute(gql("{ serviceInfo { schemaHash } me { scopes } }"))
told["scopes"] = answer["me"]["scopes"]
told["types"] = "Instrument" in typed.schema.type_map
print(json.dumps(told))
'''


def test_gql_reads_the_schema_and_keeps_partial_data(tools: Path, proxy: str) -> None:
    folder = tools / "gql"
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True, timeout=INSTALL_S)
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*install, LIBRARY], check=True, timeout=INSTALL_S)
    done = subprocess.run(
        [python, "-c", PROGRAM, proxy],
        capture_output=True,
        text=True,
        timeout=ASK_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "codes": ["SCOPE_MISSING"],
        "count": 2,
        "scopes": ["catalogue:read", "graphql:adhoc"],
        "types": True,
    }
