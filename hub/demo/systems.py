"""`systems`: the sources of the demo: two that answer, one slow, one dead, one that fell silent.

A hub is judged by what it says when sources fail. `running` starts the sandbox systems; of two the
faults are switched on, and stay on: their lists are asked for again and again, and every answer
goes on saying how they stand. `state_silent` makes the fifth: a university that pushed once and has
not been heard for longer than it promised. All other stand-ins (`hub.demo.stands`) are read by the
hub itself once the story is told.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from adapters import discover
from connectors.limits import Limits
from hub.clock import Clock
from hub.demo.stands import Stand, stands
from hub.harvest.connections import ClientCredentials, HttpConnection, StaticToken
from hub.harvest.source import HarvestSource
from hub.intake.batch import Assurance, Batch, Channel, Evidence
from hub.intake.service import submit
from hub.sandbox.jiangsu import JiangsuPlatform, jiangsu
from hub.sandbox.serve import Systems, sandbox, serving
from hub.sandbox.shanghai import City, city
from hub.store.database import Database
from hub.store.sources import list_sources, register_source
from schema.dates import local_date

SLOW_S = 30
"""How long the slow system takes for an answer."""
WAIT_S = 1.0
"""How long the hub waits for it: the demo is to begin soon."""
SILENT = "zjut-push"
SILENT_OWNER = "moe:10337"
PROMISED = timedelta(days=7)
SILENT_FOR = timedelta(days=9)


@dataclass(frozen=True)
class DemoSystems:
    """The running systems, as the demo's hub knows them."""

    sources: tuple[HarvestSource, ...]
    """Those that the story reads before its question."""
    others: tuple[HarvestSource, ...]
    """Those that the hub reads afterwards by itself."""
    lines: tuple[str, ...]
    """Where they are, in words."""
    switches: Mapping[str, str]
    """Addresses of their fault switches, by source."""


@asynccontextmanager
async def running(clock: Clock, drop: Path, *, scale: float = 1.0) -> AsyncIterator[DemoSystems]:
    """Serve the systems as long as the block runs; one of them leaves files in the folder `drop`.

    `scale`: share of the instruments of those that the story reads; the others are always small.
    """
    today: Callable[[], date] = lambda: local_date(clock())  # noqa: E731 - one expression
    slow, dead = city(today, scale), jiangsu(today, scale)
    slow.switchboard.set({"slow": SLOW_S})
    dead.switchboard.set({"dead": True})
    async with (
        sandbox(clock, scale=scale) as well,
        serving(slow.app) as slow_url,
        serving(dead.app) as dead_url,
        stands(today, drop) as others,
    ):
        try:
            yield _demo_systems(well, slow, slow_url, dead, dead_url, others)
        finally:
            slow.switchboard.set({})  # nobody waits for its answers any more


def _demo_systems(
    well: Systems,
    slow: City,
    slow_url: str,
    dead: JiangsuPlatform,
    dead_url: str,
    others: Sequence[Stand],
) -> DemoSystems:
    urls = {"ecnu": well.ecnu_url, "anhui": well.anhui_url}
    urls |= {"shanghai": slow_url, "jiangsu": dead_url}
    return DemoSystems(
        others=tuple(each.source for each in others),
        sources=(
            _ecnu(well),
            _anhui(well),
            _platform("shanghai", slow_url, slow.token, "310000", ("慢", "slow")),
            _platform("jiangsu", dead_url, dead.token, "320000", ("停机", "dead")),
        ),
        lines=(
            f"sandbox university {well.ecnu_url}, province {well.anhui_url}",
            f"a slow platform {slow_url}, a dead one {dead_url}",
            f"read afterwards: {', '.join(each.source.id for each in others)}",
        ),
        switches={name: f"{url}/_faults" for name, url in urls.items()}
        | {each.source.id: each.switches for each in others},
    )


async def state_silent(database: Database, party: str, clock: Clock) -> None:
    """Let the hub have heard of one university, longer ago than it promised; once."""
    if SILENT in {source.source_id for source in await list_sources(database)}:
        return
    now = clock()
    await register_source(
        database,
        SILENT,
        "浙江工业大学推送（沙箱，已久未更新）",
        mode="PUSH",
        owners=[SILENT_OWNER],
        now=now,
        title_en="Zhejiang University of Technology, pushed (sandbox, not heard for long)",
        division_code="330000",
        promised_freshness_s=int(PROMISED.total_seconds()),
    )
    rows = [
        {
            "type": "Institution",
            "record": {
                "institutionKey": SILENT_OWNER,
                "name": {"zh": "浙江工业大学", "en": "Zhejiang University of Technology"},
                "kind": "UNIVERSITY",
                "divisionCode": "330100",
            },
        },
        {
            "type": "Instrument",
            "record": {
                "institutionKey": SILENT_OWNER,
                "localNo": "DEMO-OLD-01",
                "name": {"zh": "透射电子显微镜"},
                "classes": [{"scheme": "GB/T 32847", "version": "2016", "code": "010101"}],
                "model": "Tecnai G2 F20",
                "status": "IN_SERVICE",
                "sharing": "OUTSIDE",
                "place": {"divisionCode": "330100"},
            },
        },
    ]
    evidence = Evidence(assurance=Assurance.HUB_OBSERVED, document_hash=b"\0" * 32, run_id="demo")
    batch = Batch(
        source=SILENT,
        party=party,
        channel=Channel.FILE,
        rows=rows,
        evidence=evidence,
        as_of=now - SILENT_FOR,
    )
    await submit(database, batch, clock=clock)


def _ecnu(systems: Systems) -> HarvestSource:
    return HarvestSource(
        id="ecnu",
        adapter=discover()["ecnu"],
        connection=HttpConnection(
            base_url=systems.ecnu_url,
            auth=ClientCredentials(
                source="ecnu",
                token_url="/oauth2/token",  # noqa: S106 - a path
                client_id=systems.ecnu.client_id,
                client_secret=systems.ecnu.client_secret,
            ),
        ),
        owners=("moe:10269",),
        division_code="310000",
    )


def _anhui(systems: Systems) -> HarvestSource:
    return HarvestSource(
        id="anhui",
        adapter=discover()["anhui"],
        connection=HttpConnection(
            base_url=systems.anhui_url,
            auth=StaticToken(systems.anhui.api_key, header="X-Api-Key"),
        ),
        owners=None,
        authority="platform:anhui/booking",
        division_code="340000",
        title_zh="长三角科技资源共享服务平台（沙箱，接口同安徽平台）",
        title_en="Delta sharing platform (sandbox, with Anhui's interface)",
    )


def _platform(
    name: str, url: str, token: str, division: str, how: tuple[str, str]
) -> HarvestSource:
    """Return the platform of a province that fails as `how` says, in zh and en."""
    titles = {
        "shanghai": ("上海平台", "Shanghai's platform"),
        "jiangsu": ("江苏平台", "Jiangsu's platform"),
    }
    zh, en = titles[name]
    return HarvestSource(
        id=name,
        adapter=discover()[name],
        connection=HttpConnection(base_url=url, auth=StaticToken(f"Bearer {token}")),
        owners=None,
        authority=f"platform:{name}/booking",
        division_code=division,
        title_zh=f"{zh}（沙箱，{how[0]}）",
        title_en=f"{en} (sandbox, {how[1]})",
        limits=Limits(attempts_max=1, read_s=WAIT_S),
    )
