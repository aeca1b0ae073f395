"""`former`: ids that links have replaced; follows from the entries, like every projection."""

from __future__ import annotations

from sqlalchemy import Column, MetaData, Table, Text

_METADATA = MetaData()
FORMER_ID = Table(
    "former_id",
    _METADATA,
    Column("item_id", Text, primary_key=True),  # what a key was known by before it was linked
    Column("now_id", Text, nullable=False, index=True),  # what it is known by now
)
