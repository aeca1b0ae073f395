from __future__ import annotations

from hub.store.migrations import differences, migrate
from hub.store.migrations.freeze import TARGET, frozen_ddl


def test_a_migrated_database_has_exactly_the_tables_of_this_version(database_url: str) -> None:
    assert differences(database_url) == []


def test_migrating_twice_changes_nothing(database_url: str) -> None:
    migrate(database_url)
    assert differences(database_url) == []


def test_the_frozen_ddl_is_that_of_the_present_tables() -> None:
    assert TARGET.read_text("utf-8") == frozen_ddl()
