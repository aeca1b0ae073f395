import gzip
import json
from decimal import Decimal

import httpx
import pytest

from connectors.document import digest_of
from connectors.errors import PayloadError, SlowError, SourceRefusedError, SourceUnavailableError
from connectors.http.credentials import ClientCredentials, StaticToken
from connectors.http.replay import RecordingTransport, ReplayTransport
from connectors.http.session import HttpSession
from connectors.http.transport import open_client
from connectors.limits import Limits
from connectors.reader import Window
from connectors.rest import NextLink, Offset, PagedJson, PageNumber

LIMITS = Limits(attempts_max=3, retry_after_s_max=30)


def session(handler, base="https://source.test/api/", limits=LIMITS, waits=None, auth=None):
    client = httpx.AsyncClient(
        transport=httpx.MockTransport(handler), base_url=base, auth=auth, trust_env=False
    )

    async def pause(seconds: float) -> None:
        if waits is not None:
            waits.append(seconds)

    return HttpSession("source", client, limits, pause=pause, chance=lambda: 1.0)


def listing(total, size_max=1000):
    rows = [{"id": number} for number in range(total)]

    def handler(request):
        query = request.url.params
        size = min(int(query["size"]), size_max)
        start = (int(query["page"]) - 1) * size
        return httpx.Response(
            200, json={"data": {"total": total, "rows": rows[start : start + size]}}
        )

    return handler


PAGES = PagedJson(
    path="list",
    paging=PageNumber(page="page", size="size", rows=10),
    items_at="data.rows",
    total_at="data.total",
)


async def read(declaration, talk, **question):
    return [page async for page in declaration.read(talk, Window(filters=question))]


async def test_pages_by_number_until_the_promised_total():
    pages = await read(PAGES, session(listing(25)))
    assert [len(page.rows) for page in pages] == [10, 10, 5]
    assert [page.first_row for page in pages] == [1, 11, 21]
    assert pages[1].place == "list?page=2&size=10"
    assert len({page.digest for page in pages}) == 3


async def test_a_source_that_gives_smaller_pages_than_asked_is_still_read_whole():
    pages = await read(PAGES, session(listing(25, size_max=4)))
    assert sum(len(page.rows) for page in pages) == 25


async def test_an_empty_list_is_one_page_that_can_be_kept_as_evidence():
    pages = await read(PAGES, session(listing(0)))
    assert [page.rows for page in pages] == [()]


async def test_a_list_cut_short_is_an_error_and_not_a_short_list():
    def handler(request):
        rows = [{"id": 1}] if request.url.params["page"] == "1" else []
        return httpx.Response(200, json={"data": {"total": 3, "rows": rows}})

    with pytest.raises(PayloadError, match="3 rows promised, 1 delivered"):
        await read(PAGES, session(handler))


async def test_a_source_that_ignores_the_page_parameter_is_found_out():
    def handler(request):
        return httpx.Response(200, json={"data": {"total": 99, "rows": [{"id": 1}]}})

    with pytest.raises(PayloadError, match="page 2 equals the page before"):
        await read(PAGES, session(handler))


async def test_pages_by_offset_and_fixed_parameters():
    asked = []

    def handler(request):
        asked.append(dict(request.url.params))
        start = int(request.url.params["offset"])
        return httpx.Response(200, json=[{"id": n} for n in range(start, min(start + 2, 5))])

    declaration = PagedJson(path="items", paging=Offset(rows=2), items_at="", fixed={"kind": "x"})
    pages = await read(declaration, session(handler), since="2026-01-01")
    assert [row["id"] for page in pages for row in page.rows] == [0, 1, 2, 3, 4]
    assert asked[0] == {"kind": "x", "since": "2026-01-01", "offset": "0", "limit": "2"}


async def test_a_next_link_is_followed_by_path_only_so_that_no_token_leaves():
    hosts = []

    def handler(request):
        hosts.append((request.url.host, request.url.raw_path.decode()))
        last = "page=2" in str(request.url)
        link = None if last else "http://evil.test/api/tools/?page=2&page_size=1"
        return httpx.Response(200, json={"next": link, "results": [{"id": len(hosts)}]})

    declaration = PagedJson(path="tools/", paging=NextLink(rows=1))
    pages = await read(declaration, session(handler))
    assert hosts == [
        ("source.test", "/api/tools/?page_size=1"),
        ("source.test", "/api/tools/?page=2&page_size=1"),
    ]
    assert pages[1].place == "/api/tools/?page=2&page_size=1"


async def test_a_next_link_to_another_list_is_refused():
    def handler(request):
        return httpx.Response(
            200, json={"next": "https://source.test/api/users/?page=2", "results": [{"id": 1}]}
        )

    with pytest.raises(PayloadError, match="another list"):
        await read(PagedJson(path="tools/", paging=NextLink()), session(handler))


