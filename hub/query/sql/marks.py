"""`marks`: the ids of protected rows beside the text of an answer, for the audit.

- A row of which something is shown that not everybody may read writes a mark after its object:
  control characters that no JSON text holds, with grade, scope, id and owner between them. The
  marks are taken out before anything leaves (`taken`).
- A statement that reads nothing protected has no marks and is the same as it would be without.

RFC 8259 §7 (strings hold no raw control characters).
"""

from __future__ import annotations

import re

from hub.audit.protected import ProtectedRead
from hub.query.sql.statement import Statement
from schema.item import RecordSpec
from schema.visibility import DATASETS

_MARK = re.compile(rb"\x01(L[234]) ([^|\x02]*)\|([^|\x02]*)\|([^\x02]*)\x02")
_GRADES = {"asset:read": "L2", "person:read": "L4"}


def grade_of_rows(spec: RecordSpec) -> str:
    """Return the grade of a row of a type whose rows need a scope of their own."""
    return _GRADES.get(spec.scope, "L3")


def marked(body: str, spec: RecordSpec, alias: str, statement: Statement) -> str:
    """Return an object's text with the marks of its row, where it needs any."""
    marks = statement.marks(alias)
    if spec.scope in DATASETS:
        marks.setdefault((grade_of_rows(spec), spec.scope), set()).add(None)
    if not marks:
        return body
    statement.is_protected = True
    parts = [body]
    for (grade, scope), guards in sorted(marks.items()):
        mark = f"concat(E'\\x01{grade} {scope}|',{alias}.item_id,'|',{alias}.owner,E'\\x02')"
        conditions = sorted(guard for guard in guards if guard is not None)
        if None not in guards:
            mark = f"CASE WHEN {' OR '.join(conditions)} THEN {mark} ELSE '' END"
        parts.append(mark)
    return f"concat({','.join(parts)})"


def taken(body: bytes) -> tuple[bytes, set[ProtectedRead]]:
    """Return the text of an answer without its marks, and what they say."""
    reads = {
        ProtectedRead(grade.decode(), scope.decode(), item.decode(), owner.decode())
        for grade, scope, item, owner in set(_MARK.findall(body))
    }
    return _MARK.sub(b"", body), reads
