"""`parties`: the demo's partners: a university, a partner platform, a voucher system, with keys.

Keys and profiles are kept under `<data folder>/demo/<host>-<port>/<name>`: they are the same on
every run, `deltahub client --as …` can use them, and a run at another address leaves them alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from hub.access.clients import ClientKind
from hub.access.registration import ClientGrant, admit, application_document, read_application
from hub.access.store import DatabaseClientStore
from hub.client import create_key, load_key
from hub.client.profile import Profile, load_profile
from hub.clock import Clock
from hub.demo import records, vouchers
from hub.store.database import Database
from hub.store.sources import register_source
from schema.codes import SystemPurpose


@dataclass(frozen=True, slots=True)
class Party:
    """One partner of the demo."""

    name: str
    title: str
    party: str
    kind: ClientKind
    scopes: tuple[str, ...]
    sources: tuple[str, ...] = ()

    def profile(self, folder: Path) -> Path:
        """Return the path of its profile file."""
        return folder / self.name / "profile.toml"


UNIVERSITY = Party(
    "university",
    "浙江大学 Zhejiang University",
    records.UNIVERSITY,
    ClientKind.UNIVERSITY,
    ("catalogue:read", "records:push", "records:withdraw", "receipt:read"),
    (records.SOURCE,),
)
PARTNER = Party(
    "partner",
    "外省共享平台 partner platform",
    records.PARTNER,
    ClientKind.PARTNER,
    ("catalogue:read", "asset:read", "receipt:read", "graphql:adhoc"),
)
VOUCHER = Party(
    "voucher",
    "创新券系统 voucher system",
    records.VOUCHER,
    ClientKind.VOUCHER,
    ("catalogue:read", "service:read", "voucher:read", "receipt:read"),
)
LAB = Party(
    "lab",
    "浙江大学 分析测试中心 the university's laboratory",
    records.UNIVERSITY,
    ClientKind.UNIVERSITY,
    ("catalogue:read", "service:read", "voucher:read", "voucher:verify", "voucher:claim"),
)
OFFICE = Party(
    "office",
    "创新券办（示范） voucher office",
    records.VOUCHER,
    ClientKind.VOUCHER,
    (
        *("catalogue:read", "service:read", "voucher:read", "voucher:verify", "voucher:claim"),
        *("receipt:read", "records:push"),
    ),
    (vouchers.OFFICE_SOURCE,),
)
ENTERPRISE = Party(
    "enterprise",
    "示范企业（虚构） enterprise",
    vouchers.ENTERPRISE,
    ClientKind.PARTNER,
    (
        *("catalogue:read", "service:read", "voucher:read", "voucher:verify", "voucher:claim"),
        *("receipt:read", "records:push"),
    ),
    (vouchers.ENTERPRISE_SOURCE,),
)
REGISTER = Party(
    "register",
    "登记机关（示范） register of businesses",
    vouchers.REGISTER,
    ClientKind.DEPARTMENT,
    ("catalogue:read", "records:push"),
    (vouchers.REGISTER_SOURCE,),
)
PARTIES = (UNIVERSITY, PARTNER, VOUCHER, LAB, OFFICE, ENTERPRISE, REGISTER)


def home(data_dir: Path, hub: str) -> Path:
    """Return the folder of the demo's partners of the hub at this address."""
    return data_dir / "demo" / urlsplit(hub).netloc.replace(":", "-")


async def register(database: Database, folder: Path, hub: str, clock: Clock) -> dict[str, Profile]:
    """Create keys, profiles and registrations that are missing; return the profiles by name."""
    zh, en = records.SOURCE_TITLE
    await register_source(
        database,
        records.SOURCE,
        zh,
        mode="PUSH",
        owners=[records.UNIVERSITY],
        now=clock(),
        title_en=en,
        division_code="330000",
        promised_freshness_s=7 * 86_400,
    )
    for party in (OFFICE, ENTERPRISE):
        for source in party.sources:
            await register_source(
                database, source, party.title, mode="PUSH", owners=[party.party], now=clock()
            )
    await register_source(
        database,
        vouchers.REGISTER_SOURCE,
        REGISTER.title,
        mode="PUSH",
        owners=[REGISTER.party],
        now=clock(),
        purpose=SystemPurpose.REGISTER.value,
    )
    store = DatabaseClientStore(database)
    for party in PARTIES:
        home = folder / party.name
        key_file = home / "key.pem"
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        key = load_key(key_file) if key_file.exists() else create_key(key_file)
        client_id = f"demo-{party.name}-{key.kid[:8].lower().replace('_', '0').replace('-', '0')}"
        Profile(hub, client_id, key_file).write(party.profile(folder))
        if await store.get(client_id) is None:
            document = application_document(client_id, party.title, key.public)
            grant = ClientGrant(party.party, party.kind, party.scopes, party.sources)
            await admit(store, read_application(document), grant, clock())
    return {party.name: load_profile(party.profile(folder)) for party in PARTIES}
