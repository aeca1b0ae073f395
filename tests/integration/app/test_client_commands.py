"""The operator's commands on clients and sources: each does one thing, and says what is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner

from hub.access.registration import application_document
from hub.cli import client as client_commands
from hub.cli import source as source_commands
from hub.cli.audit import app as audit_app
from hub.cli.main import assemble
from hub.crypto.keys import SigningKey, generate_key

pytestmark = pytest.mark.integration
PARTY = "uscc:12100000470095016Q"
GRANT = ("--party", PARTY, "--kind", "UNIVERSITY", "--scope", "records:push")
Run = Callable[..., str]


@pytest.fixture
def deltahub(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command; one that is expected to fail says so with `code`."""
    monkeypatch.setenv("HUB_DATABASE_URL", database_url)
    groups = {"client": client_commands.app, "source": source_commands.app, "audit": audit_app}

    def run(*words: str, code: int = 0) -> str:
        done = CliRunner().invoke(groups[words[0]], list(words[1:]))
        said = done.output
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            said += str(done.exception)  # an error of the hub is printed by `main`
            assert code == 2
            assert hasattr(done.exception, "hint"), done.exception
        else:
            assert done.exit_code == code, said
        return said

    return run


@pytest.fixture
def document(tmp_path: Path) -> Callable[..., str]:
    def write(client_id: str = "zju", key: SigningKey | None = None) -> str:
        made = application_document(client_id, "浙江大学", (key or generate_key()).public)
        path = tmp_path / f"{client_id}.json"
        path.write_text(json.dumps(made), "utf-8")
        return str(path)

    return write


def dashed_key() -> SigningKey:
    """Make a key whose id begins with `-`, as one in 64 does."""
    while not (key := generate_key()).kid.startswith("-"):
        pass
    return key


def test_a_client_lives_from_registration_to_removal(
    deltahub: Run, document: Callable[..., str]
) -> None:
    deltahub("client", "register", document(), *GRANT, "--new-source", f"zju-push={PARTY}")
    assert "speaks for: " + PARTY in deltahub("source", "show", "zju-push")
    deltahub("client", "suspend", "zju")
    assert "SUSPENDED" in deltahub("client", "show", "zju")
    deltahub("client", "resume", "zju")
    changed = deltahub("client", "change", "zju", "--scope", "catalogue:read", "--no-source")
    assert "catalogue:read  sources: -" in changed
    assert "records:push" not in changed
    deltahub("client", "remove", "zju")
    removed = deltahub("client", "show", "zju")
    assert "zju  REMOVED" in removed
    assert "RETIRED" in removed
    for act in ("resume", "suspend", "remove"):
        assert "was removed" in deltahub("client", act, "zju", code=2)
    assert "registered already" in deltahub("client", "register", document(), *GRANT, code=2)


def test_a_client_that_is_not_there_is_a_message(deltahub: Run) -> None:
    for act in ("show", "suspend", "resume", "remove"):
        assert "there is no client nobody" in deltahub("client", act, "nobody", code=2)


WRONG = {
    ("--party", "91110000600037341L"): "no party",
    ("--party", "foo:91110000600037341L"): "uscc:…, moe:… or ror:…",
    ("--party", "uscc:91110000600037341X"): "uscc:91110000600037341X: ",
    ("--party", "hub:me"): "no party",
    ("--agent", "uscc:911100006000"): "uscc:911100006000",
    ("--source", "nowhere"): "no such source: nowhere",
    ("--scope", "root"): "no such scope: root",
    ("--scope", "operator:policy"): "nothing is served yet under operator:policy",
    ("--new-source", "made"): "write id=uscc:…",
    ("--new-source", "made=uscc:1"): "made: uscc:1",
    ("--new-source", f"-made={PARTY}"): "-made",
}


def test_a_wrong_registration_is_refused_and_leaves_nothing(
    deltahub: Run, document: Callable[..., str]
) -> None:
    made = ("--new-source", f"zju-push={PARTY}")
    for words, said in WRONG.items():
        told = deltahub("client", "register", document(), *GRANT, *made, *words, code=2)
        assert said in " ".join(told.split())
    assert deltahub("client", "list") == ""
    assert "zju-push" not in deltahub("source", "list")


def test_an_id_that_begins_with_a_dash_is_taken_as_it_is(
    deltahub: Run, document: Callable[..., str]
) -> None:
    first, second = dashed_key(), dashed_key()
    deltahub("client", "register", document(key=first), *GRANT)
    deltahub("client", "add-key", "zju", document("second", second), "--retire", first.kid)
    assert "has ended" in deltahub("client", "revoke-key", first.kid, "--lost")
    assert "has ended" in deltahub("client", "revoke-key", "--", second.kid)
    shown = deltahub("client", "show", "zju")
    assert f"{first.kid}  LOST" in shown
    assert f"{second.kid}  REVOKED" in shown


def test_a_key_that_nobody_has_is_a_message_and_no_traceback(deltahub: Run) -> None:
    for kid in ("nonsense", "-nonsense"):
        assert "no active key has this" in deltahub("client", "revoke-key", kid, code=2)


def test_a_file_that_holds_no_key_is_a_message(deltahub: Run, tmp_path: Path) -> None:
    for content in ("", "[]", '{"jwk": 1}', '{"kty": "oct"}'):
        (tmp_path / "x.json").write_text(content)
        assert "not added" in deltahub("client", "add-key", "zju", str(tmp_path / "x.json"), code=2)
        assert "not registered" in deltahub(
            "client", "register", str(tmp_path / "x.json"), *GRANT, code=2
        )


