"""A partner's command and a web page of another origin, with a hub that really runs."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from hub.access import dpop
from hub.cli.client import app
from hub.cli.context import run
from hub.client.profile import load_profile
from hub.clock import system_clock
from tests.running_hub import FUDAN, running_hub

pytestmark = pytest.mark.integration
PAGE = "https://lab.example.edu.cn"
TEXT = "{ instruments(first: 50) { totalCount nodes { key name { zh en } status sharing } } }"


def command(*words: str, code: int = 0) -> str:
    done = CliRunner().invoke(app, list(words))
    assert done.exit_code == code, done.output
    return done.output


async def asked(base: str, profile: Path, identifier: str, tag: str = "") -> httpx.Response:
    """GET as a page does, with the token of its user's client."""
    async with load_profile(profile).client() as client:
        token = await client.token()
        proof = dpop.make(client.key, "GET", f"{base}/graphql", system_clock(), token=token)
    headers = {"authorization": f"DPoP {token}", "dpop": proof, "origin": PAGE}
    headers |= {"accept-encoding": "gzip"} | ({"if-none-match": tag} if tag else {})
    async with httpx.AsyncClient() as http:
        return await http.get(f"{base}/graphql", params={"documentId": identifier}, headers=headers)


async def preflight(base: str, origin: str) -> httpx.Response:
    wanted = {"access-control-request-method": "GET", "access-control-request-headers": "dpop"}
    async with httpx.AsyncClient() as http:
        return await http.options(f"{base}/graphql", headers={"origin": origin, **wanted})


def test_a_page_runs_its_clients_document_and_is_not_sent_it_twice(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUB_DATABASE_URL", database_url)
    file, mine = tmp_path / "mine.graphql", tmp_path / "me"
    file.write_text(TEXT, "utf-8")
    closed = {"HUB_CORS_ORIGINS": PAGE, "HUB_ANONYMOUS": "0"}
    with running_hub(database_url, tmp_path, closed) as base:
        command("new", str(mine), "--id", "page", "--name", "网页", "--hub", base)
        registration = (str(mine / "registration.json"), "--party", FUDAN, "--kind", "PARTNER")
        command("register", *registration, "--scope", "catalogue:read")
        profile = mine / "profile.toml"
        user = ("--as", str(profile))
        assert "no documents" in command("document", "list", *user)
        file.write_text(TEXT.replace("status", "state"), "utf-8")
        told = command("document", "add", str(file), *user, code=2)
        assert "GRAPHQL_VALIDATION_FAILED" in told
        file.write_text(TEXT, "utf-8")
        identifier = command("document", "add", str(file), *user, "--name", "list").split()[0]
        assert identifier in command("document", "list", *user)
        assert "DOCUMENT_REQUIRED" in command("query", TEXT + " ", *user, code=1)

        assert run(preflight(base, PAGE)).status_code == 204
        assert run(preflight(base, "https://evil.example")).status_code == 403
        first = run(asked(base, profile, identifier))
        assert first.json()["data"]["instruments"]["totalCount"] > 1
        assert first.headers["access-control-allow-origin"] == PAGE
        assert first.headers["content-encoding"] == "gzip"
        held = run(asked(base, profile, identifier, first.headers["etag"]))
        assert (held.status_code, held.content) == (304, b"")
        assert held.headers["access-control-allow-origin"] == PAGE
        command("document", "remove", str(file), *user)
        gone = run(asked(base, profile, identifier, first.headers["etag"]))
        assert gone.json()["errors"][0]["extensions"]["code"] == "DOCUMENT_UNKNOWN"
