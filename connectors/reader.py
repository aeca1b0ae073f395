"""`Reader`: the protocol of one method by which every source is read, whatever it speaks.

    async with aclosing(reader.read(session, window, state)) as documents:
        async for document in documents:
            await take(document.rows)          # first what came is taken,
            await keep(document.state)         # then where to go on after a cut

- session: how the source is reached. Whoever opened it closes it; it names the source in messages,
  holds its secrets to itself, and owns the limits (`connectors.limits.Limits`): a reader has none
  of its own and exceeds none of them. Each kind of reader has its kind of session.
- window: which part of the source is asked for. A source that cannot be asked for a part gives all.
- state: None, or what a former document carried. The same rows follow as would have followed then.
- document: what came in one answer, with the digest of its raw bytes (`connectors.document`).

Every reader keeps these, and `tests/contract/test_readers.py` holds it to them:

- bounded: documents, rows, bytes and time each end in a `ConnectorError`;
- resumable: cut after any document and begun again with its state, no row is lost or comes twice;
- cancellable: wherever it waits, a cancelled reading leaves no connection and no file open;
- honest: what is not the list that was asked for is an error, never a shorter list; nothing follows
  an error; an empty list is one document without rows; a list that was read to its end and is not
  proved to be whole says so in its last document (`doubt`);
- no secret of the session stands in an error, in a place or in a log.

A state is only good for the question that it came from, and only while the list stands still. A
reader raises `PayloadError` where it sees that this does not hold; it cannot always see it, so a
reading that went on is never taken for complete (`hub.harvest.service`).

A reader that is whole, of the lines that a session in memory holds; `Progress` counts for it:

    >>> @dataclass
    ... class Memory:
    ...     source: str
    ...     lines: list[str]
    ...     limits: Limits = field(default_factory=Limits)
    >>> class Lines:
    ...     async def read(self, session, window=EVERYTHING, state=None):
    ...         progress = Progress(session, "memory", question="lines", state=state)
    ...         while progress.at != END:
    ...             progress.begin_document()
    ...             async with progress.wait():
    ...                 await asyncio.sleep(0)  # here others ask their source
    ...             line = progress.at or 0
    ...             text = session.lines[line]
    ...             at = END if line + 1 == len(session.lines) else line + 1
    ...             digest = digest_of(text.encode())
    ...             yield progress.document(f"line {line + 1}", digest, ({"text": text},), at)
    >>> async def texts(state=None):
    ...     reading = Lines().read(Memory("memory", ["a", "b"]), state=state)
    ...     return [(document.rows[0]["text"], document.state) async for document in reading]
    >>> (first, state), (second, end) = asyncio.run(texts())
    >>> first, second
    ('a', 'b')
    >>> [text for text, _ in asyncio.run(texts(state))], asyncio.run(texts(end))
    (['b'], [])
"""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeVar

from connectors.document import Document, RawRow, State, digest_of
from connectors.errors import PayloadError, SlowError
from connectors.limits import Limits

__all__ = ["END", "EVERYTHING", "Progress", "Reader", "Session", "Window"]

END = "end"
"""What `Progress.at` is after the last document."""
STATE_BYTES_MAX = 4_096
"""Longest state as JSON; a source whose cursors are longer is read from the beginning."""


