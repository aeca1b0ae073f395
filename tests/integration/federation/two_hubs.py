"""Two provinces with a hub each, as processes of their own, and the university that one asks.

Shanghai knows Fudan. Zhejiang knows a university that can be asked live (`campus`) and one that
pushes (`zju`). Each is registered with the other as a peer and follows it through a line that a
test can cut. Both keep a log of their own.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psycopg

from hub.access.clients import ClientKind
from hub.access.registration import (
    ClientGrant,
    admit,
    application_document,
    read_application,
)
from hub.access.store import DatabaseClientStore
from hub.client.hub_client import HubClient
from hub.client.keyfile import create_key, load_key
from hub.clock import system_clock
from hub.harvest.config import load_source
from hub.harvest.report import HarvestReport
from hub.harvest.service import Harvester
from hub.harvest.source import HarvestSource
from hub.intake.batch import Assurance, Batch, Channel, Evidence, Outcomes
from hub.intake.service import submit
from hub.sandbox.serve import serving
from hub.store.database import Database
from hub.store.sources import register_source
from tests.databases import Spares, as_owner, opened
from tests.integration.federation.campus import UNIVERSITY, Campus
from tests.running_hub import free_port, running_hub

FUDAN, ZJU = "moe:10246", "moe:10335"
NRII_CODE = "a1b2c3d4e5f60718293a4b5c6d7e8f90"
"""By which the national platform knows Zhejiang University here."""
ORIGINS = {
    "shanghai": "hub.sh.example/records",
    "zhejiang": "hub.zj.example/records",
    "jiangsu": "hub.js.example/records",
}
OWNERS = {"fudan": [FUDAN], "zju": [ZJU], "delta": [FUDAN, ZJU]}
PEER_SCOPES = ("catalogue:read", "receipt:read", "changes:read")
SHANGHAI_TIME = timedelta(hours=8)
STARTING_AT_ONCE = 2
"""Hubs that start beside each other: each has a minute, however busy the machine is."""


@dataclass
class Line:
    """What a hub hears another one through: cut, it takes everything and answers nothing."""

    port: int
    target: str
    is_cut: bool = False
    is_deaf: bool = False
    """It carries what is said there, and nothing that is answered."""
    spoils: tuple[bytes, bytes] = (b"", b"")
    """In answers it puts the second text, as long as the first, in place of it."""
    tokens: int = 0
    """Times that a token was asked for."""
    calls: int = 0
    _carried: set[asyncio.Task[Any]] = field(default_factory=set)

    async def mend(self) -> None:
        """Carry again; what was said meanwhile is lost, and who said it is told."""
        self.is_cut = self.is_deaf = False
        for task in list(self._carried):
            task.cancel()
        await asyncio.gather(*self._carried, return_exceptions=True)

    @asynccontextmanager
    async def laid(self) -> AsyncIterator[None]:
        """Carry what comes, as long as the block runs."""

        async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            self._carried.add(task)
            task.add_done_callback(self._carried.discard)
            self.calls += 1
            parts = urlsplit(self.target)
            there_reader, there = await asyncio.open_connection(parts.hostname, parts.port)
            try:
                await asyncio.gather(
                    self._pipe(reader, there), self._pipe(there_reader, writer, is_answer=True)
                )
            finally:
                there.close()
                writer.close()

        server = await asyncio.start_server(carry, "127.0.0.1", self.port)
        try:
            yield
        finally:
            server.close()
            await self.mend()
            await server.wait_closed()

    async def _pipe(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        is_answer: bool = False,
    ) -> None:
        while data := await reader.read(65_536):
            if is_answer and self.spoils[0]:
                data = data.replace(*self.spoils)
            elif not is_answer:
                self.tokens += data.count(b"POST /oauth/token")
            if not (self.is_cut or (is_answer and self.is_deaf)):
                writer.write(data)
                await writer.drain()
        writer.close()


@dataclass
class Province:
    """One hub: where it is, its database, its folder of sources, and the line to it."""

    name: str
    folder: Path
    url: str
    line: Line
    base: str = ""
    """Its address on this machine; others reach it through the line."""
    keys: dict[str, Path] = field(default_factory=dict)

    @property
    def public(self) -> str:
        return f"http://127.0.0.1:{self.line.port}"

    @property
    def sources(self) -> Path:
        return self.folder / "sources"

    def source(self, name: str) -> HarvestSource:
        return load_source(self.sources / f"{name}.toml")

    def client(self, name: str) -> HubClient:
        return HubClient(self.public, name, load_key(self.keys[name]))

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(as_owner(self.url)) as connection:
            return connection.execute(statement.encode(), values).fetchall()

    async def harvest(self, name: str, hours: float | None = None) -> HarvestReport:
        """Read a source; with hours, what is due so many hours from now."""
        at = system_clock() + timedelta(hours=hours or 0)
        async with opened(self.url) as database:
            harvester = Harvester(database, f"hub:{ORIGINS[self.name]}", lambda: at)
            if hours is None:
                return await harvester.harvest(self.source(name))
            report = await harvester.harvest_if_due(self.source(name), timedelta(minutes=10))
            assert report is not None
            return report

    async def state(self, source: str, *rows: dict[str, Any]) -> Outcomes:
        async with opened(self.url) as database:
            return await put(database, source, list(rows))

    async def knows(self, source: str) -> None:
        """Register a source that has said nothing yet."""
        async with opened(self.url) as database:
            await register(database, source)


@dataclass
class Provinces:
    """Both, and the port of the university."""

    shanghai: Province
    zhejiang: Province
    campus_port: int

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[Campus]:
        """Lay both lines and open the university, as long as the block runs."""
        campus = Campus()
        campus.bookings = []
        async with (
            self.shanghai.line.laid(),
            self.zhejiang.line.laid(),
            serving(campus.app, self.campus_port),
        ):
            yield campus
            campus.switchboard.set({})


def instrument(owner: str, number: str, **more: Any) -> dict[str, Any]:
    record = {
        "institutionKey": owner,
        "localNo": number,
        "name": {"zh": f"120 kV 透射电子显微镜 {number}"},
        "classes": [{"scheme": "GB/T 32847", "version": "2016", "code": "010101"}],
        "status": "IN_SERVICE",
        "use": "GENERAL",
        "sharing": "OUTSIDE",
        "place": {"divisionCode": "310110"},
        **more,
    }
    return {"type": "Instrument", "record": record}


def institution(owner: str, name: str, division: str, **more: Any) -> dict[str, Any]:
    record = {
        "institutionKey": owner,
        "name": {"zh": name},
        "kind": "UNIVERSITY",
        "divisionCode": division,
        **more,
    }
    return {"type": "Institution", "record": record}


def booked(number: str, name: str, begin: datetime, hours: int) -> dict[str, Any]:
    """A booking of the campus."""
    start = begin + SHANGHAI_TIME
    form = "%Y-%m-%d %H:%M:%S"
    return {
        "yqbh": number,
        "yybh": name,
        "yylx": "预约",
        "kssj": start.strftime(form),
        "jssj": (start + timedelta(hours=hours)).strftime(form),
        "zt": "已通过",
        "yyr": "课题组",
        "dh": "",
    }


async def register(database: Database, source: str) -> None:
    await register_source(
        database, source, source, mode="PUSH", now=system_clock(), owners=OWNERS[source]
    )


async def put(database: Database, source: str, rows: list[dict[str, Any]]) -> Outcomes:
    """State rows in the name of a source, as what the hub itself saw."""
    await register(database, source)
    batch = Batch(
        source=source,
        party="hub:here",
        channel=Channel.FILE,
        rows=rows,
        evidence=Evidence(assurance=Assurance.HUB_OBSERVED, document_hash=b"\0" * 32, run_id="1"),
        as_of=system_clock(),
    )
    return await submit(database, batch, clock=system_clock)


async def seed_shanghai(url: str) -> None:
    async with opened(url) as database:
        await put(database, "fudan", [institution(FUDAN, "复旦大学", "310110")])
        await put(database, "fudan", [instrument(FUDAN, "S1"), instrument(FUDAN, "S2")])


async def seed_zhejiang(url: str) -> None:
    async with opened(url) as database:
        known = {"identifiers": [{"scheme": "NRII", "value": NRII_CODE}]}
        await put(database, "zju", [institution(ZJU, "浙江大学", "330106", **known)])
        valued = {"originalValue": {"amount": "1200000", "currency": "CNY"}}
        await put(database, "zju", [instrument(ZJU, "Z1"), instrument(ZJU, "Z2", **valued)])


async def registered(
    province: Province,
    name: str,
    kind: ClientKind,
    scopes: tuple[str, ...],
    source: str = "",
    *,
    party: str = "moe:10358",
) -> None:
    """Register a client with a new key."""
    key_file = province.folder / f"{name}.pem"
    key = create_key(key_file)
    province.keys[name] = key_file
    application = read_application(application_document(name, name, key.public))
    grant = ClientGrant(party, kind, scopes, (source,) if source else ())
    async with opened(province.url) as database:
        await admit(DatabaseClientStore(database), application, grant, system_clock())


@contextmanager
def two_provinces(spares: Spares, folder: Path) -> Iterator[Provinces]:
    """Run both hubs, registered with each other."""
    seeds = {"shanghai": seed_shanghai, "zhejiang": seed_zhejiang}
    with hubs_of(spares, folder, seeds) as made:
        both = Provinces(made["shanghai"], made["zhejiang"], free_port())
        asyncio.run(_acquaint(both))
        yield both


@contextmanager
def hubs_of(
    spares: Spares, folder: Path, seeds: Mapping[str, Callable[[str], Awaitable[None]]]
) -> Iterator[dict[str, Province]]:
    """Run a hub for each name of `ORIGINS`, with what its database is seeded with."""
    with ExitStack() as stack, ThreadPoolExecutor(STARTING_AT_ONCE) as threads:
        made: dict[str, Province] = {}
        starting: dict[str, tuple[Any, Future[str]]] = {}
        for name, seed in seeds.items():
            place = folder / name
            (place / "sources").mkdir(parents=True)
            url = stack.enter_context(spares.lent())
            province = made[name] = Province(name, place, url, Line(free_port(), ""))
            settings = {
                "HUB_LOG_ORIGIN": ORIGINS[name],
                "HUB_PUBLIC_BASE": province.public,
                "HUB_SOURCE_SECRETS_DIR": str(province.sources),
                "HUB_HARVEST_INTERVAL_S": "0",
                "HUB_SANDBOX": "0",
            }
            running = running_hub(url, place, settings, seed)
            starting[name] = running, threads.submit(running.__enter__)
        for running, started in starting.values():
            if started.exception() is None:
                stack.push(running.__exit__)
        for name, (_, started) in starting.items():
            made[name].base = made[name].line.target = started.result()
        yield made


async def _acquaint(both: Provinces) -> None:
    shanghai, zhejiang = both.shanghai, both.zhejiang
    for here, there, home, foreign in (
        (shanghai, zhejiang, FUDAN, ZJU),
        (zhejiang, shanghai, ZJU, FUDAN),
    ):
        hands_on = here.name == "shanghai"
        scopes = (*PEER_SCOPES, "records:push") if hands_on else PEER_SCOPES
        source = "zju" if hands_on else ""
        await registered(there, f"hub-{here.name}", ClientKind.PEER, scopes, source)
        policy = here.folder / f"{there.name}.policy"
        policy.write_bytes(httpx.get(f"{there.base}/log/policy", timeout=10).content)
        written(
            here.sources / f"{there.name}.toml",
            f'adapter = "peer_hub"\nowners = "any"\nkind = "PEER"\n'
            f'authority = "hub:{there.name}/records"\n'
            f'[hub]\nurl = "{there.public}"\nclient_id = "hub-{here.name}"\n'
            f'key_file = "{there.keys[f"hub-{here.name}"]}"\npolicy = "{policy}"\n'
            + (f'homes = {{ "{foreign}" = "{source}" }}' if hands_on else f'homes = ["{foreign}"]')
            + f'\n[facts]\nhome_of = ["{home}"]\n',
        )
    written(
        zhejiang.sources / "campus.toml",
        f'adapter = "ecnu"\nbase_url = "http://127.0.0.1:{both.campus_port}/"\n'
        f'owners = ["{UNIVERSITY}"]\ndivision_code = "310000"\n[token]\nvalue = "x"\n',
    )
    reading = ("catalogue:read", "graphql:adhoc")
    await registered(shanghai, "reader", ClientKind.PARTNER, reading)


def written(file: Path, text: str) -> None:
    file.touch(mode=0o600)
    file.write_text(text, "utf-8")
