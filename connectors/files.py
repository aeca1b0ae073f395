"""`DroppedFiles`: the reader of files that a source leaves in a folder, one document each.

- Only complete files are read (`connectors.drop.session`), each once: the ledger of the session
  knows them by name and look, and by the SHA-256 of their bytes, which is the document's digest.
- What the bytes mean is not for a reader to know: an adapter hands over `parse`, which is pure.
- A file that cannot be read does not stand in the way of those after it: they are yielded first,
  then one error names every file that is refused. One that changed meanwhile waits for next time.
- A file counts as taken once its document was, that is when the next one is asked for; then what
  became of its rows is written beside it, where whoever took them has said it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from connectors.document import Document, RawRow, State, digest_of
from connectors.drop.entries import RECEIPTS, DropEntry, shown_name
from connectors.drop.ledger import FileState
from connectors.drop.session import DropSession, Look, MovingFileError
from connectors.errors import ConnectorError, PayloadError
from connectors.limits import DROP_NAMES_TOLD_MAX
from connectors.reader import END, EVERYTHING, Progress, Window

__all__ = ["DroppedFiles"]

UNANSWERED = (
    "回执无法写回，下次再试 what became of it could not be written beside it; it is tried again"
)


@dataclass(frozen=True, kw_only=True)
class DroppedFiles:
    """Reads every complete file whose name fits."""

    parse: Callable[[bytes], Iterable[RawRow]]
    """Returns the rows of a file; whatever it raises refuses the file."""
    names: str = "*"
    """Which files, as `*.xml`; letters count as they stand."""

    async def read(
        self, session: DropSession, window: Window = EVERYTHING, state: State | None = None
    ) -> AsyncGenerator[Document, None]:
        """Yield a document for each new file, after `state`; the window is the folder."""
        del window
        progress = Progress(session, self.names, question=f"files {self.names}", state=state)
        if progress.at == END:
            return
        async with progress.wait():
            look = await session.look()
        faults: list[str] = []
        for file in self._meant(look, progress.at):
            known = look.known[file.name].state
            found = await self._file(session, progress, (file, known), faults)
            if found is None:
                continue
            digest, rows = found
            progress.begin_document()
            yield progress.document(file.name, digest, rows, list(_order(file)))
            try:
                async with progress.wait():
                    await session.settle(file, digest)
            except ConnectorError as error:
                faults.append(f"{shown_name(file.name)}: {UNANSWERED}: {error.detail}")
        if progress.number == 0 and not faults:
            progress.begin_document()
            yield progress.document(self.names, digest_of(b""), (), END)
        if faults:
            raise PayloadError(
                session.source,
                "; ".join(faults[:DROP_NAMES_TOLD_MAX]),
                hint="all else is in; correct a file that was refused and leave it again",
            )

    def _meant(self, look: Look, begin: list[object] | None) -> list[DropEntry]:
        """Return the files to read; those that were refused are tried again."""
        refused = (file for file, _ in look.refused)
        files = (*look.unanswered, *look.ready, *refused)
        meant = [each for each in files if fnmatchcase(each.name, self.names)]
        return [
            each
            for each in sorted(meant, key=_order)
            if begin is None or list(_order(each)) > begin
        ]

    async def _file(
        self,
        session: DropSession,
        progress: Progress,
        meant: tuple[DropEntry, FileState],
        faults: list[str],
    ) -> tuple[bytes, tuple[RawRow, ...]] | None:
        """Return digest and rows of a file; None where it is not taken, why stands in `faults`."""
        file, known = meant
        try:
            async with (
                progress.wait(),
                session.spooled(file, session.limits.response_bytes_max) as spooled,
            ):
                digest = spooled.digest
                is_new = known is not FileState.TAKEN
                if is_new and await session.ledger.name_of(digest) is not None:
                    await session.ledger.note(file, FileState.SAME, digest)
                    return None
                data = await asyncio.to_thread(spooled.path.read_bytes)
        except MovingFileError:
            return None  # it is not complete; the next look meets it
        except PayloadError as error:
            await self._refuse(session, meant, b"", error.detail, faults)
            return None
        try:
            async with progress.wait():
                rows = await asyncio.to_thread(lambda: tuple(self.parse(data)))
        except PayloadError as error:
            said = error.detail
        except ValueError as error:
            said = str(error)
        except Exception as error:  # noqa: BLE001 - whatever hostile bytes make of a parser
            said = type(error).__name__
        else:
            return digest, rows
        said = f"{shown_name(file.name)}: {said}"
        await self._refuse(session, meant, digest, said, faults)
        return None

    async def _refuse(
        self,
        session: DropSession,
        meant: tuple[DropEntry, FileState],
        digest: bytes,
        said: str,
        faults: list[str],
    ) -> None:
        """Note why a file is refused; the first time it is written beside it as well."""
        file, known = meant
        faults.append(said)
        await session.ledger.note(file, FileState.REFUSED, digest, message=said)
        if known is FileState.SEEN:
            refused = {"code": "FILE_UNREADABLE", "detail": said}
            told = {"file": file.name, "sha256": digest.hex(), "refused": refused}
            content = json.dumps(told, ensure_ascii=False, indent=1).encode()
            try:
                await session.store(file, RECEIPTS, content)
            except ConnectorError as error:
                faults.append(f"{shown_name(file.name)}: {UNANSWERED}: {error.detail}")


def _order(file: DropEntry) -> tuple[int, str]:
    return file.modified, file.name
