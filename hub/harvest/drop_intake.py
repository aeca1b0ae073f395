"""`DropIntake`: a file that was left in a folder, on the road of files that people send.

Files of any length take it: a long one is looked through once and goes in parts, as with
`deltahub submit`. The hub vouches for what it saw; the same file by the same mapping is the same
request, whose answer is given again.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from adapters.mapping.moe_tables import MOE_TABLES, moe_table_named
from connectors.drop.session import Spooled
from connectors.errors import PayloadError
from connectors.words import Words
from hub.clock import Clock
from hub.harvest.drop_answer import DropAnswer, parts_answer, whole_answer
from hub.harvest.source import HarvestSource
from hub.intake.files.columns import require_units
from hub.intake.files.cutting import FilePart, parts_of
from hub.intake.files.gathered import Gathered
from hub.intake.files.kept import part_answer
from hub.intake.files.large import open_large
from hub.intake.files.service import GivenFile, ReadFile, marked_workbook, read_given, submit_file
from hub.intake.files.submission import Sender, Submission
from hub.intake.limits import FILE_BYTES_MAX, FILE_ROWS_MAX, PART_ROWS_MAX
from hub.store.database import Database
from hub.store.dropped import DroppedLedger

__all__ = ["DropIntake"]


@dataclass(frozen=True)
class DropIntake:
    """Takes files of one source in."""

    database: Database
    clock: Clock
    party: str
    source: HarvestSource

    async def road_of(self, name: str) -> bytes:
        """Return the SHA-256 of the mapping that reads a file of this name."""
        return sha256((await self._mapping_of(name) or "").encode()).digest()

    async def take(self, spooled: Spooled) -> DropAnswer:
        """Take a file in. Raises as `read_given` and `submit_file`."""
        name = spooled.entry.name
        mapping = await self._mapping_of(name)
        if mapping is None:
            await self._require_one_table(name)
        if spooled.entry.size > FILE_BYTES_MAX:
            return await self._in_parts(spooled, mapping)
        given = GivenFile(
            name=name,
            data=await asyncio.to_thread(spooled.path.read_bytes),
            source=self.source.id,
            mapping_text=mapping,
            institution=self._institution,
        )
        file = await asyncio.to_thread(read_given, given)
        if sum(len(each.converted) for each in file.tables) > FILE_ROWS_MAX:
            return await self._in_parts(spooled, mapping)
        if not self._units_are_right:
            await asyncio.to_thread(require_units, file.tables)
        submissions = await self._submit(file)
        marked = await asyncio.to_thread(marked_workbook, file, submissions)
        return whole_answer(name, spooled.digest, file, submissions, marked)

    async def _require_one_table(self, name: str) -> None:
        """Refuse SJ3 where SJ1 came from, and the other way round: `PayloadError`.

        Both are the whole of what their source says of an instrument, so the later would undo the
        earlier: SJ3 knows no status, SJ1 no hours.
        """
        moe = moe_table_named(name)
        if moe is None:
            return
        ledger = DroppedLedger(self.database, self.source.id, self.clock)
        for other in MOE_TABLES:
            taken = await ledger.names_taken(other.name) if other is not moe else []
            known = [each for each in taken if moe_table_named(each) is other]
            if known:
                raise PayloadError(
                    name,
                    Words(
                        f"该来源报送的是 {other.name}（{known[0]}），{moe.name} 会覆盖其内容",
                        f"this source leaves {other.name} ({known[0]}), and {moe.name} would undo "
                        "what that says",
                    ),
                    hint=Words(
                        f"请为 {moe.name} 登记另一个来源和文件夹",
                        f"deploy another source with a folder of its own for {moe.name}",
                    ),
                )

    async def _in_parts(self, spooled: Spooled, mapping: str | None) -> DropAnswer:
        """Take a long file in: its parts have keys that follow from the file."""
        name = spooled.entry.name
        large = await asyncio.to_thread(
            open_large, spooled.path, mapping, units_are_right=self._units_are_right
        )
        answers: list[dict[str, Any]] = []
        with large, Gathered(large) as gathered:
            cut = parts_of(large, PART_ROWS_MAX)
            while (part := await asyncio.to_thread(next, cut, None)) is not None:
                answer = await self._part(part, name, mapping, large.digest) if part.body else None
                await asyncio.to_thread(gathered.add, part, answer)
                if answer is not None:
                    answers.append(answer)
            return await asyncio.to_thread(
                parts_answer, name, spooled.digest, large, gathered, answers
            )

    async def _part(
        self, part: FilePart, name: str, mapping: str | None, document: bytes
    ) -> dict[str, Any]:
        given = GivenFile(
            name=name,
            data=part.body,
            source=self.source.id,
            mapping_text=mapping,
            document=document,
            institution=self._institution,
        )
        sender = Sender(party=self.party)
        return await part_answer(self.database, given, sender=sender, clock=self.clock)

    async def _submit(self, file: ReadFile) -> list[Submission]:
        sender = Sender(party=self.party)
        return await submit_file(self.database, file, sender=sender, clock=self.clock)

    async def _mapping_of(self, name: str) -> str | None:
        road = self.source.tables
        assert road is not None, "the source leaves tables"
        return await road.mapping_of(self.database, self.source.id, name)

    @property
    def _institution(self) -> str:
        """The one institution that the source speaks for; empty where it speaks for several."""
        owners = self.source.owners or ()
        return owners[0] if len(owners) == 1 else ""

    @property
    def _units_are_right(self) -> bool:
        return self.source.tables is not None and self.source.tables.units_are_right
