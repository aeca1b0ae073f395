"""`entity_tag`: whether a caller has an answer already (RFC 9110 §8.8.3, §13.1.2).

- Tags are weak: the answer means the same, and its bytes differ by content coding.
- A 304 has every header field of the answer that it stands for: a cache takes them over, and a page
  would lose its content security policy to the general one.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from hashlib import sha256

from starlette.requests import Request
from starlette.responses import Response

_TAG = re.compile(r'(?:W/)?("[\x21\x23-\x7e\x80-\xff]*")')
_OK, _NOT_MODIFIED = 200, 304
_OF_A_BODY = (b"content-length", b"content-type")
PUBLISHED = {"Cache-Control": "public, max-age=300", "Vary": "Accept-Encoding"}
"""Header fields of what is the same for everybody and changes with a new version of the hub."""


def entity_tag(*parts: bytes) -> str:
    """Return the weak tag of an answer that these parts decide; parts do not run together."""
    made = sha256()
    for part in parts:
        made.update(len(part).to_bytes(8, "big"))
        made.update(part)
    return f'W/"{urlsafe_b64encode(made.digest()[:18]).decode()}"'


def is_held(request: Request, tag: str) -> bool:
    """Say whether `If-None-Match` names this tag; weak and strong ones are compared alike."""
    stated = ",".join(request.headers.getlist("if-none-match"))
    return stated.strip() == "*" or tag.removeprefix("W/") in _TAG.findall(stated)


def unless_held(request: Request, response: Response, tag: str | None = None) -> Response:
    """Return an answer with its tag, or 304 where the caller holds it.

    Without `tag` it is that of the body. Only a 200 is ever held.
    """
    if response.status_code != _OK:
        return response
    tag = entity_tag(bytes(response.body)) if tag is None else tag
    response.headers["ETag"] = tag
    if not is_held(request, tag):
        return response
    held = Response(status_code=_NOT_MODIFIED)
    held.raw_headers.clear()
    held.raw_headers += [each for each in response.raw_headers if each[0] not in _OF_A_BODY]
    return held
