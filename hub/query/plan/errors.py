"""`errors`: the reasons why a request is refused, or answered in part.

HubError
└── RefusedError
    └── QueryError            the document or its variables; the whole request is refused
        └── ScopeMissingError the caller lacks a scope that the request needs as a whole

- A field that the caller may not read is not an exception: it is null, and a `FieldDenied` says so.
  Nor is one member of a list that cannot be read: a `FieldFault` says so.
- A selection that cannot be one statement raises `NotCompilableError`, which no caller ever sees.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hub.errors import ErrorCode, RefusedError
from schema.codes import AgreementDataset


class QueryError(RefusedError):
    """A request that is refused as a whole.

    `zh` and `en` say what is wrong and what would be right; `path` is where in the document.
    """

    def __init__(
        self,
        code: ErrorCode,
        zh: str = "",
        en: str = "",
        *,
        path: Sequence[str] = (),
        locations: Sequence[tuple[int, int]] = (),
    ) -> None:
        super().__init__(code, hint=en, hint_zh=zh)
        self.detail = en
        self.path = tuple(path)
        self.locations = tuple(locations)
        self.also: tuple[QueryError, ...] = ()


class ScopeMissingError(QueryError):
    """The request needs a scope that the caller does not have."""

    def __init__(self, scope: str, where: str) -> None:
        super().__init__(
            ErrorCode.SCOPE_MISSING,
            f"{where} 需要权限范围 {scope}",
            f"{where} needs the scope {scope}",
        )
        self.scope = scope


class NotCompilableError(Exception):
    """The selection cannot be one statement; the executor takes it."""


@dataclass(frozen=True, slots=True)
class Narrowed:
    """Rows that only agreements let a caller see, or find by an item, so that totals count no more.

    `what`: a record type, or one with the item that is filtered or sorted by.
    """

    what: str
    dataset: AgreementDataset
    item: str | None


@dataclass(frozen=True, slots=True)
class FieldFault:
    """A place of an answer that is null because of the value that was sent for it alone."""

    path: tuple[str | int, ...]
    error: QueryError


@dataclass(frozen=True, slots=True)
class FieldDenied:
    """A field that is null because the caller lacks its scope.

    `path` holds response keys; list positions are left out, since one error stands for all rows.
    """

    path: tuple[str, ...]
    scope: str
