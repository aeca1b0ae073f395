"""`pidinst_xml`: a PIDINST document as the XML of its published schema, and back.

The form as JSON is the model (`pidinst`); lists stand in a wrapper, types in attributes. A document
with a DOCTYPE is refused: entities and external parts have no place in it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from lxml import etree

from adapters.catalogue.given import CatalogueError

__all__ = ["is_pidinst_xml", "pidinst_from_xml", "pidinst_to_xml"]

BYTES_MAX = 1_000_000
HEAD_BYTES = 16_384
_ROOT = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:<\?[^>]*\?>\s*|<!--(?:[^-]|-[^-])*-->\s*|<!DOCTYPE[^>]*>\s*)*"
    rb"<(?:[A-Za-z_][\w.]*:)?instrument[\s/>]"
)
"""What may stand before the root. A DOCTYPE is let through here so that it is refused by name."""
LISTS = {
    "owners": "owner",
    "manufacturers": "manufacturer",
    "instrumentTypes": "instrumentType",
    "measuredVariables": "measuredVariable",
    "dates": "date",
    "relatedIdentifiers": "relatedIdentifier",
    "alternateIdentifiers": "alternateIdentifier",
}
ATTRIBUTES = {
    "identifier": ("identifierType",),
    "ownerIdentifier": ("ownerIdentifierType",),
    "manufacturerIdentifier": ("manufacturerIdentifierType",),
    "modelIdentifier": ("modelIdentifierType",),
    "instrumentTypeIdentifier": ("instrumentTypeIdentifierType",),
    "date": ("dateType",),
    "relatedIdentifier": ("relatedIdentifierType", "relationType", "relatedIdentifierName"),
    "alternateIdentifier": ("alternateIdentifierType", "alternateIdentifierName"),
}
"""Elements that are a text with attributes; as JSON the text has the name of the element."""


def pidinst_to_xml(document: Mapping[str, Any]) -> bytes:
    """Return a document as XML, UTF-8."""
    root = etree.Element("instrument")
    for name, value in document.items():
        _write(root, name, value)
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True))


def _write(parent: Any, name: str, value: Any) -> None:
    element = etree.SubElement(parent, name)
    if name in LISTS:
        for each in value:
            _write(element, LISTS[name], each)
    elif not isinstance(value, Mapping):
        element.text = _xml_text(value)
    elif name in ATTRIBUTES:
        element.text = _xml_text(value[name])
        for attribute in ATTRIBUTES[name]:
            if attribute in value:
                element.set(attribute, _xml_text(value[attribute]))
    else:
        for inner, held in value.items():
            _write(element, inner, held)


def _xml_text(value: Any) -> str:
    """Return a text without what XML 1.0 cannot hold."""
    return "".join(one for one in str(value) if one in "\t\n\r" or one >= " ")


def is_pidinst_xml(data: bytes) -> bool:
    """Tell whether a file is XML whose root is named as that of PIDINST, sound or not."""
    return _ROOT.match(data[:HEAD_BYTES]) is not None


def pidinst_from_xml(data: bytes) -> dict[str, Any]:
    """Return the document of an XML text. Raises `CatalogueError`."""
    if len(data) > BYTES_MAX:
        raise CatalogueError("TOO_LARGE", f"超过 {BYTES_MAX} 字节", f"has over {BYTES_MAX} bytes")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False,
        remove_comments=True, remove_pis=True,
    )  # fmt: skip
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise CatalogueError("NOT_XML", "不是 XML", f"is no XML: {error.msg}") from error
    if root.getroottree().docinfo.doctype:
        raise CatalogueError("NOT_XML", "不允许 DOCTYPE", "a DOCTYPE is not allowed")
    if etree.QName(root).localname != "instrument":
        raise CatalogueError("NOT_XML", "根元素应为 instrument", "the root must be instrument")
    return {etree.QName(each).localname: _read(each) for each in root}


def _read(element: Any) -> Any:
    name = etree.QName(element).localname
    if name in LISTS:
        return [_read(each) for each in element]
    text = (element.text or "").strip()
    if name in ATTRIBUTES and not len(element):
        return {name: text, **{str(key): str(value) for key, value in element.attrib.items()}}
    if len(element):
        return {etree.QName(each).localname: _read(each) for each in element}
    return text
