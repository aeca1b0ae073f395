"""A source that is renamed keeps everything that is kept of it."""

from __future__ import annotations

import pytest

from hub.store.database import Database
from hub.store.sources import _renamings
from tests.databases import as_owner

pytestmark = pytest.mark.integration

KEPT = {"entry", "source"}
"""Entries keep the name that they were written under; the source itself has it as its id."""


async def test_every_table_that_names_a_source_follows_its_new_name(database_url):
    async with Database(as_owner(database_url)) as database:
        found = await database.reads.fetch_all(
            "SELECT c.table_name::text FROM information_schema.columns c "
            "JOIN information_schema.tables t USING (table_schema, table_name) "
            "WHERE c.column_name = 'source' AND t.table_schema = 'public' "
            "AND t.table_type = 'BASE TABLE'"
        )
        naming = {name for (name,) in found} - KEPT
        renamed = {
            words[1] if words[0] == "UPDATE" else words[2]
            for words in (statement.split() for statement in _renamings(database))
        }
    assert len(naming) > 20
    assert naming <= renamed
