"""`hiding`: how it is written that a caller may not read something.

- What the caller's scopes do not reveal is null, with one `FieldDenied` for each place.
- What an agreement hides is a marked null, which is counted (`hub.query.sql.jsontext`).
"""

from __future__ import annotations

from hub.query.plan.errors import FieldDenied, ScopeMissingError
from hub.query.sql.writer import FieldPlace, Writer
from schema.visibility import PUBLIC_SCOPE


def denied(writer: Writer, scope: str, here: FieldPlace) -> str:
    """Return null and note the scope that is missing; `ScopeMissingError` for the public one."""
    if scope == PUBLIC_SCOPE:
        raise ScopeMissingError(PUBLIC_SCOPE, ".".join(here.path))
    writer.out.denied.setdefault(here.path, FieldDenied(here.path, scope))
    return "'null'"


def shown(writer: Writer, text: str, guard: str | None) -> str:
    """Return a value that is null and counted as hidden unless the condition `guard` holds."""
    if guard is None:
        return text
    writer.out.is_guarded = True
    return f"CASE WHEN {guard} THEN {text} ELSE E'null\\t' END"
