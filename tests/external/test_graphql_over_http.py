"""GraphQL over HTTP, judged by the reference implementation's audit suite."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from hub.graphql.endpoint import PATH, SUBGRAPH_PATH
from tests.node_tools import ROOT, NodeTools
from tests.running_hub import running_hub

pytestmark = [pytest.mark.external, pytest.mark.integration]

AUDITS = 61
PAGES = ROOT / "hub" / "pages"


def test_every_audit_of_graphql_over_http_is_passed(
    suites: NodeTools, database_url: str, tmp_path: Path
) -> None:
    with running_hub(database_url, tmp_path) as base:
        for path in (PATH, SUBGRAPH_PATH):
            done = suites.node("audit.mjs", base, str(PAGES), path)
            assert done.returncode == 0, done.stderr
            results = json.loads(done.stdout)
            assert [each for each in results if each["status"] != "ok"] == [], path
            assert Counter(each["status"] for each in results) == {"ok": AUDITS}
