"""`read_message`: the rows of one message of the customs relief system, bytes in, rows out.

A message holds documents of five kinds. Each becomes rows of single values, so that a row can be
refused, shown and repaired by itself:

- `Certificate`: one row;
- `Declaration`: a row for each `Item`, with what its certificate says in the same message in
  members that begin with `cert.` and `certItem.`;
- `Approval`: one row, with its first `Goods` and in `goods` their number;
- `Report`, `DutyPayment`: one row each.

A row says its kind in `document`, and its message in `message.id` and `message.time`. A document of
another kind is a row too, which the mapping refuses: nothing of a message is passed over.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from connectors.document import RawRow
from connectors.xml_tree import XmlElement, XmlError, read_xml
from schema.dates import DateError, parse_instant

__all__ = ["read_message", "said_at"]

ROOT = "DutyReliefMessage"
HEAD = "Head"
PARTS = {"Certificate": ("Item",), "Declaration": ("Item",), "Approval": ("Goods",)}
"""Elements of a document that are read by themselves."""


def read_message(content: bytes) -> tuple[RawRow, ...]:
    """Return the rows of a message in its order; `XmlError`, a `ValueError`, for anything else."""
    root = read_xml(content)
    if root.name != ROOT:
        raise XmlError(f"is no <{ROOT}>; its outermost element is <{root.name[:60]}>")
    heads = list(root.all(HEAD))
    if len(heads) != 1:
        raise XmlError(f"a message has one <{HEAD}>, this one has {len(heads)}")
    head = heads[0].leaves()
    sent = {"message.id": head.get("messageId", ""), "message.time": head.get("createTime", "")}
    certificates = _certificates(root)
    rows = []
    for document in root.children:
        if document.name != HEAD:
            rows += [{**sent, **row} for row in _rows(document, certificates)]
    return tuple(rows)


def said_at(row: RawRow) -> datetime | None:
    """Return when the message of a row was made; None where it does not say, which is refused."""
    try:
        return parse_instant(str(row.get("message.time", ""))).at
    except DateError:
        return None


Certificates = Mapping[str, XmlElement]


def _certificates(root: XmlElement) -> Certificates:
    """Return the certificates of a message by number; two of one number are refused."""
    found: dict[str, XmlElement] = {}
    for each in root.all("Certificate"):
        number = each.leaves("Item").get("certNo", "")
        if number in found:
            raise XmlError(f"the certificate {number[:60]} stands twice in one message")
        found[number] = each
    return found


def _rows(document: XmlElement, certificates: Certificates) -> Iterator[RawRow]:
    own = {"document": document.name, **document.leaves(*PARTS.get(document.name, ()))}
    if document.name == "Declaration":
        yield from _items(document, own, certificates)
    elif document.name == "Approval":
        goods = list(document.all("Goods"))
        yield {**own, "goods": str(len(goods)), **(goods[0].leaves() if goods else {})}
    else:
        yield own


def _items(
    document: XmlElement, own: Mapping[str, str], certificates: Certificates
) -> Iterator[RawRow]:
    """Yield the items of a declaration; one without items is a row of itself, to be refused."""
    certificate = certificates.get(own.get("certNo", ""))
    known = {} if certificate is None else _prefixed("cert.", certificate.leaves("Item"))
    of_items = {} if certificate is None else _by_number(certificate)
    for item in list(document.all("Item")) or [XmlElement("Item")]:
        leaves = item.leaves()
        part = of_items.get(leaves.get("certItemNo", ""), {})
        yield {**own, **known, **_prefixed("certItem.", part), **leaves}


def _by_number(certificate: XmlElement) -> dict[str, dict[str, str]]:
    items = (item.leaves() for item in certificate.all("Item"))
    return {item.get("certItemNo", ""): item for item in items}


def _prefixed(prefix: str, leaves: Mapping[str, str]) -> dict[str, str]:
    return {f"{prefix}{name}": text for name, text in leaves.items()}
