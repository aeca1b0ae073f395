"""`status`: what an operator must know of a hub, in ten lines and two languages.

The same functions as behind `/readyz` and `/metrics` look; here it is put into words, and each line
says whether it needs a hand. A hub need not run for it.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from hub.harvest.grades import SourceGrade
from hub.harvest.grading import kept_grades
from hub.operate.figures import NEVER, STALE, DatabaseFigures
from hub.operate.health import PartHealth
from hub.operate.limits import (
    BACKUP_OLD_S,
    DISK_FREE_WARN_BYTES,
    KEY_OLD_DAYS,
    LOG_STUCK_S,
    SOURCES_NAMED_MAX,
)
from hub.store.database import Database
from schema.dates import DateError, format_instant, parse_instant

LAST_BACKUP = "last-backup"
"""File in the data folder with the time of the last backup, one line."""
GIB = 2**30
DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class StatusLine:
    """One line: what it is about, and what stands there, in Chinese and English."""

    zh: str
    en: str
    said_zh: str
    said_en: str
    is_well: bool = True

    def text(self, language: str) -> str:
        """Return the line in a language, marked where somebody must act."""
        name, said = (self.zh, self.said_zh) if language == "zh" else (self.en, self.said_en)
        gap = " " * max(1, 12 - sum(2 if ord(c) > 0x2E80 else 1 for c in name))  # noqa: PLR2004 - CJK
        return f"{'  ' if self.is_well else '! '}{name}{gap}{said}"


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusFacts:
    """What was looked at."""

    version: str
    revision: str
    wanted_revision: str
    advice_on_rights: str
    parts: Mapping[str, PartHealth]
    figures: DatabaseFigures
    server: str
    size_bytes: int
    clients: int
    grades: Mapping[str, int]
    """How many sources have each grade."""
    requests: int
    """Requests for registration that wait."""
    data_dir: Path
    keys: Mapping[str, Path]
    now: datetime


async def facts_of(database: Database) -> dict[str, Any]:
    """Return what only the database knows: server, size, clients, requests that wait."""
    async with database.writes.connection() as connection:
        cursor = await connection.execute(
            "SELECT current_setting('server_version'), pg_database_size(current_database()), "
            "(SELECT count(*) FROM client WHERE status = 'ACTIVE'), "
            "(SELECT count(*) FROM registration WHERE state = 'PENDING')"
        )
        row = await cursor.fetchone()
        assert row is not None
    grades = Counter(each.grade for each in (await kept_grades(database)).values())
    return {
        "server": row[0],
        "size_bytes": row[1],
        "clients": row[2],
        "requests": row[3],
        "grades": grades,
    }


def lines(facts: StatusFacts) -> Iterator[StatusLine]:
    """Put it into ten lines, and one of sensors and of webhooks where there are any."""
    yield _version(facts)
    yield _database(facts)
    yield _disk(facts)
    yield _log(facts)
    yield _checkpoint(facts)
    yield _sources(facts)
    if facts.figures.sensors:
        yield _sensors(facts)
    yield _quarantine(facts)
    if facts.figures.webhooks:
        yield _webhooks(facts)
    yield _backup(facts)
    yield _clients(facts)
    yield _keys(facts)


def _version(facts: StatusFacts) -> StatusLine:
    well = facts.revision == facts.wanted_revision
    told = f"deltahub {facts.version}, {facts.revision}"
    to_do = "" if well else f" ≠ {facts.wanted_revision}: deltahub store migrate"
    return StatusLine("版本", "version", told + to_do, told + to_do, well)


def _database(facts: StatusFacts) -> StatusLine:
    told = f"PostgreSQL {facts.server.split(' ')[0]}, {facts.size_bytes / GIB:.2f} GiB"
    bad = [facts.parts[name] for name in ("database", "clock") if not facts.parts[name].is_well]
    if bad:
        zh, en = "；".join(each.zh for each in bad), "; ".join(each.en for each in bad)
        return StatusLine("数据库", "database", f"{told}；{zh}", f"{told}; {en}", is_well=False)
    if facts.advice_on_rights:
        zh = f"{told}；所用角色权限过大：deltahub database roles"
        return StatusLine("数据库", "database", zh, f"{told}; {facts.advice_on_rights}")
    return StatusLine("数据库", "database", told, told)


def _disk(facts: StatusFacts) -> StatusLine:
    part = facts.parts["disk"]
    if not part.is_well:
        return StatusLine("磁盘", "disk", part.zh, part.en, is_well=False)
    free = shutil.disk_usage(facts.data_dir).free
    zh, en = f"{facts.data_dir} 剩余 {free / GIB:.1f} GiB", f"{free / GIB:.1f} GiB free"
    return StatusLine("磁盘", "disk", zh, f"{en} for {facts.data_dir}", free > DISK_FREE_WARN_BYTES)


def _log(facts: StatusFacts) -> StatusLine:
    log, part = facts.figures.log, facts.parts["log"]
    if not part.is_well:
        return StatusLine("透明日志", "log", part.zh, f"{part.code}: {part.en}", is_well=False)
    zh = f"{log.leaves} 条已入日志，{log.waiting} 条等待签署"
    return StatusLine(
        "透明日志", "log", zh, f"{log.leaves} leaves, {log.waiting} wait to be signed"
    )


def _checkpoint(facts: StatusFacts) -> StatusLine:
    log = facts.figures.log
    if log.signed_at is None:
        well = log.waiting == 0
        return StatusLine("检查点", "checkpoint", "尚未签署", "none was signed yet", well)
    told = f"{log.signed} @ {format_instant(log.signed_at)}"
    well = log.waiting_s <= LOG_STUCK_S
    zh = told if well else f"{told}；最久已等待 {_age(log.waiting_s, 'zh')}：hub 是否在运行？"
    en = told if well else f"{told}; one waits for {_age(log.waiting_s, 'en')}: does the hub run?"
    return StatusLine("检查点", "checkpoint", zh, en, well)


def _sources(facts: StatusFacts) -> StatusLine:
    states = facts.figures.states
    bad = {
        state: facts.figures.sources_that_are(state)
        for state in ("ERROR", STALE, NEVER)
        if facts.figures.sources_that_are(state)
    }
    count = len(states)
    grades = ", ".join(
        f"{facts.grades[each]} {each}" for each in SourceGrade if facts.grades.get(each)
    )
    grades = f" ({grades})" if grades else ""
    if not bad:
        zh, en = f"{count} 个，均正常{grades}", f"{count}, all OK{grades}"
        return StatusLine("来源", "sources", zh, en)
    told = "; ".join(f"{state} {_names(names)}" for state, names in bad.items()) + grades
    return StatusLine("来源", "sources", f"{count} 个；{told}", f"{count}; {told}", is_well=False)


def _sensors(facts: StatusFacts) -> StatusLine:
    sensors = facts.figures.sensors
    bound, silent = (sum(getattr(each, name) for each in sensors) for name in ("bound", "silent"))
    taken = sum(each.messages.get("TAKEN", 0) for each in sensors)
    broken = sum(each.broken for each in sensors)
    zh = f"{bound} 个，{silent} 个无读数；已收 {taken} 条读数，拒收 {broken} 条"
    en = f"{bound} bound, {silent} silent; {taken} readings taken, {broken} messages refused"
    if silent:
        zh, en = f"{zh}；deltahub source meters --state UNKNOWN", f"{en}; deltahub source meters"
    return StatusLine("传感器", "sensors", zh, en, is_well=silent == 0)


def _webhooks(facts: StatusFacts) -> StatusLine:
    webhooks = facts.figures.webhooks
    count, stopped = sum(map(len, webhooks.values())), webhooks.get("STOPPED", [])
    zh = en = ", ".join(f"{len(ids)} {state}" for state, ids in sorted(webhooks.items()))
    zh, en = f"{count} 个：{zh}", f"{count}: {en}"
    if stopped:
        names = _names(stopped)
        zh = f"{zh}；已停 {names}：deltahub webhook list 看原因，修复后 deltahub webhook replay"
        en = f"{en}; stopped {names}: deltahub webhook list says why, then deltahub webhook replay"
    return StatusLine("推送", "webhooks", zh, en, not stopped)


def _quarantine(facts: StatusFacts) -> StatusLine:
    rows, personal = facts.figures.quarantine, _personal(facts.figures.personal)
    zh, en = "没有", "empty"
    if rows:
        told = _names([f"{source} {count}" for source, count in rows.items()])
        count = sum(rows.values())
        zh = f"{count} 行：{told}；deltahub quarantine list"
        en = f"{count} rows: {told}; deltahub quarantine list"
    if personal:
        zh = f"{zh}；历来因含个人信息被拒：{personal}"
        en = f"{en}; refused for personal data so far: {personal}"
    return StatusLine("待处理行", "quarantine", zh, en, not rows)


def _personal(refused: Mapping[tuple[str, str], int]) -> str:
    """Say by source how many rows were refused for personal data, the most first."""
    by_source: Counter[str] = Counter()
    for (source, _), count in refused.items():
        by_source[source] += count
    return _names([f"{source} {count}" for source, count in by_source.most_common()])


def _backup(facts: StatusFacts) -> StatusLine:
    at = last_backup(facts.data_dir)
    if at is None:
        zh, en = "从未备份：deltahub store backup", "never: deltahub store backup"
        return StatusLine("备份", "backup", zh, en, facts.figures.log.leaves == 0)
    age_s = (facts.now - at).total_seconds()
    zh, en = f"{_age(age_s, 'zh')}前", f"{_age(age_s, 'en')} ago"
    return StatusLine("备份", "backup", zh, en, age_s <= BACKUP_OLD_S)


def _clients(facts: StatusFacts) -> StatusLine:
    zh, en = f"{facts.clients} 个有效", f"{facts.clients} active"
    if not facts.requests:
        return StatusLine("接入方", "clients", zh, en)
    zh, en = f"{zh}，{facts.requests} 个申请待批", f"{en}, {facts.requests} requests wait"
    return StatusLine("接入方", "clients", zh, en, is_well=False)


def _keys(facts: StatusFacts) -> StatusLine:
    ages: dict[str, int | None] = {}
    for name, path in facts.keys.items():
        try:
            ages[name] = int((facts.now.timestamp() - path.stat().st_mtime) // DAY_S)
        except OSError:
            ages[name] = None
    zh = "，".join(f"{n} {'尚无' if d is None else f'{d} 天'}" for n, d in ages.items())
    en = ", ".join(f"{n} {'none yet' if d is None else f'{d} days'}" for n, d in ages.items())
    return StatusLine("密钥", "keys", zh, en, all((d or 0) <= KEY_OLD_DAYS for d in ages.values()))


def note_backup(data_dir: Path, at: datetime) -> None:
    """Note when a backup was taken, for the status."""
    partial = data_dir / f".{LAST_BACKUP}"
    partial.write_text(f"{format_instant(at)}\n", "utf-8")
    partial.replace(data_dir / LAST_BACKUP)


def last_backup(data_dir: Path) -> datetime | None:
    """Return when the last backup was taken from this data folder."""
    try:
        text = (data_dir / LAST_BACKUP).read_text("utf-8")[:64].strip()
        return parse_instant(text).at
    except (OSError, UnicodeDecodeError, DateError):
        return None


def _names(names: list[str]) -> str:
    more = len(names) - SOURCES_NAMED_MAX
    return ", ".join(names[:SOURCES_NAMED_MAX]) + (f" +{more}" if more > 0 else "")


def _age(seconds: float, language: str) -> str:
    for size, zh, en in ((DAY_S, "天", "d"), (3600, "小时", "h"), (60, "分钟", "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {zh if language == 'zh' else en}"
    return f"{seconds:.0f} {'秒' if language == 'zh' else 's'}"
