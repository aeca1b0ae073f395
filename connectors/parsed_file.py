"""`ParsedFile`: the reader of a file whose rows a pure parser gives, such as an XML message.

The parser takes the bytes and returns rows, or raises `ValueError` that says what is wrong; it
knows no source and reads nothing else. A file that cannot be parsed gives no row at all: a part of
a message is not the message. A document is a run of rows, each carries the digest of the whole
file; a reading goes on after the last row that came, in the same file only.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass

from connectors.document import Document, RawRow, State, digest_of
from connectors.errors import PayloadError
from connectors.reader import END, EVERYTHING, Progress, Window
from connectors.sheet import FileSession

__all__ = ["ParsedFile", "Parser"]

Parser = Callable[[bytes], tuple[RawRow, ...]]


@dataclass(frozen=True, kw_only=True)
class ParsedFile:
    """Reads every row that its parser finds in a file."""

    parse: Parser
    rows: int = 1_000
    """Rows of one document."""

    async def read(
        self, session: FileSession, window: Window = EVERYTHING, state: State | None = None
    ) -> AsyncGenerator[Document, None]:
        """Yield runs of rows in the order of the file, after `state`; the window is the file."""
        del window
        progress = Progress(session, session.name, question="every row", state=state)
        if progress.at == END:
            return
        async with progress.wait():
            data = await asyncio.to_thread(session.load)
        digest = digest_of(data)
        if progress.at not in (None, digest.hex()):
            raise progress.moved("another file than the one that was cut off")
        limit = session.limits.table_bytes_max
        if len(data) > limit:
            raise PayloadError(session.source, f"{session.name}: over {limit} bytes")
        try:
            async with progress.wait():
                found = await asyncio.to_thread(self.parse, data)
        except ValueError as error:
            raise PayloadError(session.source, f"{session.name}: {error}") from error
        while progress.at != END:
            progress.begin_document()
            run = found[progress.rows : progress.rows + self.rows]
            following = digest.hex() if progress.rows + len(run) < len(found) else END
            yield progress.document(session.name, digest, run, following)
