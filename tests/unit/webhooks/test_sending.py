"""One attempt: to which server it goes, what it takes of the answer, and when it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import pytest

from hub.exchange.webhooks import sending
from hub.exchange.webhooks.sending import DeliveryFault, WebhookSender

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"


@dataclass
class Receiver:
    """A server of one answer, on an address of the loopback; `None`: it never answers."""

    answer: bytes | None = OK
    port: int = 0
    came: list[bytes] = field(default_factory=list)
    ended: int = 0

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            self.came.append(await reader.readuntil(b"\r\n\r\n"))
            if self.answer is None:
                await reader.read()
            else:
                writer.write(self.answer)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.ended += 1
            writer.close()


@asynccontextmanager
async def listening(receiver: Receiver, host: str, port: int = 0) -> AsyncIterator[Receiver]:
    server = await asyncio.start_server(receiver.take, host, port)
    receiver.port = server.sockets[0].getsockname()[1]
    async with server:
        yield receiver


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as made:
        yield made


async def sender(stack: AsyncExitStack, port: int, **more: object) -> WebhookSender:
    """A sender for which the port of a test is as good as 443 of a name."""
    made = WebhookSender([], "https://hub.example", **more)  # type: ignore[arg-type]
    stack.push_async_callback(made.aclose)
    return made


class Names:
    """A name server whose answers change with every question."""

    def __init__(self, *answers: list[str]) -> None:
        self._answers: Iterator[list[str]] = iter(answers)
        self.asked = 0

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked += 1
        try:
            return next(self._answers)
        except StopIteration:
            raise OSError("no such name") from None


async def post(made: WebhookSender, url: str, **more: bool) -> sending.DeliveryOutcome:
    return await made.post(url, {"webhook-id": "msg_1"}, b"{}", **more)


def listed(receiver: Receiver) -> tuple[WebhookSender, str]:
    origin = f"http://127.0.0.1:{receiver.port}"
    return WebhookSender([origin], "https://hub.example"), f"{origin}/hook?a=1"


async def test_a_message_goes_to_the_address_that_was_judged_whatever_the_name_says_later(
    stack: AsyncExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: the second answer would lead to what only the hub can reach."""
    good = await stack.enter_async_context(listening(Receiver(), "127.0.0.2"))
    inner = await stack.enter_async_context(listening(Receiver(), "127.0.0.3", good.port))
    monkeypatch.setattr(sending, "is_own", lambda _: False)
    names = Names(["127.0.0.2"], ["127.0.0.3"], ["127.0.0.2", "127.0.0.3"])
    made = await sender(
        stack, good.port, resolve=names, allows=lambda address: address == "127.0.0.2"
    )
    target = sending.target_of("https://hooks.example/hook", [])
    monkeypatch.setattr(
        sending,
        "target_of",
        lambda *_: sending.WebhookTarget("http", target.host, good.port, target.path, False),
    )
    first = await post(made, "https://hooks.example/hook")
    assert (first.fault, names.asked, len(good.came), len(inner.came)) == (None, 1, 1, 0)
    assert b"host: hooks.example" in good.came[0].lower()
    second = await post(made, "https://hooks.example/hook")
    assert (second.fault, names.asked) == (DeliveryFault.ADDRESS_REFUSED, 2)
    both = await post(made, "https://hooks.example/hook")  # one bad address is enough
    assert (both.fault, len(good.came), len(inner.came)) == (DeliveryFault.ADDRESS_REFUSED, 1, 0)
    assert (await post(made, "https://hooks.example/hook")).fault is DeliveryFault.UNRESOLVED


@pytest.mark.parametrize(
    "addresses", [["127.0.0.1"], ["10.0.0.1"], ["8.8.8.8", "169.254.169.254"], ["::1"], []]
)
async def test_no_name_leads_inside(stack: AsyncExitStack, addresses: list[str]) -> None:
    made = await sender(stack, 443, resolve=Names(addresses))
    fault = DeliveryFault.ADDRESS_REFUSED if addresses else DeliveryFault.UNRESOLVED
    assert (await post(made, "https://hooks.example/")).fault is fault


async def test_the_hub_does_not_call_itself_by_the_address_of_its_proxy(
    stack: AsyncExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await sender(stack, 443, resolve=Names(["202.120.224.81"]))

    async def own(*_: object) -> list[str]:
        return ["202.120.224.81"]

    monkeypatch.setattr(made, "_look_up", own)
    assert (await post(made, "https://hooks.example/")).fault is DeliveryFault.ADDRESS_REFUSED


async def test_an_origin_that_is_listed_is_called_and_one_struck_off_is_not() -> None:
    async with listening(Receiver(), "127.0.0.1") as receiver:
        made, url = listed(receiver)
        assert (await post(made, url, reads=True)).reply == b"hi"
        head = receiver.came[0].lower()
        assert head.startswith(b"post /hook?a=1 http/1.1\r\n")
        assert f"host: 127.0.0.1:{receiver.port}".encode() in head
        assert b"accept-encoding: identity" in head
        await made.aclose()
        other = WebhookSender([], "https://hub.example")
        assert (await post(other, url)).fault is DeliveryFault.ADDRESS_REFUSED
        await other.aclose()


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (b"HTTP/1.1 204 No Content\r\n\r\n", None),
        (b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1/\r\n\r\n", "HTTP 302"),
        (b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n", "HTTP 500"),
        (b"HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n", "HTTP 410"),
        (b"garbage\r\n\r\n", DeliveryFault.UNREACHABLE),
        (b"", DeliveryFault.UNREACHABLE),
        (b"HTTP/1.1 200 OK\r\nx: " + b"y" * 200_000 + b"\r\n\r\n", DeliveryFault.UNREACHABLE),
    ],
)
async def test_only_a_success_counts_and_nothing_is_followed(
    answer: bytes, fault: str | None
) -> None:
    async with listening(Receiver(answer), "127.0.0.1") as receiver:
        made, url = listed(receiver)
        outcome = await post(made, url)
        assert outcome.fault == fault
        assert outcome.is_gone == (fault == "HTTP 410")
        assert len(receiver.came) == 1
        await made.aclose()


async def test_what_a_receiver_asks_for_by_retry_after_is_read_in_seconds() -> None:
    for text, seconds in (("7", 7), ("-1", None), ("soon", None), ("٣", None)):
        answer = f"HTTP/1.1 503 No\r\nretry-after: {text}\r\ncontent-length: 0\r\n\r\n".encode()
        async with listening(Receiver(answer), "127.0.0.1") as receiver:
            made, url = listed(receiver)
            assert (await post(made, url)).retry_after_s == seconds
            await made.aclose()


async def test_an_attempt_ends_though_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "ATTEMPT_S", 0.2)
    async with listening(Receiver(None), "127.0.0.1") as receiver:
        made, url = listed(receiver)
        assert (await post(made, url)).fault is DeliveryFault.TIMEOUT
        await made.aclose()
    monkeypatch.undo()  # the next one must not be over before it was refused
    made, url = listed(Receiver(port=1))  # nobody listens
    assert (await post(made, url)).fault is DeliveryFault.UNREACHABLE
    await made.aclose()


async def test_of_an_endless_answer_a_beginning_is_read() -> None:
    head = b"HTTP/1.1 200 OK\r\n\r\n"
    async with listening(Receiver(head + b"x" * 3_000_000), "127.0.0.1") as receiver:
        made, url = listed(receiver)
        outcome = await post(made, url, reads=True)
        assert outcome.reply == b"x" * sending.REPLY_BYTES_MAX
        await made.aclose()
