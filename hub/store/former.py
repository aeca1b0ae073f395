"""`former`: the table of ids that links have replaced; a projection of the entries."""

from __future__ import annotations

from sqlalchemy import Column, MetaData, Table, Text

_METADATA = MetaData()
FORMER_ID = Table(
    "former_id",
    _METADATA,
    Column("item_id", Text, primary_key=True),  # the id of a key before it was linked
    Column("now_id", Text, nullable=False, index=True),  # its present id
)
