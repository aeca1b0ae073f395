"""`public_routes`: the routes that ask for no token: tokens themselves, the log, the pages."""

from __future__ import annotations

from hub.access.limits import FORM_MAX_BYTES
from hub.errors import ErrorCode
from hub.openapi.operation import (
    BYTES,
    HTML,
    JSON,
    TEXT,
    Content,
    Guard,
    RouteOperation,
    RouteParameter,
)
from hub.openapi.partner_routes import json_of
from hub.openapi.shapes import TEXT as ANY_TEXT
from hub.openapi.shapes import ref

FORM = "application/x-www-form-urlencoded"
MARKDOWN = "text/markdown"
_ABSENT = frozenset({ErrorCode.NOT_FOUND})
_AWAY = frozenset({ErrorCode.DATABASE_UNAVAILABLE, ErrorCode.TIMEOUT})
_WORD = {"type": "string", "minLength": 1}
_PLAIN = {TEXT: ANY_TEXT}
_TILE = RouteParameter(
    "rest", _WORD, "`<level>/<index>` or `entries/<index>`, `.p/<width>` if partial."
)
_ORIGIN = RouteParameter("origin", _WORD, "The name of a log of this hub.")
_OAUTH_CASES = {
    400: "RFC 6749: what is wrong with the request.",
    401: "RFC 6749: `invalid_client`, which never says why.",
    503: "Try again shortly.",
}


def public_routes() -> tuple[RouteOperation, ...]:
    """Return every operation of this module."""
    return (*_tokens(), *_metadata(), *_log(), *_files(), *_pages(), *_health())


def _tokens() -> tuple[RouteOperation, ...]:
    assertion = {
        "client_assertion_type": {
            "const": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        },
        "client_assertion": ANY_TEXT,
    }
    of_token = _form(token=ANY_TEXT, **assertion)
    asked = _form(grant_type=ANY_TEXT, resource=ANY_TEXT, **assertion)
    nonce = {"DPoP-Nonce": "For the proof of the next token request."}
    return (
        _oauth(
            "/oauth/token", "取令牌", "Fetch a token (hub-sig-1, section 2).", asked, "Token", nonce
        ),
        _oauth(
            "/oauth/revoke",
            "吊销令牌",
            "End every token of the client (RFC 7009).",
            of_token,
            "Metadata",
            nonce,
        ),
        _oauth(
            "/oauth/introspect",
            "查验令牌",
            "Say what a token is good for (RFC 7662).",
            of_token,
            "Introspection",
            nonce,
        ),
    )


def _form(**members: object) -> dict[str, object]:
    required = [name for name in members if name != "resource"]
    return {"type": "object", "required": required, "properties": members}


def _oauth(
    path: str,
    zh: str,
    en: str,
    form: dict[str, object],
    shape: str,
    headers: dict[str, str],
) -> RouteOperation:
    return RouteOperation(
        route=f"POST {path}",
        zh=zh,
        en=en,
        guard=Guard.HOST,
        body=Content({FORM: form}, f"A form of {FORM_MAX_BYTES >> 10} KiB at most."),
        answers={200: Content({JSON: ref(shape)}, "The answer.", headers)},
        other_refusals={
            status: Content({JSON: ref("OAuthError")}, text)
            for status, text in _OAUTH_CASES.items()
        },
    )


def _metadata() -> tuple[RouteOperation, ...]:
    names = {
        "oauth-authorization-server": ("授权服务元数据", "RFC 8414.", "Metadata"),
        "oauth-protected-resource": ("资源元数据", "RFC 9728: the whole hub.", "Metadata"),
        "oauth-protected-resource/graphql": ("资源元数据", "RFC 9728: /graphql.", "Metadata"),
        "oauth-protected-resource/federation/graphql": (
            "资源元数据",
            "RFC 9728: /federation/graphql.",
            "Metadata",
        ),
        "jwks.json": ("平台公钥", "The keys that sign tokens and answers.", "KeySet"),
    }
    return tuple(
        _get(f"/.well-known/{name}", zh, json_of(shape, en))
        for name, (zh, en, shape) in names.items()
    )


