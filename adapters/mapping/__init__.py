"""`mapping`: how the columns of somebody's table become records, as its keeper wrote it down.

The smallest example, a ledger with three columns:

    mapping = parse_mapping('''
    title = "Ledger"
    [[record]]
    type = "Instrument"
    [record.fixed]
    institutionKey = "moe:10335"
    [record.items]
    localNo = "No."
    name.zh = "Name"
    status = "State"
    ''')
    columns = [Column(1, "No."), Column(2, "Name"), Column(3, "State")]
    for row in Converter(mapping, columns).convert([SourceRow(2, ("1", "电镜", "在用"))]):
        row.records     # (("Instrument", {"institutionKey": "moe:10335", "localNo": "1", …}),)

A mapping is TOML (`parse`); it is bound to the columns of a table (`bind`) and turns rows into
records (`convert`). `suggest` drafts one for a table that nobody has mapped yet; `monthly` holds
those that ship. The guide for who writes one is docs/partners/mappings/README.md.

- Nothing of a table is passed over in silence: each column is used, dropped as personal or ignored
  with a reason; each row becomes records, is left out by a stated rule, or is refused with reasons.
- All problems are reported at once, in Chinese and English, each with its line or column.
- Pure: tables come in as values, records go out as wire objects that `schema.conform` has checked.
"""

from adapters.mapping.convert import Converted, Converter, RowProblem
from adapters.mapping.errors import MappingError, MappingProblem
from adapters.mapping.model import FileFacts, Mapping
from adapters.mapping.parse import parse_mapping
from adapters.mapping.suggest import suggest
from adapters.mapping.table import Column, SourceRow, Table, match_text

__all__ = [
    "Column",
    "Converted",
    "Converter",
    "FileFacts",
    "Mapping",
    "MappingError",
    "MappingProblem",
    "RowProblem",
    "SourceRow",
    "Table",
    "match_text",
    "parse_mapping",
    "suggest",
]
