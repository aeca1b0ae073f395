"""`Messages`: the reader of a stream of MQTT messages, in batches that are acknowledged when kept.

- A document is a batch of messages. Whoever asks for the next one has kept what came (the rule of
  `connectors.reader`): only then are its messages acknowledged to the broker. What was not
  acknowledged when a reading is cut off comes again (QoS 1, persistent session).
- A row is `{"@topic", "@retained", …}` with the members of the message's JSON object; a message
  that is none is a row `{"@topic", "@retained", "@unreadable", "@excerpt"}` and stops nothing.
- A reading ends when nothing has come for `quiet_s`. A stream has no other end; on the same
  session the next reading goes on.
- State: marks of the newest messages, as many as a broker may have in flight. What a broker sends
  a second time after a cut and was taken before is passed over. Without a state it is a row again.
- At most `count` messages of a batch, and as many waiting in the session; a broker sends no more
  before some are acknowledged (`connectors.mqtt_session`): that is the back pressure.
"""

import base64
import binascii
from collections import deque
from collections.abc import AsyncGenerator, Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Protocol

from connectors.answer_json import read_answer
from connectors.document import Document, RawRow, State, digest_of
from connectors.limits import Limits
from connectors.reader import END, EVERYTHING, Progress, Window

__all__ = ["EXCERPT_CHARACTERS", "IN_FLIGHT_MAX", "MessageSession", "Messages", "MqttMessage"]

IN_FLIGHT_MAX = 256
"""Messages that a broker may send before the first of them is acknowledged."""
MARK_BYTES = 8
EXCERPT_CHARACTERS = 200
"""Of a message that cannot be read, so that somebody can see what it is."""
TAKEN = "taken"


@dataclass(frozen=True, slots=True)
class MqttMessage:
    """One message as it came."""

    topic: str
    payload: bytes
    is_retained: bool = False
    is_repeated: bool = False
    """The broker says that it sent it before."""
    number: int = 0
    """The broker's number for the acknowledgement; 0: none is wanted (QoS 0)."""

    @property
    def raw(self) -> bytes:
        """Return topic and payload, as the digest of a document covers them."""
        return b"%b\0%b\n" % (self.topic.encode(), self.payload)

    @property
    def mark(self) -> bytes:
        """Return what tells it from other messages."""
        return sha256(self.raw).digest()[:MARK_BYTES]


class MessageSession(Protocol):
    """A subscription at a broker."""

    @property
    def source(self) -> str:
        """Name of the source, for messages."""

    @property
    def limits(self) -> Limits:
        """The bounds of this source."""

    @property
    def place(self) -> str:
        """Broker and topics, without a secret."""

    @property
    def topics(self) -> str:
        """What is subscribed to: what a state is good for."""

    async def receive(self, count: int, quiet_s: float) -> list[MqttMessage]:
        """Return what has come, at most so many; empty when nothing comes for so long."""

    async def acknowledge(self, messages: Sequence[MqttMessage]) -> None:
        """Tell the broker that they are kept."""

    async def drop(self) -> None:
        """End the connection: what was not acknowledged is to come again."""


@dataclass(frozen=True, kw_only=True)
class Messages:
    """Reads what comes on the topics of its session."""

    count: int = IN_FLIGHT_MAX
    """Messages of one document at most."""
    quiet_s: float = 30.0

    async def read(
        self, session: MessageSession, window: Window = EVERYTHING, state: State | None = None
    ) -> AsyncGenerator[Document, None]:
        """Yield batches until it is quiet; the broker knows no windows."""
        del window
        progress = Progress(session, session.place, question=session.topics, state=state)
        if progress.at == END:
            return
        taken = deque(_marks(progress), maxlen=IN_FLIGHT_MAX)
        known = set(taken)
        is_at_end = False
        try:
            while True:
                async with progress.wait():
                    came = await session.receive(self.count, self.quiet_s)
                fresh = [each for each in came if not _is_known(each, known)]
                if not came and progress.number:
                    is_at_end = True
                    return
                if fresh or not came:
                    progress.begin_document()
                    taken.extend(each.mark for each in fresh)
                    at = {TAKEN: base64.b64encode(b"".join(taken)).decode()} if came else END
                    yield _document(session, progress, fresh, at)
                async with progress.wait():
                    await session.acknowledge(came)
                if not came:
                    is_at_end = True
                    return
        finally:
            if not is_at_end:
                await session.drop()


def _marks(progress: Progress) -> Iterable[bytes]:
    if progress.at is None:
        return ()
    try:
        joined = base64.b64decode(progress.at[TAKEN], validate=True)
    except (TypeError, KeyError, ValueError, binascii.Error) as error:
        raise progress.moved("where it was cut off cannot be read") from error
    return [joined[at : at + MARK_BYTES] for at in range(0, len(joined), MARK_BYTES)]


def _is_known(message: MqttMessage, known: set[bytes]) -> bool:
    """Whether a message was taken before the cut; each mark is good for one repetition."""
    if not message.is_repeated or message.mark not in known:
        return False
    known.discard(message.mark)
    return True


def _document(
    session: MessageSession, progress: Progress, messages: Sequence[MqttMessage], at: Any
) -> Document:
    raw = b"".join(each.raw for each in messages)
    largest = session.limits.message_bytes_max
    rows = tuple(_row(each, largest) for each in messages)
    return progress.document(session.place, digest_of(raw), rows, at)


def _row(message: MqttMessage, largest: int) -> RawRow:
    head = {"@topic": message.topic, "@retained": message.is_retained}
    try:
        return {**_members(message.payload, largest), **head}
    except (ValueError, UnicodeDecodeError) as error:
        shown = message.payload[:EXCERPT_CHARACTERS].decode("utf-8", "backslashreplace")
        excerpt = "".join(c if c.isprintable() else "�" for c in shown)
        return {**head, "@unreadable": str(error)[:EXCERPT_CHARACTERS], "@excerpt": excerpt}


def _members(payload: bytes, largest: int) -> dict[str, Any]:
    if len(payload) > largest:
        raise ValueError(f"{len(payload)} bytes, at most {largest} are read")
    read = read_answer(payload.decode("utf-8"))
    if not isinstance(read, dict):
        raise ValueError("no JSON object")  # noqa: TRY004 - a fault of what came
    return read