def _log() -> tuple[RouteOperation, ...]:
    note = Content(_PLAIN, "The newest signed note.")
    tile = Content({BYTES: ANY_TEXT}, "The bytes of the tile.")
    bad_tile = _ABSENT | _AWAY | {ErrorCode.BAD_USER_INPUT}
    return (
        _get("/log/checkpoint", "最新检查点", note, refusals=_ABSENT | _AWAY),
        _get("/log/tile/{rest}", "日志切片", tile, path=(_TILE,), refusals=bad_tile),
        _get("/log/vkey", "日志公钥", Content(_PLAIN, "The verifier key (C2SP signed-note).")),
        _get("/log/policy", "核验策略", Content(_PLAIN, "What to pin."), refusals=_AWAY),
        _get("/log/origins", "全部日志", json_of("Logs", "Every log."), refusals=_AWAY),
        _get(
            "/log/{origin}/checkpoint",
            "某日志的检查点",
            note,
            path=(_ORIGIN,),
            refusals=_ABSENT | _AWAY,
        ),
        _get(
            "/log/{origin}/tile/{rest}",
            "某日志的切片",
            tile,
            path=(_ORIGIN, _TILE),
            refusals=bad_tile,
        ),
    )


def _files() -> tuple[RouteOperation, ...]:
    published = {
        JSON: {},
        TEXT: ANY_TEXT,
        MARKDOWN: ANY_TEXT,
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ANY_TEXT,
    }
    pages = {HTML: ANY_TEXT, MARKDOWN: ANY_TEXT}
    parts = {HTML: ANY_TEXT, "text/css": ANY_TEXT, "text/javascript": ANY_TEXT}
    name = RouteParameter("name", _WORD, "The name of a file or page.")
    found = {
        "/standard/{name}": ("已发布的标准文件", Content(published, "The file.")),
        "/guide/{name}": ("指南页面", Content(pages, "The page; with `.md` its source.")),
        "/explore/{name}": ("查询台文件", Content(parts, "The file.")),
        "/pages/{name}": ("页面文件", Content({JSON: {}, **parts}, "The file.")),
    }
    return tuple(
        _get(path, zh, content, path=(name,), refusals=_ABSENT)
        for path, (zh, content) in found.items()
    )


def _pages() -> tuple[RouteOperation, ...]:
    pages = {
        "/": "首页",
        "/guide": "指南目录",
        "/explore": "查询台",
        "/submit": "报送页面",
        "/verify": "核验页面",
        "/customs": "海关监管页面",
        "/attestation": "申兑证明页面",
        "/vouchers": "创新券页面",
    }
    script = Content({"text/javascript": ANY_TEXT}, "The script of the front page.")
    contact = Content(_PLAIN, "RFC 9116.")
    return (
        *(_get(path, zh, Content({HTML: ANY_TEXT}, "The page.")) for path, zh in pages.items()),
        _get("/explore/samples.json", "查询示例", json_of("Samples", "Named documents.")),
        _get("/explore/types.json", "接口类型", json_of("Samples", "Every type of the interface.")),
        _get("/front/front.js", "首页脚本", script),
        _get(
            "/figures.json",
            "公开数字",
            json_of("Figures", "What a stranger may count."),
            refusals=_AWAY,
        ),
        _get(
            "/attestation/keys",
            "证明的核验公钥",
            json_of(
                "KeySet", "The hub's keys to pin, each with the size of the log it signed up to."
            ),
            refusals=_AWAY,
        ),
        _get("/access-policy", "使用政策", Content(_PLAIN, "What a client may do.")),
        _get("/.well-known/security.txt", "安全联系人", contact, refusals=_ABSENT),
    )


def _health() -> tuple[RouteOperation, ...]:
    codes, ready = json_of("Health", "The code of each part."), json_of("Readiness", "Each part.")
    return (
        _get("/livez", "进程是否应答", Content(_PLAIN, "`ok`.")),
        _get("/readyz", "是否可接受请求", ready, away=ready),
        _get("/healthz", "各部分是否正常", codes, away=codes),
    )


def _get(
    path_: str,
    zh: str,
    answer: Content,
    path: tuple[RouteParameter, ...] = (),
    refusals: frozenset[ErrorCode] = frozenset(),
    away: Content | None = None,
) -> RouteOperation:
    return RouteOperation(
        route=f"GET {path_}",
        zh=zh,
        en=answer.en,
        path=path,
        answers={200: answer} if away is None else {200: answer, 503: away},
        refusals=frozenset(refusals),
    )