async def test_endless_pages_are_bounded():
    def handler(request):
        page = request.url.params["page"]
        return httpx.Response(200, json={"results": [{"id": page}]})

    declaration = PagedJson(path="list", paging=PageNumber(rows=1))
    with pytest.raises(PayloadError, match="over 5 pages"):
        await read(declaration, session(handler, limits=Limits(pages_max=5)))
    with pytest.raises(PayloadError, match="over 3 rows"):
        await read(declaration, session(handler, limits=Limits(rows_max=3)))


async def test_numbers_stay_exact_and_the_raw_bytes_are_the_evidence():
    raw = b'{"results": [{"worth": 128.50, "count": 3}]}'

    def handler(request):
        if request.url.params["page"] == "1":
            return httpx.Response(
                200, content=gzip.compress(raw), headers={"content-encoding": "gzip"}
            )
        return httpx.Response(200, json={"results": []})

    pages = await read(PagedJson(path="x"), session(handler))
    row = pages[0].rows[0]
    assert str(row["worth"]) == "128.50"
    assert isinstance(row["worth"], Decimal)
    assert pages[0].digest == digest_of(raw)


@pytest.mark.parametrize(
    ("status", "headers", "content", "error", "words"),
    [
        (401, {}, b"{}", SourceRefusedError, "401"),
        (403, {}, b"{}", SourceRefusedError, "403"),
        (404, {}, b"{}", PayloadError, "404"),
        (302, {"location": "/login"}, b"", PayloadError, "redirect"),
        (200, {}, b"", PayloadError, "empty"),
        (200, {}, b" \r\n", PayloadError, "empty"),
        (200, {"content-type": "text/html"}, b"<html>log in</html>", PayloadError, "HTML"),
        (200, {}, b"\xef\xbb\xbf <!DOCTYPE html>", PayloadError, "HTML"),
        (200, {}, b"{nonsense", PayloadError, "not valid JSON"),
        (200, {}, b"\xff\xfe", PayloadError, "not valid JSON"),
        (200, {}, b'{"results": NaN}', PayloadError, "not valid JSON"),
        (200, {}, b"[" * 100_000, PayloadError, "not valid JSON"),
        (200, {}, b"{}", PayloadError, "no 'results'"),
        (200, {}, b"null", PayloadError, "no 'results'"),
        (200, {}, b'{"results": {}}', PayloadError, "list of objects"),
        (200, {}, b'{"results": [1]}', PayloadError, "list of objects"),
        (200, {"content-encoding": "gzip"}, b"not gzip", PayloadError, "compression"),
    ],
)
async def test_no_wrong_answer_is_taken_for_an_empty_list(status, headers, content, error, words):
    def handler(request):
        return httpx.Response(status, headers=headers, stream=httpx.ByteStream(content))

    with pytest.raises(error, match=words) as caught:
        await read(PagedJson(path="x"), session(handler))
    assert caught.value.hint
    assert caught.value.source == "source"


async def test_a_gbk_answer_is_read_by_its_declared_charset():
    def handler(request):
        return httpx.Response(
            200,
            content=json.dumps({"mc": "电镜"}, ensure_ascii=False).encode("gbk"),
            headers={"content-type": "application/json; charset=GBK"},
        )

    assert await session(handler).get_json("x") == {"mc": "电镜"}


async def test_a_body_that_unpacks_beyond_the_limit_is_stopped():
    def handler(request):
        return httpx.Response(
            200,
            headers={"content-encoding": "gzip"},
            stream=httpx.ByteStream(gzip.compress(b" " * 1_000_000)),
        )

    with pytest.raises(PayloadError, match="more than 1000 bytes"):
        await session(handler, limits=Limits(response_bytes_max=1000)).get("x")


async def test_server_errors_are_retried_with_growing_pauses_and_then_named():
    waits = []
    with pytest.raises(SourceUnavailableError, match="503") as caught:
        await session(lambda request: httpx.Response(503), waits=waits).get("x")
    assert waits == [0.25, 0.5]
    assert caught.value.code == "SOURCE_UNAVAILABLE"


async def test_a_short_retry_after_is_kept_and_a_long_one_ends_the_attempt():
    waits = []
    answers = [
        httpx.Response(429, headers={"retry-after": "7"}),
        httpx.Response(
            503,
            headers={
                "date": "Mon, 23 Nov 2026 08:00:00 GMT",
                "retry-after": "Mon, 23 Nov 2026 08:00:20 GMT",
            },
        ),
        httpx.Response(200, json={"a": 1}),
    ]
    assert await session(lambda r: answers.pop(0), waits=waits).get_json("x") == {"a": 1}
    assert waits == [7.0, 20.0]
    long = httpx.Response(503, headers={"retry-after": "3600"})
    with pytest.raises(SourceUnavailableError) as caught:
        await session(lambda r: long, waits=waits).get("x")
    assert caught.value.retry_after_s == 3600
    assert len(waits) == 2


async def test_a_timeout_has_its_own_code():
    def handler(request):
        raise httpx.ReadTimeout("late", request=request)

    with pytest.raises(SlowError) as caught:
        await session(handler).get("x")
    assert caught.value.code == "SOURCE_TIMEOUT"


