"""`read_xml`: an XML document that others wrote, as a tree of elements.

- A document type is refused, and with it every entity: nothing is expanded, nothing outside is
  asked for.
- Bytes, elements and depth are bounded; what is over a bound is an error, never a part of it.
- UTF-8, UTF-16 and the Chinese encodings (GB2312, GBK, GB18030) that a declaration may name.
- Attributes and comments are passed over: what a message says stands in its elements.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers.expat import ExpatError

from connectors.limits import XML_BYTES_MAX, XML_DEPTH_MAX, XML_ELEMENTS_MAX
from connectors.xml_scan import new_parser

__all__ = ["XmlElement", "XmlError", "read_xml"]

_DECLARED = re.compile(rb"""^<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._\-]+)""")
_CHINESE = frozenset({b"gb2312", b"gbk", b"gb18030"})
NAMESPACE_END = "}"


class XmlError(ValueError):
    """The bytes are no document that is read; the text says why."""


@dataclass(slots=True)
class XmlElement:
    """One element: its name without namespace, its text, the elements in it."""

    name: str
    text: str = ""
    """What stands in it beside the elements in it, without white space around it."""
    children: list[XmlElement] = field(default_factory=list)

    def all(self, name: str) -> Iterator[XmlElement]:
        """Yield the elements of a name directly in it, in their order."""
        return (child for child in self.children if child.name == name)

    def leaves(self, *parts: str) -> dict[str, str]:
        """Return the texts of the elements in it by name; `XmlError` where one comes twice.

        `parts`: names of elements that the caller reads himself. Of any other one that holds
        elements all text is returned, so that nothing in it is passed over.
        """
        texts: dict[str, str] = {}
        for child in self.children:
            if child.name in parts:
                continue
            if child.name in texts:
                raise XmlError(f"<{self.name}> has <{child.name}> more than once")
            texts[child.name] = child.whole_text
        return texts

    @property
    def whole_text(self) -> str:
        """Return its text and that of all elements in it; their depth is bounded."""
        return " ".join(filter(None, (self.text, *(each.whole_text for each in self.children))))


def read_xml(content: bytes) -> XmlElement:
    """Return the root of a document; `XmlError` for what is none, or is too much."""
    if len(content) > XML_BYTES_MAX:
        raise XmlError(f"over {XML_BYTES_MAX} bytes")
    tree = _Tree()
    parser = new_parser(NAMESPACE_END)
    parser.buffer_text = True
    parser.StartElementHandler = tree.begin
    parser.EndElementHandler = tree.end
    parser.CharacterDataHandler = tree.say
    try:
        parser.Parse(_readable(content), True)  # noqa: FBT003 - the library's own signature
    except XmlError:
        raise
    except (ExpatError, ValueError, LookupError) as error:
        raise XmlError(str(error)) from error
    assert tree.root is not None  # a document without a root is an error of expat
    return tree.root


def _readable(content: bytes) -> bytes:
    """Return a document in an encoding that expat reads; what does not decode is an error."""
    declared = _DECLARED.match(content)
    if declared is None or declared[1].lower() not in _CHINESE:
        return content
    return content.decode("gb18030").replace(declared[1].decode(), "UTF-8", 1).encode()


class _Tree:
    """Builds the tree from what the parser tells."""

    def __init__(self) -> None:
        self.root: XmlElement | None = None
        self._open: list[tuple[XmlElement, list[str]]] = []
        """Elements that were begun, each with the parts of its text."""
        self._count = 0

    def begin(self, name: str, _: dict[str, str]) -> None:
        element = XmlElement(name.rpartition(NAMESPACE_END)[2])
        self._count += 1
        if self._count > XML_ELEMENTS_MAX:
            raise XmlError(f"over {XML_ELEMENTS_MAX} elements")
        if len(self._open) >= XML_DEPTH_MAX:
            raise XmlError(f"elements lie more than {XML_DEPTH_MAX} deep")
        if self._open:
            self._open[-1][0].children.append(element)
        else:
            self.root = element
        self._open.append((element, []))

    def end(self, _: str) -> None:
        element, parts = self._open.pop()
        element.text = "".join(parts).strip()

    def say(self, data: str) -> None:
        self._open[-1][1].append(data)