def test_a_source_is_never_overwritten_and_never_speaks_for_anybody_by_omission(
    deltahub: Run, database_url: str
) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO source (source_id, title, mode, owners, kind, authority, created_at) "
            "VALUES ('ecnu', '采集', 'HARVEST', %s, 'OWN', 'moe:10269/ecnu', %s)",
            (["moe:10269"], datetime(2026, 1, 1, tzinfo=UTC)),
        )
    before = deltahub("source", "show", "ecnu")
    assert "registered already" in deltahub(
        "source", "add", "ecnu", "--title", "x", "--owner", PARTY, code=2
    )
    assert "its file says" in deltahub("source", "change", "ecnu", "--any-owner", code=2)
    assert deltahub("source", "show", "ecnu") == before
    assert "--any-owner" in deltahub("source", "add", "mine", "--title", "x", code=2)
    assert "uscc" in deltahub("source", "add", "mine", "--title", "x", "--owner", "zju", code=2)
    assert "is no id" in deltahub("source", "add", "a b", "--title", "x", "--owner", PARTY, code=2)
    deltahub("source", "add", "mine", "--title", "x", "--owner", PARTY)
    assert "anybody" in deltahub("source", "change", "mine", "--any-owner")
    assert f"speaks for: {PARTY}" in deltahub("source", "change", "mine", "--owner", PARTY)
    assert "  closed" in deltahub("source", "change", "ecnu", "--close")
    assert "say what changes" in deltahub("source", "change", "ecnu", code=2)
    assert deltahub("audit", "list").count("source change") >= 3


def test_a_source_that_said_nothing_is_gone_and_another_one_is_closed(
    deltahub: Run, document: Callable[..., str], database_url: str
) -> None:
    deltahub("client", "register", document(), *GRANT, "--new-source", f"zju-push={PARTY}")
    assert "is removed" in deltahub("source", "remove", "zju-push")
    assert "sources: -" in deltahub("client", "show", "zju")
    assert "There is no source" in deltahub("source", "remove", "zju-push", code=2)
    deltahub("source", "add", "spoke", "--title", "x", "--owner", PARTY)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("INSERT INTO former_source VALUES ('older', 'spoke')")
    assert "is closed" in deltahub("source", "remove", "spoke")
    assert "source remove" in deltahub("audit", "list")
    assert "closed" in deltahub("source", "show", "spoke")
    assert "open" in deltahub("source", "change", "spoke", "--open")


def test_what_waits_is_listed_and_decided(
    deltahub: Run, document: Callable[..., str], database_url: str
) -> None:
    assert "no registration waits" in deltahub("client", "requests")
    keys = [generate_key() for _ in range(2)]
    with psycopg.connect(database_url, autocommit=True) as connection:
        for number, key in enumerate(keys):
            connection.execute(
                "INSERT INTO registration VALUES (%s, %s, 'x', %s, %s, '{}', '{}', 'PENDING', NULL,"
                " '192.0.2.1', now(), NULL)",
                (f"reg-{number}", f"client-{number}", key.kid, json.dumps(key.public.jwk)),
            )
    assert len(deltahub("client", "requests").splitlines()) == 2
    assert "18 characters" in deltahub(
        "client", "approve", "reg-0", "--party", "uscc:1", *GRANT[2:], code=2
    )
    deltahub("client", "approve", "reg-0", *GRANT)
    assert keys[0].kid in deltahub("client", "show", "client-0")
    assert "APPROVED" in deltahub("client", "approve", "reg-0", *GRANT, code=2)
    deltahub("client", "refuse", "reg-1", "--reason", "who are you")
    assert "who are you" in deltahub("client", "requests", "--all")
    assert "no registration waits" in deltahub("client", "requests")
    assert "there is no request" in deltahub("client", "approve", "reg-9", *GRANT, code=2)


def test_every_act_has_a_command_and_a_help_text() -> None:
    acts = {"register", "requests", "approve", "refuse", "list", "show", "change", "suspend"}
    acts |= {"resume", "remove", "add-key", "revoke-key", "apply", "self", "rotate", "retire-key"}
    done = CliRunner().invoke(assemble("client"), ["client", "--help"], terminal_width=200)
    assert {act for act in acts if f" {act} " not in done.output} == set()


def test_the_operator_keeps_documents_of_a_client_and_the_audit_says_so(
    deltahub: Run, document: Callable[..., str], tmp_path: Path, database_url: str
) -> None:
    deltahub("client", "register", document(), *GRANT, "--new-source", f"zju-push={PARTY}")
    good, bad = tmp_path / "good.graphql", tmp_path / "bad.graphql"
    good.write_text("{ me { party } }", "utf-8")
    bad.write_text("{ me { nothing }\n also }", "utf-8")
    told = deltahub("client", "document", "add", str(bad), "--client", "zju", code=2)
    assert "1:8  GRAPHQL_VALIDATION_FAILED" in told
    assert "2:2  GRAPHQL_VALIDATION_FAILED" in told
    added = deltahub("client", "document", "add", str(good), "--client", "zju", "--name", "me")
    assert added.startswith("sha256:")
    assert added.endswith(" me\n")
    assert added.split()[0] in deltahub("client", "document", "list", "--client", "zju")
    deltahub("client", "document", "add", str(good), "--client", "nobody", code=2)
    deltahub("client", "document", "remove", str(good), "--client", "zju")
    deltahub("client", "document", "remove", str(good), "--client", "zju", code=2)
    assert "no documents" in deltahub("client", "document", "list", "--client", "zju")
    assert "--client" in deltahub("client", "document", "list", code=2)
    with psycopg.connect(database_url) as connection:
        acts = connection.execute("SELECT action FROM audit WHERE kind = 'ACT'").fetchall()
    assert {"client document add", "client document remove"} <= {row[0] for row in acts}