def oauth(log, lifetime=600):
    def handler(request):
        if request.url.path == "/oauth/token":
            log.append((dict(request.headers), request.content.decode()))
            return httpx.Response(
                200,
                json={
                    "access_token": f"t{len(log)}",
                    "token_type": "Bearer",
                    "expires_in": lifetime,
                },
            )
        token = request.headers["authorization"]
        return httpx.Response(200, json={"token": token})

    return handler


def credentials(**kwargs):
    return ClientCredentials(
        source="source",
        token_url="/oauth/token",
        client_id="hub:1",
        client_secret="s e/c",
        **kwargs,
    )


async def test_a_token_is_fetched_once_and_renewed_before_it_ends():
    now = [0.0]
    log = []
    talk = session(oauth(log), auth=credentials(elapsed=lambda: now[0]))
    assert await talk.get_json("a") == {"token": "Bearer t1"}
    now[0] = 500
    assert await talk.get_json("a") == {"token": "Bearer t1"}
    now[0] = 580
    assert await talk.get_json("a") == {"token": "Bearer t2"}
    headers, body = log[0]
    assert headers["authorization"] == "Basic aHViJTNBMTpzJTIwZSUyRmM="
    assert body == "grant_type=client_credentials"


async def test_client_secret_post_sends_the_secret_in_the_form():
    log = []
    talk = session(oauth(log), auth=credentials(method="client_secret_post", scope="read"))
    await talk.get_json("a")
    headers, body = log[0]
    assert "authorization" not in headers
    assert body == (
        "grant_type=client_credentials&scope=read&client_id=hub%3A1&client_secret=s+e%2Fc"
    )


async def test_a_401_renews_the_token_once_and_then_is_a_refusal():
    log = []
    inner = oauth(log)

    def handler(request):
        if request.url.path == "/oauth/token" or request.headers["authorization"] == "Bearer t2":
            return inner(request)
        return httpx.Response(401)

    assert await session(handler, auth=credentials()).get_json("a") == {"token": "Bearer t2"}

    def never(request):
        return inner(request) if request.url.path == "/oauth/token" else httpx.Response(401)

    log.clear()
    with pytest.raises(SourceRefusedError):
        await session(never, auth=credentials()).get("a")
    assert len(log) == 2


@pytest.mark.parametrize(
    ("response", "error"),
    [
        (httpx.Response(401, json={"error": "invalid_client"}), SourceRefusedError),
        (httpx.Response(500), SourceUnavailableError),
        (httpx.Response(200, text="<html>"), PayloadError),
        (httpx.Response(200, text="[" * 200_000), PayloadError),
        (httpx.Response(200, json={"token_type": "Bearer"}), PayloadError),
        (httpx.Response(200, json={"access_token": "x\r\ny"}), PayloadError),
        (httpx.Response(200, json={"access_token": "x", "token_type": "DPoP"}), PayloadError),
        (httpx.Response(302, headers={"location": "/login"}), PayloadError),
    ],
)
async def test_a_token_endpoint_that_does_not_give_a_token_is_named(response, error):
    with pytest.raises(error) as caught:
        await session(lambda request: response, auth=credentials()).get("a")
    assert "s e/c" not in str(caught.value)


async def test_a_static_token_goes_into_its_header_and_not_into_messages():
    seen = []

    def handler(request):
        seen.append(request.headers["authorization"])
        return httpx.Response(403)

    with pytest.raises(SourceRefusedError) as caught:
        await session(handler, auth=StaticToken("Token not-to-be-told")).get("a")
    assert seen == ["Token not-to-be-told"]
    assert "not-to-be-told" not in str(caught.value)
    assert "not-to-be-told" not in repr(StaticToken("Token not-to-be-told"))


async def test_a_recorded_session_answers_like_the_source():
    recording = RecordingTransport(httpx.MockTransport(listing(25)))
    async with httpx.AsyncClient(transport=recording, base_url="https://source.test") as client:
        live = await read(PAGES, HttpSession("source", client))
    kept = recording.session()
    async with httpx.AsyncClient(
        transport=ReplayTransport(kept), base_url="https://source.test"
    ) as client:
        again = await read(PAGES, HttpSession("source", client))
        with pytest.raises(PayloadError, match="404"):
            await HttpSession("source", client).get("list", {"page": "9"})
    assert [page.rows for page in again] == [page.rows for page in live]


async def test_the_whole_path_over_the_own_transport(raw_server):
    async def script(peer):
        while True:
            head, body = await peer.request()
            if head.startswith(b"POST"):
                assert body == b"grant_type=client_credentials"
                await peer.ok(b'{"access_token": "t", "expires_in": "60"}')
            else:
                assert b"authorization: bearer t" in head.lower()
                await peer.ok(b'{"results": []}')

    async with (
        raw_server(script) as server,
        open_client(f"{server.url}/api/", auth=credentials()) as client,
    ):
        pages = await read(PagedJson(path="list"), HttpSession("source", client))
    assert [page.rows for page in pages] == [()]
    assert server.requests == [
        "POST /oauth/token HTTP/1.1",
        "GET /api/list?page=1&page_size=200 HTTP/1.1",
    ]
