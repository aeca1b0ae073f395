"""`read_envelope`: the SOAP envelope inside an answer, whatever stands around it, safely parsed.

Real services send warnings, blank lines, XML declarations and parts of MIME around the envelope;
it is cut out of the text between its own tags. Invariants:

- no document type and no entity: one is refused wherever it is declared, so nothing is expanded and
  nothing outside is asked for; the parser neither loads nor resolves any;
- elements, their depth and the bytes are bounded while they come, before they are a tree;
- the charset is proved, not guessed: a byte order mark decides, then what HTTP and the XML
  declaration say; where these contradict each other, or the bytes them, only bytes that are UTF-8
  for certain are read, and as UTF-8; all else is refused.
"""

from __future__ import annotations

import codecs
import re

from lxml import etree

from connectors.errors import PayloadError
from connectors.limits import Limits

__all__ = ["ENVELOPES", "UnreadableError", "envelope_text", "parse_envelope", "read_envelope"]

SOAP_11 = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP_12 = "http://www.w3.org/2003/05/soap-envelope"
ENVELOPES = frozenset({SOAP_11, SOAP_12})
PIECE_BYTES = 64 * 1024
MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
KNOWN = {"utf-8": "utf-8", "utf8": "utf-8", "us-ascii": "utf-8", "ascii": "utf-8"}
KNOWN |= dict.fromkeys(("gbk", "gb2312", "gb18030", "x-gbk"), "gb18030")
KNOWN |= {"iso-8859-1": "iso-8859-1", "utf-16": "utf-16", "utf-16le": "utf-16-le"}
KNOWN |= {"utf-16be": "utf-16-be"}
CHARSET = re.compile(r"""charset\s*=\s*["']?([A-Za-z0-9._-]{1,40})""", re.IGNORECASE)
DECLARED = re.compile(rb"""<\?xml\s[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})""")
BEGINS = re.compile(r"<((?:[A-Za-z_][\w.-]{0,40}:)?)Envelope(?=[\s>])")
DECLARATION = re.compile(r"<!\s*(?:DOCTYPE|ENTITY)", re.IGNORECASE)
IS_PAGE = re.compile(r"<\s*(?:!DOCTYPE\s+html|html)\b", re.IGNORECASE)
HEAD_BYTES = 1024
EASTERN = "\u2000"
"""Where signs and Chinese characters begin, which are three bytes of UTF-8 each."""


class UnreadableError(ValueError):
    """Why an answer is no envelope, in words, and what to do about it."""

    def __init__(self, detail: str, hint: str = "") -> None:
        super().__init__(detail)
        self.hint = hint


def read_envelope(
    source: str, place: str, raw: bytes, content_type: str, limits: Limits
) -> etree._Element:
    """Return the envelope in an answer; `PayloadError` where there is none that can be trusted."""
    try:
        return parse_envelope(envelope_text(raw, content_type), limits)
    except UnreadableError as error:
        raise PayloadError(source, f"{place}: {error}", hint=error.hint) from error


def envelope_text(raw: bytes, content_type: str) -> str:
    """Cut the envelope out of an answer."""
    text = _text(raw, content_type)
    begins = BEGINS.search(text)
    if begins is None:
        if IS_PAGE.search(text):
            raise UnreadableError(
                "a page of HTML came instead of a SOAP envelope",
                "often a login page or an error page of a proxy: check address and credentials",
            )
        raise UnreadableError("there is no SOAP envelope in the answer")
    if DECLARATION.search(text, 0, begins.start()):
        raise UnreadableError(
            "the answer declares a document type", "SOAP forbids it; do not accept it"
        )
    closing = f"</{begins[1]}Envelope"
    end = text.rfind(closing)
    close = text.find(">", end)
    if end < begins.end() or close < 0 or text[end + len(closing) : close].strip():
        raise UnreadableError("the SOAP envelope is cut off")
    return text[begins.start() : close + 1]


def parse_envelope(text: str, limits: Limits) -> etree._Element:
    """Parse an envelope within its bounds."""
    parser = etree.XMLPullParser(
        events=("start", "end"),
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        dtd_validation=False,
        attribute_defaults=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    content = text.encode("utf-8", "surrogatepass")
    depth = count = 0
    try:
        for at in range(0, len(content), PIECE_BYTES):
            parser.feed(content[at : at + PIECE_BYTES])
            for event, _ in parser.read_events():
                depth += 1 if event == "start" else -1
                count += event == "start"
                if depth > limits.xml_depth_max or count > limits.xml_elements_max:
                    raise UnreadableError("the answer is too deep, or has too many elements")
        root = parser.close()
    except etree.XMLSyntaxError as error:
        # The parser's words may quote what stands there; they stay in the chain, cut short.
        raise UnreadableError("the SOAP envelope is no well-formed XML") from error
    if etree.QName(root).namespace not in ENVELOPES:
        raise UnreadableError("the envelope is of no version of SOAP")
    return root


def _text(raw: bytes, content_type: str) -> str:
    for mark, encoding in MARKS:
        if raw.startswith(mark):
            return _decoded(raw, encoding)
    by_http, declared = CHARSET.search(content_type), DECLARED.search(raw, 0, HEAD_BYTES)
    names = (by_http and by_http[1], declared and declared[1].decode())
    stated = {name.lower() for name in names if name}
    encodings = {KNOWN.get(name, "") for name in stated} or {"utf-8"}
    if len(encodings) == 1 and "" not in encodings:
        (only,) = encodings
        if only == "utf-8":
            return _decoded(raw, only)
        if only != "iso-8859-1" and not _is_utf_8(raw):
            return _decoded(raw, only)
    if raw.isascii() or _is_utf_8(raw):
        return raw.decode()
    told = ", ".join(sorted(stated))
    raise UnreadableError(
        f"the answer says that it is {told}, and its bytes are neither that for certain nor UTF-8",
        "ask the operator of the source to send UTF-8 and to say so",
    )


def _is_utf_8(raw: bytes) -> bool:
    """Tell whether bytes are UTF-8 for certain: Chinese text of another charset hardly ever is.

    Single characters of GBK may be two bytes of UTF-8, which stand below U+0800.
    """
    try:
        wide = [character for character in raw.decode() if not character.isascii()]
    except UnicodeDecodeError:
        return False
    return 2 * sum(character >= EASTERN for character in wide) > len(wide)


def _decoded(raw: bytes, encoding: str) -> str:
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as error:
        raise UnreadableError(
            f"byte {error.start + 1} of the answer is not {encoding}",
            "ask the operator of the source to send the charset that it declares",
        ) from error
