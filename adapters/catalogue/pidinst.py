"""`pidinst`: PIDINST 1.0 (persistent identification of instruments), out and in.

- Out, the form is that of the published JSON schema; `pidinst_xml` writes the same as XML.
- A record without DOI, Handle or CSTR goes out under its key here, type `DeltaHub`: no identifier
  is minted. A serial number is grade L2 and stays here; the number of the unit goes out.
- In, two spellings are met: that of the schema (`identifier`, `ownerName`) and that of handle
  records (`Identifier`, `ownerIdentifierValue`); a handle's list may stand in a text.
- ownerContact and an owner with an ORCID are persons: dropped. Measured variables and related
  identifiers have no item; they are named in `left`. There is no state: UNKNOWN.
- `name` and `manufacturer` are as they stand, whatever their language.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from adapters._nrii import present
from adapters.catalogue.given import CatalogueError, FromCatalogue, Published, local_number
from schema.codes.tables import KNOWN_SCHEMES, TABLED_SCHEMES, lookup, scheme_name
from schema.strict_json import read_json

__all__ = [
    "ITEMS_OF_PIDINST",
    "VERSION",
    "from_pidinst",
    "is_pidinst",
    "member_of",
    "read_pidinst",
    "to_pidinst",
]

VERSION = "1.0"
DOCUMENT_CHARACTERS_MAX = 1_000_000
PERSISTENT = {"DOI": "DOI", "HANDLE": "Handle", "CSTR": "CSTR"}
OF_HUB = "DeltaHub"
REGISTERS = {"uscc": "USCC", "moe": "MOE", "ror": "ROR"}
PERSONS = frozenset({"ORCID"})
HELD = frozenset(
    {
        *("identifier", "schemaversion", "landingpage", "name", "owner", "manufacturer", "model"),
        *("description", "instrumenttype", "date", "alternateidentifier"),
    }
)
UNHELD = frozenset({"measuredvariable", "relatedidentifier"})
ITEMS_OF_PIDINST = {
    "localNo": ("alternateidentifier", "identifier"),
    "name": ("name",),
    "classes": ("instrumenttype",),
    "model": ("model",),
    "manufacturer": ("manufacturer",),
    "serialNo": ("alternateidentifier",),
    "functions": ("description",),
    "commissionedOn": ("date",),
    "endedOn": ("date",),
    "bookingUrl": ("landingpage",),
    "identifiers": ("identifier",),
}
"""Of each item of an instrument the members that it is made of (`member_of`)."""
MARKS = frozenset({"schemaversion", "landingpage", "owner", "manufacturer"})
MARKS_MIN = 2
"""Name and identifier are everybody's: so many of the other mandatory members tell PIDINST."""


def is_pidinst(value: Any) -> bool:
    """Tell whether a JSON value is a document of this form, sound or not."""
    if not isinstance(value, Mapping):
        return False
    members = {member_of(str(name)) for name in value}
    return {"name", "identifier"} <= members and len(MARKS & members) >= MARKS_MIN


def to_pidinst(of: Published) -> dict[str, Any]:
    """Return an instrument as PIDINST. Raises `CatalogueError` where a member is missing."""
    given = of.instrument
    dates = (("Commissioned", "commissionedOn"), ("DeCommissioned", "endedOn"))
    return present(
        identifier=_identifier(of),
        schemaVersion=VERSION,
        landingPage=of.landing_page,
        name=_name(given["name"]),
        owners=[_owner(of)],
        manufacturers=[{"manufacturerName": of.manufacturer}],
        model={"modelName": given["model"]} if given.get("model") else None,
        description=of.description,
        instrumentTypes=[_type(each) for each in given.get("classes", ())],
        dates=[{"date": given[item], "dateType": kind} for kind, item in dates if given.get(item)],
        alternateIdentifiers=[
            {
                "alternateIdentifier": given["localNo"],
                "alternateIdentifierType": "InventoryNumber",
            }
        ],
    )


def _name(name: Mapping[str, str]) -> str:
    return name["zh"] if not name.get("en") else f"{name['zh']} {name['en']}"


def _identifier(of: Published) -> dict[str, str]:
    for each in of.instrument.get("identifiers", ()):
        kind = PERSISTENT.get(str(each["scheme"]).upper())
        if kind:
            return {"identifier": each["value"], "identifierType": kind}
    return {"identifier": of.key, "identifierType": OF_HUB}


def _owner(of: Published) -> dict[str, Any]:
    prefix, _, value = of.instrument["institutionKey"].partition(":")
    owner: dict[str, Any] = {"ownerName": _name(of.institution["name"])}
    if prefix in REGISTERS:
        is_ror = prefix == "ror"
        owner["ownerIdentifier"] = {
            "ownerIdentifier": f"https://ror.org/{value}" if is_ror else value,
            "ownerIdentifierType": REGISTERS[prefix],
        }
    return owner


def _type(each: Mapping[str, str]) -> dict[str, Any]:
    scheme = scheme_name(each["scheme"], each["version"])
    row = lookup(scheme, each["code"]) if scheme in TABLED_SCHEMES else None
    return {
        "instrumentTypeName": row.name if row else each["code"],
        "instrumentTypeIdentifier": {
            "instrumentTypeIdentifier": each["code"],
            "instrumentTypeIdentifierType": scheme,
        },
    }


