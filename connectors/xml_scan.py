"""`walk`: reads XML that others wrote, by a parser that refuses declarations of any kind.

Without a document type there are no entities to expand, and nothing outside is asked for.
"""

from __future__ import annotations

from typing import IO, NoReturn, Protocol
from xml.parsers import expat


class XmlScan(Protocol):
    """What is told of the elements of a document, in their order."""

    def begin(self, name: str, members: dict[str, str], /) -> None:
        """Begin an element."""

    def end(self, name: str, /) -> None:
        """End an element."""

    def text(self, data: str, /) -> None:
        """Take the text between two tags."""


def walk(scan: XmlScan, content: bytes | IO[bytes], separator: str | None = None) -> None:
    """Tell a scan of a whole document; see `new_parser`."""
    parser = new_parser(separator)
    parser.buffer_text = True
    parser.StartElementHandler = scan.begin
    parser.EndElementHandler = scan.end
    parser.CharacterDataHandler = scan.text
    if isinstance(content, bytes):
        parser.Parse(content, True)  # noqa: FBT003 - the library's own signature
    else:
        parser.ParseFile(content)


def new_parser(separator: str | None = None) -> expat.XMLParserType:
    """Return an XML parser that refuses declarations of any kind.

    With a separator names come with their namespace before it.
    """
    parser = expat.ParserCreate(namespace_separator=separator)
    parser.StartDoctypeDeclHandler = _refuse_declarations
    return parser


def _refuse_declarations(*_: object) -> NoReturn:
    raise ValueError("a document type is declared; take it out")
