"""Words for what a database answers: which kind of `ConnectorError` it is, and what to do.

What the driver says is repeated only where a connection could not be made, without what lets us in:
elsewhere it may quote a row.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from connectors.errors import (
    ConnectorError,
    PayloadError,
    SlowError,
    SourceRefusedError,
    SourceUnavailableError,
)
from connectors.limits import SQL_WORDS_CHARACTERS_MAX

__all__ = ["failure", "speaking_for"]

REFUSED_CLASSES = ("28", "0P")
REFUSED_STATES = frozenset({"42501"})
SLOW_STATES = frozenset({"57014", "55P03"})
AWAY_CLASSES = ("08", "53", "57", "58")
MISSING_STATES = frozenset({"42P01", "42703", "3F000", "3D000"})
"""Of PostgreSQL: SQLSTATE, or the class in its first two characters."""
REFUSED_NUMBERS = frozenset({1044, 1045, 1142, 1143, 1227, 1356, 1370, 1698, 3118})
SLOW_NUMBERS = frozenset({1969, 3024, 1205})
AWAY_NUMBERS = frozenset({1040, 1053, 1152, 1158, 1159, 1160, 1161, 1203, 1317, 1927})
MISSING_NUMBERS = frozenset({1049, 1054, 1146})
NO_TLS = 2026
CLIENT_NUMBERS = range(2000, 3000)
"""Of MySQL and MariaDB: error numbers."""
UNPROVEN = ("server does not support SSL", "certificate")
TLS_HINT = (
    "ask its operator to switch TLS on, and state tls_ca where its authority is its own; "
    'tls = "off" is for a database on this machine'
)
RIGHT_HINT = "ask its operator for a role that may SELECT from the view"


@asynccontextmanager
async def speaking_for(
    source: str, place: str, secrets: Sequence[str], *, connecting: bool = False
) -> AsyncIterator[None]:
    """Raise a `ConnectorError` for whatever the block raises as a database or a network."""
    try:
        yield
    except ConnectorError:
        raise
    except UnicodeError as error:
        raise PayloadError(
            source,
            f"{place}: a text is not in the encoding that was agreed",
            hint="state how its texts are written: charset or text_encoding in [sql]",
        ) from error
    except TimeoutError as error:
        raise SlowError(source, f"{place}: the database did not answer in time") from error
    except DBAPIError as error:
        told = _told(error.orig, secrets) if connecting else ""
        raise failure(source, place, error.orig, told) from error
    except psycopg.Error as error:  # a value that has no like in Python
        raise failure(source, place, error) from error
    except SQLAlchemyError as error:
        raise PayloadError(source, f"{place}: {type(error).__name__}") from error
    except (OSError, EOFError) as error:
        told = _told(error, secrets) if connecting else type(error).__name__
        raise SourceUnavailableError(source, f"{place}: {told}") from error


def failure(source: str, place: str, error: Any, told: str = "") -> ConnectorError:
    """Return what a driver's error means; `told`: what of its words may be repeated."""
    state = getattr(error, "sqlstate", None)
    number = _number(error)
    mark = state or number
    said = f"{place}: {told or type(error).__name__}" + (f" ({mark})" if mark else "")
    cause = getattr(error, "__cause__", None) or getattr(error, "__context__", None)
    is_unproven = number == NO_TLS or any(word in told for word in UNPROVEN)
    if isinstance(cause, ssl.SSLError):
        is_unproven, said = True, f"{said}: {cause.reason or 'TLS failed'}"
    is_refused = state in REFUSED_STATES or _begins(state, REFUSED_CLASSES)
    if is_unproven or is_refused or number in REFUSED_NUMBERS:
        return SourceRefusedError(source, said, hint=TLS_HINT if is_unproven else RIGHT_HINT)
    if state in SLOW_STATES or number in SLOW_NUMBERS:
        return SlowError(
            source,
            f"{said}: the statement was stopped by its time limit",
            hint="ask for an index on the columns of order, or for fewer rows at once",
        )
    if state in MISSING_STATES or number in MISSING_NUMBERS:
        return PayloadError(
            source,
            f"{said}: there is no such view or column",
            hint="compare schema, views and columns with the agreement; case counts in names",
        )
    if isinstance(error, psycopg.DataError):
        return PayloadError(
            source,
            f"{said}: a value is out of bounds",
            hint="have the view CAST it, or leave it out: moments like infinity are no moments",
        )
    is_away = state is None and number in (None, 0)
    if is_away or _begins(state, AWAY_CLASSES) or number in AWAY_NUMBERS or _is_client(number):
        return SourceUnavailableError(source, said)
    return PayloadError(source, f"{said}: the view cannot be read")


def _begins(state: str | None, classes: Sequence[str]) -> bool:
    return state is not None and state.startswith(tuple(classes))


def _is_client(number: int | None) -> bool:
    return number is not None and number in CLIENT_NUMBERS


def _number(error: Any) -> int | None:
    """Return the error number of MySQL; PostgreSQL has states."""
    first = error.args[0] if getattr(error, "args", None) else None
    return first if isinstance(first, int) else None


def _told(error: Any, secrets: Sequence[str]) -> str:
    """Return the first line of what the driver says of a connection, without secrets."""
    words = [str(each) for each in getattr(error, "args", ()) if not isinstance(each, int)]
    lines = " ".join(words).splitlines() or [type(error).__name__]
    text = lines[0]
    for secret in secrets:
        if secret:
            text = text.replace(secret, "***")
    return text[:SQL_WORDS_CHARACTERS_MAX]
