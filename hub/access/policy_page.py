"""`policy_page`: what a client may do with what it reads, for people (RFC 9728).

The scopes are written from the list that the hub serves, so the page names no other.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from hub.access.scopes import RESERVED_NAMES, Scope

_BEFORE = """\
数据使用规则 What a client may do with what it reads

1. 权限由运营方登记时授予，令牌只会更少。A token gives what the operator registered, or less.
2. 二级至四级数据另须数据所有方的约定；只用于约定的目的。
   L2 to L4 data also need the agreement of whose data it is, and are used for its purpose only.
3. 四级个人信息逐案授权，用后删除。L4 personal data: by case, and deleted afterwards.
4. 转给他人须有约定允许；须注明来源与时间。
   Pass data on only where the agreement says so, with its sources and ages.
5. 每次请求须持密钥证明；推送须签名。Every request proves its key; a push is signed.

权限范围 Scopes
"""


def policy_text() -> str:
    """Return the page."""
    served = [scope for scope in Scope if scope.value not in RESERVED_NAMES]
    return _BEFORE + "".join(f"  {s.value:18}{s.zh}\n{'':20}{s.en}\n" for s in served)


async def policy_page(_: Request) -> Response:
    """Answer the page."""
    return PlainTextResponse(policy_text(), headers={"Cache-Control": "max-age=300"})
