"""`env`: what alembic runs; `hub.store.migrations.migrate` hands it the connection."""

from __future__ import annotations

from alembic import context

from hub.store.tables import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
with context.begin_transaction():
    context.run_migrations()