def read_pidinst(text: str) -> dict[str, Any]:
    """Return the JSON document of one instrument. Raises `CatalogueError`."""
    try:
        value = read_json(text[: DOCUMENT_CHARACTERS_MAX + 1])
    except ValueError as error:
        raise CatalogueError("NOT_JSON", f"不是 JSON：{error}", f"is no JSON: {error}") from error
    if len(text) > DOCUMENT_CHARACTERS_MAX or not isinstance(value, dict):
        raise CatalogueError("NOT_JSON", "不是一个 JSON 对象", "is not one JSON object")
    return value


def from_pidinst(document: Mapping[str, Any], institution_key: str) -> FromCatalogue:
    """Return the record of a PIDINST document. Raises `CatalogueError` for what is none."""
    members = {member_of(name): _unpacked(value) for name, value in document.items()}
    unknown = sorted(set(members) - HELD - UNHELD)
    version = _text(members.get("schemaversion"))
    if version not in (None, VERSION):
        raise CatalogueError("VERSION", f"版本 {version} 未知", f"version {version} is not known")
    identifier = _object(members.get("identifier"), "identifier")
    pid = _value(identifier, "identifier")
    kind = _text(identifier.get("identifierType")) or ""
    name = _text(members.get("name"))
    if not name or not pid:
        raise CatalogueError("MISSING", "缺少名称或标识", "it lacks a name or an identifier")
    others = [
        _object(each, "alternateIdentifier") for each in _list(members, "alternateidentifier")
    ]
    makers = [_text(each.get("manufacturerName")) for each in _objects(members, "manufacturer")]
    numbers = {_text(each.get("alternateIdentifierType")): _value(each, "alternateIdentifier")
               for each in reversed(others)}  # fmt: skip
    dates = {_text(each.get("dateType")): _text(each.get("date", each.get("dateValue")))
             for each in _objects(members, "date")}  # fmt: skip
    is_ours = kind == OF_HUB
    page = _text(members.get("landingpage"))
    return FromCatalogue(
        record=present(
            institutionKey=institution_key,
            localNo=local_number(numbers.get("InventoryNumber"), pid, pid.rpartition("/")[2]),
            name={"zh": name},
            classes=[
                found for each in _objects(members, "instrumenttype") if (found := _class(each))
            ],
            model=_text(_object(members.get("model") or {}, "model").get("modelName")),
            manufacturer="; ".join(each for each in makers if each) or None,
            serialNo=numbers.get("SerialNumber"),
            functions=_text(members.get("description")),
            commissionedOn=dates.get("Commissioned"),
            endedOn=dates.get("DeCommissioned"),
            status="UNKNOWN",
            bookingUrl=page if page and page.startswith(("http://", "https://")) else None,
            identifiers=[] if is_ours else [{"scheme": kind.upper() or "OTHER", "value": pid}],
        ),
        left=(*unknown, *sorted(UNHELD & {name for name, each in members.items() if each})),
        dropped=tuple(_personal(_objects(members, "owner"))),
    )


def member_of(name: str) -> str:
    """Return a member's name without its plural and capitals: both spellings are met."""
    lower = name.lower()
    return lower[:-1] if lower.endswith("s") and lower not in ("schemas",) else lower


def _unpacked(value: Any) -> Any:
    """Return a list or object that a handle record keeps as a text."""
    if isinstance(value, str) and value[:1] in ("[", "{"):
        try:
            return read_json(value)
        except ValueError:
            return value
    return value


def _text(value: Any) -> str | None:
    return value.strip() or None if isinstance(value, str) else None


def _value(holder: Mapping[str, Any], name: str) -> str | None:
    return _text(holder.get(name)) or _text(holder.get(f"{name}Value"))


def _object(value: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise CatalogueError("MISSHAPEN", f"{name} 应为对象", f"{name} must be an object")
    return value


def _list(members: Mapping[str, Any], name: str) -> list[Any]:
    value = members.get(name)
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _objects(members: Mapping[str, Any], name: str) -> Iterable[Mapping[str, Any]]:
    """Return the members of a list; one object may stand alone, and in a wrapper of its name."""
    found = []
    for each in _list(members, name):
        held = _object(each, name)
        inner = next((value for key, value in held.items() if key.lower() == name), None)
        found.append(_object(inner, name) if isinstance(inner, Mapping) else held)
    return found


def _class(each: Mapping[str, Any]) -> dict[str, str] | None:
    """Return a class of a scheme that the standard knows; a name alone is no code."""
    held = each.get("instrumentTypeIdentifier")
    held = held if isinstance(held, Mapping) else each
    code = _value(held, "instrumentTypeIdentifier")
    scheme = _text(held.get("instrumentTypeIdentifierType"))
    if code and scheme in KNOWN_SCHEMES:
        name, _, version = scheme.rpartition("-")
        return {"scheme": name, "version": version, "code": code}
    return None


def _personal(owners: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    for each in owners:
        if _text(each.get("ownerContact")):
            yield "ownerContact"
        held = each.get("ownerIdentifier")
        held = held if isinstance(held, Mapping) else each
        if _text(held.get("ownerIdentifierType")) in PERSONS:
            yield "ownerName"


def document_text(document: Mapping[str, Any]) -> str:
    """Return a document as JSON text."""
    return json.dumps(document, ensure_ascii=False, indent=1)