class Session(Protocol):
    """What every reader needs of the connection to its source."""

    @property
    def source(self) -> str:
        """Name of the source, for messages."""

    @property
    def limits(self) -> Limits:
        """The bounds of this source."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """Which part of a source is asked for."""

    since: datetime | None = None
    """What ended before is not asked for; None: no bound."""
    until: datetime | None = None
    """What begins at or after it is not asked for; None: no bound."""
    filters: Mapping[str, str] = field(default_factory=dict)
    """The same in the words of the source, for readers that ask with parameters."""

    def to_wire(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        return {
            "since": self.since and self.since.isoformat(),
            "until": self.until and self.until.isoformat(),
            "filters": dict(self.filters),
        }

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> "Window":
        """Read what `to_wire` wrote."""
        since, until = (wire[name] and datetime.fromisoformat(wire[name]) for name in BOUNDS)
        return cls(since=since, until=until, filters=wire["filters"])


BOUNDS = ("since", "until")
EVERYTHING = Window()

SessionT_contra = TypeVar("SessionT_contra", bound=Session, contravariant=True)


class Reader(Protocol[SessionT_contra]):
    """Reads one list of a source."""

    def read(
        self, session: SessionT_contra, window: Window = EVERYTHING, state: State | None = None
    ) -> AsyncGenerator[Document, None]:
        """Yield the documents of a window in the order of the source, after `state`.

        Raises `connectors.errors.ConnectorError` and nothing else, at the first document that does
        not come as agreed. A caller that stops early closes the generator.
        """


class Progress:
    """How far one reading has come, counted against the limits of its session."""

    def __init__(
        self, session: Session, place: str, *, question: str, state: State | None = None
    ) -> None:
        """Begin, or go on where `state` says; `question`: what a state must have been made for.

        Raises `PayloadError` for a state of another question.
        """
        self.number = 0
        """Documents that were begun."""
        self.rows = 0
        """Rows that came."""
        self.at: Any = None
        """Where the next document is, in the reader's own words; None at the beginning."""
        self._session = session
        self._place = place
        self._question = digest_of(question.encode()).hex()
        self._until = asyncio.get_running_loop().time() + session.limits.reading_s
        if state is not None:
            self._go_on(state)

    def begin_document(self) -> None:
        """Count one more document; `PayloadError` when there are too many."""
        limit = self._session.limits.pages_max
        if self.number >= limit:
            raise self._too_much(f"over {limit} pages")
        self.number += 1

    @asynccontextmanager
    async def wait(self) -> AsyncIterator[None]:
        """Bound one wait by what is left of the time for the whole reading."""
        try:
            async with asyncio.timeout_at(self._until):
                yield
        except TimeoutError as error:
            limit = self._session.limits.reading_s
            detail = f"{self._place}: not read to its end in {limit:g} s"
            raise SlowError(self._session.source, detail) from error

    def document(
        self,
        place: str,
        digest: bytes,
        rows: tuple[RawRow, ...],
        at: Any,
        doubt: str | None = None,
    ) -> Document:
        """Return the document that was begun; the next one is at `at`, which is JSON."""
        limit = self._session.limits.rows_max
        first_row = self.rows + 1
        self.rows += len(rows)
        if self.rows > limit:
            raise self._too_much(f"over {limit} rows")
        self.at = at
        return Document(
            place=place,
            number=self.number,
            digest=digest,
            rows=rows,
            first_row=first_row,
            state=self._state(),
            doubt=doubt,
        )

    def moved(self, detail: str) -> PayloadError:
        """Return the error of a list that is not the one any more of which a part was read."""
        return PayloadError(
            self._session.source,
            f"{self._place}: {detail}",
            hint="it cannot be read on from where it was cut off; read it from its beginning",
        )

    def _too_much(self, detail: str) -> PayloadError:
        return PayloadError(
            self._session.source,
            f"{self._place}: {detail}",
            hint="ask for a smaller part of the source, or raise the limit of this source",
        )

    def _state(self) -> State | None:
        state = {
            "question": self._question,
            "number": self.number,
            "rows": self.rows,
            "at": self.at,
        }
        return state if len(json.dumps(state)) <= STATE_BYTES_MAX else None

    def _go_on(self, state: State) -> None:
        if state.get("question") != self._question:
            raise self.moved("what was cut off asked something else")
        number, rows = state.get("number"), state.get("rows")
        if not isinstance(number, int) or not isinstance(rows, int) or min(number, rows) < 0:
            raise self.moved("where it was cut off cannot be read")
        self.number, self.rows, self.at = number, rows, state.get("at")
