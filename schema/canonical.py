"""`canonical`: the one byte form of a record, over which digests and signatures are made.

- The subset of RFC 8785 (JSON Canonicalization Scheme) that records use: objects with ASCII keys,
  text in NFC without lone surrogates, booleans, integers below 2^53, lists. No floats (decimals
  travel as strings), no nulls (an absent item is left out), bounded depth and size.
- What lies outside the subset is refused, never repaired: a repaired record has other bytes than
  the ones its producer signed.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any

from schema.errors import CanonicalError
from schema.numbers import is_integer
from schema.strict_json import read_json

DEPTH_MAX = 16
BYTES_MAX = 32 * 1024
_LISTS = (list, tuple)
_HOLDING = (dict, *_LISTS, Mapping)
"""What holds parts; `Mapping` last, for it is slow to ask for."""


def json_writer(*, sort_keys: bool) -> Callable[[Any], str]:
    """Return a function that writes compact JSON; it makes the encoder in C once, not per call."""
    plain = json.JSONEncoder(
        ensure_ascii=False,
        sort_keys=sort_keys,
        separators=(",", ":"),
        allow_nan=False,
        check_circular=False,
    )
    make = getattr(json.encoder, "c_make_encoder", None)
    if make is None:  # a Python without it
        return plain.encode
    text = json.encoder.encode_basestring
    write = make(None, plain.default, text, None, ":", ",", sort_keys, False, False)  # noqa: FBT003 - of C

    def written(data: Any) -> str:
        return "".join(write(data, 0))

    return written


_encode = json_writer(sort_keys=True)


def canonical(data: Mapping[str, Any]) -> bytes:
    """Return the canonical bytes of an object.

    Raises `CanonicalError` that names the path of what is outside the subset.
    """
    _check(data, "", 0)
    return encode(data)


def encode(data: Mapping[str, Any]) -> bytes:
    """Return the canonical bytes of an object that conforms already (`schema.conform`).

    Raises `CanonicalError` for what conformance does not look at: size and lone surrogates.
    """
    try:
        data_bytes = _encode(data).encode("utf-8")
    except UnicodeEncodeError as error:
        raise CanonicalError("text holds a lone surrogate; send valid Unicode") from error
    if len(data_bytes) > BYTES_MAX:
        raise CanonicalError(f"{len(data_bytes)} bytes are more than the {BYTES_MAX} of one record")
    return data_bytes


def parse_canonical(data: bytes) -> dict[str, Any]:
    """Read an object from bytes that must already be canonical.

    Raises `CanonicalError` when the bytes are any other spelling of the same JSON.
    """
    content = parse_object(data)
    is_plain = data.isascii() and _is_plain(content, 0)
    if (encode(content) if is_plain else canonical(content)) != data:
        raise CanonicalError("the bytes are not the canonical form (RFC 8785) of their content")
    return content


def parse_object(data: bytes) -> dict[str, Any]:
    """Read one JSON object strictly: UTF-8, no duplicate keys, no floats kept silently.

    Raises `CanonicalError`.
    """
    try:
        content = read_json(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise CanonicalError("the bytes are not UTF-8") from error
    except ValueError as error:  # also an integer of 4,301 digits
        raise CanonicalError(f"the text is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise CanonicalError("the JSON is not an object")
    return content


def digest(data: bytes) -> bytes:
    """Return the SHA-256 of canonical bytes."""
    return hashlib.sha256(data).digest()


def _is_plain(data: Any, depth: int) -> bool:
    """Whether parsed JSON is of the subset; its texts are not looked at.

    Where the bytes are ASCII they need not be: a text that is not was escaped, and is written
    back otherwise. `_check` says where the fault is, and takes longer.
    """
    if depth >= DEPTH_MAX:
        return False
    for part in data.values() if type(data) is dict else data:
        kind = type(part)
        if kind is str:
            continue
        if kind is dict or kind is list:
            if not _is_plain(part, depth + 1):
                return False
        elif not (kind is bool or (kind is int and is_integer(part))):
            return False
    return True


def _check(data: Any, path: str, depth: int) -> None:
    if isinstance(data, str):
        if not data.isascii() and not unicodedata.is_normalized("NFC", data):
            raise CanonicalError(f"{path}: text is not in Unicode NFC")
    elif isinstance(data, int):
        if not is_integer(data):
            raise CanonicalError(f"{path}: integer is not below 2^53; send it as text")
    elif isinstance(data, _HOLDING):
        _check_parts(data, path, depth)
    elif data is None:
        raise CanonicalError(f"{path}: null; leave the item out")
    else:
        raise CanonicalError(f"{path}: {type(data).__name__}; decimals travel as text")


def _check_parts(
    data: Mapping[Any, Any] | list[Any] | tuple[Any, ...], path: str, depth: int
) -> None:
    if depth >= DEPTH_MAX:
        raise CanonicalError(f"{path}: nested deeper than {DEPTH_MAX}")
    if isinstance(data, _LISTS):
        for position, part in enumerate(data):
            if not (type(part) is str and part.isascii()):
                _check(part, f"{path}.{position}", depth + 1)
        return
    for key, part in data.items():
        if not isinstance(key, str) or not key.isascii():
            raise CanonicalError(f"{path}: key {key!r} is not ASCII text")
        if not (type(part) is str and part.isascii()):  # most parts: no call, no path made for them
            _check(part, f"{path}.{key}" if path else key, depth + 1)
