"""A second hub, as a process of its own, is a source: read through DPoP, with one id at both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from secrets import token_hex

import psycopg
import pytest

from connectors.http.transport import open_client
from connectors.limits import Limits
from hub.access.clients import ClientKind
from hub.access.registration import (
    ClientGrant,
    admit,
    application_document,
    read_application,
)
from hub.access.store import DatabaseClientStore
from hub.client.keyfile import create_key, load_key
from hub.clock import system_clock
from hub.errors import SettingsError
from hub.harvest.config import load_source
from hub.harvest.connections import HubConnection
from hub.harvest.connections.hub import HUB, HubToken
from hub.harvest.report import RunStatus
from hub.harvest.service import Harvester
from hub.harvest.source import HarvestSource
from schema.strict_toml import read_toml
from tests.databases import Spares, as_owner, opened
from tests.running_hub import running_hub

pytestmark = pytest.mark.integration
TABLES = ("institution", "instrument", "service_offer", "opening_hours")
SCOPES = ("catalogue:read", "receipt:read", "changes:read")


@pytest.fixture(scope="module")
def peer(spares: Spares, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The address of another hub, and that of its database."""
    with spares.lent() as url, running_hub(url, tmp_path_factory.mktemp("peer")) as base:
        yield base, url


async def registered_at(url: str, key_file: Path) -> str:
    """Register a new key at the other hub; return the client."""
    name = f"hub-{token_hex(4)}"
    application = read_application(application_document(name, name, create_key(key_file).public))
    grant = ClientGrant("moe:10358", ClientKind.PEER, SCOPES)
    async with opened(url) as database:
        await admit(DatabaseClientStore(database), application, grant, system_clock())
    return name


@pytest.fixture
async def hub_source(peer: tuple[str, str], tmp_path: Path) -> HarvestSource:
    base, url = peer
    key_file = tmp_path / "key.pem"
    file = tmp_path / "zhejiang.toml"
    file.touch(mode=0o600)
    file.write_text(
        f'adapter = "peer_hub"\nowners = "any"\nkind = "PEER"\nauthority = "hub:zj/records"\n'
        f'[hub]\nurl = "{base}"\nclient_id = "{await registered_at(url, key_file)}"\n'
        f'key_file = "{key_file}"\n',
        "utf-8",
    )
    return load_source(file)


def ids(url: str, table: str, where: str = "true") -> set[str]:
    with psycopg.connect(as_owner(url)) as connection:
        rows = connection.execute(f"SELECT item_id FROM {table}_source WHERE {where}").fetchall()
    return {name for (name,) in rows}


async def test_it_is_asked_for_what_changed_and_nothing_is_missed(
    hub_source: HarvestSource, peer: tuple[str, str], database, database_url: str
) -> None:
    now = system_clock() + timedelta(days=8)
    harvester = Harvester(database, "hub:here", lambda: now)
    first = await harvester.harvest_if_due(hub_source, timedelta(minutes=10))
    assert first is not None
    now += timedelta(hours=1)
    then = await harvester.harvest_if_due(hub_source, timedelta(minutes=10))
    assert then is not None
    counts = then.counts()
    assert (then.status, counts["rows"]) == (RunStatus.OK, 0)
    assert counts["unchanged"] == first.counts()["accepted"] > 10
    assert not then.withdrawn
    assert ids(database_url, "instrument", "NOT withdrawn") == ids(peer[1], "instrument")


@pytest.mark.parametrize("days", [-1, 1])
async def test_a_clock_that_is_off_by_a_day_is_set_by_the_hub(
    hub_source: HarvestSource, peer: tuple[str, str], tmp_path: Path, days: int
) -> None:
    connection = hub_source.connection
    assert isinstance(connection, HubConnection)
    token = HubToken(
        "zhejiang",
        peer[0],
        connection.client_id,
        load_key(Path(connection.key_file)),
        clock=lambda: system_clock() + timedelta(days=days),
    )
    async with open_client(f"{peer[0]}/", limits=Limits(), auth=token) as client:
        answer = await client.get("clients/self")
    assert answer.status_code == 200, answer.text


async def test_a_key_that_is_not_registered_is_refused_and_nothing_of_it_is_told(
    hub_source: HarvestSource, tmp_path: Path, database
) -> None:
    connection = hub_source.connection
    assert isinstance(connection, HubConnection)
    create_key(tmp_path / "other.pem")
    strange = replace(connection, key_file=str(tmp_path / "other.pem"))
    source = replace(hub_source, connection=strange)
    report = await Harvester(database, "hub:here", system_clock).harvest(source)
    assert (report.status, report.error_code) == (RunStatus.FAILED, "SOURCE_DENIED")
    assert "invalid_client" in (report.message or "")
    assert "PRIVATE" not in str(report.counts())


@pytest.mark.parametrize(
    ("member", "says"),
    [
        ('url = "http://hub.zj.example"', "begins with https://"),
        ('url = "https://hub.zj.example"\nkey = "x"', "does not know key"),
        ('url = "https://hub.zj.example"\nclient_id = 7', "client_id is a text"),
        ('url = "https://hub.zj.example"\nclient_id = "c"\nkey_file = "/nowhere"', "no such file"),
        ('url = "https://hub.zj.example"\nhomes = "moe:1"', "homes lists keys"),
        ('url = "https://hub.zj.example"\nkeys = "/k"', "of no use without policy"),
        ('url = "https://hub.zj.example"\npolicy = "/nowhere"', "/nowhere: No such file"),
    ],
)
def test_a_file_that_cannot_be_right_is_refused_with_its_reason(
    tmp_path: Path, member: str, says: str
) -> None:
    key_file = tmp_path / "key.pem"
    create_key(key_file)
    known = {"client_id": '"c"', "key_file": f'"{key_file}"'}
    more = "\n".join(f"{name} = {value}" for name, value in known.items() if name not in member)
    with pytest.raises(ValueError, match=says):
        HUB.read("zhejiang", read_toml(f"[hub]\n{member}\n{more}\n", characters_max=4_096))


@pytest.mark.parametrize("kind", ["", 'kind = "PLATFORM"\n'])
def test_a_hub_of_another_kind_is_refused_as_its_rows_would_go_on_to_a_third_one(
    tmp_path: Path, kind: str
) -> None:
    key_file, file = tmp_path / "key.pem", tmp_path / "zhejiang.toml"
    create_key(key_file)
    file.touch(mode=0o600)
    text = (
        f'adapter = "peer_hub"\nowners = "any"\n{kind}authority = "hub:zj/records"\n'
        f'[hub]\nurl = "https://hub.zj.example"\nclient_id = "c"\nkey_file = "{key_file}"\n'
    )
    file.write_text(text, "utf-8")
    with pytest.raises(SettingsError, match='kind "PEER"'):
        load_source(file)


async def test_its_catalogue_is_here_with_the_same_ids_and_entries_of_this_hub(
    hub_source: HarvestSource, peer: tuple[str, str], database, database_url: str
) -> None:
    harvester = Harvester(database, "hub:here", system_clock)
    report = await harvester.harvest(hub_source)
    assert report.status is RunStatus.OK, report.counts()
    for table in TABLES:
        assert ids(database_url, table) == ids(peer[1], table) != set()
    rows = await database.writes.fetch_all(
        "SELECT count(*), count(*) FILTER (WHERE assurance = 'HUB_OBSERVED' AND commitment IS NOT "
        "NULL AND evidence IS NOT NULL AND party = 'hub:here') FROM entry"
    )
    assert rows[0][0] == rows[0][1] > 10
    again = await harvester.harvest(hub_source)
    assert again.counts()["accepted"] == 0
