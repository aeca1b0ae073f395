"""`check`: looks at a deployed source before it is relied on, from its name to its last page.

1. The way: what the connection itself can say (`connections.finding.Reaching`).
2. Credentials, and one page of each list: it opens, comes as agreed, and its rows can be read.
3. Filters: a list that is asked for a part of time is asked for a time in which nothing can be.
   What ignores a filter answers everything, and would be taken for the part that was asked for.
4. Paging: a list is read to its end, as a harvest does, with the proof that this brings
   (`connectors.completeness`), and again in pages of another size. Both must have the same rows.
5. Rows: whether they are as many as the source's metadata allow; else a harvest would be held.

Nothing is stored and nothing is handed to intake; a check needs no database.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from adapters._adapter import Collection, Context, Mapped
from connectors.completeness import row_digest
from connectors.errors import ConnectorError, SourceRefusedError
from connectors.http.session import HttpSession
from connectors.reader import EVERYTHING, Session, Window
from connectors.rest import PagedJson
from hub.clock import Clock
from hub.harvest.check_rows import row_findings
from hub.harvest.connections.finding import CheckVerdict, Reaching, SourceFinding
from hub.harvest.feed import types_read
from hub.harvest.limits import CHECK_ROWS_MAX, CHECK_S_MAX
from hub.harvest.source import HarvestSource

__all__ = ["findings_of"]

LONG_AGO = datetime(1949, 10, 3, tzinfo=UTC)
"""No row of a source is of this time."""
LONG_AHEAD = datetime(2199, 1, 7, tzinfo=UTC)
REFUSED = (
    "更新该来源文件中的凭据，或请来源运维授权",
    "renew the credentials in the file of this source, or ask its operator for the right",
)


async def findings_of(source: HarvestSource, clock: Clock) -> AsyncIterator[SourceFinding]:
    """Yield one finding after the other; nothing of the source ends it with an exception."""
    is_reached = True
    if isinstance(source.connection, Reaching):
        async for finding in source.connection.reach(source.id, source.limits, clock):
            yield finding
            is_reached = is_reached and (
                finding.verdict is not CheckVerdict.FAIL or finding.about == "clock"
            )
    if not is_reached:
        return
    try:
        async with source.session() as session:
            async for finding in _Lists(source, session, clock()).findings():
                yield finding
    except ConnectorError as error:
        yield _failed("connection", error)


def _failed(about: str, error: ConnectorError) -> SourceFinding:
    if isinstance(error, SourceRefusedError):
        return SourceFinding(
            about="credentials",
            verdict=CheckVerdict.FAIL,
            zh="来源拒绝了本平台的凭据",
            en=error.detail,
            to_do=REFUSED,
        )
    return SourceFinding(
        about=about,
        verdict=CheckVerdict.FAIL,
        zh=f"未按约定应答（{error.code}）",
        en=error.detail,
        to_do=("对照接口约定，与来源运维核对", error.hint),
    )


@dataclass
class _Reading:
    """What came of a list."""

    rows: int = 0
    pages: int = 0
    doubt: str | None = None
    is_whole: bool = False
    """It was read to its end."""
    made: Counter[str] = field(default_factory=Counter)
    """Records that can be made of its rows, by type."""


class _Lists:
    """The checks of the lists of one source."""

    def __init__(self, source: HarvestSource, session: Session, now: datetime) -> None:
        self._source = source
        self._session = session
        self._now = now
        self._context = self._context_at(now)
        self._made: Counter[str] = Counter()
        self._whole: list[Collection] = []
        """Lists that were read to their end, and of which all records are in rows."""

    async def findings(self) -> AsyncIterator[SourceFinding]:
        """Yield those of each list in its order; without credentials there is only one."""
        for probe in await self._probes():
            yield probe
        has_let_in = False
        for collection in self._source.adapter.collections:
            page = await self._page(collection)
            if page.about == "credentials":
                yield page
                return
            if not has_let_in and page.verdict is not CheckVerdict.FAIL:
                has_let_in = True
                yield SourceFinding(
                    about="credentials",
                    verdict=CheckVerdict.OK,
                    zh="获准访问",
                    en="the source lets us in",
                )
            yield page
            if page.verdict is CheckVerdict.FAIL:
                continue
            filters = await self._filters(collection)
            if filters is not None:
                yield filters
            yield await self._paging(collection)
        adapter = self._source.adapter
        whole = types_read(adapter, self._whole)
        for finding in row_findings(self._made, whole, adapter.row_bounds):
            yield finding

    def _context_at(self, now: datetime) -> Context:
        adapter = self._source.adapter
        return Context(
            source=self._source.id,
            now=now,
            institution=self._source.institution,
            facts=self._source.facts,
            judge=self._source.judge,
            lookback=adapter.lookback,
        )

    async def _probes(self) -> list[SourceFinding]:
        """Ask what the adapter itself wants to know of its source."""
        found: list[SourceFinding] = []
        if not isinstance(self._session, HttpSession):
            return found
        for probe in self._source.adapter.probes:
            about = f"filter {probe.path}"
            try:
                accepted = await self._session.accepts(probe.path, probe.query)
            except SourceRefusedError:
                return found  # told by the first page
            except ConnectorError as error:
                found.append(_failed(about, error))
                continue
            if accepted != probe.accepted:
                wrong = ("来源的筛选条件与适配器不符", "correct the adapter, or ask the operator")
                found.append(
                    SourceFinding(
                        about=about,
                        verdict=CheckVerdict.FAIL,
                        zh=wrong[0],
                        en=probe.says,
                        to_do=wrong,
                    )
                )
        return found

    async def _page(self, collection: Collection) -> SourceFinding:
        """Read the first page of a list, and its rows."""
        about = f"page {collection.name}"
        adapter = self._source.adapter
        rows = unread = 0
        codes: dict[str, int] = {}
        try:
            async with asyncio.timeout(CHECK_S_MAX):
                documents = collection.reader.read(self._session, collection.window(self._context))
                async with aclosing(documents):
                    async for document in documents:
                        for raw in document.rows:
                            rows += 1
                            converted = adapter.convert(collection, raw, self._context)
                            unread += bool(converted.problems)
                            for problem in converted.problems:
                                name = f"{problem.path} {problem.code}"
                                codes[name] = codes.get(name, 0) + 1
                        break
        except ConnectorError as error:
            return _failed(about, error)
        except TimeoutError:
            return _slow(about)
        if not rows:
            return SourceFinding(
                about=about,
                verdict=CheckVerdict.WARN,
                zh="一行也没有",
                en="no rows at all",
                to_do=(
                    "若该列表本应有内容，请来源运维核对权限与时间范围",
                    "where it should have some, ask for the rights and the time that is asked for",
                ),
            )
        if unread:
            most = ", ".join(sorted(codes, key=lambda each: -codes[each])[:3])
            return SourceFinding(
                about=about,
                verdict=CheckVerdict.FAIL if unread == rows else CheckVerdict.WARN,
                zh=f"{rows} 行中有 {unread} 行无法读取：{most}",
                en=f"{unread} of {rows} rows cannot be read: {most}",
                to_do=(
                    "对照映射文档补充代码或修正适配器",
                    "compare codes and form with the adapter",
                ),
            )
        return SourceFinding(
            about=about, verdict=CheckVerdict.OK, zh=f"{rows} 行", en=f"{rows} rows"
        )

    async def _filters(self, collection: Collection) -> SourceFinding | None:
        """Ask for a time in which nothing can be; None where the list knows no part of time."""
        asked = collection.window(self._context)
        if asked == EVERYTHING:
            return None
        about = f"filter {collection.name}"
        empty = self._context_at(LONG_AGO if asked.until is not None else LONG_AHEAD)
        try:
            within = await self._read(collection, asked, rows_max=1)
            outside = await self._read(collection, collection.window(empty), rows_max=1)
        except ConnectorError as error:
            return _failed(about, error)
        except TimeoutError:
            return _slow(about)
        if outside.rows:
            return SourceFinding(
                about=about,
                verdict=CheckVerdict.FAIL,
                zh="筛选条件被忽略：不可能有数据的时段也返回了数据",
                en=f"ignored: rows came for {empty.now.year}, when there was nothing",
                to_do=(
                    "核对适配器使用的参数名，向来源运维确认其含义",
                    "compare the names of the parameters, and ask the operator what they mean",
                ),
            )
        if not within.rows:
            return SourceFinding(
                about=about,
                verdict=CheckVerdict.WARN,
                zh="当前时段没有数据，无法判断",
                en="nothing came for the present time either: it cannot be told",
            )
        return SourceFinding(
            about=about,
            verdict=CheckVerdict.OK,
            zh="空时段返回空列表",
            en="an empty time gives an empty list",
        )

    async def _paging(self, collection: Collection) -> SourceFinding:
        """Read a list to its end, and again in pages of another size."""
        about = f"paging {collection.name}"
        window = collection.window(self._context)
        first: set[bytes] = set()
        second: set[bytes] = set()
        try:
            whole = await self._read(collection, window, seen=first)
            self._made += whole.made
            if whole.is_whole and not collection.has_statements:
                self._whole.append(collection)
            other = self._other_size(collection)
            again = None
            if other is not None and whole.is_whole and whole.rows > 1:
                again = await self._read(other, window, seen=second)
        except ConnectorError as error:
            return _failed(about, error)
        except TimeoutError:
            return _slow(about)
        if not whole.is_whole:
            return SourceFinding(
                about=about,
                verdict=CheckVerdict.WARN,
                zh=f"读到 {whole.rows} 行为止，未读完",
                en=f"stopped after {whole.rows} rows: a harvest reads on and proves it",
            )
        if again is not None and first != second:
            missing, more = len(first - second), len(second - first)
            return SourceFinding(
                about=about,
                verdict=CheckVerdict.FAIL,
                zh=f"换一种页长再读，少了 {missing} 行、多了 {more} 行",
                en=f"in pages of another size {missing} rows are missing and {more} are new",
                to_do=(
                    "来源的排序不稳定，或列表正在变化：稍后再查；仍如此则请来源固定排序",
                    "its order is not fixed, or it moves: check again later; if it stays so, ask "
                    "for a fixed order",
                ),
            )
        if whole.doubt:
            return SourceFinding(
                about=about,
                verdict=CheckVerdict.WARN,
                zh="读完了，但不能证明完整",
                en=f"read to its end, not proved to be whole: {whole.doubt}",
                to_do=(
                    "这样的列表不会据以撤回记录；请来源给出总数或固定排序",
                    "nothing is withdrawn by such a list; ask for a count or a fixed order",
                ),
            )
        told = (
            f"{whole.rows} 行，{whole.pages} 页",
            f"{whole.rows} rows in {whole.pages} pages, whole",
        )
        return SourceFinding(about=about, verdict=CheckVerdict.OK, zh=told[0], en=told[1])

    def _other_size(self, collection: Collection) -> Collection | None:
        """Return the list in pages of another size; None where its reader has no sizes."""
        reader = collection.reader
        rows = getattr(reader.paging, "rows", 0) if isinstance(reader, PagedJson) else 0
        if not isinstance(reader, PagedJson) or rows < 2:  # noqa: PLR2004 - half of it is a size
            return None
        paged: Any = reader.paging
        paging = replace(paged, rows=rows // 2 + 1)
        return replace(collection, reader=replace(reader, paging=paging))

    async def _read(
        self,
        collection: Collection,
        window: Window,
        *,
        seen: set[bytes] | None = None,
        rows_max: int = CHECK_ROWS_MAX,
    ) -> _Reading:
        """Read a list, to its end unless it has more rows than are looked at."""
        reading = _Reading()
        async with asyncio.timeout(CHECK_S_MAX):
            documents = collection.reader.read(self._session, window)
            async with aclosing(documents):
                async for document in documents:
                    reading.pages += 1
                    reading.rows += len(document.rows)
                    reading.doubt = reading.doubt or document.doubt
                    if seen is not None:
                        seen.update(map(row_digest, document.rows))
                        for row in document.rows:  # what later lists look up is remembered
                            converted = self._source.adapter.convert(collection, row, self._context)
                            reading.made.update(
                                one.type for one in converted.yielded if isinstance(one, Mapped)
                            )
                    if reading.rows >= rows_max:
                        return reading
        reading.is_whole = True
        return reading


def _slow(about: str) -> SourceFinding:
    return SourceFinding(
        about=about,
        verdict=CheckVerdict.WARN,
        zh=f"{CHECK_S_MAX:.0f} 秒内没有读完",
        en=f"not done in {CHECK_S_MAX:.0f} s",
        to_do=("请来源提速，或缩小所取范围", "ask the source to be faster, or ask for less"),
    )
