"""What an operator's commands say of a hub that is well, needs a hand, or cannot be used."""

from __future__ import annotations

import logging
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
import structlog

from hub.cli import main as command_line
from hub.clock import system_clock
from hub.demo.sources import write_sources
from hub.embedded.server import DATABASE, EmbeddedPostgres
from hub.harvest.config import load_source
from hub.harvest.source import HarvestSource
from hub.operate.status import note_backup
from hub.store.migrations import differences, migrate, revision_of
from hub.store.roles import HUB, OWNER
from tests.databases import as_owner, as_role, lent_database, make_roles, superuser_name
from tests.integration.harvest.conftest import anhui, ecnu, systems, time

__all__ = ["anhui", "ecnu", "systems", "time"]
pytestmark = pytest.mark.integration
Call = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def _log() -> Iterator[None]:
    """The log of this process is as it was before."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    logging.captureWarnings(capture=False)
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


@pytest.fixture
def call(
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Call:
    """Calls a command as a shell does; returns its exit code, output and errors."""
    monkeypatch.setenv("HUB_DATABASE_URL", database_url)
    monkeypatch.setenv("HUB_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / "data").mkdir()

    def run(*words: str, **settings: str) -> tuple[int, str, str]:
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["deltahub", *words])
        with pytest.raises(SystemExit) as ended:
            command_line.main()
        told = capsys.readouterr()
        assert "Traceback" not in told.out + told.err
        return int(ended.value.code or 0), told.out, told.err

    return run


def execute(url: str, statement: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(statement.encode())


def test_a_hub_that_is_well_is_ten_lines_and_code_0(call: Call) -> None:
    for language, word in (("en", "all OK"), ("zh", "均正常")):
        code, told, _ = call("status", "--lang", language)
        assert (code, len(told.splitlines())) == (0, 10)
        assert word in told
        assert "!" not in told
    assert "版本" in call("status", LC_ALL="zh_CN.UTF-8")[1]
    assert "version" in call("status", LC_ALL="C")[1]
    assert call("status", "--lang", "fr")[0] == 2


def test_what_needs_a_hand_is_marked_named_and_code_1(
    call: Call, database_url: str, tmp_path: Path
) -> None:
    execute(
        database_url,
        "INSERT INTO source (source_id, title, mode, last_ok_at, last_status, created_at) VALUES"
        " ('late', 'x', 'PUSH', now() - interval '9 days', 'OK', now()),"
        " ('silent', 'x', 'PUSH', NULL, NULL, now());"
        "INSERT INTO quarantine (source, row_number, raw, problems, channel, party, assurance,"
        " as_of, created_at) SELECT 'late', n, '{}', '[]', 'PUSH', 'p', 'REQUEST_SIGNED', now(),"
        " now() FROM generate_series(1, 7) n;"
        "INSERT INTO entry (record_type, source, authority, key, owner, issuer, revision,"
        " commitment, withdrawal, assurance, channel, party, as_of, accepted_at) VALUES"
        " ('Instrument', 's', '', 'k', 'o', 'o', 1, sha256(''), false, 'HUB_OBSERVED', 'PUSH',"
        " 'hub:h', now(), now() - interval '1 hour')",
    )
    execute(
        database_url,
        "INSERT INTO registration (request_id, client_id, name, kid, jwk, scopes, sources, state,"
        " requested_at) SELECT n::text, 'c' || n, 'x', 'k' || n, '{}', '{}', '{}', state, now()"
        " FROM unnest(ARRAY['PENDING', 'PENDING', 'REFUSED']) WITH ORDINALITY s (state, n)",
    )
    note_backup(tmp_path / "data", system_clock() - timedelta(days=9))
    code, told, _ = call("status", "--lang", "en")
    assert code == 1
    assert "2 requests wait" in told
    marked = [line for line in told.splitlines() if line.startswith("! ")]
    assert [line.split()[1] for line in marked] == [
        *("log", "checkpoint", "sources", "quarantine", "backup", "clients")
    ]
    assert "STALE late; NEVER silent" in told
    assert "7 rows: late 7" in told
    assert "9 d ago" in told
    assert "1 entries have no checkpoint, the oldest for 36" in told


def test_a_webhook_that_was_stopped_is_named_with_what_to_do(call: Call, database_url: str) -> None:
    hooks = (
        "INSERT INTO webhook (webhook_id, client_id, url, scopes, state, secret, created_at)"
        " SELECT 'wh_' || state, 'c', 'https://hooks.example/' || state, '{}', state, 's', now()"
        " FROM unnest(ARRAY[%s]) state"
    )
    execute(database_url, hooks % "'ACTIVE', 'PENDING'")
    code, told, _ = call("status", "--lang", "en")
    assert (code, "webhooks    2: 1 ACTIVE, 1 PENDING\n" in told) == (0, True)
    execute(database_url, hooks % "'STOPPED'")
    for language, begins in (("en", "! webhooks"), ("zh", "! 推送")):
        code, told, _ = call("status", "--lang", language)
        (line,) = (each for each in told.splitlines() if each.startswith(begins))
        assert (code, "wh_STOPPED" in line, "deltahub webhook replay" in line) == (1, True, True)


def test_the_list_of_sources_says_of_each_what_every_answer_says(
    call: Call, database_url: str
) -> None:
    execute(
        database_url,
        "INSERT INTO source (source_id, title, mode, last_ok_at, last_status, last_error_code,"
        " active, created_at) VALUES"
        " ('fresh', 'x', 'PUSH', now(), 'OK', NULL, true, now()),"
        " ('late', 'x', 'PUSH', now() - interval '9 days', 'OK', NULL, true, now()),"
        " ('silent', 'x', 'PUSH', NULL, NULL, NULL, true, now()),"
        " ('dead', 'x', 'HARVEST', now(), 'FAILED', 'SOURCE_TIMEOUT', true, now()),"
        " ('past', 'x', 'PUSH', now() - interval '9 days', 'OK', NULL, false, now())",
    )
    code, told, _ = call("source", "list")
    assert code == 0
    states = {line.split()[0]: line.split("  ")[4] for line in told.splitlines()}
    assert states == {
        "fresh": "OK",
        "late": "STALE",
        "silent": "NEVER",
        "dead": "ERROR SOURCE_TIMEOUT",
        "past": "OK",
    }
    (closed,) = (line for line in told.splitlines() if line.startswith("past"))
    assert closed.endswith("closed")


def test_status_makes_nothing_where_no_hub_was(
    call: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("HUB_DATABASE_URL")
    code, told, _ = call("status", "--lang", "en", HUB_DATA_DIR=str(tmp_path / "none"))
    assert (code, "no hub has kept data" in told) == (1, True)
    assert not (tmp_path / "none").exists()


def test_status_says_when_the_database_is_away(call: Call) -> None:
    code, told, _ = call("status", HUB_DATABASE_URL="postgresql://hub:geheim77@127.0.0.1:1/hub")
    assert code == 1
    assert told.startswith("! ")
    assert "geheim77" not in told


def test_a_role_that_may_do_too_much_is_told(call: Call, database_url: str, cluster: str) -> None:
    owner = as_role(database_url, superuser_name(cluster))
    told = call("status", "--lang", "en", HUB_DATABASE_URL=owner)[1]
    assert "may change and delete what was stated" in told


def test_a_newer_database_is_told_and_left_alone(call: Call, database_url: str) -> None:
    present, _ = revision_of(database_url)
    execute(as_owner(database_url), "UPDATE alembic_version SET version_num = '9999'")
    try:
        code, _, told = call("store", "check")
        assert code == 2
        assert "newer version (revision 9999)" in told
        assert "更新的版本" in told
        assert len(told.splitlines()) <= 4
        assert call("status")[0] == 1
    finally:
        execute(as_owner(database_url), f"UPDATE alembic_version SET version_num = '{present}'")
    assert differences(database_url) == []


def test_a_role_that_may_not_migrate_is_told_which_setting_helps(call: Call, cluster: str) -> None:
    with lent_database(cluster) as url:
        made = make_roles(url)
        assert made.owner
        code, _, told = call("store", "migrate", HUB_DATABASE_URL=made.hub)
        assert code == 2
        assert "HUB_DATABASE_OWNER_URL" in told
        code, out, _ = call("store", "migrate", HUB_DATABASE_OWNER_URL=made.owner)
        assert (code, "of this version" in out) == (0, True)
        assert call("status")[0] == 0


def test_roles_are_printed_and_applied_to_a_database_of_ones_own(
    call: Call, cluster: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with lent_database(cluster) as url:
        migrate(url, "0004")  # by the superuser, as before there were roles
        code, printed, _ = call("database", "roles", HUB_DATABASE_URL=as_role(url, HUB))
        assert code == 0
        for each in (HUB, OWNER, "REVOKE CREATE ON SCHEMA public"):
            assert each in printed
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(printed.encode())
        made = make_roles(url)  # again changes nothing
        assert made.owner
        code, _, _ = call("store", "migrate", HUB_DATABASE_OWNER_URL=made.owner)
        assert code == 0
        code, told, _ = call("database", "roles", "--apply")
        assert (code, "were there" in told) == (0, True)
    monkeypatch.delenv("HUB_DATABASE_URL")
    assert call("database", "roles")[0] == 2


@pytest.mark.parametrize("place", ["/proc/hub", "/etc/passwd", "/etc/passwd/below"])
def test_a_data_folder_that_cannot_be_one_is_told(
    call: Call, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.delenv("HUB_DATABASE_URL")
    for words in (("serve",), ("store", "migrate"), ("source", "list")):
        code, _, told = call(*words, HUB_DATA_DIR=place)
        assert code == 2
        assert place in told
        assert len(told.splitlines()) <= 5


def test_a_read_only_data_folder_is_told_beside_another_database(
    call: Call, database_url: str
) -> None:
    code, _, told = call("serve", HUB_DATA_DIR="/proc/hub")
    assert code == 2
    assert "/proc/hub" in told
    assert len(told.splitlines()) <= 5


@pytest.fixture
def spaced() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="hub-test-") as folder:
        place = Path(folder) / "a space, 'quotes' and 100%"
        place.mkdir()
        yield place


def test_a_path_with_spaces_and_quotes_is_a_path(spaced: Path) -> None:
    server = EmbeddedPostgres(spaced / "pg", throwaway=True)
    plain = EmbeddedPostgres(spaced.parent / "with space" / "pg", throwaway=True)
    for each in (server, plain):
        try:
            with psycopg.connect(each.start()) as connection:
                assert connection.execute("SELECT 1").fetchone() == (1,)
            assert each.url_of(DATABASE, HUB).startswith("postgresql://hub@/hub?host=/")
        finally:
            each.stop()
    assert plain.socket_folder == plain.folder
    assert not server.socket_folder.exists()


def test_the_newest_runs_are_listed(call: Call, database_url: str) -> None:
    assert "no run yet" in call("source", "runs")[1]
    execute(
        database_url,
        "INSERT INTO run (run_id, source, mode, status, counts, error_code, message, started_at,"
        " ended_at) SELECT n::text, CASE WHEN n % 2 = 0 THEN 'even' ELSE 'odd' END, 'HARVEST',"
        " CASE n WHEN 4 THEN 'FAILED' ELSE 'OK' END, '{\"rows\": 12, \"accepted\": 0}',"
        " CASE n WHEN 4 THEN 'SOURCE_REFUSED' END, CASE n WHEN 4 THEN 'x\ny password=geheim77' END,"
        " timestamptz '2026-11-26 00:00Z' + n * interval '1 h',"
        " timestamptz '2026-11-26 00:00Z' + n * interval '1 h' + interval '90 s'"
        " FROM generate_series(1, 5) n",
    )
    code, told, _ = call("source", "runs")
    assert code == 0
    assert told.splitlines()[0].split()[1:5] == ["odd", "OK", "90.0", "s"]
    assert len(told.splitlines()) == 6
    assert "    SOURCE_REFUSED x y password=[secret]" in told
    assert len(call("source", "runs", "even", "--limit", "1")[1].splitlines()) == 2


async def test_the_sources_of_the_demo_can_be_harvested_by_hand(
    ecnu: HarvestSource, anhui: HarvestSource, tmp_path: Path
) -> None:
    folder = write_sources(tmp_path / "sources", [ecnu, anhui])
    for source in (ecnu, anhui):
        file = folder / f"{source.id}.toml"
        assert file.stat().st_mode & 0o077 == 0
        again = load_source(file)
        for name in ("id", "owners", "authority", "division_code", "title_zh"):
            assert getattr(again, name) == getattr(source, name), name
        assert again.adapter is source.adapter
        assert again.connection.place == source.connection.place
        assert type(again.connection) is type(source.connection)
        assert again.connection.secrets == source.connection.secrets
        async with again.session() as session:
            assert session.source == source.id
